import { errorText } from '../../src/host/disk.ts';
import type { Account } from '../../src/send/forwarder.ts';
import type { Ledger } from './ledger.ts';
import type { Node } from './node.ts';
import { itemsIn } from './payload.ts';
import { Sender } from './processes.ts';
import type { Fault, NodeName, Schedule } from './schedule.ts';

/** A node's account over all destinations and signals, and the items in its dead letters. */
interface Books {
  readonly sum: Readonly<Record<'received' | 'forwarded' | 'queued' | 'dead' | 'dropped' | 'lost', number>>;
  readonly dead: ReadonlySet<number>;
}

/**
 * Holds what the program says of itself against what happened, once everything has drained: nothing that was acknowledged is missing, every
 * item is in one place, and each hop's account is what the next one received.
 */
export async function audit(nodes: ReadonlyMap<NodeName, Node>, ledger: Ledger, schedule: Schedule): Promise<void> {
  const books = new Map<NodeName, Books>();
  for (const [name, node] of nodes) {
    // Time stands still now: no step of a disk may wait for it.
    node.disk.decide = () => 'ok';
    const mover = node.mover();
    if (mover instanceof Sender) books.set(name, await booksOf(mover, ledger, schedule));
  }
  const dead = new Set([...books.values()].flatMap((book) => [...book.dead]));
  ledger.settle(dead);
  // What may have been taken is not given up, unless something between refuses it, or a sender that has just given it up dies and forgets.
  const mayBeBoth = endsSenders(schedule) || schedule.faults.some(isRefusal);
  for (const id of mayBeBoth ? [] : dead) {
    ledger.holds(!ledger.stored.has(id), 'nothing is given up without a reason', () => `item ${id} is stored as well`);
  }
  checkAccounts(books, ledger, endsSenders(schedule));
}

const isRefusal = (fault: Fault): boolean => fault.kind === 'mishap' && fault.what === 'refused';

const endsSenders = ({ faults }: Schedule): boolean =>
  faults.some(({ kind }) => ['crash', 'kill', 'restart', 'die at a step'].includes(kind));

async function booksOf({ forwarder, dead }: Sender, ledger: Ledger, schedule: Schedule): Promise<Books> {
  const accounts = forwarder.accounts();
  const sum = (of: keyof Books['sum']): number => accounts.reduce((total, account: Account) => total + account[of], 0);
  const ids = new Set<number>();
  const letters = await dead
    .list((text) => ledger.broken('nothing is lost', text))
    .catch((error: unknown) => {
      ledger.broken('nothing is lost', `dead letters cannot be read: ${errorText(error)}`);
      return [];
    });
  for (const letter of letters) {
    ledger.holds(mayGiveUp(schedule), 'nothing is given up without a reason', () => `${letter.id}: ${letter.reason}`);
    ledger.holds(
      isAnswer(letter.reason),
      'nothing is given up without a reason',
      () => `${letter.id}: ${letter.reason}`,
    );
    const found = await dead.read(letter.id);
    for (const { id } of itemsIn(letter.signal, found?.body ?? new Uint8Array(0))) ids.add(id);
  }
  const all = {
    received: sum('received'),
    forwarded: sum('forwarded'),
    queued: sum('queued'),
    dead: sum('dead'),
    dropped: sum('dropped'),
    lost: sum('lost'),
  };
  return { sum: all, dead: ids };
}

/** Nothing is given up because nobody answered, or a gateway did: it may have been taken. */
const isAnswer = (reason: string): boolean => /^(HTTP (?!50[24])|gRPC |the receiver says)/.test(reason);

/** Only few retries, or something that refuses, can make a batch a dead letter. */
const mayGiveUp = ({ shape, faults }: Schedule): boolean => shape.retriesMax < 256 || faults.some(isRefusal);

/**
 * Every item that a hop received is behind it, in a dead letter, or dropped. A sender that dies just after it has given something up sends it
 * again: then it is in a dead letter and counted as forwarded.
 */
function checkAccounts(books: ReadonlyMap<NodeName, Books>, ledger: Ledger, mayForget: boolean): void {
  const exact = (node: string, what: string, says: number, is: number): void =>
    ledger.holds(says === is, 'accounts are exact', () => `${node} says ${what} ${says}, and it is ${is}`);
  const check = (node: string, of: readonly Books[], behind: ReadonlySet<number>): Set<number> => {
    const total = (name: keyof Books['sum']): number => of.reduce((sum, book) => sum + book.sum[name], 0);
    const dead = new Set(of.flatMap((book) => [...book.dead]));
    const all = new Set([...behind, ...dead]);
    exact(node, 'lost', total('lost'), 0);
    exact(node, 'received but for what is dropped', total('received') - total('dropped'), all.size);
    exact(node, 'forwarded and dead', total('forwarded') + total('dead'), all.size);
    if (mayForget) exact(node, 'dead, at most', Math.min(total('dead'), dead.size), total('dead'));
    else exact(node, 'dead', total('dead'), dead.size);
    return all;
  };
  for (const [node, { sum }] of books) exact(node, 'queued', sum.queued, 0);
  const edge = books.get('edge');
  if (ledger.mayLose || edge === undefined) return;
  const regionals = [...books].filter(([name]) => name !== 'edge').map(([, book]) => book);
  check('edge', [edge], check('regional', regionals, new Set(ledger.stored.keys())));
  const dropped = [...ledger.sent.values()].filter(({ isDropped }) => isDropped);
  const acknowledged = dropped.filter(({ id }) => ledger.acknowledged.has(id)).length;
  ledger.holds(
    edge.sum.dropped >= acknowledged && edge.sum.dropped <= dropped.length,
    'accounts are exact',
    () => `edge says dropped ${edge.sum.dropped}, and it is ${acknowledged} to ${dropped.length}`,
  );
}

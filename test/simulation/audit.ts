import { DIRECTORIES, SUFFIX } from '../../src/base/names.ts';
import { errorText } from '../../src/host/disk.ts';
import { FILE_HEADER_BYTES } from '../../src/journal/format.ts';
import { decodeManifest } from '../../src/journal/manifest.ts';
import { journalFile, receiverDirectory, sealedFile } from '../../src/journal/segment-files.ts';
import type { Account } from '../../src/send/forwarder.ts';
import type { Ledger } from './ledger.ts';
import type { Node } from './node.ts';
import { itemsIn } from './payload.ts';
import { DATA, type Receiver, Sender } from './processes.ts';
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
    checkReceivers({ name, receivers: node.receivers() }, ledger);
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
  faults.some((fault) => {
    if (fault.kind === 'mishap') return fault.what === 'sender dies';
    return ['crash', 'kill', 'restart', 'die at a step'].includes(fault.kind);
  });

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
 * A segment is sealed: its journal must hold nothing behind what its manifest counts, or a later reader would take for acknowledged
 * what was refused.
 */
export function checkSealed({ name, disk, surroundings }: Node, receiver: number, segment: string): void {
  const directory = receiverDirectory(`${DATA}/${DIRECTORIES.journal}`, receiver);
  const manifest = `${directory}/${sealedFile(segment)}`;
  const journal = `${directory}/${journalFile(segment)}`;
  // Who forwards or loads may have been quicker than the message.
  if (!disk.has(manifest) || !disk.has(journal)) return;
  const sealed = decodeManifest(disk.content(manifest));
  const has = disk.content(journal).length;
  if ('reason' in sealed) return;
  surroundings.ledger.holds(has <= sealed.journalBytes, 'nothing is made up', () => {
    return `${name} ${journal} has ${has} bytes, of which ${sealed.journalBytes} are sealed`;
  });
}

/** A journal is removed: if its segment is marked as forwarded or loaded, a power cut must not bring it back without the mark and without what is removed. */
export function checkRemoved({ name, disk, surroundings }: Node, path: string): void {
  if (!path.endsWith(SUFFIX.journal)) return;
  const mark = path.slice(0, -SUFFIX.journal.length) + SUFFIX.loaded;
  const isSafe = !disk.has(mark) || disk.hasDurably(mark);
  surroundings.ledger.holds(isSafe, 'nothing is lost', () => `${name} removes ${path} before its mark is durable`);
}

/** With nothing to do a receiver holds no bytes in flight, and of journals at most the header of the open one. */
function checkReceivers(
  { name, receivers }: { readonly name: string; readonly receivers: readonly Receiver[] },
  ledger: Ledger,
): void {
  for (const { intake } of receivers) {
    const { inflightBytes, journalBytes } = intake.vitals();
    ledger.holds(inflightBytes === 0, 'limits are kept', () => `${name} still has ${inflightBytes} bytes in flight`);
    ledger.holds(journalBytes === 0 || journalBytes === FILE_HEADER_BYTES, 'limits are kept', () => {
      return `${name} says that it has ${journalBytes} bytes of journal`;
    });
  }
}

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

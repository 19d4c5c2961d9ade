import type { FleetHop, FleetSeen, HopAccount } from '../../src/base/fleet.ts';
import { LIMITS } from '../../src/base/limits.ts';

/** A box of the picture: a Clew, or another receiver that one of them forwards to. */
export interface FleetBox {
  /** The instance of a Clew, or the address of another receiver. */
  readonly id: string;
  /** Undefined for another receiver. */
  readonly node: FleetSeen | undefined;
  readonly name: string;
  readonly column: number;
  readonly row: number;
  readonly troubles: readonly string[];
}

/** A line of the picture, between boxes. */
export interface FleetLine {
  readonly from: string;
  readonly to: string;
  readonly hop: FleetHop;
  /** The target is left out at the moment. */
  readonly isDown: boolean;
}

export interface FleetPicture {
  readonly boxes: readonly FleetBox[];
  readonly lines: readonly FleetLine[];
  readonly columns: number;
  readonly rows: number;
}

/** Older than this, what waits counts as behind. */
const LAG_HIGH_MS = 10_000;
const JOURNAL_FULL = 0.8;
const DISK_LOW = 0.1;

/** What is wrong with a Clew, in words; none when all is well. */
export function troublesOf(node: FleetSeen): string[] {
  const sum = (of: (account: HopAccount) => number): number =>
    node.hops.flatMap(({ accounts }) => accounts).reduce((total, account) => total + of(account), 0);
  const [dead, lost] = [sum((account) => account.dead), sum((account) => account.lost)];
  const down = node.receivers - node.receiversUp;
  const behind = node.hops.filter(({ lagMs }) => lagMs > LAG_HIGH_MS).length;
  return [
    node.silentMs > LIMITS.peerSilentMs && 'is silent',
    down > 0 && `${down} of ${node.receivers} receivers are down`,
    lost > 0 && `${lost} items are lost: the disk damaged them`,
    dead > 0 && `${dead} items are dead letters`,
    behind > 0 && 'what it forwards is behind',
    node.hops.some(({ targets }) => targets.some(({ condition }) => condition !== 'up')) && 'a target does not answer',
    node.hops.some((hop) => !isClosed(hop)) && 'an account does not add up',
    node.journalQuotaBytes > 0 &&
      node.journalBytes > node.journalQuotaBytes * JOURNAL_FULL &&
      'its journal is nearly full',
    node.diskTotalBytes > 0 && node.diskFreeBytes < node.diskTotalBytes * DISK_LOW && 'its disk is nearly full',
  ].filter((trouble) => trouble !== false);
}

/** Whether what became of the items adds up to what was received. */
export function isClosed({ accounts }: Pick<FleetHop, 'accounts'>): boolean {
  return accounts.every(
    ({ received, forwarded, queued, dead, dropped, elsewhere, lost }) =>
      received === forwarded + queued + dead + dropped + elsewhere + lost && queued >= 0,
  );
}

/** Where everything stands: senders left of those that they forward to, boxes with troubles on top of their column. */
export function fleetPicture(nodes: readonly FleetSeen[]): FleetPicture {
  const known = new Set(nodes.map(({ instance }) => instance));
  const lines = nodes.flatMap((node) =>
    node.hops.flatMap((hop) =>
      hop.targets.map(({ instance, url, condition }) => ({
        from: node.instance,
        to: known.has(instance) ? instance : url,
        hop,
        isDown: condition !== 'up',
      })),
    ),
  );
  const others = [...new Set(lines.map(({ to }) => to).filter((to) => !known.has(to)))];
  const column = columnsOf([...known, ...others], lines);
  const boxes = [
    ...nodes.map((node) => ({ id: node.instance, node, name: node.name, troubles: troublesOf(node) })),
    ...others.map((url) => ({ id: url, node: undefined, name: url.replace(/^\w+:\/\//, ''), troubles: [] })),
  ].sort((a, b) => b.troubles.length - a.troubles.length || a.name.localeCompare(b.name));
  const rows: number[] = [];
  const placed = boxes.map((box) => {
    const at = column.get(box.id) ?? 0;
    const row = rows[at] ?? 0;
    rows[at] = row + 1;
    return { ...box, column: at, row };
  });
  return { boxes: placed, lines, columns: rows.length, rows: Math.max(0, ...rows.map((count) => count ?? 0)) };
}

/** The longest way from where data come in; a circle of Clews ends it. What nothing leads to and that forwards nothing stands last. */
function columnsOf(ids: readonly string[], lines: readonly FleetLine[]): ReadonlyMap<string, number> {
  const column = new Map(ids.map((id) => [id, 0]));
  for (let round = 0; round < ids.length; round++) {
    let moved = false;
    for (const { from, to } of lines) {
      const least = (column.get(from) ?? 0) + 1;
      if (from === to || (column.get(to) ?? 0) >= least || least >= ids.length) continue;
      column.set(to, least);
      moved = true;
    }
    if (!moved) break;
  }
  const last = Math.max(0, ...column.values());
  const joined = new Set(lines.flatMap(({ from, to }) => [from, to]));
  for (const id of ids) if (!joined.has(id)) column.set(id, last);
  return column;
}

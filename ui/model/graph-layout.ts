import type { GraphAnswer, GraphEdge, GraphNode } from '../../src/query/api.ts';

/** What a map of services draws: a service, or many of them as one box. */
export interface MapBox {
  readonly id: string;
  readonly label: string;
  readonly kind: GraphNode['kind'] | 'more' | 'tangle';
  /** Services in it; one for a plain box. */
  readonly members: readonly string[];
  readonly level: number;
  readonly component: number | null;
  readonly calls: number;
  readonly failed: number;
}

export interface MapLink {
  readonly from: string;
  readonly to: string;
  readonly calls: number;
  readonly failed: number;
  readonly inCycle: boolean;
  readonly isCut: boolean;
  /** The edges that are drawn as this one. */
  readonly edges: readonly GraphEdge[];
}

export interface MapGraph {
  readonly boxes: readonly MapBox[];
  readonly links: readonly MapLink[];
}

/** Above so many services the quieter ones of a level share a box. */
export const PLAIN_MAX = 150;
/** Services of a level that then have a box of their own. */
const OWN_BOXES = 10;
/** A component of more services is one box until it is opened, unless the whole map is small. */
const TANGLE_MAX = 12;
const SMALL_MAX = 60;
/** Columns of a map that has boxes of many: its levels are joined to so many bands. */
const BANDS = 7;

/** Boxes and links of a graph of any size: `opened` are ids of boxes whose members are all to be shown. */
export function mapGraph(
  { nodes, edges }: Pick<GraphAnswer, 'nodes' | 'edges'>,
  opened: ReadonlySet<string>,
): MapGraph {
  const boxOf = new Map<string, string>();
  const boxes: MapBox[] = [];
  const put = (box: MapBox): void => {
    boxes.push(box);
    for (const member of box.members) boxOf.set(member, box.id);
  };
  const isLarge = nodes.length > PLAIN_MAX;
  const banded = isLarge ? inBands(nodes) : nodes;
  const alone = banded.filter((node) => !putTangle(node, banded, opened, put));
  for (const [level, members] of groupBy(alone, (node) => node.level)) {
    const id = `more:${level}`;
    const ranked = [...members].sort((a, b) => b.calls - a.calls || (a.service < b.service ? -1 : 1));
    const isOpen = !isLarge || opened.has(id) || ranked.length <= OWN_BOXES + 1;
    const own = isOpen ? ranked : ranked.slice(0, OWN_BOXES);
    for (const node of own) put({ ...node, id: node.service, label: node.service, members: [node.service] });
    const rest = ranked.slice(own.length);
    if (rest.length > 0) put(joined(id, `${rest.length} more`, 'more', level, rest));
  }
  return { boxes, links: linksOf(edges, boxOf) };
}

/** The same boxes with the calls of another time: what is not called then has none, and what was not there before is left out. */
export function mapAt({ boxes }: MapGraph, { nodes, edges }: Pick<GraphAnswer, 'nodes' | 'edges'>): MapGraph {
  const boxOf = new Map(boxes.flatMap(({ id, members }) => members.map((member) => [member, id])));
  const nodeOf = new Map(nodes.map((node) => [node.service, node]));
  const sum = (members: readonly string[], field: 'calls' | 'failed'): number =>
    members.reduce((total, member) => total + (nodeOf.get(member)?.[field] ?? 0), 0);
  return {
    boxes: boxes.map((box) => ({ ...box, calls: sum(box.members, 'calls'), failed: sum(box.members, 'failed') })),
    links: linksOf(
      edges.filter(({ client, server }) => boxOf.has(client) && boxOf.has(server)),
      boxOf,
    ),
  };
}

function inBands(nodes: readonly GraphNode[]): GraphNode[] {
  const levels = nodes.reduce((most, { level }) => Math.max(most, level + 1), 1);
  const perBand = Math.max(1, levels / BANDS);
  return nodes.map((node) => ({ ...node, level: Math.floor(node.level / perBand) }));
}

function putTangle(
  node: GraphNode,
  nodes: readonly GraphNode[],
  opened: ReadonlySet<string>,
  put: (box: MapBox) => void,
): boolean {
  if (node.component === null) return false;
  const members = nodes.filter(({ component }) => component === node.component);
  const id = `cycle:${node.component}`;
  if (nodes.length <= SMALL_MAX || members.length <= TANGLE_MAX || opened.has(id)) return false;
  if (members[0] === node) put(joined(id, `${members.length} in cycles`, 'tangle', node.level, members));
  return true;
}

function joined(
  id: string,
  label: string,
  kind: 'more' | 'tangle',
  level: number,
  nodes: readonly GraphNode[],
): MapBox {
  return {
    id,
    label,
    kind,
    level,
    members: nodes.map(({ service }) => service),
    component: kind === 'tangle' ? nodes[0].component : null,
    calls: nodes.reduce((sum, { calls }) => sum + calls, 0),
    failed: nodes.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** One link for all edges between two boxes. Calls inside a box of many are not drawn. */
function linksOf(edges: readonly GraphEdge[], boxOf: ReadonlyMap<string, string>): MapLink[] {
  const between = groupBy(edges, ({ client, server }) => `${boxOf.get(client)}\0${boxOf.get(server)}`);
  return [...between.values()].flatMap((joint) => {
    const from = boxOf.get(joint[0].client) ?? '';
    const to = boxOf.get(joint[0].server) ?? '';
    if (from === to && from !== joint[0].client) return [];
    return {
      from,
      to,
      calls: joint.reduce((sum, { calls }) => sum + calls, 0),
      failed: joint.reduce((sum, { failed }) => sum + failed, 0),
      inCycle: joint.some(({ inCycle }) => inCycle),
      isCut: joint.some(({ isCut }) => isCut),
      edges: joint,
    };
  });
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

export interface PlacedBox extends MapBox {
  readonly x: number;
  readonly y: number;
}

export interface MapLayout {
  readonly boxes: readonly PlacedBox[];
  /** Frames around the services of one component. */
  readonly frames: readonly {
    readonly component: number;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }[];
  readonly width: number;
  readonly height: number;
}

export const BOX = { width: 164, height: 30 } as const;
/** `arc`: room that the arcs of the last column need beside its frame. */
const GAP = { x: 92, y: 12, margin: 24, frame: 10, arc: 36 } as const;
const SWEEPS = 6;

/**
 * Columns by level, callers on the left. In a column boxes stand where those that they call and are called by stand (the mean of their
 * places, a few sweeps to and fro), members of a component together. The same graph gives the same picture.
 */
export function layOut({ boxes, links }: MapGraph): MapLayout {
  const columns = [...groupBy(boxes, (box) => box.level)].sort(([a], [b]) => a - b).map(([, column]) => column);
  for (const column of columns)
    column.sort((a, b) => (a.component ?? -1) - (b.component ?? -1) || (a.id < b.id ? -1 : 1));
  const place = new Map<string, number>();
  const spread = (column: readonly MapBox[]): void => {
    column.forEach((box, i) => {
      place.set(box.id, i - column.length / 2);
    });
  };
  for (const column of columns) spread(column);
  const near = neighbours(links);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const order = sweep % 2 === 0 ? columns : [...columns].reverse();
    for (const column of order) {
      sortColumn(column, near, place);
      spread(column);
    }
  }
  return placed(columns);
}

function neighbours(links: readonly MapLink[]): ReadonlyMap<string, readonly string[]> {
  const ends = links.flatMap(({ from, to }) => [[from, to] as const, [to, from] as const]);
  return new Map([...groupBy(ends, ([one]) => one)].map(([one, pairs]) => [one, pairs.map(([, other]) => other)]));
}

function sortColumn(
  column: MapBox[],
  near: ReadonlyMap<string, readonly string[]>,
  place: ReadonlyMap<string, number>,
): void {
  const mean = (ids: readonly string[]): number =>
    ids.reduce((sum, id) => sum + (place.get(id) ?? 0), 0) / Math.max(1, ids.length);
  const wish = new Map(column.map((box) => [box.id, mean(near.get(box.id) ?? [box.id])]));
  const groups = groupBy(column, (box) => (box.component === null ? box.id : `component ${box.component}`));
  const wishOf = new Map([...groups].map(([key, group]) => [key, mean2(group.map((box) => wish.get(box.id) ?? 0))]));
  const keyOf = (box: MapBox): string => (box.component === null ? box.id : `component ${box.component}`);
  column.sort((a, b) => {
    const groupFirst = (wishOf.get(keyOf(a)) ?? 0) - (wishOf.get(keyOf(b)) ?? 0);
    if (keyOf(a) !== keyOf(b)) return groupFirst || (keyOf(a) < keyOf(b) ? -1 : 1);
    return (wish.get(a.id) ?? 0) - (wish.get(b.id) ?? 0) || (a.id < b.id ? -1 : 1);
  });
}

const mean2 = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function placed(columns: readonly (readonly MapBox[])[]): MapLayout {
  const heights = columns.map(heightOf);
  const tallest = Math.max(0, ...heights);
  const boxes: PlacedBox[] = [];
  columns.forEach((column, c) => {
    const x = GAP.margin + GAP.frame + c * (BOX.width + GAP.x);
    let y = GAP.margin + GAP.frame + (tallest - heights[c]) / 2;
    column.forEach((box, i) => {
      if (i > 0) y += GAP.y + frameGap(column[i - 1], box);
      boxes.push({ ...box, x, y });
      y += BOX.height;
    });
  });
  return {
    boxes,
    frames: framesOf(boxes),
    width:
      2 * (GAP.margin + GAP.frame) + columns.length * (BOX.width + GAP.x) - (columns.length > 0 ? GAP.x - GAP.arc : 0),
    height: 2 * (GAP.margin + GAP.frame) + tallest,
  };
}

/** Room for the frames of components between two neighbours of a column. */
function frameGap(above: MapBox, below: MapBox): number {
  if (above.component === below.component) return 0;
  return (above.component === null ? 0 : GAP.frame) + (below.component === null ? 0 : GAP.frame + FRAME_TITLE);
}

/** Above the first box of a frame, for its title. */
const FRAME_TITLE = 14;

function heightOf(column: readonly MapBox[]): number {
  const gaps = column.slice(1).map((box, i) => GAP.y + frameGap(column[i], box));
  return column.length * BOX.height + gaps.reduce((sum, gap) => sum + gap, 0);
}

function framesOf(boxes: readonly PlacedBox[]): MapLayout['frames'] {
  const members = groupBy(
    boxes.filter(({ component }) => component !== null),
    ({ component }) => component ?? 0,
  );
  return [...members].map(([component, group]) => {
    const top = Math.min(...group.map(({ y }) => y));
    const bottom = Math.max(...group.map(({ y }) => y)) + BOX.height;
    return {
      component,
      x: group[0].x - GAP.frame,
      y: top - GAP.frame - FRAME_TITLE,
      width: BOX.width + 2 * GAP.frame,
      height: bottom - top + 2 * GAP.frame + FRAME_TITLE,
    };
  });
}

/** The curve of a link as an SVG path: forward from right to left side, within a column as an arc on its right. */
export function linkPath(from: PlacedBox, to: PlacedBox): string {
  const y0 = from.y + BOX.height / 2;
  const y1 = to.y + BOX.height / 2;
  const x0 = from.x + BOX.width;
  if (from.id === to.id) return `M${x0} ${y0 - 6}c34 -14 34 26 0 12`;
  if (to.x > from.x) {
    const middle = (x0 + to.x) / 2;
    return `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${to.x - 5} ${y1}`;
  }
  const bulge = Math.min(GAP.x * 0.8, 26 + Math.abs(y1 - y0) * 0.22);
  const end = to.x + BOX.width + 5;
  // Up on the outer side, down on the inner: two calls in opposite directions stay apart.
  const out = bulge * (y1 < y0 ? 1 : 0.62);
  return `M${x0} ${y0 + (y1 > y0 ? 5 : -5)}C${x0 + out} ${y0} ${end + out} ${y1} ${end} ${y1 + (y1 > y0 ? -5 : 5)}`;
}

/** Services that are at most `hops` calls away from one, and the calls between them. */
export function neighbourhood<T extends Pick<GraphAnswer, 'nodes' | 'edges'>>(
  graph: T,
  service: string,
  hops: number,
): T {
  const near = new Set([service]);
  for (let hop = 0; hop < hops; hop++) {
    const reached = graph.edges.filter((edge) => near.has(edge.client) || near.has(edge.server));
    for (const { client, server } of reached) near.add(client).add(server);
  }
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => near.has(node.service)),
    edges: graph.edges.filter((edge) => near.has(edge.client) && near.has(edge.server)),
  };
}

/** A node of a flame graph: the index of its caller, which stands before it, and its time with everything below. */
export interface FlameInput {
  readonly parent: number;
  readonly totalNano: number;
}

/** Where a call stands, in percent of the width. */
export interface FlameBox {
  readonly index: number;
  readonly left: number;
  readonly width: number;
  readonly depth: number;
}

/** Narrower calls are not drawn, in percent. */
const WIDTH_MIN = 0.15;

/** Places the call paths below `top` (-1: all): callers above, the widest call of each first. */
export function placeFlame(nodes: readonly FlameInput[], top: number): FlameBox[] {
  const children = new Map<number, number[]>();
  for (const [index, { parent }] of nodes.entries()) children.set(parent, [...(children.get(parent) ?? []), index]);
  for (const list of children.values()) list.sort((a, b) => nodes[b].totalNano - nodes[a].totalNano || a - b);
  const first = nodes[top] === undefined ? (children.get(-1) ?? []) : [top];
  const whole = first.reduce((sum, index) => sum + nodes[index].totalNano, 0) || 1;
  const boxes: FlameBox[] = [];
  const place = (list: readonly number[], from: number, depth: number): void => {
    let left = from;
    for (const index of list) {
      const width = (nodes[index].totalNano / whole) * 100;
      if (width >= WIDTH_MIN) boxes.push({ index, left, width, depth });
      left += width;
    }
  };
  place(first, 0, 0);
  for (let at = 0; at < boxes.length; at++) {
    const { index, left, depth } = boxes[at];
    place(children.get(index) ?? [], left, depth + 1);
  }
  return boxes;
}

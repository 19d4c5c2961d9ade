import { describe, expect, test } from 'vitest';
import type { GraphAnswer, GraphEdge, GraphNode } from '../../src/query/api.ts';
import { BOX, layOut, linkPath, mapAt, mapGraph, neighbourhood } from './graph-layout.ts';

/** `a>b a>c` with levels by name: `levels` says where each stands, `circles` who is in a component. */
function drawn(
  text: string,
  levels: Readonly<Record<string, number>>,
  circles = '',
): Pick<GraphAnswer, 'nodes' | 'edges'> {
  const edges = text.split(' ').map((arrow) => {
    const [client, server] = arrow.split('>');
    return { client, server, calls: 2, failed: 0, inCycle: false, isCut: false } as unknown as GraphEdge;
  });
  const nodes = Object.entries(levels).map(
    ([service, level]) =>
      ({
        service,
        operation: '',
        kind: 'service',
        level,
        component: circles.includes(service) ? 0 : null,
        calls: level,
        failed: 0,
      }) as GraphNode,
  );
  return { nodes, edges };
}

const large = (count: number, level: (i: number) => number): Pick<GraphAnswer, 'nodes' | 'edges'> => {
  const names = Array.from({ length: count }, (_, i) => `s${i}`);
  return drawn(
    names
      .slice(1)
      .map((name, i) => `${names[i]}>${name}`)
      .join(' '),
    Object.fromEntries(names.map((name, i) => [name, level(i)])),
  );
};

describe('the map', () => {
  test('at another time keeps its boxes and takes the calls of then', () => {
    const map = mapGraph(drawn('a>b a>c b>d', { a: 0, b: 1, c: 1, d: 2 }), new Set());
    const then = mapAt(map, drawn('a>b b>x', { a: 0, b: 5, x: 3 }));
    expect(then.boxes.map(({ id, calls }) => `${id} ${calls}`)).toEqual(['a 0', 'b 5', 'c 0', 'd 0']);
    expect(then.links.map(({ from, to }) => `${from}>${to}`)).toEqual(['a>b']);
  });

  test('stands callers left of callees, and nothing on anything else', () => {
    const map = mapGraph(drawn('a>b a>c b>d c>d', { a: 0, b: 1, c: 1, d: 2 }), new Set());
    const { boxes, width, height } = layOut(map);
    const at = new Map(boxes.map((box) => [box.id, box]));
    for (const { from, to } of map.links) expect(at.get(from)?.x ?? 0).toBeLessThan(at.get(to)?.x ?? 0);
    for (const one of boxes) {
      expect(one.x + BOX.width).toBeLessThan(width);
      expect(one.y + BOX.height).toBeLessThan(height);
      for (const other of boxes) {
        if (one !== other && one.x === other.x) expect(Math.abs(one.y - other.y)).toBeGreaterThan(BOX.height);
      }
    }
  });

  test('frames what is in a circle together, away from its neighbours', () => {
    const map = mapGraph(drawn('a>b b>c c>b a>x', { a: 0, b: 1, c: 1, x: 1 }, 'bc'), new Set());
    const { frames, boxes } = layOut(map);
    expect(frames.length).toBe(1);
    const [frame] = frames;
    const inside = boxes.filter(
      ({ y, x }) => y >= frame.y && y <= frame.y + frame.height && x >= frame.x && x <= frame.x + frame.width,
    );
    expect(inside.map(({ id }) => id).sort()).toEqual(['b', 'c']);
  });

  test('has room for the arcs of its last column', () => {
    const names = [...'bcdefghij'];
    const levels = Object.fromEntries([['a', 0], ...names.map((name) => [name, 1])]);
    const { boxes, width } = layOut(mapGraph(drawn('a>b b>j j>b b>c c>b', levels, 'bcdefghij'), new Set()));
    const last = boxes.filter(({ x }) => x > boxes[0].x);
    expect(last.length).toBe(9);
    for (const from of last) {
      for (const to of last) {
        const numbers = linkPath(from, to).match(/[\d.]+/g) ?? [];
        const [, y0, x1, , x2, , x3] = numbers.map(Number);
        expect(y0).toBeGreaterThan(0);
        if (from === to) continue;
        // Three quarters of the way to its control points, and half of the line's width.
        expect(x3 + 0.75 * (Math.max(x1, x2) - x3) + 4).toBeLessThan(width);
      }
    }
  });

  test('of 1,200 services has few boxes, and each service is in exactly one', () => {
    const graph = large(1200, (i) => i % 40);
    const { boxes, links } = mapGraph(graph, new Set());
    expect(boxes.length).toBeLessThanOrEqual(77);
    expect(boxes.flatMap(({ members }) => members).sort()).toEqual(graph.nodes.map(({ service }) => service).sort());
    const opened = mapGraph(graph, new Set(['more:0']));
    expect(opened.boxes.length).toBeGreaterThan(boxes.length);
    const ids = new Set(boxes.map(({ id }) => id));
    expect(links.every(({ from, to }) => ids.has(from) && ids.has(to))).toBe(true);
  });

  test('makes one box of a large tangle until it is opened', () => {
    const tangled = large(80, () => 1);
    const nodes = tangled.nodes.map((node) => ({ ...node, component: 3 }));
    expect(mapGraph({ ...tangled, nodes }, new Set()).boxes.map(({ kind, label }) => `${kind} ${label}`)).toEqual([
      'tangle 80 in cycles',
    ]);
    expect(mapGraph({ ...tangled, nodes }, new Set(['cycle:3'])).boxes.length).toBe(80);
  });

  test('around a service holds what is so many calls away in both directions', () => {
    const graph = drawn('a>b b>c c>d x>b', { a: 0, x: 0, b: 1, c: 2, d: 3 });
    expect(
      neighbourhood(graph, 'b', 1)
        .nodes.map(({ service }) => service)
        .sort(),
    ).toEqual(['a', 'b', 'c', 'x']);
    expect(
      neighbourhood(graph, 'd', 2)
        .nodes.map(({ service }) => service)
        .sort(),
    ).toEqual(['b', 'c', 'd']);
  });

  test('draws a call of itself as a loop, and calls within a column as arcs that stay apart', () => {
    const { boxes } = layOut(mapGraph(drawn('b>c c>b b>b', { b: 0, c: 0 }, 'bc'), new Set()));
    const [one, two] = boxes;
    expect(linkPath(one, one)).toMatch(/^M.*c/);
    expect(linkPath(one, two)).not.toBe(linkPath(two, one));
  });
});

import { LIMITS } from '../base/limits.ts';
import type { CallSpans } from './call-spans.ts';
import { type CriticalPaths, SECTION } from './critical-path.ts';

/** A call path from the root, with the critical time spent there. */
export interface FlameNode {
  /** Index of the caller's node, -1 for a root. A caller stands before what it calls. */
  readonly parent: number;
  readonly kind: 'self' | 'gap' | 'unobserved';
  readonly service: string;
  /** Of a gap '', and `service` is the server. */
  readonly operation: string;
  /** Here and in everything below. */
  readonly totalNs: number;
  readonly selfNs: number;
}

/** Adds the sections of critical paths up by call path. */
export class FlameTree {
  readonly #spans: CallSpans;
  readonly #paths: CriticalPaths;
  readonly #nodes: { -readonly [K in keyof FlameNode]: FlameNode[K] }[] = [];
  readonly #depth: number[] = [];
  readonly #ids = new Map<string, number>();
  readonly #nodeOf: Int32Array;
  isCut = false;

  constructor(spans: CallSpans, paths: CriticalPaths) {
    this.#spans = spans;
    this.#paths = paths;
    this.#nodeOf = new Int32Array(spans.count).fill(-1);
  }

  add(section: number, length: number): void {
    const { kind, span, server } = this.#paths;
    let node = this.#pathOf(span[section]);
    if (kind[section] === SECTION.gap) node = this.#child(node, 'gap', this.#service(server[section]), '');
    if (kind[section] === SECTION.unobserved) {
      const above = this.#nodes[node].parent;
      node = this.#child(above < 0 ? node : above, 'unobserved', '', '');
    }
    this.#nodes[node].selfNs += length;
  }

  nodes(): FlameNode[] {
    for (const node of this.#nodes) node.totalNs = node.selfNs;
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const { parent, totalNs } = this.#nodes[i];
      if (parent >= 0) this.#nodes[parent].totalNs += totalNs;
    }
    return this.#nodes;
  }

  #service(span: number): string {
    const { names, nodeService, node } = this.#spans;
    return names[nodeService[node[span]]];
  }

  #pathOf(span: number): number {
    const { above } = this.#paths;
    const way: number[] = [];
    let at = span;
    for (; at >= 0 && this.#nodeOf[at] < 0; at = above[at]) way.push(at);
    let node = at < 0 ? -1 : this.#nodeOf[at];
    for (let next = way.pop(); next !== undefined; next = way.pop()) {
      const { names, nodeOperation, node: nodes } = this.#spans;
      node = this.#child(node, 'self', this.#service(next), names[nodeOperation[nodes[next]]]);
      this.#nodeOf[next] = node;
    }
    return node;
  }

  #child(parent: number, kind: FlameNode['kind'], service: string, operation: string): number {
    const key = `${parent}\0${kind}\0${service}\0${operation}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const depth = parent < 0 ? 0 : this.#depth[parent] + 1;
    if (parent >= 0 && (depth >= LIMITS.flameDepthMax || this.#nodes.length >= LIMITS.flameNodesMax)) {
      this.isCut = true;
      return parent;
    }
    const id = this.#nodes.length;
    this.#nodes.push({ parent, kind, service, operation, totalNs: 0, selfNs: 0 });
    this.#depth.push(depth);
    this.#ids.set(key, id);
    return id;
  }
}

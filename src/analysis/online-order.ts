/**
 * A topological order that is kept while edges come and go (Pearce and Kelly 2006). Inserting an edge that leads forward costs one
 * comparison; one that leads backward costs a search of the vertices between its two ends; removing one costs nothing, because an order
 * stays valid with fewer edges.
 */
export class OnlineOrder {
  /** Vertices that searches have looked at: what insertions cost. */
  visited = 0;
  readonly #out: Set<number>[] = [];
  readonly #in: Set<number>[] = [];
  #position = new Int32Array(16);
  /** Marks of the last forward search, and by whom each vertex was reached. */
  #seen = new Int32Array(16);
  #from = new Int32Array(16);
  #search = 0;

  get vertexCount(): number {
    return this.#out.length;
  }

  /** A new vertex, last in the order. Returns its number. */
  addVertex(): number {
    const vertex = this.#out.length;
    if (vertex === this.#position.length) {
      this.#position = doubled(this.#position);
      this.#seen = doubled(this.#seen);
      this.#from = doubled(this.#from);
    }
    this.#out.push(new Set());
    this.#in.push(new Set());
    this.#position[vertex] = vertex;
    return vertex;
  }

  hasEdge(from: number, to: number): boolean {
    return this.#out[from].has(to);
  }

  /** True when `from` stands before `to`: an edge between them is accepted without a search. */
  leadsForward(from: number, to: number): boolean {
    return this.#position[from] < this.#position[to];
  }

  /**
   * Inserts from → to and returns null; or, when it would close a cycle, leaves everything as it was and returns the path to → … → from that
   * is there already.
   */
  insert(from: number, to: number): number[] | null {
    if (from === to) return [from];
    if (this.#out[from].has(to)) return null;
    if (this.#position[from] > this.#position[to]) {
      const ahead = this.#searchForward(to, from);
      if (ahead === null) return this.#pathTo(to, from);
      this.#reorder(ahead, this.#searchBackward(from, this.#position[to]));
    }
    this.#out[from].add(to);
    this.#in[to].add(from);
    return null;
  }

  /** The path `to` → … → `from` that an edge from → to would close to a cycle, or null. Changes nothing. */
  wouldClose(from: number, to: number): number[] | null {
    if (from === to) return [from];
    if (this.#position[from] < this.#position[to]) return null;
    return this.#searchForward(to, from) === null ? this.#pathTo(to, from) : null;
  }

  remove(from: number, to: number): void {
    this.#out[from].delete(to);
    this.#in[to].delete(from);
  }

  /** Vertices reachable from `start` that stand no later than `goal`; null when `goal` is one of them. */
  #searchForward(start: number, goal: number): number[] | null {
    const mark = ++this.#search;
    const bound = this.#position[goal];
    const found = [start];
    this.#seen[start] = mark;
    for (let head = 0; head < found.length; head++) {
      const v = found[head];
      this.visited++;
      for (const w of this.#out[v]) {
        if (this.#seen[w] === mark || this.#position[w] > bound) continue;
        this.#seen[w] = mark;
        this.#from[w] = v;
        if (w === goal) return null;
        found.push(w);
      }
    }
    return found;
  }

  /** Vertices from which `start` can be reached and that stand after position `bound`. */
  #searchBackward(start: number, bound: number): number[] {
    const mark = ++this.#search;
    const found = [start];
    this.#seen[start] = mark;
    for (let head = 0; head < found.length; head++) {
      this.visited++;
      for (const w of this.#in[found[head]]) {
        if (this.#seen[w] === mark || this.#position[w] < bound) continue;
        this.#seen[w] = mark;
        found.push(w);
      }
    }
    return found;
  }

  /** Deals the positions of both sets out again: first what leads to the edge, then what it leads to, each in its old order. */
  #reorder(ahead: readonly number[], behind: readonly number[]): void {
    const position = this.#position;
    const byPosition = (a: number, b: number): number => position[a] - position[b];
    const vertices = [...[...behind].sort(byPosition), ...[...ahead].sort(byPosition)];
    const places = Int32Array.from(vertices, (v) => position[v]).sort();
    vertices.forEach((v, i) => {
      position[v] = places[i];
    });
  }

  #pathTo(start: number, goal: number): number[] {
    const path = [goal];
    for (let v = goal; v !== start; ) {
      v = this.#from[v];
      path.push(v);
    }
    return path.reverse();
  }
}

function doubled(list: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(list.length * 2);
  grown.set(list);
  return grown;
}

/** Small random graphs and the dumbest possible answers about them, for the tests of the algorithms. */
export interface DrawnGraph {
  readonly vertexCount: number;
  readonly sources: readonly number[];
  readonly targets: readonly number[];
  readonly weights: readonly number[];
}

/** At most `verticesMax` vertices; self-loops and parallel edges occur. */
export function drawGraph(random: () => number, verticesMax = 8): DrawnGraph {
  const vertexCount = 1 + Math.floor(random() * verticesMax);
  const edgeCount = Math.floor(random() * vertexCount * Math.min(vertexCount, 3.5));
  const vertex = () => Math.floor(random() * vertexCount);
  const edges = Array.from({ length: edgeCount }, () => [vertex(), vertex(), 1 + Math.floor(random() * 9)]);
  return {
    vertexCount,
    sources: edges.map(([from]) => from),
    targets: edges.map(([, to]) => to),
    weights: edges.map(([, , weight]) => weight),
  };
}

/** Which vertex can be reached from which by one edge or more (Floyd and Warshall). */
export function reachable({ vertexCount, sources, targets }: DrawnGraph): boolean[][] {
  const reach = Array.from({ length: vertexCount }, () => new Array<boolean>(vertexCount).fill(false));
  sources.forEach((from, i) => {
    reach[from][targets[i]] = true;
  });
  for (let k = 0; k < vertexCount; k++)
    for (let i = 0; i < vertexCount; i++)
      for (let j = 0; j < vertexCount; j++) reach[i][j] ||= reach[i][k] && reach[k][j];
  return reach;
}

/** Every elementary cycle, by trying every path: each as text, least vertex first. */
export function bruteCycles({ vertexCount, sources, targets }: DrawnGraph): string[] {
  const leads = Array.from({ length: vertexCount }, () => new Set<number>());
  sources.forEach((from, i) => {
    leads[from].add(targets[i]);
  });
  const cycles: string[] = [];
  const walk = (path: number[]): void => {
    for (const to of leads[path[path.length - 1]]) {
      if (to === path[0]) cycles.push(path.join(','));
      else if (to > path[0] && !path.includes(to)) walk([...path, to]);
    }
  };
  for (let start = 0; start < vertexCount; start++) walk([start]);
  return cycles.sort();
}

/** True when no cycle is left without the edges whose index is in `cut`. */
export function isAcyclicWithout(graph: DrawnGraph, cut: (from: number, to: number) => boolean): boolean {
  const kept = graph.sources.map((_, i) => i).filter((i) => !cut(graph.sources[i], graph.targets[i]));
  const left = { ...graph, sources: kept.map((i) => graph.sources[i]), targets: kept.map((i) => graph.targets[i]) };
  return reachable(left).every((row, v) => !row[v]);
}

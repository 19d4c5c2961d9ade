import type { GraphAnswer, GraphNode } from './api.ts';

const SHAPES: Readonly<Record<GraphNode['kind'], string>> = {
  service: 'box',
  database: 'cylinder',
  queue: 'cds',
  user: 'oval',
  external: 'component',
};

/** The graph as Graphviz reads it: components as clusters, width by calls, failures red, the proposed cut dashed. */
export function graphDot({ nodes, edges }: Pick<GraphAnswer, 'nodes' | 'edges'>): string {
  const line = (node: GraphNode): string => `  ${idOf(node.service, node.operation)} [shape=${SHAPES[node.kind]}];`;
  const components = [...new Set(nodes.flatMap(({ component }) => component ?? []))];
  const clusters = components.map((component) => {
    const members = nodes.filter((node) => node.component === component).map((node) => `  ${line(node)}`);
    return `  subgraph cluster_${component} {\n    style=rounded;\n    label="cycle";\n${members.join('\n')}\n  }`;
  });
  const most = Math.max(1, ...edges.map(({ calls }) => calls));
  const arrows = edges.map((edge) => {
    const width = (1 + 4 * Math.sqrt(edge.calls / most)).toFixed(2);
    const attributes = [
      `label="${edge.calls}"`,
      `penwidth=${width}`,
      ...(edge.failed > 0 ? ['color=red', `tooltip="${edge.failed} failed"`] : []),
      ...(edge.isCut ? ['style=dashed'] : []),
    ];
    return `  ${idOf(edge.client, edge.clientOperation)} -> ${idOf(edge.server, edge.serverOperation)} [${attributes.join(', ')}];`;
  });
  const free = nodes.filter(({ component }) => component === null).map(line);
  return `digraph calls {\n  rankdir=LR;\n${[...clusters, ...free, ...arrows].join('\n')}\n}\n`;
}

function idOf(service: string, operation: string): string {
  const text = operation === '' ? service : `${service}: ${operation}`;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')}"`;
}

"""Writes networkx.json: what networkx answers for random graphs. Run in this folder with networkx 3 installed."""

import json
import random

import networkx as nx


def rotated(cycle):
    least = cycle.index(min(cycle))
    return cycle[least:] + cycle[:least]


def answers(vertices, edges):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(vertices))
    graph.add_edges_from(edges)
    components = [
        sorted(component)
        for component in nx.strongly_connected_components(graph)
        if len(component) > 1 or graph.has_edge(*(2 * list(component)))
    ]
    is_ordered = nx.is_directed_acyclic_graph(graph)
    return {
        "vertexCount": vertices,
        "edges": edges,
        "components": sorted(components),
        "cycles": sorted(rotated(cycle) for cycle in nx.simple_cycles(graph)),
        "bounded4": sum(1 for _ in nx.simple_cycles(graph, length_bound=4)),
        "order": list(nx.lexicographical_topological_sort(graph)) if is_ordered else None,
    }


def draw(chance, vertices, count, forward):
    edges = [[chance.randrange(vertices), chance.randrange(vertices)] for _ in range(count)]
    return [[min(e), max(e)] for e in edges if e[0] != e[1]] if forward else edges


if __name__ == "__main__":
    chance = random.Random(20260302)
    graphs = []
    for i in range(150):
        vertices = chance.randrange(2, 14)
        graphs.append(answers(vertices, draw(chance, vertices, chance.randrange(0, 2 * vertices + 4), i % 3 == 0)))
    for i in range(4):
        graphs.append(answers(60, draw(chance, 60, 85, i % 2 == 0)))
    with open("networkx.json", "w") as out:
        json.dump({"networkx": nx.__version__, "graphs": graphs}, out, separators=(",", ":"))
        out.write("\n")

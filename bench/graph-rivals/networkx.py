"""One job of networkx: python3 networkx.py JOB EDGES. Prints one JSON line, as npm.mjs does."""

import json
import sys
from array import array
from itertools import islice
from time import process_time

# This file has the name of the package that it measures.
sys.path.pop(0)
import networkx as nx  # noqa: E402


def online(graph, edges):
    """Refuses each edge that would close a cycle, as one does who has no incremental order."""
    refused = 0
    for source, target in edges:
        if graph.has_edge(source, target):
            continue
        if nx.has_path(graph, target, source):
            refused += 1
        else:
            graph.add_edge(source, target)
    return refused


JOBS = {
    "components": lambda graph: sum(1 for _ in nx.strongly_connected_components(graph)),
    "order": lambda graph: sum(1 for _ in nx.topological_sort(graph)),
    "cyclic order": lambda graph: sum(1 for _ in nx.topological_sort(nx.condensation(graph))),
    "cycles": lambda graph: sum(1 for _ in islice(nx.simple_cycles(graph, length_bound=6), 1000)),
}


def main(job, path):
    numbers = array("i")
    with open(path, "rb") as file:
        numbers.frombytes(file.read())
    vertices, count = numbers[0], numbers[1]
    edges = list(zip(numbers[2 : 2 + count], numbers[2 + count :]))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(vertices))
    if job != "online":
        graph.add_edges_from(edges)
    start = process_time()
    answer = online(graph, edges) if job == "online" else JOBS[job](graph)
    print(json.dumps({"cpuMs": (process_time() - start) * 1000, "answer": answer}))


main(*sys.argv[1:])

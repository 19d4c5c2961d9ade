"""What networkx takes for graphs of the shapes in graph.bench.ts. Run with networkx 3 installed."""

import random
import time

import networkx as nx


def timed(name, run):
    start = time.perf_counter()
    answer = run()
    print(f"{name:<52} {(time.perf_counter() - start) * 1000:9.1f} ms  {answer}")


if __name__ == "__main__":
    million = 1_000_000
    ring = nx.DiGraph((v, (v + 1) % million) for v in range(million))
    timed("components of a ring of 10^6", lambda: sum(1 for _ in nx.strongly_connected_components(ring)))
    del ring
    chance = random.Random(1)
    large = nx.DiGraph()
    large.add_nodes_from(range(million))
    large.add_edges_from((chance.randrange(million), chance.randrange(million)) for _ in range(5 * million))
    timed("components of 10^6 vertices, 5*10^6 edges", lambda: sum(1 for _ in nx.strongly_connected_components(large)))
    forward = nx.DiGraph((a, b) if a < b else (b, a) for a, b in large.edges if a != b)
    del large
    timed("topological order of an acyclic one", lambda: len(list(nx.lexicographical_topological_sort(forward))))

//! One job of petgraph: graph-rival JOB EDGES. Prints one JSON line, as npm.mjs does. The time is that of one thread, so wall is CPU.
use petgraph::acyclic::Acyclic;
use petgraph::algo::{condensation, tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&arguments[2]).expect("the file of edges can be read");
    let numbers: Vec<u32> = bytes.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())).collect();
    let (vertices, count) = (numbers[0], numbers[1] as usize);
    let edges: Vec<(u32, u32)> = (0..count).map(|e| (numbers[2 + e], numbers[2 + count + e])).collect();
    let mut graph: DiGraph<(), ()> = DiGraph::new();
    for _ in 0..vertices {
        graph.add_node(());
    }
    if arguments[1] != "online" {
        graph.extend_with_edges(edges.iter().copied());
    }
    let start = Instant::now();
    let answer = match arguments[1].as_str() {
        "components" => tarjan_scc(&graph).len(),
        "order" => toposort(&graph, None).expect("there is no cycle").len(),
        "cyclic order" => toposort(&condensation(graph, true), None).expect("there is no cycle").len(),
        "online" => online(graph, &edges),
        job => panic!("{job} is no job of petgraph"),
    };
    println!("{{\"cpuMs\": {}, \"answer\": {answer}}}", start.elapsed().as_secs_f64() * 1000.0);
}

/// Refuses each edge that would close a cycle.
fn online(graph: DiGraph<(), ()>, edges: &[(u32, u32)]) -> usize {
    let mut ordered = Acyclic::try_from_graph(graph).expect("a graph without edges has no cycle");
    edges
        .iter()
        .filter(|(from, to)| {
            let (from, to) = (NodeIndex::new(*from as usize), NodeIndex::new(*to as usize));
            ordered.try_update_edge(from, to, ()).is_err()
        })
        .count()
}

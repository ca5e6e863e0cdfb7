//! The dependency graph of what is declared: an edge leads from what stands first.

use std::collections::BTreeMap;

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use thiserror::Error;

use super::desired::Desired;
use crate::resource::Address;

/// Declared resources in an order in which they can be created.
#[derive(Debug, Clone)]
pub struct Dag {
    graph: DiGraph<Address, ()>,
    order: Vec<Address>,
}

/// Resources that wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("resources wait for each other: {}", names(.0))]
pub struct Cycle(
    /// The loop, its first address again at the end.
    pub Vec<Address>,
);

fn names(addresses: &[Address]) -> String {
    addresses
        .iter()
        .map(Address::as_str)
        .collect::<Vec<_>>()
        .join(" → ")
}

impl Dag {
    /// The graph of everything desired.
    ///
    /// # Errors
    /// [`Cycle`], naming the loop.
    pub fn of(desired: &Desired) -> Result<Self, Cycle> {
        let mut graph = DiGraph::new();
        let nodes: BTreeMap<&Address, NodeIndex> = desired
            .resources
            .keys()
            .map(|address| (address, graph.add_node(address.clone())))
            .collect();
        for resource in desired.resources.values() {
            for first in resource.references() {
                if let Some(from) = nodes.get(&first) {
                    graph.add_edge(*from, nodes[&resource.address], ());
                }
            }
        }
        match toposort(&graph, None) {
            Ok(sorted) => {
                let order = sorted.into_iter().map(|node| graph[node].clone()).collect();
                Ok(Self { graph, order })
            }
            Err(_) => Err(Cycle(find_loop(&graph))),
        }
    }

    /// The addresses, each after everything that it refers to.
    pub fn order(&self) -> &[Address] {
        &self.order
    }

    /// Every edge as (what stands first, what refers to it), sorted.
    pub fn edges(&self) -> Vec<(&Address, &Address)> {
        let mut edges: Vec<_> = self
            .graph
            .edge_indices()
            .filter_map(|edge| self.graph.edge_endpoints(edge))
            .map(|(from, to)| (&self.graph[from], &self.graph[to]))
            .collect();
        edges.sort();
        edges.dedup();
        edges
    }
}

/// A loop in a graph that has one, walked along its edges.
fn find_loop(graph: &DiGraph<Address, ()>) -> Vec<Address> {
    let tangled = kosaraju_scc(graph)
        .into_iter()
        .find(|nodes| nodes.len() > 1)
        .unwrap_or_default();
    let mut walk: Vec<NodeIndex> = tangled.first().copied().into_iter().collect();
    while let Some(&here) = walk.last() {
        let Some(next) = graph.neighbors(here).find(|node| tangled.contains(node)) else {
            break;
        };
        if let Some(start) = walk.iter().position(|node| *node == next) {
            walk.drain(..start);
            walk.push(next);
            break;
        }
        walk.push(next);
    }
    walk.into_iter().map(|node| graph[node].clone()).collect()
}

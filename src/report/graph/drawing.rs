//! What is drawn: nodes by environment, edges by node number.

use std::collections::BTreeMap;

use crate::provision::graph::Dag;
use crate::resource::{Address, EnvironmentName};

/// The format of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown renders it.
    Mermaid,
    /// A picture.
    Svg,
}

/// Nodes and edges, ready to be drawn.
#[derive(Debug)]
pub(super) struct Drawing<'a> {
    /// Sorted.
    pub(super) nodes: Vec<&'a Address>,
    /// The numbers of the nodes of each environment.
    pub(super) groups: BTreeMap<EnvironmentName, Vec<usize>>,
    /// From what stands first to what refers to it.
    pub(super) edges: Vec<(usize, usize)>,
}

impl<'a> Drawing<'a> {
    pub(super) fn of(dag: &'a Dag) -> Self {
        let mut nodes: Vec<&Address> = dag.order().iter().collect();
        nodes.sort();
        let mut groups: BTreeMap<EnvironmentName, Vec<usize>> = BTreeMap::new();
        for (number, address) in nodes.iter().enumerate() {
            groups
                .entry(address.environment())
                .or_default()
                .push(number);
        }
        let number = |address: &Address| nodes.binary_search(&address).ok();
        let edges = dag
            .edges()
            .into_iter()
            .filter_map(|(first, then)| Some((number(first)?, number(then)?)))
            .collect();
        Self {
            nodes,
            groups,
            edges,
        }
    }
}

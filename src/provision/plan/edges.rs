//! The order of operations: references forwards, deletes backwards, locks around it all.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::draft::Draft;
use super::locks;
use super::make::{Asked, PlanError};
use super::{Edge, Operation, Step};
use crate::resource::Guard;

/// Every edge of the drafted operations.
pub(super) fn of(asked: &Asked<'_>, draft: &Draft) -> Result<Vec<Edge>, PlanError> {
    let mut edges = Edges(BTreeMap::new());
    let standing = Standing::of(draft);
    for (index, operation) in draft.operations.iter().enumerate() {
        if operation.step == Step::Delete {
            deletes(draft, &standing, &mut edges, index, operation);
        } else {
            makes(draft, &standing, &mut edges, index, operation);
        }
    }
    guards(asked, draft, &mut edges);
    edges.finish(draft)
}

/// Edges by (before, after); success is needed if anybody needs it.
struct Edges(BTreeMap<(usize, usize), bool>);

impl Edges {
    fn needs(&mut self, before: usize, after: usize) {
        if before != after {
            self.0.insert((before, after), true);
        }
    }

    fn follows(&mut self, before: usize, after: usize) {
        if before != after {
            self.0.entry((before, after)).or_insert(false);
        }
    }

    /// The edges, unless they bite their own tail.
    fn finish(self, draft: &Draft) -> Result<Vec<Edge>, PlanError> {
        let mut graph = DiGraph::<usize, ()>::new();
        let nodes: Vec<_> = (0..draft.operations.len())
            .map(|index| graph.add_node(index))
            .collect();
        for (before, after) in self.0.keys() {
            graph.add_edge(nodes[*before], nodes[*after], ());
        }
        if let Some(tangled) = tarjan_scc(&graph).into_iter().find(|nodes| nodes.len() > 1) {
            let name = |node: petgraph::graph::NodeIndex| {
                let operation = &draft.operations[graph[node]];
                format!("{:?} {}", operation.step, operation.address).to_lowercase()
            };
            return Err(PlanError::Cycle(tangled.into_iter().map(name).collect()));
        }
        let edge = |((before, after), needs_success)| Edge {
            before,
            after,
            needs_success,
        };
        Ok(self.0.into_iter().map(edge).collect())
    }
}

/// The deletes of a draft, to be found by id and by name.
struct Standing {
    by_id: BTreeMap<String, usize>,
    by_name: BTreeMap<(String, String), Vec<usize>>,
}

impl Standing {
    fn of(draft: &Draft) -> Self {
        let mut found = Self {
            by_id: BTreeMap::new(),
            by_name: BTreeMap::new(),
        };
        for (index, operation) in draft.operations.iter().enumerate() {
            if let (Step::Delete, Some(id)) = (operation.step, operation.id.known()) {
                let id = id.to_lowercase();
                let name = id.rsplit('/').next().unwrap_or_default().to_owned();
                found
                    .by_name
                    .entry((operation.kind.clone(), name))
                    .or_default()
                    .push(index);
                found.by_id.insert(id, index);
            }
        }
        found
    }
}

fn makes(
    draft: &Draft,
    standing: &Standing,
    edges: &mut Edges,
    index: usize,
    operation: &Operation,
) {
    for reference in &operation.references {
        match draft.making(reference) {
            // A lock goes back on whatever became of what it stood over.
            Some(first) if operation.is_lift() => edges.follows(first, index),
            Some(first) => edges.needs(first, index),
            None => {}
        }
    }
    if let Some(first) = draft.taking(&operation.address) {
        edges.needs(first, index);
    }
    for carried in &operation.carries {
        edges.needs(index, *carried);
    }
    // Names are unique in Azure for many types: an old holder of the name goes first.
    if operation.step == Step::Create
        && let Some(id) = operation.id.known()
    {
        let name = id.rsplit('/').next().unwrap_or_default().to_lowercase();
        for first in standing
            .by_name
            .get(&(operation.kind.clone(), name))
            .into_iter()
            .flatten()
        {
            edges.needs(*first, index);
        }
    }
}

fn deletes(
    draft: &Draft,
    standing: &Standing,
    edges: &mut Edges,
    index: usize,
    operation: &Operation,
) {
    for reference in &operation.references {
        if let Some(last) = draft.taking(reference) {
            edges.needs(index, last);
        }
    }
    let Some(id) = operation.id.known() else {
        return;
    };
    let id = id.to_lowercase();
    for (at, _) in id.match_indices('/').skip(1) {
        if let Some(container) = standing.by_id.get(&id[..at]) {
            edges.needs(index, *container);
        }
    }
    // What still refers to it has to let go first: an update of a referrer precedes the delete.
    for (other, referrer) in draft.operations.iter().enumerate() {
        if referrer.step == Step::Update && referrer.references.contains(&operation.address) {
            edges.needs(other, index);
        }
    }
}

/// A lock comes off before what it blocks and goes on after everything in its scope.
fn guards(asked: &Asked<'_>, draft: &Draft, edges: &mut Edges) {
    let is_guard: BTreeSet<usize> = (0..draft.kinds.len())
        .filter(|index| draft.kinds[*index].meta().is_guard)
        .collect();
    for &index in &is_guard {
        let operation = &draft.operations[index];
        let Some(id) = operation.id.known() else {
            continue;
        };
        let live = asked.observed.objects.get(&id.to_lowercase());
        let guard: Option<Guard> = live.and_then(|object| object.guard.clone()).or_else(|| {
            let body = operation
                .desired
                .as_ref()?
                .resolve(&Default::default())
                .ok()?;
            draft.kinds[index].guard(id, &body)
        });
        let Some(guard) = guard else { continue };
        for (other, covered) in draft.operations.iter().enumerate() {
            if is_guard.contains(&other) || !covered.id.known().is_some_and(|id| guard.covers(id)) {
                continue;
            }
            match operation.step {
                Step::Delete if locks::blocks(&guard, covered) => edges.needs(index, other),
                Step::Delete => {}
                _ => edges.follows(other, index),
            }
        }
    }
}

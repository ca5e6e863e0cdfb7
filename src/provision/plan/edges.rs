//! The order of operations: references forwards, deletes backwards, locks around it all.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::draft::Draft;
use super::make::{Asked, PlanError};
use super::{Action, Edge, Operation, Step};
use super::{locks, mentions};
use crate::resource::{Guard, Kind, Naming, Value, scopes};

/// Every edge of the drafted operations.
pub(super) fn of(asked: &Asked<'_>, draft: &Draft) -> Result<Vec<Edge>, PlanError> {
    let mut edges = Edges(BTreeMap::new());
    let leaving = Leaving::of(draft);
    for (index, operation) in draft.operations.iter().enumerate() {
        if operation.step == Step::Delete {
            deletes(draft, &leaving, &mut edges, index, operation);
        } else {
            makes(draft, &leaving, &mut edges, index, operation);
        }
    }
    guards(asked, draft, &mut edges);
    for (revoke, give) in exchanges(draft) {
        edges.needs(revoke, give);
    }
    for (delete, updates) in mentions::letting_go(asked, draft) {
        edges.needs_unless_tangled(&updates, delete);
    }
    for (delete, creates) in renewals(draft) {
        edges.needs_unless_tangled(&creates, delete);
    }
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

    /// Edges from each of `befores`, less those whose order is the other way round already.
    fn needs_unless_tangled(&mut self, befores: &[usize], after: usize) {
        // What is reached from here does not hang on what comes to lead here.
        let mut seen = BTreeSet::from([after]);
        let mut open = vec![after];
        while let Some(here) = open.pop() {
            let followers = self.0.range((here, 0)..=(here, usize::MAX));
            open.extend(
                followers
                    .map(|((_, next), _)| *next)
                    .filter(|next| seen.insert(*next)),
            );
        }
        for before in befores.iter().filter(|before| !seen.contains(before)) {
            self.needs(*before, after);
        }
    }

    /// The edges, unless they bite their own tail.
    fn finish(self, draft: &Draft) -> Result<Vec<Edge>, PlanError> {
        if let Some(tangled) = tangle(draft.operations.len(), self.0.keys().copied()) {
            let name = |index: usize| {
                let operation = &draft.operations[index];
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

/// Operations that wait for each other, if any do.
pub(super) fn tangle(
    count: usize,
    edges: impl Iterator<Item = (usize, usize)>,
) -> Option<Vec<usize>> {
    let mut graph = DiGraph::<usize, ()>::new();
    let nodes: Vec<_> = (0..count).map(|index| graph.add_node(index)).collect();
    for (before, after) in edges {
        if before == after {
            return Some(vec![before]);
        }
        graph.add_edge(nodes[before], nodes[after], ());
    }
    let tangled = kosaraju_scc(&graph)
        .into_iter()
        .find(|nodes| nodes.len() > 1)?;
    Some(tangled.into_iter().map(|node| graph[node]).collect())
}

/// The deletes of a draft, to be found by id and by name.
struct Leaving {
    by_id: BTreeMap<String, usize>,
    by_name: BTreeMap<(String, String), Vec<usize>>,
}

impl Leaving {
    fn of(draft: &Draft) -> Self {
        let by_id: BTreeMap<String, usize> = draft.deletes().collect();
        let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (id, index) in &by_id {
            if let Some(name) = unique_name(draft.kinds[*index], id) {
                let kind = draft.operations[*index].kind.clone();
                by_name
                    .entry((kind, name.to_owned()))
                    .or_default()
                    .push(*index);
            }
        }
        Self { by_id, by_name }
    }
}

/// The name of an object, where it is the only one of it in all of Azure.
fn unique_name<'i>(kind: &dyn Kind, id: &'i str) -> Option<&'i str> {
    let unique = kind.naming() != Naming::Within;
    id.rsplit('/').next().filter(|_| unique)
}

fn makes(draft: &Draft, leaving: &Leaving, edges: &mut Edges, index: usize, operation: &Operation) {
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
        // What the child needs has to stand before the request that it travels in.
        for reference in &draft.operations[*carried].references {
            if let Some(first) = draft.making(reference) {
                edges.needs(first, index);
            }
        }
    }
    // An old holder of the name goes first.
    if operation.step == Step::Create
        && let Some(id) = operation.id.known().map(str::to_lowercase)
        && let Some(name) = unique_name(draft.kinds[index], &id)
    {
        let holders = leaving
            .by_name
            .get(&(operation.kind.clone(), name.to_owned()));
        for first in holders.into_iter().flatten() {
            edges.needs(*first, index);
        }
    }
}

fn deletes(
    draft: &Draft,
    leaving: &Leaving,
    edges: &mut Edges,
    index: usize,
    operation: &Operation,
) {
    for reference in &operation.references {
        if let Some(last) = draft.taking(reference) {
            edges.needs(index, last);
        }
    }
    let id = operation.id.known().unwrap_or_default().to_lowercase();
    for container in scopes(&id)
        .skip(1)
        .filter_map(|above| leaving.by_id.get(above))
    {
        edges.needs(index, *container);
    }
}

/// What is taken from somebody and what is given to the same one, (delete, create): nobody has
/// both for a while.
fn exchanges(draft: &Draft) -> Vec<(usize, usize)> {
    let holder = |index: usize, fields: Option<&Value>| {
        let held = draft.kinds[index].holder(fields?)?.as_str()?;
        Some(held.to_lowercase())
    };
    let operations = || draft.operations.iter().enumerate();
    let mut taken: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations() {
        if operation.step == Step::Delete
            && let Some(holder) = holder(index, operation.before.as_ref())
        {
            taken.entry(holder).or_default().push(index);
        }
    }
    let mut found = Vec::new();
    for (index, operation) in operations() {
        if matches!(operation.step, Step::Create | Step::Recover)
            && let Some(holder) = holder(index, operation.desired.as_ref())
        {
            let before = taken.get(&holder).into_iter().flatten();
            found.extend(before.map(|delete| (*delete, index)));
        }
    }
    found
}

/// Orphans, each with the creates of the same kind and environment: what got a new name stands
/// under it before the old one goes. Access has no name to speak of: what somebody loses goes
/// whatever becomes of what others are given.
fn renewals(draft: &Draft) -> Vec<(usize, Vec<usize>)> {
    let key = |index: usize, operation: &Operation| {
        let renews = !operation.guards && draft.kinds[index].renews();
        renews.then(|| (operation.address.environment(), operation.kind.clone()))
    };
    let mut creates: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, operation) in draft.operations.iter().enumerate() {
        if operation.step == Step::Create
            && let Some(key) = key(index, operation)
        {
            creates.entry(key).or_default().push(index);
        }
    }
    let mut found = Vec::new();
    for (index, operation) in draft.operations.iter().enumerate() {
        if operation.action == Action::Delete
            && let Some(key) = key(index, operation)
            && let Some(before) = creates.get(&key)
        {
            found.push((index, before.clone()));
        }
    }
    found
}

/// A lock comes off before what it blocks and goes on after everything in its scope.
fn guards(asked: &Asked<'_>, draft: &Draft, edges: &mut Edges) {
    let is_guard = |index: usize| draft.kinds[index].meta().is_guard;
    let mut by_scope: BTreeMap<String, Vec<(usize, Guard)>> = BTreeMap::new();
    for (index, operation) in draft.operations.iter().enumerate() {
        if is_guard(index)
            && let Some(guard) = guard_of(asked, draft, index, operation)
        {
            // Whoever begins such a plan again finds the lock that it put back, which may block more.
            let off = operation.restores.map(|off| (off, guard.clone()));
            let held = by_scope.entry(guard.scope.clone()).or_default();
            held.push((index, guard));
            held.extend(off);
        }
    }
    for (index, operation) in draft.operations.iter().enumerate() {
        if is_guard(index) {
            continue;
        }
        let id = operation.id.known_start().to_lowercase();
        for (lock, guard) in scopes(&id)
            .filter_map(|scope| by_scope.get(scope))
            .flatten()
        {
            let blocks = locks::blocks(guard, operation);
            let lock_operation = &draft.operations[*lock];
            match lock_operation.step {
                Step::Delete if blocks => edges.needs(*lock, index),
                Step::Delete => {}
                // A new lock would be in the way of trying again what it blocks.
                _ if blocks && !lock_operation.is_lift() => edges.needs(index, *lock),
                _ => edges.follows(index, *lock),
            }
        }
    }
}

/// What the lock of an operation blocks: the live one where it comes off, else the one to come.
fn guard_of(
    asked: &Asked<'_>,
    draft: &Draft,
    index: usize,
    operation: &Operation,
) -> Option<Guard> {
    let id = operation.id.known()?;
    match &operation.desired {
        Some(desired) => {
            let body = desired.resolve(&Default::default()).ok()?;
            draft.kinds[index].guard(id, &body)
        }
        None => {
            let live = asked.observed.objects.get(&id.to_lowercase())?;
            live.guard.clone()
        }
    }
}

//! A plan's changes of access as a matrix: who may do what, before and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::KINDS;
use crate::provision::plan::{Plan, Step};
use crate::resource::{AccessCell, Address, EnvironmentName};

/// The matrix of one environment in which some cell changes.
pub(super) struct Matrix {
    pub(super) environment: EnvironmentName,
    /// The address paths of what access is to.
    pub(super) targets: Vec<String>,
    /// Who, and for each target what a cell says.
    pub(super) rows: Vec<(String, Vec<Cell>)>,
}

/// What somebody may do on a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Cell {
    /// `– → push-pull`, or what stays as it is.
    pub(super) fn words(&self, arrow: &str, none: &str) -> String {
        let side = |side: &[String]| match side {
            [] => none.to_owned(),
            some => some.join(", "),
        };
        match self.before == self.after {
            true => side(&self.after),
            false => format!("{} {arrow} {}", side(&self.before), side(&self.after)),
        }
    }
}

/// The parts of a capability before and after.
#[derive(Default)]
struct Parts {
    before: BTreeSet<Address>,
    after: BTreeSet<Address>,
}

/// Capabilities by who, on what, as which word.
type Held = BTreeMap<(String, String, String), Parts>;

/// The matrices of the environments in which access changes, in the plan's order.
pub(super) fn matrices(plan: &Plan) -> Vec<Matrix> {
    let mut held: BTreeMap<EnvironmentName, Held> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    let cell = |kind: &str, address: &Address| -> Option<(String, String, String)> {
        let AccessCell {
            who,
            target,
            capability,
        } = KINDS.named(kind)?.access(address)?;
        Some((who.to_owned(), target.to_owned(), capability.to_owned()))
    };
    for operation in &plan.operations {
        let Some(key) = cell(&operation.kind, &operation.address) else {
            continue;
        };
        let environment = operation.address.environment();
        let parts = held.entry(environment.clone()).or_default();
        let parts = parts.entry(key).or_default();
        let address = operation.address.clone();
        match operation.step {
            Step::Delete => parts.before.insert(address),
            Step::Update => parts.before.insert(address.clone()) | parts.after.insert(address),
            Step::Create | Step::Recover | Step::Carried => parts.after.insert(address),
        };
        if operation.step != Step::Update {
            changed.insert(environment);
        }
    }
    for (address, standing) in &plan.standing {
        if let Some(key) = cell(&standing.kind, address) {
            let parts = held.entry(address.environment()).or_default();
            let parts = parts.entry(key).or_default();
            parts.before.insert(address.clone());
            parts.after.insert(address.clone());
        }
    }
    let ordered = plan.environments.iter().chain(held.keys());
    let mut named = BTreeSet::new();
    ordered
        .filter(|name| changed.contains(*name) && named.insert((*name).clone()))
        .filter_map(|name| Some(matrix(name.clone(), held.get(name)?)))
        .collect()
}

fn matrix(environment: EnvironmentName, held: &Held) -> Matrix {
    let targets: BTreeSet<String> = held.keys().map(|(_, target, _)| target.clone()).collect();
    let targets: Vec<String> = targets.into_iter().collect();
    let mut rows: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
    for ((who, target, capability), parts) in held {
        let row = rows
            .entry(who.clone())
            .or_insert_with(|| vec![Cell::default(); targets.len()]);
        let Some(at) = targets.iter().position(|name| name == target) else {
            continue;
        };
        let whole = parts.before.len().max(parts.after.len());
        let word = |parts: &BTreeSet<Address>| match parts.len() {
            0 => None,
            some if some == whole => Some(capability.clone()),
            some => Some(format!("{capability} ({some} of {whole})")),
        };
        row[at].before.extend(word(&parts.before));
        row[at].after.extend(word(&parts.after));
    }
    Matrix {
        environment,
        targets,
        rows: rows.into_iter().collect(),
    }
}

//! What an operation is called while it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::provision::plan::{Action, Operation, Plan, Step};
use crate::resource::Address;

/// One operation of a plan, as its lines name it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) action: Action,
    pub(super) address: Address,
    /// What is being done: `creating`.
    pub(super) doing: &'static str,
    /// What was done: `created`.
    pub(super) done: &'static str,
}

/// Every operation of a plan, by its number.
pub(super) fn subjects(plan: &Plan) -> Vec<Subject> {
    let lifted: BTreeSet<usize> = plan.operations.iter().filter_map(|o| o.restores).collect();
    plan.operations
        .iter()
        .enumerate()
        .map(|(number, operation)| {
            let (doing, done) = verbs(operation, lifted.contains(&number));
            Subject {
                action: operation.action,
                address: operation.address.clone(),
                doing,
                done,
            }
        })
        .collect()
}

fn verbs(operation: &Operation, lifted: bool) -> (&'static str, &'static str) {
    match (operation.step, operation.action) {
        (Step::Delete, _) if lifted => ("lifting", "lifted"),
        (Step::Create, _) if operation.is_lift() => ("putting back", "put back"),
        (Step::Delete, Action::Replace) => ("deleting, to replace it", "deleted, to replace it"),
        (Step::Create, Action::Replace) => ("creating again", "created again"),
        (Step::Delete, _) => ("deleting", "deleted"),
        (Step::Create, _) => ("creating", "created"),
        (Step::Recover, _) => ("recovering", "recovered"),
        (Step::Update, Action::Adopt) => ("adopting", "adopted"),
        (Step::Update, _) => ("updating", "updated"),
        (Step::Carried, _) => ("checking", "created along"),
    }
}

/// `2.1 s`, or `4 min 05 s`.
pub(super) fn took(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ 60.. => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{:.1} s", elapsed.as_secs_f64()),
    }
}

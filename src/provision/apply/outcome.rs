//! Outcomes: how each operation of a run ended.

use std::sync::Arc;

use thiserror::Error;

use crate::provision::plan::{Edge, Plan};
use crate::provision::ports::{Failure, StoreError};
use crate::resource::{MissingOutput, Outputs};

/// How one operation ended.
#[derive(Debug, Clone)]
pub enum End {
    /// It was carried out.
    Done,
    /// An earlier run of the same plan had carried it out.
    AlreadyDone,
    /// It failed.
    Failed(OperationError),
    /// It was not tried, for this reason.
    Skipped(String),
}

/// Why an operation failed.
#[derive(Debug, Clone, Error)]
pub enum OperationError {
    /// Azure refused, or did not answer.
    #[error(transparent)]
    Azure(#[from] Failure),
    /// The object is not as it was when the plan was made.
    #[error("stale: {0}")]
    Stale(String),
    /// Azure answered success, yet the object is not as declared.
    #[error("Azure answered success, but {0}")]
    NotAsDeclared(String),
    /// The object still holds something that would go with it.
    #[error("it still holds {0}: not deleted, since that would go along")]
    NotEmpty(String),
    /// A predecessor gave no such output.
    #[error(transparent)]
    Missing(#[from] MissingOutput),
    /// The plan speaks of a kind that this program does not know.
    #[error("this program has no kind `{0}`")]
    UnknownKind(String),
    /// The journal cannot be written: nothing more is sent, and what was sent is looked at by the
    /// next run.
    #[error("{0}")]
    Store(Arc<StoreError>),
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How each operation ended, by its number.
    pub ends: Vec<End>,
    /// What the operations made known.
    pub outputs: Outputs,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Whether it was refused before anything was sent.
    pub refused: bool,
}

impl Outcome {
    /// A run that found the plan stale before it began.
    pub(super) fn refused(plan: &Plan, stale: Vec<(usize, OperationError)>) -> Self {
        let untouched = "the plan is stale: nothing was changed".to_owned();
        let mut ends: Vec<End> = plan
            .operations
            .iter()
            .map(|_| End::Skipped(untouched.clone()))
            .collect();
        for (index, error) in stale {
            ends[index] = End::Failed(error);
        }
        Self {
            ends,
            outputs: Outputs::default(),
            stopped: false,
            refused: true,
        }
    }

    /// Whether every operation is done.
    pub fn is_complete(&self) -> bool {
        self.ends
            .iter()
            .all(|end| matches!(end, End::Done | End::AlreadyDone))
    }

    /// Whether anything was changed by this run or an earlier one of the same plan.
    pub fn changed_anything(&self) -> bool {
        self.ends
            .iter()
            .any(|end| matches!(end, End::Done | End::AlreadyDone))
    }

    /// Whether an object was not as planned.
    pub fn is_stale(&self) -> bool {
        let stale = |end: &End| matches!(end, End::Failed(OperationError::Stale(_)));
        self.ends.iter().any(stale)
    }
}

/// Two plans that were carried out one after the other as one, for whoever is told of it: all that
/// was done, and what the later one says of the rest.
pub fn joined(
    (mut before, mut outcome): (Plan, Outcome),
    (plan, later): (Plan, Outcome),
) -> (Plan, Outcome) {
    let offset = before.operations.len();
    let mut operations = std::mem::take(&mut before.operations);
    let mut edges = std::mem::take(&mut before.edges);
    operations.extend(plan.operations.iter().cloned().map(|mut operation| {
        operation.restores = operation.restores.map(|lift| lift + offset);
        operation.carries = operation.carries.iter().map(|it| it + offset).collect();
        operation
    }));
    edges.extend(plan.edges.iter().map(|edge| Edge {
        before: edge.before + offset,
        after: edge.after + offset,
        ..*edge
    }));
    outcome.ends.extend(later.ends);
    outcome.outputs.extend(later.outputs);
    outcome.stopped |= later.stopped;
    outcome.refused |= later.refused;
    let plan = Plan {
        operations,
        edges,
        unchanged: before.unchanged,
        unchanged_in: before.unchanged_in,
        ..plan
    };
    (plan, outcome)
}

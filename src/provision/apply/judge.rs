//! Judging an object right before its operation: as planned, already done, or stale.

use serde_json::Value as Json;

use super::Past;
use crate::provision::diff::{diff, same_projection};
use crate::provision::plan::{Operation, Step};
use crate::resource::{Carrier, Kind, Marker, Ownership, Value};

/// What to do with an operation, given the live object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It is as planned.
    Go,
    /// The plan has been carried out on it.
    AlreadyDone,
    /// It is neither; this is what moved.
    Stale(String),
}

/// Holds the live object against the images in the plan.
pub(super) fn judge(
    operation: &Operation,
    kind: &dyn Kind,
    id: &str,
    desired: Option<&Json>,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    match operation.step {
        Step::Create | Step::Recover => create(operation, kind, id, desired, live, past),
        // It came with its parent's create; the check after the write says whether it did.
        Step::Carried => Ruling::AlreadyDone,
        Step::Update => update(operation, kind, desired, live, past),
        Step::Delete => delete(operation, kind, live, past),
    }
}

fn create(
    operation: &Operation,
    kind: &dyn Kind,
    id: &str,
    desired: Option<&Json>,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    match (live, past) {
        (None, Some(Past::Done)) if !operation.is_lift() => {
            Ruling::Stale("this plan had created it and it is gone".to_owned())
        }
        (None, _) => Ruling::Go,
        (Some(live), Some(_)) => {
            if differences(kind, desired, live).is_empty() {
                Ruling::AlreadyDone
            } else if is_ours(kind, id, live) {
                // Our own create was cut short: the same PUT again completes it.
                Ruling::Go
            } else {
                Ruling::Stale("it exists now, made by somebody else".to_owned())
            }
        }
        (Some(_), None) => {
            Ruling::Stale("it exists now; it did not when this was planned".to_owned())
        }
    }
}

fn update(
    operation: &Operation,
    kind: &dyn Kind,
    desired: Option<&Json>,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    let Some(live) = live else {
        return Ruling::Stale("it is gone".to_owned());
    };
    if past.is_some() && differences(kind, desired, live).is_empty() {
        return Ruling::AlreadyDone;
    }
    as_before(operation, kind, live)
}

fn delete(
    operation: &Operation,
    kind: &dyn Kind,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    match (live, past) {
        (None, Some(_)) => Ruling::AlreadyDone,
        (None, None) => Ruling::Stale("it is gone already".to_owned()),
        // A replace has put a new object in the place of the one that this plan deleted. A
        // lock that was put back has to come off again for what is still to be done.
        (Some(live), Some(Past::Done)) if as_before(operation, kind, live) != Ruling::Go => {
            Ruling::AlreadyDone
        }
        (Some(live), _) => as_before(operation, kind, live),
    }
}

fn as_before(operation: &Operation, kind: &dyn Kind, live: &Json) -> Ruling {
    let now = kind.meta().project(live);
    let before = operation.before.clone().unwrap_or_default();
    if same_projection(kind.meta(), &before, &before, &now) {
        return Ruling::Go;
    }
    let moved = diff(kind.meta(), &before, &now, None);
    let moved: Vec<String> = moved
        .iter()
        .map(|change| {
            format!(
                "{} was {} and is {}",
                change.path, change.after, change.before
            )
        })
        .collect();
    Ruling::Stale(moved.join(", "))
}

/// Which managed fields of a live object are not as declared, for people.
pub(super) fn differences(kind: &dyn Kind, desired: Option<&Json>, live: &Json) -> Vec<String> {
    let Some(desired) = desired else {
        return Vec::new();
    };
    let meta = kind.meta();
    diff(
        meta,
        &Value::from(desired.clone()),
        &meta.project(live),
        None,
    )
    .iter()
    .map(|change| {
        format!(
            "{} is {} instead of {}",
            change.path, change.before, change.after
        )
    })
    .collect()
}

fn is_ours(kind: &dyn Kind, id: &str, live: &Json) -> bool {
    let carrier = kind.meta().carrier;
    carrier == Carrier::Parent || matches!(Marker::read(carrier, id, live), Ownership::Ours(_))
}

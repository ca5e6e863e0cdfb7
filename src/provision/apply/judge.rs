//! Judging an object right before its operation: as planned, already done, or stale.

use serde_json::Value as Json;

use super::Past;
use super::operate::Subject;
use crate::provision::diff::{diff, same_projection};
use crate::provision::plan::{Action, Operation, Step};
use crate::resource::{Carrier, Condition, Kind, Ownership, Value};

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
    subject: &Subject,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    match operation.step {
        Step::Create | Step::Recover => {
            // What shows again is taken for a create of ours that was cut short.
            let shown = subject.resurfaces.then_some(&Past::Begun);
            create(operation, subject, live, past.or(shown))
        }
        // It came with its parent's create; the check after the write says whether it did.
        Step::Carried => Ruling::AlreadyDone,
        Step::Update => update(operation, subject, live, past),
        Step::Delete => delete(operation, subject, live, past),
    }
}

fn create(
    operation: &Operation,
    subject: &Subject,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    let (kind, desired) = (subject.kind, subject.desired.as_ref());
    let Some(live) = live else {
        return Ruling::Go;
    };
    let Some(past) = past else {
        let what = "it exists now; it did not when this was planned";
        return Ruling::Stale(format!("{what}{}", by_whom(live)));
    };
    let wrong = differences(kind, desired, live);
    let may_repeat = desired.is_none_or(|desired| kind.create(&subject.id, desired).idempotent);
    let failed = (*past == Past::Failed || has_failed(kind, live)) && may_repeat;
    if wrong.is_empty() && !failed {
        Ruling::AlreadyDone
    } else if *past == Past::Done {
        Ruling::Stale(format!(
            "this plan had made it, and since then {}",
            wrong.join(", ")
        ))
    } else if !is_ours(operation, subject, live) {
        Ruling::Stale("it exists now, made by somebody else".to_owned())
    } else if may_repeat {
        // Our own create was cut short or failed: the same PUT again completes it.
        Ruling::Go
    } else {
        Ruling::Stale(format!("it was made in part: {}", wrong.join(", ")))
    }
}

fn update(
    operation: &Operation,
    subject: &Subject,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    let (kind, desired) = (subject.kind, subject.desired.as_ref());
    let Some(live) = live else {
        return Ruling::Stale("it is gone".to_owned());
    };
    match past {
        None => as_before(operation, subject, live),
        Some(_) if !differences(kind, desired, live).is_empty() => {
            as_before(operation, subject, live)
        }
        // What failed half-way is sent again: it is the same PUT or PATCH.
        Some(Past::Failed) => Ruling::Go,
        Some(_) if has_failed(kind, live) => Ruling::Go,
        Some(_) => Ruling::AlreadyDone,
    }
}

fn delete(
    operation: &Operation,
    subject: &Subject,
    live: Option<&Json>,
    past: Option<&Past>,
) -> Ruling {
    let (kind, put_back) = (subject.kind, subject.put_back.as_ref());
    match (live, past) {
        (None, Some(_)) => Ruling::AlreadyDone,
        (None, None) => Ruling::Stale("it is gone already".to_owned()),
        // A lock that was put back comes off again for what is still to do.
        (Some(live), Some(Past::Done))
            if put_back.is_some() && differences(kind, put_back, live).is_empty() =>
        {
            Ruling::Go
        }
        // A replace has put a new object in the place of the one that this plan deleted; it may
        // well look the same.
        (Some(_), Some(Past::Done))
            if operation.action == Action::Replace && put_back.is_none() =>
        {
            Ruling::AlreadyDone
        }
        (Some(live), _) => match kind.forbids_delete(live) {
            Some(instead) => Ruling::Stale(format!("it cannot be deleted: {instead}")),
            None => as_before(operation, subject, live),
        },
    }
}

fn as_before(operation: &Operation, subject: &Subject, live: &Json) -> Ruling {
    let kind = subject.kind;
    // Of what is not ours nothing may have moved: it was judged whole.
    if subject.is_excess && operation.before.as_ref() != Some(&kind.project(live)) {
        return Ruling::Stale(format!("it is another one now{}", by_whom(live)));
    }
    if let Some(whose) = not_ours(operation, subject, live) {
        return Ruling::Stale(whose);
    }
    let now = kind.project(live);
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
    Ruling::Stale(format!("{}{}", moved.join(", "), by_whom(live)))
}

/// Who wrote an object last and when, where Azure tells: in `systemData`, and of roles and their
/// assignments in properties of their own.
fn by_whom(live: &Json) -> String {
    const SAID: [(&str, &str); 3] = [
        ("/systemData/lastModifiedBy", "/systemData/lastModifiedAt"),
        ("/properties/updatedBy", "/properties/updatedOn"),
        ("/properties/createdBy", "/properties/createdOn"),
    ];
    let told = |path: &str| live.pointer(path)?.as_str().filter(|it| !it.is_empty());
    let told = SAID.map(|(who, at)| (told(who), told(at)));
    let first = told.iter().find(|(who, at)| who.is_some() || at.is_some());
    match first {
        Some((Some(who), Some(at))) => format!(" (last written by {who} at {at})"),
        Some((Some(who), None)) => format!(" (last written by {who})"),
        Some((None, Some(at))) => format!(" (last written at {at})"),
        Some((None, None)) | None => String::new(),
    }
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
        &kind.project(live),
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

pub(super) fn is_ours(operation: &Operation, subject: &Subject, live: &Json) -> bool {
    subject.kind.meta().carrier == Carrier::Parent
        || subject.ownership(live) == Ownership::Ours(operation.address.environment())
}

/// Whose a live object is that the operation would change or delete, where it is not ours. An
/// adoption is of what is nobody's; what carries no marker is judged by its parent.
fn not_ours(operation: &Operation, subject: &Subject, live: &Json) -> Option<String> {
    if subject.kind.meta().carrier == Carrier::Parent || subject.is_excess {
        return None;
    }
    match subject.ownership(live) {
        Ownership::Ours(owner) if owner == operation.address.environment() => None,
        Ownership::Ours(owner) => Some(format!("it belongs to {owner}")),
        Ownership::Elsewhere(_) | Ownership::Copy | Ownership::Foreign
            if operation.action == Action::Adopt =>
        {
            None
        }
        Ownership::Elsewhere(_) | Ownership::Copy | Ownership::Foreign => {
            Some("it does not carry our marker".to_owned())
        }
    }
}

/// Whether Azure itself says that its last write on the object came to nothing.
pub(super) fn has_failed(kind: &dyn Kind, live: &Json) -> bool {
    kind.condition(live) == Condition::Failed
}

/// Whether Azure is still at work on the object.
pub(super) fn is_in_progress(kind: &dyn Kind, live: &Json) -> bool {
    matches!(kind.condition(live), Condition::Busy | Condition::Leaving)
}

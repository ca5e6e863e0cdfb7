//! The account of a run: how each resource of the plan fared.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::diagnostics::Diagnosis;
use crate::provision::apply::{End, Outcome};
use crate::provision::plan::{Action, Mode, Operation, Plan, Step};
use crate::resource::Address;

/// How one resource fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// By an earlier run of the same plan.
    AlreadyDone,
    Failed(Diagnosis),
    Skipped(String),
}

/// One resource of the plan.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) operation: &'a Operation,
    pub(super) fate: Fate,
    /// What is missing now that stood before the run, where it ended between two halves.
    pub(super) gone: Option<&'static str>,
}

/// How a run ended as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Complete,
    /// Something was done, something was not.
    Partial,
    /// Nothing was carried out.
    Failed,
    /// Nothing was tried: the plan is stale.
    Refused,
}

/// How many resources fared how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) done: usize,
    pub(super) already_done: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    /// Failed and skipped.
    pub(super) remaining: usize,
}

/// Every resource of a plan after a run, in the plan's order.
pub(super) fn entries<'a>(plan: &'a Plan, outcome: &Outcome) -> Vec<Entry<'a>> {
    let first_halves: BTreeMap<&Address, &End> = plan
        .operations
        .iter()
        .zip(&outcome.ends)
        .filter(|(operation, _)| is_first_half(operation))
        .map(|(operation, end)| (&operation.address, end))
        .collect();
    plan.operations
        .iter()
        .zip(&outcome.ends)
        .filter(|(operation, _)| !is_first_half(operation))
        .map(|(operation, end)| {
            let first = first_halves
                .get(&operation.address)
                .filter(|_| operation.action == Action::Replace);
            entry(operation, first.copied(), end)
        })
        .collect()
}

fn is_first_half(operation: &Operation) -> bool {
    operation.action == Action::Replace && operation.step == Step::Delete
}

fn entry<'a>(operation: &'a Operation, first: Option<&End>, second: &End) -> Entry<'a> {
    let is_done = |end: &End| matches!(end, End::Done | End::AlreadyDone);
    let (fate, gone) = match first {
        Some(first) if !is_done(first) => (fate(first), None),
        Some(_) if !is_done(second) => {
            let gone = if operation.is_lift() {
                "the lock is off and was not put back"
            } else {
                "it was deleted and was not created again"
            };
            (fate(second), Some(gone))
        }
        Some(End::Done) => (Fate::Done, None),
        _ => (fate(second), None),
    };
    Entry {
        operation,
        fate,
        gone,
    }
}

fn fate(end: &End) -> Fate {
    match end {
        End::Done => Fate::Done,
        End::AlreadyDone => Fate::AlreadyDone,
        End::Failed(error) => Fate::Failed(error.into()),
        End::Skipped(reason) => Fate::Skipped(reason.clone()),
    }
}

/// How the run ended as a whole.
pub(super) fn status(outcome: &Outcome) -> Status {
    if outcome.refused {
        Status::Refused
    } else if outcome.is_complete() {
        Status::Complete
    } else if outcome.changed_anything() {
        Status::Partial
    } else {
        Status::Failed
    }
}

/// How many resources fared how.
pub(super) fn count(entries: &[Entry<'_>]) -> Counts {
    let mut counts = Counts::default();
    for entry in entries {
        match entry.fate {
            Fate::Done => counts.done += 1,
            Fate::AlreadyDone => counts.already_done += 1,
            Fate::Failed(_) => counts.failed += 1,
            Fate::Skipped(_) => counts.skipped += 1,
        }
    }
    counts.remaining = counts.failed + counts.skipped;
    counts
}

/// `Applied to dev, prod on emulator`, or what there is to say instead.
pub(super) fn title(plan: &Plan, outcome: &Outcome) -> String {
    let names = super::super::plan::environments(plan).join(", ");
    let place = format!("{names} on {}", plan.target.cloud);
    let (done, doing, to_do) = match plan.mode {
        Mode::Apply => (
            "Applied to",
            "Stopped while applying to",
            "Failed to apply to",
        ),
        Mode::Revoke => (
            "Revoked in",
            "Stopped while revoking in",
            "Failed to revoke in",
        ),
        Mode::Destroy => ("Destroyed", "Stopped while destroying", "Failed to destroy"),
    };
    match (status(outcome), outcome.stopped) {
        (Status::Complete, _) => format!("{done} {place}"),
        (Status::Refused, _) => format!("Refused, nothing was changed in {place}"),
        (_, true) => format!("{doing} {place}"),
        (Status::Partial, false) => format!("In part: {} {place}", done.to_lowercase()),
        (Status::Failed, false) => format!("{to_do} {place}"),
    }
}

/// `10 done (4 by an earlier run)`, `1 failed`, `2 skipped`.
pub(super) fn words(counts: &Counts) -> Vec<String> {
    let done = counts.done + counts.already_done;
    let mut words = vec![match counts.already_done {
        0 => format!("{done} done"),
        earlier => format!("{done} done ({earlier} by an earlier run)"),
    }];
    for (count, word) in [(counts.failed, "failed"), (counts.skipped, "skipped")] {
        if count > 0 {
            words.push(format!("{count} {word}"));
        }
    }
    words
}

/// `1 to create`, `2 to update`: what a next run has to do.
pub(super) fn remaining(entries: &[Entry<'_>]) -> Vec<String> {
    let mut counts: BTreeMap<(Action, &str), usize> = BTreeMap::new();
    for entry in entries {
        if matches!(entry.fate, Fate::Failed(_) | Fate::Skipped(_)) {
            let operation = entry.operation;
            let what = match (operation.is_lift(), operation.action, entry.gone.is_some()) {
                (true, _, true) => "locks to put back",
                (true, _, false) => "locks to lift and put back",
                (false, Action::Replace, true) => "to create again",
                (false, Action::Create, _) => "to create",
                (false, Action::Recover, _) => "to recover",
                (false, Action::Adopt, _) => "to adopt",
                (false, Action::Update, _) => "to update",
                (false, Action::Replace, false) => "to replace",
                (false, Action::Delete, _) => "to delete",
            };
            *counts.entry((operation.action, what)).or_insert(0) += 1;
        }
    }
    let told = |((_, what), count): ((Action, &str), usize)| match count {
        1 => format!("1 {}", what.replace("locks", "lock")),
        n => format!("{n} {what}"),
    };
    counts.into_iter().map(told).collect()
}

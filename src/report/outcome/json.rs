//! An outcome as a JSON document: every operation with its end, the resources counted.

use serde::Serialize;

use super::super::diagnostics::Diagnosis;
use super::super::json::{VERSION, document};
use super::account::{self, Counts, Status};
use crate::provision::apply::{End, Outcome};
use crate::provision::plan::{self, Action, Plan, Step};
use crate::resource::{Address, EnvironmentName};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    digest: String,
    status: Status,
    stopped: bool,
    environments: &'a [EnvironmentName],
    summary: Counts,
    missing: Vec<Missing<'a>>,
    operations: Vec<Line<'a>>,
}

/// Something that stood before the run and does not now, though it should.
#[derive(Serialize)]
struct Missing<'a> {
    address: &'a Address,
    what: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    number: usize,
    address: &'a Address,
    kind: &'a str,
    action: Action,
    step: Step,
    end: &'static str,
    failure: Option<Diagnosis>,
    reason: Option<&'a str>,
}

pub(super) fn render(plan: &Plan, outcome: &Outcome) -> String {
    let entries = account::entries(plan, outcome);
    let missing = entries.iter().filter_map(|entry| {
        let what = entry.gone?;
        let address = &entry.operation.address;
        Some(Missing { address, what })
    });
    let ends = plan.operations.iter().zip(&outcome.ends).enumerate();
    document(&Document {
        version: VERSION,
        cloud: &plan.target.cloud,
        kind: "outcome",
        digest: plan::digest(plan),
        status: account::status(outcome),
        stopped: outcome.stopped,
        environments: &plan.environments,
        summary: account::count(&entries),
        missing: missing.collect(),
        operations: ends
            .map(|(number, (operation, end))| {
                let (word, failure, reason) = told(end);
                Line {
                    number,
                    address: &operation.address,
                    kind: &operation.kind,
                    action: operation.action,
                    step: operation.step,
                    end: word,
                    failure,
                    reason,
                }
            })
            .collect(),
    })
}

fn told(end: &End) -> (&'static str, Option<Diagnosis>, Option<&str>) {
    match end {
        End::Done => ("done", None, None),
        End::AlreadyDone => ("already_done", None, None),
        End::Failed(error) => ("failed", Some(error.into()), None),
        End::Skipped(reason) => ("skipped", None, Some(reason)),
    }
}

//! Applying: an approved plan is carried out, every choice having been made.
//!
//! [`apply`] turns an [`ApprovedPlan`] into an [`Outcome`], journalling each step before it is
//! taken. Invariants: an object is re-read right before its operation and must be as planned;
//! `begun` is durable before a request leaves; independent branches go on after a failure; a
//! lifted lock is put back whatever happens. It must not decide anything: what does not fit the
//! plan is stale.

mod exchange;
mod judge;
mod operate;
mod outcome;
mod schedule;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

pub use outcome::{End, OperationError, Outcome, joined};

use super::guard::ApprovedPlan;
use super::plan::{self, Plan};
use super::ports::{Event, Ports, Progress, StoreError};
use crate::resource::{Kinds, Outputs};
use operate::Run;
use schedule::Schedule;

/// How an apply goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many operations run at the same time, at least one.
    pub parallelism: usize,
    /// Turns true when no new operation may begin.
    pub stop: watch::Receiver<bool>,
    /// Whether the plan comes from a file: then every object is re-read before the first
    /// operation, and what the journal says of earlier runs of it counts.
    pub check_first: bool,
}

/// Carries out a plan.
///
/// # Errors
/// [`StoreError`] when the journal cannot be read or begun: nothing has been sent then.
pub async fn apply(
    approved: &ApprovedPlan,
    kinds: Kinds,
    ports: &Ports,
    mut options: Options,
) -> Result<Outcome, StoreError> {
    let plan = approved.plan();
    let digest = plan::digest(plan);
    // A plan made a moment ago rests on what was just read; what an equal plan did in the past
    // says nothing about it. A plan from a file may have been begun before.
    let entries = match options.check_first {
        true => ports.journal.entries(&digest).await?,
        false => Vec::new(),
    };
    let mut run = Run::new(plan, digest, kinds, ports.clone(), &entries);
    if run.is_complete() && !run.still_stands().await {
        run.forget_past();
    }
    let run = Arc::new(run);
    if options.check_first {
        let stale = run.stale_before_start().await;
        if !stale.is_empty() {
            return Ok(Outcome::refused(plan, stale));
        }
    }
    let environments = plan.environments.clone();
    run.record(Event::RunStarted { environments }).await?;
    let (schedule, is_stopped) = carry_out(&run, plan, ports, &mut options).await;
    let outcome = schedule.into_outcome(run.outputs(), is_stopped);
    // The journal may be what failed; the outcome says so already.
    if let Err(error) = run
        .record(Event::RunEnded {
            complete: outcome.is_complete(),
        })
        .await
    {
        tracing::warn!(%error, "the end of the run is not in the journal");
    }
    Ok(outcome)
}

/// Begins what may run until nothing is left or the run is stopped; what came of each, and whether it
/// was stopped.
async fn carry_out<'p>(
    run: &Arc<Run>,
    plan: &'p Plan,
    ports: &Ports,
    options: &mut Options,
) -> (Schedule<'p>, bool) {
    let mut schedule = Schedule::new(plan);
    let mut running = FuturesUnordered::new();
    let mut stopped = None;
    let mut may_be_stopped = true;
    loop {
        if stopped.is_none() && *options.stop.borrow() {
            stopped = Some("the run was stopped".to_owned());
            let in_flight = running.len();
            ports.observer.event(Progress::Stopping { in_flight });
        }
        while running.len() < options.parallelism.max(1) {
            let Some(index) = schedule.next(stopped.as_deref()) else {
                break;
            };
            let run = Arc::clone(run);
            ports.observer.event(Progress::Started { operation: index });
            running.push(async move { (index, run.operate(index).await) });
        }
        for (index, reason) in schedule.take_skipped() {
            ports.observer.event(Progress::Skipped {
                operation: index,
                reason,
            });
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((index, end)) = running.next() => {
                if let End::Failed(OperationError::Store(error)) = &end {
                    stopped.get_or_insert(format!(
                        "the journal cannot be written: {error}; run again, and what was begun is \
                         looked at first"
                    ));
                }
                report(ports, index, &end);
                schedule.finish(index, end);
            }
            changed = options.stop.changed(), if may_be_stopped && stopped.is_none() => {
                // With the sender gone, nobody is left who could stop the run.
                may_be_stopped = changed.is_ok();
            }
        }
    }
    (schedule, stopped.is_some())
}

fn report(ports: &Ports, operation: usize, end: &End) {
    ports.observer.event(match end {
        End::Done => Progress::Done { operation },
        End::AlreadyDone => Progress::AlreadyDone { operation },
        End::Failed(error) => Progress::Failed {
            operation,
            reason: error.to_string(),
        },
        End::Skipped(reason) => Progress::Skipped {
            operation,
            reason: reason.clone(),
        },
    });
}

/// The outputs that an earlier run of the same plan has journalled.
fn journalled_outputs(entries: &[super::ports::Entry]) -> Outputs {
    let mut outputs = Outputs::default();
    for entry in entries {
        if let Event::Done {
            address,
            outputs: found,
            ..
        } = &entry.event
            && !found.is_empty()
        {
            outputs.insert(address.clone(), found.clone());
        }
    }
    outputs
}

/// How far an earlier run of the same plan came with one operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Past {
    /// Its request may have left.
    Begun,
    /// Azure refused it, or gave up on it after taking it.
    Failed,
    /// Azure took it and went on with it.
    Accepted(Box<super::ports::Pending>),
    /// It was done.
    Done,
}

/// What the journal says of each operation of a plan.
fn past(entries: &[super::ports::Entry]) -> BTreeMap<usize, Past> {
    let mut past = BTreeMap::new();
    for entry in entries {
        match &entry.event {
            Event::Begun { operation, .. } => {
                past.insert(*operation, Past::Begun);
            }
            Event::Accepted { operation, pending } => {
                past.insert(*operation, Past::Accepted(Box::new(pending.clone())));
            }
            Event::Done { operation, .. } => {
                past.insert(*operation, Past::Done);
            }
            Event::Failed {
                operation, failure, ..
            } if failure.is_final() => {
                // Only what was begun can have left something behind.
                past.entry(*operation)
                    .and_modify(|past| *past = Past::Failed);
            }
            Event::Failed { .. } | Event::RunStarted { .. } | Event::RunEnded { .. } => {}
        }
    }
    past
}

#[cfg(test)]
mod tests;

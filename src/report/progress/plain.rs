//! Time-stamped lines for logs: `12:03:07 + prod.registry: creating`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::super::layout::plain;
use super::super::sign;
use super::super::style::Style;
use super::stopping;
use super::subject::{Subject, subjects};
use crate::provision::plan::Plan;
use crate::provision::ports::{Observer, Progress};

const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

/// Tells the time, UTC.
pub type Clock = Box<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Writes a line per event. Times are UTC.
pub struct Plain {
    subjects: Vec<Subject>,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    started: BTreeMap<usize, OffsetDateTime>,
}

impl Plain {
    /// Lines on stderr about the operations of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let clock = Box::new(OffsetDateTime::now_utc);
        Self::to(plan, Box::new(std::io::stderr()), clock)
    }

    /// Lines on `out`, stamped by `clock`.
    pub fn to(plan: &Plan, out: Box<dyn Write + Send>, clock: Clock) -> Self {
        Self {
            subjects: subjects(plan),
            clock,
            state: Mutex::new(State {
                out,
                started: BTreeMap::new(),
            }),
        }
    }

    fn line(&self, number: usize, mark: Option<&str>, what: &str) {
        let Some(subject) = self.subjects.get(number) else {
            return;
        };
        let now = (self.clock)();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let took = state.started.get(&number).map(|since| now - *since);
        let what = match (what, took) {
            ("", Some(took)) => {
                // A clock that was set back counts as no time.
                let elapsed = took.try_into().unwrap_or_default();
                format!("{} ({})", subject.done, super::subject::took(elapsed))
            }
            ("", None) => subject.done.to_owned(),
            (what, _) => what.to_owned(),
        };
        let stamp = now.format(CLOCK).unwrap_or_default();
        let style = Style {
            colour: false,
            width: u16::MAX,
            unicode: true,
        };
        let mark = mark.unwrap_or(sign::of(subject.action, &style));
        // A log that cannot be written must not stop the run.
        let _lost = writeln!(state.out, "{stamp} {mark} {}: {what}", subject.address);
        let _lost = state.out.flush();
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain")
            .field("subjects", &self.subjects.len())
            .finish_non_exhaustive()
    }
}

impl Observer for Plain {
    fn event(&self, event: Progress) {
        match event {
            Progress::Stopping { in_flight } => {
                let stamp = (self.clock)().format(CLOCK).unwrap_or_default();
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                // A log that cannot be written must not stop the run.
                let _lost = writeln!(state.out, "{stamp} ! {}", stopping(in_flight));
            }
            Progress::Started { operation } => {
                let now = (self.clock)();
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.started.insert(operation, now);
                drop(state);
                if let Some(subject) = self.subjects.get(operation) {
                    self.line(operation, None, subject.doing);
                }
            }
            Progress::Waiting { operation } => self.line(operation, None, "waiting for Azure"),
            Progress::Done { operation } => self.line(operation, None, ""),
            Progress::AlreadyDone { operation } => {
                self.line(operation, None, "done already, by an earlier run");
            }
            Progress::Failed { operation, reason } => {
                let what = format!("failed: {}", plain(&reason));
                self.line(operation, Some(sign::REFUSED), &what);
            }
            Progress::Skipped { operation, reason } => {
                let what = format!("skipped: {}", plain(&reason));
                self.line(operation, Some(sign::REFUSED), &what);
            }
        }
    }
}

//! Moving lines on a terminal: one per running operation, a bar below, what ended above.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::super::layout::{clip, pad, plain};
use super::super::sign;
use super::super::style::{Style, Tone};
use super::stopping;
use super::subject::{Subject, subjects, took};
use crate::provision::plan::Plan;
use crate::provision::ports::{Observer, Progress};

/// How often elapsed times move on.
const TICK: Duration = Duration::from_millis(200);
/// A running operation: spinner, what it is, how long it has been running.
const LINE: &str = "{spinner} {wide_msg} {took:>10}";
/// The whole run.
const BAR: &str = "  [{bar:24}] {pos}/{len}{msg}";

/// Draws the operations of a plan on a terminal. Clears its lines when dropped; what ended
/// stays above.
pub struct Terminal {
    subjects: Vec<Subject>,
    style: Style,
    tick: Option<Duration>,
    lines: MultiProgress,
    total: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<usize, ProgressBar>,
    failed: usize,
    skipped: usize,
}

impl Terminal {
    /// Lines on stderr about the operations of `plan`.
    pub fn new(plan: &Plan, style: &Style) -> Self {
        Self::on(plan, style, ProgressDrawTarget::stderr(), Some(TICK))
    }

    /// Lines on `target`; without `tick` they move with events only.
    pub fn on(
        plan: &Plan,
        style: &Style,
        target: ProgressDrawTarget,
        tick: Option<Duration>,
    ) -> Self {
        let subjects = subjects(plan);
        let lines = MultiProgress::with_draw_target(target);
        let total = lines.add(ProgressBar::new(subjects.len() as u64));
        total.set_style(bar(style));
        Self {
            subjects,
            style: *style,
            tick,
            lines,
            total,
            state: Mutex::default(),
        }
    }

    /// `+ prod.registry: creating`.
    fn label(&self, subject: &Subject, what: &str) -> String {
        let sign = pad(sign::of(subject.action, &self.style), 2);
        let named = format!("{sign}{}", subject.address);
        let named = self.style.paint(sign::tone(subject.action), &named);
        format!("{named}: {what}")
    }

    fn start(&self, number: usize, subject: &Subject) {
        let line = ProgressBar::new_spinner().with_style(running(&self.style));
        let line = self.lines.insert_before(&self.total, line);
        line.set_message(self.label(subject, subject.doing));
        if let Some(tick) = self.tick {
            line.enable_steady_tick(tick);
        }
        self.state().running.insert(number, line);
        self.total.tick();
    }

    fn wait(&self, number: usize, subject: &Subject) {
        if let Some(line) = self.state().running.get(&number) {
            let what = format!("{}, waiting for Azure", subject.doing);
            line.set_message(self.label(subject, &what));
        }
    }

    /// Prints how an operation ended above the moving lines, and moves the bar on.
    fn end(&self, number: usize, told: impl FnOnce(Option<Duration>) -> String) {
        let mut state = self.state();
        let line = state.running.remove(&number);
        let elapsed = line.as_ref().map(ProgressBar::elapsed);
        if let Some(line) = line {
            line.finish_and_clear();
            self.lines.remove(&line);
        }
        // A terminal that is gone must not stop the run.
        let _lost = self.lines.println(told(elapsed));
        let mut remark = String::new();
        for (count, word) in [(state.failed, "failed"), (state.skipped, "skipped")] {
            if count > 0 {
                let _never = write!(remark, ", {count} {word}");
            }
        }
        self.total.set_message(remark);
        self.total.inc(1);
    }

    /// What did not go well, in red, on one line.
    fn trouble(&self, subject: &Subject, word: &str, reason: &str) -> String {
        let line = format!("! {}: {word}: {}", subject.address, plain(reason));
        let line = clip(&line, self.style.columns() - 1, &self.style);
        self.style.paint(Tone::Bad, &line)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Terminal {
    fn event(&self, event: Progress) {
        if let Progress::Stopping { in_flight } = event {
            let line = self.style.paint(Tone::Bad, &stopping(in_flight));
            // A terminal that is gone must not stop the run.
            let _lost = self.lines.println(line);
        }
        let (Progress::Started { operation }
        | Progress::Waiting { operation }
        | Progress::Done { operation }
        | Progress::AlreadyDone { operation }
        | Progress::Failed { operation, .. }
        | Progress::Skipped { operation, .. }) = &event
        else {
            return;
        };
        let number = *operation;
        let Some(subject) = self.subjects.get(number) else {
            return;
        };
        match event {
            Progress::Stopping { .. } => {}
            Progress::Started { .. } => self.start(number, subject),
            Progress::Waiting { .. } => self.wait(number, subject),
            Progress::Done { .. } => self.end(number, |elapsed| {
                let elapsed = elapsed.map(|e| format!(" ({})", took(e)));
                let what = format!("{}{}", subject.done, elapsed.unwrap_or_default());
                self.label(subject, &what)
            }),
            Progress::AlreadyDone { .. } => self.end(number, |_| {
                self.label(subject, "done already, by an earlier run")
            }),
            Progress::Failed { reason, .. } => {
                self.state().failed += 1;
                self.end(number, |_| self.trouble(subject, "failed", &reason));
            }
            Progress::Skipped { reason, .. } => {
                self.state().skipped += 1;
                self.end(number, |_| self.trouble(subject, "skipped", &reason));
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for line in std::mem::take(&mut self.state().running).into_values() {
            line.finish_and_clear();
        }
        self.total.finish_and_clear();
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("subjects", &self.subjects.len())
            .finish_non_exhaustive()
    }
}

fn running(style: &Style) -> ProgressStyle {
    let line = ProgressStyle::with_template(LINE)
        .expect("the template is a constant, and the tests draw with it")
        .with_key("took", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _never = out.write_str(&took(state.elapsed()));
        });
    if style.unicode {
        line
    } else {
        line.tick_chars("|/-\\ ")
    }
}

fn bar(style: &Style) -> ProgressStyle {
    let bar = ProgressStyle::with_template(BAR)
        .expect("the template is a constant, and the tests draw with it");
    bar.progress_chars(if style.unicode { "━╸ " } else { "=> " })
}

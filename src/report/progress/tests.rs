//! What people see while a plan is applied.

use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{InMemoryTerm, ProgressDrawTarget};
use insta::assert_snapshot;
use textwrap::core::display_width;
use time::{Duration as Span, OffsetDateTime};

use super::super::testing::{STYLE, empty, every_action, operation};
use super::subject::took;
use super::{Plain, Terminal};
use crate::provision::plan::{Action, Plan, Step};
use crate::provision::ports::{Observer, Progress};

/// What was written, and a clock that moves on by 1.4 s with each look at it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn plain(plan: &Plan, log: &Log) -> Plain {
    let looks = AtomicI64::new(0);
    let noon = OffsetDateTime::UNIX_EPOCH + Span::hours(12);
    let clock = move || noon + Span::milliseconds(1_400 * looks.fetch_add(1, Ordering::Relaxed));
    Plain::to(plan, Box::new(log.clone()), Box::new(clock))
}

fn failed(operation: usize) -> Progress {
    Progress::Failed {
        operation,
        reason: "AuthorizationFailed: you may not\r\n do that".to_owned(),
    }
}

fn skipped(operation: usize) -> Progress {
    Progress::Skipped {
        operation,
        reason: "it needs dev.registry".to_owned(),
    }
}

#[test]
fn a_log_has_a_line_per_event() {
    let (plan, log) = (every_action(), Log::default());
    let watcher = plain(&plan, &log);
    for event in [
        Progress::Started { operation: 0 },
        Progress::Started { operation: 1 },
        Progress::Waiting { operation: 1 },
        Progress::Done { operation: 0 },
        failed(1),
        skipped(2),
        Progress::Started { operation: 6 },
        Progress::AlreadyDone { operation: 6 },
        Progress::Started { operation: 9 },
        Progress::Done { operation: 9 },
        Progress::Started { operation: 10 },
        Progress::Done { operation: 10 },
        Progress::Started { operation: 999 },
    ] {
        watcher.event(event);
    }
    let written = log.0.lock().expect("not poisoned").clone();
    assert_snapshot!(String::from_utf8(written).expect("text"), @r#"
    12:00:01 + dev.group: creating
    12:00:04 + dev.registry: creating
    12:00:05 + dev.registry: waiting for Azure
    12:00:07 + dev.group: created (7.0 s)
    12:00:08 ! dev.registry: failed: AuthorizationFailed: you may not do that
    12:00:09 ! dev.grant.promotion-engine.registry.pull: skipped: it needs dev.registry
    12:00:12 ← prod.group: adopting
    12:00:14 ← prod.group: done already, by an earlier run
    12:00:16 ± prod.registry.lock: lifting
    12:00:18 ± prod.registry.lock: lifted (2.8 s)
    12:00:21 ± prod.registry.lock: putting back
    12:00:22 ± prod.registry.lock: put back (2.8 s)
    "#);
}

#[test]
fn a_log_that_is_gone_stops_nothing() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    let clock = Box::new(|| OffsetDateTime::UNIX_EPOCH);
    let watcher = Plain::to(&every_action(), Box::new(Gone), clock);
    watcher.event(Progress::Started { operation: 0 });
}

/// A terminal on which lines move with events only.
fn terminal(plan: &Plan, screen: &InMemoryTerm) -> Terminal {
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    Terminal::on(plan, &STYLE, target, None)
}

#[test]
fn a_terminal_shows_what_runs_below_what_ended() {
    let (plan, screen) = (every_action(), InMemoryTerm::new(24, 80));
    let watcher = terminal(&plan, &screen);
    for event in [
        Progress::Started { operation: 0 },
        Progress::Started { operation: 1 },
        Progress::Started { operation: 5 },
        Progress::Waiting { operation: 5 },
        Progress::AlreadyDone { operation: 0 },
        failed(1),
        skipped(2),
    ] {
        watcher.event(event);
    }
    // Elapsed times are the machine's.
    let shown = screen.contents().replace(char::is_numeric, "0");
    assert_snapshot!(shown, @r#"
    + dev.group: done already, by an earlier run
    ! dev.registry: failed: AuthorizationFailed: you may not do that
    ! dev.grant.promotion-engine.registry.pull: skipped: it needs dev.registry
    ⠁ ~ prod.registry: updating, waiting for Azure                             0.0 s
      [━━━━━━╸                 ] 0/00, 0 failed, 0 skipped
    "#);
    drop(watcher);
    assert_eq!(
        screen.contents().lines().count(),
        3,
        "{}",
        screen.contents()
    );
}

#[test]
fn eight_at_once_fit_into_eighty_columns() {
    let mut plan = empty(&["dev"], 0);
    for number in 0..8 {
        let at = format!(
            "dev.grant.a-principal-with-a-very-long-name-{number}.registry.import-and-pull"
        );
        plan.operations.push(operation(
            &at,
            "x",
            "/x",
            Action::Create,
            Step::Create,
            "new",
        ));
    }
    let screen = InMemoryTerm::new(24, 80);
    let watcher = terminal(&plan, &screen);
    for operation in 0..8 {
        watcher.event(Progress::Started { operation });
        watcher.event(Progress::Waiting { operation });
    }
    let shown = screen.contents();
    assert_eq!(shown.lines().count(), 9, "{shown}");
    for line in shown.lines() {
        assert!(display_width(line) <= 80, "{line}");
    }
    assert!(shown.ends_with("0/8"), "{shown}");
}

#[test]
fn long_waits_are_told_in_minutes() {
    for (elapsed, text) in [
        (2_100, "2.1 s"),
        (59_940, "59.9 s"),
        (245_000, "4 min 05 s"),
    ] {
        assert_eq!(took(Duration::from_millis(elapsed)), text);
    }
}

//! The clocks: one stamps what the store holds, one tells how long a lease still is.
//!
//! ## Why
//! A lease is measured on the boot clock: it goes on while the machine sleeps and nobody can
//! set it, so a holder that was suspended sees that its time is over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration as Span;

use futures::future::BoxFuture;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{Duration, UtcDateTime};

const RFC3339: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const FILE_NAME: StaticFormatDescription =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:9]Z");

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now, UTC.
    fn now(&self) -> UtcDateTime;

    /// How long the machine has been up, its sleep included.
    fn since_boot(&self) -> Span;

    /// Ends after `span` of this clock.
    fn sleep(&self, span: Span) -> BoxFuture<'static, ()>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UtcDateTime {
        UtcDateTime::now()
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn since_boot(&self) -> Span {
        let read = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Span::new(
            u64::try_from(read.tv_sec).unwrap_or_default(),
            u32::try_from(read.tv_nsec).unwrap_or_default(),
        )
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn since_boot(&self) -> Span {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }

    fn sleep(&self, span: Span) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A clock that stands still until it is moved. Whoever sleeps on it moves it.
#[derive(Debug)]
pub struct ManualClock(Mutex<(UtcDateTime, Span)>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: UtcDateTime) -> Self {
        Self(Mutex::new((now, Span::ZERO)))
    }

    /// Moves the clock by `by`. Backwards, where that is negative, goes only what can be set:
    /// not the time since boot.
    pub fn advance(&self, by: Duration) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.0 = shown.0.saturating_add(by);
        shown.1 += Span::try_from(by).unwrap_or_default();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcDateTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn since_boot(&self) -> Span {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn sleep(&self, span: Span) -> BoxFuture<'static, ()> {
        self.advance(Duration::try_from(span).unwrap_or(Duration::MAX));
        Box::pin(std::future::ready(()))
    }
}

/// The time as RFC 3339 in UTC, with milliseconds.
pub(super) fn rfc3339(at: UtcDateTime) -> String {
    at.format(RFC3339)
        .expect("the format has only parts that every time has")
}

/// The time as file names have it: no colons, and in the order of time when sorted.
pub(super) fn file_stamp(at: UtcDateTime) -> String {
    at.format(FILE_NAME)
        .expect("the format has only parts that every time has")
}

/// The time that [`file_stamp`] wrote; `None` for any other text.
pub(super) fn parse_file_stamp(text: &str) -> Option<UtcDateTime> {
    let at = UtcDateTime::parse(text, FILE_NAME).ok()?;
    (file_stamp(at) == text).then_some(at)
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn times_are_utc_and_file_stamps_keep_every_nanosecond() {
        let at = utc_datetime!(2026-07-31 10:15:30.120000007);
        assert_eq!(rfc3339(at), "2026-07-31T10:15:30.120Z");
        assert_eq!(file_stamp(at), "20260731T101530.120000007Z");
        assert_eq!(parse_file_stamp(&file_stamp(at)), Some(at));
        assert_eq!(parse_file_stamp("20260731T101530Z"), None);
        assert_eq!(parse_file_stamp("20260731T101530.120000007Z copy"), None);
    }
}

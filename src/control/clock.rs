//! The clock that stamps what the store holds, so that tests can be told what time it is.

use std::sync::{Mutex, PoisonError};

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
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UtcDateTime {
        UtcDateTime::now()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<UtcDateTime>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: UtcDateTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock by `by`, backwards where that is negative.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

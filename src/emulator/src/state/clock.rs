//! The emulator's own clock: the system's time plus an offset that tests move.

use std::sync::atomic::{AtomicI64, Ordering};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

/// A clock that only its owner moves beyond the system's time.
#[derive(Debug)]
pub struct Clock {
    offset_seconds: AtomicI64,
}

impl Clock {
    pub fn new(offset_seconds: i64) -> Self {
        Self {
            offset_seconds: AtomicI64::new(offset_seconds),
        }
    }

    pub fn now(&self) -> Moment {
        Moment(OffsetDateTime::now_utc().saturating_add(Duration::seconds(self.offset())))
    }

    /// Seconds ahead of the system's time.
    pub fn offset(&self) -> i64 {
        self.offset_seconds.load(Ordering::Relaxed)
    }

    pub fn set_offset(&self, seconds: i64) {
        self.offset_seconds.store(seconds, Ordering::Relaxed);
    }

    pub fn advance(&self, seconds: i64) {
        self.set_offset(self.offset().saturating_add(seconds));
    }
}

/// A point in time, in the spellings that Azure uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(OffsetDateTime);

impl Moment {
    /// Seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// The ticks (100 ns since the year 1) that signed poll addresses carry.
    pub fn ticks(self) -> i128 {
        self.0.unix_timestamp_nanos() / 100 + 621_355_968_000_000_000
    }

    /// `2023-12-21T23:56:35.1020897Z`, without trailing zeros.
    pub fn zulu(self) -> String {
        format!("{}Z", self.fraction())
    }

    /// `2023-12-21T23:56:35.1020897+00:00`, without trailing zeros.
    pub fn offset_form(self) -> String {
        format!("{}+00:00", self.fraction())
    }

    /// `2023-12-21 23:56:35Z`, as Entra's errors print it.
    pub fn spaced(self) -> String {
        self.print(format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second]Z"
        ))
    }

    /// `20231221T235635Z`, as `x-ms-routing-request-id` prints it.
    pub fn compact(self) -> String {
        self.print(format_description!(
            "[year][month][day]T[hour][minute][second]Z"
        ))
    }

    /// `12/21/2023 11:56:35 PM`, as ARM's token errors print it.
    pub fn american(self) -> String {
        self.print(format_description!(
            "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
        ))
    }

    /// `Thu, 21 Dec 2023 23:56:35 GMT`, the HTTP date.
    pub fn http(self) -> String {
        self.print(format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        ))
    }

    fn fraction(self) -> String {
        let text = self.print(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]"
        ));
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    fn print(self, format: &[time::format_description::BorrowedFormatItem<'_>]) -> String {
        self.0
            .format(format)
            .expect("these formats use only parts that every date has")
    }
}

/// The moment `seconds` after 1970, clamped to what dates can say.
impl From<i64> for Moment {
    fn from(seconds: i64) -> Self {
        Self(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let moment = Moment::from(1_703_202_995);
        assert_eq!(moment.zulu(), "2023-12-21T23:56:35Z");
        assert_eq!(moment.american(), "12/21/2023 11:56:35 PM");
        assert_eq!(moment.http(), "Thu, 21 Dec 2023 23:56:35 GMT");
        assert_eq!(moment.compact(), "20231221T235635Z");
        assert_eq!(moment.ticks(), 638_387_997_950_000_000);
    }

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = Clock::new(0);
        let before = clock.now();
        clock.advance(3600);
        assert!(clock.now().seconds() >= before.seconds() + 3600);
    }
}

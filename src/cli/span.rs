//! Spans and moments as people type them: `8h`, `7d`, `2026-07-31`.

use std::str::FromStr;
use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, UtcDateTime};

/// A length of time, such as `90m`, `8h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no length of time, such as 20ms, 90m, 8h or 7d");
        let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
        let milliseconds: u64 = match &text[digits.len()..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        let length = count.checked_mul(milliseconds).filter(|it| *it > 0);
        Ok(Self(Duration::from_millis(length.ok_or_else(wrong)?)))
    }
}

/// A moment: a day, an RFC 3339 time, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// At this time.
    At(UtcDateTime),
    /// So long before now.
    Ago(Duration),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(Span(ago)) = text.parse() {
            return Ok(Self::Ago(ago));
        }
        if let Ok(at) = UtcDateTime::parse(text, &Rfc3339) {
            return Ok(Self::At(at));
        }
        let day = Date::parse(text, format_description!("[year]-[month]-[day]"));
        let day = day.map_err(|_| {
            format!("`{text}` is no moment: a day (2026-07-31), an RFC 3339 time, or 24h for so long ago")
        })?;
        Ok(Self::At(day.midnight().as_utc()))
    }
}

impl Since {
    /// The moment, seen from `now`.
    pub fn from(self, now: UtcDateTime) -> UtcDateTime {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.saturating_sub(ago.try_into().unwrap_or(time::Duration::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn spans_and_moments_are_told_from_nonsense() {
        let short: Result<Span, _> = "20ms".parse();
        assert_eq!(short, Ok(Span(Duration::from_millis(20))));
        for (text, seconds) in [("1s", 1), ("90m", 5400), ("8h", 28_800), ("7d", 604_800)] {
            assert_eq!(
                text.parse(),
                Ok(Span(Duration::from_secs(seconds))),
                "{text}"
            );
        }
        for wrong in [
            "",
            "h",
            "8",
            "0h",
            "-1h",
            "8 h",
            "1w",
            "99999999999999999999d",
        ] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
        let now = utc_datetime!(2026-07-31 10:15:30);
        let since = |text: &str| text.parse::<Since>().expect("a moment").from(now);
        assert_eq!(since("30m"), utc_datetime!(2026-07-31 9:45:30));
        assert_eq!(since("2026-07-01"), utc_datetime!(2026-07-01 0:00));
        assert_eq!(
            since("2026-07-01T12:00:00+02:00"),
            utc_datetime!(2026-07-01 10:00)
        );
    }
}

//! When keys expire, as TOML says it.
//!
//! ## Why
//! A key that has expired is no mistake: it is kept for what it has signed, and a declaration that
//! was right must not become wrong overnight. Whoever still means to sign with it is warned.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time};

use super::Sections;
use crate::resource::Problem;

/// The Unix time of a date's end or of an RFC 3339 time.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let date = time::macros::format_description!("[year]-[month]-[day]");
    let end = || {
        let last = Time::from_hms(23, 59, 59).ok()?;
        Some(Date::parse(text, date).ok()?.with_time(last).assume_utc())
    };
    let at = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(end)?;
    Some(at.unix_timestamp())
}

/// Keys that may be used and have expired by `now`.
pub(super) fn expired(sections: &Sections, now: OffsetDateTime) -> Vec<Problem> {
    let keys = sections.vault.iter().flat_map(|vault| &vault.keys);
    let usable = keys.filter(|(_, key)| key.enabled);
    let over = usable.filter_map(|(name, key)| {
        let text = key.expires.as_deref()?;
        seconds(text)
            .is_some_and(|end| end <= now.unix_timestamp())
            .then(|| {
                let message = format!("`{text}` is past: nothing can be signed with this key");
                Problem::below(["vault", "keys", name, "expires"], message).help(
                    "say a later day, or sign with a key of another name; `enabled = false` says \
                     that this one is only kept for what it has signed",
                )
            })
    });
    over.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_its_end() {
        assert_eq!(seconds("1970-01-01"), Some(86_399));
        assert_eq!(seconds("1970-01-01T01:00:00+01:00"), Some(0));
        for nonsense in ["", "tomorrow", "2027-13-01", "2027-12-31T00:00"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }
}

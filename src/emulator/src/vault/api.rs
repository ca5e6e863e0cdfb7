//! The api-version of a vault's data plane.

use super::fault::VaultError;
use crate::server::Call;

/// A version, comparable by its minor number: `7.4` is 4. Versions named by date stand
/// before 7.0 or after the last of the numbered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api(u32);

/// Since when attributes tell `recoverableDays`.
pub const RECOVERABLE_DAYS: Api = Api(1);

/// Since when attributes tell `exportable`.
pub const EXPORTABLE: Api = Api(3);

/// Since when attributes tell `hsmPlatform`.
pub const HSM_PLATFORM: Api = Api(5);

/// The last of the numbered versions.
const LAST: u32 = 6;

impl Api {
    /// Reads the parameter. Where other parameters came without it the newest version is
    /// meant.
    pub fn of(call: &Call) -> Result<Self, VaultError> {
        match call.parameter("api-version") {
            Some(text) => Self::parse(text).ok_or_else(|| {
                VaultError::bad(format!(
                    "The specified version ({text}) is not recognized. Consider using the latest supported version (7.{LAST})."
                ))
            }),
            None if call.query.is_empty() => Err(VaultError::bad("api-version must be specified")),
            None => Ok(Self(LAST)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, suffix) = text.split_once("-preview").unwrap_or((text, ""));
        let numbered = suffix.is_empty()
            || suffix
                .strip_prefix('.')
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if let Some(minor) = number.strip_prefix("7.").filter(|_| numbered) {
            return minor.parse().ok().filter(|minor| *minor <= LAST).map(Self);
        }
        let dated = number.len() == 10
            && number.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        match number {
            "2015-06-01" | "2016-10-01" => Some(Self(0)),
            later if dated && numbered && later >= "2025-01-01" => Some(Self(LAST + 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_their_order() {
        let minor = |text: &str| Api::parse(text).map(|api| api.0);
        for (text, expected) in [
            ("7.0", Some(0)),
            ("7.1-preview", Some(1)),
            ("7.5-preview.1", Some(5)),
            ("7.6", Some(6)),
            ("2016-10-01", Some(0)),
            ("2025-07-01", Some(7)),
            ("7.7", None),
            ("7.5-preview.x", None),
            ("8.0", None),
            ("2020-01-01", None),
            ("", None),
        ] {
            assert_eq!(minor(text), expected, "{text}");
        }
        assert!(Api::parse("7.5-preview.1").unwrap() >= HSM_PLATFORM);
    }
}

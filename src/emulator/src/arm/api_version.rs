//! The `api-version` that every ARM request names.

use super::error::ArmError;
use std::fmt;

/// What ARM itself supports for subscriptions and groups, newest first.
pub const GATEWAY: &[&str] = &[
    "2022-12-01",
    "2022-09-01",
    "2021-04-01",
    "2020-10-01",
    "2020-06-01",
    "2020-01-01",
    "2019-10-01",
    "2018-05-01",
    "2016-09-01",
    "2016-06-01",
];

/// A well-formed api-version: a date, and whether it is a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersion {
    text: String,
    preview: bool,
}

/// Since when a property exists: stable and preview versions from these dates on.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    pub stable: Option<&'static str>,
    pub preview: Option<&'static str>,
}

impl ApiVersion {
    /// Reads the parameter as ARM does: required, `YYYY-MM-DD` with an optional suffix.
    pub fn read(parameter: Option<&str>) -> Result<Self, ArmError> {
        let text = parameter.filter(|text| !text.is_empty()).ok_or_else(|| {
            ArmError::gateway(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        })?;
        Self::parse(text).ok_or_else(|| {
            ArmError::gateway(
                400,
                "InvalidApiVersionParameter",
                format!(
                    "The api-version '{text}' is invalid. The supported versions are '{}'.",
                    GATEWAY.join(", ")
                ),
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, suffix) = (text.get(..10)?, text.get(10..)?);
        let shape = date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let month: u8 = date.get(5..7)?.parse().ok()?;
        let day: u8 = date.get(8..10)?.parse().ok()?;
        let suffixed = suffix.strip_prefix('-').map(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
        });
        let well = shape
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (suffix.is_empty() || suffixed == Some(true));
        well.then(|| Self {
            text: text.to_owned(),
            preview: !suffix.is_empty(),
        })
    }

    pub fn has(&self, since: Since) -> bool {
        let from = if self.preview {
            since.preview
        } else {
            since.stable
        };
        from.is_some_and(|from| self.date() >= from)
    }

    /// The date part.
    pub fn date(&self) -> &str {
        &self.text[..10]
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_are_versions() {
        for good in ["2023-07-01", "2023-11-01-preview", "2015-08-01-beta.2"] {
            assert!(ApiVersion::read(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "2023",
            "2023-13-01",
            "2023-07-01preview",
            "latest",
            "2023-07-01-",
            "20é3-07-01",
        ] {
            let error = ApiVersion::read(Some(bad)).unwrap_err();
            assert_eq!(error.code, "InvalidApiVersionParameter", "{bad}");
        }
        for none in [None, Some("")] {
            let error = ApiVersion::read(none).unwrap_err();
            assert_eq!(error.code, "MissingApiVersionParameter");
        }
    }

    #[test]
    fn previews_and_stable_versions_age_apart() {
        let since = Since {
            stable: Some("2025-04-01"),
            preview: Some("2020-11-01"),
        };
        let has = |text: &str| ApiVersion::parse(text).unwrap().has(since);
        assert!(has("2023-11-01-preview") && has("2025-04-01"));
        assert!(!has("2023-07-01") && !has("2019-12-01-preview"));
    }
}

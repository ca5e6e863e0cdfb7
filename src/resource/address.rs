//! Addresses: how people name a resource, and the patterns that select several.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The text has fewer than two dotted segments.
    #[error("`{0}` names no resource: write ENVIRONMENT.NAME, such as prod.registry")]
    TooShort(String),
    /// A segment is empty or has characters that addresses do not have.
    #[error(
        "`{segment}` in `{text}` is not an address segment: use lower-case letters, digits and hyphens"
    )]
    Segment {
        /// The whole text.
        text: String,
        /// The segment that is wrong.
        segment: String,
    },
}

/// The name of an environment: a file in `environments/`, or `shared`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// The implicit environment of everything that belongs to no single one.
    pub fn shared() -> Self {
        Self("shared".to_owned())
    }

    /// Whether this is the implicit `shared` environment.
    pub fn is_shared(&self) -> bool {
        self.0 == "shared"
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvironmentName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_segment(text, text)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for EnvironmentName {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<EnvironmentName> for String {
    fn from(name: EnvironmentName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The dotted name of one resource, such as `prod.registry.replication.westus2`.
///
/// Its first segment is the environment. Segments are lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// The address `path` in `environment`.
    ///
    /// # Errors
    /// [`AddressError`] when `path` is empty or has a segment that addresses do not have.
    pub fn new(environment: &EnvironmentName, path: &str) -> Result<Self, AddressError> {
        format!("{environment}.{path}").parse()
    }

    /// The address one segment below this one.
    ///
    /// # Errors
    /// [`AddressError::Segment`] when `segment` is not one.
    pub fn child(&self, segment: &str) -> Result<Self, AddressError> {
        format!("{}.{segment}", self.0).parse()
    }

    /// The environment that the address begins with.
    pub fn environment(&self) -> EnvironmentName {
        EnvironmentName(self.0.split('.').next().unwrap_or_default().to_owned())
    }

    /// The address without its environment.
    pub fn path(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, path)| path)
    }

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if !text.contains('.') {
            return Err(AddressError::TooShort(text.to_owned()));
        }
        for segment in text.split('.') {
            check_segment(text, segment)?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn check_segment(text: &str, segment: &str) -> Result<(), AddressError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if segment.is_empty() || !segment.chars().all(plain) || segment.starts_with('-') {
        return Err(AddressError::Segment {
            text: text.to_owned(),
            segment: segment.to_owned(),
        });
    }
    Ok(())
}

/// A glob over addresses: `*` stands for any run of characters (dots too), `?` for one.
///
/// An address selects itself and everything below it: `prod.registry` selects
/// `prod.registry.replication.westus2` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Whether the pattern selects `address`.
    pub fn matches(&self, address: &Address) -> bool {
        let text = address.as_str();
        wildmatch::WildMatch::new(&self.0).matches(text)
            || wildmatch::WildMatch::new(&format!("{}.*", self.0)).matches(text)
    }

    /// Whether the pattern names `address` itself, not only something above it.
    pub fn names(&self, address: &Address) -> bool {
        wildmatch::WildMatch::new(&self.0).matches(address.as_str())
    }
}

impl FromStr for Pattern {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let plain = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '*' | '?')
        };
        if text.is_empty() || !text.chars().all(plain) {
            return Err(AddressError::Segment {
                text: text.to_owned(),
                segment: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_environment_and_a_path() {
        let address: Address = "prod.registry.replication.westus2"
            .parse()
            .expect("well formed");
        assert_eq!(address.environment().as_str(), "prod");
        assert_eq!(address.path(), "registry.replication.westus2");
    }

    #[test]
    fn bad_addresses_are_refused() {
        for text in [
            "",
            "prod",
            "prod.",
            ".registry",
            "prod.Registry",
            "prod.a_b",
            "prod.-a",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_selects_what_lies_below() {
        let address: Address = "prod.registry.replication.westus2"
            .parse()
            .expect("well formed");
        for text in [
            "*",
            "prod.*",
            "prod.registry",
            "*.westus2",
            "prod.registry.replication.*",
        ] {
            assert!(
                text.parse::<Pattern>()
                    .expect("a pattern")
                    .matches(&address),
                "{text}"
            );
        }
        for text in ["dev.*", "prod.reg", "prod"] {
            let pattern: Pattern = text.parse().expect("a pattern");
            assert_eq!(pattern.matches(&address), text == "prod", "{text}");
        }
        let above: Pattern = "prod.registry".parse().expect("a pattern");
        assert!(!above.names(&address));
    }
}

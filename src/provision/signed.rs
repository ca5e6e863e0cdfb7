//! What a key of a vault has signed: which key, its public half as it was recorded, a statement.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// One version of a key in a vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// The vault's name.
    pub vault: String,
    /// The key's name.
    pub name: String,
    /// The version, hexadecimal.
    pub version: String,
}

/// The public half of a key on P-256, as it was when the key had just been made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedKey {
    /// Which version it is.
    pub key: SigningKey,
    /// The point's first coordinate.
    pub x: Bytes,
    /// The point's second coordinate.
    pub y: Bytes,
    /// When it was recorded, RFC 3339, UTC.
    pub at: String,
}

impl RecordedKey {
    /// Whether it is the same key as another, whenever either was recorded.
    pub fn is(&self, other: &Self) -> bool {
        let same = self.key.version.eq_ignore_ascii_case(&other.key.version);
        let place = |key: &SigningKey| (key.vault.to_lowercase(), key.name.to_lowercase());
        same && place(&self.key) == place(&other.key) && (&self.x, &self.y) == (&other.x, &other.y)
    }
}

/// Bytes that stand in JSON as base64url without padding (RFC 7515, section 2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        URL_SAFE_NO_PAD.decode(text).map(Self)
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        URL_SAFE_NO_PAD.encode(bytes.0)
    }
}

impl fmt::Display for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.vault, self.name, self.version)
    }
}

//! The signed head: up to which link the chain was vouched for, and by which key.

use serde::{Deserialize, Serialize};

use super::link::Link;
use crate::control::signature::verifies;
use crate::provision::signed::{Bytes, RecordedKey, SigningKey};

/// What the audit key signs: how far the chain goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of the last link.
    pub number: u64,
    /// Its hash.
    pub hash: String,
    /// When it was signed, RFC 3339, UTC.
    pub at: String,
    /// The key that signs.
    pub key: SigningKey,
}

/// A head with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// What was signed.
    pub head: Head,
    /// The signature of [`Head::statement`].
    pub signature: Bytes,
}

impl Head {
    /// The head of a chain that ends with `last`.
    pub fn of(last: &Link, key: SigningKey, at: String) -> Self {
        Self {
            number: last.number,
            hash: last.hash.clone(),
            at,
            key,
        }
    }

    /// The text that is signed.
    pub fn statement(&self) -> String {
        let Self {
            number,
            hash,
            at,
            key,
        } = self;
        format!("onestream audit head 1\nnumber {number}\nhash {hash}\nat {at}\nkey {key}\n")
    }
}

impl SignedHead {
    /// Whether the recorded key has signed it.
    pub fn is_signed_by(&self, key: &RecordedKey) -> bool {
        self.head.key == key.key && verifies(key, &self.head.statement(), &self.signature)
    }
}

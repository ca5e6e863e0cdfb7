//! Links: one line of the audit chain, with the SHA-256 of the line before it and its own.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::provision::audit::Record;
use crate::resource::digest;

/// The version of the stored format.
const VERSION: u64 = 1;
/// What the first link names as the hash of the one before it.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const MARK: &str = ",\"hash\":\"";
const END: &str = "\"}";

/// A link that was read, with where it stands in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number, from 1.
    pub number: u64,
    /// The hash of the one before it.
    pub before: String,
    /// Its own hash.
    pub hash: String,
    /// What it says.
    pub record: Record,
}

/// Why a text is no link.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Broken {
    #[error("it has version {0}, and this onestream reads version {VERSION}: a newer one wrote it")]
    Version(u64),
    #[error("it is not text")]
    Encoding,
    #[error("it does not end with a hash")]
    Unsealed,
    #[error("it was changed: its hash does not match")]
    Changed,
    #[error("{0}")]
    Content(String),
}

#[derive(Serialize)]
struct Draft<'a> {
    version: u64,
    number: u64,
    before: &'a str,
    record: &'a Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "version")]
    _version: u64,
    number: u64,
    before: String,
    record: Record,
    #[serde(rename = "hash")]
    _hash: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// The line that follows `last`, without its newline, and its hash.
pub(super) fn seal(last: Option<&Link>, record: &Record) -> (String, String) {
    let draft = Draft {
        version: VERSION,
        number: last.map_or(1, |last| last.number + 1),
        before: last.map_or(GENESIS, |last| &last.hash),
        record,
    };
    let mut line = serde_json::to_string(&draft)
        .expect("a record holds texts, numbers, lists and maps with text keys");
    line.pop();
    let hash = hash_of(&line);
    for part in [MARK, &hash, END] {
        line.push_str(part);
    }
    (line, hash)
}

/// Reads one line, given without its newline. How it fits to others is not looked at.
pub(super) fn open(line: &[u8]) -> Result<Link, Broken> {
    let line = std::str::from_utf8(line).map_err(|_| Broken::Encoding)?;
    // Before the hash: a newer version may compute it in another way.
    if let Ok(Versioned { version }) = serde_json::from_str(line)
        && version != VERSION
    {
        return Err(Broken::Version(version));
    }
    let (head, hash) = line
        .strip_suffix(END)
        .and_then(|line| line.rsplit_once(MARK))
        .ok_or(Broken::Unsealed)?;
    if hash != hash_of(head) {
        return Err(Broken::Changed);
    }
    let read: Line =
        serde_json::from_str(line).map_err(|error| Broken::Content(error.to_string()))?;
    Ok(Link {
        number: read.number,
        before: read.before,
        hash: hash.to_owned(),
        record: read.record,
    })
}

fn hash_of(head: &str) -> String {
    digest::hex(head)
}

//! The ports below the control store: named objects, logs that only grow, leases that end by themselves.
//!
//! A backend (a folder, memory, a blob container) gives [`Objects`]; whoever stores something
//! (journal, snapshots, audit chain, approvals) is written once, on top of it. Names are paths
//! of plain parts, such as `journal/0123-20260731T101530.jsonl`.

use std::fmt;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ports::StoreError;

/// The name of a stored object: parts of letters, digits, `-`, `_` and `.`, joined by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(String);

impl ObjectName {
    /// The name that `text` is.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a part is empty, begins with a dot, or holds anything else: a
    /// name never leads out of the store.
    pub fn new(text: impl Into<String>) -> Result<Self, StoreError> {
        let text = text.into();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let good =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
        if text.split('/').all(good) {
            return Ok(Self(text));
        }
        Err(StoreError::Io {
            doing: "use",
            place: text,
            source: io::Error::new(io::ErrorKind::InvalidInput, "it is no name in the store"),
        })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last `/`.
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl TryFrom<String> for ObjectName {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        Self::new(text)
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What tells one content of an object from the next (an ETag, a hash). Opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(pub String);

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// What to name when it is to be replaced.
    pub tag: Tag,
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Nothing stands under the name.
    Absent,
    /// What stands there is what was read with this tag.
    Unchanged(Tag),
    /// Nothing is asked.
    Anything,
}

/// Names a lease that its holder writes under. Whoever does not know it cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseId(pub Uuid);

impl LeaseId {
    /// A new one that nobody else has.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// Keeps objects by name. What is acknowledged is durable; what cannot be read is an error and
/// never an absence.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Where the store is, for people: a folder's path, a container's URL.
    fn place(&self) -> String;

    /// An object with its tag; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::Service`] when it cannot be told.
    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError>;

    /// The names that begin with `folder` and a `/`, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// As [`Objects::read`].
    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError>;

    /// Puts `bytes` in the object's place, all at once, under the lease of the object where there
    /// is one. The new tag.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when what was expected does not hold; nothing was written then.
    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError>;

    /// Adds `bytes` to the end of a log, whose length is `position` in bytes; at 0 it is made.
    /// What is in a log never changes.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the log is longer or shorter, [`StoreError::LeaseLost`] when
    /// `lease` does not hold it (any more). After any other error part of it may be there.
    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        lease: Option<LeaseId>,
    ) -> Result<(), StoreError>;

    /// How often a log can be appended to before the next has to be begun.
    fn appends_per_log(&self) -> u64 {
        u64::MAX
    }
}

/// Leases on objects that end by themselves, where no process can be seen dying.
#[async_trait]
pub trait Leasing: Objects {
    /// Takes the lease of an object that stands; it ends after `term`, or never when that is
    /// `None`.
    ///
    /// # Errors
    /// [`StoreError::Leased`] when somebody has it.
    async fn acquire_lease(
        &self,
        name: &ObjectName,
        lease: LeaseId,
        term: Option<Duration>,
    ) -> Result<(), StoreError>;

    /// Begins the lease's term anew. That works after its end, too, unless somebody else has had
    /// it since.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it is not ours any more.
    async fn renew_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError>;

    /// Gives the lease back.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it is not ours any more.
    async fn release_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError>;

    /// Ends a lease, whoever has it: at once, or when its term is over so that its holder
    /// notices first. How long that takes; `None` where nobody has one.
    ///
    /// # Errors
    /// As [`Objects::read`].
    async fn break_lease(
        &self,
        name: &ObjectName,
        at_once: bool,
    ) -> Result<Option<Duration>, StoreError>;

    /// Whether somebody holds the lease now.
    ///
    /// # Errors
    /// As [`Objects::read`].
    async fn is_leased(&self, name: &ObjectName) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_store() {
        for good in ["a", "journal/0a-1.jsonl", "lease/dev.json", "a/b/C_d"] {
            assert_eq!(ObjectName::new(good).expect("a name").as_str(), good);
        }
        for bad in [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a/.b", "a b", "a\\b", "é",
            "a?b", "a%2fb",
        ] {
            assert!(ObjectName::new(bad).is_err(), "{bad}");
        }
    }
}

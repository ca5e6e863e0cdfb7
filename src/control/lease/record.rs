//! The record of a lease: who holds it, and the number of the last acquisition.

use serde::{Deserialize, Serialize};

use crate::control::Clock;
use crate::control::clock::rfc3339;
use crate::provision::ports::Holder;

/// The version of the record.
const VERSION: u64 = 2;

/// What stands in the file or blob of an environment's lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u64,
    /// The fencing number of the last acquisition.
    pub(super) fence: u64,
    /// Who acquired it and has not given it back.
    pub(super) holder: Option<Holder>,
}

/// What version 1 wrote: a holder without a number, and nothing once it was given back.
#[derive(Deserialize)]
struct First {
    version: u64,
    #[serde(flatten)]
    holder: Holder,
}

impl Record {
    pub(super) fn new(fence: u64, holder: Option<Holder>) -> Self {
        Self {
            version: VERSION,
            fence,
            holder,
        }
    }

    /// The record as stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self)
            .expect("a record holds texts and numbers, and its keys are texts");
        text.push(b'\n');
        text
    }

    /// What is stored; `None` where it is not readable, as for the moment in which a file is
    /// being written. An empty one was never held.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::new(0, None));
        }
        if let Ok(record) = serde_json::from_slice::<Self>(bytes) {
            return (record.version == VERSION).then_some(record);
        }
        let first: First = serde_json::from_slice(bytes).ok()?;
        (first.version == 1).then(|| Self::new(0, Some(first.holder)))
    }
}

/// User and machine.
pub(in crate::control) fn who() -> String {
    let unknown = |_| "unknown".to_owned();
    let user = whoami::username().unwrap_or_else(unknown);
    let host = whoami::hostname().unwrap_or_else(unknown);
    format!("{user}@{host}")
}

/// This process, now.
pub(super) fn here(clock: &dyn Clock, doing: &str) -> Holder {
    Holder {
        who: who(),
        process: std::process::id(),
        since: rfc3339(clock.now()),
        doing: doing.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_forms() {
        let holder = Holder {
            who: "ci@agent".to_owned(),
            process: 7,
            since: "2026-07-31T10:15:30.000Z".to_owned(),
            doing: "apply".to_owned(),
        };
        let second = concat!(
            r#"{"version":2,"fence":3,"holder":{"who":"ci@agent","process":7,"#,
            r#""since":"2026-07-31T10:15:30.000Z","doing":"apply"}}"#,
            "\n",
        );
        let record = Record::new(3, Some(holder.clone()));
        assert_eq!(record.to_bytes(), second.as_bytes());
        assert_eq!(Record::read(second.as_bytes()), Some(record));
        let first = concat!(
            r#"{"version":1,"who":"ci@agent","process":7,"#,
            r#""since":"2026-07-31T10:15:30.000Z","doing":"apply"}"#,
        );
        let read = Record::read(first.as_bytes());
        assert_eq!(read, Some(Record::new(0, Some(holder))));
        assert_eq!(Record::read(b""), Some(Record::new(0, None)));
        for other in [&b"{"[..], br#"{"version":3,"fence":1,"holder":null}"#] {
            assert_eq!(Record::read(other), None);
        }
    }
}

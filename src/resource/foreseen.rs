//! Questions about planned writes that Azure answers before anything is sent.

use std::fmt;

use serde_json::Value as Json;

use super::{Place, Request, Value};

/// A create or an update that is planned.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// Where the object's environment stands, if TOML still declares it.
    pub place: Option<&'a Place>,
    /// The object's id.
    pub id: &'a str,
    /// The managed fields as they are; nothing where the object does not stand.
    pub before: Option<&'a Value>,
    /// The managed fields as they will be.
    pub after: &'a Value,
}

/// How an answer is read: what it says against the write, if anything.
type Judge = dyn Fn(&Json) -> Option<Obstacle> + Send + Sync;

/// What Azure is asked beforehand about a planned write.
pub struct Question {
    /// The read that asks; equal ones are sent once.
    pub request: Request,
    /// How its answer is read.
    pub judge: Box<Judge>,
}

/// Why Azure would refuse a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way.
    pub problem: String,
    /// What to do instead.
    pub instead: String,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.request.method, self.request.path)
    }
}

impl Planned<'_> {
    /// The managed field at `path` as it will be, where it is a text that is known.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.after.at(path)?.as_str()
    }

    /// The ARM id of the subscription that the object lies in.
    pub fn subscription(&self) -> Option<&str> {
        super::id::subscription_of(self.id)
    }
}

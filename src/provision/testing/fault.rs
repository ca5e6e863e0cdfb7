//! What can go wrong with a request to the cloud in memory.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::provision::ports::{Failure, Verdict};

/// What goes wrong.
#[derive(Clone)]
pub(crate) enum What {
    /// Refused with this code.
    Refuse(Verdict, &'static str),
    /// No answer, and nothing was written.
    LoseBefore,
    /// No answer, though it was written; of a list, none after the first page.
    LoseAfter,
    /// No answer, and Azure is still at work on what was written.
    LoseCreating,
    /// Taken, and done when asked after.
    Accept,
    /// Taken, and failed when asked after; the object stays behind as `Failed`.
    AcceptThenFail,
    /// Answered with this property wrong, though what stands is right.
    Misreport(&'static str, Json),
    /// Answered as success with this property wrong.
    Garble(&'static str, Json),
    /// The same of the object below whose id ends so.
    GarbleBelow(&'static str, &'static str, Json),
    /// Answered after others had this many turns.
    Slow(usize),
    /// Done as it should be, after this was called.
    Call(Arc<dyn Fn() + Send + Sync>),
}

pub(crate) fn failure(verdict: Verdict, code: &str) -> Failure {
    Failure {
        verdict,
        status: None,
        code: code.to_owned(),
        message: "says the fake".to_owned(),
        hint: None,
        request_id: None,
    }
}

//! A lease that has to stand while writes are sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::own;
use crate::provision::ports::{Failure, Held, Verdict};

/// What is asked before each try of a write.
#[derive(Clone)]
pub(super) struct Permit(pub(super) Arc<dyn Held>);

impl Permit {
    /// Whether a try that ends within `timeout` may be sent.
    ///
    /// # Errors
    /// `LeaseLost`: this try was not sent. What an earlier one did is unknown all the same.
    pub(super) fn ask(&self, timeout: Duration) -> Result<(), Failure> {
        self.0.check(timeout).map_err(|error| {
            own(
                Verdict::Unknown,
                "LeaseLost",
                format!("not sent: {error}"),
                Some("run again: what was begun is looked at first"),
            )
        })
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.0.fence())
    }
}

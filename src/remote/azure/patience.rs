//! Patience: whether a request that failed is tried again, and after how long.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::clock::{Backoff, Timing};
use super::error::Fresh;
use crate::provision::ports::Failure;

/// What a try came to, when not to an answer.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) failure: Box<Failure>,
    pub(super) again: Again,
    pub(super) retry_after: Option<Duration>,
}

/// Whether another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// At once, with a new token.
    Renewed,
    /// When the bucket lets it go.
    Throttled,
    /// A few times.
    Passing,
    /// As long as there is patience.
    Busy,
    Replicating(Fresh),
}

impl Trouble {
    pub(super) fn never(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            again: Again::Never,
            retry_after: None,
        }
    }
}

/// How much longer one call is tried.
#[derive(Debug)]
pub(super) struct Patience {
    timing: Timing,
    started: Instant,
    left: u32,
    pub(super) backoff: Backoff,
    pub(super) renewed: bool,
    pub(super) throttled: Option<Failure>,
    replicating_since: Option<Instant>,
    /// How often the directory was asked for a principal, and how often it knew none.
    pub(super) asked: u32,
    unknown: u32,
}

impl Patience {
    pub(super) fn new(timing: Timing, retries: u32, now: Instant) -> Self {
        Self {
            timing,
            started: now,
            left: retries,
            backoff: Backoff::retries(&timing),
            renewed: false,
            throttled: None,
            replicating_since: None,
            asked: 0,
            unknown: 0,
        }
    }

    pub(super) fn allows(&self, wait: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.started) + wait <= self.timing.max_wait
    }

    /// Notes what the directory said; whether it is sure, which takes two tries.
    pub(super) fn doubts(&mut self, unknown: Option<bool>) -> bool {
        match unknown {
            Some(true) => {
                self.asked += 1;
                self.unknown += 1;
            }
            Some(false) => self.asked = 2,
            None => {}
        }
        self.unknown >= 2
    }

    /// How long to wait before the next try; `None` when there is no sense in one.
    pub(super) fn next(&mut self, trouble: &Trouble, now: Instant) -> Option<Duration> {
        match trouble.again {
            Again::Never => None,
            Again::Renewed | Again::Throttled => Some(Duration::ZERO),
            Again::Passing => {
                self.left = self.left.checked_sub(1)?;
                self.wait(trouble, now)
            }
            Again::Busy => self.wait(trouble, now),
            Again::Replicating(fresh) => {
                let window = match fresh {
                    Fresh::Principal | Fresh::Role => self.timing.principal_wait,
                    Fresh::Parent => self.timing.parent_wait,
                };
                let since = *self.replicating_since.get_or_insert(now);
                let left = window.checked_sub(now.saturating_duration_since(since))?;
                (!left.is_zero()).then(|| self.backoff.step().min(left))
            }
        }
    }

    fn wait(&mut self, trouble: &Trouble, now: Instant) -> Option<Duration> {
        let wait = match trouble.retry_after {
            Some(told) if !told.is_zero() => told,
            _ => jittered(self.backoff.step()),
        };
        self.allows(wait, now).then_some(wait)
    }
}

/// Up to a quarter longer, so that callers that failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    let [random, ..] = Uuid::new_v4().into_bytes();
    wait + wait * u32::from(random) / 1_024
}

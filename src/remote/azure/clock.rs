//! Time: how long is waited for what, and the clock that all waiting goes through.

use std::fmt;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

/// The clock of the client. Tests give one that does not wait.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Instant;

    /// Ends after `duration` of this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock on the wall.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// How long is waited for what. [`Timing::azure`] is meant for real clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// Until one try has its whole answer.
    pub request_timeout: Duration,
    /// Until one try of a write under a lease has its answer: less than a lease lasts, by what its
    /// renewal may take.
    pub write_timeout: Duration,
    /// How often a request is sent again after a passing fault (lost connection, 5xx).
    pub retries: u32,
    /// Before the first of those; doubled from one to the next.
    pub first_retry: Duration,
    /// The longest of those waits.
    pub longest_retry: Duration,
    /// All that one request waits because Azure is busy or throttles, together.
    pub max_wait: Duration,
    /// How long a principal or a role may stay unknown after its creation (minutes).
    pub principal_wait: Duration,
    /// How long a parent may stay unknown after its creation (seconds).
    pub parent_wait: Duration,
    /// How long a replica may lag behind a write (seconds).
    pub replica_wait: Duration,
    /// Before the first poll of an operation, where Azure does not say; ×1.5 from poll to poll.
    pub first_poll: Duration,
    /// The longest wait between polls, where Azure does not say.
    pub longest_poll: Duration,
    /// How long an operation may take.
    pub operation_wait: Duration,
    /// The space between requests to a bucket that is running dry; halved as it recovers.
    pub pace: Duration,
}

impl Timing {
    /// For real clouds.
    pub const fn azure() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(40),
            retries: 5,
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(30),
            max_wait: Duration::from_secs(600),
            principal_wait: Duration::from_secs(300),
            parent_wait: Duration::from_secs(30),
            replica_wait: Duration::from_secs(120),
            first_poll: Duration::from_secs(1),
            longest_poll: Duration::from_secs(30),
            operation_wait: Duration::from_secs(90 * 60),
            // The refill rate of ARM's write buckets, 10 a second.
            pace: Duration::from_millis(100),
        }
    }

    /// For a local Azure: the same patience in tries, far less of it in time.
    pub const fn emulator() -> Self {
        Self {
            first_retry: Duration::from_millis(20),
            longest_retry: Duration::from_millis(500),
            max_wait: Duration::from_secs(120),
            principal_wait: Duration::from_secs(30),
            parent_wait: Duration::from_secs(1),
            replica_wait: Duration::from_secs(10),
            first_poll: Duration::from_millis(10),
            longest_poll: Duration::from_millis(250),
            pace: Duration::from_millis(10),
            ..Self::azure()
        }
    }
}

/// Waits that grow by a factor up to a longest one.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    factor: f64,
}

impl Backoff {
    /// Waits between tries of a request: doubled each time.
    pub(super) fn retries(timing: &Timing) -> Self {
        Self {
            next: timing.first_retry,
            longest: timing.longest_retry,
            factor: 2.0,
        }
    }

    /// Waits between polls of an operation: half as long again each time.
    pub(super) fn polls(timing: &Timing) -> Self {
        Self {
            next: timing.first_poll,
            longest: timing.longest_poll,
            factor: 1.5,
        }
    }

    /// The next wait.
    pub(super) fn step(&mut self) -> Duration {
        let wait = self.next.min(self.longest);
        self.next = self.next.mul_f64(self.factor).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_start_at_a_second_and_end_at_thirty() {
        let mut backoff = Backoff::polls(&Timing::azure());
        let waits: Vec<u128> = (0..12).map(|_| backoff.step().as_millis()).collect();
        assert_eq!(waits[..4], [1_000, 1_500, 2_250, 3_375]);
        assert_eq!(waits[11], 30_000);
    }
}

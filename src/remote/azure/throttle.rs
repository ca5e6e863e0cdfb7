//! Reactive throttling: a bucket that runs dry or answered 429 is asked more slowly.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use azure_core::http::headers::Headers;

use crate::resource::Plane;

/// What Azure counts together: a subscription's requests to one provider, a plane, a vault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bucket(String);

impl Bucket {
    /// The bucket of a path on a plane.
    pub(super) fn of(plane: &Plane, path: &str) -> Self {
        match plane {
            Plane::Graph => Self("graph".to_owned()),
            Plane::Vault(name) => Self(format!("vault/{}", name.to_lowercase())),
            Plane::Ingestion(name) => Self(format!("ingestion/{}", name.to_lowercase())),
            Plane::Cluster(id) => Self(format!("cluster/{}", id.to_lowercase())),
            Plane::Arm => {
                let path = path.to_lowercase();
                let after = |word: &str| {
                    path.rsplit_once(word)
                        .and_then(|(_, rest)| rest.split(['/', '?']).next())
                };
                // The last provider counts: an assignment on a registry is Microsoft.Authorization's.
                Self(format!(
                    "{}/{}",
                    after("/subscriptions/").unwrap_or_default(),
                    after("/providers/").unwrap_or_default()
                ))
            }
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The buckets, as far as Azure said something of them.
#[derive(Debug)]
pub(super) struct Throttle {
    /// The space between requests to a bucket that runs dry.
    pace: Duration,
    buckets: Mutex<HashMap<Bucket, State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The highest value seen of each remaining-header.
    highest: BTreeMap<String, u64>,
    /// Nothing is sent before.
    paused_until: Option<Instant>,
    /// The space between two requests; zero is no limit.
    gap: Duration,
    /// The next request may leave then, while there is a gap.
    next: Option<Instant>,
}

impl Throttle {
    pub(super) fn new(pace: Duration) -> Self {
        Self {
            pace,
            buckets: Mutex::default(),
        }
    }

    /// Lets a request go now, or says how long to wait before asking again.
    pub(super) fn admit(&self, bucket: &Bucket, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.lock();
        let Some(state) = buckets.get_mut(bucket) else {
            return Ok(());
        };
        let pause = state
            .paused_until
            .map(|until| until.saturating_duration_since(now));
        if let Some(pause) = pause.filter(|pause| !pause.is_zero()) {
            return Err(pause);
        }
        if state.gap.is_zero() {
            return Ok(());
        }
        let space = state.next.map(|next| next.saturating_duration_since(now));
        if let Some(space) = space.filter(|space| !space.is_zero()) {
            return Err(space);
        }
        state.next = Some(now + state.gap);
        Ok(())
    }

    /// Learns from an answer that was no 429.
    pub(super) fn answered(&self, bucket: &Bucket, headers: &Headers) {
        let told: Vec<(String, u64)> = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-ms-ratelimit-remaining-"))
            .flat_map(|(name, value)| remaining(name.as_str(), value.as_str()))
            .collect();
        let mut buckets = self.lock();
        if told.is_empty() && !buckets.contains_key(bucket) {
            return;
        }
        let state = buckets.entry(bucket.clone()).or_default();
        let mut dry = false;
        for (name, left) in told {
            let highest = state.highest.entry(name).or_insert(left);
            *highest = (*highest).max(left);
            dry |= left.saturating_mul(10) < *highest;
        }
        if dry {
            state.gap = state.gap.max(self.pace);
        } else {
            state.gap /= 2;
            if state.gap < self.pace / 16 {
                state.gap = Duration::ZERO;
                state.next = None;
            }
        }
    }

    /// A 429: nobody asks this bucket for `wait`, and afterwards more slowly.
    pub(super) fn refused(&self, bucket: &Bucket, now: Instant, wait: Duration) {
        let mut buckets = self.lock();
        let state = buckets.entry(bucket.clone()).or_default();
        let until = now + wait;
        state.paused_until = Some(state.paused_until.map_or(until, |other| other.max(until)));
        state.gap = (state.gap * 2).max(self.pace).min(self.pace * 32);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bucket, State>> {
        // Every state in between is sound, so a panic elsewhere does not spoil the buckets.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The numbers of a remaining-header: `11999`, or `Microsoft.Compute/PutVM3Min;237,…`.
fn remaining<'a>(name: &'a str, value: &'a str) -> impl Iterator<Item = (String, u64)> + 'a {
    value
        .split(',')
        .filter_map(move |part| match part.trim().split_once(';') {
            Some((key, left)) => Some((format!("{name}/{key}"), left.trim().parse().ok()?)),
            None => Some((name.to_owned(), part.trim().parse().ok()?)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(100);

    fn bucket() -> Bucket {
        Bucket::of(
            &Plane::Arm,
            "/subscriptions/s/providers/Microsoft.Storage/x",
        )
    }

    fn left(value: &'static str) -> Headers {
        let mut headers = Headers::new();
        headers.insert("x-ms-ratelimit-remaining-subscription-reads", value);
        headers
    }

    #[test]
    fn a_bucket_is_a_subscription_and_the_last_provider() {
        let of = |path: &str| Bucket::of(&Plane::Arm, path).to_string();
        let registry =
            "/subscriptions/S1/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r";
        assert_eq!(of(registry), "s1/microsoft.containerregistry");
        assert_eq!(
            of(&format!(
                "{registry}/providers/Microsoft.Authorization/roleAssignments/a"
            )),
            "s1/microsoft.authorization"
        );
        assert_eq!(of("/subscriptions/s1?api-version=1"), "s1/");
        assert_eq!(
            Bucket::of(&Plane::Vault("KV".into()), "/keys"),
            Bucket("vault/kv".into())
        );
    }

    #[test]
    fn there_is_no_limit_until_azure_says_so() {
        let throttle = Throttle::new(PACE);
        let now = Instant::now();
        for _ in 0..1_000 {
            assert_eq!(throttle.admit(&bucket(), now), Ok(()));
        }
        throttle.answered(&bucket(), &left("249"));
        throttle.answered(&bucket(), &left("25"));
        assert_eq!(throttle.admit(&bucket(), now), Ok(()));
        assert_eq!(throttle.admit(&bucket(), now), Ok(()));
    }

    #[test]
    fn under_a_tenth_requests_are_spaced_and_it_recovers() {
        let throttle = Throttle::new(PACE);
        let now = Instant::now();
        throttle.answered(&bucket(), &left("250"));
        throttle.answered(&bucket(), &left("24"));
        assert_eq!(throttle.admit(&bucket(), now), Ok(()));
        assert_eq!(throttle.admit(&bucket(), now), Err(PACE));
        assert_eq!(throttle.admit(&bucket(), now + PACE), Ok(()));
        for _ in 0..5 {
            throttle.answered(&bucket(), &left("200"));
        }
        assert_eq!(throttle.admit(&bucket(), now + PACE), Ok(()));
        assert_eq!(throttle.admit(&bucket(), now + PACE), Ok(()));
    }

    #[test]
    fn a_429_pauses_the_bucket_and_no_other() {
        let throttle = Throttle::new(PACE);
        let now = Instant::now();
        let wait = Duration::from_secs(7);
        throttle.refused(&bucket(), now, wait);
        throttle.refused(&bucket(), now, Duration::from_secs(1));
        assert_eq!(throttle.admit(&bucket(), now), Err(wait));
        assert_eq!(
            throttle.admit(&Bucket::of(&Plane::Graph, "/v1.0"), now),
            Ok(())
        );
        let after = now + wait;
        assert_eq!(throttle.admit(&bucket(), after), Ok(()));
        assert!(throttle.admit(&bucket(), after).is_err());
        for _ in 0..12 {
            throttle.answered(&bucket(), &Headers::new());
        }
        assert_eq!(throttle.admit(&bucket(), after), Ok(()));
        assert_eq!(throttle.admit(&bucket(), after), Ok(()));
    }

    #[test]
    fn remaining_headers_have_two_forms() {
        let numbers: Vec<_> = remaining(
            "h",
            "Microsoft.Compute/Put3Min;237, Microsoft.Compute/Put30Min;1196",
        )
        .collect();
        assert_eq!(numbers.len(), 2);
        assert_eq!(numbers[0], ("h/Microsoft.Compute/Put3Min".to_owned(), 237));
        assert_eq!(remaining("h", "odd").count(), 0);
    }
}

//! Takes leases for a run, waits for them where that is asked for, and gives them back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use onestream::control::Store;
use onestream::provision::ports::{Held, Snapshots, StoreError};
use onestream::resource::EnvironmentName;
use serde_json::Value as Json;
use tokio::sync::watch;

use super::failure::Failure;
use super::interrupt;
use super::output::Output;

/// Between tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes the leases of these environments, or waits for them up to `wait`.
///
/// # Errors
/// Refused where somebody else holds one for longer; incomplete where the run is stopped while it
/// waits. None of them is held then.
pub async fn take(
    store: &Store,
    environments: &BTreeSet<EnvironmentName>,
    doing: &str,
    wait: Duration,
    stop: &watch::Receiver<bool>,
    output: &Output,
) -> Result<Arc<dyn Held>, Failure> {
    let environments: Vec<_> = environments.iter().cloned().collect();
    let until = Instant::now() + wait;
    let mut told = String::new();
    loop {
        let stopped = interrupt::or_stopped(stop, std::future::pending());
        let taking = store.acquire_unless(&environments, doing, stopped);
        match taking.await {
            Err(error @ StoreError::Held { .. }) if Instant::now() < until => {
                let text = error.to_string();
                if text != told {
                    output.remark(format!("{text}; waiting up to {} s", wait.as_secs()));
                    told = text;
                }
                let left = until.saturating_duration_since(Instant::now());
                let pause = tokio::time::sleep(PAUSE.min(left));
                interrupt::or_stopped(stop, pause).await?;
            }
            Err(error) => return Err(error.into()),
            Ok(Ok(held)) => return Ok(held),
            Ok(Err(stopped)) => return stopped,
        }
    }
}

/// Applied snapshots that only whoever still holds the leases writes: who was stopped meanwhile
/// must not put an older one in the place of a newer.
pub struct UnderLease {
    /// The snapshots.
    pub snapshots: Arc<dyn Snapshots>,
    /// The leases.
    pub held: Arc<dyn Held>,
}

#[async_trait]
impl Snapshots for UnderLease {
    async fn environments(&self) -> Result<Vec<EnvironmentName>, StoreError> {
        self.snapshots.environments().await
    }

    async fn load(&self, environment: &EnvironmentName) -> Result<Option<Json>, StoreError> {
        self.snapshots.load(environment).await
    }

    async fn save(&self, environment: &EnvironmentName, snapshot: &Json) -> Result<(), StoreError> {
        self.held.check(Duration::ZERO)?;
        self.snapshots.save(environment, snapshot).await
    }
}

/// Gives leases back. Where that fails they end by themselves.
pub async fn give_back(held: &dyn Held, output: &Output) {
    if let Err(error) = held.release().await {
        output.remark(format!(
            "the lease was not given back, it ends by itself: {error}"
        ));
    }
}

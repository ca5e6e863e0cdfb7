//! The port of leases: one writer per environment, who it is, and whether it still may write.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::ports::StoreError;
use crate::resource::EnvironmentName;

/// One writer per environment.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Takes the lease of every environment, in sorted order, or of none. Where a holder before
    /// did not give one of them back, it waits until nothing of that holder's can still arrive.
    ///
    /// # Errors
    /// [`StoreError::Held`] when somebody else has one of them.
    async fn acquire(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
    ) -> Result<Arc<dyn Held>, StoreError>;

    /// Every environment whose lease was ever taken, sorted, and how it stands.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be told.
    async fn standing(&self) -> Result<Vec<(EnvironmentName, Standing)>, StoreError>;

    /// Takes the lease away from whoever has it. What it was is told.
    ///
    /// # Errors
    /// [`StoreError::Held`] where only the holder itself can let go.
    async fn break_off(&self, environment: &EnvironmentName) -> Result<Standing, StoreError>;
}

/// How the lease of one environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has it.
    Free,
    /// Somebody has it.
    Held(Holder),
    /// Whoever had it is gone without giving it back.
    Abandoned(Holder),
}

/// That somebody took a lease away from its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// Whose lease it was.
    pub environment: EnvironmentName,
    /// When, RFC 3339, UTC.
    pub at: String,
    /// User and machine.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// Who has a lease, since when, doing what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// User and machine.
    pub who: String,
    /// The number of the process.
    pub process: u32,
    /// Since when, RFC 3339, UTC.
    pub since: String,
    /// The command.
    pub doing: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who,
            process,
            since,
            doing,
        } = self;
        write!(f, "{who} (process {process}) since {since}: {doing}")
    }
}

/// A lease that is held until it is released, at the latest when dropped.
#[async_trait]
pub trait Held: Send + Sync {
    /// The fencing number: higher than that of every holder before, of each environment.
    fn fence(&self) -> u64;

    /// Whether what takes up to `timeout` will be over before the lease is.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it may not be: nothing may be sent then.
    fn check(&self, timeout: Duration) -> Result<(), StoreError>;

    /// Who had one of the environments before and did not give it back.
    fn taken_over(&self) -> Option<&Holder>;

    /// Says that nothing of the holder before can arrive any more; until then whoever comes next
    /// has to wait for it, too.
    fn settled(&self);

    /// Gives it back, now and not only when dropped.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be given back; it ends by itself then.
    async fn release(&self) -> Result<(), StoreError>;
}

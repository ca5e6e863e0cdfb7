//! The control store: journal, leases and snapshots, on whatever keeps its objects.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::lease::{FileLeases, FiniteLeases};
use super::memory::Memory;
use super::run::Run;
use super::{Clock, Folder, SystemClock};
use crate::provision::objects::{Leasing, Objects};
use crate::provision::ports::{Held, Lease, Standing, StoreError};
use crate::resource::EnvironmentName;

/// A control store; one for the whole process is enough.
///
/// Several may be open on one place, in one process or in many: leases exclude each other,
/// journals go to logs of their own.
pub struct Store {
    pub(super) objects: Arc<dyn Objects>,
    /// The same objects, where their leases end by themselves.
    pub(super) leasing: Option<Arc<dyn Leasing>>,
    leases: Arc<dyn Lease>,
    /// How long what a lost holder has sent may still be on its way.
    timeout: Duration,
    pub(super) clock: Arc<dyn Clock>,
    /// The runs that are being written, by plan digest.
    pub(super) runs: Mutex<BTreeMap<String, Arc<Run>>>,
}

impl Store {
    /// A store on a folder of this machine, which is made when something is first written.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn folder(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::folder_with_clock(folder, Arc::new(SystemClock))
    }

    /// A store on a folder, stamping what it writes with the time of `clock`.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn folder_with_clock(
        folder: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let folder = Folder::open(folder)?;
        let leases = FileLeases::new(folder.clone(), Arc::clone(&clock));
        Ok(Self {
            objects: Arc::new(folder),
            leasing: None,
            leases: Arc::new(leases),
            timeout: Duration::ZERO,
            clock,
            runs: Mutex::default(),
        })
    }

    /// A store in memory: for tests, and for a run whose declared store does not stand yet or is
    /// not finished, so that nothing was ever kept. All that is written into it, journal, snapshots
    /// and audit chain, is lost with the process.
    pub fn in_memory() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let memory = Memory::with_clock(Arc::clone(&clock));
        Self::remote(Arc::new(memory), clock, Duration::from_secs(1))
    }

    /// A store whose objects are elsewhere, under leases that end by themselves. `timeout` is how
    /// long a request to Azure may take: what a lost holder sent is over after it.
    pub fn remote(objects: Arc<dyn Leasing>, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let leases = FiniteLeases::new(Arc::clone(&objects), Arc::clone(&clock));
        Self {
            objects: Arc::clone(&objects) as _,
            leasing: Some(objects),
            leases: Arc::new(leases),
            timeout,
            clock,
            runs: Mutex::default(),
        }
    }

    /// What keeps its objects, for logs and objects of other layers.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        self.objects.place()
    }

    /// As [`Lease::acquire`], but no longer waited once `stop` has ended, whose value is given then:
    /// everything that was taken is given back before.
    ///
    /// # Errors
    /// As [`Lease::acquire`].
    pub async fn acquire_unless<S>(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
        stop: impl Future<Output = S>,
    ) -> Result<Result<Arc<dyn Held>, S>, StoreError> {
        // Not to be dropped half-way: what had been taken by then would be nobody's to give back.
        let held = self.leases.acquire(environments, doing).await?;
        let Some(holder) = held.taken_over() else {
            return Ok(Ok(held));
        };
        tracing::warn!(
            "{holder}: its lease was not given back; waiting {} s for what it may have sent",
            self.timeout.as_secs()
        );
        if let Err(error) = self.fence_off(environments).await {
            held.release().await.ok();
            return Err(error);
        }
        tokio::select! {
            biased;
            stopped = stop => {
                // The next one waits for the same holder.
                held.release().await.ok();
                Ok(Err(stopped))
            }
            () = self.clock.sleep(self.timeout) => {
                held.settled();
                Ok(Ok(held))
            }
        }
    }
}

#[async_trait]
impl Lease for Store {
    async fn acquire(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
    ) -> Result<Arc<dyn Held>, StoreError> {
        let never = std::future::pending::<std::convert::Infallible>();
        let taken = self.acquire_unless(environments, doing, never).await?;
        match taken {
            Ok(held) => Ok(held),
            Err(stopped) => match stopped {},
        }
    }

    async fn standing(&self) -> Result<Vec<(EnvironmentName, Standing)>, StoreError> {
        self.leases.standing().await
    }

    async fn break_off(&self, environment: &EnvironmentName) -> Result<Standing, StoreError> {
        self.leases.break_off(environment).await
    }
}

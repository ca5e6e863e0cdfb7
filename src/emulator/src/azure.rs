//! The parts of one running emulator that all requests share.

use crate::control::{Faults, Requests, Snapshots};
use crate::entra::{AssertionKey, Directory};
use crate::registry::{Blobs, Uploads};
use crate::settings::Settings;
use crate::state::{Clock, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One Azure.
#[derive(Debug)]
pub struct Azure {
    pub settings: Settings,
    pub store: Store,
    pub clock: Clock,
    pub directory: Directory,
    pub assertions: AssertionKey,
    pub faults: Faults,
    pub requests: Requests,
    pub snapshots: Snapshots,
    pub outages: Outages,
    pub recent_writes: RecentWrites,
    pub blobs: Blobs,
    pub uploads: Uploads,
}

impl Azure {
    /// What all its addresses start with.
    pub fn scheme(&self) -> &'static str {
        match self.settings.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    pub fn new(settings: Settings, store: Store, directory: Directory) -> Self {
        Self {
            clock: Clock::new(settings.clock_offset),
            assertions: AssertionKey::new(settings.data.as_deref()),
            blobs: Blobs::new(settings.data.as_deref()),
            uploads: Uploads::default(),
            settings,
            store,
            directory,
            faults: Faults::default(),
            requests: Requests::default(),
            snapshots: Snapshots::default(),
            outages: Outages::default(),
            recent_writes: RecentWrites::default(),
        }
    }
}

/// The regions that are down.
#[derive(Debug, Default)]
pub struct Outages(Mutex<BTreeSet<String>>);

impl Outages {
    pub fn down(&self, region: &str) -> bool {
        let regions = self.lock();
        !regions.is_empty() && regions.contains(&normal(region))
    }

    pub fn set(&self, region: &str, on: bool) {
        if on {
            self.lock().insert(normal(region));
        } else {
            self.lock().remove(&normal(region));
        }
    }

    pub fn all(&self) -> BTreeSet<String> {
        self.lock().clone()
    }

    pub fn replace(&self, regions: BTreeSet<String>) {
        *self.lock() = regions;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When something was last written, for providers that refuse writes at the same time.
#[derive(Debug, Default)]
pub struct RecentWrites(Mutex<BTreeMap<String, Instant>>);

impl RecentWrites {
    /// Notes that a write of `key` is done now.
    pub fn note(&self, key: &str) {
        self.lock().insert(key.to_owned(), Instant::now());
    }

    /// Whether a write of `key` was still under way at `arrival`.
    pub fn overlaps(&self, key: &str, arrival: Instant) -> bool {
        self.lock().get(key).is_some_and(|done| *done > arrival)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `East US 2` is `eastus2`.
fn normal(region: &str) -> String {
    region.replace(' ', "").to_ascii_lowercase()
}

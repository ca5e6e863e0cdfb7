//! The control store in memory, for tests: it forgets everything when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value as Json;

use super::clock::rfc3339;
use super::lease::Holder;
use super::{Clock, SystemClock};
use crate::provision::ports::{Entry, Event, Held, Journal, Lease, Snapshots, StoreError};
use crate::resource::EnvironmentName;

/// A control store in memory. Clones are the same store, as two processes on one folder are.
#[derive(Clone)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    journal: Vec<Entry>,
    leases: BTreeMap<EnvironmentName, Holder>,
    applied: BTreeMap<EnvironmentName, Json>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store that stamps what it holds with the time of `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// The state, whole after every step even where a test panicked with it in hand.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Journal for Memory {
    async fn append(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        let entry = Entry {
            at: rfc3339(self.clock.now()),
            plan: plan.to_owned(),
            event,
        };
        self.state().journal.push(entry);
        Ok(())
    }

    async fn entries(&self, plan: &str) -> Result<Vec<Entry>, StoreError> {
        let state = self.state();
        let of_plan = state.journal.iter().filter(|entry| entry.plan == plan);
        Ok(of_plan.cloned().collect())
    }
}

#[async_trait]
impl Lease for Memory {
    async fn acquire(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
    ) -> Result<Box<dyn Held>, StoreError> {
        let environments: BTreeSet<_> = environments.iter().cloned().collect();
        let holder = Holder::here(&*self.clock, doing);
        let mut state = self.state();
        for environment in &environments {
            if let Some(holder) = state.leases.get(environment) {
                return Err(StoreError::Held {
                    environment: environment.clone(),
                    holder: holder.to_string(),
                });
            }
        }
        let taken = environments
            .iter()
            .map(|name| (name.clone(), holder.clone()));
        state.leases.extend(taken);
        Ok(Box::new(Taken {
            state: Arc::clone(&self.state),
            environments,
        }))
    }
}

/// Leases that are given back when dropped.
struct Taken {
    state: Arc<Mutex<State>>,
    environments: BTreeSet<EnvironmentName>,
}

impl Held for Taken {}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        state
            .leases
            .retain(|name, _| !self.environments.contains(name));
    }
}

#[async_trait]
impl Snapshots for Memory {
    async fn environments(&self) -> Result<Vec<EnvironmentName>, StoreError> {
        Ok(self.state().applied.keys().cloned().collect())
    }

    async fn load(&self, environment: &EnvironmentName) -> Result<Option<Json>, StoreError> {
        Ok(self.state().applied.get(environment).cloned())
    }

    async fn save(&self, environment: &EnvironmentName, snapshot: &Json) -> Result<(), StoreError> {
        let mut state = self.state();
        state.applied.insert(environment.clone(), snapshot.clone());
        Ok(())
    }
}

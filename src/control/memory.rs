//! Stored objects in memory, with leases as Blob Storage has them: all is forgotten in the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Clock, SystemClock};
use crate::provision::objects::{Expected, LeaseId, Leasing, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::StoreError;

/// Objects in memory. Clones are the same objects, as two processes on one container are.
#[derive(Clone)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    appends_per_log: u64,
    objects: Arc<Mutex<BTreeMap<ObjectName, Object>>>,
}

#[derive(Default)]
struct Object {
    bytes: Vec<u8>,
    writes: u64,
    appends: u64,
    lease: Option<Leased>,
}

#[derive(Clone, Copy)]
struct Leased {
    id: LeaseId,
    term: Option<Duration>,
    /// On the boot clock.
    until: Option<Duration>,
    broken: bool,
}

impl Memory {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Nothing yet; leases end by the boot clock of `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            appends_per_log: u64::MAX,
            objects: Arc::default(),
        }
    }

    /// The same objects, with another limit of appends to a log.
    #[must_use]
    pub fn with_appends_per_log(self, appends_per_log: u64) -> Self {
        Self {
            appends_per_log,
            ..self
        }
    }

    /// The objects, whole after every step even where a test panicked with them in hand.
    fn objects(&self) -> MutexGuard<'_, BTreeMap<ObjectName, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, object: &Object) -> Option<Leased> {
        let now = self.clock.since_boot();
        object
            .lease
            .filter(|lease| lease.until.is_none_or(|until| now < until))
    }

    /// Runs `change` on an object and the lease that holds it.
    fn on<T>(
        &self,
        name: &ObjectName,
        change: impl FnOnce(&mut Object, Option<Leased>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut objects = self.objects();
        let object = objects.get_mut(name).ok_or_else(|| moved(name))?;
        let live = self.live(object);
        change(object, live)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

fn moved(name: &ObjectName) -> StoreError {
    StoreError::Moved {
        place: name.to_string(),
    }
}

fn lost(name: &ObjectName) -> StoreError {
    StoreError::LeaseLost {
        place: name.to_string(),
        reason: "it has ended, or somebody else has it".to_owned(),
    }
}

/// Whether a write may happen, given the lease on the object and the one it names.
fn admit(
    name: &ObjectName,
    live: Option<Leased>,
    named: Option<LeaseId>,
) -> Result<(), StoreError> {
    match (live.map(|live| live.id), named) {
        (None, None) => Ok(()),
        (Some(held), Some(named)) if held == named => Ok(()),
        (_, Some(_)) => Err(lost(name)),
        (Some(_), None) => Err(StoreError::Leased {
            place: name.to_string(),
        }),
    }
}

#[async_trait]
impl Objects for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        Ok(self.objects().get(name).map(|object| Stored {
            bytes: object.bytes.clone(),
            tag: Tag(object.writes.to_string()),
        }))
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
        let begins = format!("{folder}/");
        let objects = self.objects();
        let below = objects
            .keys()
            .filter(|name| name.as_str().starts_with(&begins));
        Ok(below.cloned().collect())
    }

    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError> {
        let mut objects = self.objects();
        let stands = objects.get(name);
        let holds = match expected {
            Expected::Anything => true,
            Expected::Absent => stands.is_none(),
            Expected::Unchanged(Tag(before)) => {
                stands.is_some_and(|object| object.writes.to_string() == *before)
            }
        };
        if !holds {
            return Err(moved(name));
        }
        admit(name, stands.and_then(|object| self.live(object)), lease)?;
        let object = objects.entry(name.clone()).or_default();
        object.bytes = bytes.to_vec();
        object.writes += 1;
        Ok(Tag(object.writes.to_string()))
    }

    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        lease: Option<LeaseId>,
    ) -> Result<(), StoreError> {
        let mut objects = self.objects();
        let stands = objects.get(name);
        let length = stands.map_or(0, |object| object.bytes.len());
        if u64::try_from(length).unwrap_or(u64::MAX) != position {
            return Err(moved(name));
        }
        admit(name, stands.and_then(|object| self.live(object)), lease)?;
        let object = objects.entry(name.clone()).or_default();
        if object.appends >= self.appends_per_log {
            return Err(StoreError::Io {
                doing: "append to",
                place: name.to_string(),
                source: std::io::Error::other("it takes no more appends"),
            });
        }
        object.bytes.extend_from_slice(bytes);
        object.appends += 1;
        object.writes += 1;
        Ok(())
    }

    fn appends_per_log(&self) -> u64 {
        self.appends_per_log
    }
}

#[async_trait]
impl Leasing for Memory {
    async fn acquire_lease(
        &self,
        name: &ObjectName,
        lease: LeaseId,
        term: Option<Duration>,
    ) -> Result<(), StoreError> {
        let now = self.clock.since_boot();
        self.on(name, |object, live| {
            if live.is_some_and(|live| live.id != lease || live.broken) {
                return Err(StoreError::Leased {
                    place: name.to_string(),
                });
            }
            object.lease = Some(Leased {
                id: lease,
                term,
                until: term.map(|term| now + term),
                broken: false,
            });
            Ok(())
        })
    }

    async fn renew_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        let now = self.clock.since_boot();
        self.on(name, |object, _| match &mut object.lease {
            Some(held) if held.id == lease && !held.broken => {
                held.until = held.term.map(|term| now + term);
                Ok(())
            }
            _ => Err(lost(name)),
        })
    }

    async fn release_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        self.on(name, |object, _| match object.lease {
            Some(held) if held.id == lease => {
                object.lease = None;
                Ok(())
            }
            _ => Err(lost(name)),
        })
    }

    async fn break_lease(
        &self,
        name: &ObjectName,
        at_once: bool,
    ) -> Result<Option<Duration>, StoreError> {
        let now = self.clock.since_boot();
        self.on(name, |object, live| {
            let Some(live) = live else { return Ok(None) };
            let left = live.until.map_or(Duration::ZERO, |until| until - now);
            let left = if at_once { Duration::ZERO } else { left };
            object.lease = Some(Leased {
                until: Some(now + left),
                broken: true,
                ..live
            });
            Ok(Some(left))
        })
    }

    async fn is_leased(&self, name: &ObjectName) -> Result<bool, StoreError> {
        match self.objects().get(name) {
            Some(object) => Ok(self.live(object).is_some()),
            None => Ok(false),
        }
    }
}

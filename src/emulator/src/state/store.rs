//! The world behind a lock: short reads, transactions that are logged, snapshots.

use super::log::{Log, LogError};
use super::operation::Operation;
use super::world::{Change, Object, World};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The file of a data folder that holds the world.
pub const STATE: &str = "state.jsonl";

/// The world of one emulator, in memory and, where it has a folder, on disk.
#[derive(Debug)]
pub struct Store {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Arc<World>,
    log: Option<Log>,
}

impl Store {
    /// An empty world that nothing remembers.
    pub fn in_memory() -> Self {
        Self::with(World::default(), None)
    }

    /// The world in `folder`. Where it was `begun` before, a state without beginning is an error.
    pub fn on_disk(folder: &Path, begun: bool) -> Result<Self, LogError> {
        let (log, world) = Log::open(&folder.join(STATE), begun)?;
        Ok(Self::with(world, Some(log)))
    }

    fn with(world: World, log: Option<Log>) -> Self {
        Self {
            inner: RwLock::new(Inner {
                world: Arc::new(world),
                log,
            }),
        }
    }

    /// Looks at the world; writers wait meanwhile, so keep it short.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.reader().world)
    }

    /// Changes the world; what was changed is on disk when this returns.
    pub fn write<T>(&self, work: impl FnOnce(&mut Txn<'_>) -> T) -> io::Result<T> {
        let mut inner = self.writer();
        let Inner { world, log } = &mut *inner;
        let mut txn = Txn {
            world: Arc::make_mut(world),
            changes: log.is_some().then(Vec::new),
        };
        let result = work(&mut txn);
        if let (Some(log), Some(changes)) = (log, txn.changes)
            && !changes.is_empty()
        {
            log.append(&changes)?;
        }
        Ok(result)
    }

    /// The world as it is; costs nothing until somebody writes.
    pub fn snapshot(&self) -> Arc<World> {
        self.reader().world.clone()
    }

    /// Puts an earlier world back.
    pub fn restore(&self, world: Arc<World>) -> io::Result<()> {
        let mut inner = self.writer();
        let changes = world.since(&inner.world);
        if let Some(log) = &mut inner.log
            && !changes.is_empty()
        {
            log.append(&changes)?;
        }
        inner.world = world;
        Ok(())
    }

    // A panic in a handler must not end the emulator: the world is only ever changed by
    // whole map insertions, so what a panicking writer leaves is still readable.
    fn reader(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction: sees its own changes, and all of them are logged as one line.
#[derive(Debug)]
pub struct Txn<'a> {
    world: &'a mut World,
    changes: Option<Vec<Change>>,
}

impl Txn<'_> {
    pub fn world(&self) -> &World {
        self.world
    }

    pub fn put(&mut self, object: Object) {
        self.change(Change::Object(object.key(), Some(Arc::new(object))));
    }

    pub fn remove(&mut self, key: &str) {
        self.change(Change::Object(key.to_owned(), None));
    }

    /// Removes an object, everything whose id continues its own, and their facts.
    pub fn remove_tree(&mut self, key: &str) {
        let below = format!("{key}/");
        let keys: Vec<String> = self
            .world
            .under(&below)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys.iter().map(String::as_str).chain([key]) {
            self.remove(key);
            for fact in self.world.facts_of(key) {
                self.change(Change::Fact(fact, None));
            }
        }
    }

    pub fn put_operation(&mut self, operation: Operation) {
        let key = operation.path.to_ascii_lowercase();
        self.change(Change::Operation(key, Some(Arc::new(operation))));
    }

    /// Stores a fact. One whose key is an object's key, `#` and a word goes with that
    /// object.
    pub fn set_fact(&mut self, key: &str, value: Option<Value>) {
        self.change(Change::Fact(key.to_owned(), value.map(Arc::new)));
    }

    fn change(&mut self, change: Change) {
        if let Some(changes) = &mut self.changes {
            changes.push(change.clone());
        }
        self.world.apply(change);
    }
}

//! Whole states under a name, and the empty one.

use super::{ok, unwritten};
use crate::azure::Azure;
use crate::seeds;
use crate::server::Answer;
use crate::state::World;
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Snapshots of one emulator; they live as long as its process.
#[derive(Debug, Default)]
pub struct Snapshots(Mutex<BTreeMap<String, Snapshot>>);

#[derive(Clone, Debug)]
struct Snapshot {
    world: Arc<World>,
    clock_offset: i64,
    outages: BTreeSet<String>,
}

impl Snapshots {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    name: String,
}

pub fn take(azure: &Azure, order: &Order) -> Result<Answer, String> {
    let snapshot = Snapshot {
        world: azure.store.snapshot(),
        clock_offset: azure.clock.offset(),
        outages: azure.outages.all(),
    };
    let mut snapshots = azure.snapshots.lock();
    snapshots.insert(order.name.clone(), snapshot);
    let names: Vec<&String> = snapshots.keys().collect();
    Ok(ok(json!({ "snapshots": names })))
}

pub fn restore(azure: &Azure, order: &Order) -> Result<Answer, String> {
    let snapshot = azure.snapshots.lock().get(&order.name).cloned();
    let snapshot = snapshot.ok_or_else(|| format!("there is no snapshot {}", order.name))?;
    azure.store.restore(snapshot.world).map_err(unwritten)?;
    azure.clock.set_offset(snapshot.clock_offset);
    azure.outages.replace(snapshot.outages);
    Ok(ok(json!({ "restored": order.name })))
}

/// Empties everything but the tenant, its secrets and what a fresh one has.
pub fn reset(azure: &Azure) -> io::Result<()> {
    azure.store.restore(Arc::new(World::default()))?;
    azure.clock.set_offset(azure.settings.clock_offset);
    azure.outages.replace(BTreeSet::new());
    azure.faults.clear();
    azure.requests.clear();
    seeds::plant(azure)
}

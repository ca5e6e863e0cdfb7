//! The applied snapshot: what the last successful apply wrote, and so who moved what since.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::apply::{End, Outcome};
use super::plan::{Applied, Plan, Standing, Step};
use super::ports::{Snapshots, StoreError};
use crate::resource::{EnvironmentName, Value};

/// The snapshot of one environment as stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Snapshot {
    resources: Applied,
    /// The digest of the configuration with which an apply began where nothing stood, until one
    /// is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<String>,
}

/// The snapshots of these environments, as one. A missing one is empty.
///
/// # Errors
/// [`StoreError`] where there is one that cannot be read.
pub async fn load(
    store: &dyn Snapshots,
    environments: &[EnvironmentName],
) -> Result<Applied, StoreError> {
    let mut applied = Applied::new();
    for environment in environments {
        applied.extend(one(store, environment).await?.resources);
    }
    Ok(applied)
}

async fn one(store: &dyn Snapshots, environment: &EnvironmentName) -> Result<Snapshot, StoreError> {
    let Some(json) = store.load(environment).await? else {
        return Ok(Snapshot::default());
    };
    serde_json::from_value(json).map_err(|error| StoreError::Corrupt {
        place: format!("the applied snapshot of {environment}"),
        line: None,
        problem: error.to_string(),
    })
}

/// Those of these environments in which an apply of the configuration with this digest began
/// where nothing stood, and none was complete since.
///
/// # Errors
/// [`StoreError`] where there is a snapshot that cannot be read.
pub async fn begun(
    store: &dyn Snapshots,
    environments: &[EnvironmentName],
    digest: &str,
) -> Result<BTreeSet<EnvironmentName>, StoreError> {
    let mut found = BTreeSet::new();
    for environment in environments {
        if one(store, environment).await?.begun.as_deref() == Some(digest) {
            found.insert(environment.clone());
        }
    }
    Ok(found)
}

/// Notes that an apply of the configuration with this digest begins where nothing stands.
///
/// # Errors
/// [`StoreError`] where that cannot be written.
pub async fn begin(
    store: &dyn Snapshots,
    environments: &BTreeSet<EnvironmentName>,
    digest: &str,
) -> Result<(), StoreError> {
    for environment in environments {
        let mut snapshot = one(store, environment).await?;
        if snapshot.begun.as_deref() != Some(digest) {
            snapshot.begun = Some(digest.to_owned());
            store.save(environment, &stored(&snapshot)).await?;
        }
    }
    Ok(())
}

fn stored(snapshot: &Snapshot) -> Json {
    serde_json::to_value(snapshot)
        .expect("a snapshot holds texts, numbers, lists and maps with text keys")
}

/// Writes the snapshots of every environment that the plan speaks of, after a run.
///
/// # Errors
/// [`StoreError`] where one cannot be written; the old one stands then.
pub async fn save(
    store: &dyn Snapshots,
    before: &Applied,
    plan: &Plan,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let after = advance(before.clone(), plan, outcome);
    for environment in &plan.environments {
        let mine = after
            .iter()
            .filter(|(address, _)| address.environment() == *environment);
        let resources: Applied = mine
            .map(|(a, standing)| (a.clone(), standing.clone()))
            .collect();
        let begun = match outcome.is_complete() {
            true => None,
            false => one(store, environment).await?.begun,
        };
        let snapshot = Snapshot { resources, begun };
        store.save(environment, &stored(&snapshot)).await?;
    }
    Ok(())
}

/// The snapshot after a run: what it did, and what it found standing as declared.
fn advance(mut applied: Applied, plan: &Plan, outcome: &Outcome) -> Applied {
    applied.extend(plan.standing.clone());
    for (operation, end) in plan.operations.iter().zip(&outcome.ends) {
        if !matches!(end, End::Done | End::AlreadyDone) {
            continue;
        }
        if operation.step == Step::Delete {
            applied.remove(&operation.address);
            continue;
        }
        let resolved = operation
            .desired
            .as_ref()
            .and_then(|d| d.resolve(&outcome.outputs).ok());
        let id = operation.id.resolve(&outcome.outputs).ok();
        if let (Some(properties), Some(id)) = (resolved, id) {
            let standing = Standing {
                id,
                kind: operation.kind.clone(),
                properties: Value::from(properties),
                references: operation.references.clone(),
            };
            applied.insert(operation.address.clone(), standing);
        }
    }
    applied
}

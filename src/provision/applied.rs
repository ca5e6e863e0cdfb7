//! The applied snapshot: what the last successful apply wrote, and so who moved what since.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apply::{End, Outcome};
use super::plan::{Applied, Plan, Standing, Step};
use super::ports::{Snapshots, StoreError};
use crate::resource::{EnvironmentName, Value};

/// The snapshot of one environment as stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Snapshot {
    resources: Applied,
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
        let Some(json) = store.load(environment).await? else {
            continue;
        };
        let snapshot: Snapshot =
            serde_json::from_value(json).map_err(|error| StoreError::Corrupt {
                place: format!("the applied snapshot of {environment}"),
                line: None,
                problem: error.to_string(),
            })?;
        applied.extend(snapshot.resources);
    }
    Ok(applied)
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
        let json = serde_json::to_value(Snapshot { resources })
            .expect("a snapshot holds texts, numbers, lists and maps with text keys");
        store.save(environment, &json).await?;
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
                properties: Arc::new(Value::from(properties)),
                references: operation.references.clone(),
            };
            applied.insert(operation.address.clone(), standing);
        }
    }
    applied
}

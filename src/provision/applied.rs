//! The applied snapshot: what the last successful apply wrote, and so who moved what since.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apply::{End, Outcome};
use super::plan::{Applied, Operation, Plan, Standing, Step};
use super::ports::{Snapshots, StoreError};
use crate::resource::{Address, Carrier, EnvironmentName, Kinds, Text, Value, scopes};

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
    kinds: Kinds,
    store: &dyn Snapshots,
    before: &Applied,
    plan: &Plan,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let after = advance(kinds, before.clone(), plan, outcome);
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

/// The snapshot after a run: what it did, what it found standing as declared, and what it was to
/// delete and did not.
fn advance(kinds: Kinds, mut applied: Applied, plan: &Plan, outcome: &Outcome) -> Applied {
    let mut succeeded = Applied::new();
    let mut gone = BTreeSet::new();
    succeeded.extend(plan.standing.clone());
    for (operation, end) in plan.operations.iter().zip(&outcome.ends) {
        if !matches!(end, End::Done | End::AlreadyDone) {
            continue;
        }
        if operation.step == Step::Delete {
            gone.extend(operation.id.known().map(str::to_lowercase));
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
            succeeded.insert(operation.address.clone(), standing);
        }
    }
    // What lay in it has gone along.
    applied.retain(|_, standing| {
        let id = standing.id.to_lowercase();
        !scopes(&id).any(|scope| gone.contains(scope))
    });
    // What carries a marker of its own is known by that.
    let is_markless = |old: &Standing| {
        let kind = kinds.named(&old.kind);
        kind.is_some_and(|kind| matches!(kind.meta().carrier, Carrier::Parent))
    };
    let former = succeed(&mut applied, succeeded);
    for (address, old) in former.into_iter().filter(|(_, old)| is_markless(old)) {
        if let Some(name) = name_of_former(plan, &address, &old) {
            applied.insert(name, old);
        }
    }
    applied
}

/// Puts new standings in; those of other objects that were at their addresses.
fn succeed(applied: &mut Applied, succeeded: Applied) -> Vec<(Address, Standing)> {
    let mut former = Vec::new();
    for (address, standing) in succeeded {
        let id = standing.id.clone();
        let old = applied.insert(address.clone(), standing);
        let old = old.filter(|old| !old.id.eq_ignore_ascii_case(&id));
        former.extend(old.map(|old| (address, old)));
    }
    former
}

/// By which address an object is remembered that left its own to a successor and stands yet: what
/// carries no marker would be nobody's otherwise.
fn name_of_former(plan: &Plan, address: &Address, old: &Standing) -> Option<Address> {
    let is_it = |operation: &&Operation| {
        let id = operation.id.known();
        operation.step == Step::Delete && id.is_some_and(|id| id.eq_ignore_ascii_case(&old.id))
    };
    let delete = plan.operations.iter().find(is_it);
    let delete = delete.filter(|delete| delete.address != *address);
    if let Some(delete) = delete {
        return Some(delete.address.clone());
    }
    let digest = Text::name_uuid(vec![old.id.to_lowercase().as_str().into()]);
    address.child(digest.known()?.get(..8)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Verdict;
    use crate::provision::testing::{FakeCloud, KINDS, Rig, What, World};
    use crate::resource::Method;

    async fn run(world: &mut World, cloud: &FakeCloud) -> bool {
        let plan = world.plan(cloud).await;
        let outcome = Rig::new(cloud).apply(&plan).await;
        world.applied = advance(KINDS, world.applied.clone(), &plan, &outcome);
        outcome.is_complete()
    }

    /// Pools carry no marker: only a remembered name makes one ours that stands in an old cluster.
    #[tokio::test]
    async fn what_left_its_address_to_a_successor_is_remembered_until_it_goes() {
        let mut world = World::new();
        world.group("dev");
        world.cluster("dev", "k");
        world.pool("dev.cluster.k", "user", "User");
        let cloud = world.live();
        world.applied = world.applied(&cloud).await;
        let pool = world.id("dev.cluster.k.user");
        for path in [
            "dev.cluster.k",
            "dev.cluster.k.system",
            "dev.cluster.k.user",
        ] {
            let id = world.id(path).replace("/clusters/k", "/clusters/k2");
            world.edit(path).id = id.into();
        }
        let refused = What::Refuse(Verdict::Fatal, "InUse");
        cloud.fail(Method::Delete, &pool, refused);
        assert!(!run(&mut world, &cloud).await);
        let remembers = |world: &World| world.applied.values().any(|it| it.id == pool);
        assert!(remembers(&world), "{:?}", world.applied.keys());
        let plan = world.plan(&cloud).await;
        let mut deletes = plan.operations.iter().filter(|o| o.step == Step::Delete);
        assert!(deletes.any(|o| o.id.known() == Some(&pool)));
        assert!(run(&mut world, &cloud).await);
        assert!(!remembers(&world));
        let standing = world.applied(&cloud).await;
        assert!(world.applied.keys().eq(standing.keys()));
    }
}

//! Tests of the executor: plans are carried out on a cloud that fails on demand.

mod order;
mod stale;
mod unheard;

use super::*;
use crate::provision::plan::{Plan, Step};
use crate::provision::ports::{NO_ANSWER, Verdict};
use crate::provision::testing::{FakeCloud, KINDS, Rig, What, World, address, show};
use crate::resource::{Method, Text};
use serde_json::json;
use std::sync::Arc;

/// How the operation at an address ended, in one word.
fn end(plan: &Plan, outcome: &Outcome, path: &str) -> &'static str {
    let is_it = |at: &usize| plan.operations[*at].address.as_str() == path;
    let last = (0..plan.operations.len()).rfind(is_it);
    match &outcome.ends[last.unwrap_or_else(|| panic!("no {path} in {}", show(plan)))] {
        End::Done => "done",
        End::AlreadyDone => "already",
        End::Failed(OperationError::Stale(_)) => "stale",
        End::Failed(OperationError::NotAsDeclared(_)) => "not as declared",
        End::Failed(OperationError::Store(_)) => "store",
        End::Failed(_) => "failed",
        End::Skipped(_) => "skipped",
    }
}

fn skipped(plan: &Plan, outcome: &Outcome, path: &str) -> String {
    let at = plan
        .operations
        .iter()
        .position(|o| o.address.as_str() == path);
    match &outcome.ends[at.expect("planned")] {
        End::Skipped(reason) => reason.clone(),
        other => panic!("{path} ended as {other:?}"),
    }
}

/// Two stores with a shelf each, in one group: two branches.
fn two_branches() -> World {
    let mut world = World::with_store();
    world.store("dev", "b");
    world.shelf("dev.store.b", "low");
    world
}

#[tokio::test]
async fn success_that_is_not_as_declared_is_a_failure() {
    let world = World::with_store();
    let cloud = FakeCloud::default();
    cloud.fail(
        Method::Put,
        "/stores/a",
        What::Misreport("/properties/size", json!(5)),
    );
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    let outcome = rig.apply(&plan).await;
    // The answer said otherwise; only what stands counts.
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "done");
    let cloud = FakeCloud::default();
    let rig = Rig::new(&cloud);
    cloud.fail(
        Method::Put,
        "/stores/a",
        What::Garble("/properties/size", json!(5)),
    );
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "not as declared");
    assert_eq!(end(&plan, &outcome, "dev.store.a.top"), "skipped");
    let failed = |event: &Event| matches!(event, Event::Failed { failure, .. } if failure.code == "NotAsDeclared");
    assert!(rig.journal.events().iter().any(failed));
    assert!(rig.apply(&plan).await.is_complete());
}

#[tokio::test]
async fn an_embedded_child_travels_with_its_parent_and_is_checked() {
    let mut world = World::new();
    world.group("dev");
    world.cluster("dev", "k");
    let cloud = FakeCloud::default();
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.cluster.k.system"), "done");
    assert_eq!(
        cloud.writes(),
        ["PUT rg-dev", "PUT rg-dev/Compute/clusters/k"]
    );
    // A child that did not arrive as declared is found out.
    let cloud = FakeCloud::default();
    let garble = What::GarbleBelow("/pools/system", "/properties/count", json!(9));
    cloud.fail(Method::Put, "/clusters/k", garble);
    let outcome = Rig::new(&cloud).apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.cluster.k"), "done");
    assert_eq!(
        end(&plan, &outcome, "dev.cluster.k.system"),
        "not as declared"
    );
}

#[tokio::test]
async fn late_ids_are_resolved_and_outputs_outlive_the_run() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let cloud = FakeCloud::default();
    cloud.fail(
        Method::Put,
        "/stores/a",
        What::Refuse(Verdict::Fatal, "Quota"),
    );
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.grant.bot"), "skipped");
    let outcome = rig.apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    assert_eq!(end(&plan, &outcome, "shared.principal.bot"), "already");
    let object = outcome
        .outputs
        .get(&address("shared.principal.bot"), "objectId");
    let bodies = cloud.bodies();
    let (_, grant) = bodies
        .iter()
        .find(|(id, _)| id.contains("/grants/"))
        .expect("made");
    assert_eq!(grant["properties"]["principalId"].as_str(), object);
    assert!(world.plan(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_plan_of_a_kind_that_is_not_known_fails_and_sends_nothing() {
    let world = World::with_store();
    let cloud = FakeCloud::default();
    let mut plan = world.plan(&cloud).await;
    for operation in &mut plan.operations {
        "teapot".clone_into(&mut operation.kind);
        operation.id = Text::from("/x");
    }
    let outcome = Rig::new(&cloud).apply(&plan).await;
    assert!(matches!(
        &outcome.ends[0],
        End::Failed(OperationError::UnknownKind(_))
    ));
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn an_equal_plan_made_after_the_world_was_put_back_is_a_new_one() {
    let mut world = World::with_store();
    let cloud = FakeCloud::default();
    let rig = Rig::new(&cloud);
    let create = world.plan(&cloud).await;
    assert!(rig.apply(&create).await.is_complete());
    // Applied again as it stands, nothing is left to do.
    cloud.forget_log();
    let again = rig.apply(&create).await;
    assert!(again.is_complete());
    assert_eq!(cloud.writes(), [""; 0]);
    let there = "westus2";
    for _ in 0..2 {
        world.set("dev.store.a", "location", json!(there));
        let replace = world.plan(&cloud).await;
        assert!(rig.apply(&replace).await.is_complete());
        world.set("dev.store.a", "location", json!("eastus2"));
        let back = world.plan(&cloud).await;
        assert!(rig.apply(&back).await.is_complete());
        assert!(world.plan(&cloud).await.is_empty());
    }
    let destroy = world.destroy().plan(&cloud).await;
    assert!(rig.apply(&destroy).await.is_complete());
    assert_eq!(cloud.ids(), [""; 0]);
    assert!(rig.apply(&create).await.is_complete());
    assert!(world.plan(&cloud).await.is_empty());
}

//! Tests of the planner: worlds are declared, frozen, edited, and the plan is looked at.

mod locks;
mod order;
mod orphans;
mod ours;
mod selection;
mod unread;

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::provision::desired::{Desired, DesiredError};
use crate::provision::graph::Dag;
use crate::provision::ports::Verdict;
use crate::provision::testing::{FakeCloud, Rig, What, World, address, name, order, show};
use crate::resource::{Method, Severity};

const FORBIDDEN: What = What::Refuse(Verdict::Denied, "AuthorizationFailed");

#[tokio::test]
async fn what_is_as_declared_is_left_alone() {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let plan = world.plan(&world.live()).await;
    assert!(plan.is_empty(), "{}", show(&plan));
    assert_eq!(plan.unchanged, world.resources.len());
    assert_eq!(plan.unmanaged, []);
}

#[tokio::test]
async fn a_changed_field_is_an_update_and_says_who_moved_it() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    world.set("dev.store.a", "properties.size", json!(2));
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["properties"]["color"] = json!("red")
    });
    cloud.edit(&world.id("dev.store.a.top"), |body| {
        body["properties"]["width"] = json!(11)
    });
    world.set("dev.store.a.top", "properties.width", json!(12));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    update dev.store.a: properties.size 1 → 2, properties.color "red" → "grey"
    update dev.store.a.top: properties.width 11 → 12
    "#);
    let by = |at: usize, change: usize| plan.operations[at].changes[change].by;
    use crate::provision::diff::ChangedBy::{Azure, Both, Toml};
    assert_eq!(
        (by(0, 0), by(0, 1), by(1, 0)),
        (Some(Toml), Some(Azure), Some(Both))
    );
}

#[tokio::test]
async fn a_change_that_azure_cannot_make_is_refused() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.set("dev.store.a", "properties.tier", json!("cold"));
    world.set("dev.store.a", "properties.size", json!(3));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"refused dev.store.a: properties.tier cannot change from "hot" to "cold""#);
    assert_eq!(plan.refusals[0].instead, "make another store");
    assert!(!plan.is_empty());
    // Asked for by name, it is still refused; left out, it is not.
    assert_eq!(
        world.target(&["dev.store.a"]).plan(&cloud).await.refusals,
        plan.refusals
    );
    assert!(
        world
            .exclude(&["dev.store.a"])
            .plan(&cloud)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_fixed_in_use_is_refused_while_somebody_uses_it() {
    let mut world = World::with_store();
    for store in ["b", "c"] {
        world.store("dev", store);
    }
    let shelf = world.id("dev.store.a.top").to_uppercase();
    world.set("dev.store.b", "properties.owner", json!(shelf));
    let below = format!("{shelf}/BOOKS/1");
    world.set("dev.store.c", "properties.owner", json!(below));
    let cloud = world.live();
    world.set("dev.store.a.top", "properties.width", json!(11));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @"refused dev.store.a.top: properties.width cannot change from 10 to 11 while it is used by store b and 1 more");
    assert_eq!(plan.refusals[0].instead, "put up another shelf");
    for store in ["b", "c"] {
        let id = world.id(&format!("dev.store.{store}"));
        cloud.edit(&id, |body| body["properties"]["owner"] = json!("/nobody"));
        world.set(
            &format!("dev.store.{store}"),
            "properties.owner",
            json!("/nobody"),
        );
    }
    assert_snapshot!(show(&world.plan(&cloud).await), @"update dev.store.a.top: properties.width 10 → 11");
}

#[tokio::test]
async fn ids_are_compared_without_case() {
    let mut world = World::with_store();
    let cloud = world.live();
    let id = world
        .id("dev.store.a")
        .to_uppercase()
        .replace("/SUBSCRIPTIONS", "/subscriptions");
    world.edit("dev.store.a").id = id.into();
    let plan = world.plan(&cloud).await;
    assert!(plan.is_empty(), "{}", show(&plan));
}

#[tokio::test]
async fn planning_is_a_pure_function() {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let cloud = world.live();
    world.set("dev.store.a", "location", json!("westus2"));
    let first = digest(&world.plan(&cloud).await);
    assert_eq!(first, digest(&world.plan(&cloud).await));
    // What Azure moves by itself is no part of it; what we own is.
    cloud.edit(&world.id("dev.cluster.k"), |body| {
        body["properties"]["nodes"] = json!(7)
    });
    assert_eq!(first, digest(&world.plan(&cloud).await));
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["properties"]["size"] = json!(7)
    });
    assert_ne!(first, digest(&world.plan(&cloud).await));
}

#[test]
fn declarations_that_collide_or_dangle_are_refused() {
    let world = World::with_store();
    let store = world.resources[&address("dev.store.a")].clone();
    let of = |resources: Vec<crate::resource::Resource>| {
        let group = world.resources[&address("dev.group")].clone();
        let all = resources.into_iter().chain([group]);
        Desired::of(world.places.values().cloned(), all).expect_err("refused")
    };
    let same = of(vec![store.clone(), store.clone()]);
    assert_eq!(same, DesiredError::SameAddress(address("dev.store.a")));
    let mut other = store.clone();
    other.address = address("dev.store.b");
    other.id = store.id.to_string().to_lowercase().into();
    assert!(matches!(
        of(vec![store.clone(), other.clone()]),
        DesiredError::SameObject { .. }
    ));
    let late = Text::output(&address("dev.group"), "id");
    let mut first = store.clone();
    (first.id, other.id) = (late.clone(), late);
    assert!(matches!(
        of(vec![first, other]),
        DesiredError::SameObject { .. }
    ));
    let dangling = of(vec![store.after(&address("dev.nothing"))]);
    assert_eq!(
        dangling.to_string(),
        "dev.store.a refers to dev.nothing, which nothing declares"
    );
}

/// Edits of an honest plan that it is refused for, each with what is said.
#[tokio::test]
async fn a_plan_may_say_only_what_is_declared() {
    let mut world = World::with_store();
    world.principal("shared.principal.engine");
    world.grant(
        "dev.grant.engine",
        "dev.store.a",
        "shared.principal.engine",
        "pull",
    );
    let cloud = FakeCloud::default();
    let honest = world.plan(&cloud).await;
    assert_eq!(world.contradictions(&cloud, &honest).await, [""; 0]);
    let at = |plan: &Plan, kind: &str| {
        let mut all = plan.operations.iter();
        all.position(|o| o.kind == kind).expect("it is planned")
    };
    type Edit = fn(&mut Operation);
    let edits: [(&str, Edit, &str); 6] = [
        (
            "grant",
            |o| {
                let desired = o.desired.as_mut().expect("a create");
                desired.set("properties.principalId", Value::from("mallory"));
            },
            "TOML says something else of properties.principalId",
        ),
        (
            "grant",
            |o| o.address = "dev.grant.mallory".parse().expect("an address"),
            "no TOML declares it",
        ),
        (
            "store",
            |o| o.id = format!("{}x", o.id.known().expect("known")).into(),
            "TOML declares it as",
        ),
        (
            "store",
            |o| o.kind = "cluster".to_owned(),
            "TOML declares a store of that name",
        ),
        (
            "store",
            |o| {
                let desired = o.desired.as_mut().expect("a create");
                desired.set("properties.unheard", Value::from("of"));
            },
            "TOML says something else of properties.unheard",
        ),
        (
            "store",
            |o| {
                o.step = Step::Delete;
                o.action = Action::Delete;
            },
            "TOML still declares it",
        ),
    ];
    for (kind, edit, says) in edits {
        let mut forged = honest.clone();
        let index = at(&forged, kind);
        edit(&mut forged.operations[index]);
        let said = world.contradictions(&cloud, &forged).await;
        let found = said.iter().any(|line| line.contains(says));
        assert!(found, "{says}: {said:?}");
    }
}

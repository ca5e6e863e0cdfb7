//! Locks in the way of a plan.

use super::*;

#[tokio::test]
async fn a_lock_in_the_way_is_lifted_and_put_back() {
    let mut world = World::with_store();
    world.lock("dev.group", "CanNotDelete");
    world.lock("dev.store.a", "CanNotDelete");
    world.store("dev", "b");
    world.lock("dev.store.b", "CanNotDelete");
    let cloud = world.live();
    world.set("dev.store.a", "location", json!("westus2"));
    world.set("dev.store.b", "properties.size", json!(2));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    update dev.store.b: properties.size 1 → 2
    lift dev.group.lock
    lift dev.store.a.lock
    replace, delete dev.store.a.top
    replace, delete dev.store.a
    replace, create dev.store.a: location "eastus2" → "westus2"
    replace, create dev.store.a.top
    put back dev.group.lock
    put back dev.store.a.lock
    "#);
    assert_eq!(plan.operations.iter().filter(|o| o.is_lift()).count(), 2);
    let back = plan
        .operations
        .iter()
        .position(|o| o.is_lift())
        .expect("put back");
    let waits = plan.edges.iter().filter(|edge| edge.after == back);
    let hard: Vec<usize> = waits
        .filter(|e| e.needs_success)
        .map(|e| e.before)
        .collect();
    assert_eq!(
        hard,
        [plan.operations[back].restores.expect("a lift")],
        "only its own lifting"
    );
}

#[tokio::test]
async fn a_read_only_lock_is_lifted_for_any_write_even_of_a_late_id() {
    let mut world = World::with_store();
    world.lock("dev.store.a", "ReadOnly");
    let cloud = world.live();
    assert!(world.plan(&cloud).await.is_empty());
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    create shared.principal.bot
    lift dev.store.a.lock
    create dev.grant.bot
    put back dev.store.a.lock
    ");
    world.drop("dev.grant.bot");
    world.set(
        "dev.store.a.lock",
        "properties.level",
        json!("CanNotDelete"),
    );
    world.set("dev.store.a", "properties.size", json!(2));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    create shared.principal.bot
    lift dev.store.a.lock
    update dev.store.a: properties.size 1 → 2
    put back dev.store.a.lock: properties.level "ReadOnly" → "CanNotDelete"
    "#);
}

#[tokio::test]
async fn other_peoples_locks_are_respected() {
    let mut world = World::with_store();
    world.lock("dev.group", "CanNotDelete");
    let cloud = world.live();
    let scope = world.id("dev.store.a");
    let foreign = format!("{scope}/providers/Microsoft.Authorization/locks/theirs");
    cloud.plant(
        &foreign,
        json!({"properties": {"level": "CanNotDelete", "notes": "ours"}}),
    );
    world.set("dev.store.a", "location", json!("westus2"));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    lift dev.group.lock
    replace, delete dev.store.a.top
    replace, delete dev.store.a
    replace, create dev.store.a: location "eastus2" → "westus2"
    replace, create dev.store.a.top
    put back dev.group.lock
    refused dev.store.a: the lock rg-dev/Storage/stores/a/providers/Microsoft.Authorization/locks/theirs stands over it and is not part of this plan
    unmanaged rg-dev/Storage/stores/a/providers/Microsoft.Authorization/locks/theirs
    "#);
    // A lock of ours that is left out of the plan is not lifted either.
    cloud.remove(&foreign);
    let plan = world.exclude(&["dev.group.lock"]).plan(&cloud).await;
    assert!(
        show(&plan).contains("refused dev.store.a"),
        "{}",
        show(&plan)
    );
    let plan = world.only(&["shared"]).destroy().plan(&cloud).await;
    assert!(plan.is_empty());
}

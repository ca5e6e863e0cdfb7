//! What could not be read is neither there nor absent.

use super::*;

#[tokio::test]
async fn what_cannot_be_read_is_neither_created_nor_deleted() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let cloud = world.live();
    // Nothing of it declared any more, one thing new, one thing as it was.
    world.drop("dev.store.b");
    world.store("dev", "c");
    world.shelf("dev.store.c", "low");
    cloud.fail_times(Method::Get, "/Toy.Storage/stores", FORBIDDEN, 9);
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    unread dev.store.c: AuthorizationFailed
    unread dev.store.c.low: AuthorizationFailed
    unread dev.store.a: AuthorizationFailed
    unread dev.store.a.top: AuthorizationFailed
    ");
    assert!(!plan.is_empty());
    let plan = world.destroy().target(&["dev.store.*"]).plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    unread dev.store.c: AuthorizationFailed
    unread dev.store.c.low: AuthorizationFailed
    unread dev.store.a: AuthorizationFailed
    unread dev.store.a.top: AuthorizationFailed
    ");
}

#[tokio::test]
async fn objects_on_a_page_before_the_failure_are_known() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let cloud = world.live();
    cloud.fail_times(Method::Get, "/Toy.Storage/stores", What::LoseAfter, 9);
    let observed = world.observe(&cloud).await;
    assert_eq!(
        observed
            .objects
            .keys()
            .filter(|id| id.ends_with("/stores/a"))
            .count(),
        1
    );
    assert_snapshot!(show(&world.plan_on(&observed).expect("a plan")), @"unread dev.store.b: Unreachable");
}

#[tokio::test]
async fn dependents_of_the_unreadable_are_withheld() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let owner = Text::output(&address("shared.principal.bot"), "objectId");
    Arc::make_mut(&mut world.edit("dev.store.a").properties).set("properties.owner", owner.into());
    let cloud = world.live();
    cloud.fail_times(Method::Get, "(uniqueName='bot')", FORBIDDEN, 9);
    // The grant stands: as long as its name is not known, nothing like it is an orphan.
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    unread shared.principal.bot: AuthorizationFailed
    unread dev.store.a: NeedsUnreadable
    unread dev.grant.bot: NeedsUnreadable
    unread dev.grant.ed4c65b7-2531-570a-986f-f67d90f98c00: NeedsUnreadable
    ");
    // The same from an environment that only refers to the unreadable.
    let plan = world.only(&["dev"]).plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    unread dev.store.a: NeedsUnreadable
    unread dev.grant.bot: NeedsUnreadable
    unread dev.grant.ed4c65b7-2531-570a-986f-f67d90f98c00: NeedsUnreadable
    ");
}

#[tokio::test]
async fn an_unread_collection_without_a_declared_resource_is_not_clean() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.drop("dev.store");
    cloud.fail_times(Method::Get, "/Toy.Storage/stores", FORBIDDEN, 9);
    let plan = world.plan(&cloud).await;
    assert!(!plan.is_empty(), "an orphan may stand there unseen");
}

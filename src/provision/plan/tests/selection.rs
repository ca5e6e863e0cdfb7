//! Plans of a part of what is declared.

use super::*;

#[tokio::test]
async fn what_another_environment_has_to_make_first_is_said() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let plan = world.only(&["dev"]).plan(&cloud).await;
    assert_snapshot!(show(&plan), @"refused dev.grant.bot: it needs shared.principal.bot, which does not stand yet");
    assert_eq!(
        plan.refusals[0].instead,
        "apply shared first, or plan without --env"
    );
}

#[tokio::test]
async fn a_target_brings_what_it_needs_and_an_exclude_takes_what_needs_it() {
    let mut world = World::with_store();
    world.store("dev", "b");
    world.cluster("dev", "k");
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let cloud = FakeCloud::default();
    assert_snapshot!(show(&world.target(&["dev.grant.*"]).plan(&cloud).await), @r"
    create shared.principal.bot
    create dev.group
    create dev.store.a
    create dev.grant.bot
    ");
    // A cluster cannot be made without the pool that its create carries, nor the pool alone.
    assert_snapshot!(show(&world.target(&["dev.cluster.k.system"]).plan(&cloud).await), @r"
    create dev.group
    create dev.cluster.k
    create, carried dev.cluster.k.system
    ");
    assert_snapshot!(show(&world.exclude(&["dev.cluster.k.system"]).plan(&cloud).await), @r"
    create shared.principal.bot
    create dev.group
    create dev.store.b
    create dev.store.a
    create dev.store.a.top
    create dev.grant.bot
    ");
    assert_snapshot!(show(&world.exclude(&["*.principal.*", "dev.cluster"]).plan(&cloud).await), @r"
    create dev.group
    create dev.store.b
    create dev.store.a
    create dev.store.a.top
    ");
    let observed = world.observe(&cloud).await;
    let error = world.target(&["prod.*"]).plan_on(&observed);
    assert_eq!(error, Err(PlanError::NoSuchAddress("prod.*".to_owned())));
}

#[tokio::test]
async fn a_target_that_goes_takes_what_lies_in_it() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let cloud = world.live();
    world.drop("dev.store");
    assert_snapshot!(show(&world.target(&["dev.store.a"]).plan(&cloud).await), @r"
    delete dev.shelf.top
    delete dev.store.a
    ");
    assert_snapshot!(show(&world.exclude(&["dev.shelf.top"]).plan(&cloud).await), @"delete dev.store.b");
}

#[tokio::test]
async fn what_the_selection_leaves_out_is_not_called_unchanged() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let cloud = world.live();
    let counts = |plan: &Plan| (plan.unchanged, plan.left_out, plan.standing.len());
    let all = world.plan(&cloud).await;
    assert_eq!(counts(&all), (4, 0, 4));
    let one = world.target(&["dev.store.b"]).plan(&cloud).await;
    assert_eq!(counts(&one), (1, 3, 4));
    let rest = world.exclude(&["dev.store.a"]).plan(&cloud).await;
    assert_eq!((rest.unchanged, rest.left_out), (2, 2));
    let none = world.target(&["dev.store.b"]).exclude(&["dev"]);
    assert_eq!(counts(&none.plan(&cloud).await), (0, 4, 4));
    // What a change refers to is looked at, too; a change that is left out is not.
    world.set("dev.store.a", "properties.size", json!(2));
    let shelf = world.target(&["dev.store.a"]).plan(&cloud).await;
    assert_eq!((shelf.operations.len(), shelf.left_out), (1, 1));
    let without = world.exclude(&["dev.store.a"]).plan(&cloud).await;
    assert_eq!(
        (
            without.operations.len(),
            without.unchanged,
            without.left_out
        ),
        (0, 2, 2)
    );
}

//! What has to come before what.

use super::*;

#[tokio::test]
async fn nothing_stands_so_everything_is_created_parents_first() {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    world.lock("dev.store.a", "CanNotDelete");
    let plan = world.plan(&FakeCloud::default()).await;
    assert_snapshot!(show(&plan), @r"
    create shared.principal.bot
    create dev.group
    create dev.store.a
    create dev.store.a.top
    create dev.grant.bot
    create dev.store.a.lock
    create dev.cluster.k
    create, carried dev.cluster.k.system
    ");
    assert_eq!(
        plan.operations
            .iter()
            .filter(|o| o.is_destructive())
            .count(),
        0
    );
}

#[tokio::test]
async fn a_replace_takes_its_children_along_and_makes_them_again() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let cloud = world.live();
    world.set("dev.store.a", "location", json!("westus2"));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    replace, delete dev.store.a.top
    replace, delete dev.grant.bot
    replace, delete dev.store.a
    replace, create dev.store.a: location "eastus2" → "westus2"
    replace, create dev.store.a.top
    replace, create dev.grant.bot
    "#);
    assert_eq!(plan.counts(), [(Action::Replace, 3)].into());
}

#[tokio::test]
async fn a_replaced_principal_takes_its_grants_with_it() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    world.set("shared.principal.bot", "realm", json!("edge"));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    delete dev.grant.ed4c65b7-2531-570a-986f-f67d90f98c00
    replace, delete shared.principal.bot
    replace, create shared.principal.bot: realm "corp" → "edge"
    create dev.grant.bot
    "#);
}

#[tokio::test]
async fn what_somebody_loses_goes_before_the_same_one_is_given_anything() {
    let mut world = World::with_store();
    for who in ["bot", "cat"] {
        let principal = format!("shared.principal.{who}");
        world.principal(&principal);
        let address = format!("dev.grant.{who}-pull");
        world.grant(&address, "dev.store.a", &principal, "pull");
    }
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    world.drop("dev.grant.bot-pull");
    for who in ["bot", "cat"] {
        let (address, principal) = (
            format!("dev.grant.{who}-push"),
            format!("shared.principal.{who}"),
        );
        world.grant(&address, "dev.store.a", &principal, "push");
    }
    let plan = world.plan(&cloud).await;
    let at = |address: &str| {
        let found = plan
            .operations
            .iter()
            .position(|o| o.address.as_str() == address);
        found.unwrap_or_else(|| panic!("{address}: {plan:#?}"))
    };
    let waits = |before: usize, after: usize| {
        let edge = |e: &&Edge| (e.before, e.after) == (before, after);
        plan.edges
            .iter()
            .find(edge)
            .is_some_and(|edge| edge.needs_success)
    };
    let (revoked, given) = (at("dev.grant.bot-pull"), at("dev.grant.bot-push"));
    assert!(waits(revoked, given), "{:?}", plan.edges);
    assert!(!waits(given, revoked), "{:?}", plan.edges);
    assert_eq!(
        plan.widenings(),
        ["dev.grant.bot-push", "dev.grant.cat-push"].into()
    );
    assert!(plan.operations[revoked].is_revocation());
}

/// A store with `count` principals that may pull from it, standing.
async fn pullers(count: usize) -> (World, FakeCloud) {
    let mut world = World::with_store();
    for at in 0..count {
        let principal = format!("shared.principal.p{at}");
        world.principal(&principal);
        let address = format!("dev.grant.p{at}-pull");
        world.grant(&address, "dev.store.a", &principal, "pull");
    }
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    (world, cloud)
}

#[tokio::test]
async fn what_somebody_loses_goes_whatever_becomes_of_what_others_are_given() {
    let (mut world, cloud) = pullers(2).await;
    let grants = |cloud: &FakeCloud| {
        let all = cloud.ids().into_iter();
        all.filter(|id| id.contains("/grants/")).collect::<Vec<_>>()
    };
    let before = grants(&cloud);
    world.drop("dev.grant.p0-pull");
    world.grant(
        "dev.grant.p1-push",
        "dev.store.a",
        "shared.principal.p1",
        "push",
    );
    let plan = world.plan(&cloud).await;
    assert_eq!(plan.edges, [], "{}", show(&plan));
    let given = &plan.operations[order(&plan, "dev.grant.p1-push", Step::Create)];
    let refused = What::Refuse(Verdict::Fatal, "PrincipalNotFound");
    cloud.fail(Method::Put, given.id.known().expect("known"), refused);
    assert!(!Rig::new(&cloud).apply(&plan).await.is_complete());
    let after = grants(&cloud);
    assert_eq!((before.len(), after.len()), (2, 1), "{}", show(&plan));
}

#[tokio::test]
async fn many_who_change_roles_do_not_wait_for_each_other() {
    let count = 300;
    let (mut world, cloud) = pullers(count).await;
    for at in 0..count {
        world.drop(&format!("dev.grant.p{at}-pull"));
        let (address, principal) = (
            format!("dev.grant.p{at}-push"),
            format!("shared.principal.p{at}"),
        );
        world.grant(&address, "dev.store.a", &principal, "push");
    }
    let plan = world.plan(&cloud).await;
    assert_eq!(plan.operations.len(), 2 * count);
    assert_eq!(plan.edges.len(), count, "each waits for its own");
}

#[tokio::test]
async fn a_replaced_object_that_others_refer_to_makes_no_cycle() {
    let mut world = World::with_store();
    world.store("dev", "b");
    world.cluster("dev", "k");
    let endpoint = Text::output(&address("dev.cluster.k"), "issuer");
    Arc::make_mut(&mut world.edit("dev.store.b").properties)
        .set("properties.owner", endpoint.into());
    let cloud = world.live();
    world.set("dev.cluster.k", "location", json!("westus2"));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    replace, delete dev.cluster.k
    replace, create dev.cluster.k: location "eastus2" → "westus2"
    update dev.store.b: properties.owner "https://issuer/4" → (known after dev.cluster.k)
    replace, carried dev.cluster.k.system
    "#);
}

#[tokio::test]
async fn an_orphan_is_deleted_children_first() {
    let mut world = World::with_store();
    let cloud = world.live();
    let applied = world.applied(&cloud).await;
    world.drop("dev.store.a");
    assert_snapshot!(show(&world.plan(&cloud).await), @r"
    delete dev.shelf.top
    delete dev.store.a
    ");
    // With the applied snapshot it goes by the name that people knew.
    world.applied = applied;
    assert_snapshot!(show(&world.plan(&cloud).await), @r"
    delete dev.store.a.top
    delete dev.store.a
    ");
}

#[tokio::test]
async fn a_late_value_makes_an_edge_and_prints_what_it_waits_for() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let plan = world.plan(&FakeCloud::default()).await;
    let create = |path: &str| order(&plan, path, Step::Create);
    assert!(create("shared.principal.bot") < create("dev.grant.bot"));
    let grant = plan
        .operations
        .iter()
        .find(|o| o.address.as_str() == "dev.grant.bot");
    let grant = grant.expect("planned");
    assert_eq!(grant.id.to_string(), "(known after shared.principal.bot)");
    assert_snapshot!(grant.desired.as_ref().expect("a create"), @r#"{properties: {description: (known after shared.principal.bot), principalId: (known after shared.principal.bot), role: "pull"}}"#);
}

#[tokio::test]
async fn an_output_that_is_known_already_is_filled_in() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    let cloud = world.live();
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    let plan = world.plan(&cloud).await;
    assert!(plan.operations[0].id.known().is_some());
    let desired = plan.operations[0].desired.as_ref();
    assert!(desired.expect("a create").is_known());
    // It stays known when the principal only changes in place.
    world.set("shared.principal.bot", "displayName", json!("robot"));
    let plan = world.plan(&cloud).await;
    assert!(
        plan.operations.iter().all(|o| o.id.known().is_some()),
        "{}",
        show(&plan)
    );
}

#[tokio::test]
async fn destroy_goes_backwards_and_locks_first() {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    world.pool("dev.cluster.k", "gpu", "User");
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    world.lock("dev.group", "CanNotDelete");
    let cloud = world.live();
    let plan = world.destroy().plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    delete dev.group.lock
    delete dev.cluster.k.gpu
    delete dev.cluster.k
    delete dev.grant.bot
    delete dev.store.a.top
    delete dev.store.a
    delete dev.group
    delete shared.principal.bot
    ");
    let delete = |path: &str| order(&plan, path, Step::Delete);
    assert!(delete("dev.grant.bot") < delete("shared.principal.bot"));
    let plan = world.destroy().only(&["shared"]).plan(&cloud).await;
    assert_snapshot!(show(&plan), @"delete shared.principal.bot");
}

#[tokio::test]
async fn a_replaced_parent_carries_its_child_again() {
    let mut world = World::new();
    world.group("dev");
    world.cluster("dev", "k");
    world.pool("dev.cluster.k", "gpu", "User");
    let cloud = world.live();
    world.set("dev.cluster.k", "location", json!("westus2"));
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"
    replace, delete dev.cluster.k.gpu
    replace, delete dev.cluster.k
    replace, create dev.cluster.k: location "eastus2" → "westus2"
    replace, carried dev.cluster.k.system
    replace, create dev.cluster.k.gpu
    "#);
    assert!(Rig::new(&cloud).apply(&plan).await.is_complete());
    assert!(world.plan(&cloud).await.is_empty());
}

#[tokio::test]
async fn what_a_carried_child_needs_stands_before_its_parent() {
    let mut world = World::with_store();
    world.cluster("dev", "k");
    let subnet = Text::output(&address("dev.store.a"), "endpoint");
    Arc::make_mut(&mut world.edit("dev.cluster.k.system").properties)
        .set("properties.subnet", subnet.into());
    let plan = world.plan(&FakeCloud::default()).await;
    let create = |path: &str| order(&plan, path, Step::Create);
    assert!(create("dev.store.a") < create("dev.cluster.k"));
}

#[test]
fn a_cycle_is_named() {
    let mut world = World::with_store();
    world.store("dev", "b");
    for (from, to) in [
        ("dev.store.a", "dev.store.b"),
        ("dev.store.b", "dev.store.a"),
    ] {
        world.edit(from).after.insert(address(to));
    }
    let cycle = Dag::of(&world.desired()).expect_err("a cycle").to_string();
    assert!(
        cycle.starts_with("resources wait for each other: dev.store."),
        "{cycle}"
    );
    assert_eq!(cycle.matches("dev.store.").count(), 3, "{cycle}");
}

#[test]
fn a_long_chain_does_not_overflow_the_stack() {
    let mut world = World::new();
    world.group("dev");
    for at in 0..5_000 {
        world.store("dev", &format!("s{at}"));
        if at > 0 {
            let before = address(&format!("dev.store.s{}", at - 1));
            world.edit(&format!("dev.store.s{at}")).after.insert(before);
        }
    }
    let plan = world.plan_on(&Default::default()).expect("a plan");
    assert_eq!(plan.operations.len(), 5_001);
}

#[tokio::test]
async fn what_got_a_new_name_stands_before_the_old_one_goes() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.drop("dev.store.a");
    world.store("dev", "b");
    let plan = world.plan(&cloud).await;
    let refused = What::Refuse(Verdict::Fatal, "NameTaken");
    cloud.fail(Method::Put, "/stores/b", refused);
    let old = format!("{}/providers/Toy.Storage/stores/a", world.id("dev.group"));
    Rig::new(&cloud).apply(&plan).await;
    assert!(cloud.body(&old).is_some(), "{}", show(&plan));
    Rig::new(&cloud).apply(&world.plan(&cloud).await).await;
    assert!(cloud.body(&old).is_none());
}

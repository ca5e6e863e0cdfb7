//! What is ours, what is not, and what happens to neither.

use super::*;

#[tokio::test]
async fn an_object_that_forbids_its_delete_is_refused_however_it_would_go() {
    let mut world = World::with_store();
    let cloud = world.live();
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["properties"]["keep"] = json!(true)
    });
    assert_snapshot!(show(&world.destroy().target(&["dev.store.a"]).plan(&cloud).await), @r"
    delete dev.store.a.top
    refused dev.store.a: it cannot be deleted
    ");
    world.set("dev.store.a", "location", json!("westus2"));
    assert_snapshot!(show(&world.plan(&cloud).await), @"refused dev.store.a: it cannot be replaced");
}

#[tokio::test]
async fn orphans_of_one_name_get_addresses_of_their_own() {
    let mut world = World::with_store();
    world.store("dev", "b");
    world.shelf("dev.store.b", "top");
    let cloud = world.live();
    world.drop("dev.store.a.top");
    world.drop("dev.store.b.top");
    world.add(
        "dev.shelf.top",
        &crate::provision::testing::STORE,
        format!("{}x", world.id("dev.store.a")).into(),
        json!({"location": "eastus2"}),
    );
    let plan = world.plan(&cloud).await;
    let deletes = plan.operations.iter().filter(|o| o.step == Step::Delete);
    let addresses: Vec<&str> = deletes.map(|o| o.address.as_str()).collect();
    assert_eq!(addresses.len(), 2);
    assert_ne!(addresses[0], addresses[1]);
    assert!(
        addresses
            .iter()
            .all(|address| address.starts_with("dev.shelf.top."))
    );
}

#[tokio::test]
async fn an_environment_that_vanished_from_toml_is_cleared_away() {
    let mut world = World::with_store();
    world.group("prod");
    world.store("prod", "p");
    world.lock("prod.store.p", "CanNotDelete");
    let cloud = world.live();
    world.vanish("prod");
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    delete prod.lock.p
    delete prod.store.p
    delete prod.resource-group.rg-prod
    ");
    assert_eq!(plan.operations[0].reason, "prod is not declared any more");
    assert!(
        plan.environments.contains(&name("prod")),
        "its lease is taken, its snapshot kept up"
    );
    assert!(world.only(&["dev"]).plan(&cloud).await.is_empty());
}

#[tokio::test]
async fn an_unmarked_object_of_a_declared_id_is_adopted_only_when_asked() {
    let mut world = World::with_store();
    let cloud = world.live();
    let id = world.id("dev.store.a");
    cloud.edit(&id, |body| body["tags"] = json!({"theirs": "kept"}));
    let plan = world.plan(&cloud).await;
    assert_eq!(plan.operations[0].action, Action::Adopt);
    assert_eq!(plan.operations.len(), 1, "{}", show(&plan));
    world.adopt = true;
    let outcome = Rig::new(&cloud).apply(&world.plan(&cloud).await).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    assert_eq!(
        cloud.body(&id).expect("it stands")["tags"]["theirs"],
        "kept"
    );
    assert!(world.plan(&cloud).await.is_empty());
}

#[tokio::test]
async fn an_unmarked_object_is_never_deleted_to_be_replaced() {
    let mut world = World::with_store();
    let cloud = world.live();
    cloud.edit(&world.id("dev.store.a"), |body| body["tags"] = json!({}));
    world.set("dev.store.a", "location", json!("westus2"));
    world.adopt = true;
    assert_snapshot!(show(&world.plan(&cloud).await), @"refused dev.store.a: it exists without our marker and would be deleted");
    // Nor does an unmarked child go with its replaced parent.
    let cloud = World::with_store().live();
    cloud.edit(&world.id("dev.store.a.top"), |body| {
        body["tags"] = json!({})
    });
    let plan = world.plan(&cloud).await;
    assert!(
        plan.refusals
            .iter()
            .any(|r| r.address.as_str() == "dev.store.a.top")
    );
}

#[tokio::test]
async fn a_copied_marker_is_reported_and_never_deleted() {
    let world = World::with_store();
    let cloud = world.live();
    let copy = cloud.body(&world.id("dev.store.a")).expect("it stands");
    for group in ["rg-dev", "rg-nobody"] {
        let id = format!("/subscriptions/s/resourceGroups/{group}/providers/Toy.Storage/stores/n");
        cloud.plant(&id, copy.clone());
    }
    let stray = "/subscriptions/s/resourceGroups/rg-nobody/providers/Toy.Stray/clusters/x";
    cloud.plant(stray, copy);
    let mut plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    unmanaged rg-dev/Storage/stores/n (copied marker)
    unmanaged rg-nobody/Storage/stores/n (copied marker)
    unmanaged rg-nobody/Stray/clusters/x (copied marker)
    ");
    plan = world.destroy().target(&["dev.store.*"]).plan(&cloud).await;
    assert!(
        !show(&plan).contains("delete dev.store.n"),
        "{}",
        show(&plan)
    );
}

#[tokio::test]
async fn what_belongs_to_another_environment_is_refused() {
    let mut world = World::with_store();
    let cloud = world.live();
    let id = world.id("dev.store.a");
    world.drop("dev.store.a");
    world.group("prod");
    let body = json!({"location": "eastus2"});
    world.add(
        "prod.store.a",
        &crate::provision::testing::STORE,
        id.into(),
        body,
    );
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r"
    create prod.group
    delete dev.shelf.top
    refused prod.store.a: it belongs to dev
    ");
}

#[tokio::test]
async fn a_dropped_tag_is_taken_away_only_where_we_wrote_it() {
    let mut world = World::with_store();
    world.set("dev.store.a", "tags.cost", json!("42"));
    let cloud = world.live();
    let applied = world.applied(&cloud).await;
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["tags"]["theirs"] = json!("kept")
    });
    let mut world = World::with_store();
    assert!(
        world.plan(&cloud).await.is_empty(),
        "nobody knows whose the tag is"
    );
    world.applied = applied;
    let plan = world.plan(&cloud).await;
    assert_snapshot!(show(&plan), @r#"update dev.store.a: tags.cost "42" → null"#);
    assert!(Rig::new(&cloud).apply(&plan).await.is_complete());
    let body = cloud.body(&world.id("dev.store.a")).expect("it stands");
    assert_eq!(
        (&body["tags"]["cost"], &body["tags"]["theirs"]),
        (&json!(null), &json!("kept"))
    );
    assert!(world.plan(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_child_without_a_marker_is_judged_by_its_parent() {
    let mut world = World::new();
    world.group("dev");
    world.cluster("dev", "k");
    world.pool("dev.cluster.k", "gpu", "User");
    let cloud = world.live();
    let applied = world.applied(&cloud).await;
    world.set("dev.cluster.k.gpu", "properties.count", json!(3));
    assert_snapshot!(show(&world.plan(&cloud).await), @"update dev.cluster.k.gpu: properties.count 1 → 3");
    // Not declared: ours where the snapshot knows its name, else somebody's.
    world.drop("dev.cluster.k.gpu");
    assert_snapshot!(show(&world.plan(&cloud).await), @"unmanaged rg-dev/Compute/clusters/k/pools/gpu");
    world.applied = applied;
    assert_snapshot!(show(&world.plan(&cloud).await), @"delete dev.cluster.k.gpu");
    // A whole cluster goes with the pool that its create carried.
    world.drop("dev.cluster.k");
    assert_snapshot!(show(&world.plan(&cloud).await), @r"
    delete dev.cluster.k.gpu
    delete dev.cluster.k
    ");
}

#[tokio::test]
async fn a_group_that_holds_a_stranger_is_not_deleted() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.drop("dev.store");
    let theirs = "/subscriptions/s/resourceGroups/rg-dev/providers/Toy.Storage/stores/theirs";
    cloud.plant(theirs, json!({"location": "eastus2"}));
    world.drop("dev.group");
    assert_snapshot!(show(&world.plan(&cloud).await), @r"
    delete dev.shelf.top
    delete dev.store.a
    refused dev.resource-group.rg-dev: it still holds rg-dev/Storage/stores/theirs, which this plan does not delete
    unmanaged rg-dev/Storage/stores/theirs
    ");
    // Nor one whose content cannot be listed, nor one of which something stays.
    cloud.remove(theirs);
    cloud.fail_times(Method::Get, "/rg-dev/resources", FORBIDDEN, 2);
    let plan = world.plan(&cloud).await;
    assert_eq!(plan.refusals.len(), 1, "{}", show(&plan));
    let plan = world.exclude(&["dev.store.a"]).plan(&cloud).await;
    assert_eq!(show(&plan), "delete dev.shelf.top");
    assert_snapshot!(show(&world.plan(&cloud).await), @r"
    delete dev.shelf.top
    delete dev.store.a
    delete dev.resource-group.rg-dev
    ");
}

#[tokio::test]
async fn a_parent_that_holds_a_stranger_is_not_deleted() {
    let mut world = World::with_store();
    let cloud = world.live();
    let stranger = format!("{}/shelves/theirs", world.id("dev.store.a"));
    cloud.plant(&stranger, json!({"properties": {"width": 1}}));
    world.applied = world.applied(&cloud).await;
    let held = "refused dev.store.a: it still holds rg-dev/Storage/stores/a/shelves/theirs, \
                which this plan does not delete";
    let destroyed = show(&world.destroy().plan(&cloud).await);
    assert!(destroyed.contains(held), "{destroyed}");
    assert!(!destroyed.contains("delete dev.store.a\n"), "{destroyed}");
    let mut replaced = world.clone();
    replaced.set("dev.store.a", "location", json!("westus2"));
    let replaced = show(&replaced.plan(&cloud).await);
    assert!(replaced.contains(held), "{replaced}");
    world.drop("dev.store.a");
    let dropped = show(&world.plan(&cloud).await);
    assert!(dropped.contains(held), "{dropped}");
}

#[tokio::test]
async fn a_group_that_a_service_owns_is_refused_and_never_deleted() {
    let world = World::with_store();
    let cloud = world.live();
    cloud.edit(&world.id("dev.group"), |body| {
        body["managedBy"] = json!("/subscriptions/s/aks");
    });
    let plan = world.plan(&cloud).await;
    let refusal = &plan.refusals[0];
    assert_eq!(refusal.problem, "it belongs to /subscriptions/s/aks");
    assert_eq!(refusal.instead, "declare another name");
    assert!(plan.operations.is_empty());
    let destroyed = show(&world.destroy().plan(&cloud).await);
    assert!(!destroyed.contains("delete dev.group"), "{destroyed}");
}

#[tokio::test]
async fn what_azure_is_deleting_is_left_alone_with_what_needs_it() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.shelf("dev.store.a", "low");
    let become_ = |state: &'static str| {
        cloud.edit(&world.id("dev.store.a"), |body| {
            body["properties"]["provisioningState"] = json!(state);
        });
    };
    become_("Deleting");
    let plan = world.plan(&cloud).await;
    assert_eq!(
        show(&plan),
        "unread dev.store.a: BeingDeleted\nunread dev.store.a.low: NeedsUnreadable"
    );
    let why = &plan.unreadable[1].failure.message;
    assert_eq!(why, "it needs dev.store.a, which Azure is deleting");
    become_("Updating");
    let plan = world.plan(&cloud).await;
    assert_eq!(
        show(&plan),
        "create dev.store.a.low\nunread dev.store.a: StillChanging"
    );
    become_("Failed");
    let plan = world.plan(&cloud).await;
    assert_eq!(show(&plan), "update dev.store.a\ncreate dev.store.a.low");
}

/// A world whose protected `prod` is applied, with what the snapshot keeps of it.
async fn guarded() -> (World, FakeCloud) {
    let mut world = World::new();
    world.group("prod");
    world.set("prod.group", "tags.onestream-protected", json!("true"));
    world.set("prod.group", "tags.onestream-approvals", json!("2 in kv"));
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    (world, cloud)
}

/// What a plan says of the tags that protect, each with how bad it is.
fn protecting(plan: &Plan) -> Vec<(&str, Severity)> {
    let changes = plan.operations.iter().flat_map(|one| &one.changes);
    let said = changes.map(|change| (change.path.as_str(), change.severity));
    said.collect()
}

#[tokio::test]
async fn a_lost_tag_that_protects_is_critical_and_no_other_is() {
    let (world, cloud) = guarded().await;
    cloud.edit(&world.id("prod.group"), |body| {
        body["tags"] = json!({"managed-by": body["tags"]["managed-by"],
                              "onestream-id": body["tags"]["onestream-id"]});
    });
    let plan = world.plan(&cloud).await;
    let said = protecting(&plan);
    assert!(said.contains(&("tags.team", Severity::Low)), "{said:?}");
    for tag in ["tags.onestream-approvals", "tags.onestream-protected"] {
        assert!(said.contains(&(tag, Severity::Critical)), "{said:?}");
    }
    // Of an environment that is not to be protected nothing is lost.
    let mut open = world.clone();
    open.applied.clear();
    open.set("prod.group", "tags.onestream-protected", json!("false"));
    let plan = open.plan(&cloud).await;
    let said = protecting(&plan);
    let tag = ("tags.onestream-protected", Severity::Low);
    assert!(said.contains(&tag), "{said:?}");
}

#[tokio::test]
async fn protection_that_is_gone_in_azure_and_in_toml_is_still_there_to_be_taken_off() {
    let (mut world, cloud) = guarded().await;
    cloud.edit(&world.id("prod.group"), |body| {
        body["tags"]["onestream-protected"] = json!("false");
        let tags = body["tags"].as_object_mut().expect("tags");
        tags.remove("onestream-approvals");
    });
    world.set("prod.group", "tags.onestream-protected", json!("false"));
    world.set("prod.group", "tags.onestream-approvals", json!(null));
    let prod = name("prod");
    world.places.get_mut(&prod).expect("it is there").protected = false;
    let observed = world.observe(&cloud).await;
    let remembered = observed.remembered(&world.applied);
    let terms: Vec<String> = remembered.terms[&prod]
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(terms, ["2 in kv"]);
    let plan = world.plan(&cloud).await;
    assert_eq!(plan.protected, [prod]);
    let paths: Vec<&str> = protecting(&plan).iter().map(|(path, _)| *path).collect();
    assert_eq!(
        paths,
        ["tags.onestream-approvals", "tags.onestream-protected"]
    );
    // Where nothing was applied before, Azure says all that is known.
    world.applied.clear();
    let plan = world.plan(&cloud).await;
    assert!(plan.is_empty() && plan.protected.is_empty(), "{plan:#?}");
}

#[tokio::test]
async fn what_is_refused_hides_nothing_else_that_has_drifted() {
    let (world, cloud) = guarded().await;
    cloud.edit(&world.id("prod.group"), |body| {
        body["location"] = json!("westus2");
        body["tags"]["onestream-protected"] = json!("false");
    });
    let plan = world.plan(&cloud).await;
    assert!(plan.operations.is_empty(), "{plan:#?}");
    let [refusal] = plan.refusals.as_slice() else {
        panic!("one field is refused: {plan:#?}");
    };
    let changes = refusal.changes.iter();
    let said: Vec<_> = changes.map(|it| (it.path.as_str(), it.severity)).collect();
    let location = ("location", Severity::Medium);
    assert_eq!(
        said,
        [location, ("tags.onestream-protected", Severity::Critical)]
    );
}

#[tokio::test]
async fn what_somebody_deleted_is_not_called_new() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.applied = world.applied(&cloud).await;
    cloud.remove(&world.id("dev.store.a.top"));
    world.shelf("dev.store.a", "new");
    let plan = world.plan(&cloud).await;
    let said = plan.operations.iter();
    let said: BTreeMap<_, _> = said
        .map(|it| (it.address.as_str(), it.reason.as_str()))
        .collect();
    let top = ("dev.store.a.top", "it was deleted since the last apply");
    let new = ("dev.store.a.new", "it does not exist");
    assert_eq!(said, BTreeMap::from([top, new]));
}

//! What moved since the plan, and what somebody else made meanwhile.

use super::*;

#[tokio::test]
async fn what_moved_since_the_plan_is_stale() {
    type Meddle = fn(&World, &FakeCloud);
    let cases: [(&str, &str, Meddle); 5] = [
        ("create", "dev.store.new", |world, cloud| {
            cloud.plant(&world.id("dev.store.new"), json!({"location": "eastus2"}));
        }),
        ("update", "dev.store.a", |world, cloud| {
            cloud.edit(&world.id("dev.store.a"), |body| {
                body["properties"]["color"] = json!("red")
            });
        }),
        ("updated, gone", "dev.store.a", |world, cloud| {
            cloud.remove(&world.id("dev.store.a"))
        }),
        ("delete", "dev.store.b", |_, cloud| {
            let id = "/subscriptions/s/resourceGroups/rg-dev/providers/Toy.Storage/stores/b";
            cloud.edit(id, |body| body["properties"]["size"] = json!(9));
        }),
        ("deleted, gone", "dev.store.b", |_, cloud| {
            cloud.remove("/subscriptions/s/resourceGroups/rg-dev/providers/Toy.Storage/stores/b");
        }),
    ];
    for (what, path, meddle) in cases {
        let mut world = World::with_store();
        world.store("dev", "b");
        let cloud = world.live();
        world.drop("dev.store.b");
        world.store("dev", "new");
        world.set("dev.store.a", "properties.size", json!(2));
        let plan = world.plan(&cloud).await;
        meddle(&world, &cloud);
        for check_first in [true, false] {
            let cloud = cloud.copy();
            let mut rig = Rig::new(&cloud);
            rig.check_first = check_first;
            let outcome = rig.apply(&plan).await;
            assert_eq!(end(&plan, &outcome, path), "stale", "{what}");
            assert!(outcome.is_stale());
            assert_eq!(outcome.refused, check_first, "{what}");
            assert_eq!(
                cloud.writes().is_empty(),
                check_first,
                "{what}: {:?}",
                cloud.writes()
            );
            assert_eq!(rig.journal.events().is_empty(), check_first);
        }
    }
}

#[tokio::test]
async fn what_is_stale_says_who_wrote_it_last() {
    let none: &[(&str, &str)] = &[];
    // As roles and their assignments tell it.
    let updated = &[
        ("createdBy", "0b1f"),
        ("createdOn", "2026-11-20T08:00:00Z"),
        ("updatedBy", "77aa"),
        ("updatedOn", "2026-11-24T08:00:00Z"),
    ];
    for (system, properties, expected) in [
        (
            json!({"lastModifiedBy": "ann@example.org", "lastModifiedAt": "2026-11-24T08:00:00Z"}),
            &updated[..],
            " (last written by ann@example.org at 2026-11-24T08:00:00Z)",
        ),
        (
            json!({"lastModifiedAt": "2026-11-24T08:00:00Z"}),
            none,
            " (last written at 2026-11-24T08:00:00Z)",
        ),
        (
            json!(null),
            &updated[..],
            " (last written by 77aa at 2026-11-24T08:00:00Z)",
        ),
        (
            json!(null),
            &updated[..2],
            " (last written by 0b1f at 2026-11-20T08:00:00Z)",
        ),
        (json!(null), none, "is 9"),
    ] {
        let mut world = World::with_store();
        let cloud = world.live();
        world.set("dev.store.a", "properties.size", json!(2));
        let plan = world.plan(&cloud).await;
        cloud.edit(&world.id("dev.store.a"), |body| {
            body["properties"]["size"] = json!(9);
            body["systemData"] = system.clone();
            for (key, value) in properties {
                body["properties"][key] = json!(value);
            }
        });
        let mut rig = Rig::new(&cloud);
        rig.check_first = true;
        let outcome = rig.apply(&plan).await;
        let stale = outcome.ends.iter().find_map(|end| match end {
            End::Failed(OperationError::Stale(what)) => Some(what.as_str()),
            _ => None,
        });
        assert!(
            stale.is_some_and(|what| what.ends_with(expected)),
            "{stale:?}"
        );
    }
}

#[tokio::test]
async fn what_azure_moves_by_itself_is_not_stale() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.set("dev.store.a", "properties.size", json!(2));
    let plan = world.plan(&cloud).await;
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["properties"]["lastSeen"] = json!("now");
        body["tags"]["theirs"] = json!("new");
        body["location"] = json!("East US 2");
    });
    let outcome = Rig::new(&cloud).apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    let body = cloud.body(&world.id("dev.store.a")).expect("it stands");
    assert_eq!(
        (&body["tags"]["theirs"], &body["properties"]["lastSeen"]),
        (&json!("new"), &json!("now"))
    );
}

#[tokio::test]
async fn what_somebody_changed_after_we_made_it_is_stale_not_overwritten() {
    let world = two_branches();
    let cloud = FakeCloud::default();
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    cloud.fail(
        Method::Put,
        "/stores/b",
        What::Refuse(Verdict::Fatal, "Quota"),
    );
    rig.apply(&plan).await;
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["properties"]["size"] = json!(9)
    });
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "stale");
    assert_eq!(end(&plan, &outcome, "dev.store.b"), "done");
}

#[tokio::test]
async fn a_container_that_got_a_stranger_meanwhile_is_not_deleted() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.drop("dev.store");
    world.drop("dev.group");
    let plan = world.plan(&cloud).await;
    let theirs = "/subscriptions/s/resourceGroups/rg-dev/providers/Toy.Storage/stores/theirs";
    cloud.plant(theirs, json!({"location": "eastus2"}));
    let outcome = Rig::new(&cloud).apply(&plan).await;
    let group = plan
        .operations
        .iter()
        .position(|o| o.step == Step::Delete && o.kind == "resource group");
    let end = &outcome.ends[group.expect("planned")];
    assert!(
        matches!(end, End::Failed(OperationError::NotEmpty(id)) if id == theirs),
        "{end:?}"
    );
    assert!(cloud.body(theirs).is_some());
}

#[tokio::test]
async fn a_conflict_never_takes_over_what_is_there() {
    let world = World::with_store();
    let cloud = FakeCloud::default();
    let plan = world.plan(&cloud).await;
    cloud.fail(
        Method::Put,
        "/stores/a",
        What::Refuse(Verdict::Conflict, "AlreadyExists"),
    );
    let rig = Rig::new(&cloud);
    rig.apply(&plan).await;
    cloud.plant(
        &world.id("dev.store.a"),
        json!({"location": "eastus2", "tags": {}}),
    );
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "stale");
}

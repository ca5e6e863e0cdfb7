//! Lost answers, crashes and operations that go on.

use super::*;

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_again() {
    for (what, ends, runs) in [
        (What::LoseAfter, "done", 1),
        (What::LoseCreating, "done", 1),
        (What::LoseBefore, "failed", 2),
    ] {
        let world = World::with_store();
        let cloud = FakeCloud::default();
        cloud.fail(Method::Put, "/stores/a", what);
        let plan = world.plan(&cloud).await;
        let rig = Rig::new(&cloud);
        let mut outcome = rig.apply(&plan).await;
        assert_eq!(end(&plan, &outcome, "dev.store.a"), ends);
        if runs == 2 {
            outcome = rig.apply(&plan).await;
        }
        assert!(outcome.is_complete(), "{:?}", outcome.ends);
        let creates = cloud
            .writes()
            .iter()
            .filter(|w| w.ends_with("/stores/a"))
            .count();
        assert_eq!(creates, runs);
        let body = cloud.body(&world.id("dev.store.a")).expect("it stands");
        assert_eq!(body["properties"]["provisioningState"], "Succeeded");
    }
}

#[tokio::test]
async fn a_post_is_sent_again_only_where_azure_refuses_a_second_one() {
    let mut world = World::new();
    world.group("dev");
    world.desk("dev");
    let cloud = FakeCloud::default();
    let unheard = || What::Refuse(Verdict::Unknown, NO_ANSWER);
    cloud.fail(Method::Post, "/tickets/a", unheard());
    cloud.fail(Method::Post, "/seats/a", unheard());
    let plan = world.plan(&cloud).await;
    let outcome = Rig::new(&cloud).apply(&plan).await;
    for (address, path, ends, times) in [
        ("dev.ticket", "/tickets/a", "failed", 1),
        ("dev.seat", "/seats/a", "done", 2),
    ] {
        assert_eq!(end(&plan, &outcome, address), ends, "{:?}", outcome.ends);
        let writes = cloud.writes();
        let sent = writes.iter().filter(|line| line.ends_with(path)).count();
        assert_eq!(sent, times, "{writes:#?}");
    }
}

#[tokio::test]
async fn an_update_and_a_delete_whose_answers_are_lost_are_settled_too() {
    let mut world = World::with_store();
    world.store("dev", "b");
    let cloud = world.live();
    world.drop("dev.store.b");
    world.set("dev.store.a", "properties.size", json!(2));
    cloud.fail(Method::Patch, "/stores/a", What::LoseAfter);
    cloud.fail(Method::Delete, "/stores/b", What::LoseAfter);
    let plan = world.plan(&cloud).await;
    let outcome = Rig::new(&cloud).apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
}

#[tokio::test]
async fn a_crash_at_any_point_of_the_journal_makes_nothing_twice() {
    let mut world = World::with_store();
    world.principal("shared.principal.bot");
    world.grant(
        "dev.grant.bot",
        "dev.store.a",
        "shared.principal.bot",
        "pull",
    );
    world.cluster("dev", "k");
    let fresh = FakeCloud::default();
    let plan = world.plan(&fresh).await;
    let whole = Rig::new(&fresh);
    assert!(whole.apply(&plan).await.is_complete());
    let lines = whole.journal.events().len();
    for kept in 0..lines {
        // The journal stops after `kept` lines: the run ends there as a crash would.
        let cloud = FakeCloud::default();
        let rig = Rig::new(&cloud);
        cloud.fail(Method::Put, "/clusters/k", What::Accept);
        rig.journal.fail_after(kept);
        let first = rig.try_apply(&plan).await;
        assert_eq!(first.is_err(), kept == 0);
        rig.journal.heal();
        let outcome = rig.apply(&plan).await;
        assert!(outcome.is_complete(), "after {kept}: {:?}", outcome.ends);
        let mut writes = cloud.writes();
        writes.sort();
        let count = writes.len();
        writes.dedup();
        assert_eq!(
            writes.len(),
            count,
            "after {kept}, twice: {:?}",
            cloud.writes()
        );
        assert!(world.plan(&cloud).await.is_empty(), "after {kept}");
    }
}

#[tokio::test]
async fn without_a_journal_nothing_is_sent() {
    let world = two_branches();
    let cloud = FakeCloud::default();
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    rig.journal.fail_after(0);
    assert!(rig.try_apply(&plan).await.is_err());
    rig.journal.fail_after(1);
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.group"), "store");
    assert!(outcome.stopped);
    assert_eq!(cloud.writes(), [""; 0]);
    // Mid-way, what is in flight is the last thing that is sent.
    rig.journal.fail_after(3);
    let outcome = rig.apply(&plan).await;
    assert!(!outcome.is_complete());
    assert_eq!(cloud.writes().len(), 1);
    assert!(outcome.stopped);
}

#[tokio::test]
async fn an_accepted_operation_is_waited_for_and_resumed() {
    let world = World::with_store();
    let cloud = FakeCloud::default();
    cloud.fail(Method::Put, "/stores/a", What::Accept);
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    assert!(rig.apply(&plan).await.is_complete());
    let accepted = |event: &Event| matches!(event, Event::Accepted { .. });
    let at = rig
        .journal
        .events()
        .iter()
        .position(accepted)
        .expect("journalled");
    // The crash came right after it was accepted.
    rig.journal.truncate(at + 1);
    cloud.remove(&format!("{}/shelves/top", world.id("dev.store.a")));
    cloud.edit(&world.id("dev.store.a"), |body| {
        body["properties"]["provisioningState"] = json!("Creating");
    });
    cloud.forget_log();
    let outcome = rig.apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "already");
    assert_eq!(cloud.writes(), ["PUT rg-dev/Storage/stores/a/shelves/top"]);
}

#[tokio::test]
async fn an_accepted_operation_that_fails_is_no_success_later_either() {
    let world = World::with_store();
    let cloud = FakeCloud::default();
    cloud.fail(Method::Put, "/stores/a", What::AcceptThenFail);
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "failed");
    assert_eq!(end(&plan, &outcome, "dev.store.a.top"), "skipped");
    // The wreck carries every managed field; it is sent again all the same.
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "done");
    assert!(outcome.is_complete());
    let body = cloud.body(&world.id("dev.store.a")).expect("it stands");
    assert_eq!(body["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn a_half_done_replace_is_finished_and_never_begun_again() {
    let mut world = World::with_store();
    let cloud = world.live();
    world.store("dev", "b");
    world.set("dev.store.a", "location", json!("westus2"));
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    cloud.fail(
        Method::Put,
        "/stores/b",
        What::Refuse(Verdict::Fatal, "Quota"),
    );
    assert!(!rig.apply(&plan).await.is_complete());
    cloud.forget_log();
    let outcome = rig.apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    assert_eq!(
        cloud.writes(),
        ["PUT rg-dev/Storage/stores/b"],
        "the shelf looks as before"
    );
}

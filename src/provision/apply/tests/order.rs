//! Order, branches, lanes, locks and stopping.

use super::*;

#[tokio::test]
async fn the_order_holds_however_many_run_at_once() {
    let world = two_branches();
    for parallelism in [0, 1, 8] {
        let cloud = FakeCloud::default();
        let mut rig = Rig::new(&cloud);
        rig.parallelism = parallelism;
        for path in ["/stores/a", "/stores/b", "/rg-dev"] {
            cloud.fail(Method::Put, path, What::Slow(5));
        }
        let plan = world.plan(&cloud).await;
        let outcome = rig.apply(&plan).await;
        assert!(outcome.is_complete(), "{:?}", outcome.ends);
        let log = cloud.log();
        let at = |what: &str| {
            log.iter()
                .position(|line| line.ends_with(what))
                .expect(what)
        };
        let ended = |what: &str| {
            let line = |l: &String| l.starts_with("end ") && l.ends_with(what);
            log.iter().position(line).expect(what)
        };
        assert!(ended("/rg-dev") < at("/stores/a"));
        assert!(ended("/stores/a") < at("/shelves/top"));
        assert!(ended("/stores/b") < at("/shelves/low"));
        let side_by_side =
            at("/stores/b") < ended("/stores/a") && at("/stores/a") < ended("/stores/b");
        assert_eq!(side_by_side, parallelism == 8, "{log:?}");
        assert!(world.plan(&cloud).await.is_empty());
    }
}

#[tokio::test]
async fn each_request_waits_for_the_journal_once() {
    let world = two_branches();
    let cloud = FakeCloud::default();
    let rig = Rig::new(&cloud);
    let outcome = rig.apply(&world.plan(&cloud).await).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    // Beside the start and the end of the run.
    assert_eq!(rig.journal.waits(), cloud.writes().len() + 2);
}

#[tokio::test]
async fn a_failure_stops_its_branch_only() {
    let world = two_branches();
    let cloud = FakeCloud::default();
    cloud.fail(
        Method::Put,
        "/stores/a",
        What::Refuse(Verdict::Fatal, "QuotaExceeded"),
    );
    let plan = world.plan(&cloud).await;
    let rig = Rig::new(&cloud);
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.store.a"), "failed");
    assert_eq!(
        skipped(&plan, &outcome, "dev.store.a.top"),
        "it needs dev.store.a"
    );
    assert_eq!(end(&plan, &outcome, "dev.store.b.low"), "done");
    assert!(!outcome.is_complete() && outcome.changed_anything() && !outcome.stopped);
    let progress = rig.progress.lock().expect("not poisoned").clone();
    assert!(
        progress
            .iter()
            .any(|event| matches!(event, Progress::Skipped { .. }))
    );
    // Once the cause is gone, the same plan goes on from there and makes nothing twice.
    cloud.forget_log();
    let outcome = rig.apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    assert_eq!(
        cloud.writes(),
        [
            "PUT rg-dev/Storage/stores/a",
            "PUT rg-dev/Storage/stores/a/shelves/top"
        ]
    );
    assert!(world.plan(&cloud).await.is_empty());
}

/// A store under a lock that has to be replaced.
fn locked() -> (World, FakeCloud) {
    let mut world = World::with_store();
    world.lock("dev.group", "CanNotDelete");
    let cloud = world.live();
    world.set("dev.store.a", "location", json!("westus2"));
    (world, cloud)
}

#[tokio::test]
async fn a_lifted_lock_is_put_back_after_success_failure_and_stop() {
    let lock = "/rg-dev/providers/Microsoft.Authorization/locks/onestream";
    for what in ["success", "failure", "stop"] {
        let (world, cloud) = locked();
        let rig = Rig::new(&cloud);
        let stop = Arc::clone(&rig.stop);
        match what {
            "failure" => {
                let refused = What::Refuse(Verdict::Fatal, "InUse");
                cloud.fail(Method::Delete, "/stores/a", refused);
            }
            "stop" => {
                let pull = move || {
                    stop.send_replace(true);
                };
                cloud.fail(Method::Delete, "/shelves/top", What::Call(Arc::new(pull)));
            }
            _ => {}
        }
        let plan = world.plan(&cloud).await;
        let outcome = rig.apply(&plan).await;
        assert_eq!(
            end(&plan, &outcome, "dev.group.lock"),
            "done",
            "{what}: {:?}",
            outcome.ends
        );
        assert!(
            cloud.ids().iter().any(|id| id.contains("/locks/")),
            "{what}"
        );
        assert_eq!(outcome.stopped, what == "stop");
        assert_eq!(outcome.is_complete(), what == "success");
        let log = cloud.writes();
        assert!(
            log[0].starts_with("DELETE")
                && log[0].ends_with(lock.rsplit('/').next().expect("a name"))
        );
        assert!(
            log.last().expect("writes").starts_with("PUT"),
            "{what}: {log:?}"
        );
        // The rest is done by the same plan, which takes the lock off once more.
        rig.stop.send_replace(false);
        let outcome = rig.apply(&plan).await;
        assert!(outcome.is_complete(), "{what}: {:?}", outcome.ends);
        assert!(world.plan(&cloud).await.is_empty(), "{what}");
        // Done is done: no lock comes off for nothing.
        cloud.forget_log();
        assert!(rig.apply(&plan).await.is_complete());
        assert_eq!(cloud.writes(), [""; 0], "{what}");
    }
}

#[tokio::test]
async fn a_plan_that_put_back_a_stricter_lock_can_be_begun_again() {
    let (mut world, cloud) = locked();
    world.store("dev", "b");
    world.set("dev.group.lock", "properties.level", json!("ReadOnly"));
    world.store("dev", "c");
    let stands = world.clone();
    cloud.plant(&stands.id("dev.store.c"), {
        let cloud = stands.live();
        cloud.body(&stands.id("dev.store.c")).expect("it stands")
    });
    world.set("dev.store.c", "properties.size", json!(2));
    let plan = world.plan(&cloud).await;
    // What the old lock let pass, the new one does not.
    for (method, path) in [(Method::Put, "/stores/b"), (Method::Patch, "/stores/c")] {
        cloud.fail(method, path, What::LoseBefore);
    }
    let rig = Rig::new(&cloud);
    assert!(!rig.apply(&plan).await.is_complete());
    let outcome = rig.apply(&plan).await;
    assert!(outcome.is_complete(), "{:?}", outcome.ends);
    assert!(world.plan(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_lock_that_could_not_be_lifted_is_not_put_back() {
    let (world, cloud) = locked();
    cloud.fail(
        Method::Delete,
        "/locks/onestream",
        What::Refuse(Verdict::Denied, "No"),
    );
    let plan = world.plan(&cloud).await;
    let outcome = Rig::new(&cloud).apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.group.lock"), "skipped");
    assert_eq!(cloud.writes().len(), 1, "{:?}", cloud.writes());
}

#[tokio::test]
async fn stopping_lets_what_is_in_flight_end_and_starts_nothing() {
    let world = two_branches();
    let cloud = FakeCloud::default();
    let mut rig = Rig::new(&cloud);
    rig.parallelism = 1;
    let stop = Arc::clone(&rig.stop);
    let pull = move || {
        stop.send_replace(true);
    };
    cloud.fail(Method::Put, "/rg-dev", What::Call(Arc::new(pull)));
    let plan = world.plan(&cloud).await;
    let outcome = rig.apply(&plan).await;
    assert_eq!(end(&plan, &outcome, "dev.group"), "done");
    assert_eq!(
        skipped(&plan, &outcome, "dev.store.b"),
        "the run was stopped"
    );
    assert!(outcome.stopped && !outcome.is_complete());
    assert_eq!(cloud.writes(), ["PUT rg-dev"]);
}

#[tokio::test]
async fn a_run_that_nobody_can_stop_any_more_still_ends() {
    let world = two_branches();
    let cloud = FakeCloud::default();
    let plan = world.plan(&cloud).await;
    let options = Options {
        parallelism: 2,
        stop: watch::channel(false).1,
        check_first: false,
    };
    cloud.fail(Method::Put, "/stores/a", What::Slow(3));
    let approved = crate::provision::testing::approve(&plan);
    let ports = Rig::new(&cloud).ports();
    let outcome = apply(&approved, KINDS, &ports, options)
        .await
        .expect("begins");
    assert!(outcome.is_complete());
}

#[tokio::test]
async fn writes_of_one_lane_go_one_at_a_time() {
    let mut world = World::new();
    world.group("dev");
    for cluster in ["k", "l"] {
        world.cluster("dev", cluster);
        for pool in ["x", "y", "z"] {
            world.pool(&format!("dev.cluster.{cluster}"), pool, "User");
        }
    }
    let cloud = FakeCloud::default();
    for pool in ["/pools/x", "/pools/y", "/pools/z"] {
        cloud.fail_times(Method::Put, pool, What::Slow(5), 2);
    }
    let plan = world.plan(&cloud).await;
    assert!(Rig::new(&cloud).apply(&plan).await.is_complete());
    let mut other_lane = false;
    let mut open: Vec<String> = Vec::new();
    for line in cloud.log() {
        let lane = line.split("/pools/").next().unwrap_or_default();
        let lane = lane
            .trim_start_matches("end PUT ")
            .trim_start_matches("PUT ")
            .to_owned();
        if line.starts_with("end ") {
            open.retain(|busy| *busy != lane);
        } else {
            assert!(!open.contains(&lane), "{lane} is busy: {:?}", cloud.log());
            other_lane |= !open.is_empty();
            open.push(lane);
        }
    }
    assert!(other_lane, "different lanes go side by side");
}

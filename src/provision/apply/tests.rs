//! Tests of the executor: plans are carried out on a cloud that fails on demand.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::provision::plan::{Plan, Step};
use crate::provision::ports::{NO_ANSWER, Verdict};
use crate::provision::testing::{FakeCloud, KINDS, Rig, What, World, address, show};
use crate::resource::{Method, Text};

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
    for (system, expected) in [
        (
            json!({"lastModifiedBy": "ann@example.org", "lastModifiedAt": "2026-11-24T08:00:00Z"}),
            " (last written by ann@example.org at 2026-11-24T08:00:00Z)",
        ),
        (
            json!({"lastModifiedAt": "2026-11-24T08:00:00Z"}),
            " (last written at 2026-11-24T08:00:00Z)",
        ),
        (json!(null), "is 9"),
    ] {
        let mut world = World::with_store();
        let cloud = world.live();
        world.set("dev.store.a", "properties.size", json!(2));
        let plan = world.plan(&cloud).await;
        cloud.edit(&world.id("dev.store.a"), |body| {
            body["properties"]["size"] = json!(9);
            body["systemData"] = system.clone();
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

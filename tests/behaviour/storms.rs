//! Storms: Azure throttles, fails and drops connections all the time, and an apply gets through.

use std::collections::BTreeMap;

use onestream::provision::apply::{End, OperationError};
use onestream::provision::plan::Mode;
use onestream::provision::ports::Verdict;
use onestream::resource::Resource;
use serde_json::{Value as Json, json};

use crate::estate::Estate;

/// Every third call is throttled; of the others one in twenty fails, and one in twenty is lost,
/// as often before it was carried out as after.
fn storm(seed: u64) -> Json {
    json!([
        {"status": 429, "retry_after": [1, 30], "every": 3, "seed": seed},
        {"status": 500, "percent": 2.5, "seed": seed},
        {"status": 503, "percent": 2.5, "seed": seed + 1},
        {"drop": "before", "percent": 2.5, "seed": seed + 2},
        {"drop": "after", "percent": 2.5, "seed": seed + 3},
    ])
}

/// The requests since `number`.
async fn requests(estate: &Estate, number: u64) -> Vec<Json> {
    let path = format!("requests?since={number}");
    let log = estate.control("GET", &path, None).await;
    log["value"].as_array().expect("a list").clone()
}

async fn next(estate: &Estate) -> u64 {
    let log = estate.control("GET", "requests", None).await;
    log["next"].as_u64().expect("a number")
}

/// What changes something and would change it twice, were it sent twice: a batch of reads and a
/// sign-in are none.
fn is_risky(request: &Json) -> bool {
    let target = request["target"].as_str().expect("a target");
    request["method"] == "POST" && !target.contains("/$batch") && !target.contains("/oauth2/")
}

/// How often each POST was carried out, whoever heard of it. Before one is sent again of which
/// nobody knows, what it makes was looked for and found to be absent.
fn carried_out(log: &[Json], seed: u64) -> BTreeMap<String, u32> {
    let mut done: BTreeMap<String, u32> = BTreeMap::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for (at, request) in log.iter().enumerate().filter(|(_, one)| is_risky(one)) {
        let key = format!("{} {}", request["target"], request["body_sha256"]);
        if let Some(since) = open.remove(&key) {
            let absent = |one: &Json| one["method"] == "GET" && one["status"] == 404;
            assert!(
                log[since..at].iter().any(absent),
                "seed {seed}: sent again blindly: {key}"
            );
        }
        if matches!(request["status"].as_u64(), Some(0 | 500 | 503)) {
            open.insert(key.clone(), at);
        }
        if matches!(request["carried_out"].as_u64(), Some(200..=299)) {
            *done.entry(key).or_default() += 1;
        }
    }
    done
}

/// Carries one plan out in a storm: it gets through.
async fn weathered(estate: &Estate, mode: Mode, seed: u64) -> BTreeMap<String, u32> {
    estate.faults(storm(seed)).await;
    let since = next(estate).await;
    let plan = estate.plan(mode).await;
    assert!(
        plan.refusals.is_empty(),
        "seed {seed}: {:#?}",
        plan.refusals
    );
    assert!(!plan.is_partial(), "seed {seed}: {:#?}", plan.unreadable);
    let outcome = estate.carry_out(plan.clone()).await;
    let log = requests(estate, since).await;
    let done = carried_out(&log, seed);
    let twice: Vec<_> = done.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        twice.is_empty(),
        "seed {seed}: carried out twice: {twice:#?}"
    );
    assert_stormy(estate, seed).await;
    let ends = plan.operations.iter().zip(&outcome.ends);
    let failed = ends.filter(|(_, end)| !matches!(end, End::Done | End::AlreadyDone));
    let failed: Vec<_> = failed
        .map(|(one, end)| (one.address.as_str(), end))
        .collect();
    assert!(outcome.is_complete(), "seed {seed}: {failed:#?}");
    estate.faults(json!([])).await;
    done
}

/// Every rule has struck, and a third of all calls was throttled.
async fn assert_stormy(estate: &Estate, seed: u64) {
    let rules = estate.control("GET", "faults", None).await;
    for rule in rules["value"].as_array().expect("rules") {
        assert!(rule["struck"].as_u64() > Some(0), "seed {seed}: {rule}");
        if rule["rule"]["status"] == 429 {
            let seen = rule["seen"].as_u64().expect("a number");
            assert_eq!(rule["struck"].as_u64(), Some(seen / 3), "seed {seed}");
        }
    }
}

/// The storm that `ONESTREAM_SEED` names, or the usual ones.
fn seeds() -> Vec<u64> {
    let named = std::env::var("ONESTREAM_SEED").ok();
    named.map_or_else(
        || vec![1, 2, 3],
        |seed| vec![seed.parse().expect("a number")],
    )
}

#[tokio::test]
async fn an_apply_gets_through_a_storm_and_carries_no_post_out_twice() {
    for seed in seeds() {
        println!("seed {seed}");
        let estate = Estate::sample().await.with_patience();
        let done = weathered(&estate, Mode::Apply, 1_000 * seed).await;
        let members = |target: &String| target.contains("/members/$ref");
        assert!(done.keys().any(members), "seed {seed}: {done:#?}");
        estate.is_as_declared().await;
        // What is destroyed and comes back is recovered, which is a POST for each.
        weathered(&estate, Mode::Destroy, 1_000 * seed + 100).await;
        let done = weathered(&estate, Mode::Apply, 1_000 * seed + 200).await;
        let recovered =
            |target: &String| target.contains("/restore") || target.contains("/recover");
        assert!(done.keys().any(recovered), "seed {seed}: {done:#?}");
        estate.is_as_declared().await;
    }
}

/// Each POST of the sample, where nobody hears of it: however it is lost, one apply makes what it
/// makes, once.
#[tokio::test]
async fn what_came_of_a_lost_post_is_found_out_within_the_run() {
    let estate = Estate::sample().await.with_patience();
    for (mode, posts) in [
        (Mode::Apply, &["/members/$ref"][..]),
        (Mode::Destroy, &[]),
        (Mode::Apply, &["/restore", "/members/$ref"]),
        (Mode::Apply, &["/recover"]),
    ] {
        if posts == ["/recover"] {
            let gone = estate
                .azure
                .vault("kv-onestream-dev")
                .delete("cosign")
                .await;
            assert!(gone.expect("deleted").is_some());
        }
        let rules = posts.iter().flat_map(|path| {
            [
                json!({"method": "POST", "path": path, "status": 500, "count": 1}),
                json!({"method": "POST", "path": path, "drop": "before", "count": 1}),
                json!({"method": "POST", "path": path, "drop": "after", "count": 1}),
            ]
        });
        estate.faults(rules.collect()).await;
        let since = next(&estate).await;
        let plan = estate.plan(mode).await;
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{mode:?}: {:#?}", outcome.ends);
        for rule in estate.control("GET", "faults", None).await["value"]
            .as_array()
            .expect("rules")
        {
            assert_eq!(rule["struck"], 1, "{rule}");
        }
        let done = carried_out(&requests(&estate, since).await, 0);
        let made = |path: &&str| done.keys().any(|target| target.contains(path));
        assert!(posts.iter().all(made), "{mode:?}: {done:#?}");
        assert!(
            done.values().all(|times| *times == 1),
            "{mode:?}: {done:#?}"
        );
        estate.faults(json!([])).await;
    }
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_post_that_is_never_heard_of_ends_as_unknown() {
    let estate = Estate::sample().await.with_patience();
    let deaf = json!([{"method": "POST", "path": "/members/$ref", "drop": "before"}]);
    estate.faults(deaf).await;
    let since = next(&estate).await;
    let plan = estate.plan(Mode::Apply).await;
    let outcome = estate.carry_out(plan.clone()).await;
    let members = requests(&estate, since).await;
    let members = members.iter().filter(|one| is_risky(one)).count();
    let failed = plan.operations.iter().zip(&outcome.ends);
    let failed = failed.filter(|(_, end)| {
        matches!(end, End::Failed(OperationError::Azure(why))
        if why.verdict == Verdict::Unknown)
    });
    // Each is sent once and three times more, and then left to the next run.
    assert_eq!(members, 4 * failed.count());
    assert!(members > 0);
    estate.faults(json!([])).await;
    estate.apply().await;
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_post_that_took_effect_late_is_no_failure() {
    let estate = Estate::sample().await.with_patience();
    estate.apply().await;
    let known = |it: &&Resource| it.id.known().is_some_and(|id| id.contains("/members/"));
    let member = estate.desired.resources.values().find(known);
    let member = member.expect("a member");
    let id = member.id.known().expect("known");
    estate.send(&member.kind.delete(id)).await;
    let read = member.kind.get(id).path;
    // As often as it is looked for before and after the first POST, and no more than twice that.
    let late = json!([
        {"method": "POST", "path": "/members/$ref", "drop": "after", "count": 1},
        {
            "method": "GET", "path": read, "count": 15,
            "status": 404, "code": "Request_ResourceNotFound",
        },
    ]);
    estate.faults(late).await;
    let since = next(&estate).await;
    let plan = estate.plan(Mode::Apply).await;
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    let log = requests(&estate, since).await;
    let posts = log.iter().filter(|one| is_risky(one));
    let answers: Vec<_> = posts.map(|one| one["status"].as_u64()).collect();
    assert_eq!(answers, [Some(0), Some(400)]);
    let done = carried_out(&log, 0);
    assert_eq!(done.values().collect::<Vec<_>>(), [&1], "{done:#?}");
    estate.faults(json!([])).await;
    estate.is_as_declared().await;
}

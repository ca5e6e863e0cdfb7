//! Storms: Azure throttles, fails and drops connections all the time, and an apply gets through.

use std::collections::BTreeMap;

use onestream::provision::apply::{End, OperationError, Outcome};
use onestream::provision::plan::{Mode, Plan};
use onestream::provision::ports::Verdict;
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

/// How often each POST was sent that was carried out, or may have been. One that was throttled or
/// refused was not.
fn fates(log: &[Json]) -> BTreeMap<String, u32> {
    let counts = |one: &&Json| is_risky(one) && !matches!(one["status"].as_u64(), Some(400..=499));
    let mut sent = BTreeMap::new();
    for request in log.iter().filter(counts) {
        let key = format!("{} {}", request["target"], request["body_sha256"]);
        *sent.entry(key).or_default() += 1;
    }
    sent
}

/// The operations that did not end well, and what Azure said to each.
fn failed<'a>(plan: &'a Plan, outcome: &'a Outcome) -> Vec<(&'a str, Verdict)> {
    let ends = plan.operations.iter().zip(&outcome.ends);
    let failed = ends.filter_map(|(operation, end)| match end {
        End::Failed(OperationError::Azure(failure)) => {
            Some((operation.address.as_str(), failure.verdict))
        }
        // What it needs has failed, and is told of there.
        End::Done | End::AlreadyDone | End::Skipped(_) => None,
        other => panic!("{}: {other:?}", operation.address),
    });
    failed.collect()
}

/// Carries plans out in a storm until one is complete. A run may leave open what it must not send
/// again, and what needs that; the next one looks, and sends it if it has to.
async fn weathered(estate: &Estate, mode: Mode, seed: u64) -> BTreeMap<String, u32> {
    let mut sent = BTreeMap::new();
    for round in 0..4 {
        estate.faults(storm(seed + 10 * round)).await;
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
        let fates = fates(&log);
        let twice: Vec<_> = fates.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "seed {seed}: sent twice: {twice:#?}");
        if round == 0 {
            assert_stormy(estate, seed).await;
        }
        let failed = failed(&plan, &outcome);
        let unheard = log.iter().filter(|one| is_risky(one) && was_lost(one));
        let unheard = unheard.count();
        assert!(failed.len() <= unheard, "seed {seed}: {:#?}", outcome.ends);
        for (address, verdict) in &failed {
            assert_eq!(*verdict, Verdict::Unknown, "seed {seed}: {address}");
        }
        sent.extend(fates);
        if outcome.is_complete() {
            estate.faults(json!([])).await;
            return sent;
        }
    }
    panic!("seed {seed}: four runs did not get through");
}

/// Whether nobody can know what became of a request.
fn was_lost(request: &Json) -> bool {
    matches!(request["status"].as_u64(), Some(0 | 500 | 503))
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

/// The storm that `ONESTREAM_SEED` names, or the usual one.
fn seed() -> u64 {
    let named = std::env::var("ONESTREAM_SEED").ok();
    named.map_or(1, |seed| seed.parse().expect("a number"))
}

#[tokio::test]
async fn an_apply_gets_through_a_storm_and_sends_no_post_twice() {
    let seed = seed();
    let estate = Estate::sample().await.with_patience();
    let sent = weathered(&estate, Mode::Apply, seed).await;
    let members = |target: &String| target.contains("/members/$ref");
    assert!(sent.keys().any(members), "seed {seed}: {sent:#?}");
    estate.is_as_declared().await;
    // What is destroyed and comes back is recovered, which is a POST for each.
    weathered(&estate, Mode::Destroy, seed + 100).await;
    let sent = weathered(&estate, Mode::Apply, seed + 200).await;
    let recovered = |target: &String| target.contains("/restore") || target.contains("/recover");
    assert!(sent.keys().any(recovered), "seed {seed}: {sent:#?}");
    estate.is_as_declared().await;
}

//! Reading: within the request bound, and never taking a refusal for an absence.

use onestream::provision::plan::Mode;
use serde_json::json;

use crate::estate::Estate;

/// The bound of a plan: the pages of each kind's list, one list per parent, one search for
/// marked objects per subscription, and the probes and tokens that come first.
#[tokio::test]
async fn a_plan_stays_within_the_request_bound() {
    let estate = Estate::sample().await;
    estate.apply().await;
    estate.control("DELETE", "requests", None).await;
    estate.is_as_declared().await;
    let seen = estate.control("GET", "requests", None).await;
    let paths: Vec<&str> = seen["value"]
        .as_array()
        .expect("requests")
        .iter()
        .filter_map(|request| request["target"].as_str())
        .filter(|target| target.starts_with("/subscriptions/"))
        .collect();
    let registries = estate
        .desired
        .resources
        .keys()
        .filter(|a| a.path() == "registry")
        .count();
    // Resource groups, locks, registries, the search for marked objects; replications per registry.
    assert!(
        paths.len() <= 4 + registries,
        "{} requests: {paths:#?}",
        paths.len()
    );
}

#[tokio::test]
async fn what_is_refused_is_unreadable_and_neither_created_nor_deleted() {
    for (path, unknown) in [
        (
            "*/providers/Microsoft.ContainerRegistry/registries",
            "registry",
        ),
        ("*/replications", "replication"),
        ("*/resourcegroups", "group"),
        ("*/providers/Microsoft.Authorization/locks", "lock"),
    ] {
        for status in [403, 429, 500] {
            let estate = Estate::sample().await;
            estate.apply().await;
            estate
                .faults(json!([{"method": "GET", "path": path, "status": status}]))
                .await;
            let plan = estate.plan(Mode::Apply).await;
            assert!(
                plan.operations.is_empty(),
                "{path} {status}: {:#?}",
                plan.operations
            );
            let unread = plan
                .unreadable
                .iter()
                .any(|u| u.address.path().contains(unknown));
            assert!(unread, "{path} {status}: {:#?}", plan.unreadable);
        }
    }
}

//! Reading: within the request bound, and never taking a refusal for an absence.

use onestream::kinds::KINDS;
use onestream::provision::plan::Mode;
use onestream::resource::ReadMode;
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
    let of_kind = |name: &str| {
        let resources = estate.desired.resources.values();
        resources.filter(|r| r.kind.meta().name == name).count()
    };
    let lists: usize = KINDS
        .iter()
        .map(|kind| match kind.meta().read {
            ReadMode::List(_) => 1,
            ReadMode::ListPerParent { parent, .. } => of_kind(parent),
            ReadMode::ListThenGet { parent, .. } => of_kind(parent) + of_kind(kind.meta().name),
            ReadMode::DataPlane => of_kind(kind.meta().name),
        })
        .sum();
    // And the search for marked objects.
    assert!(
        paths.len() <= lists + 1,
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

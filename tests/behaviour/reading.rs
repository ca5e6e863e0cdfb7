//! Reading: within the request bound, and never taking a refusal for an absence.

use onestream::kinds::KINDS;
use onestream::provision::plan::Mode;
use onestream::resource::ReadMode;
use serde_json::json;

use crate::estate::Estate;

/// The bound of a plan: one list of each kind per subscription or parent (the sample fits on one
/// page), a read of each object whose list says too little, one search for marked objects per
/// subscription, and one list of all that stands in each group. Probes and tokens come first.
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
    let declared = |kind: &str| {
        let all = estate.desired.resources.values();
        all.filter(|resource| resource.kind.meta().name == kind)
            .count()
    };
    let subscriptions = estate.desired.subscriptions().len();
    let lists = KINDS.iter().map(|kind| match kind.meta().read {
        ReadMode::List(_) => subscriptions,
        ReadMode::ListPerParent { parent, .. } => declared(parent),
        ReadMode::ListThenGet { parent, .. } => declared(parent) + declared(kind.meta().name),
        ReadMode::Extension { on, .. } => on.iter().map(|kind| declared(kind)).sum(),
        ReadMode::DataPlane => declared(kind.meta().name),
    });
    let searches = KINDS.iter().filter(|kind| kind.marked().is_some()).count();
    let groups = declared("resource group");
    let bound = subscriptions + searches + groups + lists.sum::<usize>();
    assert!(
        paths.len() <= bound,
        "{} requests, not {bound}: {paths:#?}",
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
        ("*/diagnosticSettings", "diagnostics"),
        ("*/providers/Microsoft.KeyVault/vaults", "vault"),
        ("*/keys", "vault.key"),
        (
            "*/providers/Microsoft.OperationalInsights/workspaces",
            "workspace",
        ),
        (
            "*/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
            "identity",
        ),
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

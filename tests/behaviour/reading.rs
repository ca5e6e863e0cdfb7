//! Reading: within the request bound, and never taking a refusal for an absence.

use onestream::kinds::KINDS;
use onestream::provision::plan::Mode;
use onestream::resource::{Plane, ReadMode};
use serde_json::json;

use crate::estate::Estate;

/// How many parts Graph takes in a batch.
const PARTS: usize = 20;

/// The bound of a plan, for each plane apart, so that what one does not need hides nothing of the
/// other. Of Resource Manager: one list of each kind per subscription or parent (the sample fits on
/// one page), a read of each object whose list says too little, one search for marked objects per
/// subscription, and one list of all that stands in each group. Of Graph: a search of each kind that has one and what it finds, lists per
/// parent, and all declared objects, these in batches.
#[tokio::test]
async fn a_plan_stays_within_the_request_bound() {
    let estate = Estate::sample().await;
    estate.apply().await;
    estate.control("DELETE", "requests", None).await;
    estate.is_as_declared().await;
    let seen = estate.control("GET", "requests", None).await;
    let seen = seen["value"].as_array().expect("requests").iter();
    let seen: Vec<&str> = seen.filter_map(|it| it["target"].as_str()).collect();
    let declared = |kind: &str| {
        let all = estate.desired.resources.values();
        all.filter(|resource| resource.kind.meta().name == kind)
            .count()
    };
    let subscriptions = estate.desired.subscriptions().len();
    let (mut arm, mut graph) = (subscriptions + declared("resource group"), 0);
    for kind in KINDS.iter() {
        let own = declared(kind.meta().name);
        let lists = match kind.meta().read {
            ReadMode::List(_) => subscriptions,
            ReadMode::ListPerParent { parent, .. } | ReadMode::ListThenGet { parent, .. } => {
                declared(parent)
            }
            ReadMode::Extension { on, .. } => on.iter().map(|kind| declared(kind)).sum(),
            ReadMode::DataPlane => 0,
        };
        let each = matches!(
            kind.meta().read,
            ReadMode::ListThenGet { .. } | ReadMode::DataPlane
        );
        let gets = if each { own } else { 0 };
        let searched = kind.marked().is_some();
        match kind.get("/of/any/name").plane {
            Plane::Arm => arm += lists + gets,
            Plane::Graph => {
                let found = if searched { own } else { 0 };
                let search = usize::from(searched) + found.div_ceil(PARTS);
                graph += lists + gets.div_ceil(PARTS) + search;
            }
            plane => panic!("{plane:?} has no bound"),
        }
    }
    let bounds = [("/subscriptions/", arm), ("/v1.0/", graph)];
    for (start, bound) in bounds {
        let sent: Vec<_> = seen.iter().filter(|it| it.starts_with(start)).collect();
        let count = sent.len();
        assert!(!sent.is_empty(), "nothing of {start} was asked for");
        assert!(count <= bound, "{count} requests, not {bound}: {sent:#?}");
        println!("{start}: {count} of {bound}");
    }
    let other = |target: &&&str| !bounds.iter().any(|(start, _)| target.starts_with(start));
    let others: Vec<_> = seen.iter().filter(other).collect();
    assert!(others.is_empty(), "{others:#?}");
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

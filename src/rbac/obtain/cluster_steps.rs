//! Steps by what may be done inside a cluster, and whose tokens lie there.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Cluster, Ground};
use super::power::Power;
use super::step::{Gain, Somebody, gain};
use crate::rbac::assignment::Assignment;
use crate::rbac::native::account_place;
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;

/// What lets somebody run something in a namespace or get into what runs there, and so hold the
/// token of any of its service accounts.
/// <https://kubernetes.io/docs/concepts/security/rbac-good-practices/#workload-creation>
const RUNS: [&str; 11] = [
    "pods/write",
    "pods/exec/action",
    "apps/daemonsets/write",
    "apps/deployments/write",
    "apps/replicasets/write",
    "apps/statefulsets/write",
    "batch/cronjobs/write",
    "batch/jobs/write",
    "replicationcontrollers/write",
    "serviceaccounts/impersonate/action",
    "nodes/proxy/action",
];

/// What lets somebody be whom it likes inside a cluster.
const IMPERSONATES: [&str; 3] = [
    "users/impersonate/action",
    "groups/impersonate/action",
    "serviceaccounts/impersonate/action",
];

/// Whether somebody may do something inside a cluster, at a scope of it.
fn may(who: &Somebody<'_>, scope: &Scope, action: &str) -> Truth {
    let action = format!("Microsoft.ContainerService/managedClusters/{action}");
    who.may_inside(scope, &action)
}

/// A cluster and the places in it at which somebody holds anything.
fn places(who: &Somebody<'_>, cluster: &Cluster) -> BTreeSet<Scope> {
    let held = who.holdings.assignments().map(|one| &one.scope);
    let inside = held.filter(|scope| scope.continues(&cluster.scope));
    inside.chain([&cluster.scope]).cloned().collect()
}

/// Whether somebody may run something at a place.
fn runs(who: &Somebody<'_>, place: &Scope) -> Truth {
    Truth::any(RUNS.map(|action| may(who, place, action)))
}

pub(super) fn run_workloads(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let mut gains = Vec::new();
    // Many accounts share a place.
    let mut known: BTreeMap<Scope, Truth> = BTreeMap::new();
    for cluster in &ground.resources.clusters {
        let accounts = ground.access.tenant().accounts.iter();
        for one in accounts.filter(|one| one.scope.continues(&cluster.scope)) {
            let place = account_place(one);
            let may = *known.entry(place.clone()).or_insert_with(|| {
                if place == cluster.scope {
                    Truth::any(places(who, cluster).iter().map(|place| runs(who, place)))
                } else {
                    runs(who, &place)
                }
            });
            let detail = format!("may run something in {place}, as {}", bound(one));
            gains.extend(gain(Power::act_as(&one.principal), may, detail));
        }
    }
    gains
}

/// A service account with what binds it.
fn bound(one: &Assignment) -> String {
    let name = one.principal.rsplit("/serviceaccounts").next();
    let name = name.unwrap_or_default().trim_start_matches('/');
    let who = match name {
        "" => "any service account".to_owned(),
        name => format!("service account {name}"),
    };
    match &one.native {
        Some(binding) => format!("{who}, which {binding} binds"),
        None => who,
    }
}

pub(super) fn impersonate(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    inside(ground, "may impersonate whoever administers it", |one| {
        Truth::any(IMPERSONATES.map(|action| may(who, &one.scope, action)))
    })
}

pub(super) fn node_proxy(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    inside(
        ground,
        "may speak to its kubelets, which run anything",
        |one| may(who, &one.scope, "nodes/proxy/action"),
    )
}

pub(super) fn escalate(ground: &Ground<'_>, who: &Somebody<'_>) -> Vec<Gain> {
    let rbac = |scope: &Scope, verbs: [&str; 2]| {
        Truth::all(verbs.map(|verb| may(who, scope, &format!("rbac.authorization.k8s.io/{verb}"))))
    };
    let mut gains = inside(ground, "may widen its cluster roles", |one| {
        rbac(
            &one.scope,
            ["clusterroles/write", "clusterroles/escalate/action"],
        )
    });
    for cluster in &ground.resources.clusters {
        for place in places(who, cluster) {
            let widens = rbac(&place, ["roles/write", "roles/escalate/action"]);
            let binds = rbac(&place, ["rolebindings/write", "clusterroles/bind/action"]);
            let detail = format!("may widen roles or bind itself to any in {place}");
            gains.extend(gain(Power::ClusterAdmin(place), widens.or(binds), detail));
        }
    }
    gains
}

/// A gain of everything inside each cluster.
fn inside(ground: &Ground<'_>, detail: &str, may: impl Fn(&Cluster) -> Truth) -> Vec<Gain> {
    let clusters = ground.resources.clusters.iter();
    clusters
        .filter_map(|one| gain(Power::ClusterAdmin(one.scope.clone()), may(one), detail))
        .collect()
}

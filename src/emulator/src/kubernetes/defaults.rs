//! The roles and bindings that a cluster comes with.
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>
//!
//! ## Why
//!
//! Whoever looks for bindings beside Azure's roles has to tell those of the system apart, so they
//! are there to be told apart: Kubernetes' own, and the one by which AKS lets a cluster's local
//! accounts in. Controllers that do not run here have none.

use super::caller::MASTERS;
use super::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES};
use serde_json::{Value, json};
use std::collections::BTreeMap;

static TABLE: &str = include_str!("default_roles.txt");

const RBAC: &str = "rbac.authorization.k8s.io";

/// A role's name, and its rules.
type Role = (&'static str, Vec<Value>);

/// A binding's name, its role, and whom it names: kind and name.
type Binding = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Bindings that Kubernetes makes.
const OWN: &[Binding] = &[
    ("cluster-admin", "cluster-admin", &[("Group", MASTERS)]),
    (
        "system:basic-user",
        "system:basic-user",
        &[("Group", "system:authenticated")],
    ),
    (
        "system:discovery",
        "system:discovery",
        &[("Group", "system:authenticated")],
    ),
    (
        "system:kube-dns",
        "system:kube-dns",
        &[("ServiceAccount", "kube-dns")],
    ),
    (
        "system:monitoring",
        "system:monitoring",
        &[("Group", "system:monitoring")],
    ),
    (
        "system:node-proxier",
        "system:node-proxier",
        &[("User", "system:kube-proxy")],
    ),
    (
        "system:public-info-viewer",
        "system:public-info-viewer",
        &[
            ("Group", "system:authenticated"),
            ("Group", "system:unauthenticated"),
        ],
    ),
    (
        "system:service-account-issuer-discovery",
        "system:service-account-issuer-discovery",
        &[("Group", "system:serviceaccounts")],
    ),
];

/// Bindings that AKS makes: for its local accounts.
const AKS: &[Binding] = &[
    (
        "aks-cluster-admin-binding",
        "cluster-admin",
        &[("User", "clusterAdmin"), ("User", "clusterUser")],
    ),
    (
        "metrics-server:system:auth-delegator",
        "system:auth-delegator",
        &[("ServiceAccount", "metrics-server")],
    ),
];

/// Cluster roles, without what is a cluster's own in their metadata.
pub fn roles() -> Vec<Value> {
    let mut known: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut all = parse();
    // A role stands before those that it takes in.
    all.reverse();
    for (name, rules) in all {
        let mut whole = Vec::new();
        for rule in rules {
            match rule["takes"].as_str() {
                Some(other) => whole.extend(known.get(other).cloned().unwrap_or_default()),
                None => whole.push(rule),
            }
        }
        known.insert(name, whole);
    }
    let shown = known.into_iter().map(|(name, rules)| {
        json!({
            "apiVersion": CLUSTER_ROLES.api_version(),
            "kind": CLUSTER_ROLES.kind,
            "metadata": {
                "name": name,
                "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
                "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            },
            "rules": rules,
        })
    });
    shown.collect()
}

/// Cluster role bindings, likewise.
pub fn bindings() -> Vec<Value> {
    let own = OWN
        .iter()
        .map(|one| binding(one, "kubernetes.io/bootstrapping", "rbac-defaults"));
    let aks = AKS
        .iter()
        .map(|one| binding(one, "addonmanager.kubernetes.io/mode", "Reconcile"));
    own.chain(aks).collect()
}

fn binding((name, role, subjects): &Binding, label: &str, value: &str) -> Value {
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|(kind, name)| match *kind {
            "ServiceAccount" => json!({"kind": kind, "name": name, "namespace": "kube-system"}),
            _ => json!({"apiGroup": RBAC, "kind": kind, "name": name}),
        })
        .collect();
    json!({
        "apiVersion": CLUSTER_ROLE_BINDINGS.api_version(),
        "kind": CLUSTER_ROLE_BINDINGS.kind,
        "metadata": {"name": name, "labels": {label: value}},
        "roleRef": {"apiGroup": RBAC, "kind": CLUSTER_ROLES.kind, "name": role},
        "subjects": subjects,
    })
}

fn parse() -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (line.starts_with(' '), words.as_slice(), roles.last_mut()) {
            (false, [name], _) => roles.push((name, Vec::new())),
            (true, ["+", other], Some((_, rules))) => rules.push(json!({ "takes": other })),
            (true, ["url", paths, verbs], Some((_, rules))) => {
                rules.push(json!({"nonResourceURLs": list(paths), "verbs": list(verbs)}));
            }
            (true, [groups, resources, verbs], Some((_, rules))) => rules.push(json!({
                "apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs),
            })),
            _ => debug_assert!(false, "default_roles.txt: {line}"),
        }
    }
    roles
}

fn list(words: &str) -> Vec<&str> {
    let words = words.split(',');
    words
        .map(|word| if word == "-" { "" } else { word })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_binding_names_a_role_that_there_is() {
        let roles = roles();
        let rules = |name: &str| {
            let role = roles.iter().find(|role| role["metadata"]["name"] == name);
            role.map(|role| role["rules"].as_array().map_or(0, Vec::len))
        };
        for binding in bindings() {
            let role = binding["roleRef"]["name"].as_str().unwrap_or_default();
            assert!(rules(role) > Some(0), "{binding}");
        }
        // What is aggregated comes on top.
        assert!(rules("admin") > rules("edit") && rules("edit") > rules("view"));
        let edit = roles.iter().find(|role| role["metadata"]["name"] == "edit");
        let text = edit.map(ToString::to_string).unwrap_or_default();
        assert!(text.contains("\"secrets\"") && text.contains("\"limitranges\""));
        assert!(!text.contains("takes"), "{text}");
    }
}

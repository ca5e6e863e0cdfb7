//! The identities that a cluster acts as: its control plane's, its nodes', its add-ons'.
//!
//! AKS makes those of add-ons in the group of the nodes, and gives some of them a role:
//! <https://learn.microsoft.com/azure/aks/managed-identity-overview>. Those are the cluster's own and
//! nobody's grant; whatever else they hold is.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::facts::OwnIdentity;
use super::fetch::id;
use crate::rbac::scope::Scope;
use crate::resource::Address;

const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const METRICS_PUBLISHER: &str = "3913510d-42f4-4e42-8a64-420c390055eb";

/// Where AKS gives a role.
#[derive(Clone, Copy)]
enum On {
    Nodes,
    Cluster,
}

/// The add-ons whose identities AKS gives a role.
const GIVEN: &[(&str, &str, On)] = &[
    ("aciConnectorLinux", CONTRIBUTOR, On::Nodes),
    ("httpApplicationRouting", READER, On::Nodes),
    ("ingressApplicationGateway", CONTRIBUTOR, On::Nodes),
    ("omsagent", METRICS_PUBLISHER, On::Cluster),
];

/// The identities of a cluster, by object id in lower case.
pub(super) fn identities(
    address: &Address,
    cluster: &Scope,
    nodes: Option<&Scope>,
    body: &Json,
) -> BTreeMap<String, OwnIdentity> {
    let own = |part: &str, given: Vec<(&'static str, Scope)>| OwnIdentity {
        address: address.clone(),
        part: part.to_owned(),
        given,
    };
    let mut found = BTreeMap::new();
    let assigned = body.pointer("/identity/userAssignedIdentities");
    let assigned = assigned.and_then(Json::as_object).into_iter().flatten();
    let assigned = assigned.filter_map(|(_, one)| id(one, "/principalId"));
    for control_plane in assigned.chain(id(body, "/identity/principalId")) {
        let nodes = nodes.map(|nodes| (CONTRIBUTOR, nodes.clone()));
        found.insert(
            control_plane,
            own("the control plane", nodes.into_iter().collect()),
        );
    }
    if let Some(kubelet) = id(body, "/properties/identityProfile/kubeletidentity/objectId") {
        found.insert(kubelet, own("the nodes", Vec::new()));
    }
    let addons = body.pointer("/properties/addonProfiles");
    for (name, addon) in addons.and_then(Json::as_object).into_iter().flatten() {
        let Some(identity) = id(addon, "/identity/objectId") else {
            continue;
        };
        let given = GIVEN
            .iter()
            .filter(|(of, ..)| of.eq_ignore_ascii_case(name));
        let given = given.filter_map(|(_, role, on)| {
            let scope = match on {
                On::Nodes => nodes?,
                On::Cluster => cluster,
            };
            Some((*role, scope.clone()))
        });
        found.insert(identity, own(name, given.collect()));
    }
    found
}

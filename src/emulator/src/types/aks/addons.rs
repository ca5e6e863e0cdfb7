//! A cluster's add-ons, and the identities that they act as.
//! <https://learn.microsoft.com/azure/aks/use-managed-identity#summary-of-managed-identities-used-by-aks>

use super::node_group;
use crate::access::{ASSIGNMENT, DEFINITION};
use crate::arm::{self, Context};
use crate::state::{Object, Txn};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Add-ons that act as somebody once they run on a cluster with an identity.
const ACTING: &[&str] = &[
    "aciConnectorLinux",
    "azureKeyvaultSecretsProvider",
    "azurepolicy",
    "httpApplicationRouting",
    "ingressApplicationGateway",
    "omsagent",
];

const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const METRICS_PUBLISHER: &str = "3913510d-42f4-4e42-8a64-420c390055eb";

/// The role that some of them get, and whether it is on the nodes' group or on the cluster.
const GIVEN: &[(&str, &str, bool)] = &[
    ("aciConnectorLinux", CONTRIBUTOR, true),
    ("httpApplicationRouting", READER, true),
    ("ingressApplicationGateway", CONTRIBUTOR, true),
    ("omsagent", METRICS_PUBLISHER, false),
];

/// Reads the add-ons of a write. One without settings shows none; no add-ons at all are not
/// shown; identities are Azure's, and stay while their add-on does.
pub fn lay(sent: &mut Map<String, Value>, before: Option<&Map<String, Value>>) {
    let none = sent
        .get("addonProfiles")
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty);
    if none {
        sent.remove("addonProfiles");
    }
    let Some(Value::Object(addons)) = sent.get_mut("addonProfiles") else {
        return;
    };
    for (name, addon) in addons {
        let Some(addon) = addon.as_object_mut() else {
            continue;
        };
        addon.entry("config").or_insert(Value::Null);
        addon.remove("identity");
        let identity = before
            .and_then(|before| before.get("addonProfiles")?.get(name)?.get("identity"))
            .filter(|_| addon.get("enabled") == Some(&json!(true)));
        if let Some(identity) = identity {
            addon.insert("identity".to_owned(), identity.clone());
        }
    }
}

/// Makes the identities of add-ons that were enabled, and takes those of disabled ones away.
pub fn store(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &mut Object) {
    if cluster.body["identity"].is_null() {
        return;
    }
    let mut held = cluster.hidden["addons"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for name in ACTING {
        let enabled = cluster.body["properties"]["addonProfiles"][name]["enabled"] == json!(true);
        if enabled && !held.contains_key(*name) {
            let own = format!("{}-{}", name.to_ascii_lowercase(), cluster.name());
            let identity = node_group::identity(cx, txn, cluster, &own);
            give(cx, txn, cluster, name, &identity);
            held.insert((*name).to_owned(), identity);
        } else if !enabled
            && let Some(identity) = held.remove(*name)
            && let Some(id) = identity["resourceId"].as_str()
        {
            arm::remove(txn, &id.to_ascii_lowercase(), cx.now);
            if let Some(given) = assignment_of(cluster, name, &identity) {
                arm::remove(txn, &given.0.to_ascii_lowercase(), cx.now);
            }
        }
    }
    if !held.is_empty() || cluster.hidden["addons"].is_object() {
        cluster.hidden["addons"] = Value::Object(held);
    }
}

/// The assignment that an add-on's identity gets: its id, scope and role.
fn assignment_of(
    cluster: &Object,
    name: &str,
    identity: &Value,
) -> Option<(String, String, &'static str)> {
    let (_, role, on_nodes) = GIVEN.iter().find(|(of, ..)| *of == name)?;
    let scope = match on_nodes {
        true => node_group::id_of(cluster),
        false => cluster.id.clone(),
    };
    let principal = identity["objectId"].as_str()?;
    let guid = Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("{scope}/{principal}").as_bytes(),
    );
    let id = format!("{scope}/providers/{ASSIGNMENT}/{guid}");
    Some((id, scope, role))
}

/// Gives an add-on's identity its role.
fn give(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object, name: &str, identity: &Value) {
    let Some((id, scope, role)) = assignment_of(cluster, name, identity) else {
        return;
    };
    let subscription = cluster.id.split('/').nth(2).unwrap_or_default();
    let role = format!("/subscriptions/{subscription}/providers/{DEFINITION}/{role}");
    let now = cx.now.zulu();
    txn.put(Object {
        body: json!({
            "properties": {
                "roleDefinitionId": role,
                "principalId": identity["objectId"],
                "principalType": "ServicePrincipal",
                "scope": scope,
                "condition": null,
                "conditionVersion": null,
                "createdOn": now,
                "updatedOn": now,
                "createdBy": "",
                "updatedBy": "",
                "delegatedManagedIdentityResourceId": null,
                "description": null,
            },
            "id": id,
            "type": ASSIGNMENT,
            "name": id.rsplit('/').next(),
        }),
        id,
        kind: ASSIGNMENT.to_owned(),
        hidden: Value::Null,
        pending: None,
    });
}

/// Shows the identities when the operation that made them has ended.
pub fn settle(cluster: &mut Object) {
    let Some(held) = cluster.hidden["addons"].as_object() else {
        return;
    };
    let Some(addons) = cluster.body.pointer_mut("/properties/addonProfiles") else {
        return;
    };
    for (name, identity) in held {
        if let Some(addon) = addons.get_mut(name).and_then(Value::as_object_mut) {
            addon.insert("identity".to_owned(), identity.clone());
        }
    }
}

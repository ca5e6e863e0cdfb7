//! What a fresh tenant has: Graph's own service principal, and the deployer with its role.
//!
//! ## Why
//!
//! The deployer's rights are ordinary objects, seen in lists and taken away like any
//! other, because a program that audits access must find itself there. They are planted
//! once per subscription, so that a deletion lasts.

use crate::access::{ASSIGNMENT, DEFINITION};
use crate::azure::Azure;
use crate::endpoint::Credential;
use crate::entra::principals::{self, APPLICATION, SERVICE_PRINCIPAL};
use crate::graph::{self, APP_ROLES, GRAPH_APP};
use crate::state::{Object, Txn};
use serde_json::{Value, json};
use std::io;
use uuid::Uuid;

/// Name of the deployer's application and of its role.
const DEPLOYER: &str = "Emulator Deployer";

/// What the deployer may do with keys: make, find and remove them, never use them.
const KEY_ACTIONS: &[&str] = &[
    "Microsoft.KeyVault/vaults/keys/read",
    "Microsoft.KeyVault/vaults/keys/create/action",
    "Microsoft.KeyVault/vaults/keys/update/action",
    "Microsoft.KeyVault/vaults/keys/delete",
    "Microsoft.KeyVault/vaults/keys/recover/action",
    "Microsoft.KeyVault/vaults/keys/purge/action",
    "Microsoft.KeyVault/vaults/keys/backup/action",
    "Microsoft.KeyVault/vaults/keys/restore/action",
    "Microsoft.KeyVault/vaults/keys/rotate/action",
    "Microsoft.KeyVault/vaults/keyrotationpolicies/read",
    "Microsoft.KeyVault/vaults/keyrotationpolicies/write",
];

/// Graph permissions of the deployer.
const PERMISSIONS: &[&str] = &[
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Group.ReadWrite.All",
];

/// Plants what is not there yet.
pub fn plant(azure: &Azure) -> io::Result<()> {
    azure.store.write(|txn| {
        let now = azure.clock.now().zulu();
        let deployer = azure.directory.deployer();
        if first_time(txn, "tenant") {
            directory(txn, azure.directory.tenant(), deployer, &now);
        }
        for subscription in &azure.settings.subscriptions {
            let subscription = subscription.to_ascii_lowercase();
            if first_time(txn, &subscription) {
                assignment(txn, &subscription, deployer, &now);
            }
        }
        let scopes: Vec<String> = azure
            .settings
            .subscriptions
            .iter()
            .map(|id| format!("/subscriptions/{id}"))
            .collect();
        role(txn, &scopes, deployer, &now);
    })
}

fn first_time(txn: &mut Txn<'_>, what: &str) -> bool {
    let fact = format!("seeds/{what}");
    let first = txn.world().fact(&fact).is_none();
    if first {
        txn.set_fact(&fact, Some(json!(true)));
    }
    first
}

fn directory(txn: &mut Txn<'_>, tenant: &str, deployer: &Credential, now: &str) {
    let graph_id = named("graph", tenant);
    let mut api = graph::service_principal();
    api["id"] = json!(graph_id);
    api["appId"] = json!(GRAPH_APP);
    api["displayName"] = json!("Microsoft Graph");
    api["appDisplayName"] = json!("Microsoft Graph");
    api["servicePrincipalNames"] = json!([GRAPH_APP, "https://graph.microsoft.com"]);
    api["appRoles"] = APP_ROLES
        .iter()
        .map(|(id, value)| {
            json!({
                "allowedMemberTypes": ["Application"],
                "description": value,
                "displayName": value,
                "id": id,
                "isEnabled": true,
                "origin": "Application",
                "value": value,
            })
        })
        .collect();
    put(txn, SERVICE_PRINCIPAL, api);
    let mut application = graph::application();
    application["id"] = json!(named("deployer/application", tenant));
    application["appId"] = json!(deployer.client_id);
    application["displayName"] = json!(DEPLOYER);
    application["createdDateTime"] = json!(now);
    application["signInAudience"] = json!("AzureADMyOrg");
    put(txn, APPLICATION, application);
    let mut principal = graph::service_principal();
    principal["id"] = json!(deployer.object_id);
    principal["appId"] = json!(deployer.client_id);
    principal["displayName"] = json!(DEPLOYER);
    principal["createdDateTime"] = json!(now);
    put(txn, SERVICE_PRINCIPAL, principal);
    for (id, value) in APP_ROLES {
        if PERMISSIONS.contains(value) {
            txn.put(graph::app_role_assignment(json!({
                "id": named(value, tenant).replace('-', ""),
                "deletedDateTime": null,
                "appRoleId": id,
                "createdDateTime": now,
                "principalDisplayName": DEPLOYER,
                "principalId": deployer.object_id,
                "principalType": "ServicePrincipal",
                "resourceDisplayName": "Microsoft Graph",
                "resourceId": graph_id,
            })));
        }
    }
}

fn put(txn: &mut Txn<'_>, kind: &str, body: Value) {
    let id = body["id"].as_str().unwrap_or_default();
    txn.put(Object {
        id: principals::key(kind, id),
        kind: kind.to_owned(),
        body,
        hidden: json!({}),
        pending: None,
    });
}

/// The deployer's role, assignable in every subscription that is played.
fn role(txn: &mut Txn<'_>, scopes: &[String], deployer: &Credential, now: &str) {
    let guid = role_id(deployer);
    let id = format!("/providers/{DEFINITION}/{guid}");
    let known = txn.world().object(&id.to_ascii_lowercase()).cloned();
    let seen = format!("seeds/role/{}", scopes.join(","));
    if !first_time(txn, &seen) {
        return;
    }
    let mut body = known.map_or_else(
        || {
            json!({
                "properties": {
                    "roleName": DEPLOYER,
                    "type": "CustomRole",
                    "description": "Provisions everything, makes keys and never signs with them.",
                    "permissions": [{
                        "actions": ["*"],
                        "notActions": [],
                        "dataActions": KEY_ACTIONS,
                        "notDataActions": [],
                    }],
                    "createdOn": now,
                    "updatedOn": now,
                    "createdBy": deployer.object_id,
                    "updatedBy": deployer.object_id,
                },
                "id": id,
                "type": DEFINITION,
                "name": guid,
            })
        },
        |known| known.body.clone(),
    );
    body["properties"]["assignableScopes"] = json!(scopes);
    txn.put(Object {
        id,
        kind: DEFINITION.to_owned(),
        body,
        hidden: Value::Null,
        pending: None,
    });
}

fn assignment(txn: &mut Txn<'_>, subscription: &str, deployer: &Credential, now: &str) {
    let guid = named("assignment", subscription);
    let scope = format!("/subscriptions/{subscription}");
    let id = format!("{scope}/providers/{ASSIGNMENT}/{guid}");
    txn.put(Object {
        body: json!({
            "properties": {
                "roleDefinitionId": format!("{scope}/providers/{DEFINITION}/{}", role_id(deployer)),
                "principalId": deployer.object_id,
                "principalType": "ServicePrincipal",
                "scope": scope,
                "condition": null,
                "conditionVersion": null,
                "createdOn": now,
                "updatedOn": now,
                "createdBy": deployer.object_id,
                "updatedBy": deployer.object_id,
                "delegatedManagedIdentityResourceId": null,
                "description": null,
            },
            "id": id,
            "type": ASSIGNMENT,
            "name": guid,
        }),
        id,
        kind: ASSIGNMENT.to_owned(),
        hidden: Value::Null,
        pending: None,
    });
}

fn role_id(deployer: &Credential) -> String {
    named("role", &deployer.object_id)
}

/// An id that follows from what it is for, so that every fresh emulator has the same.
fn named(what: &str, whose: &str) -> String {
    let name = format!("onestream-emulator/{whose}/{what}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

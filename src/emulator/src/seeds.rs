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
use crate::entra::principals::{self, APPLICATION, SERVICE_PRINCIPAL, USER};
use crate::graph::{self, APP_ROLES, GRAPH_APP};
use crate::registry;
use crate::state::{Object, Txn};
use crate::types;
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

/// What the deployer may read inside clusters: who is bound to which role beside Azure's roles.
const CLUSTER_ACTIONS: &[&str] = &[
    "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/clusterrolebindings/read",
    "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/clusterroles/read",
    "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/rolebindings/read",
    "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/roles/read",
];

/// Graph permissions of the deployer.
const PERMISSIONS: &[&str] = &[
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Group.ReadWrite.All",
];

/// Azure's services that have a service principal in every tenant: client id, name and
/// audience.
const SERVICES: &[(&str, &str, &str)] = &[
    (
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "Windows Azure Service Management API",
        "https://management.azure.com/",
    ),
    (
        "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        "Azure Key Vault",
        "https://vault.azure.net",
    ),
    (
        "e406a681-f3d4-42a8-90b6-c2b029497af1",
        "Azure Storage",
        "https://storage.azure.com/",
    ),
    (
        "6dae42f8-4368-4678-94ff-3960e28e3630",
        "Azure Kubernetes Service AAD Server",
        "6dae42f8-4368-4678-94ff-3960e28e3630",
    ),
];

/// The delegated permission that each of [`SERVICES`] offers.
fn user_impersonation(service: &str) -> Value {
    let about = format!("Use {service} as the signed-in user");
    json!({
        "adminConsentDescription": about,
        "adminConsentDisplayName": about,
        "id": named("user_impersonation", service),
        "isEnabled": true,
        "type": "User",
        "userConsentDescription": about,
        "userConsentDisplayName": about,
        "value": "user_impersonation",
    })
}

/// Plants what is not there yet.
pub fn plant(azure: &Azure) -> io::Result<()> {
    azure.store.write(|txn| {
        registry::modernise(txn, azure.clock.now());
        let now = azure.clock.now().zulu();
        let deployer = azure.directory.deployer();
        if first_time(txn, "groups") {
            txn.put(types::management_root(azure.directory.tenant()));
        }
        if first_time(txn, "tenant") {
            directory(txn, azure.directory.tenant(), deployer, &now);
        }
        for (id, name) in &azure.settings.people {
            if first_time(txn, &format!("people/{}", id.to_ascii_lowercase())) {
                person(txn, &id.to_ascii_lowercase(), name, &now);
            }
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
    let mut api = service(
        &graph_id,
        GRAPH_APP,
        "Microsoft Graph",
        "https://graph.microsoft.com",
    );
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
    for (app_id, name, audience) in SERVICES {
        let mut api = service(&named(app_id, tenant), app_id, name, audience);
        api["oauth2PermissionScopes"] = json!([user_impersonation(name)]);
        put(txn, SERVICE_PRINCIPAL, api);
    }
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
    permissions(txn, tenant, &graph_id, deployer, now);
}

/// Somebody who was in the directory before anything was asked of Graph.
fn person(txn: &mut Txn<'_>, id: &str, name: &str, now: &str) {
    let mut body = graph::user();
    body["id"] = json!(id);
    body["displayName"] = json!(name);
    body["mailNickname"] = json!(name);
    body["userPrincipalName"] = json!(format!("{name}.{id}@emulator.onmicrosoft.com"));
    body["createdDateTime"] = json!(now);
    put(txn, USER, body);
}

/// The service principal of one of Azure's services.
fn service(id: &str, app_id: &str, name: &str, audience: &str) -> Value {
    let mut body = graph::service_principal();
    body["id"] = json!(id);
    body["appId"] = json!(app_id);
    body["displayName"] = json!(name);
    body["appDisplayName"] = json!(name);
    body["servicePrincipalNames"] = json!([app_id, audience]);
    body
}

fn permissions(txn: &mut Txn<'_>, tenant: &str, graph_id: &str, deployer: &Credential, now: &str) {
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
    let reads = first_time(txn, "role reads bindings");
    if !first_time(txn, &seen) && !reads {
        return;
    }
    let data_actions: Vec<&str> = [KEY_ACTIONS, CLUSTER_ACTIONS].concat();
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
                        "dataActions": data_actions,
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
    if reads {
        // A role that was planted before the deployer read bindings.
        body["properties"]["permissions"][0]["dataActions"] = json!(data_actions);
    }
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

//! How directory objects look: what is stored, what is worked out, and what was selected.

use super::entity::Entity;
use super::templates;
use crate::azure::Azure;
use crate::entra::principals::{self, ManagedIdentity, SERVICE_PRINCIPAL};
use crate::state::{Object, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Everything that an object shows.
pub fn of(azure: &Azure, world: &World, object: &Object) -> Value {
    let mut body = object.body.clone();
    if object.kind == SERVICE_PRINCIPAL {
        if body
            .get("appOwnerOrganizationId")
            .is_none_or(Value::is_null)
        {
            body["appOwnerOrganizationId"] = json!(azure.directory.tenant());
        }
        let application = object
            .text("/appId")
            .and_then(|id| principals::application(world, id));
        if let Some(application) = application {
            follow(&mut body, application);
        }
    }
    body
}

/// What a service principal takes over from its application.
fn follow(body: &mut Value, application: &Object) {
    let take = |pointer: &str| {
        application
            .body
            .pointer(pointer)
            .cloned()
            .unwrap_or_default()
    };
    body["appDisplayName"] = take("/displayName");
    body["displayName"] = take("/displayName");
    body["appDescription"] = take("/description");
    body["signInAudience"] = take("/signInAudience");
    body["appRoles"] = take("/appRoles");
    body["oauth2PermissionScopes"] = take("/api/oauth2PermissionScopes");
    body["info"] = take("/info");
    let homepage = take("/web/homePageUrl");
    if body["homepage"].is_null() {
        body["homepage"] = homepage;
    }
    if let Some(tags) = body["tags"].as_array_mut() {
        for tag in take("/tags").as_array().into_iter().flatten() {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
    }
    let mut names = vec![take("/appId")];
    names.extend(
        take("/identifierUris")
            .as_array()
            .cloned()
            .unwrap_or_default(),
    );
    let own = body["servicePrincipalNames"].as_array().cloned();
    for name in own.unwrap_or_default() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    body["servicePrincipalNames"] = json!(names);
}

/// What is shown where nothing was selected.
pub fn default(entity: &Entity, body: Value) -> Value {
    if entity.shown.is_empty() {
        return body;
    }
    pick(entity.shown.iter().copied(), body)
}

/// What the caller selected, or what is shown otherwise.
pub fn selected(entity: &Entity, select: Option<&str>, body: Value) -> Value {
    match select {
        None => default(entity, body),
        Some(select) => pick(select.split(',').map(str::trim), body),
    }
}

fn pick<'a>(names: impl Iterator<Item = &'a str>, body: Value) -> Value {
    let Value::Object(body) = body else {
        return body;
    };
    let mut picked = Map::new();
    for name in names {
        if let Some((name, value)) = body
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            picked.insert(name.clone(), value.clone());
        }
    }
    Value::Object(picked)
}

/// Service principals that are not stored as such: those of managed identities, and the
/// test principal.
pub fn hidden(
    azure: &Azure,
    world: &World,
    entity: &Entity,
    property: &str,
    value: &str,
) -> Option<Arc<Object>> {
    if entity.kind != SERVICE_PRINCIPAL {
        return None;
    }
    let wanted = |id: &str, client: &str| match property {
        "id" => id == value,
        "appId" => client == value,
        _ => false,
    };
    let owner = azure.directory.owner();
    let owner = owner.filter(|owner| wanted(&owner.object_id, &owner.client_id));
    let owner = owner.map(|owner| {
        let id = &owner.object_id;
        known(
            entity,
            id,
            &owner.client_id,
            "Emulator owner",
            "Application",
            &[],
        )
    });
    let mut identities = principals::managed_identities(world);
    let shown = |identity: ManagedIdentity<'_>| {
        let explicit = match identity.client_id {
            Some(_) => "isExplicit=True",
            None => "isExplicit=False",
        };
        known(
            entity,
            identity.principal_id,
            identity.client(),
            identity.object.name(),
            "ManagedIdentity",
            &[explicit.to_owned(), identity.object.id.clone()],
        )
    };
    owner
        .or_else(|| {
            identities
                .find(|identity| wanted(identity.principal_id, identity.client()))
                .map(shown)
        })
        .map(Arc::new)
}

fn known(
    entity: &Entity,
    id: &str,
    client_id: &str,
    name: &str,
    kind: &str,
    alternative: &[String],
) -> Object {
    let mut body = templates::service_principal();
    body["id"] = json!(id);
    body["appId"] = json!(client_id);
    body["displayName"] = json!(name);
    body["appDisplayName"] = json!(name);
    body["servicePrincipalType"] = json!(kind);
    body["servicePrincipalNames"] = json!([client_id]);
    body["alternativeNames"] = json!(alternative);
    Object {
        id: format!("{}/{id}", entity.kind),
        kind: entity.kind.to_owned(),
        body,
        hidden: Value::Null,
        pending: None,
    }
}

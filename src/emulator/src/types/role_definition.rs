//! `Microsoft.Authorization/roleDefinitions`: Azure's own roles and the tenant's.
//! <https://learn.microsoft.com/rest/api/authorization/role-definitions>

use super::checks;
use super::role_filter::RoleFilter;
use crate::access::{self, DEFINITION, Permissions, Role};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target, Wish,
    Written, allowed, page,
};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub struct RoleDefinition;

/// Custom roles that a tenant may have.
const LIMIT: usize = 5000;

/// Items on a page.
const PAGE: usize = 1000;

/// When the built-in roles were made, as they tell.
const LONG_AGO: &str = "2015-02-02T21:55:09.8806423Z";

static META: Meta = Meta {
    kind: DEFINITION,
    api_versions: &["2022-05-01-preview", "2022-04-01", "2018-01-01-preview", "2015-07-01"],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for RoleDefinition {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// A role is one thing in the tenant, whatever scope it is looked up at.
    fn place(&self, target: Target) -> Target {
        let id = format!(
            "/providers/{DEFINITION}/{}",
            target.name().to_ascii_lowercase()
        );
        Target {
            key: id.to_ascii_lowercase(),
            id,
            ..target
        }
    }

    fn find(&self, world: &World, key: &str) -> Option<Arc<Object>> {
        let guid = key.rsplit('/').next().unwrap_or_default();
        match access::built_in().iter().find(|role| role.id == guid) {
            Some(role) => Some(Arc::new(as_object(role))),
            None => world.object(key).cloned(),
        }
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if Uuid::try_parse(target.name()).is_err() {
            return Err(refuse(
                400,
                "InvalidRoleDefinitionId",
                format!(
                    "The role definition ID '{}' is not valid. The role definition ID must be a GUID.",
                    target.name()
                ),
            ));
        }
        if old.is_some_and(is_built_in) {
            return Err(built_in_stays());
        }
        let properties = checks::object(sent, "properties").map_err(common)?;
        let name = checks::text(&properties, "roleName")
            .map_err(common)?
            .filter(|name| !name.trim().is_empty())
            .ok_or_else(|| bad("The role definition needs a roleName."))?;
        name_is_free(world, name, &target.key, old.is_none())?;
        let scopes = scopes(cx, world, &properties)?;
        let permissions = permissions(&properties)?;
        let now = cx.now.zulu();
        let caller = json!(cx.principal.object_id);
        let before = |pointer: &str| old.and_then(|old| old.body.pointer(pointer)).cloned();
        let kept = json!({
            "roleName": name,
            "type": "CustomRole",
            "description": properties.get("description").cloned().unwrap_or(Value::Null),
            "assignableScopes": scopes,
            "permissions": permissions.iter().map(Permissions::shown).collect::<Vec<_>>(),
            "createdOn": before("/properties/createdOn").unwrap_or_else(|| json!(now)),
            "updatedOn": now,
            "createdBy": before("/properties/createdBy").unwrap_or_else(|| caller.clone()),
            "updatedBy": caller,
        });
        let mut body = Map::new();
        body.insert("properties".to_owned(), kept);
        Ok(Written {
            status: 201,
            body,
            hidden: Value::Null,
            started: None,
        })
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PATCH", DEFINITION))
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        world: &World,
        old: &Object,
    ) -> Result<Deleted, ArmError> {
        if is_built_in(old) {
            return Err(built_in_stays());
        }
        let role = old.name();
        if access::assignments(world).any(|assignment| assignment.role == role) {
            return Err(refuse(
                400,
                "RoleDefinitionHasAssignments",
                "There are existing role assignments referencing role.".to_owned(),
            ));
        }
        Ok(Deleted::Shown(200))
    }

    fn show(&self, cx: &Context<'_>, object: &Object, _world: &World) -> Value {
        let mut body = object.body.clone();
        if let Some(subscription) = &cx.path.subscription {
            body["id"] = json!(format!("/subscriptions/{subscription}{}", object.id));
        }
        if cx.call.method == axum::http::Method::PUT {
            body["properties"]["createdBy"] = Value::Null;
        }
        body
    }

    fn list(
        &self,
        cx: &Context<'_>,
        world: &World,
        scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        Some(list(cx, world, scope))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        missing(404, target.name())
    }
}

/// The refusal for a role that does not exist.
pub fn missing(status: u16, id: &str) -> ArmError {
    refuse(
        status,
        "RoleDefinitionDoesNotExist",
        format!(
            "The specified role definition with ID '{}' does not exist.",
            id.replace('-', "")
        ),
    )
}

fn list(cx: &Context<'_>, world: &World, scope: &str) -> Result<Answer, ArmError> {
    let filter = RoleFilter::read(cx.call.parameter("$filter"), &["rolename", "type"])?;
    let scope = access::scope_key(scope);
    let built_in = access::built_in()
        .iter()
        .map(|role| Arc::new(as_object(role)));
    let custom = world
        .of_kind(DEFINITION)
        .map(|(_, object)| object.clone())
        .filter(|object| assignable(object, &scope, filter.at_scope_and_below));
    let items = custom
        .chain(built_in)
        .filter(|object| {
            filter.equals.iter().all(|(field, value)| {
                let pointer = match field.as_str() {
                    "rolename" => "/properties/roleName",
                    _ => "/properties/type",
                };
                object
                    .text(pointer)
                    .is_some_and(|text| text.eq_ignore_ascii_case(value))
            })
        })
        .map(|object| (object.key(), object));
    let mut items: Vec<(String, Arc<Object>)> = items.collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let items = items.iter().map(|(key, object)| (key.as_str(), object));
    page(cx, items, PAGE, |object| {
        RoleDefinition.show(cx, object, world)
    })
}

/// Whether a role may be assigned at a scope, or below it.
fn assignable(role: &Object, scope: &str, or_below: bool) -> bool {
    role.body
        .pointer("/properties/assignableScopes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(access::scope_key)
        .any(|at| within(scope, &at) || or_below && within(&at, scope))
}

/// Whether a role may be assigned at exactly that scope.
pub fn is_assignable(role: &Object, scope: &str) -> bool {
    assignable(role, &access::scope_key(scope), false)
}

fn within(key: &str, scope: &str) -> bool {
    key.strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn as_object(role: &Role) -> Object {
    let id = format!("/providers/{DEFINITION}/{}", role.id);
    Object {
        body: json!({
            "properties": {
                "roleName": role.name,
                "type": "BuiltInRole",
                "description": role.description,
                "assignableScopes": ["/"],
                "permissions": [role.permissions.shown()],
                "createdOn": LONG_AGO,
                "updatedOn": LONG_AGO,
                "createdBy": null,
                "updatedBy": null,
            },
            "id": id,
            "type": DEFINITION,
            "name": role.id,
        }),
        id,
        kind: DEFINITION.to_owned(),
        hidden: Value::Null,
        pending: None,
    }
}

fn is_built_in(object: &Object) -> bool {
    object.text("/properties/type") == Some("BuiltInRole")
}

fn built_in_stays() -> ArmError {
    refuse(
        400,
        "InvalidRoleDefinitionUpdate",
        "Built-in role definitions cannot be changed or deleted.".to_owned(),
    )
}

/// Names of roles are unique in a tenant, Azure's own included.
fn name_is_free(world: &World, name: &str, key: &str, new: bool) -> Result<(), ArmError> {
    let mut customs = 0;
    let taken = world.of_kind(DEFINITION).any(|(other, object)| {
        customs += 1;
        other != key
            && object
                .text("/properties/roleName")
                .is_some_and(|taken| taken.eq_ignore_ascii_case(name))
    });
    if taken || access::by_name(name).is_some() {
        return Err(refuse(
            409,
            "RoleDefinitionWithSameNameExists",
            "A custom role with the same name already exists in this directory. Use a different name".to_owned(),
        ));
    }
    if new && customs >= LIMIT {
        return Err(refuse(
            400,
            "RoleDefinitionLimitExceeded",
            "No more role definitions can be created.".to_owned(),
        ));
    }
    Ok(())
}

/// Where the role will be assignable: scopes that exist and that the caller may write
/// roles at.
fn scopes(
    cx: &Context<'_>,
    world: &World,
    properties: &Map<String, Value>,
) -> Result<Vec<String>, ArmError> {
    let sent = checks::list(properties, "assignableScopes")
        .map_err(common)?
        .filter(|scopes| !scopes.is_empty())
        .ok_or_else(|| bad("The role definition needs at least one assignable scope."))?;
    let mut scopes = Vec::new();
    for scope in sent {
        let scope = scope
            .as_str()
            .ok_or_else(|| bad("Assignable scopes are texts."))?
            .trim_end_matches('/')
            .to_owned();
        if !well_placed(cx, &scope) {
            return Err(refuse(
                400,
                "InvalidAssignableScope",
                format!(
                    "The assignable scope '{scope}' is not valid: it must be a management group, a subscription or a resource group of this directory."
                ),
            ));
        }
        allowed(
            cx,
            world,
            &Wish {
                action: format!("{DEFINITION}/write"),
                scope: scope.clone(),
            },
        )?;
        scopes.push(scope);
    }
    Ok(scopes)
}

fn well_placed(cx: &Context<'_>, scope: &str) -> bool {
    let lower = scope.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').skip(1).collect();
    match parts.as_slice() {
        ["providers", "microsoft.management", "managementgroups", name] => {
            *name == cx.azure.directory.tenant()
        }
        ["subscriptions", id] | ["subscriptions", id, "resourcegroups", _] => cx
            .azure
            .settings
            .subscriptions
            .iter()
            .any(|known| known.eq_ignore_ascii_case(id)),
        _ => false,
    }
}

fn permissions(properties: &Map<String, Value>) -> Result<Vec<Permissions>, ArmError> {
    let sent = checks::list(properties, "permissions")
        .map_err(common)?
        .filter(|permissions| !permissions.is_empty())
        .ok_or_else(|| bad("The role definition needs permissions."))?;
    let mut all = Vec::new();
    for one in &sent {
        let read = Permissions::read(one);
        let control = read.actions.iter().chain(&read.not_actions);
        if let Some(stranger) = control.into_iter().find(|action| !well_formed(action)) {
            return Err(refuse(
                400,
                "InvalidActionOrNotAction",
                format!("'{stranger}' does not match any of the actions supported by the providers."),
            ));
        }
        let data = read.data_actions.iter().chain(&read.not_data_actions);
        if let Some(stranger) = data.into_iter().find(|action| !well_formed(action)) {
            return Err(refuse(
                400,
                "InvalidDataActionOrNotDataAction",
                format!("'{stranger}' does not match any of the data actions supported by the providers."),
            ));
        }
        if read.actions.is_empty() && read.data_actions.is_empty() {
            return Err(bad("A permission needs actions or dataActions."));
        }
        all.push(read);
    }
    Ok(all)
}

/// `*`, or `Provider.Name/type/…/verb` with stars in any part.
fn well_formed(action: &str) -> bool {
    if action.starts_with('*') {
        return action == "*" || action.starts_with("*/") && verb_ends(action);
    }
    let Some((namespace, rest)) = action.split_once('/') else {
        return false;
    };
    namespace.contains('.')
        && !rest.is_empty()
        && action
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "./*-_$".contains(c))
        && verb_ends(action)
}

fn verb_ends(action: &str) -> bool {
    let last = action.rsplit('/').next().unwrap_or_default();
    last.contains('*')
        || ["read", "write", "delete", "action"]
            .iter()
            .any(|verb| last.eq_ignore_ascii_case(verb))
}

fn common(error: ArmError) -> ArmError {
    bad(&error.message)
}

fn bad(why: &str) -> ArmError {
    refuse(400, "InvalidRoleDefinition", why.to_owned())
}

fn refuse(status: u16, code: &str, message: String) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_a_provider_and_a_verb() {
        for good in ["*", "*/read", "A.B/*", "A.B/c/d/read", "A.B/c/*/Action", "A.B/c/d*"] {
            assert!(well_formed(good), "{good}");
        }
        for bad in ["", "read", "A.B", "A/b/read", "A.B/c", "A.B/c d/read", "*x"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }
}

//! `Microsoft.Authorization/roleDefinitions`: Azure's own roles and the tenant's.
//! <https://learn.microsoft.com/rest/api/authorization/role-definitions>

use super::checks;
use super::role_definition_checks::{bad, common, name_is_free, permissions, refuse, scopes};
use super::role_filter::RoleFilter;
use crate::access::{self, DEFINITION, Groups, Permissions, Role};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Target, Written, page,
};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub struct RoleDefinition;

/// Items on a page.
const PAGE: usize = 1000;

/// When the built-in roles were made, as they tell.
const LONG_AGO: &str = "2015-02-02T21:55:09.8806423Z";

static META: Meta = Meta {
    kind: DEFINITION,
    api_versions: &[
        "2022-05-01-preview",
        "2022-04-01",
        "2018-01-01-preview",
        "2015-07-01",
    ],
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

    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        by_guid(world, target.name())
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

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
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

/// A role of Azure's or the tenant's, by the last part of its id.
pub fn by_guid(world: &World, guid: &str) -> Option<Arc<Object>> {
    let guid = guid.to_ascii_lowercase();
    match access::built_in().iter().find(|role| role.id == guid) {
        Some(role) => Some(Arc::new(as_object(role))),
        None => world
            .object(&format!("/providers/{DEFINITION}/{guid}").to_ascii_lowercase())
            .cloned(),
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
    let groups = Groups::of(world);
    let custom = world
        .of_kind(DEFINITION)
        .map(|(_, object)| object.clone())
        .filter(|object| assignable(&groups, object, &scope, filter.at_scope_and_below));
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
        .map(|object| (place(&object), object));
    let mut items: Vec<(String, Arc<Object>)> = items.collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let items = items.iter().map(|(key, object)| (key.as_str(), object));
    page(cx, items, PAGE, |object| {
        RoleDefinition.show(cx, object, world)
    })
}

/// Where a role comes in lists: the tenant's own before Azure's.
fn place(role: &Object) -> String {
    let rank = if is_built_in(role) { 'b' } else { 'a' };
    format!("/providers/{DEFINITION}/{rank}-{}", role.name()).to_ascii_lowercase()
}

/// Whether a role may be assigned at a scope, or below it.
fn assignable(groups: &Groups, role: &Object, scope: &str, or_below: bool) -> bool {
    role.body
        .pointer("/properties/assignableScopes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(access::scope_key)
        .any(|at| groups.within(scope, &at) || or_below && groups.within(&at, scope))
}

/// Whether a role may be assigned at exactly that scope.
pub fn is_assignable(world: &World, role: &Object, scope: &str) -> bool {
    assignable(&Groups::of(world), role, &access::scope_key(scope), false)
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

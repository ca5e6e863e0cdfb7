//! `Microsoft.Authorization/roleAssignments`: who may do what where.
//! <https://learn.microsoft.com/rest/api/authorization/role-assignments>

use super::role_assignment_checks::{Sent, fits, principal_kind, refuse, scope_stands, unchanged};
use super::role_definition;
use super::role_filter::RoleFilter;
use crate::access::{self, ASSIGNMENT, DEFINITION};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Since, Target, Written,
    after, page,
};
use crate::entra::principals;
use crate::entra::replication::{self, Replica};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct RoleAssignment;

/// Items on a page.
const PAGE: usize = 1000;

/// Since when assignments have conditions and descriptions.
const CONDITIONS: Since = Since {
    stable: Some("2022-04-01"),
    preview: Some("2020-03-01"),
};

static META: Meta = Meta {
    kind: ASSIGNMENT,
    api_versions: &[
        "2022-04-01",
        "2020-10-01-preview",
        "2018-09-01-preview",
        "2015-07-01",
    ],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for RoleAssignment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn hangs_on(&self, cx: &Context<'_>, world: &World, scope: &str) -> Result<(), ArmError> {
        scope_stands(cx, world, scope)
    }

    /// Without a principal type the directory is asked, and each question is a try.
    fn prepare(
        &self,
        cx: &Context<'_>,
        txn: &mut Txn<'_>,
        _target: &Target,
        sent: &Map<String, Value>,
    ) {
        let text = |name: &str| {
            sent.get("properties")
                .and_then(|properties| properties.get(name))
                .and_then(Value::as_str)
        };
        if text("principalType").is_none()
            && let Some(id) = text("principalId")
        {
            let pace = cx.azure.settings.pace;
            replication::knows(txn, Replica::Principals, id, pace, cx.now);
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
                "InvalidRoleAssignmentId",
                format!(
                    "The role assignment ID '{}' is not valid. The role assignment ID must be a GUID.",
                    target.name()
                ),
            ));
        }
        let sent = Sent::read(sent)?;
        let scope = if target.scope.is_empty() {
            "/"
        } else {
            &target.scope
        };
        let role = role_definition::by_guid(world, &sent.role)
            .ok_or_else(|| role_definition::missing(400, &sent.role))?;
        if !role_definition::is_assignable(world, &role, scope) {
            return Err(refuse(
                400,
                "RoleAssignmentScopeNotAssignableToRoleDefinition",
                format!(
                    "The scope '{scope}' cannot be assigned to the role definition '{}'.",
                    sent.role
                ),
            ));
        }
        match old {
            Some(old) => unchanged(old, &sent)?,
            None => fits(world, &sent, scope)?,
        }
        let kind = principal_kind(cx, world, old, &sent)?;
        Ok(written(cx, old, &sent, scope, kind))
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Shown(200))
    }

    fn show(&self, cx: &Context<'_>, object: &Object, _world: &World) -> Value {
        let mut body = object.body.clone();
        if let Some(subscription) = &cx.path.subscription
            && let Some(role) = object.text("/properties/roleDefinitionId")
        {
            let role = role.rsplit('/').next().unwrap_or_default();
            body["properties"]["roleDefinitionId"] = json!(format!(
                "/subscriptions/{subscription}/providers/{DEFINITION}/{role}"
            ));
        }
        let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) else {
            return body;
        };
        if cx.call.method == Method::PUT {
            properties.insert("createdBy".to_owned(), Value::Null);
        }
        if !cx.api.has(CONDITIONS) {
            for member in [
                "condition",
                "conditionVersion",
                "description",
                "delegatedManagedIdentityResourceId",
            ] {
                properties.remove(member);
            }
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
        refuse(
            404,
            "RoleAssignmentNotFound",
            format!("The role assignment '{}' is not found.", target.name()),
        )
    }
}

fn written(
    cx: &Context<'_>,
    old: Option<&Object>,
    sent: &Sent,
    scope: &str,
    kind: String,
) -> Written {
    let now = cx.now.zulu();
    let caller = json!(cx.principal.object_id);
    let before = |pointer: &str| old.and_then(|old| old.body.pointer(pointer)).cloned();
    let place = match cx.path.subscription.as_deref() {
        Some(subscription) => format!("/subscriptions/{subscription}"),
        None => String::new(),
    };
    let kept = json!({
        "roleDefinitionId": format!("{place}/providers/{DEFINITION}/{}", sent.role),
        "principalId": sent.principal,
        "principalType": kind,
        "scope": before("/properties/scope").unwrap_or_else(|| json!(scope)),
        "condition": sent.condition,
        "conditionVersion": sent.condition_version,
        "createdOn": before("/properties/createdOn").unwrap_or_else(|| json!(now)),
        "updatedOn": now,
        "createdBy": before("/properties/createdBy").unwrap_or_else(|| caller.clone()),
        "updatedBy": caller,
        "delegatedManagedIdentityResourceId": sent.delegated,
        "description": sent.description,
    });
    let mut body = Map::new();
    body.insert("properties".to_owned(), kept);
    Written {
        status: 201,
        body,
        hidden: Value::Null,
        started: None,
    }
}

fn list(cx: &Context<'_>, world: &World, scope: &str) -> Result<Answer, ArmError> {
    let filter = RoleFilter::read(cx.call.parameter("$filter"), &["principalid"])?;
    let scope = access::scope_key(scope);
    let groups = access::Groups::of(world);
    let holders = filter
        .assigned_to
        .as_ref()
        .map(|id| principals::identities_of(world, id));
    // Long lists are not looked through again for each of their pages.
    let after = after(cx)?.unwrap_or_default();
    let items = access::assignments_after(world, &after)
        .filter(|assignment| {
            let at = access::scope_key(assignment.scope);
            let near = groups.within(&scope, &at) || !filter.at_scope && groups.within(&at, &scope);
            let named = filter
                .equals
                .iter()
                .all(|(_, id)| assignment.principal.eq_ignore_ascii_case(id));
            let held = holders
                .as_ref()
                .is_none_or(|holders| holders.contains(assignment.principal));
            near && named && held
        })
        .map(|assignment| (assignment.key, assignment.object));
    page(cx, items, PAGE, |object| {
        RoleAssignment.show(cx, object, world)
    })
}

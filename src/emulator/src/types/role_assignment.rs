//! `Microsoft.Authorization/roleAssignments`: who may do what where.
//! <https://learn.microsoft.com/rest/api/authorization/role-assignments>

use super::checks;
use super::role_definition::{self, RoleDefinition};
use super::role_filter::RoleFilter;
use crate::access::{self, ASSIGNMENT, Condition, DEFINITION};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Since, Source, Target,
    Written, page,
};
use crate::entra::principals::{self, PrincipalKind};
use crate::entra::replication::{self, Replica};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct RoleAssignment;

/// Role assignments that a subscription may have.
/// <https://learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits>
const LIMIT: usize = 4000;

/// Items on a page.
const PAGE: usize = 1000;

/// Since when assignments have conditions and descriptions.
const CONDITIONS: Since = Since {
    stable: Some("2022-04-01"),
    preview: Some("2020-03-01"),
};

/// Since when the message about an unknown principal says what to do.
const ADVICE: Since = Since {
    stable: Some("2020-04-01"),
    preview: Some("2020-04-01"),
};

static META: Meta = Meta {
    kind: ASSIGNMENT,
    api_versions: &["2022-04-01", "2020-10-01-preview", "2018-09-01-preview", "2015-07-01"],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

/// What a PUT asks for.
struct Sent {
    role: String,
    principal: String,
    principal_type: Option<String>,
    condition: Option<String>,
    condition_version: Option<String>,
    description: Option<String>,
    delegated: Option<String>,
}

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
        let role_key = format!("/providers/{DEFINITION}/{}", sent.role).to_ascii_lowercase();
        let role = RoleDefinition
            .find(world, &role_key)
            .ok_or_else(|| role_definition::missing(400, &sent.role))?;
        if !role_definition::is_assignable(&role, scope) {
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

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PATCH", ASSIGNMENT))
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
            body["properties"]["roleDefinitionId"] =
                json!(format!("/subscriptions/{subscription}/providers/{DEFINITION}/{role}"));
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

impl Sent {
    fn read(sent: &Map<String, Value>) -> Result<Self, ArmError> {
        let properties = checks::object(sent, "properties").map_err(common)?;
        let text = |name: &str| {
            checks::text(&properties, name)
                .map(|text| text.map(ToOwned::to_owned))
                .map_err(common)
        };
        let needed = |name: &str| {
            text(name)?.ok_or_else(|| bad(format!("The property '{name}' is missing.")))
        };
        let role = needed("roleDefinitionId")?;
        let role = role.rsplit('/').next().unwrap_or_default();
        let principal = needed("principalId")?;
        let guid = Uuid::try_parse(&principal).map_err(|_| {
            refuse(
                400,
                "InvalidPrincipalId",
                format!("A valid principal ID must be provided for role assignment: '{principal}'."),
            )
        })?;
        let condition = text("condition")?;
        let condition_version = text("conditionVersion")?;
        if let Some(condition) = &condition {
            let version = condition_version.as_deref();
            if Condition::parse(condition).is_none() || !matches!(version, Some("1.0" | "2.0")) {
                return Err(refuse(
                    400,
                    "InvalidConditionOrVersion",
                    format!("The condition '{condition}' or its version is not valid."),
                ));
            }
        }
        Ok(Self {
            role: role.to_ascii_lowercase(),
            principal: guid.to_string(),
            principal_type: text("principalType")?,
            condition,
            condition_version,
            description: text("description")?,
            delegated: text("delegatedManagedIdentityResourceId")?,
        })
    }
}

/// Of an assignment that stands only text and condition may change.
fn unchanged(old: &Object, sent: &Sent) -> Result<(), ArmError> {
    let role = old
        .text("/properties/roleDefinitionId")
        .and_then(|id| id.rsplit('/').next());
    let same = role == Some(sent.role.as_str())
        && old.text("/properties/principalId") == Some(sent.principal.as_str());
    if same {
        return Ok(());
    }
    Err(refuse(
        400,
        "RoleAssignmentUpdateNotPermitted",
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.".to_owned(),
    ))
}

/// A new assignment is not the second of its kind, and there is room for it.
fn fits(world: &World, sent: &Sent, scope: &str) -> Result<(), ArmError> {
    let key = access::scope_key(scope);
    let subscription = key.split('/').take(3).collect::<Vec<_>>().join("/");
    let mut count = 0;
    for assignment in access::assignments(world) {
        let at = access::scope_key(assignment.scope);
        if at == key && assignment.principal == sent.principal && assignment.role == sent.role {
            return Err(refuse(
                409,
                "RoleAssignmentExists",
                "The role assignment already exists.".to_owned(),
            ));
        }
        count += usize::from(within(&at, &subscription));
    }
    if count >= LIMIT {
        return Err(refuse(
            400,
            "RoleAssignmentLimitExceeded",
            "No more role assignments can be created.".to_owned(),
        ));
    }
    Ok(())
}

/// What the principal is: asked of the directory, unless the caller says it.
fn principal_kind(
    cx: &Context<'_>,
    world: &World,
    old: Option<&Object>,
    sent: &Sent,
) -> Result<String, ArmError> {
    let id = &sent.principal;
    let new = replication::news(world, Replica::Principals).contains(id);
    let known = principals::kind_of(&cx.azure.directory, world, id).filter(|_| !new);
    let Some(said) = &sent.principal_type else {
        let before = old.and_then(|old| old.text("/properties/principalType"));
        return known
            .map(PrincipalKind::word)
            .or(before)
            .map(ToOwned::to_owned)
            .ok_or_else(|| unknown_principal(cx, id));
    };
    let words = ["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"];
    let said = words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(said))
        .ok_or_else(|| bad(format!("The principal type '{said}' is not valid.")))?;
    match known {
        Some(known) if known.word() != *said => Err(refuse(
            400,
            "UnmatchedPrincipalType",
            format!(
                "The PrincipalId '{}' has type '{}' , which is different from specified PrinciaplType '{said}'.",
                id.replace('-', ""),
                known.word()
            ),
        )),
        _ => Ok((*said).to_owned()),
    }
}

fn unknown_principal(cx: &Context<'_>, id: &str) -> ArmError {
    let mut message = format!(
        "Principal {} does not exist in the directory {}.",
        id.replace('-', ""),
        cx.azure.directory.tenant()
    );
    if cx.api.has(ADVICE) {
        message.push_str(" Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype");
    }
    refuse(400, "PrincipalNotFound", message)
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
    let holders = filter
        .assigned_to
        .as_ref()
        .map(|id| principals::identities_of(world, id));
    let items = access::assignments(world)
        .filter(|assignment| {
            let at = access::scope_key(assignment.scope);
            let near = within(&scope, &at) || !filter.at_scope && within(&at, &scope);
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

/// A scope is the tenant, its root management group, a subscription, a group, a resource, or
/// anything below a resource, which only its provider would know.
fn scope_stands(cx: &Context<'_>, world: &World, scope: &str) -> Result<(), ArmError> {
    let lower = scope.to_ascii_lowercase();
    if let Some(name) = lower.strip_prefix("/providers/microsoft.management/managementgroups/") {
        return if name == cx.azure.directory.tenant() {
            Ok(())
        } else {
            Err(refuse(
                404,
                "GroupNotFound",
                format!("The management group '{name}' cannot be found."),
            ))
        };
    }
    let Some((group, resource)) = scope.split_once("/providers/") else {
        return Ok(());
    };
    let top: Vec<&str> = resource.split('/').take(3).collect();
    let key = format!("{group}/providers/{}", top.join("/")).to_ascii_lowercase();
    if world.object(&key).is_some() {
        return Ok(());
    }
    Err(ArmError::resource_not_found(
        resource,
        cx.path.group.as_deref(),
    ))
}

fn within(key: &str, scope: &str) -> bool {
    key.strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn common(error: ArmError) -> ArmError {
    bad(error.message)
}

fn bad(why: String) -> ArmError {
    refuse(400, "InvalidCreateRoleAssignmentRequest", why)
}

fn refuse(status: u16, code: &str, message: String) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}

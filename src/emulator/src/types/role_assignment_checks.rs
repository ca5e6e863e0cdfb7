//! What is refused in a role assignment, and how its body is read.

use super::checks;
use crate::access::{self, Condition};
use crate::arm::{ArmError, Context, Since, Source};
use crate::entra::principals::{self, PrincipalKind};
use crate::entra::replication::{self, Replica};
use crate::state::{Object, World};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Role assignments that a subscription may have.
/// <https://learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits>
const LIMIT: usize = 4000;

/// Since when the message about an unknown principal says what to do.
const ADVICE: Since = Since {
    stable: Some("2020-04-01"),
    preview: Some("2020-04-01"),
};

/// What a PUT asks for.
pub struct Sent {
    pub role: String,
    pub principal: String,
    pub principal_type: Option<String>,
    pub condition: Option<String>,
    pub condition_version: Option<String>,
    pub description: Option<String>,
    pub delegated: Option<String>,
}

impl Sent {
    pub fn read(sent: &Map<String, Value>) -> Result<Self, ArmError> {
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
                format!(
                    "A valid principal ID must be provided for role assignment: '{principal}'."
                ),
            )
        })?;
        let condition = text("condition")?;
        let condition_version = text("conditionVersion")?;
        if let Some(condition) = &condition {
            let version = condition_version.as_deref();
            if !Condition::read(condition).is_readable() || !matches!(version, Some("1.0" | "2.0"))
            {
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
pub fn unchanged(old: &Object, sent: &Sent) -> Result<(), ArmError> {
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
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            .to_owned(),
    ))
}

/// A new assignment is not the second of its kind, and there is room for it.
pub fn fits(world: &World, sent: &Sent, scope: &str) -> Result<(), ArmError> {
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
        count += usize::from(at == subscription || at.starts_with(&format!("{subscription}/")));
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
pub fn principal_kind(
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
    let words = [
        "User",
        "Group",
        "ServicePrincipal",
        "ForeignGroup",
        "Device",
    ];
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

/// A scope is the tenant, a management group, a subscription, a group, a resource, or
/// anything below a resource, which only its provider would know.
pub fn scope_stands(cx: &Context<'_>, world: &World, scope: &str) -> Result<(), ArmError> {
    let lower = scope.to_ascii_lowercase();
    if let Some(name) = lower.strip_prefix("/providers/microsoft.management/managementgroups/") {
        return if world.object(&lower).is_some() {
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

fn common(error: ArmError) -> ArmError {
    bad(error.message)
}

fn bad(why: String) -> ArmError {
    refuse(400, "InvalidCreateRoleAssignmentRequest", why)
}

pub fn refuse(status: u16, code: &str, message: String) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}

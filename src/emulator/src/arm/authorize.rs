//! Whether a principal may do something: the one place that every service asks.

use super::context::Context;
use super::error::ArmError;
use super::path::ArmPath;
use super::wish::Wish;
use crate::access::{
    Attributes, Decision, Holdings, Plane, Question, Reason, Source, Value, by_name,
};
use crate::azure::Azure;
use crate::entra::principals;
use crate::state::World;
use axum::http::Method;

/// Roles that the test principal holds at the root without an assignment that shows it.
const OWNER_ROLES: &[&str] = &["Owner", "Key Vault Administrator"];

/// What of a list its caller sees.
#[derive(Clone, Debug, Default)]
pub enum Sees {
    #[default]
    Everything,
    /// Only what these holdings let it read.
    Some(Holdings),
}

impl Sees {
    /// Whether the object of that key is in the list.
    pub fn shows(&self, key: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some(holdings) => {
                let wish = Wish::of(&Method::GET, &ArmPath::parse(key));
                holdings.decide(&wish.question()).is_granted()
            }
        }
    }
}

/// Everything that a principal holds, through its groups too.
pub fn holdings(azure: &Azure, world: &World, object_id: &str) -> Holdings {
    let held = Holdings::of(world, &principals::identities_of(world, object_id));
    let owns = azure
        .directory
        .owner()
        .is_some_and(|owner| owner.object_id == object_id);
    if !owns {
        return held;
    }
    let roles: Vec<_> = OWNER_ROLES
        .iter()
        .filter_map(|name| by_name(name))
        .collect();
    held.with_hidden(&roles)
}

/// What access control says of one principal, action and scope. Registry pulls and pushes
/// are [`Plane::Control`]; vault keys and Kubernetes objects are [`Plane::Data`].
pub fn decide(
    azure: &Azure,
    world: &World,
    object_id: &str,
    plane: Plane,
    action: &str,
    scope: &str,
) -> Decision {
    let question = Question {
        plane,
        action,
        scope,
        attributes: Attributes::none(),
    };
    weigh(azure, world, object_id, &question)
}

/// As [`decide`], for services that know what conditions may speak of.
pub fn weigh(azure: &Azure, world: &World, object_id: &str, question: &Question<'_>) -> Decision {
    holdings(azure, world, object_id).decide(question)
}

/// Refuses with Azure's own error unless the caller may.
pub fn allowed(cx: &Context<'_>, world: &World, wish: &Wish) -> Result<(), ArmError> {
    let held = holdings(cx.azure, world, &cx.principal.object_id);
    let attributes = assignment(cx, world, wish);
    let question = Question {
        attributes: &attributes,
        ..wish.question()
    };
    match held.decide(&question) {
        Decision::Granted { .. } => Ok(()),
        Decision::Denied(reason) => Err(refused(cx, wish, &reason)),
    }
}

/// What conditions may say of who gives whom which role: of the request where an assignment is
/// written, of the resource where it is deleted.
/// <https://learn.microsoft.com/azure/role-based-access-control/conditions-authorization-actions-attributes>
fn assignment(cx: &Context<'_>, world: &World, wish: &Wish) -> Attributes {
    let action = wish.action.to_ascii_lowercase();
    let Some(verb) = action.strip_prefix("microsoft.authorization/roleassignments/") else {
        return Attributes::default();
    };
    let (source, body) = match verb {
        "write" => (
            Source::Request,
            serde_json::from_slice(&cx.call.body).unwrap_or_default(),
        ),
        "delete" => {
            let found = world.object(&wish.scope.to_ascii_lowercase());
            let body = found.map(|object| object.body.clone());
            (Source::Resource, body.unwrap_or_default())
        }
        _ => return Attributes::default(),
    };
    let mut known = Attributes::default();
    for (member, name) in [
        ("roleDefinitionId", "RoleDefinitionId"),
        ("principalId", "PrincipalId"),
        ("principalType", "PrincipalType"),
    ] {
        let text = body["properties"][member].as_str();
        if let Some(text) = text.and_then(|text| text.rsplit('/').next()) {
            let name = format!("Microsoft.Authorization/roleAssignments:{name}");
            known = known.with(source, &name, vec![Value::Text(text.to_owned())]);
        }
    }
    known
}

/// What of a list the caller sees: all of it with rights at its scope, with rights further
/// down what these cover, and otherwise the list is refused.
pub fn listed(cx: &Context<'_>, world: &World, wish: &Wish) -> Result<Sees, ArmError> {
    let held = holdings(cx.azure, world, &cx.principal.object_id);
    match held.decide(&wish.question()) {
        Decision::Granted { .. } => Ok(Sees::Everything),
        Decision::Denied(_) if held.reaches_below(&wish.question()) => Ok(Sees::Some(held)),
        Decision::Denied(reason) => Err(refused(cx, wish, &reason)),
    }
}

/// Refuses a write that makes use of another resource, e.g. joins a subnet, unless the
/// caller may do `action` there too. `wish` is the write itself.
pub fn linked(
    cx: &Context<'_>,
    world: &World,
    wish: &Wish,
    action: &str,
    scope: &str,
) -> Result<(), ArmError> {
    let held = holdings(cx.azure, world, &cx.principal.object_id);
    let question = Question {
        plane: Plane::Control,
        action,
        scope,
        attributes: Attributes::none(),
    };
    if held.decide(&question).is_granted() {
        return Ok(());
    }
    Err(linked_refusal(cx, wish, action, scope))
}

/// What somebody is told who may not do `action` at a resource that the write of `wish`
/// makes use of.
pub fn linked_refusal(cx: &Context<'_>, wish: &Wish, action: &str, scope: &str) -> ArmError {
    let (client, object) = (&cx.principal.client_id, &cx.principal.object_id);
    ArmError::gateway(
        403,
        "LinkedAuthorizationFailed",
        format!(
            "The client '{client}' with object id '{object}' has permission to perform action '{}' on scope '{}'; however, it does not have permission to perform action(s) '{action}' on the linked scope(s) '{scope}' (respectively) or the linked scope(s) are invalid.",
            wish.action, wish.scope
        ),
    )
}

fn refused(cx: &Context<'_>, wish: &Wish, reason: &Reason) -> ArmError {
    let (client, object) = (&cx.principal.client_id, &cx.principal.object_id);
    let scope = if wish.scope.is_empty() {
        "/"
    } else {
        &wish.scope
    };
    match reason {
        Reason::NothingGrants | Reason::Condition { .. } => ArmError::gateway(
            403,
            "AuthorizationFailed",
            format!(
                "The client '{client}' with object id '{object}' does not have authorization to perform action '{}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
                wish.action
            ),
        ),
        Reason::DenyAssignment {
            id,
            name,
            scope: at,
        } => ArmError::gateway(
            403,
            "DenyAssignmentAuthorizationFailed",
            format!(
                "The client '{client}' with object id '{object}' has permission to perform action '{}' on scope '{scope}'; however, the access is denied because of the deny assignment with name '{name}' and Id '{id}' at scope '{at}'.",
                wish.action
            ),
        ),
    }
}

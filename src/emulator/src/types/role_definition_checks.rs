//! What is refused in a role definition, and how its body is read.

use super::checks;
use super::provider_operations::supports;
use crate::access::{self, DEFINITION, Permissions};
use crate::arm::{ArmError, Context, Source, Wish, allowed};
use crate::state::World;
use serde_json::{Map, Value};

/// Custom roles that a tenant may have.
const LIMIT: usize = 5000;

/// Names of roles are unique in a tenant, Azure's own included.
pub fn name_is_free(world: &World, name: &str, key: &str, new: bool) -> Result<(), ArmError> {
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
pub fn scopes(
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
        if !well_placed(cx, world, &scope) {
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

fn well_placed(cx: &Context<'_>, world: &World, scope: &str) -> bool {
    let lower = scope.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').skip(1).collect();
    match parts.as_slice() {
        ["providers", "microsoft.management", "managementgroups", _] => {
            world.object(&lower).is_some()
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

pub fn permissions(properties: &Map<String, Value>) -> Result<Vec<Permissions>, ArmError> {
    let sent = checks::list(properties, "permissions")
        .map_err(common)?
        .filter(|permissions| !permissions.is_empty())
        .ok_or_else(|| bad("The role definition needs permissions."))?;
    let mut all = Vec::new();
    for one in &sent {
        let read = Permissions::read(one);
        let control = read.actions.iter().chain(&read.not_actions);
        if let Some(stranger) = control.into_iter().find(|action| is_strange(action, false)) {
            return Err(refuse(
                400,
                "InvalidActionOrNotAction",
                format!(
                    "'{stranger}' does not match any of the actions supported by the providers."
                ),
            ));
        }
        let data = read.data_actions.iter().chain(&read.not_data_actions);
        if let Some(stranger) = data.into_iter().find(|action| is_strange(action, true)) {
            return Err(refuse(
                400,
                "InvalidDataActionOrNotDataAction",
                format!(
                    "'{stranger}' does not match any of the data actions supported by the providers."
                ),
            ));
        }
        if read.actions.is_empty() && read.data_actions.is_empty() {
            return Err(bad("A permission needs actions or dataActions."));
        }
        all.push(read);
    }
    Ok(all)
}

/// Whether no provider has it, as far as is known. Azure refuses such a role:
/// <https://learn.microsoft.com/azure/role-based-access-control/troubleshooting>
fn is_strange(action: &str, is_data: bool) -> bool {
    !well_formed(action) || supports(action, is_data) == Some(false)
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

pub fn common(error: ArmError) -> ArmError {
    bad(&error.message)
}

pub fn bad(why: &str) -> ArmError {
    refuse(400, "InvalidRoleDefinition", why.to_owned())
}

pub fn refuse(status: u16, code: &str, message: String) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_a_provider_and_a_verb() {
        for good in [
            "*",
            "*/read",
            "A.B/*",
            "A.B/c/d/read",
            "A.B/c/*/Action",
            "A.B/c/d*",
        ] {
            assert!(well_formed(good), "{good}");
        }
        for bad in ["", "read", "A.B", "A/b/read", "A.B/c", "A.B/c d/read", "*x"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }
}

//! Everything that one principal holds, gathered once and asked many times.

use super::condition::Condition;
use super::decision::{Decision, Plane, Question, Reason};
use super::groups::Groups;
use super::permissions::{Compiled, Permissions};
use super::{ASSIGNMENT, DEFINITION, DENIAL, Role, built_in};
use crate::state::{Object, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where all scopes begin.
const ROOT: &str = "";

/// Where an assignment says whose it is.
const PRINCIPAL: &str = "/properties/principalId";

/// A principal's role assignments and the deny assignments against it.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    grants: Vec<Grant>,
    denials: Vec<Denial>,
    groups: Groups,
}

#[derive(Clone, Debug)]
struct Grant {
    assignment: String,
    scope: String,
    role: String,
    permissions: Arc<Vec<Compiled>>,
    condition: Option<Condition>,
}

#[derive(Clone, Debug)]
struct Denial {
    id: String,
    name: String,
    scope: String,
    only_here: bool,
    permissions: Vec<Compiled>,
}

/// A role assignment, read.
#[derive(Clone, Copy, Debug)]
pub struct Assignment<'a> {
    pub key: &'a str,
    pub object: &'a Arc<Object>,
    pub principal: &'a str,
    /// GUID of the role definition.
    pub role: &'a str,
    /// As stored: the id before `/providers/Microsoft.Authorization/…`, or `/`.
    pub scope: &'a str,
}

/// All role assignments of a tenant.
pub fn assignments(world: &World) -> impl Iterator<Item = Assignment<'_>> {
    assignments_after(world, "")
}

/// Those whose key comes after `after`.
pub fn assignments_after<'a>(
    world: &'a World,
    after: &'a str,
) -> impl Iterator<Item = Assignment<'a>> {
    world
        .of_kind_after(ASSIGNMENT, "", after)
        .filter_map(|(key, object)| Assignment::read(key, object))
}

impl<'a> Assignment<'a> {
    fn read(key: &'a str, object: &'a Arc<Object>) -> Option<Self> {
        Some(Self {
            key,
            object,
            principal: object.text(PRINCIPAL)?,
            role: object
                .text("/properties/roleDefinitionId")?
                .rsplit('/')
                .next()?,
            scope: object.text("/properties/scope")?,
        })
    }
}

impl Holdings {
    /// What the principals in `ids` hold together: somebody and the groups that it is in.
    pub fn of(world: &World, ids: &BTreeSet<String>) -> Self {
        let mut known: BTreeMap<String, Arc<Vec<Compiled>>> = BTreeMap::new();
        let mut grants = Vec::new();
        // Asked on every request, whoever else holds something.
        let theirs = ids
            .iter()
            .flat_map(|id| world.about(id, ASSIGNMENT))
            .filter_map(|(key, object)| Assignment::read(key, object));
        for held in theirs {
            let permissions = known
                .entry(held.role.to_owned())
                .or_insert_with(|| Arc::new(permissions_of(world, held.role)));
            grants.push(Grant {
                assignment: held.object.id.clone(),
                scope: scope_key(held.scope),
                role: held.role.to_owned(),
                permissions: permissions.clone(),
                condition: held
                    .object
                    .text("/properties/condition")
                    .map(Condition::read),
            });
        }
        Self {
            grants,
            denials: denials(world, ids),
            groups: Groups::of(world),
        }
    }

    /// Adds built-in roles at the root that no assignment shows.
    #[must_use]
    pub fn with_hidden(mut self, roles: &[&Role]) -> Self {
        for role in roles {
            self.grants.push(Grant {
                assignment: String::new(),
                scope: ROOT.to_owned(),
                role: role.id.clone(),
                permissions: Arc::new(vec![Compiled::new(&role.permissions)]),
                condition: None,
            });
        }
        self
    }

    /// The answer to a question.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let action = question.action.to_ascii_lowercase();
        let scope = scope_key(question.scope);
        let mut conditional = None;
        let granted = self.grants.iter().find(|grant| {
            if !self.groups.within(&scope, &grant.scope) || !grant.permits(question.plane, &action)
            {
                return false;
            }
            let free = grant
                .condition
                .as_ref()
                .is_none_or(|condition| condition.holds(&action, question.attributes));
            if !free {
                conditional.get_or_insert_with(|| grant.assignment.clone());
            }
            free
        });
        let Some(grant) = granted else {
            return Decision::Denied(match conditional {
                Some(assignment) => Reason::Condition { assignment },
                None => Reason::NothingGrants,
            });
        };
        let denial = self.denials.iter().find(|denial| {
            let reaches = if denial.only_here {
                scope == denial.scope
            } else {
                self.groups.within(&scope, &denial.scope)
            };
            reaches
                && denial
                    .permissions
                    .iter()
                    .any(|permissions| permissions.permits(question.plane, &action))
        });
        match denial {
            Some(denial) => Decision::Denied(Reason::DenyAssignment {
                id: denial.id.clone(),
                name: denial.name.clone(),
                scope: denial.scope.clone(),
            }),
            None => Decision::Granted {
                assignment: grant.assignment.clone(),
                role: grant.role.clone(),
            },
        }
    }

    /// Whether something below `scope` may be done although the scope itself may not.
    pub fn reaches_below(&self, question: &Question<'_>) -> bool {
        let action = question.action.to_ascii_lowercase();
        let scope = scope_key(question.scope);
        self.grants.iter().any(|grant| {
            self.groups.within(&grant.scope, &scope) && grant.permits(question.plane, &action)
        })
    }

    /// Whether any assignment bears on `scope`: at it, above it or below it.
    pub fn touches(&self, scope: &str) -> bool {
        let scope = scope_key(scope);
        self.grants.iter().any(|grant| {
            self.groups.within(&grant.scope, &scope) || self.groups.within(&scope, &grant.scope)
        })
    }
}

impl Grant {
    fn permits(&self, plane: Plane, action: &str) -> bool {
        self.permissions
            .iter()
            .any(|permissions| permissions.permits(plane, action))
    }
}

/// The permissions of a role definition, by its GUID; none where it is gone.
fn permissions_of(world: &World, role: &str) -> Vec<Compiled> {
    if let Some(role) = built_in().iter().find(|known| known.id == role) {
        return vec![Compiled::new(&role.permissions)];
    }
    let key = format!("/providers/{DEFINITION}/{role}").to_ascii_lowercase();
    world
        .object(&key)
        .map(|object| lists(&object.body))
        .unwrap_or_default()
}

fn lists(body: &Value) -> Vec<Compiled> {
    body.pointer("/properties/permissions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|value| Compiled::new(&Permissions::read(value)))
        .collect()
}

fn denials(world: &World, ids: &BTreeSet<String>) -> Vec<Denial> {
    let everyone = "00000000-0000-0000-0000-000000000000";
    let names = |object: &Object, pointer: &str| {
        object
            .body
            .pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|principal| principal.get("id").and_then(Value::as_str))
            .any(|id| id == everyone || ids.contains(id))
    };
    world
        .of_kind(DENIAL)
        .filter(|(_, object)| {
            names(object, "/properties/principals")
                && !names(object, "/properties/excludePrincipals")
        })
        .map(|(_, object)| Denial {
            id: object.id.clone(),
            name: object
                .text("/properties/denyAssignmentName")
                .unwrap_or_default()
                .to_owned(),
            scope: scope_key(object.text("/properties/scope").unwrap_or_default()),
            only_here: object
                .body
                .pointer("/properties/doNotApplyToChildScopes")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
            permissions: lists(&object.body),
        })
        .collect()
}

/// A scope in lower case and without a slash at its end; the root is empty.
pub fn scope_key(scope: &str) -> String {
    scope.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
#[path = "holdings_tests.rs"]
mod tests;

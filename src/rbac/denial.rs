//! Deny assignments: what is taken back, whatever is granted.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value as Json;

use super::body::{BodyError, Wire, nullable, read, wrong};
use super::condition::Condition;
use super::hierarchy::Hierarchy;
use super::permission::{Permission, PermissionWire};
use super::scope::Scope;
use super::truth::Truth;

const WHAT: &str = "deny assignment";

/// The id that stands for everybody.
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What the setting of a registry is called, and the end of its id here.
const MODE: &str = "roleAssignmentMode";

/// What a registry whose repositories have roles of their own does not honour.
/// <https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions>
const NOT_HONOURED: &[&str] = &[
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/push/write",
    "Microsoft.ContainerRegistry/registries/artifacts/delete",
];

/// A deny assignment.
/// <https://learn.microsoft.com/azure/role-based-access-control/deny-assignments>
#[derive(Debug, Clone)]
pub struct Denial {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it holds.
    pub scope: Scope,
    /// Whether what lies below its scope is left alone.
    pub only_here: bool,
    /// Whom it is held against, in lower case; `None` for everybody.
    pub principals: Option<BTreeSet<String>>,
    /// Whom it is not held against, in lower case.
    pub excluded: BTreeSet<String>,
    /// What it takes back: the union of these.
    pub permissions: Vec<Permission>,
    /// When it counts.
    pub condition: Option<Condition>,
    /// Whether only Azure can take it away.
    pub system_protected: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default, deserialize_with = "nullable")]
    deny_assignment_name: String,
    scope: String,
    #[serde(default, deserialize_with = "nullable")]
    do_not_apply_to_child_scopes: bool,
    principals: Vec<PrincipalWire>,
    #[serde(default, deserialize_with = "nullable")]
    exclude_principals: Vec<PrincipalWire>,
    permissions: Vec<PermissionWire>,
    condition: Option<String>,
    condition_version: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    is_system_protected: bool,
}

#[derive(Deserialize)]
struct PrincipalWire {
    id: String,
}

impl Denial {
    /// Reads a member of `…/denyAssignments`.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn read(body: &Json) -> Result<Self, BodyError> {
        let wire: Wire<Properties> = read(WHAT, body)?;
        let properties = wire.properties;
        if properties.scope.is_empty() {
            return Err(wrong(WHAT, body, "properties.scope", "is empty"));
        }
        let ids = |principals: Vec<PrincipalWire>| -> BTreeSet<String> {
            let ids = principals.iter().map(|one| one.id.to_ascii_lowercase());
            ids.collect()
        };
        let principals = ids(properties.principals);
        let everybody = principals.contains(EVERYBODY);
        Ok(Self {
            id: wire.id,
            name: properties.deny_assignment_name,
            scope: Scope::new(&properties.scope),
            only_here: properties.do_not_apply_to_child_scopes,
            principals: (!everybody).then_some(principals),
            excluded: ids(properties.exclude_principals),
            permissions: properties.permissions.into_iter().map(Into::into).collect(),
            condition: Condition::read(
                properties.condition.as_deref(),
                properties.condition_version.as_deref(),
            ),
            system_protected: properties.is_system_protected,
        })
    }

    /// What a registry takes back by the mode that it is in: from everybody.
    pub(super) fn of_registry(scope: &Scope, mode: &str) -> Self {
        Self {
            id: format!("{scope}/{MODE}"),
            name: format!("{MODE} = {mode}"),
            scope: scope.clone(),
            only_here: false,
            principals: None,
            excluded: BTreeSet::new(),
            permissions: vec![Permission::of(NOT_HONOURED, &[])],
            condition: None,
            system_protected: false,
        }
    }

    /// Whether an id is not a deny assignment's but a registry's mode's.
    pub(super) fn is_mode(id: &str) -> bool {
        id.rsplit('/').next() == Some(MODE)
    }

    /// Whether it reaches a scope.
    pub(super) fn reaches(&self, scope: &Scope, hierarchy: &Hierarchy) -> Truth {
        if self.only_here {
            return Truth::from(self.scope == *scope);
        }
        hierarchy.holds(&self.scope, scope)
    }
}

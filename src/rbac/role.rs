//! Role definitions, built-in and custom.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::body::{BodyError, Wire, last_segment, nullable, read, wrong};
use super::permission::{Permission, PermissionWire};
use super::scope::Scope;

const WHAT: &str = "role definition";

/// What an assignment gives.
#[derive(Debug, Clone)]
pub struct RoleDefinition {
    /// Its GUID in lower case, which is the same at every scope.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether somebody in the tenant wrote it.
    pub custom: bool,
    /// Where it may be assigned.
    pub assignable_scopes: Vec<Scope>,
    /// What it gives: the union of these.
    pub permissions: Vec<Permission>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default, deserialize_with = "nullable")]
    role_name: String,
    #[serde(default, deserialize_with = "nullable", rename = "type")]
    role_type: String,
    #[serde(default, deserialize_with = "nullable")]
    assignable_scopes: Vec<String>,
    permissions: Vec<PermissionWire>,
}

impl RoleDefinition {
    /// Reads what `GET …/roleDefinitions/ID` answers.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn read(body: &Json) -> Result<Self, BodyError> {
        let wire: Wire<Properties> = read(WHAT, body)?;
        let id = last_segment(wire.name.as_deref().unwrap_or(&wire.id))
            .ok_or_else(|| wrong(WHAT, body, "id", "names nothing"))?;
        let properties = wire.properties;
        let scopes = properties.assignable_scopes.iter();
        Ok(Self {
            id,
            name: properties.role_name,
            custom: properties.role_type.eq_ignore_ascii_case("CustomRole"),
            assignable_scopes: scopes.map(|scope| Scope::new(scope)).collect(),
            permissions: properties.permissions.into_iter().map(Into::into).collect(),
        })
    }
}

/// Role definitions by their GUID.
#[derive(Debug, Clone, Default)]
pub struct Roles(BTreeMap<String, RoleDefinition>);

impl Roles {
    /// The role with that GUID, in any case.
    pub fn get(&self, id: &str) -> Option<&RoleDefinition> {
        self.0.get(&id.to_ascii_lowercase())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &RoleDefinition> {
        self.0.values()
    }
}

impl FromIterator<RoleDefinition> for Roles {
    fn from_iter<I: IntoIterator<Item = RoleDefinition>>(roles: I) -> Self {
        Self(
            roles
                .into_iter()
                .map(|role| (role.id.clone(), role))
                .collect(),
        )
    }
}

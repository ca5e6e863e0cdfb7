//! Who may do what, as far as one environment needs it: what `rbac/` comes to.
//!
//! ## Why
//! The types stand beside [`Sections`](super::Sections), not in it as TOML: the matrix is one
//! file over all environments, and each kind reads its part of what it was resolved to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Allowance, Deployer, Meaning, Probe};
use crate::resource::{Address, AddressError, EnvironmentName, Text};

/// What `rbac/` says about one environment; everything but its grants in `shared` only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// What pipelines sign in as, by name.
    pub principals: BTreeMap<String, Principal>,
    /// Groups of people, by name.
    pub people: BTreeMap<String, People>,
    /// Roles that Azure does not have built in, by name.
    pub roles: BTreeMap<String, CustomRole>,
    /// All that a capability may come to, by the capability's name.
    pub meanings: BTreeMap<String, Meaning>,
    /// Who runs `apply`, by name.
    pub deployers: BTreeMap<String, Deployer>,
    /// Grants beside the matrix, by name.
    pub allowed: BTreeMap<String, Allowance>,
    /// The cells of the matrix on this environment's resources, by row, then by target.
    pub grants: Vec<Grant>,
}

/// An application with its service principal: `shared.principal.NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What people see.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How it signs in without a secret, by name.
    pub credentials: BTreeMap<String, Credential>,
}

/// A federated credential: whose tokens stand for the principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The `iss` of the tokens, to the letter.
    pub issuer: String,
    /// Their `sub`, to the letter; `None` while nobody knows it: then there is no credential yet.
    pub subject: Option<String>,
    /// Their `aud`.
    pub audience: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A security group: `shared.people.NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// What people see.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who is in it.
    pub membership: Members,
}

/// Who is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// The group with this object id exists and is somebody else's: it is only referred to.
    Elsewhere(String),
    /// The group is ours, with these people: object ids by name.
    Ours(BTreeMap<String, String>),
}

/// A role that Azure does not have built in: `shared.role.NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    /// What people see; unique in the tenant.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Actions of the control plane, each in full.
    pub actions: Vec<String>,
    /// Actions of the data plane, each in full.
    pub data_actions: Vec<String>,
    /// The subscriptions that it is assigned in, and that of `shared`.
    pub subscriptions: BTreeSet<String>,
}

/// A cell of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who is given it.
    pub to: Grantee,
    /// What it says.
    pub capability: String,
    /// What it is on, in the environment that holds the grant.
    pub target: Target,
    /// The role assignments that it comes to; at least one.
    pub parts: Vec<GrantPart>,
    /// What works for whoever is given it, and for nobody else; `None` where TOML does not say.
    pub probes: Option<BTreeSet<Probe>>,
}

/// One role assignment of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantPart {
    /// What its address ends with after the capability; `None` for the first on the target.
    pub suffix: Option<String>,
    /// What it gives.
    pub role: Role,
    /// Where.
    pub scope: Scope,
}

/// The role of a role assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// One of Azure's own.
    BuiltIn {
        /// A lower-cased GUID, the same in every subscription.
        id: String,
        /// What people call it.
        name: String,
    },
    /// The one of [`Access::roles`] in `shared` with this name.
    Custom(String),
}

/// Where on its target a part of a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// On all of it.
    Target,
    /// In one Kubernetes namespace of the cluster.
    Namespace(String),
}

/// Who is given something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// The one of [`Access::principals`] in `shared` with this name.
    Principal(String),
    /// A group of people.
    People {
        /// Its name among [`Access::people`] in `shared`.
        name: String,
        /// Its object id, where it is not ours.
        object_id: Option<String>,
    },
    /// Somebody whom the directory has already: a person, or what runs `apply`.
    Known {
        /// Its name in `rbac/principals.toml`.
        name: String,
        /// Its object id.
        object_id: String,
        /// What Azure calls such a principal.
        principal_type: &'static str,
    },
}

/// What a capability can be given on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The container registry.
    Registry,
    /// The Kubernetes cluster.
    Cluster,
    /// A key of the vault.
    Key(String),
}

/// What sort of thing a capability is given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// A container registry.
    Registry,
    /// A Kubernetes cluster.
    Cluster,
    /// A key in a vault.
    Key,
}

/// The address path of keys, before their names.
const KEYS: &str = "vault.key.";

impl Grant {
    /// The address path of one of its parts.
    pub fn path(&self, part: &GrantPart) -> String {
        let cell = format!(
            "grant.{}.{}.{}",
            self.to.name(),
            self.target,
            self.capability
        );
        match &part.suffix {
            Some(suffix) => format!("{cell}.{suffix}"),
            None => cell,
        }
    }
}

impl Grantee {
    /// Its row in the matrix.
    pub fn name(&self) -> &str {
        match self {
            Self::Principal(name) | Self::People { name, .. } | Self::Known { name, .. } => name,
        }
    }

    /// What Azure calls such a principal. A role assignment that says it is not held up by the
    /// directory's replication.
    pub fn principal_type(&self) -> &'static str {
        match self {
            Self::Principal(_) => "ServicePrincipal",
            Self::People { .. } => "Group",
            Self::Known { principal_type, .. } => principal_type,
        }
    }

    /// Its object id, which is late for what we create.
    ///
    /// # Errors
    /// [`AddressError`] for a name that does not fit an address.
    pub fn object_id(&self) -> Result<Text, AddressError> {
        let path = match self {
            Self::People {
                object_id: Some(id),
                ..
            }
            | Self::Known { object_id: id, .. } => return Ok(Text::from(id.as_str())),
            Self::People { name, .. } => format!("people.{name}"),
            Self::Principal(name) => format!("principal.{name}.service-principal"),
        };
        let address = Address::new(&EnvironmentName::shared(), &path)?;
        Ok(Text::output(&address, "objectId"))
    }
}

impl Target {
    /// The target at an address path; `None` for a path that nothing can be given on.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "registry" => Some(Self::Registry),
            "cluster" => Some(Self::Cluster),
            path => {
                let key = path.strip_prefix(KEYS)?;
                (!key.is_empty() && !key.contains('.')).then(|| Self::Key(key.to_owned()))
            }
        }
    }

    /// What sort of thing it is.
    pub fn of_type(&self) -> TargetType {
        match self {
            Self::Registry => TargetType::Registry,
            Self::Cluster => TargetType::Cluster,
            Self::Key(_) => TargetType::Key,
        }
    }

    /// The TOML table of an environment that declares it.
    pub fn table(&self) -> String {
        match self {
            Self::Registry => "registry".to_owned(),
            Self::Cluster => "cluster".to_owned(),
            Self::Key(name) => format!("vault.keys.{name}"),
        }
    }
}

/// The address path.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => f.write_str("registry"),
            Self::Cluster => f.write_str("cluster"),
            Self::Key(name) => write!(f, "{KEYS}{name}"),
        }
    }
}

impl fmt::Display for TargetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Registry => "registry",
            Self::Cluster => "cluster",
            Self::Key => "key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_at_its_path() {
        for target in [
            Target::Registry,
            Target::Cluster,
            Target::Key("cosign".to_owned()),
        ] {
            assert_eq!(Target::at(&target.to_string()), Some(target));
        }
        for path in [
            "",
            "vault",
            "vault.key",
            "vault.key.",
            "vault.key.a.b",
            "registry.x",
        ] {
            assert_eq!(Target::at(path), None, "{path}");
        }
    }

    #[test]
    fn a_part_is_addressed_below_its_cell() {
        let mut part = GrantPart {
            suffix: None,
            role: Role::Custom("deployer".to_owned()),
            scope: Scope::Target,
        };
        let grant = Grant {
            to: Grantee::Principal("dev-pipeline".to_owned()),
            capability: "deploy".to_owned(),
            target: Target::Cluster,
            parts: Vec::new(),
            probes: None,
        };
        assert_eq!(grant.path(&part), "grant.dev-pipeline.cluster.deploy");
        part.suffix = Some("iam".to_owned());
        assert_eq!(grant.path(&part), "grant.dev-pipeline.cluster.deploy.iam");
    }

    #[test]
    fn only_what_is_not_ours_has_a_known_object_id() {
        let people = |object_id: Option<&str>| Grantee::People {
            name: "approvers".to_owned(),
            object_id: object_id.map(str::to_owned),
        };
        let known = people(Some("o")).object_id().expect("an id");
        assert_eq!(known.known(), Some("o"));
        for (grantee, waits_for) in [
            (people(None), "shared.people.approvers"),
            (
                Grantee::Principal("p".to_owned()),
                "shared.principal.p.service-principal",
            ),
        ] {
            let mut needs = BTreeSet::new();
            grantee
                .object_id()
                .expect("an address")
                .references(&mut needs);
            let needs: Vec<&str> = needs.iter().map(Address::as_str).collect();
            assert_eq!(needs, [waits_for]);
        }
    }
}

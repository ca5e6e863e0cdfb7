//! What was read, and what could not be.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::connections::Connection;
use super::names::Misled;
use crate::provision::ports::Failure;
use crate::rbac::access::Tenant;
use crate::rbac::catalogue::Catalogue;
use crate::rbac::obtain::{Directory, Resources};
use crate::rbac::scope::Scope;
use crate::resource::Address;

/// Everything that was read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Assignments, roles, denials and groups.
    pub tenant: Tenant,
    /// What of the directory leads on.
    pub directory: Directory,
    /// What of the resources leads on.
    pub resources: Resources,
    /// Who comes into question, by object id in lower case.
    pub principals: BTreeMap<String, Principal>,
    /// Registries of ours that stand.
    pub registries: Vec<RegistryFacts>,
    /// Clusters of ours that stand.
    pub clusters: Vec<ClusterFacts>,
    /// Vaults of ours that stand.
    pub vaults: Vec<VaultFacts>,
    /// Storage accounts of ours that stand, and whether each takes account keys.
    pub stores: Vec<(Address, bool)>,
    /// Private endpoints that lead to vaults, registries and storage accounts of ours.
    pub connections: Vec<Connection>,
    /// Names in zones of ours that do not lead where our endpoints have them lead.
    pub misled: Vec<Misled>,
    /// Keys of ours that stand.
    pub keys: Vec<KeyFacts>,
    /// Identities that clusters of ours act as, by object id in lower case.
    pub own: BTreeMap<String, OwnIdentity>,
    /// Federated credentials of managed identities of ours.
    pub identities: Vec<(Address, Federated)>,
    /// The actions of some providers.
    pub catalogue: Catalogue,
    /// The providers, in lower case, of which `catalogue` holds everything.
    pub providers: BTreeSet<String>,
    /// What could not be read.
    pub unknown: Vec<Unknown>,
    /// What this cloud or tenant does not have, or the program does not look at.
    pub remarks: Vec<String>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What it is.
    pub what: String,
    /// What is not known without it.
    pub hides: Hides,
    /// Why.
    pub failure: Failure,
}

impl Unknown {
    /// That nobody knows who may do anything in a subscription that did not answer: an empty list of
    /// it may just mean that nothing of it may be seen.
    pub fn subscription(id: &str, failure: Failure) -> Self {
        Self {
            what: format!("subscription {id}"),
            hides: Hides::Grants(Scope::new(&format!("/subscriptions/{id}"))),
            failure,
        }
    }
}

/// What is not known where something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hides {
    /// Facts of the directory or of a resource.
    Facts,
    /// Who may do anything at this scope and below.
    Grants(Scope),
    /// Who may do more inside this cluster than Azure's roles say, which are known.
    Bindings(Scope),
}

/// Somebody of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What people call it.
    pub name: String,
    /// What it is.
    pub sort: PrincipalSort,
    /// Secrets and certificates.
    pub secrets: Vec<Secret>,
    /// Whose tokens stand for it.
    pub federated: Vec<Federated>,
    /// Object ids of those who own it or its application, in lower case.
    pub owners: Vec<String>,
    /// Object ids of those in it, in lower case.
    pub members: Vec<String>,
}

/// What somebody of the directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalSort {
    /// A person.
    User,
    /// What an application or managed identity signs in as.
    ServicePrincipal,
    /// A group.
    Group,
    /// Something else.
    Other,
    /// Nobody: it was deleted.
    Gone,
    /// Nobody knows.
    Unknown,
}

/// A secret or certificate, never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// `client secret` or `certificate`.
    pub what: &'static str,
    /// Its name or id.
    pub name: String,
    /// When it ends.
    pub ends: Option<OffsetDateTime>,
}

/// A federated credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federated {
    /// Its name.
    pub name: String,
    /// The issuer of tokens.
    pub issuer: String,
    /// Their subject.
    pub subject: String,
}

/// A container registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryFacts {
    /// Its address.
    pub address: Address,
    /// Whether its admin user is enabled.
    pub admin_user: bool,
    /// Whether anybody may pull.
    pub anonymous_pull: bool,
    /// Its tokens, and whether each is enabled.
    pub tokens: Vec<(String, bool)>,
    /// Its tasks, and whether each is enabled.
    pub tasks: Vec<(String, bool)>,
    /// Whether roles on its repositories decide, and AcrPull and AcrPush count for nothing.
    pub by_repository: bool,
}

/// An identity that a cluster acts as, and what AKS itself gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnIdentity {
    /// The cluster.
    pub address: Address,
    /// What of it acts so, e.g. `omsagent`.
    pub part: String,
    /// GUIDs of roles with where AKS assigns them.
    pub given: Vec<(&'static str, Scope)>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its address.
    pub address: Address,
    /// Whether it has local accounts.
    pub local_accounts: bool,
    /// Whether Azure decides what may be done inside.
    pub azure_rbac: bool,
}

/// A key vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultFacts {
    /// Its address.
    pub address: Address,
    /// Whether it goes by access policies.
    pub by_policies: bool,
    /// Object ids that its policies name.
    pub policies: Vec<String>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its address.
    pub address: Address,
    /// The generation of HSM that holds it, as Azure says it.
    pub hsm_platform: Option<String>,
}

impl Reading {
    /// Whether something could not be read.
    pub fn is_partial(&self) -> bool {
        !self.unknown.is_empty()
    }

    /// Whether nobody knows what is granted at a scope.
    pub fn is_blind_at(&self, scope: &Scope) -> bool {
        let mut unknown = self.unknown.iter();
        unknown.any(|one| matches!(&one.hides, Hides::Grants(at) if scope.continues(at)))
    }

    /// Whether more may be granted at a scope than is known.
    pub fn is_dim_at(&self, scope: &Scope) -> bool {
        let mut unknown = self.unknown.iter();
        unknown.any(|one| matches!(&one.hides, Hides::Bindings(at) if scope.continues(at)))
    }

    /// Whether a scope bears on the nodes of a cluster of ours: their group is Azure's, and whoever
    /// holds something there may get at what runs on them.
    pub fn concerns_nodes(&self, scope: &Scope) -> bool {
        let clusters = self.resources.clusters.iter();
        let mut groups = clusters.filter_map(|one| one.node_group.as_ref());
        groups.any(|group| scope.continues(group))
    }

    /// What people call somebody; the object id where nobody knows.
    pub fn name<'r>(&'r self, id: &'r str) -> &'r str {
        let known = self.principals.get(&id.to_ascii_lowercase());
        known.map_or(id, |one| one.name.as_str())
    }
}

impl Principal {
    /// Somebody of whom only the id is known.
    pub(super) fn unknown(id: &str) -> Self {
        Self {
            name: id.to_owned(),
            sort: PrincipalSort::Unknown,
            secrets: Vec::new(),
            federated: Vec::new(),
            owners: Vec::new(),
            members: Vec::new(),
        }
    }
}

//! What has to be known beside role assignments; object ids and GUIDs in any case.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::{AppRole, DirectoryRole};
use crate::rbac::access::Access;
use crate::rbac::scope::Scope;

/// Everything that obtaining is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// What principals effectively may do.
    pub access: &'a Access,
    /// Facts of the directory.
    pub directory: &'a Directory,
    /// Facts of the resources in question.
    pub resources: &'a Resources,
}

/// Facts of the directory.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Applications.
    pub applications: Vec<Application>,
    /// Service principals that have owners of their own.
    pub service_principals: Vec<ServicePrincipal>,
    /// Groups.
    pub groups: Vec<GroupFacts>,
    /// Object ids of the people in question.
    pub users: Vec<String>,
    /// Who holds which directory roles.
    pub roles: BTreeMap<String, BTreeSet<DirectoryRole>>,
    /// Who may activate which directory roles.
    pub eligible: BTreeMap<String, BTreeSet<DirectoryRole>>,
    /// Which service principal holds which application roles of Graph.
    pub app_roles: BTreeMap<String, BTreeSet<AppRole>>,
}

/// An application.
#[derive(Debug, Clone)]
pub struct Application {
    /// What people call it.
    pub name: String,
    /// The object id of its service principal.
    pub service_principal: String,
    /// Object ids of those who own it.
    pub owners: Vec<String>,
}

/// A service principal.
#[derive(Debug, Clone)]
pub struct ServicePrincipal {
    /// Its object id.
    pub id: String,
    /// Object ids of those who own it.
    pub owners: Vec<String>,
}

/// A group.
#[derive(Debug, Clone)]
pub struct GroupFacts {
    /// Its object id.
    pub id: String,
    /// Object ids of those who own it.
    pub owners: Vec<String>,
    /// Whether directory roles may be assigned to it, which keeps most administrators off it.
    pub role_assignable: bool,
}

/// Facts of the resources in question.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Container registries.
    pub registries: Vec<Registry>,
    /// Kubernetes clusters.
    pub clusters: Vec<Cluster>,
    /// Key vaults.
    pub vaults: Vec<Vault>,
    /// Managed identities.
    pub identities: Vec<Identity>,
}

/// A container registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its id.
    pub scope: Scope,
    /// Whether its admin user is enabled; `None` where that could not be read.
    pub admin_user: Option<bool>,
    /// Its tokens.
    pub tokens: Vec<RegistryToken>,
    /// Object ids of the identities that its tasks run as.
    pub task_identities: Vec<String>,
}

/// A token of a registry.
#[derive(Debug, Clone)]
pub struct RegistryToken {
    /// Its name.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether its scope map lets it write.
    pub writes: bool,
}

/// A Kubernetes cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its id.
    pub scope: Scope,
    /// Whether it has local accounts; `None` where that could not be read.
    pub local_accounts: Option<bool>,
    /// Object ids of the groups whose members administer it.
    pub admin_groups: Vec<String>,
    /// The resource group of its nodes.
    pub node_group: Option<Scope>,
    /// The object id of the identity that its nodes pull with.
    pub kubelet: Option<String>,
    /// The issuer of its service accounts' tokens.
    pub issuer: Option<String>,
}

/// A key vault.
#[derive(Debug, Clone)]
pub struct Vault {
    /// Its id.
    pub scope: Scope,
    /// Whether it goes by access policies instead of roles; `None` where that could not be
    /// read.
    pub by_policies: Option<bool>,
    /// Object ids of those to whom its policies give anything on keys.
    pub policies: Vec<String>,
}

/// A managed identity.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its id.
    pub scope: Scope,
    /// Its object id.
    pub principal: String,
    /// The issuers whose tokens stand for it.
    pub issuers: Vec<String>,
}

impl Resources {
    /// The ids of all of them.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let registries = self.registries.iter().map(|one| &one.scope);
        let clusters = self.clusters.iter().map(|one| &one.scope);
        let vaults = self.vaults.iter().map(|one| &one.scope);
        let identities = self.identities.iter().map(|one| &one.scope);
        registries.chain(clusters).chain(vaults).chain(identities)
    }
}

//! The TOML tables that kinds read, and the names in them that Azure wants to be unique.

use schemars::JsonSchema;
use serde::Deserialize;

use super::access::{Access, Target};
use super::{
    ClusterSection, GroupSection, NetworkSection, RegistrySection, Services, StoreSection,
    VaultSection, WorkspaceSection,
};

/// The tables of an environment that declare resources.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sections {
    /// The resource group that everything of the environment lives in.
    pub group: Option<GroupSection>,
    /// The virtual network.
    pub network: Option<NetworkSection>,
    /// The container registry.
    pub registry: Option<RegistrySection>,
    /// The key vault.
    pub vault: Option<VaultSection>,
    /// The Kubernetes cluster.
    pub cluster: Option<ClusterSection>,
    /// The Log Analytics workspace.
    pub workspace: Option<WorkspaceSection>,
    /// The storage account of the control store; of `shared` only.
    pub store: Option<StoreSection>,
    /// The services that run in the clusters.
    #[serde(default)]
    pub services: Services,
    /// What `rbac/` says about the environment. No environment's file can say it.
    #[serde(skip)]
    pub access: Access,
}

/// A name that nothing else may have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TakenName {
    /// Among what it is unique, for people.
    pub among: &'static str,
    /// The name, lower-cased: Azure compares names without case.
    pub name: String,
    /// The dotted TOML path that says it.
    pub path: &'static str,
}

impl Sections {
    /// The tables' names, as TOML has them.
    pub const TABLES: &'static [&'static str] = &[
        "group",
        "network",
        "registry",
        "vault",
        "cluster",
        "workspace",
        "store",
        "services",
    ];

    /// What a capability can be given on here.
    pub fn targets(&self) -> Vec<Target> {
        let registry = self.registry.iter().map(|_| Target::Registry);
        let keys = self.vault.iter().flat_map(|vault| vault.keys.keys());
        let cluster = self.cluster.iter().map(|_| Target::Cluster);
        let keys = keys.cloned().map(Target::Key);
        registry.chain(cluster).chain(keys).collect()
    }

    /// The ARM id of a target here, where it is declared.
    pub fn target_id(&self, target: &Target, group_id: &str) -> Option<String> {
        match target {
            Target::Registry => Some(self.registry.as_ref()?.id(group_id)),
            Target::Cluster => Some(self.cluster.as_ref()?.id(group_id)),
            Target::Key(name) => {
                let vault = self.vault.as_ref()?;
                vault.keys.get(name)?;
                Some(format!("{}/keys/{name}", vault.id(group_id)))
            }
        }
    }

    /// The names in it that have to be unique over all environments.
    pub fn taken_names(&self) -> Vec<TakenName> {
        let mut names = Vec::new();
        if let Some(group) = &self.group {
            names.push(TakenName {
                among: "resource groups",
                name: group.name.to_lowercase(),
                path: "group.name",
            });
        }
        if let Some(registry) = &self.registry {
            names.push(TakenName {
                among: "container registries",
                name: registry.name.to_lowercase(),
                path: "registry.name",
            });
        }
        if let Some(vault) = &self.vault {
            names.push(TakenName {
                among: "key vaults",
                name: vault.name.to_lowercase(),
                path: "vault.name",
            });
        }
        if let Some(store) = &self.store {
            names.push(TakenName {
                among: "storage accounts",
                name: store.account.to_lowercase(),
                path: "store.account",
            });
        }
        names
    }
}

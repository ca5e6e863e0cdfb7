//! The Azure kinds: pure translation between what TOML declares and what ARM speaks.
//!
//! [`Sections`] (typed TOML) go in, [`Resource`]s with every managed field come out; in the
//! other direction the field tables say what of an ARM body is ours. One file per kind; a kind
//! does no I/O, knows no other kind's file, and never sees a plan. A new kind is its file and
//! one line in [`TABLE`] (plus a field in [`Sections`] if it reads a table of its own).

mod access;
mod agent_pool;
mod allowed;
mod application;
mod application_credential;
mod blob_container;
mod blob_service;
mod cluster_check;
mod cluster_fields;
mod cluster_grants;
mod cluster_identity;
mod cluster_section;
mod cluster_versions;
mod diagnostic_setting;
mod entra_group;
mod federated_credential;
mod grant;
mod graph;
mod identity;
mod immutability_policy;
mod key;
mod key_expiry;
mod key_rotation;
mod lock;
mod managed_cluster;
mod membership;
mod names;
mod pool_check;
mod private_dns_zone;
mod private_endpoint;
mod private_services;
mod probe;
mod ranges;
#[cfg(test)]
mod recordings;
mod regions;
mod registry;
mod registry_check;
mod replication;
mod resource_group;
mod role;
mod sections;
mod service_principal;
#[cfg(test)]
mod specifications;
mod storage_account;
mod store_section;
mod subnet;
#[cfg(test)]
mod testing;
mod typed;
mod vault;
mod virtual_network;
mod workspace;
mod zone_group;
mod zone_link;

use crate::resource::{AddressError, Kind, Kinds, Place, Problem, Resource};

pub use access::{
    Access, Credential, CustomRole, Grant, GrantPart, Grantee, Members, People, Principal, Role,
    Scope, Target, TargetType,
};
pub use agent_pool::AgentPool;
pub use allowed::{Allowance, Deployer, Meaning};
pub use application::Application;
pub use application_credential::ApplicationCredential;
pub use blob_container::BlobContainer;
pub use blob_service::BlobService;
pub use cluster_section::{
    AutoUpgrade, ClusterSection, ClusterTier, NetworkPolicy, NodeOs, NodeOsUpgrade, OsDisk,
    Outbound, PoolMode, PoolSection,
};
pub use diagnostic_setting::DiagnosticSetting;
pub use entra_group::EntraGroup;
pub use federated_credential::FederatedCredential;
pub use grant::RoleAssignment;
pub use identity::{Identity, ServiceSection, Services};
pub use immutability_policy::ImmutabilityPolicy;
pub use key::{Curve, Key, KeyOperation, KeySection, KeyType};
pub use lock::{Lock, LockLevel};
pub use managed_cluster::ManagedCluster;
pub use membership::Membership;
pub use private_dns_zone::PrivateDnsZone;
pub use private_endpoint::PrivateEndpoint;
pub use probe::Probe;
pub use regions::check as check_region;
pub(crate) use registry::LEGACY_MODE;
pub use registry::{Registry, RegistrySection, RegistrySku};
pub use replication::Replication;
pub use resource_group::{GroupSection, ResourceGroup};
pub use role::RoleDefinition;
pub use sections::{Sections, TakenName};
pub use service_principal::ServicePrincipal;
pub use storage_account::StorageAccount;
pub use store_section::{ContainerSection, StoreSection, StoreSku, is_container_name};
pub use subnet::Subnet;
use typed::typed;
pub use vault::{Vault, VaultBypass, VaultSection, VaultSku};
pub use virtual_network::{NetworkSection, VirtualNetwork};
pub use workspace::{Workspace, WorkspaceSection};
pub use zone_group::ZoneGroup;
pub use zone_link::ZoneLink;

/// What an environment declares of one kind, or what is wrong with it.
pub struct Entry {
    /// The kind.
    pub kind: &'static dyn Kind,
    /// The resources that an environment declares. Called only where `check` found nothing.
    pub declare: fn(&Place, &Sections) -> Result<Vec<Resource>, AddressError>,
    /// What is wrong with the declaration, everything at once.
    pub check: fn(&Place, &Sections) -> Vec<Problem>,
}

/// Every kind, in the order in which people read them.
pub static TABLE: &[Entry] = &[
    Entry {
        kind: &ResourceGroup,
        declare: resource_group::declare,
        check: resource_group::check,
    },
    Entry {
        kind: &Identity,
        declare: identity::declare,
        check: identity::check,
    },
    Entry {
        kind: &Application,
        declare: application::declare,
        check: application::check,
    },
    Entry {
        kind: &ServicePrincipal,
        declare: service_principal::declare,
        check: service_principal::check,
    },
    Entry {
        kind: &ApplicationCredential,
        declare: application_credential::declare,
        check: application_credential::check,
    },
    Entry {
        kind: &EntraGroup,
        declare: entra_group::declare,
        check: entra_group::check,
    },
    Entry {
        kind: &Membership,
        declare: membership::declare,
        check: membership::check,
    },
    Entry {
        kind: &Workspace,
        declare: workspace::declare,
        check: workspace::check,
    },
    Entry {
        kind: &VirtualNetwork,
        declare: virtual_network::declare,
        check: virtual_network::check,
    },
    Entry {
        kind: &Subnet,
        declare: subnet::declare,
        check: subnet::check,
    },
    Entry {
        kind: &PrivateDnsZone,
        declare: private_dns_zone::declare,
        check: private_dns_zone::check,
    },
    Entry {
        kind: &ZoneLink,
        declare: zone_link::declare,
        check: zone_link::check,
    },
    Entry {
        kind: &Registry,
        declare: registry::declare,
        check: registry_check::check,
    },
    Entry {
        kind: &Replication,
        declare: replication::declare,
        check: replication::check,
    },
    Entry {
        kind: &Vault,
        declare: vault::declare,
        check: vault::check,
    },
    Entry {
        kind: &StorageAccount,
        declare: storage_account::declare,
        check: store_section::check,
    },
    Entry {
        kind: &BlobService,
        declare: blob_service::declare,
        check: blob_service::check,
    },
    Entry {
        kind: &BlobContainer,
        declare: blob_container::declare,
        check: store_section::check_containers,
    },
    Entry {
        kind: &ImmutabilityPolicy,
        declare: immutability_policy::declare,
        check: immutability_policy::check,
    },
    Entry {
        kind: &ManagedCluster,
        declare: managed_cluster::declare,
        check: cluster_check::check,
    },
    Entry {
        kind: &AgentPool,
        declare: agent_pool::declare,
        check: pool_check::check,
    },
    Entry {
        kind: &FederatedCredential,
        declare: federated_credential::declare,
        check: federated_credential::check,
    },
    Entry {
        kind: &DiagnosticSetting,
        declare: diagnostic_setting::declare,
        check: diagnostic_setting::check,
    },
    Entry {
        kind: &PrivateEndpoint,
        declare: private_endpoint::declare,
        check: private_endpoint::check,
    },
    Entry {
        kind: &ZoneGroup,
        declare: zone_group::declare,
        check: zone_group::check,
    },
    Entry {
        kind: &Key,
        declare: key::declare,
        check: key::check,
    },
    Entry {
        kind: &RoleDefinition,
        declare: role::declare,
        check: role::check,
    },
    Entry {
        kind: &RoleAssignment,
        declare: grant::declare,
        check: grant::check,
    },
    Entry {
        kind: &Lock,
        declare: lock::declare,
        check: lock::check,
    },
];

/// What is odd about declarations at a time, though nothing about them is wrong.
pub fn oddities(sections: &Sections, now: time::OffsetDateTime) -> Vec<Problem> {
    key_expiry::expired(sections, now)
}

/// Every kind, for whoever reads a plan.
pub static KINDS: Kinds = Kinds(&[
    &ResourceGroup,
    &Identity,
    &Application,
    &ServicePrincipal,
    &ApplicationCredential,
    &EntraGroup,
    &Membership,
    &Workspace,
    &VirtualNetwork,
    &Subnet,
    &PrivateDnsZone,
    &ZoneLink,
    &Registry,
    &Replication,
    &Vault,
    &StorageAccount,
    &BlobService,
    &BlobContainer,
    &ImmutabilityPolicy,
    &ManagedCluster,
    &AgentPool,
    &FederatedCredential,
    &DiagnosticSetting,
    &PrivateEndpoint,
    &ZoneGroup,
    &Key,
    &RoleDefinition,
    &RoleAssignment,
    &Lock,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_hold_the_same_kinds() {
        let named: Vec<_> = TABLE.iter().map(|entry| entry.kind.meta().name).collect();
        let kinds: Vec<_> = KINDS.iter().map(|kind| kind.meta().name).collect();
        assert_eq!(named, kinds);
    }
}

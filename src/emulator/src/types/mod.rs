//! The ARM types that are played: one file each, and the table of them.
//!
//! A file says what the type's provider accepts, adds, refuses and shows; ids, groups,
//! locks, operations and storage come from [`crate::arm`].

mod aks;
mod checks;
mod deleted_vault;
mod deny_assignment;
mod eligibility;
mod identity;
mod import_image;
mod lock;
mod management_group;
mod monitor;
mod network;
mod private_endpoint_connection;
mod provider_operations;
mod registry;
mod registry_actions;
mod registry_fields;
mod registry_identity;
mod registry_task;
mod registry_view;
mod replication;
mod role_assignment;
mod role_assignment_checks;
mod role_definition;
mod role_definition_checks;
mod role_filter;
mod scope_map;
mod storage;
pub mod token;
mod vault;
mod vault_actions;
mod vault_connection;
mod vault_fields;
mod vault_key;
mod vault_policies;
mod webhook;

pub use aks::{CLUSTER, Move, apply_move};
pub use management_group::root as management_root;
pub use monitor::{answers_at as rule_answers_at, immutable as rule_with_id};
pub use registry::named as registry_named;
pub use replication::regions as registry_regions;
pub use vault::named as vault_named;

use crate::arm::{ArmError, Context, ResourceType};
use crate::server::Answer;
use crate::state::World;

/// All types. **A new type is one line here.**
static TYPES: &[&dyn ResourceType] = &[
    &lock::Lock,
    &role_assignment::RoleAssignment,
    &role_definition::RoleDefinition,
    &deny_assignment::DenyAssignment,
    &provider_operations::ProviderOperations,
    &management_group::ManagementGroup,
    &management_group::SubscriptionPlacement,
    &registry::Registry,
    &replication::Replication,
    &webhook::Webhook,
    &scope_map::ScopeMap,
    &token::Token,
    &registry_task::Task,
    &private_endpoint_connection::PrivateEndpointConnection,
    &vault::Vault,
    &deleted_vault::DeletedVault,
    &vault_connection::VaultConnection,
    &vault_key::VaultKey,
    &vault_key::VaultKeyVersion,
    &vault_policies::AccessPolicies,
    &identity::UserAssigned,
    &identity::FederatedCredential,
    &monitor::Workspace,
    &monitor::DeletedWorkspace,
    &monitor::DiagnosticSetting,
    &monitor::CollectionRule,
];

/// Things that providers do without an object.
static PROVIDER_ACTIONS: &[ProviderAction] = &[
    ProviderAction {
        kind: "Microsoft.ContainerRegistry/checkNameAvailability",
        run: registry_actions::check_name,
    },
    ProviderAction {
        kind: "Microsoft.KeyVault/checkNameAvailability",
        run: vault_actions::check_name,
    },
    ProviderAction {
        kind: "Microsoft.Storage/checkNameAvailability",
        run: storage::check_name,
    },
];

/// Namespaces that are played, ARM's own included.
static NAMESPACES: &[&str] = &[
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.ContainerRegistry",
    "Microsoft.ContainerService",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Management",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Resources",
    "Microsoft.Storage",
];

/// A POST at a subscription that needs no object.
pub struct ProviderAction {
    pub kind: &'static str,
    pub run: fn(&Context<'_>, &World) -> Result<Answer, ArmError>,
}

/// The type of that name, in any case.
pub fn of(kind: &str) -> Option<&'static dyn ResourceType> {
    all().find(|known| known.meta().kind.eq_ignore_ascii_case(kind))
}

/// The provider action of that name, in any case.
pub fn provider_action(kind: &str) -> Option<&'static ProviderAction> {
    PROVIDER_ACTIONS
        .iter()
        .find(|known| known.kind.eq_ignore_ascii_case(kind))
}

pub fn all() -> impl Iterator<Item = &'static dyn ResourceType> {
    TYPES
        .iter()
        .chain(network::TYPES)
        .chain(eligibility::TYPES)
        .chain(aks::TYPES)
        .chain(storage::TYPES)
        .copied()
}

pub fn namespaces() -> impl Iterator<Item = &'static str> {
    NAMESPACES.iter().copied()
}

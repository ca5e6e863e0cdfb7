//! Actions that people ask about: what an excess is shown by, and how bad it is.

use super::action::Plane;
use crate::kinds::TargetType;
use crate::resource::Severity;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notable {
    /// On what; anywhere when absent.
    pub(super) on: Option<TargetType>,
    pub(super) plane: Plane,
    pub(super) action: &'static str,
    /// What it lets somebody do.
    pub(super) does: &'static str,
    /// How bad it is where it was not meant.
    pub(super) severity: Severity,
}

const fn of(
    on: TargetType,
    plane: Plane,
    action: &'static str,
    does: &'static str,
    severity: Severity,
) -> Notable {
    Notable {
        on: Some(on),
        plane,
        action,
        does,
        severity,
    }
}

const fn anywhere(action: &'static str, does: &'static str) -> Notable {
    Notable {
        on: None,
        plane: Control,
        action,
        does,
        severity: Critical,
    }
}

use Plane::{Control, Data};
use Severity::{Critical, High, Low, Medium};
use TargetType::{Cluster, Key, Registry};

/// All of them, the worst of each target first.
pub(super) const NOTABLE: &[Notable] = &[
    anywhere(
        "Microsoft.Authorization/roleAssignments/write",
        "assign roles",
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/push/write",
        "push",
        Critical,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/importImage/action",
        "import",
        Critical,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/listCredentials/action",
        "read the admin user's password",
        Critical,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/generateCredentials/action",
        "make passwords of tokens",
        Critical,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/scheduleRun/action",
        "run tasks",
        Critical,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/write",
        "configure",
        High,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/delete",
        "delete",
        High,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/artifacts/delete",
        "delete images",
        High,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/pull/read",
        "pull",
        Medium,
    ),
    of(
        Registry,
        Control,
        "Microsoft.ContainerRegistry/registries/read",
        "see settings",
        Low,
    ),
    of(
        Cluster,
        Control,
        "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
        "read the admin's kubeconfig",
        Critical,
    ),
    of(
        Cluster,
        Control,
        "Microsoft.ContainerService/managedClusters/runCommand/action",
        "run commands inside",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/secrets/read",
        "read secrets",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/pods/exec/action",
        "run something in pods",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/serviceaccounts/impersonate/action",
        "act as service accounts",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/rolebindings/write",
        "bind Kubernetes roles",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/nodes/proxy/action",
        "run something in every pod",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/groups/impersonate/action",
        "act as any group",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/users/impersonate/action",
        "act as any user",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/clusterroles/escalate/action",
        "widen Kubernetes roles",
        Critical,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/apps/deployments/write",
        "deploy",
        Critical,
    ),
    of(
        Cluster,
        Control,
        "Microsoft.ContainerService/managedClusters/write",
        "configure",
        High,
    ),
    of(
        Cluster,
        Control,
        "Microsoft.ContainerService/managedClusters/delete",
        "delete",
        High,
    ),
    of(
        Cluster,
        Data,
        "Microsoft.ContainerService/managedClusters/pods/read",
        "look inside",
        Medium,
    ),
    of(
        Cluster,
        Control,
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        "find the API server",
        Medium,
    ),
    of(
        Cluster,
        Control,
        "Microsoft.ContainerService/managedClusters/read",
        "see settings",
        Low,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/sign/action",
        "sign",
        Critical,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/create/action",
        "make versions",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/rotate/action",
        "rotate",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/update/action",
        "change",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/delete",
        "delete",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/backup/action",
        "back up",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/decrypt/action",
        "decrypt",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/unwrap/action",
        "unwrap",
        High,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/encrypt/action",
        "encrypt",
        Medium,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/wrap/action",
        "wrap",
        Medium,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/verify/action",
        "verify",
        Medium,
    ),
    of(
        Key,
        Data,
        "Microsoft.KeyVault/vaults/keys/read",
        "read the public key",
        Low,
    ),
    of(
        Key,
        Control,
        "Microsoft.KeyVault/vaults/keys/read",
        "see the key",
        Low,
    ),
    of(
        Key,
        Control,
        "Microsoft.KeyVault/vaults/write",
        "configure the vault",
        High,
    ),
];

/// Those that can be done on what is of a type.
pub(super) fn on(of_type: TargetType) -> impl Iterator<Item = &'static Notable> {
    NOTABLE
        .iter()
        .filter(move |one| one.on.is_none_or(|on| on == of_type))
}

//! Powers: what somebody can come to hold.

use std::fmt;

use super::directory::{AppRole, DirectoryRole};
use crate::rbac::permission::Permission;
use crate::rbac::scope::Scope;

/// Something that somebody can come to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// The rights of a user, a service principal or a group's members, by object id in lower
    /// case.
    ActAs(String),
    /// A directory role.
    DirectoryRole(DirectoryRole),
    /// An application role of Graph.
    AppRole(AppRole),
    /// Every action at a scope and below, by being assigned what it takes.
    Anything(Scope),
    /// Reading a registry's images.
    Pull(Scope),
    /// Reading and writing a registry's images.
    Push(Scope),
    /// Everything inside a cluster.
    ClusterAdmin(Scope),
    /// Everything with the keys of a vault.
    Keys(Scope),
}

impl Power {
    /// The power to act as somebody.
    pub fn act_as(id: &str) -> Self {
        Self::ActAs(id.to_ascii_lowercase())
    }

    /// What it is good for and where, said in actions; `None` for one that only leads on, or
    /// whose rights are somebody's.
    pub(super) fn permission(&self) -> Option<(&Scope, Permission)> {
        const PULL: &str = "Microsoft.ContainerRegistry/registries/pull/read";
        const PUSH: &str = "Microsoft.ContainerRegistry/registries/push/write";
        Some(match self {
            Self::ActAs(_) | Self::DirectoryRole(_) | Self::AppRole(_) => return None,
            Self::Anything(scope) => (scope, Permission::of(&["*"], &["*"])),
            Self::Pull(scope) => (scope, Permission::of(&[PULL], &[])),
            Self::Push(scope) => (scope, Permission::of(&[PULL, PUSH], &[])),
            Self::ClusterAdmin(scope) => {
                let all = "Microsoft.ContainerService/managedClusters/*";
                (scope, Permission::of(&[], &[all]))
            }
            Self::Keys(scope) => (
                scope,
                Permission::of(&[], &["Microsoft.KeyVault/vaults/keys/*"]),
            ),
        })
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ActAs(id) => write!(f, "act as {id}"),
            Self::DirectoryRole(role @ DirectoryRole::Unknown(_)) => write!(f, "hold {role}"),
            Self::DirectoryRole(role) => write!(f, "be {role}"),
            Self::AppRole(role) => write!(f, "hold {role}"),
            Self::Anything(scope) => write!(f, "do anything at {scope}"),
            Self::Pull(scope) => write!(f, "pull from {scope}"),
            Self::Push(scope) => write!(f, "push to {scope}"),
            Self::ClusterAdmin(scope) => write!(f, "administer {scope} from inside"),
            Self::Keys(scope) => write!(f, "use every key of {scope}"),
        }
    }
}

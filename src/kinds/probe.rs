//! What can be tried on a target, to see whether somebody may: the words of `probes` in
//! `rbac/capabilities.toml`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TargetType;

/// Something that is tried with somebody's own token.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Pull an image from a registry.
    Pull,
    /// Push an image to a registry.
    Push,
    /// Delete an image from a registry.
    Delete,
    /// Have a registry import an image.
    Import,
    /// Roll out a workload in each service's namespace of a cluster.
    Deploy,
    /// The same in a namespace that is no service's.
    DeployElsewhere,
    /// Read a secret in each service's namespace of a cluster.
    Secrets,
    /// Sign with a key.
    Sign,
    /// Verify with a key.
    Verify,
}

impl Probe {
    /// Every probe, in the order in which people read them.
    pub const ALL: [Self; 9] = [
        Self::Pull,
        Self::Push,
        Self::Delete,
        Self::Import,
        Self::Deploy,
        Self::DeployElsewhere,
        Self::Secrets,
        Self::Sign,
        Self::Verify,
    ];

    /// What it can be tried on.
    pub fn target(self) -> TargetType {
        match self {
            Self::Pull | Self::Push | Self::Delete | Self::Import => TargetType::Registry,
            Self::Deploy | Self::DeployElsewhere | Self::Secrets => TargetType::Cluster,
            Self::Sign | Self::Verify => TargetType::Key,
        }
    }

    /// Every probe of a sort of target.
    pub fn on(target: TargetType) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |probe| probe.target() == target)
    }

    /// What has to be given for it to work, of the control plane and of the data plane.
    pub fn actions(self) -> (&'static [&'static str], &'static [&'static str]) {
        const CREDENTIAL: &str =
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action";
        const ROLL_OUT: &str = "Microsoft.ContainerService/managedClusters/apps/deployments/write";
        const SECRETS: &str = "Microsoft.ContainerService/managedClusters/secrets/read";
        match self {
            Self::Pull => (&["Microsoft.ContainerRegistry/registries/pull/read"], &[]),
            Self::Push => (&["Microsoft.ContainerRegistry/registries/push/write"], &[]),
            Self::Delete => (
                &["Microsoft.ContainerRegistry/registries/artifacts/delete"],
                &[],
            ),
            Self::Import => (
                &["Microsoft.ContainerRegistry/registries/importImage/action"],
                &[],
            ),
            Self::Deploy => (&[CREDENTIAL], &[ROLL_OUT]),
            Self::DeployElsewhere => (&[], &[ROLL_OUT]),
            Self::Secrets => (&[], &[SECRETS]),
            Self::Sign => (&[], &["Microsoft.KeyVault/vaults/keys/sign/action"]),
            Self::Verify => (&[], &["Microsoft.KeyVault/vaults/keys/verify/action"]),
        }
    }

    /// Its word in TOML and in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::Import => "import",
            Self::Deploy => "deploy",
            Self::DeployElsewhere => "deploy-elsewhere",
            Self::Secrets => "secrets",
            Self::Sign => "sign",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_toml_and_every_target_has_some() {
        for probe in Probe::ALL {
            let word = serde_json::to_string(&probe).expect("json");
            assert_eq!(word, format!("\"{probe}\""));
        }
        let of = [TargetType::Registry, TargetType::Cluster, TargetType::Key];
        let all: usize = of.map(|target| Probe::on(target).count()).iter().sum();
        assert_eq!(all, Probe::ALL.len());
    }
}

//! Which of Azure's services a request means, by host and path.

use super::Call;
use crate::kubernetes::SUFFIX;

/// A service that is played here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plane {
    /// `/emulator/…`
    Control,
    /// Tokens and what clients look up before they ask for one.
    Entra,
    /// Resource Manager.
    Arm,
    /// Microsoft Graph, under `/v1.0` and `/beta`.
    Graph,
    /// `NAME.vault.localhost`
    Vault(String),
    /// `NAME.azurecr.localhost`
    Registry(String),
    /// `NAME.azmk8s.localhost`
    Cluster(String),
    /// `NAME.ingest.monitor.localhost`
    Ingestion,
}

impl Plane {
    pub fn of(call: &Call) -> Self {
        if let Some(name) = call.host.strip_suffix(".vault.localhost") {
            return Self::Vault(name.to_owned());
        }
        if let Some(name) = call.host.strip_suffix(".azurecr.localhost") {
            return Self::Registry(name.to_owned());
        }
        if let Some(name) = call.host.strip_suffix(SUFFIX) {
            return Self::Cluster(name.to_owned());
        }
        if call.host.ends_with(".ingest.monitor.localhost") {
            return Self::Ingestion;
        }
        let lower = call.path.to_ascii_lowercase();
        let segments: Vec<&str> = lower.split('/').filter(|s| !s.is_empty()).collect();
        match segments.as_slice() {
            ["emulator", ..] => Self::Control,
            ["v1.0" | "beta", ..] => Self::Graph,
            ["metadata", "endpoints"] | ["common", "discovery", "instance"] => Self::Entra,
            [_, "oauth2", ..]
            | [_, ".well-known", ..]
            | [_, "v2.0", ".well-known", ..]
            | [_, "discovery", ..] => Self::Entra,
            _ => Self::Arm,
        }
    }
}

//! `Microsoft.ManagedIdentity`: user-assigned identities and what may sign in as them.

mod federated_credential;
mod user_assigned;

pub use federated_credential::FederatedCredential;
pub use user_assigned::UserAssigned;

use crate::arm::{ArmError, Source};

/// Versions of the provider, newest first.
const VERSIONS: &[&str] = &[
    "2024-11-30",
    "2023-07-31-preview",
    "2023-01-31",
    "2022-01-31-preview",
    "2018-11-30",
];

/// 400 of the provider.
fn bad(message: impl Into<String>) -> ArmError {
    ArmError::new(Source::Provider, 400, "BadRequest", message)
}

/// The id as the provider prints it: with `resourcegroups` in lower case.
fn printed(id: &str) -> String {
    id.replacen("/resourceGroups/", "/resourcegroups/", 1)
}

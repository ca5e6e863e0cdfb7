//! TOML to validated types: a root folder goes in, a [`Configuration`] comes out.
//!
//! `environments/common.toml` is put under each `environments/NAME.toml`, key by key, in a tree
//! that remembers where everything was written; `[shared]` in it is an environment of its own.
//! `rbac/*.toml` is resolved into each environment's [`Access`](crate::kinds::Access).
//! Invariants: a [`Configuration`] is free of mistakes, those of Azure's naming rules and of the
//! kinds' own checks included; [`ConfigErrors`] holds all mistakes of all files at once, and no
//! mistake in it is the mere consequence of another; no input makes it panic. It must not talk to
//! Azure, write a file, read one outside the root folder, or know a single kind: their tables are
//! [`Sections`](crate::kinds::Sections).

mod azure;
mod base;
mod checked;
mod configuration;
mod control;
mod decode;
mod environment;
mod excerpt;
mod export;
mod files;
mod load;
mod mistake;
mod near;
mod parse;
mod rbac;
mod reader;
mod schema;
mod sources;
mod tables;
mod tags;
mod tree;
mod wrong;

#[cfg(test)]
mod tests;

pub use azure::{AzureSettings, CloudChoice, CredentialChoice, CustomEndpoints, HostSuffix};
pub use configuration::{Configuration, Environment, SettingsError};
pub use control::{BlobStore, ControlSettings, ControlStore, StoreCloud, StoreCredential};
pub use excerpt::Location;
pub use export::ExportSettings;
pub use load::load;
pub use mistake::{ConfigErrors, Mistake};
pub use schema::{
    capabilities_schema, common_schema, environment_schema, matrix_schema, principals_schema,
};
pub use sources::Sources;
pub use wrong::Wrong;

/// The sample files, by their paths from the root folder: a small organisation with three
/// environments and who may do what in them, on the local Azure. `init` writes them.
pub const SAMPLES: &[(&str, &str)] = &[
    (
        "environments/common.toml",
        include_str!("../../environments/common.toml"),
    ),
    (
        "environments/dev.toml",
        include_str!("../../environments/dev.toml"),
    ),
    (
        "environments/staging.toml",
        include_str!("../../environments/staging.toml"),
    ),
    (
        "environments/prod.toml",
        include_str!("../../environments/prod.toml"),
    ),
    (
        "rbac/principals.toml",
        include_str!("../../rbac/principals.toml"),
    ),
    (
        "rbac/capabilities.toml",
        include_str!("../../rbac/capabilities.toml"),
    ),
    ("rbac/matrix.toml", include_str!("../../rbac/matrix.toml")),
];

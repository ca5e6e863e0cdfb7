//! The data plane of registries: who gets which token, and what lies in repositories.
//!
//! A request for `NAME.azurecr.localhost` finds its registry, passes the registry's network
//! rules, gets or shows a token, and only then reaches a repository. Tokens carry the scopes
//! that access control, a scope map or anonymous pull gave when they were issued. Manifests,
//! tags and what is linked to a repository are facts of the registry; bytes of blobs lie
//! once for all registries in the data folder. Registries themselves are ARM's business
//! (`types/registry.rs`), and imports of images use [`copy`].
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>
//! <https://learn.microsoft.com/rest/api/containerregistry/>

mod access;
mod attributes;
mod blobs;
mod copy;
mod fault;
mod front_door;
mod layers;
mod lists;
mod login;
mod manifest;
mod manifests;
mod reference;
mod request;
mod scope;
mod store;
mod sweep;
mod tokens;

pub use access::{anonymous, may_import, may_pull, may_read};
pub use blobs::{BLOBS, Blobs, Uploads};
pub use copy::{Refused, Source, conflict, copy, exists};
pub use front_door::answer;
pub use login::{Shown, knows};
pub use reference::{Reference, Version};
pub use store::{bytes_in, modernise};
pub use sweep::sweep;

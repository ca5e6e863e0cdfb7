//! What a principal could obtain beyond what it effectively may do.
//!
//! Effective permission, facts of the directory and facts of resources → the closure over
//! [`STEPS`], each power with the path that leads to it. Nothing here reads: what could not be
//! read is `None` in the facts and makes a step possible instead of certain.

mod closure;
mod cluster_steps;
mod directory;
mod directory_steps;
mod facts;
mod power;
mod resource_steps;
mod step;

pub use closure::{Link, Obtainable, Obtained, obtain};
pub use directory::{AppRole, DirectoryRole};
pub use facts::{
    Application, Cluster, Directory, Ground, GroupFacts, Identity, Registry, RegistryToken,
    Resources, ServicePrincipal, Vault,
};
pub use power::Power;
pub use step::{STEPS, Step};

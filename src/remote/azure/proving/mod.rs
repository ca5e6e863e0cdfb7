//! Asking with somebody else's token: [`crate::proof`]'s ports on real services.
//!
//! [`SignInAs`] signs in as a principal or a person, and what comes of it asks Resource Manager,
//! vaults, registries and clusters. Invariants: a token goes to the cloud's own hosts only, and to
//! a cluster's own; what a service refuses is an answer; no token is logged.

mod cluster;
mod local;
mod registry;
mod reply;
mod sign_in;
mod voice;

pub use local::LocalIssuer;
pub use sign_in::SignInAs;

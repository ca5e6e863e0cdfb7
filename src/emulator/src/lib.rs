//! A local Azure: Resource Manager, Entra's token endpoint and Microsoft Graph on a
//! loopback port, answering as Azure does. It knows nothing of the program that uses it.
//!
//! ```text
//! server/   a request becomes a Call, is routed by host and path, and an Answer goes back
//! graph/    Microsoft Graph: applications, service principals, groups, users
//! control/  /emulator/…: clock, faults, outages, snapshots, the request log
//! entra/    tokens: who is calling
//! vault/    the data plane of Key Vault: keys and what is done with them
//! registry/ the data plane of registries: tokens, manifests, blobs, referrers
//! kubernetes/ the API of clusters, as far as deployments need it
//! ingestion where Azure Monitor takes logs
//! arm/      the front door (order of checks, locks, paging, operations), the same for all types
//! access/   role-based access control: what a principal holds, and what follows
//! types/    one file per ARM type: what its provider accepts, adds and refuses
//! state/    the world: objects and operations, an append-only log, snapshots, the clock
//! ```
//!
//! The state knows nothing of Azure, `arm` nothing of particular types: it finds them in
//! the table of `types`. **Adding a type** is a file there and a line in that table.

// A test that goes through a list of cases may be longer.
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod access;
mod arm;
mod azure;
mod certificate;
mod control;
mod emulator;
mod endpoint;
mod entra;
mod graph;
mod ingestion;
mod kubernetes;
mod process;
mod reach;
mod registry;
mod seeds;
mod server;
mod settings;
mod state;
mod types;
mod vault;

pub use emulator::Emulator;
pub use endpoint::{Credential, Endpoint};
pub use process::{Access, Busy, StartError, discard, open};
pub use settings::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT, Pace, Settings};

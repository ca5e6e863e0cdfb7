//! The emulator over HTTP, as a client of Azure meets it.

mod client;
mod clusters;
mod cluster_identities;
mod control;
mod diagnostics;
mod entra;
mod front_door;
mod groups;
mod identities;
mod images;
mod locks;
mod networks;
mod operations;
mod persistence;
mod private_dns;
mod private_endpoints;
mod registries;
mod replications;
mod workspaces;

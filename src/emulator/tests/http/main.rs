//! The emulator over HTTP, as a client of Azure meets it.

mod access;
mod client;
mod cluster_identities;
mod clusters;
mod control;
mod decisions;
mod diagnostics;
mod directory;
mod entra;
mod federation;
mod front_door;
mod graph;
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
mod roles;
mod tls;
mod workspaces;

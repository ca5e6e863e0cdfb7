//! The emulator over HTTP, as a client of Azure meets it.

mod client;
mod clusters;
mod cluster_identities;
mod control;
mod entra;
mod front_door;
mod groups;
mod images;
mod locks;
mod operations;
mod persistence;
mod registries;
mod replications;

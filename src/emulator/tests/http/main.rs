//! The emulator over HTTP, as a client of Azure meets it.

mod access;
mod client;
mod control;
mod directory;
mod entra;
mod federation;
mod front_door;
mod graph;
mod groups;
mod images;
mod locks;
mod operations;
mod persistence;
mod registries;
mod replications;
mod roles;

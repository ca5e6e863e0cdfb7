//! Key Vault over HTTP, as a client of Azure meets it.

mod access;
mod client;
mod deleted_keys;
mod keys;
mod vaults;

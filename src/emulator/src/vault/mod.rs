//! Key Vault's data plane: keys, what is done with them, and who may do it.
//!
//! A request for `NAME.vault.localhost` is challenged, finds its vault, passes the vault's
//! network rules and its access policies or roles, and only then reaches a key. A live key
//! is an object below its vault, so that ARM and role assignments can speak of it; its
//! versions and private material are the object's hidden part, what ARM shows its body. A deleted key is a fact of
//! its vault. Vaults themselves are ARM's business (`types/vault.rs`).
//! <https://learn.microsoft.com/rest/api/keyvault/keys/operation-groups>

mod access;
mod api;
mod backup;
mod change;
mod create;
mod crypto;
mod curve;
mod der;
mod fault;
mod front_door;
mod key;
mod material;
mod operate;
mod read;
mod request;
mod rotation;
mod show;
mod store;

pub use create::{Order, make, valid_name};
pub use fault::VaultError;
pub use front_door::answer;
pub use key::{Key, Version, recovery_level, retention};
pub use show::described;
pub use store::{DELETED, KEYS, blocked, key_of, object_of};

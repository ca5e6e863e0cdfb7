//! How the program behaves, seen from outside: the real binary on the real local Azure.

mod access;
mod approvals;
mod audit_log;
mod azurite;
mod bad_input;
mod beforehand;
mod bootstrap;
mod clusters;
mod crashes;
mod diagnostics;
mod directory;
mod effective;
mod estate;
mod exchange;
mod export;
mod first_light;
mod grants;
mod kept;
mod laws;
mod moved;
mod planted;
mod private_network;
mod program;
mod proof;
mod protection;
mod reading;
mod revoking;
mod saved_plans;
mod scenarios;
mod served;
mod serving;
#[cfg(unix)]
mod stops;
mod storms;
mod subscriptions;
#[cfg(unix)]
mod sweep;
mod tampering;
mod team;
mod unheard;
mod vault_client;
mod vaults;
mod wider_access;

//! How the program behaves, seen from outside: the real binary on the real local Azure.

mod access;
mod bad_input;
mod clusters;
mod diagnostics;
mod directory;
mod effective;
mod estate;
mod first_light;
mod grants;
mod laws;
mod planted;
mod private_network;
mod program;
mod proof;
mod reading;
mod saved_plans;
mod scenarios;
mod serving;
mod vault_client;
mod vaults;
mod wider_access;

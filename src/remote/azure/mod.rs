//! Azure behind the ports: one client for Resource Manager, Graph and the vaults' data planes.
//!
//! A request passes [`arm`] (what the ports promise), [`exchange`] (tries until there is an
//! answer that counts), [`throttle`] (waits where Azure asked to), [`tokens`] and
//! [`transport`] (one try on the wire). Answers go back through [`refusal`] and [`error`]
//! (what a refusal means, by [`table`]), [`pages`] (collections), [`graph`] (many
//! reads of the directory in one), [`accepted`] and [`long_running`] (operations). [`KeyVault`]
//! speaks to one vault on the same ports, [`Ingestion`] to where Azure Monitor takes logs,
//! [`cluster`] to clusters' own API servers; [`proving`] asks with other people's tokens.
//! Invariants: [`pin`] sees every URL before a token is fetched for it; only [`exchange`]
//! repeats a request; waits between tries and polls go through one [`Clock`]; no token, secret
//! or body is logged.
//!
//! ## Why
//! `azure_core`'s own retry policy is off: it knows neither which POST may be repeated nor
//! ARM's error codes, and two policies on top of each other multiply.

mod accepted;
mod arm;
mod auto;
mod blob;
mod blob_error;
mod client_proof;
mod clock;
mod cloud;
mod cluster;
mod counts;
mod credential;
mod error;
mod exchange;
mod graph;
mod identity;
mod ingestion;
mod kept;
mod key_model;
mod key_vault;
mod long_running;
mod pages;
mod patience;
mod permit;
mod pin;
mod probe;
mod proving;
mod refusal;
mod settings;
mod table;
mod throttle;
mod token_file;
mod tokens;
mod transport;

#[cfg(test)]
mod tests;

pub use arm::Azure;
pub use blob::BlobContainer;
pub use client_proof::Assertions;
pub use clock::{Clock, SystemClock, Timing};
pub use cloud::{Audiences, Cloud, CloudError, CloudName, CustomEndpoints, Endpoints};
pub use counts::RequestCounts;
pub use credential::{Credential, CredentialName, Variables};
pub use ingestion::Ingestion;
pub use key_model::{
    Backup, DeletedKey, KeyAttributes, KeyChanges, KeyId, KeyVersion, KeyVersionItem,
    LifetimeAction, NewKey, PublicKey, RotationPolicy, SignatureAlgorithm, Signed, Trigger,
};
pub use key_vault::KeyVault;
pub use probe::Subscription;
pub use proving::{LocalIssuer, SignInAs};
pub use settings::Settings;
pub use transport::PlainClient;

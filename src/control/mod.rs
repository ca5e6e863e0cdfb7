//! The control store: journal, leases and applied snapshots, on a folder, a container or in memory.
//!
//! It turns the ports of [`crate::provision::ports`] into objects of
//! [`crate::provision::objects`]: a [`Store`] holds `journal/<plan>-<time>.jsonl` (logs of one
//! run), `lease/<environment>` and `applied/<environment>.json`, on a [`Folder`], in
//! [`memory::Memory`], or wherever else objects are kept. Invariants: what is acknowledged is
//! durable; what cannot be read is reported with file and line, and never overwritten; reading
//! creates nothing. It must not know plans, kinds or Azure: the store can be deleted and Azure
//! has lost nothing.
//!
//! ## Why
//! Sealed lines, not a database: people read them with `jq`, and a torn write can be told
//! from a damaged file. A run never writes into another run's log, so that a crash, another
//! version or a second machine cannot spoil what stands.

mod apart;
mod approvals;
pub mod audit;
mod breaks;
mod chain;
mod clock;
mod disk;
mod document;
mod failpoints;
mod folder;
mod journal;
mod keys;
mod lease;
pub mod memory;
mod run;
mod signature;
mod snapshots;
mod store;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod tests;

pub use apart::Apart;
pub use approvals::{Approvals, is_genuine};
pub use clock::{Clock, ManualClock, SystemClock};
pub use failpoints::{FAILPOINT, FailPointError, FailPoints, Pointed};
pub use folder::Folder;
pub use journal::{Journalled, Replay, Torn};
pub use keys::Keys;
pub use signature::verifies;
pub use store::Store;

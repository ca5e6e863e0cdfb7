//! The control store: journal, leases and applied snapshots, on a folder or in memory.
//!
//! It turns the ports of [`crate::provision::ports`] into files: a [`Folder`] holds
//! `journal/<plan>-<time>.jsonl` (one file per run), `lease/<environment>.lock` and
//! `applied/<environment>.json`; [`memory::Memory`] does the same for tests. Invariants: what
//! is acknowledged is on the disk; what cannot be read is reported with file and line, and
//! never overwritten; reading creates nothing. It must not know plans, kinds or Azure: the
//! store can be deleted and Azure has lost nothing.
//!
//! ## Why
//! Sealed lines, not a database: people read them with `jq`, and a torn write can be told
//! from a damaged file. A run never writes into another run's file, so that a crash, another
//! version or a second machine cannot spoil what stands.

mod chain;
mod clock;
mod disk;
mod failpoints;
mod folder;
mod journal;
mod lease;
pub mod memory;
mod run;
mod snapshots;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod contract;

pub use clock::{Clock, ManualClock, SystemClock};
pub use failpoints::{FAILPOINT, FailPointError, FailPoints, Pointed};
pub use folder::Folder;
pub use journal::{Replay, Torn};

//! The audit chain: an append-only log of who did what, each line with the hash of the one before.
//!
//! Records of [`crate::provision::audit`] become links in `audit/000001.jsonl` and following logs;
//! `audit/head.json` says up to where a key of the shared vault has vouched for them, and
//! `export/<rule>/<stream>.json` up to where an [`Export`] has sent them elsewhere. Invariants: a
//! link is never changed or taken away; a line that a crash cut off stays where it is, and the next
//! log goes on; what is wrong is told with its place, and reading goes on behind it. It must not
//! sign: whoever has the key does.
//!
//! ## Why
//! A hash alone tells that something was changed inside of the chain, not that its end is gone or
//! that all of it was made anew: the signed head does. Nor does a hash tell who wrote an entry: what
//! a run is about to sign and has not written itself it first says to have found unsigned.

mod export;
mod head;
mod ledger;
mod link;
mod reading;
mod row;

#[cfg(test)]
mod tests;

pub use export::{Export, ExportError, Exported};
pub use head::{Head, SignedHead};
pub use ledger::{Ledger, machine};
pub(super) use ledger::{has_logs, is_log};
pub use link::Link;
pub use reading::{Flaw, Reading};

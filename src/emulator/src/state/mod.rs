//! What an emulator remembers, and for how long.
//!
//! One [`World`] holds everything; [`Store`] guards it, logs each transaction before it
//! is answered and gives snapshots away for free. Nothing here knows HTTP or Azure, and
//! nothing stored holds a port.

mod clock;
mod log;
mod operation;
mod store;
mod world;

pub use clock::{Clock, Moment};
pub use log::LogError;
pub use operation::{Effect, Failure, Operation, Outcome, Polling};
pub use store::{STATE, Store, Txn};
pub use world::{Object, World};

//! Proving: what each principal may do, measured by calls with its own token.
//!
//! Declared access and what stands go in, a [`Proof`] comes out: for everybody of `rbac/` and
//! every registry, cluster and key the answers to each [`Probe`](crate::kinds::Probe), held
//! against what the capabilities in the matrix say. [`whom`] says who is tried and what for,
//! [`ground`] where things are, [`attempt`] what is asked, [`answer`] what it means.
//! Invariants: nothing here reads a role assignment, and nothing of the layer `rbac` is used: the
//! two are told apart by a test. What was not answered is not measured, never refused. No call
//! leaves anything behind. It must not know HTTP, tokens or a particular cloud.

mod answer;
mod api_server;
mod attempt;
mod ground;
mod ports;
mod prove;
#[cfg(test)]
mod tests;
mod whom;

pub use answer::{Measured, Step, Way};
pub use api_server::ApiServer;
pub use ground::{Ground, Place, read};
pub use ports::{Caller, Identity, Issued, Plain, Reply, SignIns};
pub use prove::{Cell, Proof, Row, Try, Verdict, prove};
pub use whom::{Declared, Somebody, declared, everybody};

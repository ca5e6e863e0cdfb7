//! Test support: toy kinds, a cloud in memory, and worlds that are built, frozen and edited.
//!
//! A test builds a [`World`], freezes it as live state with [`World::live`], edits one side and
//! looks at the plan. The [`FakeCloud`] refuses what Azure refuses (locks, missing parents, a
//! cluster without a pool), fails on demand, and logs every request.

mod cloud;
mod fault;
mod kinds;
mod run;
mod sketch;
mod world;

pub(crate) use cloud::FakeCloud;
pub(crate) use fault::{What, failure};
pub(crate) use kinds::{KINDS, STORE};
pub(crate) use run::{Rig, approve};
pub(crate) use sketch::{Sketch, cases, sketch};
pub(crate) use world::{World, address, name, order, show};

//! Leases: one writer per environment, by locked files or by leases that end by themselves.
//!
//! Each environment has a record that says who holds its lease and the fencing number that the
//! last acquisition got. A number is higher than that of every holder before, so that what two
//! holders wrote can be put in order whatever their clocks said.

mod files;
mod finite;
mod record;

pub(super) use files::FileLeases;
pub(super) use finite::FiniteLeases;
pub(super) use record::who;

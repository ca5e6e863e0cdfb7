#![doc = include_str!("README.md")]
// A test that goes through a list of cases may be longer.
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

pub mod config;
pub mod control;
pub mod kinds;
pub mod proof;
pub mod provision;
pub mod rbac;
pub mod remote;
pub mod report;
pub mod resource;

#![doc = include_str!("README.md")]

pub mod config;
pub mod control;
pub mod kinds;
pub mod proof;
pub mod provision;
pub mod rbac;
pub mod remote;
pub mod report;
pub mod resource;

//! `Microsoft.Storage` as far as keeping blobs goes: accounts, their blob service, containers
//! and what makes those immutable. Blobs themselves are not kept here.

mod account;
mod account_actions;
mod account_fields;
mod blob_service;
mod connection;
mod container;
mod immutability_policy;
mod provider;

pub use account_actions::check_name;

use crate::arm::ResourceType;

/// The types of the namespace.
pub static TYPES: &[&dyn ResourceType] = &[
    &account::Account,
    &blob_service::BlobService,
    &container::Container,
    &immutability_policy::ImmutabilityPolicy,
    &connection::Connection,
];

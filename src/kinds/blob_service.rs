//! The blob service of a storage account: what it keeps of what is overwritten and deleted.
//!
//! Reference: Microsoft.Storage `storageAccounts/blobServices`, api-version 2023-05-01. There is
//! one, `default`, which comes with its account and cannot be deleted. It has neither tags nor
//! PATCH.

use serde_json::json;

use super::Sections;
use super::storage_account::{self, API_VERSION};
use super::store_section::KEPT;
use crate::resource::{
    AddressError, Carrier, Field, Kind, Literal, Meta, Place, Problem, ReadMode, Resource,
    Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of blob services.
pub struct BlobService;

/// A switch that brings back what was lost.
const fn keeps(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::Bool(true))
        .absent(Literal::Bool(false))
        .severity(Severity::High)
}

const fn days(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::Int(90))
        .absent(Literal::None)
        .severity(Severity::High)
}

static META: Meta = Meta {
    name: "blob service",
    arm_type: "Microsoft.Storage/storageAccounts/blobServices",
    api_version: API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: storage_account::NAME,
        collection: "/blobServices",
    },
    update: UpdateMode::Put,
    fields: &[
        keeps("properties.isVersioningEnabled"),
        keeps("properties.deleteRetentionPolicy.enabled"),
        days("properties.deleteRetentionPolicy.days"),
        Field::new("properties.deleteRetentionPolicy.allowPermanentDelete")
            .or(Literal::Bool(false))
            .severity(Severity::High),
        keeps("properties.containerDeleteRetentionPolicy.enabled"),
        days("properties.containerDeleteRetentionPolicy.days"),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.cors",
            reason: "for browsers, which have nothing to look for here",
        },
        Unmanaged {
            path: "properties.changeFeed",
            reason: "a log of changes for whoever reads along; it costs and protects nothing",
        },
        Unmanaged {
            path: "properties.restorePolicy",
            reason: "puts all containers back to a moment, and does not go with append-only ones",
        },
        Unmanaged {
            path: "properties.lastAccessTimeTrackingPolicy",
            reason: "for lifecycle rules, of which there are none",
        },
        Unmanaged {
            path: "properties.automaticSnapshotPolicyEnabled",
            reason: "what versioning took the place of",
        },
        Unmanaged {
            path: "properties.defaultServiceVersion",
            reason: "for clients that do not say which version they speak",
        },
    ],
    read_only: &["sku"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for BlobService {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn keeps(&self) -> Option<&'static str> {
        Some(KEPT)
    }

    /// It comes with its account, as Azure makes it.
    fn resurfaces(&self) -> bool {
        true
    }
}

/// The blob service of the control store's account.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.store, &sections.group) else {
        return Ok(Vec::new());
    };
    let account = place.address("store")?;
    let id = section.service_id(&place.group_id(&group.name));
    let properties = Value::from(json!({ "properties": {
        "deleteRetentionPolicy": { "days": section.soft_delete_days },
        "containerDeleteRetentionPolicy": { "days": section.container_soft_delete_days },
    }}));
    let address = account.child("blobs")?;
    let service = Resource::new(place, &BlobService, address, id.into(), properties);
    Ok(vec![service.inside(&account)])
}

/// The account's own check covers its days.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

//! Containers of a storage account, as ARM sees them.
//!
//! Reference: Microsoft.Storage `storageAccounts/blobServices/containers`, api-version 2023-05-01.
//! A container has no tags: it is ours by its marked account and its declared name.

use serde_json::json;

use super::Sections;
use super::storage_account::{self, API_VERSION};
use super::store_section::KEPT;
use crate::resource::{
    AddressError, Carrier, Compare, Field, Kind, Literal, Meta, Place, ReadMode, Resource,
    Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of containers.
pub struct BlobContainer;

static META: Meta = Meta {
    name: "container",
    arm_type: "Microsoft.Storage/storageAccounts/blobServices/containers",
    api_version: API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: storage_account::NAME,
        collection: "/blobServices/default/containers",
    },
    update: UpdateMode::Patch,
    fields: &[Field::new("properties.publicAccess")
        .or(Literal::Text("None"))
        .compare(Compare::IgnoreCase)
        .severity(Severity::Critical)],
    unmanaged: &[
        Unmanaged {
            path: "properties.metadata",
            reason: "notes of whoever uses the container",
        },
        Unmanaged {
            path: "properties.immutabilityPolicy",
            reason: "a resource of its own",
        },
        Unmanaged {
            path: "properties.legalHold",
            reason: "put on and taken off by whoever has to, for as long as they have to",
        },
        Unmanaged {
            path: "properties.immutableStorageWithVersioning",
            reason: "immutability of single versions; a policy on the whole is used instead",
        },
        Unmanaged {
            path: "properties.defaultEncryptionScope",
            reason: "Microsoft's keys; taken on create only",
        },
        Unmanaged {
            path: "properties.denyEncryptionScopeOverride",
            reason: "goes with encryption scopes, of which there are none",
        },
    ],
    read_only: &[
        "properties.deleted",
        "properties.remainingRetentionDays",
        "properties.lastModifiedTime",
        "properties.leaseStatus",
        "properties.leaseState",
        "properties.hasImmutabilityPolicy",
        "properties.hasLegalHold",
    ],
    stateful: true,
    is_guard: false,
    outputs: &[],
};

impl Kind for BlobContainer {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn keeps(&self) -> Option<&'static str> {
        Some(KEPT)
    }
}

/// The containers of the control store's account.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.store, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let account = place.address("store")?;
    let service = account.child("blobs")?;
    let containers = section.containers.keys().map(|name| {
        let id = section.container_id(&group_id, name);
        let address = account.child("container")?.child(name)?;
        let properties = Value::from(json!({}));
        let container = Resource::new(place, &BlobContainer, address, id.into(), properties);
        Ok(container.inside(&service))
    });
    containers.collect()
}

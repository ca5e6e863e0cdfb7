//! Management locks on what must not be deleted or changed by accident.
//!
//! Reference: Microsoft.Authorization `locks`, api-version 2020-05-01. A lock works at its scope
//! and below; it refuses the DELETE of role assignments and diagnostic settings there, too.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{GroupSection, Sections};
use crate::resource::{
    Address, AddressError, Blocks, Carrier, Compare, Field, Guard, Kind, Meta, Place, Problem,
    ReadMode, Resource, Unmanaged, UpdateMode, Value,
};

/// What a lock refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum LockLevel {
    /// Deletes, at its scope and below.
    CanNotDelete,
    /// Deletes and changes. Also refuses actions such as image imports.
    ReadOnly,
}

/// The kind of management locks.
pub struct Lock;

/// The name of every lock that we set: one per scope.
const NAME: &str = "onestream";

static META: Meta = Meta {
    name: "lock",
    arm_type: "Microsoft.Authorization/locks",
    api_version: "2020-05-01",
    carrier: Carrier::Note("properties.notes"),
    read: ReadMode::List("/providers/Microsoft.Authorization/locks"),
    update: UpdateMode::Put,
    fields: &[
        Field::new("properties.level")
            .compare(Compare::IgnoreCase)
            .severity(GroupSection::LOCK_SEVERITY),
        Field::new("properties.notes"),
    ],
    unmanaged: &[Unmanaged {
        path: "properties.owners",
        reason: "for Azure applications that lock what they made; no API sets it for us",
    }],
    read_only: &["properties.owners"],
    stateful: false,
    is_guard: true,
    outputs: &[],
};

impl Kind for Lock {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn guard(&self, id: &str, live: &Json) -> Option<Guard> {
        let id = id.to_lowercase();
        let (scope, _) = id.rsplit_once("/providers/microsoft.authorization/locks/")?;
        let level = live.get("properties")?.get("level")?.as_str()?;
        let blocks = if level.eq_ignore_ascii_case("ReadOnly") {
            Blocks::Writes
        } else {
            Blocks::Deletes
        };
        Some(Guard {
            scope: scope.to_owned(),
            blocks,
        })
    }

    fn orphan_path(&self, id: &str) -> String {
        let id = id.to_lowercase();
        let scope = id
            .split("/providers/microsoft.authorization/")
            .next()
            .unwrap_or(&id);
        crate::resource::orphan_path("lock", scope)
    }
}

/// The locks of an environment: one on each thing that asks for one.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let mut locks = Vec::new();
    let Some(group) = &sections.group else {
        return Ok(locks);
    };
    let group_id = place.group_id(&group.name);
    if let Some(level) = group.lock {
        locks.push(lock(place, &place.address("group")?, &group_id, level)?);
    }
    let registry = sections.registry.as_ref();
    let registry = registry.map(|it| ("registry", it.id(&group_id), it.lock));
    let vault = sections.vault.as_ref();
    let vault = vault.map(|it| ("vault", it.id(&group_id), it.lock));
    for (key, scope, level) in registry.into_iter().chain(vault) {
        if let Some(level) = level {
            locks.push(lock(place, &place.address(key)?, &scope, level)?);
        }
    }
    Ok(locks)
}

fn lock(
    place: &Place,
    target: &Address,
    scope: &str,
    level: LockLevel,
) -> Result<Resource, AddressError> {
    let notes = format!("Lifted by a reviewed plan only ({target}).");
    let level = match level {
        LockLevel::CanNotDelete => "CanNotDelete",
        LockLevel::ReadOnly => "ReadOnly",
    };
    let properties = Value::from(json!({ "properties": { "level": level, "notes": notes } }));
    let id = format!("{scope}/providers/Microsoft.Authorization/locks/{NAME}");
    let address = target.child("lock")?;
    Ok(Resource::new(place, &Lock, address, id.into(), properties).inside(target))
}

/// Locks say nothing that could be wrong beyond their types.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

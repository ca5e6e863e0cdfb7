//! Resource groups: what everything of an environment lives in.
//!
//! Reference: Microsoft.Resources `resourceGroups`, api-version 2021-04-01.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{LockLevel, Sections};
use crate::resource::{
    APPROVALS_TAG, AddressError, Carrier, Change, Compare, Field, Kind, Meta, Method,
    PROTECTED_TAG, Place, Problem, ReadMode, Request, Resource, Severity, Unmanaged, UpdateMode,
    Value,
};

/// `[group]`: the environment's resource group.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSection {
    /// Its name: 1 to 90 letters, digits, `_`, `-`, `.`, `(` and `)`, no `.` at the end.
    pub name: String,
    /// A management lock on the group and everything in it.
    pub lock: Option<LockLevel>,
}

/// The kind of resource groups.
pub struct ResourceGroup;

static META: Meta = Meta {
    name: "resource group",
    arm_type: "Microsoft.Resources/resourceGroups",
    api_version: "2021-04-01",
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/resourcegroups"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location").compare(Compare::Region).change(Change::Refuse(
            "a resource group keeps its region: declare a group of another name there, move what \
             it holds, then remove this one",
        )),
        Field::tags().protecting(&[PROTECTED_TAG, APPROVALS_TAG]),
    ],
    unmanaged: &[
        Unmanaged { path: "managedBy", reason: "set by Azure on groups that a service owns" },
        Unmanaged { path: "properties.provisioningState", reason: "Azure's own progress" },
    ],
    read_only: &["managedBy", "properties.provisioningState"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for ResourceGroup {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn contents(&self, id: &str) -> Option<Request> {
        Some(Request::arm(
            Method::Get,
            format!("{id}/resources"),
            META.api_version,
        ))
    }

    fn unmanageable(&self, _id: &str, body: &Json, _parent: Option<&Value>) -> Option<String> {
        let manager = body.get("managedBy").and_then(Json::as_str);
        manager.filter(|id| !id.is_empty()).map(str::to_owned)
    }
}

/// The group of an environment.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let Some(section) = &sections.group else {
        return Ok(Vec::new());
    };
    let mut tags = json!({ PROTECTED_TAG: place.protected.to_string() });
    if let Some(terms) = &place.approval {
        tags[APPROVALS_TAG] = json!(terms.to_string());
    }
    let properties = Value::from(json!({ "location": place.primary, "tags": tags }));
    Ok(vec![Resource::new(
        place,
        &ResourceGroup,
        place.address("group")?,
        place.group_id(&section.name).into(),
        properties,
    )])
}

/// Azure's rules for group names.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.group else {
        return Vec::new();
    };
    let name = &section.name;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '(' | ')');
    let fits = (1..=90).contains(&name.chars().count());
    if fits && name.chars().all(plain) && !name.ends_with('.') {
        return Vec::new();
    }
    vec![
        Problem::at(
            "group.name",
            format!("`{name}` is not a resource group name"),
        )
        .help("1 to 90 letters, digits, `_`, `-`, `.`, `(` and `)`, with no `.` at the end"),
    ]
}

impl GroupSection {
    /// How bad it is when a lock is weaker than declared.
    pub(super) const LOCK_SEVERITY: Severity = Severity::High;
}

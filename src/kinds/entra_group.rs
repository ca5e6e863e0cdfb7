//! Entra groups of ours: who approves, and who signs what may go to production.
//!
//! Reference: Microsoft Graph v1.0 `group`. A group that is only referred to is none of these.

use serde_json::{Value as Json, json};

use super::{Members, Sections, graph};
use crate::resource::{
    AddressError, Carrier, Compare, Field, Kind, Literal, Meta, Method, Place, Problem, ReadMode,
    Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of Entra groups.
pub struct EntraGroup;

const COLLECTION: &str = "groups";
const KEY: &str = "uniqueName";
/// What the names of ours begin with where the estate has no name of its own; the others are
/// found by their ids.
const PREFIX: &str = "onestream-";

/// What is read of a group.
const READ: &[&str] = &[
    "id",
    KEY,
    "displayName",
    "description",
    "securityEnabled",
    "groupTypes",
];

static META: Meta = Meta {
    name: "entra group",
    arm_type: "microsoft.graph.group",
    api_version: graph::VERSION,
    carrier: Carrier::Note("description"),
    read: ReadMode::DataPlane,
    update: UpdateMode::Patch,
    fields: &[
        Field::new("displayName").severity(Severity::Low),
        Field::new("description").severity(Severity::Low),
        Field::new("securityEnabled")
            .or(Literal::Bool(true))
            .absent(Literal::None)
            .severity(Severity::High),
        // A dynamic group takes in whoever a rule fits.
        Field::new("groupTypes")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
    ],
    unmanaged: &[
        Unmanaged {
            path: "mailEnabled",
            reason: "a security group without a mailbox stays one",
        },
        Unmanaged {
            path: "mailNickname",
            reason: "it names nothing without a mailbox",
        },
        Unmanaged {
            path: "isAssignableToRole",
            reason: "Graph takes it on create only, and never again",
        },
    ],
    read_only: &["id", KEY],
    stateful: true,
    is_guard: false,
    outputs: &[("objectId", "id")],
};

impl Kind for EntraGroup {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn get(&self, id: &str) -> Request {
        graph::read(id, READ)
    }

    fn list(&self, path: &str) -> Request {
        graph::read(path, READ)
    }

    /// By the nickname: Graph finds no word at the end of a description.
    fn marked(&self) -> Option<Request> {
        let filter = format!("startswith(mailNickname,'{PREFIX}')");
        Some(self.list("/v1.0/groups").query("$filter", filter))
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let mut body = desired.clone();
        body["mailEnabled"] = json!(false);
        body["mailNickname"] = json!(graph::key(id, COLLECTION, KEY));
        graph::upsert(id, body)
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        graph::update(&META, id, live, desired, changed)
    }

    fn delete(&self, id: &str) -> Request {
        graph::request(Method::Delete, id)
    }

    fn lags(&self) -> bool {
        true
    }

    fn id_of(&self, _within: &str, body: &Json) -> Option<String> {
        graph::id_of(COLLECTION, KEY, body)
    }

    fn is_id(&self, id: &str) -> bool {
        graph::key(id, COLLECTION, KEY).is_some()
    }

    fn orphan_path(&self, id: &str) -> String {
        let name = graph::key(id, COLLECTION, KEY).unwrap_or(id);
        crate::resource::orphan_path(META.name, name)
    }
}

/// The id of a group of ours.
pub(super) fn id(place: &Place, people: &str) -> String {
    graph::id(COLLECTION, KEY, &format!("{}-{people}", place.estate))
}

/// Every group of ours.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let people = sections.access.people.iter();
    let ours = people.filter(|(_, people)| matches!(people.membership, Members::Ours(_)));
    ours.map(|(name, people)| {
        let address = place.address(&format!("people.{name}"))?;
        let properties = Value::from(json!({
            "displayName": people.display_name,
            "description": people.description,
        }));
        Ok(Resource::new(
            place,
            &EntraGroup,
            address,
            id(place, name).into(),
            properties,
        ))
    })
    .collect()
}

/// Nothing: what could be wrong has been checked with `rbac/`.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    #[test]
    fn only_groups_of_ours_are_declared() {
        let declared = declare(&testing::shared(), &testing::with_access()).expect("addresses");
        let addresses: Vec<_> = declared.iter().map(|r| r.address.as_str()).collect();
        assert_eq!(addresses, ["shared.people.approvers"]);
    }

    #[test]
    fn a_create_says_what_graph_wants_once() {
        let desired = json!({"displayName": "d", "description": "x", "groupTypes": []});
        let request = EntraGroup.create(&id(&testing::shared(), "approvers"), &desired);
        let body = request.body.expect("a body");
        assert_eq!(body["mailNickname"], "onestream-approvers");
        assert_eq!(body["mailEnabled"], false);
    }
}

//! Memberships: that a person is in an Entra group of ours.
//!
//! Reference: Microsoft Graph v1.0, "Add members", "Remove member", "List members". All that a
//! membership says, its id says.

use serde_json::{Value as Json, json};

use super::{EntraGroup, Members, Sections, entra_group, graph};
use crate::resource::{
    Address, AddressError, Carrier, Kind, Map, Meta, Method, Place, Problem, ReadMode, Request,
    Resource, UpdateMode, Value,
};

/// The kind of memberships.
pub struct Membership;

/// What stands between a group's id and a member's object id.
const BELOW: &str = "/members";
const READ: &[&str] = &["id"];

static META: Meta = Meta {
    name: "membership",
    arm_type: "microsoft.graph.group/members",
    api_version: graph::VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: "entra group",
        collection: BELOW,
    },
    update: UpdateMode::Patch,
    fields: &[],
    unmanaged: &[],
    read_only: &["id"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for Membership {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// As the user that the member is: Graph shows a single member under a type only.
    fn get(&self, id: &str) -> Request {
        graph::read(format!("{id}/microsoft.graph.user"), READ)
    }

    fn list(&self, path: &str) -> Request {
        graph::read(path, READ)
    }

    fn create(&self, id: &str, _desired: &Json) -> Request {
        let (group, member) = split(id).unwrap_or((id, ""));
        // Relative to the plane's origin, which the client knows.
        let body = json!({ "@odata.id": format!("/{}/directoryObjects/{member}", graph::VERSION) });
        graph::request(Method::Post, format!("{group}{BELOW}/$ref")).body(body)
    }

    fn delete(&self, id: &str) -> Request {
        graph::request(Method::Delete, format!("{id}/$ref"))
    }

    fn lags(&self) -> bool {
        true
    }

    /// Who is a member already is refused with a 400.
    /// <https://learn.microsoft.com/graph/api/group-post-members#response>
    fn refuses_second_post(&self) -> bool {
        true
    }

    fn is_access(&self) -> bool {
        true
    }

    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        _after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        let (group, member) = address
            .path()
            .strip_prefix("people.")?
            .split_once(".member.")?;
        before
            .is_none()
            .then(|| format!("{member} as one of {group}"))
    }

    /// They are a list of the group's, of which two writes at once lose one.
    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        split(id).map(|(group, _)| group.to_lowercase())
    }

    fn id_of(&self, within: &str, body: &Json) -> Option<String> {
        if split(within).is_some() {
            return Some(within.to_owned());
        }
        let member = body.get("id")?.as_str()?;
        Some(below(within, member))
    }

    fn is_id(&self, id: &str) -> bool {
        split(id).is_some_and(|(group, _)| EntraGroup.is_id(group))
    }
}

fn below(group: &str, member: &str) -> String {
    format!("{group}{BELOW}/{member}")
}

/// The group and the member's object id in an id.
fn split(id: &str) -> Option<(&str, &str)> {
    let (above, member) = id.rsplit_once('/')?;
    let (group, collection) = above.split_at(above.rfind('/')?);
    let whole = collection.eq_ignore_ascii_case(BELOW) && graph::is_plain(member);
    whole.then_some((group, member))
}

/// Everybody who is to be in a group of ours.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let mut resources = Vec::new();
    for (name, people) in &sections.access.people {
        let Members::Ours(members) = &people.membership else {
            continue;
        };
        let group = place.address(&format!("people.{name}"))?;
        for (person, object_id) in members {
            let address = place.address(&format!("people.{name}.member.{person}"))?;
            let id = below(&entra_group::id(place, name), object_id);
            let nothing = Value::Map(Map::default());
            let resource = Resource::new(place, &Membership, address, id.into(), nothing);
            resources.push(resource.inside(&group));
        }
    }
    Ok(resources)
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
    fn a_membership_is_its_id() {
        let declared = declare(&testing::shared(), &testing::with_access()).expect("addresses");
        let [member] = &declared[..] else {
            panic!("one member: {declared:?}")
        };
        assert_eq!(
            member.address.as_str(),
            "shared.people.approvers.member.ada"
        );
        let id = member.id.known().expect("known");
        assert!(Membership.is_id(id), "{id}");
        let group = entra_group::id(&testing::shared(), "approvers");
        let body = json!({"id": testing::ADA});
        for within in [group.as_str(), id] {
            assert_eq!(Membership.id_of(within, &body).as_deref(), Some(id));
        }
        let create = Membership.create(id, &json!({}));
        assert!(!create.idempotent);
        assert_eq!(create.path, format!("{group}/members/$ref"));
        let reference = format!("/v1.0/directoryObjects/{}", testing::ADA);
        assert_eq!(create.body, Some(json!({ "@odata.id": reference })));
        assert_eq!(Membership.delete(id).path, format!("{id}/$ref"));
        assert!(!Membership.is_id(&group));
    }
}

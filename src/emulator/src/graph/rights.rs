//! What applications may do with the directory: Graph's application permissions and who
//! holds them.
//! <https://learn.microsoft.com/graph/permissions-reference>

use super::directory_roles::{self, Powers};
use super::entity::Entity;
use crate::azure::Azure;
use crate::entra::principals::{
    self, APP_ROLE_ASSIGNMENT, APPLICATION, GROUP, SERVICE_PRINCIPAL, USER,
};
use crate::state::{Object, World};
use std::collections::BTreeSet;

/// The client id of Graph's own application, the same in every tenant.
pub const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";

/// Graph's application permissions that are played: id and value.
pub const APP_ROLES: &[(&str, &str)] = &[
    (
        "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
        "Application.Read.All",
    ),
    (
        "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
        "Application.ReadWrite.All",
    ),
    (
        "18a4783c-866b-4cc7-a460-3d5e5662c884",
        "Application.ReadWrite.OwnedBy",
    ),
    (
        "06b708a9-e830-4db3-a914-8e69da51d44f",
        "AppRoleAssignment.ReadWrite.All",
    ),
    ("7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Directory.Read.All"),
    (
        "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
        "Directory.ReadWrite.All",
    ),
    (
        "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
        "RoleManagement.Read.Directory",
    ),
    (
        "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
        "RoleManagement.ReadWrite.Directory",
    ),
    ("5b567255-7703-4780-807c-7be8301ae99b", "Group.Read.All"),
    (
        "62a82d76-70ea-41e2-9197-370581804d09",
        "Group.ReadWrite.All",
    ),
    ("bf7b1a76-6e77-406b-b258-bf5c7720e98f", "Group.Create"),
    (
        "98830695-27a2-44f7-8c18-0c3ebc9698f6",
        "GroupMember.Read.All",
    ),
    (
        "dbaae8cf-10b5-4b86-a4a1-f871c94c6695",
        "GroupMember.ReadWrite.All",
    ),
    ("df021288-bdef-4463-88db-98f22de89214", "User.Read.All"),
    ("741f803b-c850-494e-b5df-cde7c675a1ca", "User.ReadWrite.All"),
];

/// Something that is done with the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    Read,
    Create,
    Change,
    /// Adding and removing members of a group.
    Members,
}

/// The permissions that one caller holds.
#[derive(Clone, Debug)]
pub struct Rights {
    /// The test principal may everything.
    everything: bool,
    held: BTreeSet<&'static str>,
    /// What directory roles lead to.
    roles: Vec<Powers>,
    /// Whether it is a person: members of a tenant may read its directory.
    person: bool,
    object_id: String,
}

impl Rights {
    pub fn of(azure: &Azure, world: &World, object_id: &str) -> Self {
        let everything = azure
            .directory
            .owner()
            .is_some_and(|owner| owner.object_id == object_id);
        let held = world
            .of_kind(APP_ROLE_ASSIGNMENT)
            .filter(|(_, object)| object.text("/principalId") == Some(object_id))
            .filter_map(|(_, object)| object.text("/appRoleId"))
            .filter_map(|id| APP_ROLES.iter().find(|(known, _)| *known == id))
            .map(|(_, value)| *value)
            .collect();
        Self {
            everything,
            held,
            roles: directory_roles::held(world, object_id),
            person: principals::object(world, USER, object_id).is_some(),
            object_id: object_id.to_owned(),
        }
    }

    /// Whether directory roles and application permissions may be given.
    pub fn manages_roles(&self) -> bool {
        self.any(&["RoleManagement.ReadWrite.Directory"])
            || self.has(&[Powers::Everything, Powers::Roles])
    }

    /// Whether it may be seen who has which directory role.
    pub fn reads_roles(&self) -> bool {
        let permissions = [
            "RoleManagement.Read.Directory",
            "RoleManagement.ReadWrite.Directory",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ];
        self.person || !self.roles.is_empty() || self.any(&permissions)
    }

    fn has(&self, powers: &[Powers]) -> bool {
        self.roles.iter().any(|held| powers.contains(held))
    }

    /// Whether a directory role leads to it, or somebody's being a person.
    fn by_role(&self, right: Right, entity: &Entity) -> bool {
        let writes: &[Powers] = match entity.kind {
            APPLICATION | SERVICE_PRINCIPAL => &[Powers::Everything, Powers::Applications],
            GROUP => &[Powers::Everything, Powers::Groups, Powers::GroupsAndUsers],
            _ => &[Powers::Everything, Powers::GroupsAndUsers],
        };
        self.has(writes) || right == Right::Read && (self.person || !self.roles.is_empty())
    }

    /// Whether one of these permissions is held.
    pub fn any(&self, permissions: &[&str]) -> bool {
        self.everything || permissions.iter().any(|name| self.held.contains(name))
    }

    /// Whether something may be done with the objects of a collection; `object` is the one
    /// in question, where there is one.
    pub fn allow(&self, right: Right, entity: &Entity, object: Option<&Object>) -> bool {
        if self.any(needed(right, entity)) || self.by_role(right, entity) {
            return true;
        }
        let owns = |object: &Object| principals::lists(object, "owners", &self.object_id);
        // People look after what they own; applications need a permission for that.
        if self.person && object.is_some_and(owns) {
            return true;
        }
        let owned = [APPLICATION, SERVICE_PRINCIPAL].contains(&entity.kind)
            && self.any(&["Application.ReadWrite.OwnedBy"]);
        owned
            && match (right, object) {
                (_, Some(object)) => owns(object),
                (Right::Create | Right::Read, None) => true,
                (Right::Change | Right::Members, None) => false,
            }
    }
}

/// The permissions of which one suffices.
fn needed(right: Right, entity: &Entity) -> &'static [&'static str] {
    match (entity.kind, right) {
        (APPLICATION | SERVICE_PRINCIPAL, Right::Read) => &[
            "Application.Read.All",
            "Application.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        (APPLICATION | SERVICE_PRINCIPAL, _) => &["Application.ReadWrite.All"],
        (GROUP, Right::Read) => &[
            "Group.Read.All",
            "Group.ReadWrite.All",
            "GroupMember.Read.All",
            "GroupMember.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        (GROUP, Right::Create) => &[
            "Group.Create",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        (GROUP, Right::Change) => &["Group.ReadWrite.All", "Directory.ReadWrite.All"],
        (GROUP, Right::Members) => &[
            "GroupMember.ReadWrite.All",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        (USER, Right::Read) => &[
            "User.Read.All",
            "User.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        (USER, _) => &["User.ReadWrite.All", "Directory.ReadWrite.All"],
        _ => &[],
    }
}

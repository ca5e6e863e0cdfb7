//! Who there is in the tenant: what Graph created, the built-in ones, and the managed
//! identities that ARM objects bring with them.

use super::directory::Directory;
use crate::state::{Object, World};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Kinds of the directory's own objects; their keys are the kind, a slash and the id.
pub const APPLICATION: &str = "graph/applications";
pub const SERVICE_PRINCIPAL: &str = "graph/servicePrincipals";
pub const GROUP: &str = "graph/groups";
pub const USER: &str = "graph/users";
pub const APP_ROLE_ASSIGNMENT: &str = "graph/appRoleAssignments";
pub const DIRECTORY_ROLE_ASSIGNMENT: &str = "graph/roleAssignments";
pub const DELETED: &str = "graph/deletedItems";

/// The ARM type whose objects are service principals too.
pub const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// What a role may be assigned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    User,
    Group,
    ServicePrincipal,
}

impl PrincipalKind {
    /// The word in `principalType`.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}

/// A managed identity, as the directory sees it.
#[derive(Clone, Copy, Debug)]
pub struct ManagedIdentity<'a> {
    pub object: &'a Arc<Object>,
    pub principal_id: &'a str,
    /// Absent for the identity that belongs to one resource alone.
    pub client_id: Option<&'a str>,
}

impl<'a> ManagedIdentity<'a> {
    /// The client id that Graph shows: one of a single resource has none of its own.
    pub fn client(&self) -> &'a str {
        self.client_id.unwrap_or(self.principal_id)
    }
}

/// The object of that kind and id.
pub fn object<'a>(world: &'a World, kind: &str, id: &str) -> Option<&'a Arc<Object>> {
    world.object(&key(kind, id))
}

/// Key of a directory object.
pub fn key(kind: &str, id: &str) -> String {
    format!("{kind}/{id}").to_ascii_lowercase()
}

/// What kind of principal an object id is, if it is one at all.
pub fn kind_of(directory: &Directory, world: &World, id: &str) -> Option<PrincipalKind> {
    let built_in = directory.owner().is_some_and(|owner| owner.object_id == id);
    if built_in || object(world, SERVICE_PRINCIPAL, id).is_some() {
        return Some(PrincipalKind::ServicePrincipal);
    }
    if object(world, GROUP, id).is_some() {
        return Some(PrincipalKind::Group);
    }
    if object(world, USER, id).is_some() {
        return Some(PrincipalKind::User);
    }
    managed_identities(world)
        .any(|identity| identity.principal_id == id)
        .then_some(PrincipalKind::ServicePrincipal)
}

/// The application with that client id.
pub fn application<'a>(world: &'a World, client_id: &str) -> Option<&'a Arc<Object>> {
    by_member(world, APPLICATION, "/appId", client_id)
}

/// The service principal of the application with that client id.
pub fn service_principal<'a>(world: &'a World, client_id: &str) -> Option<&'a Arc<Object>> {
    by_member(world, SERVICE_PRINCIPAL, "/appId", client_id)
}

/// The first object of a kind whose member has that value.
pub fn by_member<'a>(
    world: &'a World,
    kind: &str,
    pointer: &str,
    value: &str,
) -> Option<&'a Arc<Object>> {
    world
        .of_kind(kind)
        .map(|(_, object)| object)
        .find(|object| {
            object
                .text(pointer)
                .is_some_and(|found| found.eq_ignore_ascii_case(value))
        })
}

/// All managed identities: those of their own and those of a single resource.
pub fn managed_identities(world: &World) -> impl Iterator<Item = ManagedIdentity<'_>> {
    world.objects().filter_map(|(_, object)| {
        if object.kind == IDENTITY {
            return Some(ManagedIdentity {
                object,
                principal_id: object.text("/properties/principalId")?,
                client_id: object.text("/properties/clientId"),
            });
        }
        Some(ManagedIdentity {
            object,
            principal_id: object.text("/identity/principalId")?,
            client_id: None,
        })
    })
}

/// The groups that somebody is in, through other groups too.
pub fn groups_of(world: &World, id: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![id.to_owned()];
    while let Some(member) = open.pop() {
        for (_, group) in world.of_kind(GROUP) {
            let Some(id) = group.text("/id") else {
                continue;
            };
            if lists(group, "members", &member) && found.insert(id.to_owned()) {
                open.push(id.to_owned());
            }
        }
    }
    found
}

/// Somebody and all its groups: whose assignments count for it.
pub fn identities_of(world: &World, id: &str) -> BTreeSet<String> {
    let mut ids = groups_of(world, id);
    ids.insert(id.to_owned());
    ids
}

/// Whether an object's hidden list (`members`, `owners`) has that id.
pub fn lists(object: &Object, list: &str, id: &str) -> bool {
    ids(object, list).any(|found| found == id)
}

/// The ids in an object's hidden list.
pub fn ids<'a>(object: &'a Object, list: &str) -> impl Iterator<Item = &'a str> {
    object
        .hidden
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;
    use serde_json::json;

    fn group(id: &str, members: &[&str]) -> Object {
        Object {
            id: format!("{GROUP}/{id}"),
            kind: GROUP.to_owned(),
            body: json!({ "id": id }),
            hidden: json!({ "members": members }),
            pending: None,
        }
    }

    #[test]
    fn groups_nest_and_may_form_rings() {
        let store = Store::in_memory();
        store
            .write(|txn| {
                txn.put(group("a", &["me"]));
                txn.put(group("b", &["a"]));
                txn.put(group("c", &["b", "d"]));
                txn.put(group("d", &["c"]));
                txn.put(group("e", &["you"]));
            })
            .unwrap();
        let groups = store.read(|world| groups_of(world, "me"));
        let expected: BTreeSet<String> = ["a", "b", "c", "d"].map(ToOwned::to_owned).into();
        assert_eq!(groups, expected);
    }

    #[test]
    fn identities_of_resources_are_principals() {
        let store = Store::in_memory();
        let directory = Directory::in_memory("t", false);
        store
            .write(|txn| {
                txn.put(Object {
                    id: "/x/providers/A.B/cs/c".to_owned(),
                    kind: "A.B/cs".to_owned(),
                    body: json!({"identity": {"principalId": "p"}}),
                    hidden: Value::Null,
                    pending: None,
                });
            })
            .unwrap();
        store.read(|world| {
            let kind = |id| kind_of(&directory, world, id);
            assert_eq!(kind("p"), Some(PrincipalKind::ServicePrincipal));
            assert_eq!(kind("q"), None);
        });
    }
}

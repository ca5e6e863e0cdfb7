//! Directory roles and who holds them: `/roleManagement/directory`.
//! <https://learn.microsoft.com/graph/api/resources/unifiedroleassignment>

use super::address::Segment;
use super::error::GraphError;
use super::filter::Filter;
use super::request::{Request, any_object, with_context};
use crate::entra::principals::{self, DIRECTORY_ROLE_ASSIGNMENT};
use crate::server::Answer;
use crate::state::{Object, World};
use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A directory role that is played.
pub struct DirectoryRole {
    pub name: &'static str,
    /// The id of its template, the same in every tenant.
    pub id: &'static str,
    /// What it may do here beside reading.
    pub may: Powers,
}

/// What a directory role leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Powers {
    Everything,
    /// Directory roles and application permissions.
    Roles,
    Applications,
    Groups,
    GroupsAndUsers,
    Reading,
}

const fn role(name: &'static str, id: &'static str, may: Powers) -> DirectoryRole {
    DirectoryRole { name, id, may }
}

/// The roles that are played.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
pub static ROLES: &[DirectoryRole] = &[
    role(
        "Global Administrator",
        "62e90394-69f5-4237-9190-012177145e10",
        Powers::Everything,
    ),
    role(
        "Privileged Role Administrator",
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        Powers::Roles,
    ),
    role(
        "Privileged Authentication Administrator",
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        Powers::Reading,
    ),
    role(
        "Application Administrator",
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
        Powers::Applications,
    ),
    role(
        "Cloud Application Administrator",
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        Powers::Applications,
    ),
    role(
        "Hybrid Identity Administrator",
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
        Powers::Applications,
    ),
    role(
        "Groups Administrator",
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",
        Powers::Groups,
    ),
    role(
        "User Administrator",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        Powers::GroupsAndUsers,
    ),
    role(
        "Directory Writers",
        "9360feb5-f418-4baa-8175-e2a00bac4301",
        Powers::GroupsAndUsers,
    ),
    role(
        "Intune Administrator",
        "3a2c62db-5318-420d-8d74-23affee5d9d5",
        Powers::Reading,
    ),
    role(
        "Authentication Administrator",
        "c4e39bd9-1100-46d3-8c65-fb160da0071f",
        Powers::Reading,
    ),
    role(
        "Helpdesk Administrator",
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        Powers::Reading,
    ),
    role(
        "Password Administrator",
        "966707d0-3269-4727-9be2-8c3a10f19b9d",
        Powers::Reading,
    ),
    role(
        "Directory Readers",
        "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
        Powers::Reading,
    ),
    role(
        "Global Reader",
        "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
        Powers::Reading,
    ),
];

/// What somebody's directory roles lead to, by itself and through groups.
pub fn held(world: &World, object_id: &str) -> Vec<Powers> {
    let ids = principals::identities_of(world, object_id);
    let theirs = world
        .of_kind(DIRECTORY_ROLE_ASSIGNMENT)
        .filter(|(_, held)| held.text("/principalId").is_some_and(|id| ids.contains(id)));
    let roles = theirs.filter_map(|(_, held)| {
        let id = held.text("/roleDefinitionId")?;
        ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(id))
    });
    roles.map(|role| role.may).collect()
}

/// Everything below `/roleManagement/directory`.
pub fn answer(request: &Request<'_>, rest: &[Segment]) -> Result<Answer, GraphError> {
    let words: Vec<String> = rest
        .iter()
        .map(|step| step.name.to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if !request.rights.reads_roles() {
        return Err(GraphError::denied());
    }
    match (&request.call.method, words.as_slice()) {
        (&Method::GET, ["roledefinitions"]) => {
            let all = ROLES.iter().map(definition);
            list(request, "roleDefinitions", all)
        }
        (&Method::GET, ["roledefinitions", id]) => {
            let found = ROLES.iter().find(|role| role.id == *id);
            let found = found.ok_or_else(|| GraphError::not_found(id))?;
            Ok(one(request, 200, "roleDefinitions", definition(found)))
        }
        (&Method::GET, ["roleassignments"]) => request.read(|world| {
            let all = world.of_kind(DIRECTORY_ROLE_ASSIGNMENT);
            let all = all.map(|(_, object)| object.body.clone());
            list(request, "roleAssignments", all)
        }),
        (&Method::GET, ["roleassignments", _]) => request.read(|world| {
            let found = stored_as(world, &rest[1].name)?;
            let body = found.body.clone();
            Ok(one(request, 200, "roleAssignments", body))
        }),
        (&Method::POST, ["roleassignments"]) => assign(request),
        (&Method::DELETE, ["roleassignments", _]) => {
            may(request)?;
            request.write(|txn| {
                let key = stored_as(txn.world(), &rest[1].name)?.key();
                txn.remove(&key);
                Ok(Answer::empty(204))
            })
        }
        (
            &Method::GET,
            [
                "roleeligibilityscheduleinstances" | "roleeligibilityschedules",
                ..,
            ],
        ) => Err(GraphError::new(400, UNLICENSED.0, UNLICENSED.1)),
        (_, [first, ..]) => Err(GraphError::no_segment(first)),
        (_, []) => Err(GraphError::no_segment("directory")),
    }
}

/// What a tenant without Privileged Identity Management is told.
pub const UNLICENSED: (&str, &str) = (
    "AadPremiumLicenseRequired",
    "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
);

fn may(request: &Request<'_>) -> Result<(), GraphError> {
    match request.rights.manages_roles() {
        true => Ok(()),
        false => Err(GraphError::denied()),
    }
}

fn stored_as<'w>(world: &'w World, id: &str) -> Result<&'w Object, GraphError> {
    // The ids tell capitals from small letters, and keys do not.
    let key = principals::key(DIRECTORY_ROLE_ASSIGNMENT, id);
    let found = world.object(&key.to_ascii_lowercase());
    found
        .map(|object| &**object)
        .ok_or_else(|| GraphError::not_found(id))
}

fn assign(request: &Request<'_>) -> Result<Answer, GraphError> {
    may(request)?;
    let sent = request.body()?;
    let text = |name: &str| {
        let text = sent.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let needed = |name: &str| {
        text(name)
            .ok_or_else(|| GraphError::bad(format!("A value is required for property '{name}'.")))
    };
    let (principal, role) = (needed("principalId")?, needed("roleDefinitionId")?);
    let scope = text("directoryScopeId").unwrap_or("/");
    let role = ROLES
        .iter()
        .find(|known| known.id.eq_ignore_ascii_case(role))
        .ok_or_else(|| GraphError::not_found(role))?;
    request.write(|txn| {
        let world = txn.world();
        any_object(request.azure, world, principal)
            .ok_or_else(|| GraphError::not_found(principal))?;
        let twice = world.of_kind(DIRECTORY_ROLE_ASSIGNMENT).any(|(_, held)| {
            held.text("/principalId") == Some(principal)
                && held.text("/roleDefinitionId") == Some(role.id)
                && held.text("/directoryScopeId") == Some(scope)
        });
        if twice {
            return Err(GraphError::bad(
                "A conflicting object with one or more of the specified property values is present in the directory.",
            ));
        }
        let id = format!("{}-1", Uuid::new_v4().simple());
        let body = json!({
            "id": id,
            "principalId": principal,
            "directoryScopeId": scope,
            "roleDefinitionId": role.id,
        });
        txn.put(Object {
            id: principals::key(DIRECTORY_ROLE_ASSIGNMENT, &id),
            kind: DIRECTORY_ROLE_ASSIGNMENT.to_owned(),
            body: body.clone(),
            hidden: Value::Null,
            pending: None,
        });
        Ok(one(request, 201, "roleAssignments", body))
    })
}

fn definition(role: &DirectoryRole) -> Value {
    json!({
        "id": role.id,
        "description": role.name,
        "displayName": role.name,
        "isBuiltIn": true,
        "isEnabled": true,
        "resourceScopes": ["/"],
        "templateId": role.id,
        "version": "1",
    })
}

fn one(request: &Request<'_>, status: u16, list: &str, body: Value) -> Answer {
    let context = request.context(&format!("roleManagement/directory/{list}/$entity"));
    Answer::json(status, with_context(context, body))
}

/// Those that the `$filter` names.
fn list(
    request: &Request<'_>,
    list: &str,
    all: impl Iterator<Item = Value>,
) -> Result<Answer, GraphError> {
    let mut value: Vec<Value> = all.collect();
    if let Some(text) = request.call.parameter("$filter") {
        let filter = Filter::parse(text).ok_or_else(|| {
            GraphError::bad("Invalid filter clause: the expression cannot be read.")
        })?;
        value.retain(|body| filter.holds(body));
    }
    let context = request.context(&format!("roleManagement/directory/{list}"));
    Ok(Answer::json(
        200,
        with_context(context, json!({ "value": value })),
    ))
}

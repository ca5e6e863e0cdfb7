//! Directory roles: which there are, and who holds them.
//! <https://learn.microsoft.com/graph/api/resources/unifiedroleassignment>

use super::address::Segment;
use super::error::GraphError;
use super::filter::Filter;
use super::request::{Request, any_object, with_context};
use crate::entra::principals::{self, ROLE_ASSIGNMENT};
use crate::server::Answer;
use crate::state::Object;
use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Built-in roles: their ids, which are their templates' too, and names.
const ROLES: &[(&str, &str)] = &[
    (
        "62e90394-69f5-4237-9190-012177145e10",
        "Global Administrator",
    ),
    (
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        "Privileged Role Administrator",
    ),
    (
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        "Privileged Authentication Administrator",
    ),
    (
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
        "Application Administrator",
    ),
    (
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        "Cloud Application Administrator",
    ),
    (
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
        "Hybrid Identity Administrator",
    ),
    (
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",
        "Groups Administrator",
    ),
    ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"),
    ("9360feb5-f418-4baa-8175-e2a00bac4301", "Directory Writers"),
    (
        "3a2c62db-5318-420d-8d74-23affee5d9d5",
        "Intune Administrator",
    ),
    (
        "c4e39bd9-1100-46d3-8c65-fb160da0071f",
        "Authentication Administrator",
    ),
    (
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        "Helpdesk Administrator",
    ),
    (
        "966707d0-3269-4727-9be2-8c3a10f19b9d",
        "Password Administrator",
    ),
    ("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers"),
    ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"),
];

/// Permissions of which one lets somebody read, or change.
const READS: &[&str] = &[
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const WRITES: &[&str] = &["RoleManagement.ReadWrite.Directory"];

/// Everything below `/roleManagement/directory`.
pub fn answer(request: &Request<'_>, rest: &[Segment]) -> Result<Answer, GraphError> {
    let words: Vec<String> = rest.iter().map(|it| it.name.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (&request.call.method, words.as_slice()) {
        (&Method::GET, ["roledefinitions"]) => {
            let all = ROLES.iter().map(|(id, name)| definition(id, name));
            list(request, "roleDefinitions", all.collect())
        }
        (&Method::GET, ["roledefinitions", id]) => {
            may(request, READS)?;
            let mut roles = ROLES.iter();
            let found = roles.find(|(known, _)| known == id);
            let (id, name) = found.ok_or_else(|| GraphError::not_found(id))?;
            let context = request.context("roleManagement/directory/roleDefinitions/$entity");
            Ok(Answer::json(
                200,
                with_context(context, definition(id, name)),
            ))
        }
        (&Method::GET, ["roleassignments"]) => {
            let all = request.read(|world| {
                let all = world.of_kind(ROLE_ASSIGNMENT);
                Ok(all.map(|(_, object)| object.body.clone()).collect())
            })?;
            list(request, "roleAssignments", all)
        }
        (&Method::POST, ["roleassignments"]) => assign(request),
        (&Method::DELETE, ["roleassignments", id]) => {
            may(request, WRITES)?;
            request.write(|txn| {
                let key = principals::key(ROLE_ASSIGNMENT, id);
                if txn.world().object(&key).is_none() {
                    return Err(GraphError::not_found(id));
                }
                txn.remove(&key);
                Ok(Answer::empty(204))
            })
        }
        (_, ["roledefinitions" | "roleassignments", ..]) => Err(GraphError::method_not_allowed()),
        _ => Err(GraphError::no_segment(
            words.first().copied().unwrap_or_default(),
        )),
    }
}

fn may(request: &Request<'_>, permissions: &[&str]) -> Result<(), GraphError> {
    match request.rights.any(permissions) {
        true => Ok(()),
        false => Err(GraphError::denied()),
    }
}

fn definition(id: &str, name: &str) -> Value {
    json!({
        "id": id,
        "description": name,
        "displayName": name,
        "isBuiltIn": true,
        "isEnabled": true,
        "resourceScopes": ["/"],
        "templateId": id,
        "version": "1",
    })
}

fn list(request: &Request<'_>, what: &str, mut all: Vec<Value>) -> Result<Answer, GraphError> {
    may(request, READS)?;
    if let Some(text) = request.call.parameter("$filter") {
        let filter = Filter::parse(text).ok_or_else(|| {
            GraphError::bad("Invalid filter clause: the expression cannot be read.")
        })?;
        all.retain(|body| filter.holds(body));
    }
    let context = request.context(&format!("roleManagement/directory/{what}"));
    Ok(Answer::json(
        200,
        with_context(context, json!({ "value": all })),
    ))
}

fn assign(request: &Request<'_>) -> Result<Answer, GraphError> {
    may(request, WRITES)?;
    let sent = request.body()?;
    let text = |name: &str| {
        sent.get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| GraphError::bad(format!("A value is required for property '{name}'.")))
    };
    let (principal, role, scope) = (
        text("principalId")?,
        text("roleDefinitionId")?,
        text("directoryScopeId")?,
    );
    if !ROLES.iter().any(|(known, _)| *known == role) {
        return Err(GraphError::not_found(role));
    }
    request.write(|txn| {
        let world = txn.world();
        any_object(request.azure, world, principal)
            .ok_or_else(|| GraphError::not_found(principal))?;
        let twice = world.of_kind(ROLE_ASSIGNMENT).any(|(_, object)| {
            object.text("/principalId") == Some(principal)
                && object.text("/roleDefinitionId") == Some(role)
                && object.text("/directoryScopeId") == Some(scope)
        });
        if twice {
            return Err(GraphError::bad(
                "A conflicting object with one or more of the specified property values is \
                 present in the directory.",
            ));
        }
        let id = Uuid::new_v4().simple().to_string();
        let body = json!({
            "id": id,
            "principalId": principal,
            "directoryScopeId": scope,
            "roleDefinitionId": role,
        });
        txn.put(Object {
            id: principals::key(ROLE_ASSIGNMENT, &id),
            kind: ROLE_ASSIGNMENT.to_owned(),
            body: body.clone(),
            hidden: Value::Null,
            pending: None,
        });
        let context = request.context("roleManagement/directory/roleAssignments/$entity");
        Ok(Answer::json(201, with_context(context, body)))
    })
}

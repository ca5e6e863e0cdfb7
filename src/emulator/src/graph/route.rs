//! Who calls Graph, and which part of it answers.

use super::address::{Address, Key, Segment, segments};
use super::entity::{APPLICATIONS, SERVICE_PRINCIPALS};
use super::error::GraphError;
use super::request::{Request, locate};
use super::rights::{Right, Rights};
use super::{
    app_roles, batch, credentials, deleted, directory_objects, federated, links, read,
    role_management, write,
};
use crate::azure::Azure;
use crate::entra::{Audience, Principal, TokenError};
use crate::server::{Answer, Call};
use axum::http::Method;
use serde_json::json;

/// Answers for `graph.microsoft.com`.
pub fn answer(azure: &Azure, call: &Call) -> Answer {
    let now = azure.clock.now();
    let principal = match signed_in(azure, call) {
        Ok(principal) => principal,
        Err(error) => return error.answer(call, now),
    };
    let request = Request {
        azure,
        call,
        principal: &principal,
        rights: azure
            .store
            .read(|world| Rights::of(azure, world, &principal.object_id)),
        now,
    };
    let steps = segments(&call.path);
    let batched = matches!(steps.as_slice(), [only] if only.name == "$batch");
    let result = if batched && call.method == Method::POST {
        batch::answer(&request, |call| part(azure, call))
    } else {
        route(&request, &steps)
    };
    result.unwrap_or_else(|error| error.answer(call, now))
}

/// Answers for one part of a batch. A part has no connection of its own to lose.
fn part(azure: &Azure, call: &Call) -> Answer {
    match azure.faults.strike(call).answer {
        None => answer(azure, call),
        Some(told) if !told.dropped => told,
        Some(_) => GraphError::new(504, "GatewayTimeout", "The part was not answered in time.")
            .answer(call, azure.clock.now()),
    }
}

fn signed_in(azure: &Azure, call: &Call) -> Result<Principal, GraphError> {
    let refuse = |message: &str| GraphError::new(401, "InvalidAuthenticationToken", message);
    let token = call
        .header("authorization")
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| refuse("Access token is empty."))?;
    azure
        .directory
        .verify(token, Audience::Graph, azure.clock.now())
        .map_err(|error| match error {
            TokenError::Invalid => refuse("Access token validation failure."),
            TokenError::Expired { .. } => {
                refuse("Lifetime validation failed, the token is expired.")
            }
            TokenError::Audience(_) => refuse("Access token validation failure. Invalid audience."),
            TokenError::Tenant(_) => refuse("Access token validation failure. Invalid issuer."),
        })
}

fn route(request: &Request<'_>, steps: &[Segment]) -> Result<Answer, GraphError> {
    let words: Vec<String> = steps
        .iter()
        .map(|step| step.name.to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["directory", "deleteditems", ..] => deleted::answer(request, &steps[2..]),
        ["directoryobjects", ..] => directory_objects::answer(request, &steps[1..]),
        ["rolemanagement", "directory", ..] => role_management::answer(request, &steps[2..]),
        ["organization"] => Ok(organization(request)),
        ["me", ..] => Err(GraphError::new(
            400,
            "BadRequest",
            "/me request is only valid with delegated authentication flow.",
        )),
        _ => entity(request, &Address::of(steps)?),
    }
}

fn entity(request: &Request<'_>, address: &Address) -> Result<Answer, GraphError> {
    let (entity, method) = (address.entity, &request.call.method);
    let lower: Vec<String> = address
        .words()
        .iter()
        .map(|word| {
            word.trim_start_matches("microsoft.graph.")
                .to_ascii_lowercase()
        })
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let Some(key) = &address.key else {
        return match (method, lower.as_slice()) {
            (&Method::GET, []) => read::list(request, entity),
            (&Method::GET, ["$count"]) => read::count(request, entity),
            (&Method::POST, []) => write::create(request, entity),
            _ => Err(GraphError::method_not_allowed()),
        };
    };
    let credentialed = [APPLICATIONS.kind, SERVICE_PRINCIPALS.kind].contains(&entity.kind);
    match (method, lower.as_slice()) {
        (&Method::GET, []) => read::one(request, entity, key),
        (&Method::PATCH, []) => write::update(request, entity, key),
        (&Method::DELETE, []) => write::delete(request, entity, key),
        (_, ["federatedidentitycredentials", ..]) if entity.kind == APPLICATIONS.kind => {
            federated::answer(request, key, &address.rest)
        }
        (_, ["approleassignments" | "approleassignedto", ..])
            if entity.kind == SERVICE_PRINCIPALS.kind =>
        {
            app_roles::answer(request, key, &address.rest)
        }
        (&Method::POST, [action @ ("addpassword" | "removepassword" | "addkey" | "removekey")])
            if credentialed =>
        {
            credentials::act(request, entity, key, action)
        }
        (&Method::GET, ["memberof"]) => links::groups(request, entity, key, false),
        (&Method::GET, ["transitivememberof"]) => links::groups(request, entity, key, true),
        (&Method::GET, ["transitivemembers"]) => {
            links::show(request, entity, key, "members", true, false)
        }
        (
            &Method::POST,
            [
                action @ ("getmembergroups" | "getmemberobjects" | "checkmembergroups"
                | "checkmemberobjects"),
            ],
        ) => membership(request, address, key, action),
        (_, [list @ ("owners" | "members"), ..]) => linked(request, address, list),
        _ => Err(GraphError::no_segment(
            address.words().first().copied().unwrap_or_default(),
        )),
    }
}

fn membership(
    request: &Request<'_>,
    address: &Address,
    key: &Key,
    action: &str,
) -> Result<Answer, GraphError> {
    let id = request.read(|world| {
        let object = request.find(world, address.entity, key, Right::Read)?;
        Ok(object.text("/id").unwrap_or_default().to_owned())
    })?;
    links::membership(request, &id, action)
}

/// Everything below `…/owners` and `…/members`.
fn linked(request: &Request<'_>, address: &Address, list: &str) -> Result<Answer, GraphError> {
    let entity = address.entity;
    let (Some(key), Some(list)) = (&address.key, links::list_named(list)) else {
        return Err(GraphError::method_not_allowed());
    };
    let words = address.words();
    match (&request.call.method, &words[1..]) {
        (&Method::GET, []) => links::show(request, entity, key, list, false, false),
        (&Method::GET, ["$ref"]) => links::show(request, entity, key, list, false, true),
        (&Method::GET, [id, cast]) if *cast != "$ref" => {
            links::one(request, entity, key, list, id, cast)
        }
        (&Method::POST, ["$ref"]) => links::post(request, entity, key, list),
        (&Method::DELETE, [id, "$ref"]) => {
            let found = request.read(|world| Ok(locate(request.azure, world, entity, key)))?;
            found.ok_or_else(|| GraphError::not_found(key.text()))?;
            links::delete(request, entity, key, list, id)
        }
        _ => Err(GraphError::method_not_allowed()),
    }
}

fn organization(request: &Request<'_>) -> Answer {
    let tenant = request.azure.directory.tenant();
    Answer::json(
        200,
        json!({
            "@odata.context": request.context("organization"),
            "value": [{
                "id": tenant,
                "displayName": "Local emulator",
                "tenantType": "AAD",
                "verifiedDomains": [{
                    "capabilities": "Email, OfficeCommunicationsOnline",
                    "isDefault": true,
                    "isInitial": true,
                    "name": "emulator.onmicrosoft.com",
                    "type": "Managed",
                }],
            }],
        }),
    )
}

//! The way of a request into a vault: challenge, vault, version, network, and what it asks.

use super::access::{self, Permission};
use super::api::Api;
use super::fault::VaultError;
use super::operate::{self, Operation};
use super::request::Request;
use super::{backup, change, create, read, rotation};
use crate::arm::pair;
use crate::azure::Azure;
use crate::entra::{Audience, Principal, TokenError};
use crate::server::{Answer, Call};
use crate::state::Object;
use crate::types;
use axum::http::Method;
use std::sync::Arc;

/// The API that tokens must be for.
const RESOURCE: &str = "https://vault.azure.net";

/// Answers for `NAME.vault.azure.net`.
pub fn answer(azure: &Azure, call: &Call, name: &str) -> Answer {
    let vault = azure.store.read(|world| types::vault_named(world, name));
    let location = vault
        .as_ref()
        .and_then(|vault| vault.location())
        .unwrap_or_default()
        .to_owned();
    let mut answer = admit(azure, call, name, vault).unwrap_or_else(Answer::from);
    answer.default_header("x-ms-keyvault-region", location);
    answer.default_header("x-ms-keyvault-service-version", "1.9.2558.1");
    answer
}

fn admit(
    azure: &Azure,
    call: &Call,
    name: &str,
    vault: Option<Arc<Object>>,
) -> Result<Answer, VaultError> {
    let principal = signed_in(azure, call, vault.as_deref())?;
    let vault = vault.ok_or_else(|| {
        VaultError::new(
            404,
            "VaultNotFound",
            format!("The vault {name} could not be found."),
        )
    })?;
    let request = Request {
        azure,
        call,
        vault,
        principal: &principal,
        api: Api::of(call)?,
        now: azure.clock.now(),
    };
    access::reached(&request)?;
    let segments: Vec<&str> = call.path.split('/').filter(|s| !s.is_empty()).collect();
    let (permission, about, asked) = meaning(&call.method, &segments).ok_or_else(|| {
        VaultError::new(404, "NotFound", "The requested resource does not exist.")
    })?;
    in_service(&request, permission)?;
    access::allowed(&request, permission, about)?;
    run(&request, asked)
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked<'a> {
    All,
    One(&'a str, &'a str),
    Versions(&'a str),
    Create(&'a str),
    Import(&'a str),
    Update(&'a str, &'a str),
    Delete(&'a str),
    Rotate(&'a str),
    Backup(&'a str),
    Restore,
    Policy(&'a str),
    SetPolicy(&'a str),
    Use(&'a str, &'a str, Operation),
    AllDeleted,
    Deleted(&'a str),
    Recover(&'a str),
    Purge(&'a str),
}

/// The permission that a path needs, the key that it is about, and what it asks for.
fn meaning<'a>(
    method: &Method,
    segments: &[&'a str],
) -> Option<(Permission, Option<&'a str>, Asked<'a>)> {
    use Permission as P;
    let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let name = segments.get(1).copied().unwrap_or_default();
    let version = segments.get(2).copied().unwrap_or_default();
    let (permission, asked) = match (method, lower.as_slice()) {
        (&Method::GET, ["keys"]) => (P::List, Asked::All),
        (&Method::GET, ["keys", _, "versions"]) => (P::List, Asked::Versions(name)),
        (&Method::GET, ["keys", _, "rotationpolicy"]) => {
            (P::GetRotationPolicy, Asked::Policy(name))
        }
        (&Method::PUT, ["keys", _, "rotationpolicy"]) => {
            (P::SetRotationPolicy, Asked::SetPolicy(name))
        }
        (&Method::GET, ["keys", _] | ["keys", _, _]) => (P::Get, Asked::One(name, version)),
        (&Method::PUT, ["keys", _]) => (P::Import, Asked::Import(name)),
        (&Method::PATCH, ["keys", _] | ["keys", _, _]) => (P::Update, Asked::Update(name, version)),
        (&Method::DELETE, ["keys", _]) => (P::Delete, Asked::Delete(name)),
        (&Method::POST, ["keys", "restore"]) => (P::Restore, Asked::Restore),
        (&Method::POST, ["keys", _, "create"]) => (P::Create, Asked::Create(name)),
        (&Method::POST, ["keys", _, "rotate"]) => (P::Rotate, Asked::Rotate(name)),
        (&Method::POST, ["keys", _, "backup"]) => (P::Backup, Asked::Backup(name)),
        (&Method::POST, ["keys", _, word]) => {
            let operation = Operation::named(word)?;
            (P::Use(operation), Asked::Use(name, "", operation))
        }
        (&Method::POST, ["keys", _, _, word]) => {
            let operation = Operation::named(word)?;
            (P::Use(operation), Asked::Use(name, version, operation))
        }
        (&Method::GET, ["deletedkeys"]) => (P::List, Asked::AllDeleted),
        (&Method::GET, ["deletedkeys", _]) => (P::Get, Asked::Deleted(name)),
        (&Method::DELETE, ["deletedkeys", _]) => (P::Purge, Asked::Purge(name)),
        (&Method::POST, ["deletedkeys", _, "recover"]) => (P::Recover, Asked::Recover(name)),
        _ => return None,
    };
    let about = match asked {
        Asked::All | Asked::AllDeleted | Asked::Restore => None,
        _ => Some(name),
    };
    Some((permission, about, asked))
}

fn run(request: &Request<'_>, asked: Asked<'_>) -> Result<Answer, VaultError> {
    match asked {
        Asked::All => read::all(request),
        Asked::One(name, version) => read::one(request, name, version),
        Asked::Versions(name) => read::versions(request, name),
        Asked::Create(name) => create::create(request, name),
        Asked::Import(name) => create::import(request, name),
        Asked::Update(name, version) => change::update(request, name, version),
        Asked::Delete(name) => change::delete(request, name),
        Asked::Rotate(name) => create::rotate(request, name),
        Asked::Backup(name) => backup::backup(request, name),
        Asked::Restore => backup::restore(request),
        Asked::Policy(name) => rotation::get(request, name),
        Asked::SetPolicy(name) => rotation::put(request, name),
        Asked::Use(name, version, operation) => operate::run(request, name, version, operation),
        Asked::AllDeleted => read::all_deleted(request),
        Asked::Deleted(name) => read::deleted(request, name),
        Asked::Recover(name) => change::recover(request, name),
        Asked::Purge(name) => change::purge(request, name),
    }
}

/// While its region is down a vault is served from the paired one, and only read there.
/// <https://learn.microsoft.com/azure/reliability/reliability-key-vault>
fn in_service(request: &Request<'_>, permission: Permission) -> Result<(), VaultError> {
    let outages = &request.azure.outages;
    let region = request.vault.location().unwrap_or_default();
    if !outages.down(region) {
        return Ok(());
    }
    let replica = pair(region).is_some_and(|pair| !outages.down(pair));
    let reads = matches!(
        permission,
        Permission::Get
            | Permission::List
            | Permission::Backup
            | Permission::GetRotationPolicy
            | Permission::Use(_)
    );
    if replica && reads {
        return Ok(());
    }
    Err(VaultError::new(
        503,
        "ServiceUnavailable",
        "The service is temporarily unavailable. Please try again later.",
    ))
}

/// Who calls, by bearer token for vaults.
fn signed_in(azure: &Azure, call: &Call, vault: Option<&Object>) -> Result<Principal, VaultError> {
    let tenant = vault
        .and_then(|vault| vault.text("/properties/tenantId"))
        .unwrap_or(azure.directory.tenant());
    let refuse = |message: String| VaultError {
        challenge: Some(format!(
            "Bearer authorization=\"{}/{tenant}\", resource=\"{RESOURCE}\"",
            authority(call)
        )),
        ..VaultError::new(401, "Unauthorized", message)
    };
    let token = call
        .header("authorization")
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| refuse("AKV10000: Request is missing a Bearer or PoP token.".to_owned()))?;
    azure
        .directory
        .verify(token, Audience::Vault, azure.clock.now())
        .map_err(|error| {
            refuse(match error {
                TokenError::Invalid => {
                    "AKV10046: Unable to resolve the key used for signature validation.".to_owned()
                }
                TokenError::Expired { .. } => {
                    "[TokenExpired] Error validating token: 'S2S12086'.".to_owned()
                }
                TokenError::Audience(found) => {
                    format!("AKV10022: Invalid audience. Expected {RESOURCE}, found: {found}.")
                }
                TokenError::Tenant(found) => format!(
                    "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{tenant}/, found {found}."
                ),
            })
        })
}

/// Where tokens are issued: this emulator, by the name that is not a vault's.
fn authority(call: &Call) -> String {
    let (scheme, host) = call.origin.split_once("://").unwrap_or(("http", ""));
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    if port.is_empty() {
        format!("{scheme}://localhost")
    } else {
        format!("{scheme}://localhost:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(
        method: Method,
        path: &'a str,
    ) -> Option<(Permission, Option<&'a str>, Asked<'a>)> {
        let segments: Vec<&str> = path.split('/').collect();
        meaning(&method, &segments)
    }

    #[test]
    fn paths_mean_what_they_say() {
        assert_eq!(
            asked(Method::POST, "keys/K/0a/SIGN"),
            Some((
                Permission::Use(Operation::Sign),
                Some("K"),
                Asked::Use("K", "0a", Operation::Sign)
            ))
        );
        assert_eq!(
            asked(Method::GET, "keys/K/versions"),
            Some((Permission::List, Some("K"), Asked::Versions("K")))
        );
        assert_eq!(
            asked(Method::POST, "keys/restore"),
            Some((Permission::Restore, None, Asked::Restore))
        );
        for nothing in ["secrets/s", "keys/K/0a/frob", "rng"] {
            assert_eq!(asked(Method::POST, nothing), None, "{nothing}");
        }
    }
}

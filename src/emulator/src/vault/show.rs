//! Keys as answers show them.

use super::api::{Api, EXPORTABLE, HSM_PLATFORM, RECOVERABLE_DAYS};
use super::key::{Deleted, Key, Version, recovery_level, retention};
use super::request::Request;
use crate::state::Object;
use serde_json::{Map, Value, json};

/// A version with its public key.
pub fn bundle(request: &Request<'_>, key: &Key, version: &Version) -> Value {
    let mut jwk = Map::new();
    jwk.insert("kid".to_owned(), json!(request.kid(&key.name, &version.id)));
    jwk.insert("kty".to_owned(), json!(version.kty()));
    jwk.insert("key_ops".to_owned(), json!(version.ops));
    version.material.show(&mut jwk);
    let mut body = json!({
        "key": jwk,
        "attributes": attributes(&request.vault, version, Some(request.api)),
    });
    with_tags(&mut body, version);
    if let Some(policy) = &version.release_policy {
        body["release_policy"] = policy.clone();
    }
    body
}

/// A deleted key.
pub fn deleted_bundle(request: &Request<'_>, deleted: &Deleted) -> Value {
    let mut body = bundle(request, &deleted.key, deleted.key.current());
    with_deletion(request, &mut body, deleted);
    body
}

/// A key in a list: `id` is empty where the list is one of keys, not of versions.
pub fn item(request: &Request<'_>, key: &Key, version: &Version, id: &str) -> Value {
    let mut body = json!({
        "kid": request.kid(&key.name, id),
        "attributes": attributes(&request.vault, version, Some(request.api)),
    });
    with_tags(&mut body, version);
    body
}

/// A deleted key in a list.
pub fn deleted_item(request: &Request<'_>, deleted: &Deleted) -> Value {
    let mut body = item(request, &deleted.key, deleted.key.current(), "");
    with_deletion(request, &mut body, deleted);
    body
}

fn with_tags(body: &mut Value, version: &Version) {
    if let Some(tags) = &version.tags {
        body["tags"] = Value::Object(tags.clone());
    }
}

fn with_deletion(request: &Request<'_>, body: &mut Value, deleted: &Deleted) {
    let name = &deleted.key.name;
    body["recoveryId"] = json!(format!("{}/deletedkeys/{name}", request.call.origin));
    body["deletedDate"] = json!(deleted.deleted);
    body["scheduledPurgeDate"] = json!(deleted.purge);
}

/// A version's attributes; without an api-version, as ARM shows them.
fn attributes(vault: &Object, version: &Version, api: Option<Api>) -> Value {
    let has = |since: Api| api.is_none_or(|api| api >= since);
    let mut body = json!({
        "enabled": version.enabled,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": recovery_level(vault),
    });
    if let Some(nbf) = version.nbf {
        body["nbf"] = json!(nbf);
    }
    if let Some(exp) = version.exp {
        body["exp"] = json!(exp);
    }
    if has(EXPORTABLE) {
        body["exportable"] = json!(version.exportable);
    }
    // ARM's attributes have no counterpart to these two.
    if api.is_some_and(|api| api >= RECOVERABLE_DAYS) {
        body["recoverableDays"] = json!(retention(vault));
    }
    if api.is_some_and(|api| api >= HSM_PLATFORM) {
        body["hsmPlatform"] = json!(version.platform.to_string());
    }
    body
}

/// A version as ARM shows it.
pub fn described(vault: &Object, key: &Key, version: &Version) -> Value {
    let mut jwk = Map::new();
    version.material.show(&mut jwk);
    let address = format!(
        "https://{}.vault.localhost/keys/{}",
        vault.name().to_ascii_lowercase(),
        key.name
    );
    let mut properties = json!({
        "attributes": attributes(vault, version, None),
        "kty": version.kty(),
        "keyOps": version.ops,
        "keyUri": address,
        "keyUriWithVersion": format!("{address}/{}", version.id),
    });
    if let Some(bits) = version.material.bits() {
        properties["keySize"] = json!(bits);
    }
    if let Some(crv) = jwk.get("crv") {
        properties["curveName"] = crv.clone();
    }
    if let Some(policy) = &key.rotation {
        properties["rotationPolicy"] = policy.clone();
    }
    if let Some(policy) = &version.release_policy {
        properties["release_policy"] = policy.clone();
    }
    let mut body = json!({"location": vault.location(), "properties": properties});
    if let Some(tags) = &version.tags {
        body["tags"] = json!(tags);
    }
    body
}

//! `Microsoft.KeyVault/vaults/keys`: keys as ARM sees them. A PUT makes the first version
//! of a key and never changes one; everything else is the data plane's.
//! <https://learn.microsoft.com/rest/api/keyvault/keyvault/keys>

use super::vault::VERSIONS;
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source,
    Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use crate::vault::{
    KEYS, Key, Order, VaultError, Version, blocked, described, key_of, make, object_of,
    recovery_level, valid_name,
};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct VaultKey;

pub struct VaultKeyVersion;

const VERSIONS_KIND: &str = "Microsoft.KeyVault/vaults/keys/versions";

static META: Meta = Meta {
    kind: KEYS,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

static VERSIONS_META: Meta = Meta {
    kind: VERSIONS_KIND,
    ..META
};

static ACTIONS: &[Action] = &[Action {
    name: "versions",
    method: Method::GET,
    run: versions,
}];

impl ResourceType for VaultKey {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if let Some(old) = old {
            return Ok(written(old));
        }
        let vault = target.parent.as_deref().and_then(|key| world.object(key));
        let vault = vault.ok_or_else(|| self.not_found(target))?;
        valid_name(target.name()).map_err(refused)?;
        let pace = cx.azure.settings.pace;
        blocked(world, vault, target.name(), pace, cx.now).map_err(refused)?;
        let order = Order::read(vault, &ordered(sent)).map_err(refused)?;
        let key = Key {
            name: target.name().to_owned(),
            versions: vec![make(order, cx.now).map_err(refused)?],
            rotation: None,
            lag: None,
        };
        Ok(written(&object_of(vault, &key)))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PATCH", "vaults/keys"))
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Err(ArmError::method_not_allowed("DELETE", "vaults/keys"))
    }

    fn view(&self, object: &Object, world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        let level = vault_of(world, &object.id).map(recovery_level);
        let attributes = body.pointer_mut("/properties/attributes");
        if let Some((attributes, level)) = attributes.zip(level) {
            attributes["recoveryLevel"] = json!(level);
        }
        body
    }

    fn listed(&self, cx: &Context<'_>, object: &Object, world: &World) -> Value {
        let mut body = self.show(cx, object, world);
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|name, _| ["attributes", "keyUri"].contains(&name.as_str()));
        }
        body
    }

    fn not_found(&self, target: &Target) -> ArmError {
        refused(VaultError::key_not_found(target.name()))
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

impl ResourceType for VaultKeyVersion {
    fn meta(&self) -> &'static Meta {
        &VERSIONS_META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PUT", "vaults/keys/versions"))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed(
            "PATCH",
            "vaults/keys/versions",
        ))
    }

    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        let object = world.object(target.parent.as_deref()?)?;
        let key = key_of(object)?;
        let version = key
            .versions
            .iter()
            .find(|version| version.id.eq_ignore_ascii_case(target.name()))?;
        let vault = vault_of(world, &object.id)?;
        Some(Arc::new(version_object(vault, object, &key, version)))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        refused(VaultError::key_not_found(target.name()))
    }
}

fn written(object: &Object) -> Written {
    Written {
        status: 200,
        body: object.body.as_object().cloned().unwrap_or_default(),
        hidden: object.hidden.clone(),
        started: None,
    }
}

/// A vault's error as ARM passes it on.
fn refused(error: VaultError) -> ArmError {
    ArmError::new(Source::Provider, error.status, error.code, error.message)
}

/// ARM's names for what the data plane calls differently.
fn ordered(sent: &Map<String, Value>) -> Map<String, Value> {
    let none = Value::Null;
    let properties = sent.get("properties").unwrap_or(&none);
    let mut order = Map::new();
    for (theirs, ours) in [
        ("kty", "kty"),
        ("keyOps", "key_ops"),
        ("keySize", "key_size"),
        ("curveName", "crv"),
        ("attributes", "attributes"),
        ("release_policy", "release_policy"),
    ] {
        order.insert(ours.to_owned(), properties[theirs].clone());
    }
    if let Some(tags) = sent.get("tags") {
        order.insert("tags".to_owned(), tags.clone());
    }
    order
}

fn vault_of<'a>(world: &'a World, key_id: &str) -> Option<&'a Object> {
    let id = key_id.rsplitn(3, '/').nth(2)?;
    world.object(&id.to_ascii_lowercase()).map(Arc::as_ref)
}

fn version_object(vault: &Object, object: &Object, key: &Key, version: &Version) -> Object {
    let id = format!("{}/versions/{}", object.id, version.id);
    let mut body = described(vault, key, version);
    body["id"] = json!(id);
    body["name"] = json!(version.id);
    body["type"] = json!(VERSIONS_KIND);
    Object {
        id,
        kind: VERSIONS_KIND.to_owned(),
        body,
        hidden: Value::Null,
        pending: None,
    }
}

/// `GET …/keys/K/versions`
fn versions(_cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) -> Result<Answer, ArmError> {
    let mut value = Vec::new();
    if let (Some(vault), Some(key)) = (vault_of(txn.world(), &object.id), key_of(object)) {
        for version in &key.versions {
            let mut body = version_object(vault, object, &key, version).body;
            if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
                let shown = ["attributes", "keyUri", "keyUriWithVersion"];
                properties.retain(|name, _| shown.contains(&name.as_str()));
            }
            value.push(body);
        }
    }
    Ok(Answer::json(200, json!({ "value": value })))
}

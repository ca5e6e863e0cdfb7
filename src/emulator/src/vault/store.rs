//! Where keys are: live ones are objects below their vault, deleted ones facts of it.

use super::fault::VaultError;
use super::key::{Deleted, Key, Lag};
use super::show::described;
use crate::settings::Pace;
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Value, json};

/// The canonical type of keys.
pub const KEYS: &str = "Microsoft.KeyVault/vaults/keys";

/// The word in the facts that hold deleted keys.
pub const DELETED: &str = "#deletedkey/";

fn id_of(vault: &Object, name: &str) -> String {
    format!("{}/keys/{name}", vault.id)
}

fn fact_of(vault: &Object, name: &str) -> String {
    format!("{}{DELETED}{}", vault.key(), name.to_ascii_lowercase())
}

/// The key that an object holds. What its body says of the current version holds for it, too: a
/// body is changed behind the API's back only.
pub fn key_of(object: &Object) -> Option<Key> {
    let mut key: Key = serde_json::from_value(object.hidden.clone()).ok()?;
    let (shown, current) = (&object.body["properties"], key.versions.last_mut()?);
    if let Some(ops) = shown["keyOps"].as_array() {
        current.ops = ops.iter().filter_map(text).collect();
        current.enabled = shown["attributes"]["enabled"] == json!(true);
        current.exp = shown["attributes"]["exp"].as_i64();
        current.tags = object.body["tags"].as_object().cloned();
    }
    Some(key)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The object that holds a key; its visible part is what ARM shows.
pub fn object_of(vault: &Object, key: &Key) -> Object {
    let id = id_of(vault, &key.name);
    let mut body = described(vault, key, key.current());
    body["id"] = json!(id);
    body["name"] = json!(key.name);
    body["type"] = json!(KEYS);
    Object {
        body,
        id,
        kind: KEYS.to_owned(),
        hidden: serde_json::to_value(key).unwrap_or(Value::Null),
        pending: None,
    }
}

pub fn live(world: &World, vault: &Object, name: &str) -> Option<Key> {
    let id = id_of(vault, name).to_ascii_lowercase();
    key_of(world.object(&id)?)
}

/// All live keys of a vault, by name.
pub fn all_live(world: &World, vault: &Object) -> Vec<Key> {
    let prefix = format!("{}/keys/", vault.key());
    world
        .under(&prefix)
        .filter(|(_, object)| object.kind == KEYS)
        .filter_map(|(_, object)| key_of(object))
        .collect()
}

pub fn put_live(txn: &mut Txn<'_>, vault: &Object, key: &Key) {
    txn.put(object_of(vault, key));
}

/// Role assignments below the key's id stay, as Azure's do: ARM does not hear of what
/// happens on the data plane.
pub fn remove_live(txn: &mut Txn<'_>, vault: &Object, name: &str) {
    txn.remove(&id_of(vault, name).to_ascii_lowercase());
}

pub fn deleted(world: &World, vault: &Object, name: &str, now: Moment) -> Option<Deleted> {
    let fact = world.fact(&fact_of(vault, name))?;
    let deleted: Deleted = serde_json::from_value(Value::clone(fact)).ok()?;
    (deleted.purge > now.seconds()).then_some(deleted)
}

/// All deleted keys of a vault, by name.
pub fn all_deleted(world: &World, vault: &Object, now: Moment) -> Vec<Deleted> {
    let prefix = format!("{}{DELETED}", vault.key());
    world
        .facts_of(&vault.key())
        .iter()
        .filter_map(|fact| deleted(world, vault, fact.strip_prefix(&prefix)?, now))
        .collect()
}

pub fn put_deleted(txn: &mut Txn<'_>, vault: &Object, deleted: &Deleted) {
    let fact = fact_of(vault, &deleted.key.name);
    txn.set_fact(&fact, serde_json::to_value(deleted).ok());
}

pub fn remove_deleted(txn: &mut Txn<'_>, vault: &Object, name: &str) {
    txn.set_fact(&fact_of(vault, name), None);
}

/// A name whose key was deleted cannot be used again before that key is gone.
pub fn blocked(
    world: &World,
    vault: &Object,
    name: &str,
    pace: Pace,
    now: Moment,
) -> Result<(), VaultError> {
    match deleted(world, vault, name, now) {
        None => Ok(()),
        Some(deleted) if deleted.lag.passable(pace, now) => Err(VaultError::conflict(
            format!(
                "Key {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged."
            ),
            Some("ObjectIsDeletedButRecoverable"),
        )),
        Some(_) => Err(VaultError::being_deleted(name)),
    }
}

/// Looking at keys brings what happened to them a step nearer. `name` is the one looked
/// at; without it, all of them.
pub fn look(txn: &mut Txn<'_>, vault: &Object, name: Option<&str>, pace: Pace, now: Moment) {
    let meant = |key: &Key| name.is_none_or(|name| key.name.eq_ignore_ascii_case(name));
    for mut key in all_live(txn.world(), vault) {
        if let Some(lag) = key.lag.filter(|_| meant(&key)).map(Lag::tried) {
            key.lag = (!lag.over(pace, now)).then_some(lag);
            put_live(txn, vault, &key);
        }
    }
    for mut deleted in all_deleted(txn.world(), vault, now) {
        if meant(&deleted.key) && !deleted.lag.over(pace, now) {
            deleted.lag = deleted.lag.tried();
            put_deleted(txn, vault, &deleted);
        }
    }
}

/// Whether [`look`] would change anything.
pub fn waiting(world: &World, vault: &Object, pace: Pace, now: Moment) -> bool {
    all_live(world, vault).iter().any(|key| key.lag.is_some())
        || all_deleted(world, vault, now)
            .iter()
            .any(|deleted| !deleted.lag.over(pace, now))
}

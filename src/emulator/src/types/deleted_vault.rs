//! `Microsoft.KeyVault/deletedVaults`: what a deleted vault leaves at its location, with
//! all its keys, until it is recovered, purged or its time is over.
//! <https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get-deleted>

use super::vault::VERSIONS;
use super::vault_fields::refuse;
use crate::arm::{
    Action, Address, ApiVersion, ArmError, Context, Deleted, Located, Meta, Pattern, Placement,
    ResourceType, Target, start,
};
use crate::server::Answer;
use crate::state::{Effect, Moment, Object, Polling, Txn, World};
use crate::vault::{DELETED, KEYS, retention};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub struct DeletedVault;

/// The canonical type.
const KIND: &str = "Microsoft.KeyVault/deletedVaults";

const DAY: i64 = 86_400;

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Location { optional: true },
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

static PURGE: Pattern = Pattern {
    address: Address::AtLocation {
        namespace: "Microsoft.KeyVault",
        segment: "operationResults",
        prefix: "",
        upper_case: false,
    },
    polling: Polling::Dated,
    retry_after: None,
    seconds: 6,
};

static ACTIONS: &[Action] = &[Action {
    name: "purge",
    method: Method::POST,
    run: purge,
}];

/// Everything that comes back with a vault. Role assignments and private endpoint
/// connections do not: they went with the vault's id.
#[derive(Serialize, Deserialize)]
struct Saved {
    vault: Object,
    keys: Vec<Object>,
    deleted_keys: BTreeMap<String, Value>,
    /// When its time is over, in seconds since 1970.
    purge: i64,
}

impl ResourceType for DeletedVault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Err(ArmError::method_not_allowed("DELETE", KIND))
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove("location");
        }
        body
    }

    fn over(&self, object: &Object, now: Moment) -> bool {
        object.hidden["purge"]
            .as_i64()
            .is_some_and(|purge| purge <= now.seconds())
    }

    fn not_found(&self, _target: &Target) -> ArmError {
        refuse(
            404,
            "ResourceNotFound",
            "The specified resource does not exist.",
        )
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

fn purge(cx: &Context<'_>, txn: &mut Txn<'_>, deleted: &Object) -> Result<Answer, ArmError> {
    if deleted.body["properties"]["purgeProtectionEnabled"] == json!(true) {
        return Err(refuse(
            400,
            "MethodNotAllowed",
            "Operation 'DeletedVaultPurge' is not allowed.",
        ));
    }
    let mut answer = Answer::empty(202);
    answer.headers = start(cx, txn, &PURGE, deleted, "NotStarted", Effect::Remove);
    Ok(answer)
}

/// Keeps a vault that is about to go.
pub fn keep(txn: &mut Txn<'_>, vault: &Object, now: Moment) {
    let subscription = vault.id.split('/').nth(2).unwrap_or_default();
    let location = vault.location().unwrap_or_default();
    let purge = now.seconds() + retention(vault) * DAY;
    let id = format!(
        "/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{}",
        vault.name()
    );
    let mut properties = json!({
        "vaultId": vault.id,
        "location": location,
        "tags": vault.body.get("tags").cloned().unwrap_or_else(|| json!({})),
        "deletionDate": Moment::from(now.seconds()).zulu(),
        "scheduledPurgeDate": Moment::from(purge).zulu(),
    });
    if vault.body["properties"]["enablePurgeProtection"] == json!(true) {
        properties["purgeProtectionEnabled"] = json!(true);
    }
    let saved = saved(txn.world(), vault, purge);
    txn.put(Object {
        body: json!({
            "id": id,
            "name": vault.name(),
            "type": KIND,
            "location": location,
            "properties": properties,
        }),
        id,
        kind: KIND.to_owned(),
        hidden: serde_json::to_value(saved).unwrap_or(Value::Null),
        pending: None,
    });
}

fn saved(world: &World, vault: &Object, purge: i64) -> Saved {
    let below = format!("{}/", vault.key());
    let mut vault = vault.clone();
    vault.pending = None;
    Saved {
        keys: world
            .under(&below)
            .filter(|(_, object)| object.kind == KEYS)
            .map(|(_, object)| Object::clone(object))
            .collect(),
        deleted_keys: world
            .facts_of(&vault.key())
            .into_iter()
            .filter(|fact| fact.contains(DELETED))
            .filter_map(|fact| Some((fact.clone(), Value::clone(world.fact(&fact)?))))
            .collect(),
        vault,
        purge,
    }
}

/// Brings the contents of a recovered vault back, and ends its time among the deleted.
pub fn restore(txn: &mut Txn<'_>, vault: &Object) {
    let deleted = txn
        .world()
        .of_kind(KIND)
        .find(|(_, object)| vault_key(object) == vault.key())
        .map(|(key, object)| (key.clone(), object.clone()));
    let Some((key, deleted)) = deleted else {
        return;
    };
    if let Ok(saved) = serde_json::from_value::<Saved>(deleted.hidden.clone()) {
        for object in saved.keys {
            txn.put(object);
        }
        for (fact, value) in saved.deleted_keys {
            txn.set_fact(&fact, Some(value));
        }
    }
    txn.remove(&key);
}

/// The deleted vault that blocks a name.
pub fn named<'a>(world: &'a World, name: &str, now: Moment) -> Option<&'a Object> {
    world
        .of_kind(KIND)
        .map(|(_, object)| object.as_ref())
        .find(|object| object.name().eq_ignore_ascii_case(name) && !DeletedVault.over(object, now))
}

/// The key of the vault that was deleted.
pub fn vault_key(deleted: &Object) -> String {
    deleted
        .text("/properties/vaultId")
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// The vault's body as it was.
pub fn saved_body(deleted: &Object) -> Option<Map<String, Value>> {
    deleted.hidden["vault"]["body"].as_object().cloned()
}

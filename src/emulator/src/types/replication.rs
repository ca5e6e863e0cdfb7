//! `Microsoft.ContainerRegistry/registries/replications`: a Premium registry in further
//! regions. The home region is one of them from the first replication on.
//! <https://learn.microsoft.com/rest/api/containerregistry/replications>

use super::{checks, registry, registry_fields};
use crate::arm::{
    self, Address, ApiVersion, ArmError, Context, Deleted, Located, Meta, Pattern, Placement,
    ResourceType, Since, Started, Target, Written, set_state, stamp,
};
use crate::state::{Moment, Object, Polling, Txn, World};
use serde_json::{Map, Value, json};

pub struct Replication;

/// The canonical type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries/replications";

/// The application that Azure makes home replications with.
const PROVIDER_APPLICATION: &str = "6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26";

static META: Meta = Meta {
    kind: KIND,
    api_versions: registry::VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: Some(registry::SYSTEM_DATA),
    lockable: true,
    members: &[],
};

/// Since when a replica can be taken out of routing, and knows of zones.
const ENDPOINT: Since = Since {
    stable: Some("2021-09-01"),
    preview: Some("2019-12-01"),
};

static WRITE: Pattern = Pattern {
    address: Address::UnderResource {
        segment: "operationStatuses",
        prefix: "replications-",
    },
    polling: Polling::Status {
        running: 200,
        named: false,
    },
    retry_after: Some(10),
    seconds: 20,
};

static DELETION: Pattern = Pattern {
    address: Address::AtLocation {
        namespace: "Microsoft.ContainerRegistry",
        segment: "operationResults",
        prefix: "replications-",
        upper_case: false,
    },
    polling: Polling::Result {
        told: false,
        done: 200,
    },
    retry_after: Some(10),
    seconds: 50,
};

impl ResourceType for Replication {
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
        let home = target.parent.as_ref().and_then(|key| world.object(key));
        if let Some(home) = home {
            allowed(world, home, target, &sent["location"])?;
        }
        let properties = checks::object(sent, "properties")?;
        let routed = checks::flag(&properties, "regionEndpointEnabled")?.unwrap_or(true);
        let zones = checks::word(&properties, "zoneRedundancy", &["Enabled", "Disabled"])?
            .unwrap_or("Disabled");
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        let tags = sent.get("tags").cloned().unwrap_or_else(|| json!({}));
        body.insert("tags".to_owned(), tags);
        let word = if old.is_some() {
            "Updating"
        } else {
            "Creating"
        };
        let status = old.map_or_else(
            || json!({"timestamp": cx.now.zulu()}),
            |old| old.body["properties"]["status"].clone(),
        );
        body.insert(
            "properties".to_owned(),
            json!({
                "provisioningState": word,
                "status": status,
                "regionEndpointEnabled": routed,
                "zoneRedundancy": zones,
            }),
        );
        Ok(started(body, word))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        let properties = checks::object(sent, "properties")?;
        let Some(routed) = checks::flag(&properties, "regionEndpointEnabled")? else {
            body["properties"]["provisioningState"] = json!("Succeeded");
            return Ok(Written {
                status: 200,
                body,
                hidden: Value::Null,
                started: None,
            });
        };
        body["properties"]["regionEndpointEnabled"] = json!(routed);
        body["properties"]["provisioningState"] = json!("Updating");
        Ok(started(body, "Updating"))
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        let home = world.object(&parent_key(old));
        if home.is_some_and(|home| home.location() == old.location()) {
            return Err(checks::refuse(
                400,
                "HomeReplicationCannotBeDeleted",
                "The replication in the home region of the registry cannot be deleted.",
            ));
        }
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn view(&self, object: &Object, _world: &World, api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        let Some(body_map) = body.as_object_mut() else {
            return body;
        };
        if !api.has(registry::SYSTEM_DATA) {
            body_map.remove("systemData");
        }
        if let Some(properties) = body_map
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            && !api.has(ENDPOINT)
        {
            properties.remove("regionEndpointEnabled");
            properties.remove("zoneRedundancy");
        }
        body
    }

    fn settle(&self, object: &mut Object, now: Moment) {
        set_state(object, "Succeeded");
        object.body["properties"]["status"] =
            json!({"displayStatus": "Ready", "timestamp": now.zulu()});
    }

    fn stored(&self, cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        let Some(registry) = txn.world().object(&parent_key(object)).cloned() else {
            return;
        };
        let Some(home) = registry.location().map(ToOwned::to_owned) else {
            return;
        };
        let mut registry = Object::clone(&registry);
        if regions(txn.world(), &registry).all(|region| region != home) {
            txn.put(home_replication(&registry, &home, cx.now));
        }
        registry.hidden["replicated"] = json!(true);
        txn.put(registry);
    }
}

/// 201 with the operation.
fn started(body: Map<String, Value>, word: &'static str) -> Written {
    Written {
        status: 201,
        body,
        hidden: Value::Null,
        started: Some(Started {
            pattern: &WRITE,
            word,
        }),
    }
}

/// Replications need Premium, a plain name and a region of their own.
fn allowed(
    world: &World,
    registry: &Object,
    target: &Target,
    location: &Value,
) -> Result<(), ArmError> {
    let sku = registry_fields::sku_of(registry);
    if sku != registry_fields::PREMIUM {
        return Err(checks::refuse(
            400,
            "SkuNotSupported",
            format!("The SKU {sku} is not supported."),
        ));
    }
    if let Some(fault) = registry::name_fault(target.name()) {
        let fault = fault.replace("Registry names", "Replication names");
        return Err(checks::refuse(400, "InvalidResourceName", fault));
    }
    let taken = replications(world, registry)
        .any(|other| other.key() != target.key && other.body["location"] == *location);
    if taken || registry.body["location"] == *location {
        let own = world
            .object(&target.key)
            .is_some_and(|own| own.body["location"] == *location);
        if !own {
            return Err(checks::refuse(
                409,
                "ReplicationAlreadyExists",
                format!(
                    "The registry {} already has a replication in the location {}.",
                    registry.name(),
                    location.as_str().unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

fn home_replication(registry: &Object, home: &str, now: Moment) -> Object {
    let id = format!("{}/replications/{home}", registry.id);
    Object {
        body: json!({
            "id": id,
            "name": home,
            "type": KIND,
            "location": home,
            "tags": {},
            "systemData": stamp(PROVIDER_APPLICATION, now, None),
            "properties": {
                "provisioningState": "Succeeded",
                "status": {"displayStatus": "Ready", "timestamp": now.zulu()},
                "regionEndpointEnabled": true,
                "zoneRedundancy": "Disabled",
            },
        }),
        id,
        kind: KIND.to_owned(),
        hidden: Value::Null,
        pending: None,
    }
}

/// Takes the home replication away from a registry that left Premium.
pub fn forget_home(txn: &mut Txn<'_>, registry: &Object, now: Moment) {
    let keys: Vec<String> = replications(txn.world(), registry)
        .map(Object::key)
        .collect();
    for key in keys {
        arm::remove(txn, &key, now);
    }
}

fn replications<'a>(
    world: &'a World,
    registry: &Object,
) -> impl Iterator<Item = &'a Object> + use<'a> {
    let prefix = format!("{}/replications/", registry.key());
    world
        .of_kind_under(KIND, &prefix)
        .map(|(_, object)| object.as_ref())
}

/// Regions that a registry's replications are in, the home region among them once it has
/// any.
pub fn regions<'a>(world: &'a World, registry: &Object) -> impl Iterator<Item = String> + use<'a> {
    replications(world, registry).filter_map(|object| object.location().map(ToOwned::to_owned))
}

fn parent_key(object: &Object) -> String {
    let key = object.key();
    key.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

//! `Microsoft.ContainerRegistry/registries`.
//! <https://learn.microsoft.com/rest/api/containerregistry/registries>

use super::registry_actions::{ACTIONS, password};
use super::registry_fields as fields;
use super::{checks, registry_view, replication};
use crate::arm::{
    Action, Address, ApiVersion, ArmError, Context, Deleted, Located, Meta, Pattern, Placement,
    ResourceType, Since, Started, Target, Written,
};
use crate::state::{Failure, Moment, Object, Polling, Txn, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct Registry;

/// The canonical type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries";

pub static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: Some(SYSTEM_DATA),
    lockable: true,
    members: &[],
};

/// Versions of the provider, newest first.
pub const VERSIONS: &[&str] = &[
    "2025-11-01",
    "2025-04-01",
    "2023-11-01-preview",
    "2023-07-01",
    "2023-01-01-preview",
    "2022-12-01",
    "2021-09-01",
    "2021-08-01-preview",
    "2019-05-01",
    "2017-10-01",
];

/// Since when the provider's answers carry `systemData`.
pub const SYSTEM_DATA: Since = Since {
    stable: Some("2021-09-01"),
    preview: Some("2020-11-01"),
};

/// Until this version creations were answered when they were done.
const ASYNCHRONOUS: Since = Since {
    stable: Some("2021-09-01"),
    preview: Some("2021-12-01"),
};

static WRITE: Pattern = Pattern {
    address: Address::UnderResource {
        segment: "operationStatuses",
        prefix: "registries-",
    },
    polling: Polling::Status {
        running: 200,
        named: false,
    },
    retry_after: Some(10),
    seconds: 10,
};

static DELETION: Pattern = Pattern {
    address: Address::AtLocation {
        namespace: "Microsoft.ContainerRegistry",
        segment: "operationResults",
        prefix: "registries-",
        upper_case: false,
    },
    polling: Polling::Result {
        told: false,
        done: 200,
    },
    retry_after: Some(10),
    seconds: 10,
};

impl ResourceType for Registry {
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
        valid_name(target.name())?;
        free_name(world, target)?;
        let sku = fields::sku(sent)?.ok_or_else(|| {
            checks::refuse(
                400,
                "MissingSku",
                "The SKU of the registry must be provided.",
            )
        })?;
        may_become(world, &target.key, old, sku)?;
        let mut body = fields::fresh(target.name(), cx.now, old);
        body.insert("location".to_owned(), sent["location"].clone());
        let tags = sent.get("tags").cloned().unwrap_or_else(|| json!({}));
        body.insert("tags".to_owned(), tags);
        fields::lay(cx, world, &mut body, sent, sku, old)?;
        let known_later = old.is_some() || cx.api.has(ASYNCHRONOUS);
        let word = if old.is_some() {
            "Updating"
        } else {
            "Creating"
        };
        Ok(written(body, hidden(old), known_later.then_some(word)))
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let sku = match fields::sku(sent)? {
            Some(sku) => sku,
            None => fields::sku_of(old),
        };
        may_become(world, &target.key, Some(old), sku)?;
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        fields::lay(cx, world, &mut body, sent, sku, Some(old))?;
        let properties = sent.get("properties");
        let has = |name: &str| properties.is_some_and(|properties| properties.get(name).is_some());
        let slow = sent.contains_key("identity")
            || has("encryption")
            || (has("anonymousPullEnabled") && cx.api.has(fields::ANONYMOUS_PULL));
        Ok(written(
            body,
            old.hidden.clone(),
            slow.then_some("Updating"),
        ))
    }

    fn delete(&self, _cx: &Context<'_>, _world: &World, old: &Object) -> Result<Deleted, ArmError> {
        // A registry that ever had a replication takes its time, others go at once.
        Ok(if old.hidden["replicated"] == json!(true) {
            Deleted::Later {
                pattern: &DELETION,
                shown: true,
            }
        } else {
            Deleted::Now(200)
        })
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        registry_view::show(object, world, api)
    }

    fn stored(&self, cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        if fields::sku_of(object) != fields::PREMIUM {
            replication::forget_home(txn, object, cx.now);
        }
    }

    fn finish(
        &self,
        txn: &mut Txn<'_>,
        object: &Object,
        order: &Value,
        now: Moment,
    ) -> Result<(), Failure> {
        super::import_image::finish(txn, object, order, now)
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// 201 with an operation, or 200 when it is done at once.
fn written(mut body: Map<String, Value>, hidden: Value, word: Option<&'static str>) -> Written {
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        let state = word.unwrap_or("Succeeded");
        properties.insert("provisioningState".to_owned(), json!(state));
    }
    Written {
        status: if word.is_some() { 201 } else { 200 },
        body,
        hidden,
        started: word.map(|word| Started {
            pattern: &WRITE,
            word,
        }),
    }
}

fn hidden(old: Option<&Object>) -> Value {
    old.map_or_else(
        || json!({"passwords": [password(), password()]}),
        |old| old.hidden.clone(),
    )
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
pub fn name_fault(name: &str) -> Option<&'static str> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!plain || !(5..=50).contains(&name.len())).then_some(
        "Registry names may contain alpha numeric characters only and must be between 5 and 50 characters",
    )
}

fn valid_name(name: &str) -> Result<(), ArmError> {
    match name_fault(name) {
        None => Ok(()),
        Some(fault) => Err(checks::refuse(400, "InvalidResourceName", fault)),
    }
}

/// The registry that has that name, in whatever group and subscription.
pub fn by_name<'a>(world: &'a World, name: &str) -> Option<&'a Object> {
    world
        .of_kind(KIND)
        .map(|(_, object)| object.as_ref())
        .find(|object| object.name().eq_ignore_ascii_case(name))
}

/// As [`by_name`], to keep.
pub fn named(world: &World, name: &str) -> Option<Arc<Object>> {
    world
        .of_kind(KIND)
        .map(|(_, object)| object)
        .find(|object| object.name().eq_ignore_ascii_case(name))
        .cloned()
}

/// Names are unique in the whole world: they are host names.
fn free_name(world: &World, target: &Target) -> Result<(), ArmError> {
    match by_name(world, target.name()) {
        Some(other) if other.key() != target.key => Err(checks::refuse(
            409,
            "AlreadyInUse",
            format!(
                "The registry DNS name {}.azurecr.io is already in use. You can check if the name is already claimed using following API: https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability",
                target.name().to_ascii_lowercase()
            ),
        )),
        _ => Ok(()),
    }
}

/// A registry with replicas or private endpoints cannot leave Premium.
fn may_become(world: &World, key: &str, old: Option<&Object>, sku: &str) -> Result<(), ArmError> {
    let Some(old) = old.filter(|_| sku != fields::PREMIUM) else {
        return Ok(());
    };
    let has = |kind: &str| {
        world.under(&format!("{key}/")).any(|(_, object)| {
            object.kind == kind
                && object
                    .location()
                    .is_none_or(|at| Some(at) != old.location())
        })
    };
    if has(replication::KIND) || has(super::private_endpoint_connection::KIND) {
        return Err(checks::refuse(
            409,
            "SkuDowngradeNotAllowed",
            format!(
                "The registry {} has replications or private endpoint connections, which the SKU {sku} does not support. Remove them first.",
                old.name()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["abcde", "A1b2C3", &"x".repeat(50)] {
            assert_eq!(name_fault(good), None, "{good}");
        }
        for bad in ["abcd", "with-dash", "ümlaut", &"x".repeat(51)] {
            assert!(name_fault(bad).is_some(), "{bad}");
        }
    }
}

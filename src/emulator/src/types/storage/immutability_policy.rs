//! `…/containers/immutabilityPolicies`: for how long what a container holds cannot be changed.
//! Every container shows one called `default`; one that never was is in state `Deleted`.
//! <https://learn.microsoft.com/rest/api/storagerp/blob-containers/create-or-update-immutability-policy>

use super::provider::{VERSIONS, etag, flag, invalid, number, object, refuse, wanted};
use crate::arm::{
    Action, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};

pub struct ImmutabilityPolicy;

/// The canonical type.
const KIND: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies";

/// Days for which it can hold: at most 400 years.
const DAYS: std::ops::RangeInclusive<i64> = 1..=146_000;

/// How often a locked one can be extended.
const EXTENSIONS: u64 = 5;

const PERIOD: &str = "immutabilityPeriodSinceCreationInDays";
const APPENDS: [&str; 2] = [
    "allowProtectedAppendWrites",
    "allowProtectedAppendWritesAll",
];

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &["etag"],
};

static ACTIONS: &[Action] = &[
    Action {
        name: "lock",
        method: Method::POST,
        run: lock,
    },
    Action {
        name: "extend",
        method: Method::POST,
        run: extend,
    },
];

impl ResourceType for ImmutabilityPolicy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if target.name() != "default" {
            return Err(invalid("immutabilityPolicyName"));
        }
        let old = old.ok_or_else(|| self.not_found(target))?;
        unchanged(old, wanted(cx))?;
        if is_locked(old) {
            return Err(wrong_state());
        }
        let sent = object(sent, "properties")?;
        let before = &old.body["properties"];
        let days = number(&sent, PERIOD)?.or_else(|| before[PERIOD].as_i64());
        let days = days.filter(|days| DAYS.contains(days));
        let days = days.ok_or_else(|| invalid(PERIOD))?;
        let mut properties = json!({ PERIOD: days, "state": "Unlocked" });
        let [appends, all] = [flag(&sent, APPENDS[0])?, flag(&sent, APPENDS[1])?];
        if appends == Some(true) && all == Some(true) {
            return Err(invalid(APPENDS[1]));
        }
        let said = appends.is_some() || all.is_some();
        for (name, flag) in APPENDS.into_iter().zip([appends, all]) {
            let kept = before[name].as_bool().filter(|_| !said);
            if let Some(flag) = flag.or(kept) {
                properties[name] = json!(flag);
            }
        }
        let mut body = Map::new();
        body.insert("etag".to_owned(), json!(etag(cx.now, old.text("/etag"))));
        body.insert("properties".to_owned(), properties);
        Ok(Written {
            status: 200,
            body,
            hidden: Value::Null,
            started: None,
        })
    }

    fn delete(&self, cx: &Context<'_>, _world: &World, old: &Object) -> Result<Deleted, ArmError> {
        must_name(cx, old)?;
        if is_locked(old) {
            return Err(wrong_state());
        }
        Ok(Deleted::Shown(200))
    }

    fn show(&self, cx: &Context<'_>, policy: &Object, _world: &World) -> Value {
        let mut body = policy.body.clone();
        // What is left of a policy says so.
        if cx.call.method == Method::DELETE {
            body["etag"] = json!(etag(cx.now, policy.text("/etag")));
            body["properties"] = json!({ PERIOD: 0, "state": "Deleted" });
        }
        body
    }

    fn leaving(&self, _txn: &mut Txn<'_>, _object: &Object, _now: crate::state::Moment) {}

    fn answered(&self, _cx: &Context<'_>, _world: &World, object: &Object, answer: &mut Answer) {
        if let Some(etag) = object.text("/etag") {
            answer.headers.push(("etag", etag.to_owned()));
        }
    }

    fn find(&self, world: &World, target: &Target) -> Option<std::sync::Arc<Object>> {
        let container = target.parent.as_ref().and_then(|key| world.object(key))?;
        let stored = world.object(&target.key).cloned();
        stored.or_else(|| Some(std::sync::Arc::new(none(container))))
    }

    fn not_found(&self, _target: &Target) -> ArmError {
        refuse(
            404,
            "ContainerNotFound",
            "The specified container does not exist.",
        )
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// What a container without a policy shows in its place.
fn none(container: &Object) -> Object {
    let id = format!("{}/immutabilityPolicies/default", container.id);
    Object {
        body: json!({
            "id": id,
            "name": "default",
            "type": KIND,
            "etag": "",
            "properties": { PERIOD: 0, "state": "Deleted" },
        }),
        id,
        kind: KIND.to_owned(),
        hidden: Value::Null,
        pending: None,
    }
}

/// The policy of a container, if there is one.
pub fn of<'a>(world: &'a World, container: &Object) -> Option<&'a Object> {
    let key = format!("{}/immutabilitypolicies/default", container.key());
    world.object(&key).map(AsRef::as_ref)
}

/// Whether it holds at all.
pub fn holds(policy: &Object) -> bool {
    policy.text("/properties/state") != Some("Deleted")
}

/// Whether it is locked, for good.
pub fn is_locked(policy: &Object) -> bool {
    policy.text("/properties/state") == Some("Locked")
}

/// What its container tells of it.
pub fn summary(policy: &Object) -> Value {
    json!({"etag": policy.body["etag"], "properties": policy.body["properties"]})
}

/// The containers below a key that are locked.
pub fn locked_below(world: &World, key: &str) -> Vec<String> {
    let prefix = format!("{key}/");
    let below = world.under(&prefix);
    let locked = below.filter(|(_, object)| object.kind == KIND && is_locked(object));
    locked
        .filter_map(|(key, _)| key.rsplit('/').nth(2).map(ToOwned::to_owned))
        .collect()
}

fn wrong_state() -> ArmError {
    refuse(
        409,
        "ContainerImmutabilityPolicyFailure",
        "Operation not allowed on immutability policy with current state.",
    )
}

fn unchanged(policy: &Object, wanted: Option<&str>) -> Result<(), ArmError> {
    match wanted {
        Some(wanted) if policy.text("/etag") != Some(wanted) => Err(refuse(
            412,
            "ContainerImmutabilityPolicyFailure",
            "Operation not allowed on immutability policy with incorrect etag.",
        )),
        _ => Ok(()),
    }
}

/// Some requests are taken only with the policy's etag.
fn must_name(cx: &Context<'_>, policy: &Object) -> Result<(), ArmError> {
    unchanged(policy, Some(cx.call.header("if-match").unwrap_or_default()))
}

fn lock(cx: &Context<'_>, txn: &mut Txn<'_>, policy: &Object) -> Result<Answer, ArmError> {
    must_name(cx, policy)?;
    if !holds(policy) || is_locked(policy) {
        return Err(wrong_state());
    }
    let mut locked = policy.clone();
    locked.body["properties"]["state"] = json!("Locked");
    Ok(kept(cx, txn, locked))
}

fn extend(cx: &Context<'_>, txn: &mut Txn<'_>, policy: &Object) -> Result<Answer, ArmError> {
    must_name(cx, policy)?;
    let extensions = policy.hidden["extensions"].as_u64().unwrap_or_default();
    if !is_locked(policy) || extensions >= EXTENSIONS {
        return Err(wrong_state());
    }
    let sent: Map<String, Value> =
        serde_json::from_slice(&cx.call.body).map_err(|_| invalid("properties"))?;
    let days = number(&object(&sent, "properties")?, PERIOD)?;
    let before = policy.body["properties"][PERIOD].as_i64();
    let days = days.filter(|days| DAYS.contains(days) && Some(*days) > before);
    let mut extended = policy.clone();
    extended.body["properties"][PERIOD] = json!(days.ok_or_else(|| invalid(PERIOD))?);
    extended.hidden = json!({"extensions": extensions + 1});
    Ok(kept(cx, txn, extended))
}

fn kept(cx: &Context<'_>, txn: &mut Txn<'_>, mut policy: Object) -> Answer {
    policy.body["etag"] = json!(etag(cx.now, policy.text("/etag")));
    let answer = Answer::json(200, policy.body.clone());
    let tag = policy.body["etag"].as_str().unwrap_or_default().to_owned();
    txn.put(policy);
    answer.with("etag", tag)
}

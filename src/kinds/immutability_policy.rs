//! Immutability policies: for how long a container takes nothing but more.
//!
//! Reference: Microsoft.Storage `…/containers/immutabilityPolicies`, api-version 2023-05-01. Every
//! container shows one, `default`; where there never was any it says so. No list shows them.
//!
//! ## Why
//! Locking is for good, not even Microsoft takes it back, and an account with a locked container
//! cannot be deleted: so people do that by hand. What they locked can only be extended, and that
//! five times; everything else is refused before it is sent.

use serde_json::{Value as Json, json};

use super::Sections;
use super::storage_account::API_VERSION;
use super::store_section::KEPT;
use crate::resource::{
    AddressError, Carrier, Field, Kind, Literal, Meta, Method, Place, Problem, ReadMode, Request,
    Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of immutability policies.
pub struct ImmutabilityPolicy;

/// Days since it was written for which a blob cannot be changed.
const PERIOD: &str = "properties.immutabilityPeriodSinceCreationInDays";

/// Whether the policy is locked, which no TOML says.
const STATE: &str = "properties.state";

static META: Meta = Meta {
    name: "immutability policy",
    arm_type: "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies",
    api_version: API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::DataPlane,
    update: UpdateMode::Put,
    fields: &[
        Field::new(PERIOD)
            .absent(Literal::Int(0))
            .severity(Severity::Critical),
        Field::new("properties.allowProtectedAppendWrites")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .severity(Severity::High),
        Field::new("properties.allowProtectedAppendWritesAll")
            .or(Literal::Bool(false))
            .severity(Severity::High),
    ],
    unmanaged: &[Unmanaged {
        path: STATE,
        reason: "people lock it, for good, once they are sure",
    }],
    read_only: &[STATE, "properties.updateHistory"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

fn is_locked(state: Option<&str>) -> bool {
    state.is_some_and(|state| state.eq_ignore_ascii_case("Locked"))
}

impl Kind for ImmutabilityPolicy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn keeps(&self) -> Option<&'static str> {
        Some(KEPT)
    }

    /// Its container shows one from the beginning.
    fn resurfaces(&self) -> bool {
        true
    }

    /// PUT; once it is locked, an extension.
    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        let state = live.pointer("/properties/state").and_then(Json::as_str);
        let mut request = crate::resource::update(&META, id, live, desired, changed);
        if is_locked(state) {
            let days = &desired["properties"]["immutabilityPeriodSinceCreationInDays"];
            let body = json!({"properties": {"immutabilityPeriodSinceCreationInDays": days}});
            request = Request::arm(Method::Post, format!("{id}/extend"), API_VERSION).body(body);
            // A second one is refused by the etag.
            request.idempotent = true;
        }
        // A policy that never was has no etag.
        match live.get("etag").and_then(Json::as_str) {
            None | Some("") => request,
            Some(_) => request.if_unchanged(live),
        }
    }

    fn project(&self, live: &Json) -> Value {
        let mut fields = META.project(live);
        let state = live.pointer("/properties/state").and_then(Json::as_str);
        if let Some(state) = state {
            fields.set(STATE, Value::from(state));
        }
        fields
    }

    fn refuses(&self, path: &str, after: &Value, live: &Value) -> Option<String> {
        if !is_locked(live.at(STATE).and_then(Value::as_str)) {
            return None;
        }
        let days = |value: &Value| match value {
            Value::Number(days) => days.as_i64(),
            _ => None,
        };
        let before = live.at(path).and_then(days);
        let grows = path == PERIOD && days(after) > before;
        (!grows).then(|| {
            let stands = before.map_or_else(String::new, |days| format!(": declare {days}"));
            format!("people locked this policy, so it can only be made longer{stands}")
        })
    }
}

/// The policies of the control store's containers that are append-only.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.store, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let containers = place.address("store")?.child("container")?;
    let policies = section.containers.iter().filter_map(|(name, container)| {
        let days = container.append_only_days?;
        Some((name, days))
    });
    policies
        .map(|(name, days)| {
            let container = containers.child(name)?;
            let id = section.container_id(&group_id, name);
            let id = format!("{id}/immutabilityPolicies/default");
            let mut properties = Value::default();
            properties.set(PERIOD, Value::from(json!(days)));
            let address = container.child("policy")?;
            let policy = Resource::new(place, &ImmutabilityPolicy, address, id.into(), properties);
            Ok(policy.inside(&container))
        })
        .collect()
}

/// The containers' own check covers their days.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(state: &str, days: i64) -> Json {
        json!({"etag": "\"1\"", "properties": {
            "immutabilityPeriodSinceCreationInDays": days,
            "allowProtectedAppendWrites": true,
            "state": state,
        }})
    }

    fn desired(days: i64) -> Json {
        json!({"properties": {
            "immutabilityPeriodSinceCreationInDays": days,
            "allowProtectedAppendWrites": true,
            "allowProtectedAppendWritesAll": false,
        }})
    }

    #[test]
    fn a_locked_policy_is_extended_and_nothing_else() {
        let request = ImmutabilityPolicy.update("/p", &live("Locked", 30), &desired(60), &[PERIOD]);
        assert_eq!(
            (request.method, request.path.as_str()),
            (Method::Post, "/p/extend")
        );
        assert!(request.is_conditional() && request.idempotent);
        let days = json!({"properties": {"immutabilityPeriodSinceCreationInDays": 60}});
        assert_eq!(request.body, Some(days));
        let refuses = |state: &str, path: &str, after: Json| {
            let live = ImmutabilityPolicy.project(&live(state, 30));
            ImmutabilityPolicy.refuses(path, &Value::from(after), &live)
        };
        assert_eq!(refuses("Locked", PERIOD, json!(60)), None);
        let said = refuses("Locked", PERIOD, json!(7)).expect("refused");
        assert!(said.ends_with("declare 30"), "{said}");
        let appends = "properties.allowProtectedAppendWrites";
        assert!(refuses("Locked", appends, json!(false)).is_some());
        assert_eq!(refuses("Unlocked", PERIOD, json!(7)), None);
    }

    #[test]
    fn what_never_was_is_put_without_a_condition() {
        let none = json!({"id": "/p", "etag": "", "properties": {
            "immutabilityPeriodSinceCreationInDays": 0, "state": "Deleted",
        }});
        let request = ImmutabilityPolicy.update("/p", &none, &desired(60), &[PERIOD]);
        assert_eq!(request.method, Method::Put);
        assert!(!request.is_conditional());
        assert_eq!(request.body, Some(desired(60)));
        let again = ImmutabilityPolicy.update("/p", &live("Unlocked", 30), &desired(7), &[PERIOD]);
        assert!(again.method == Method::Put && again.is_conditional());
    }
}

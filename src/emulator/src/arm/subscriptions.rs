//! Subscriptions, tenants and what hangs directly on them.
//! <https://learn.microsoft.com/rest/api/resources/subscriptions>

use super::authorize::Sees;
use super::context::Context;
use super::error::ArmError;
use super::{groups, providers, regions, resources};
use crate::server::Answer;
use crate::state::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn read(cx: &Context<'_>, world: &World, words: &[String]) -> Result<Answer, ArmError> {
    let lower: Vec<String> = words.iter().map(|w| w.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match (&cx.path.subscription, lower.as_slice()) {
        (None, ["subscriptions"]) => {
            let subscriptions: Vec<Value> = cx
                .azure
                .settings
                .subscriptions
                .iter()
                .filter(|id| match &cx.sees {
                    Sees::Everything => true,
                    Sees::Some(held) => held.touches(&format!("/subscriptions/{id}")),
                })
                .map(|id| subscription(cx, id))
                .collect();
            let count = json!({"type": "Total", "value": subscriptions.len()});
            Ok(Answer::json(
                200,
                json!({"value": subscriptions, "count": count}),
            ))
        }
        (None, ["tenants"]) => Ok(Answer::json(200, json!({"value": [tenant(cx)]}))),
        (None, ["providers"]) | (Some(_), ["providers"]) => Ok(providers::all(cx, world)),
        (Some(id), []) => Ok(Answer::json(200, subscription(cx, id))),
        (Some(id), ["locations"]) => Ok(Answer::json(200, regions::list(id))),
        (Some(_), ["resourcegroups"]) => groups::list(cx, world),
        (Some(id), ["resources"]) => {
            let scope = format!("/subscriptions/{}", id.to_ascii_lowercase());
            resources::list(cx, world, &scope)
        }
        (Some(id), ["tagnames"]) => Ok(tag_names(world, id)),
        _ => Err(unknown(cx)),
    }
}

pub fn write(cx: &Context<'_>, words: &[String]) -> Result<Answer, ArmError> {
    match (&cx.path.subscription, words) {
        (Some(_), []) => Err(ArmError::method_not_allowed(
            cx.call.method.as_str(),
            "Microsoft.Resources/subscriptions",
        )),
        _ => Err(unknown(cx)),
    }
}

fn subscription(cx: &Context<'_>, id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": id,
        "tenantId": cx.azure.directory.tenant(),
        "displayName": "Local emulator",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

fn tenant(cx: &Context<'_>) -> Value {
    let id = cx.azure.directory.tenant();
    json!({
        "id": format!("/tenants/{id}"),
        "tenantId": id,
        "countryCode": "US",
        "displayName": "Local emulator",
        "domains": ["emulator.onmicrosoft.com"],
        "tenantCategory": "Home",
        "defaultDomain": "emulator.onmicrosoft.com",
        "tenantType": "AAD",
    })
}

/// `GET /subscriptions/S/tagNames`: every tag in use, with counts.
fn tag_names(world: &World, subscription: &str) -> Answer {
    let prefix = format!("/subscriptions/{}/", subscription.to_ascii_lowercase());
    let mut names: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (_, object) in world.under(&prefix) {
        let tags = object.body.get("tags").and_then(Value::as_object);
        for (name, value) in tags.into_iter().flatten() {
            *names
                .entry(name)
                .or_default()
                .entry(value.as_str().unwrap_or_default())
                .or_default() += 1;
        }
    }
    let count = |value: usize| json!({"type": "Total", "value": value});
    let value: Vec<Value> = names
        .iter()
        .map(|(name, values)| {
            let id = format!("/subscriptions/{subscription}/tagNames/{name}");
            let shown: Vec<Value> = values
                .iter()
                .map(|(value, uses)| {
                    json!({"id": format!("{id}/tagValues/{value}"), "tagValue": value, "count": count(*uses)})
                })
                .collect();
            json!({"id": id, "tagName": name, "count": count(values.values().sum()), "values": shown})
        })
        .collect();
    Answer::json(200, json!({ "value": value }))
}

fn unknown(cx: &Context<'_>) -> ArmError {
    ArmError::gateway(
        404,
        "NotFound",
        format!("The requested path '{}' is not found.", cx.path.text),
    )
}

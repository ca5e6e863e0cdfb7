//! `Microsoft.ContainerRegistry/registries/webhooks`.
//! <https://learn.microsoft.com/rest/api/containerregistry/webhooks>

use super::{checks, registry, registry_fields};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct Webhook;

/// The canonical type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries/webhooks";

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

static ACTIONS: &[Action] = &[
    Action {
        name: "getCallbackConfig",
        method: Method::POST,
        run: callback_config,
    },
    Action {
        name: "ping",
        method: Method::POST,
        run: ping,
    },
    Action {
        name: "listEvents",
        method: Method::POST,
        run: list_events,
    },
];

const EVENTS: &[&str] = &["push", "delete", "quarantine", "chart_push", "chart_delete"];

impl ResourceType for Webhook {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if let Some(fault) = registry::name_fault(target.name()) {
            let fault = fault.replace("Registry names", "Webhook names");
            return Err(checks::refuse(400, "InvalidResourceName", fault));
        }
        room(world, target, old)?;
        let properties = checks::object(sent, "properties")?;
        if checks::text(&properties, "serviceUri")?.is_none() {
            return Err(checks::invalid(
                "The service URI of the webhook must be provided.",
            ));
        }
        if checks::list(&properties, "actions")?.is_none_or(|actions| actions.is_empty()) {
            return Err(checks::invalid(
                "The actions of the webhook must be provided.",
            ));
        }
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        let tags = sent.get("tags").cloned().unwrap_or_else(|| json!({}));
        body.insert("tags".to_owned(), tags);
        let fresh = json!({
            "status": "enabled",
            "scope": "",
            "actions": [],
            "provisioningState": "Succeeded",
        });
        body.insert("properties".to_owned(), fresh);
        lay(body, json!({"customHeaders": {}}), &properties)
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
        lay(body, old.hidden.clone(), &properties)
    }

    fn view(&self, object: &Object, _world: &World, api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        if !api.has(registry::SYSTEM_DATA)
            && let Some(body) = body.as_object_mut()
        {
            body.remove("systemData");
        }
        body
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// Lays what was sent over a webhook; where it calls and with which headers stays hidden.
fn lay(
    mut body: Map<String, Value>,
    mut hidden: Value,
    sent: &Map<String, Value>,
) -> Result<Written, ArmError> {
    let mut properties = checks::object(&body, "properties")?;
    if let Some(status) = checks::word(sent, "status", &["enabled", "disabled"])? {
        properties.insert("status".to_owned(), json!(status));
    }
    if let Some(scope) = checks::text(sent, "scope")? {
        properties.insert("scope".to_owned(), json!(scope));
    }
    if let Some(actions) = checks::list(sent, "actions")? {
        for action in &actions {
            if !action
                .as_str()
                .is_some_and(|action| EVENTS.contains(&action))
            {
                return Err(checks::wrong("properties.actions", action));
            }
        }
        properties.insert("actions".to_owned(), json!(actions));
    }
    if let Some(uri) = checks::text(sent, "serviceUri")? {
        if !(uri.starts_with("http://") || uri.starts_with("https://")) {
            return Err(checks::invalid(format!(
                "The service URI '{uri}' is invalid."
            )));
        }
        hidden["serviceUri"] = json!(uri);
    }
    if let Some(headers) = sent
        .get("customHeaders")
        .filter(|headers| headers.is_object())
    {
        hidden["customHeaders"] = headers.clone();
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    Ok(Written {
        status: 200,
        body,
        hidden,
        started: None,
    })
}

/// A SKU has so many webhooks.
fn room(world: &World, target: &Target, old: Option<&Object>) -> Result<(), ArmError> {
    let Some(registry) = target.parent.as_ref().and_then(|key| world.object(key)) else {
        return Ok(());
    };
    let most = match registry_fields::sku_of(registry) {
        "Basic" => 2,
        "Standard" => 10,
        _ => 500,
    };
    let prefix = format!("{}/webhooks/", registry.key());
    if old.is_none() && world.under(&prefix).filter(|(_, o)| o.kind == KIND).count() >= most {
        return Err(checks::refuse(
            409,
            "WebhookQuotaExceeded",
            format!(
                "The registry {} already has {most} webhooks, the maximum of its SKU.",
                registry.name()
            ),
        ));
    }
    Ok(())
}

fn callback_config(
    _cx: &Context<'_>,
    _txn: &mut Txn<'_>,
    webhook: &Object,
) -> Result<Answer, ArmError> {
    Ok(Answer::json(
        200,
        json!({
            "serviceUri": webhook.hidden["serviceUri"],
            "customHeaders": webhook.hidden["customHeaders"],
        }),
    ))
}

/// Nothing is called from here; the event is remembered as sent and unanswered.
fn ping(cx: &Context<'_>, txn: &mut Txn<'_>, webhook: &Object) -> Result<Answer, ArmError> {
    let id = Uuid::new_v4().to_string();
    let mut changed = webhook.clone();
    let event = json!({"id": id, "timestamp": cx.now.zulu(), "action": "ping"});
    match changed.hidden["events"].as_array_mut() {
        Some(events) => events.push(event),
        None => changed.hidden["events"] = json!([event]),
    }
    txn.put(changed);
    Ok(Answer::json(200, json!({ "id": id })))
}

fn list_events(
    _cx: &Context<'_>,
    _txn: &mut Txn<'_>,
    webhook: &Object,
) -> Result<Answer, ArmError> {
    let mut headers = json!({
        "User-Agent": "AzureContainerRegistry/1.0",
        "Content-Type": "application/json; charset=utf-8",
    });
    if let Some(custom) = webhook.hidden["customHeaders"].as_object() {
        for (name, value) in custom {
            headers[name] = value.clone();
        }
    }
    let events = webhook.hidden["events"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let value: Vec<Value> = events
        .into_iter()
        .map(|event| {
            json!({
                "id": event["id"],
                "eventRequestMessage": {
                    "content": event,
                    "headers": headers,
                    "method": "POST",
                    "requestUri": webhook.hidden["serviceUri"],
                    "version": "1.1",
                },
                "eventResponseMessage": null,
            })
        })
        .collect();
    Ok(Answer::json(200, json!({ "value": value })))
}

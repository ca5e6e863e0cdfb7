//! `Microsoft.ContainerRegistry/registries/tasks`: builds that a registry runs, as an identity of
//! their own. They are kept, and never run.
//! <https://learn.microsoft.com/rest/api/container-registry-tasks/tasks>

use super::{checks, registry_identity};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Target,
    Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};

pub struct Task;

static META: Meta = Meta {
    kind: "Microsoft.ContainerRegistry/registries/tasks",
    api_versions: &[
        "2025-03-01-preview",
        "2019-06-01-preview",
        "2019-04-01",
        "2018-09-01",
    ],
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &["identity"],
};

static ACTIONS: &[Action] = &[Action {
    name: "listDetails",
    method: Method::POST,
    run: details,
}];

/// Seconds that a task may take.
const TIMEOUT: std::ops::RangeInclusive<i64> = 300..=28_800;

impl ResourceType for Task {
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
        let name = target.name();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(5..=50).contains(&name.len()) || !name.chars().all(plain) {
            return Err(checks::invalid(format!(
                "The task name '{name}' is invalid."
            )));
        }
        let created = old
            .and_then(|old| old.text("/properties/creationDate"))
            .map_or_else(|| cx.now.offset_form(), ToOwned::to_owned);
        let fresh = json!({
            "provisioningState": "Succeeded",
            "creationDate": created,
            "status": "Enabled",
            "timeout": 3600,
        });
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        let tags = sent.get("tags").cloned().unwrap_or_else(|| json!({}));
        body.insert("tags".to_owned(), tags);
        body.insert("properties".to_owned(), fresh);
        let mut written = lay(cx, world, body, old, sent)?;
        written.status = if old.is_some() { 200 } else { 201 };
        Ok(written)
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        lay(cx, world, body, Some(old), sent)
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Now(200))
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let mut shown = object.body.clone();
        hide(&mut shown["properties"]);
        shown
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// Lays what was sent over a task.
fn lay(
    cx: &Context<'_>,
    world: &World,
    mut body: Map<String, Value>,
    old: Option<&Object>,
    sent: &Map<String, Value>,
) -> Result<Written, ArmError> {
    let sent_properties = checks::object(sent, "properties")?;
    let mut properties = checks::object(&body, "properties")?;
    if let Some(status) = checks::word(&sent_properties, "status", &["Enabled", "Disabled"])? {
        properties.insert("status".to_owned(), json!(status));
    }
    if let Some(timeout) = checks::number(&sent_properties, "timeout")? {
        if !TIMEOUT.contains(&timeout) {
            return Err(checks::invalid(format!(
                "The timeout {timeout} is invalid."
            )));
        }
        properties.insert("timeout".to_owned(), json!(timeout));
    }
    let system = checks::flag(&sent_properties, "isSystemTask")? == Some(true);
    for member in [
        "platform",
        "agentConfiguration",
        "agentPoolName",
        "step",
        "trigger",
        "credentials",
        "logTemplate",
        "isSystemTask",
    ] {
        if let Some(value) = sent_properties.get(member) {
            properties.insert(member.to_owned(), value.clone());
        }
    }
    if !system {
        let platform = checks::object(&properties, "platform")?;
        if checks::word(&platform, "os", &["Linux", "Windows"])?.is_none() {
            return Err(checks::invalid(
                "The platform of the task must be provided.",
            ));
        }
        let step = checks::object(&properties, "step")?;
        let kinds = ["Docker", "FileTask", "EncodedTask"];
        if checks::word(&step, "type", &kinds)?.is_none() {
            return Err(checks::invalid("The step of the task must be provided."));
        }
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    match registry_identity::identity(cx, world, sent, old)? {
        Some(Value::Null) => drop(body.remove("identity")),
        Some(mut identity) => {
            // Words in other letters than a registry's.
            let word = identity["type"].as_str().unwrap_or_default();
            let word = word.replace("systemA", "SystemA").replace("userA", "UserA");
            identity["type"] = json!(word);
            body.insert("identity".to_owned(), identity);
        }
        None => {}
    }
    Ok(Written {
        status: 200,
        body,
        hidden: Value::Null,
        started: None,
    })
}

/// Takes secrets out of a task: what it signs in with elsewhere, and secret arguments.
fn hide(properties: &mut Value) {
    let credentials = &mut properties["credentials"];
    if let Some(registries) = credentials["customRegistries"].as_object_mut() {
        registries.values_mut().for_each(|one| *one = Value::Null);
    }
    if credentials.is_null() {
        if let Some(properties) = properties.as_object_mut() {
            properties.remove("credentials");
        }
    } else if credentials["sourceRegistry"].is_object() {
        credentials["sourceRegistry"] = Value::Null;
    }
    for list in ["arguments", "values"] {
        let all = properties["step"]
            .get_mut(list)
            .and_then(Value::as_array_mut);
        for one in all.into_iter().flatten() {
            if one["isSecret"] == json!(true)
                && let Some(one) = one.as_object_mut()
            {
                one.remove("value");
            }
        }
    }
}

fn details(_cx: &Context<'_>, _txn: &mut Txn<'_>, task: &Object) -> Result<Answer, ArmError> {
    Ok(Answer::json(200, task.body.clone()))
}

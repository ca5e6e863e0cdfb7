//! `Microsoft.Insights/diagnosticSettings`: what a resource or subscription tells to whom.
//! <https://learn.microsoft.com/rest/api/monitor/diagnostic-settings>
//!
//! ## Why
//!
//! A setting stays when its resource goes, and acts again on a new resource of the same id,
//! as in Azure. Nobody sees it in between.

use super::categories::{self, Categories, GROUPS};
use super::sinks::{self, SINKS, bad, read, refuse};
use super::workspace;
use crate::arm::{
    ApiVersion, ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written, kind_of,
};
use crate::server::Answer;
use crate::state::{Object, World};
use crate::types::checks;
use axum::http::Method;
use serde_json::{Map, Value, json};

pub struct DiagnosticSetting;

const KIND: &str = "Microsoft.Insights/diagnosticSettings";

/// Settings that a resource can have.
const MOST: usize = 5;

static META: Meta = Meta {
    kind: KIND,
    api_versions: &["2021-05-01-preview", "2017-05-01-preview", "2016-09-01"],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for DiagnosticSetting {
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
        let known = known(&target.scope)?;
        let properties = read(checks::object(sent, "properties"))?;
        let mut kept = destinations(cx, world, &properties)?;
        kept["logs"] = json!(sinks::logs(&properties, known, GROUPS)?);
        kept["metrics"] = json!(sinks::metrics(&properties, known)?);
        let scope = target.scope.to_ascii_lowercase();
        let others = || at(world, &scope).filter(|other| other.key() != target.key);
        sinks::apart(&kept, others(), known)?;
        if old.is_none() && others().count() >= MOST {
            return Err(refuse(
                409,
                "Conflict",
                format!(
                    "The limit of {MOST} diagnostic settings was reached. To create new diagnostic setting, delete an existing one."
                ),
            ));
        }
        let mut body = Map::new();
        body.insert("properties".to_owned(), kept);
        Ok(Written {
            status: 200,
            body,
            hidden: json!({"scope": target.scope}),
            started: None,
        })
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let scope = object.hidden["scope"].as_str().unwrap_or_default();
        let id = format!("{scope}/providers/microsoft.insights/diagnosticSettings");
        let (id, properties) = (id.to_ascii_lowercase(), &object.body["properties"]);
        let name = object.name();
        let id = id.replace("/diagnosticsettings", "/diagnosticSettings");
        if of_subscription(scope) {
            return of_activity_log(id.trim_start_matches('/'), name, properties);
        }
        let mut properties = properties.clone();
        if let Some(partner) = properties.as_object_mut().and_then(|p| p.remove(PARTNER))
            && !partner.is_null()
        {
            properties[PARTNER] = partner;
        }
        json!({
            "id": format!("{id}/{name}"),
            "type": KIND,
            "name": name,
            "location": null,
            "kind": null,
            "tags": null,
            "properties": properties,
            "identity": null,
        })
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        // Only the answer to the write tells the grain of metrics.
        if cx.call.method == Method::PUT
            && let Some(list) = answer
                .body
                .as_mut()
                .and_then(|body| body.pointer_mut("/properties/metrics")?.as_array_mut())
        {
            for metric in list {
                metric["timeGrain"] = json!("PT1M");
            }
        }
    }

    fn lists(&self, key: &str, scope: &str) -> bool {
        key.strip_prefix(scope)
            .and_then(|rest| rest.strip_prefix(INFIX))
            .is_some_and(|name| !name.contains('/'))
    }

    fn outlives(&self) -> bool {
        true
    }

    fn not_found(&self, target: &Target) -> ArmError {
        refuse(
            404,
            "ResourceNotFound",
            format!("The diagnostic setting '{}' doesn't exist.", target.name()),
        )
    }
}

const INFIX: &str = "/providers/microsoft.insights/diagnosticsettings/";

/// A sink that is shown only where there is one.
const PARTNER: &str = "marketplacePartnerId";

/// Whether a scope is a whole subscription, whose settings look different.
fn of_subscription(scope: &str) -> bool {
    scope.split('/').filter(|part| !part.is_empty()).count() == 2
}

/// The setting of a subscription: no nulls, and an id without a slash in front.
fn of_activity_log(id: &str, name: &str, properties: &Value) -> Value {
    let mut kept = Map::new();
    for sink in SINKS {
        if let Some(id) = properties.get(*sink).filter(|id| !id.is_null()) {
            kept.insert((*sink).to_owned(), id.clone());
        }
    }
    let mut logs = properties["logs"].as_array().cloned().unwrap_or_default();
    for log in &mut logs {
        if let Some(log) = log.as_object_mut() {
            log.remove("retentionPolicy");
        }
    }
    kept.insert("logs".to_owned(), json!(logs));
    json!({
        "id": format!("{id}/{name}"),
        "type": KIND,
        "name": name,
        "location": "global",
        "properties": kept,
    })
}

/// The settings at a scope.
fn at<'a>(world: &'a World, scope: &'a str) -> impl Iterator<Item = &'a Object> {
    world
        .of_kind_under(KIND, scope)
        .filter(move |(key, _)| DiagnosticSetting.lists(key, scope))
        .map(|(_, object)| object.as_ref())
}

/// What the scope can tell.
fn known(scope: &str) -> Result<Categories, ArmError> {
    if of_subscription(scope) {
        return Ok(categories::SUBSCRIPTION);
    }
    let kind = kind_of(scope).to_ascii_lowercase();
    categories::of(&kind).ok_or_else(|| {
        refuse(
            400,
            "ResourceTypeNotSupported",
            format!("The resource type '{kind}' does not support diagnostic settings."),
        )
    })
}

/// The sinks, each of them there if its type is played.
fn destinations(
    cx: &Context<'_>,
    world: &World,
    properties: &Map<String, Value>,
) -> Result<Value, ArmError> {
    let mut kept = json!({
        "eventHubName": read(checks::text(properties, "eventHubName"))?,
        "logAnalyticsDestinationType": read(checks::text(properties, "logAnalyticsDestinationType"))?,
    });
    let mut any = false;
    for name in SINKS {
        let id = read(checks::text(properties, name))?.filter(|id| !id.is_empty());
        any |= id.is_some();
        kept[*name] = json!(id);
    }
    if !any {
        return Err(bad("At least one data sink needs to be specified."));
    }
    if let Some(partner) = kept[PARTNER].as_str() {
        return Err(bad(format!(
            "The marketplace partner resource: {} was not found or does not support the required functionality.",
            partner.to_ascii_lowercase()
        )));
    }
    if let Some(id) = kept["workspaceId"].as_str() {
        let found = world
            .object(&id.to_ascii_lowercase())
            .is_some_and(|object| object.kind == workspace::KIND);
        if !found {
            let (group, path) = split(id);
            return Err(ArmError::resource_not_found(
                path,
                group.or(cx.path.group.as_deref()),
            ));
        }
    }
    Ok(kept)
}

/// The group and the path below `/providers/` of an id.
fn split(id: &str) -> (Option<&str>, &str) {
    let path = id.split_once("/providers/").map_or(id, |(_, path)| path);
    let group = id.trim_start_matches('/').split('/').nth(3);
    (group, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_exactly_its_scope() {
        let scope = "/subscriptions/s/resourcegroups/g/providers/a.b/xs/x";
        let key = format!("{scope}{INFIX}one");
        assert!(DiagnosticSetting.lists(&key, scope));
        assert!(!DiagnosticSetting.lists(&key, "/subscriptions/s"));
        assert!(of_subscription("/subscriptions/s") && !of_subscription(scope));
    }

    #[test]
    fn ids_are_taken_apart() {
        let id = "/subscriptions/s/resourceGroups/g/providers/A.B/xs/x";
        assert_eq!(split(id), (Some("g"), "A.B/xs/x"));
    }
}

//! `Microsoft.Insights/dataCollectionRules`, as far as logs are sent to them: streams, where they
//! flow, and the endpoint of a rule of kind `Direct`.
//! <https://learn.microsoft.com/azure/azure-monitor/essentials/data-collection-rule-structure>
//!
//! ## Why
//! Of what the provider checks only that is played whose refusal is known from real answers. A
//! transformation is kept and not carried out: what is sent is kept as it came.

use crate::arm::{
    ApiVersion, ArmError, Context, Located, Meta, Placement, ResourceType, Since, Source, Target,
    Written,
};
use crate::state::{Object, World};
use crate::types::checks;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub struct CollectionRule;

/// The canonical type.
const KIND: &str = "Microsoft.Insights/dataCollectionRules";

static META: Meta = Meta {
    kind: KIND,
    api_versions: &[
        "2023-03-11",
        "2022-06-01",
        "2021-09-01-preview",
        "2021-04-01",
        "2019-11-01-preview",
    ],
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: Some(Since {
        stable: Some("2021-04-01"),
        preview: Some("2021-09-01"),
    }),
    lockable: true,
    members: &["kind"],
};

/// Since when a rule has endpoints of its own.
const ENDPOINTS: Since = Since {
    stable: Some("2023-03-11"),
    preview: None,
};

/// The host that a rule's endpoint is below.
const DOMAIN: &str = "ingest.monitor.localhost";

impl ResourceType for CollectionRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut properties = checks::object(sent, "properties")?;
        streams(&properties)?;
        let id = old.and_then(|old| old.text("/properties/immutableId"));
        let id = id.map_or_else(immutable_id, str::to_owned);
        properties.insert("immutableId".to_owned(), json!(id));
        properties.insert("provisioningState".to_owned(), json!("Succeeded"));
        let mut body = Map::new();
        for member in ["location", "kind", "tags"] {
            if let Some(value) = sent.get(member).filter(|value| !value.is_null()) {
                body.insert(member.to_owned(), value.clone());
            }
        }
        body.insert("properties".to_owned(), Value::Object(properties));
        let hidden = match old {
            Some(old) => old.hidden.clone(),
            None => json!({"endpoint": endpoint(target.name(), &sent["location"])}),
        };
        let status = if old.is_some() { 200 } else { 201 };
        Ok(written(status, body, hidden))
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
        Ok(written(200, body, old.hidden.clone()))
    }

    fn view(&self, object: &Object, _world: &World, api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        if let Some(host) = host(object).filter(|_| api.has(ENDPOINTS)) {
            body["properties"]["endpoints"] = json!({"logsIngestion": format!("https://{host}")});
        }
        body
    }
}

/// The rule whose endpoint has that host.
pub fn answers_at(world: &World, wanted: &str) -> bool {
    world
        .of_kind(KIND)
        .any(|(_, object)| host(object).is_some_and(|host| host == wanted))
}

/// The rule with that immutable id.
pub fn immutable(world: &World, id: &str) -> Option<Arc<Object>> {
    world
        .of_kind(KIND)
        .map(|(_, object)| object)
        .find(|object| object.text("/properties/immutableId") == Some(id))
        .cloned()
}

/// Where a rule takes logs itself: only one of kind `Direct` does.
fn host(object: &Object) -> Option<String> {
    let direct = object.text("/kind")?.eq_ignore_ascii_case("Direct");
    let name = object.hidden["endpoint"].as_str().filter(|_| direct)?;
    Some(format!("{name}.logs.z1.{DOMAIN}"))
}

/// What stands before the zone in the host of a rule's endpoint.
fn endpoint(name: &str, location: &Value) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = name.chars().filter(plain).collect();
    let random = Uuid::new_v4().simple().to_string();
    let location = location.as_str().unwrap_or_default();
    format!("{name}-{}-{location}", &random[..4]).to_ascii_lowercase()
}

fn immutable_id() -> String {
    format!("dcr-{}", Uuid::new_v4().simple())
}

fn written(status: u16, mut body: Map<String, Value>, hidden: Value) -> Written {
    body.insert("etag".to_owned(), json!(Uuid::new_v4().to_string()));
    Written {
        status,
        body,
        hidden,
        started: None,
    }
}

/// Every stream that flows somewhere is a custom one or one of Azure's own.
fn streams(properties: &Map<String, Value>) -> Result<(), ArmError> {
    let flows = checks::list(properties, "dataFlows")?.unwrap_or_default();
    for (at, flow) in flows.iter().enumerate() {
        let named = flow["streams"].as_array().into_iter().flatten();
        for stream in named.filter_map(Value::as_str) {
            if !stream.starts_with("Custom-") && !stream.starts_with("Microsoft-") {
                return Err(invalid(at, stream));
            }
        }
    }
    Ok(())
}

fn invalid(flow: usize, stream: &str) -> ArmError {
    let details = json!([{
        "code": "InvalidStream",
        "message": format!(
            "'Streams' stream '{stream}' must be a custom stream or one of: Microsoft-Event,Microsoft-InsightsMetrics,Microsoft-Perf,Microsoft-Syslog,Microsoft-WindowsEvent"
        ),
        "target": format!("properties.dataFlows[{flow}]"),
    }]);
    ArmError {
        details: Some(details),
        ..ArmError::new(
            Source::ProviderWithDetails,
            400,
            "InvalidPayload",
            "Data collection rule is invalid",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host() {
        let name = endpoint("My_Rule-1", &json!("EastUS2"));
        assert!(name.starts_with("myrule-1-") && name.ends_with("-eastus2"));
        assert_eq!(name.len(), "myrule-1-".len() + 4 + "-eastus2".len());
    }
}

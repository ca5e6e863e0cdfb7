//! `Microsoft.Network/privateDnsZones`.
//! <https://learn.microsoft.com/rest/api/dns/privatedns/private-zones>

use super::dns::{self, RUNNING, VERSIONS, ZONE_DELETION, ZONE_WRITE};
use super::{dns_link, dns_record};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType,
    Started, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct Zone;

/// The canonical type.
pub const KIND: &str = "Microsoft.Network/privateDnsZones";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Global,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &[],
};

/// Both names list the record sets of all types.
static ACTIONS: &[Action] = &[
    Action {
        name: "ALL",
        method: Method::GET,
        run: all_records,
    },
    Action {
        name: "recordsets",
        method: Method::GET,
        run: all_records,
    },
];

/// Since when zones tell an internal id.
const INTERNAL_ID_SINCE: &str = "2020-06-01";

impl ResourceType for Zone {
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
        valid_name(target.name())?;
        if let Some(answer) = conditional(cx, target, old) {
            return answer;
        }
        let mut body = Map::new();
        body.insert("location".to_owned(), json!("global"));
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        let state = if old.is_some() {
            "Updating"
        } else {
            "Creating"
        };
        body.insert("properties".to_owned(), json!({"provisioningState": state}));
        Ok(written(body, hidden(old)))
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        if let Some(answer) = conditional(cx, target, Some(old)) {
            return answer;
        }
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        body["properties"]["provisioningState"] = json!("Updating");
        Ok(written(body, hidden(Some(old))))
    }

    fn delete(&self, cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        if let Some(mismatch) = dns::mismatch(cx, Some(old)) {
            return Err(mismatch.error(&named(old.name())));
        }
        let links: Vec<&str> = dns_link::of(world, &old.key())
            .map(|link| link.id.as_str())
            .collect();
        if links.is_empty() {
            return Ok(Deleted::Later {
                pattern: &ZONE_DELETION,
                shown: false,
            });
        }
        Err(ArmError::gateway(
            409,
            "CannotDeleteResource",
            format!(
                "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '{}'. Please delete all nested resources before deleting this resource.",
                links.join(", ")
            ),
        ))
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        let key = object.key();
        let links: Vec<&Object> = dns_link::of(world, &key).collect();
        let registering = links
            .iter()
            .filter(|link| link.body["properties"]["registrationEnabled"] == json!(true))
            .count();
        let properties = &mut body["properties"];
        properties["maxNumberOfRecordSets"] = json!(25000);
        properties["maxNumberOfVirtualNetworkLinks"] = json!(1000);
        properties["maxNumberOfVirtualNetworkLinksWithRegistration"] = json!(100);
        properties["numberOfRecordSets"] = json!(dns_record::of(world, &key).count());
        properties["numberOfVirtualNetworkLinks"] = json!(links.len());
        properties["numberOfVirtualNetworkLinksWithRegistration"] = json!(registering);
        if api.date() >= INTERNAL_ID_SINCE {
            let guid = object.hidden["guid"].as_str().unwrap_or_default();
            let id = STANDARD.encode(format!("ImmutableZoneIdentity;{guid};0"));
            properties["internalId"] = json!(id);
        }
        body
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        dns::answered(cx, answer);
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        dns::let_fail(txn, object);
        dns_record::write_soa(txn, object);
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

fn named(zone: &str) -> String {
    format!("The Zone '{zone}'")
}

/// What a request with a condition that does not hold is answered with.
fn conditional(
    cx: &Context<'_>,
    target: &Target,
    old: Option<&Object>,
) -> Option<Result<Written, ArmError>> {
    let mismatch = dns::mismatch(cx, old)?;
    let name = named(target.name());
    Some(match old {
        None => Err(mismatch.error(&name)),
        Some(old) => {
            let hidden = dns::failing(old, mismatch.message(&name));
            let body = old.body.as_object().cloned().unwrap_or_default();
            let mut written = written(body, hidden);
            written
                .body
                .insert("etag".to_owned(), old.body["etag"].clone());
            Ok(written)
        }
    })
}

fn hidden(old: Option<&Object>) -> Value {
    old.map_or_else(
        || json!({"guid": Uuid::new_v4().to_string()}),
        |old| old.hidden.clone(),
    )
}

fn written(mut body: Map<String, Value>, hidden: Value) -> Written {
    body.insert("etag".to_owned(), json!(dns::etag()));
    Written {
        status: 202,
        body,
        hidden,
        started: Some(Started {
            pattern: &ZONE_WRITE,
            word: RUNNING,
        }),
    }
}

/// <https://learn.microsoft.com/azure/dns/private-dns-privatednszone#restrictions>
fn valid_name(name: &str) -> Result<(), ArmError> {
    let labels: Vec<&str> = name.split('.').collect();
    let well = labels.iter().all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    });
    if well && (2..=34).contains(&labels.len()) && name.len() <= 253 {
        return Ok(());
    }
    Err(dns::bad(format!(
        "The zone name '{name}' is invalid: it must have 2 to 34 labels of letters, digits, '-' and '_'."
    )))
}

fn all_records(_cx: &Context<'_>, txn: &mut Txn<'_>, zone: &Object) -> Result<Answer, ArmError> {
    let value: Vec<Value> = dns_record::of(txn.world(), &zone.key())
        .map(|record| record.body.clone())
        .collect();
    Ok(Answer::json(200, json!({ "value": value })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["privatelink.azurecr.io", "a.b", "x-1._tcp.example"] {
            assert!(valid_name(good).is_ok(), "{good}");
        }
        for bad in ["local", "a..b", ".a.b", "a b.c", &"a.".repeat(40)] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
    }
}

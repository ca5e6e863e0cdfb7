//! `Microsoft.Network/privateEndpoints/privateDnsZoneGroups`: keeps an endpoint's names in
//! private DNS zones.
//! <https://learn.microsoft.com/rest/api/virtualnetwork/private-dns-zone-groups>

use super::private_endpoint::served;
use super::private_endpoint_view::approved;
use super::provider::{self, DELETION, RUNNING, VERSIONS, WRITE, read, refuse};
use super::{dns_record, dns_zone, virtual_network};
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Started,
    Target, Written, set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use crate::types::checks;
use serde_json::{Map, Value, json};

pub struct ZoneGroup;

const KIND: &str = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups";

/// Zones that a group can have.
const MOST: usize = 5;

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for ZoneGroup {
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
        provider::unchanged(cx, &target.id, old.map(provider::own_etag))?;
        let endpoint = target.parent.as_deref().unwrap_or_default();
        if of(world, endpoint).any(|other| other.key() != target.key) {
            return Err(refuse(
                400,
                "PrivateDnsZoneGroupLimitReached",
                "A private endpoint can have one private DNS zone group only.",
            ));
        }
        let properties = read(checks::object(sent, "properties"))?;
        let configs = configs(world, target, &properties)?;
        let mut body = Map::new();
        body.insert(
            "properties".to_owned(),
            json!({"provisioningState": "Updating", "privateDnsZoneConfigs": configs}),
        );
        let mut hidden = provider::changed(&old.map_or(Value::Null, |old| old.hidden.clone()));
        hidden["location"] = json!(world.object(endpoint).and_then(|e| e.location()));
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden,
            started: Some(Started {
                pattern: &WRITE,
                word: RUNNING,
            }),
        })
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let etag = provider::own_etag(object);
        let mut body = object.body.clone();
        body["etag"] = json!(etag);
        let state = body["properties"]["provisioningState"].clone();
        let records = object.hidden["records"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if let Some(list) = body["properties"]["privateDnsZoneConfigs"].as_array_mut() {
            for config in list {
                let name = config["name"].as_str().unwrap_or_default();
                config["id"] = json!(format!("{}/privateDnsZoneConfigs/{name}", object.id));
                config["etag"] = json!(etag);
                config["type"] = json!(format!("{KIND}/privateDnsZoneConfigs"));
                config["properties"]["provisioningState"] = state.clone();
                let zone = config["properties"]["privateDnsZoneId"].clone();
                let own = records.iter().filter(|record| record["zone"] == zone);
                let own: Vec<Value> = own.map(|record| shown(record, &state)).collect();
                config["properties"]["recordSets"] = json!(own);
            }
        }
        body
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        provider::etag_header(cx, answer);
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        object.hidden = provider::changed(&object.hidden);
        set_state(object, "Succeeded");
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        let Some(stored) = txn.world().object(&object.key()).cloned() else {
            return;
        };
        let mut group = Object::clone(&stored);
        take_back(txn, &group);
        group.hidden["records"] = json!(write_names(txn, &group));
        txn.put(group);
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, _now: Moment) {
        take_back(txn, object);
    }

    fn not_found(&self, target: &Target) -> ArmError {
        provider::not_found(&target.id)
    }

    fn turns(&self, target: &Target) -> Option<String> {
        target.parent.clone()
    }

    fn busy(&self, _target: &Target, running: &str) -> ArmError {
        virtual_network::busy(running)
    }
}

/// The zone groups of an endpoint.
pub fn of<'a>(world: &'a World, endpoint: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let prefix = format!("{endpoint}/privatednszonegroups/");
    world
        .of_kind_under(KIND, &prefix)
        .map(|(_, object)| object.as_ref())
}

/// Named zones, all of them there.
fn configs(
    world: &World,
    target: &Target,
    properties: &Map<String, Value>,
) -> Result<Vec<Value>, ArmError> {
    let list = read(checks::list(properties, "privateDnsZoneConfigs"))?.unwrap_or_default();
    if list.len() > MOST {
        return Err(refuse(
            400,
            "PrivateDnsZoneConfigLimitReached",
            format!("A private DNS zone group can have at most {MOST} zones."),
        ));
    }
    let mut kept = Vec::new();
    for item in list {
        let (Some(name), Some(zone)) = (
            item["name"].as_str(),
            item["properties"]["privateDnsZoneId"].as_str(),
        ) else {
            return Err(provider::unreadable(
                "Required property 'privateDnsZoneId' not found in JSON. Path 'properties.privateDnsZoneConfigs', line 1, position 1.",
            ));
        };
        let found = world
            .object(&zone.to_ascii_lowercase())
            .is_some_and(|object| object.kind == dns_zone::KIND);
        if !found {
            return Err(provider::bad_reference(zone, &target.id));
        }
        kept.push(json!({"name": name, "properties": {"privateDnsZoneId": zone}}));
    }
    Ok(kept)
}

fn creator(group: &Object) -> String {
    let endpoint = group.id.rsplit('/').nth(2).unwrap_or_default();
    format!(
        "created by private endpoint {endpoint} with zone group {}",
        group.name()
    )
}

/// Writes the endpoint's names into those zones that they belong into.
fn write_names(txn: &mut Txn<'_>, group: &Object) -> Vec<Value> {
    let key = group.key();
    let endpoint = key.rsplitn(3, '/').nth(2).unwrap_or_default();
    let Some(endpoint) = txn.world().object(endpoint).cloned() else {
        return Vec::new();
    };
    if !approved(&endpoint, txn.world()) {
        return Vec::new();
    }
    let names = served(&endpoint, txn.world());
    let configs = group.body["properties"]["privateDnsZoneConfigs"].as_array();
    let mut written = Vec::new();
    for config in configs.into_iter().flatten() {
        let id = config["properties"]["privateDnsZoneId"]
            .as_str()
            .unwrap_or_default();
        let Some(zone) = txn.world().object(&id.to_ascii_lowercase()).cloned() else {
            continue;
        };
        for (member, address) in &names {
            let Some(member) = member
                .as_ref()
                .filter(|member| member.zone.eq_ignore_ascii_case(zone.name()))
            else {
                continue;
            };
            dns_record::write_address(txn, &zone, &member.record, address, &creator(group));
            written.push(json!({"zone": id, "name": member.record, "address": address}));
        }
    }
    written
}

/// Removes what the group wrote.
fn take_back(txn: &mut Txn<'_>, group: &Object) {
    for record in group.hidden["records"].as_array().into_iter().flatten() {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        dns_record::remove_address(txn, text("zone"), text("name"), &creator(group));
    }
}

fn shown(record: &Value, state: &Value) -> Value {
    let zone = record["zone"].as_str().unwrap_or_default();
    let zone = zone.rsplit('/').next().unwrap_or_default();
    let name = record["name"].as_str().unwrap_or_default();
    json!({
        "recordType": "A",
        "recordSetName": name,
        "fqdn": format!("{name}.{zone}"),
        "provisioningState": state,
        "ttl": 10,
        "ipAddresses": [record["address"]],
    })
}

//! Zone groups: the zone into which a private endpoint writes its names.
//!
//! Reference: Microsoft.Network `privateEndpoints/privateDnsZoneGroups`, api-version 2024-05-01.
//! A group has no tags: it is ours by its marked endpoint and its name.

use serde_json::{Value as Json, json};

use super::virtual_network::API_VERSION;
use super::{Sections, private_services};
use crate::resource::{
    AddressError, Carrier, Compare, Field, Kind, Literal, Meta, Place, Problem, ReadMode, Request,
    Resource, Severity, UpdateMode, Value,
};

/// The kind of private DNS zone groups.
pub struct ZoneGroup;

/// An endpoint has one zone group; the portal gives it this name, too.
const NAME: &str = "default";

/// Where the zones stand, with the records that Azure wrote into each.
const CONFIGS: &str = "properties.privateDnsZoneConfigs";

static META: Meta = Meta {
    name: "zone group",
    arm_type: "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    api_version: API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: "private endpoint",
        collection: "/privateDnsZoneGroups",
    },
    update: UpdateMode::Put,
    fields: &[Field::new(CONFIGS)
        .or(Literal::EmptyList)
        .compare(Compare::IgnoreCase)
        .severity(Severity::High)],
    unmanaged: &[],
    read_only: &["properties.provisioningState"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for ZoneGroup {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        crate::resource::update(&META, id, live, desired, changed).if_unchanged(live)
    }

    /// The records that Azure wrote for it.
    fn takes_along(&self, live: &Json) -> Vec<String> {
        let records = |config: &Json| -> Option<Vec<String>> {
            let zone = config.pointer("/properties/privateDnsZoneId")?.as_str()?;
            let sets = config.pointer("/properties/recordSets")?.as_array()?;
            let named = sets.iter().filter_map(|set| {
                let (kind, name) = (set.get("recordType")?.as_str()?, set.get("recordSetName")?);
                Some(format!("{zone}/{kind}/{}", name.as_str()?))
            });
            Some(named.collect())
        };
        configs_of(live).filter_map(records).flatten().collect()
    }

    fn project(&self, live: &Json) -> Value {
        let configs: Vec<Json> = configs_of(live)
            .map(|config| config_of(&config["name"], &config["properties"]["privateDnsZoneId"]))
            .collect();
        let mut fields = META.project(live);
        fields.set(CONFIGS, Value::from(Json::Array(configs)));
        fields
    }
}

fn configs_of(live: &Json) -> impl Iterator<Item = &Json> {
    let configs = live.pointer("/properties/privateDnsZoneConfigs");
    configs.and_then(Json::as_array).into_iter().flatten()
}

fn config_of(name: &Json, zone: &Json) -> Json {
    json!({ "name": name, "properties": { "privateDnsZoneId": zone } })
}

/// The zone groups of an environment's private endpoints.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let Some(group) = &sections.group else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let services = private_services::of(place, sections);
    services
        .iter()
        .map(|service| {
            let endpoint = service.endpoint(place)?;
            let id = format!(
                "{}/privateDnsZoneGroups/{NAME}",
                service.endpoint_id(&group_id)
            );
            let name = service.zone.replace('.', "-");
            let config = config_of(&json!(name), &json!(service.zone_id(&group_id)));
            let properties =
                Value::from(json!({ "properties": { "privateDnsZoneConfigs": [config] } }));
            let address = endpoint.child("dns")?;
            let zones = Resource::new(place, &ZoneGroup, address, id.into(), properties);
            Ok(zones.inside(&endpoint).after(&service.zone_address(place)?))
        })
        .collect()
}

/// Zone groups are derived: there is nothing to get wrong.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_records_that_azure_wrote_are_not_ours() {
        let live = json!({"properties": {"privateDnsZoneConfigs": [{
            "id": "/e/g/c", "etag": "W/\"1\"", "name": "c",
            "properties": {"privateDnsZoneId": "/z", "recordSets": [
                {"recordType": "A", "recordSetName": "reg", "ttl": 10},
            ]},
        }]}});
        let found = ZoneGroup.project(&live);
        let wanted = Value::from(json!([config_of(&json!("c"), &json!("/z"))]));
        assert_eq!(found.at(CONFIGS), Some(&wanted));
        assert_eq!(ZoneGroup.takes_along(&live), ["/z/A/reg"]);
    }
}

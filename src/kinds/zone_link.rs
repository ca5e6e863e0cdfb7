//! Links of private DNS zones: which network asks a zone.
//!
//! Reference: Microsoft.Network `privateDnsZones/virtualNetworkLinks`, api-version 2024-06-01.
//! A link keeps its network for life, and a zone with links is not deleted.

use serde_json::{Value as Json, json};

use super::private_dns_zone::{self, API_VERSION};
use super::{Sections, private_services};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Place, Problem, ReadMode,
    Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of private DNS zone links.
pub struct ZoneLink;

static META: Meta = Meta {
    name: "zone link",
    arm_type: "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::ListPerParent {
        parent: "private DNS zone",
        collection: "/virtualNetworkLinks",
    },
    update: UpdateMode::Put,
    fields: &[
        Field::tags(),
        Field::new("properties.virtualNetwork.id")
            .compare(Compare::IgnoreCase)
            .change(Change::Replace)
            .severity(Severity::High),
        Field::new("properties.registrationEnabled").or(Literal::Bool(false)),
        Field::new("properties.resolutionPolicy")
            .or(Literal::Text("Default"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
    ],
    unmanaged: &[Unmanaged {
        path: "location",
        reason: "always global, and said on create only",
    }],
    read_only: &[
        "properties.provisioningState",
        "properties.virtualNetworkLinkState",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for ZoneLink {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        private_dns_zone::create(&META, id, desired)
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        crate::resource::update(&META, id, live, desired, changed).if_unchanged(live)
    }
}

/// The links of an environment's zones to its network.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(network), Some(group)) = (&sections.network, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let network_id = network.id(&group_id);
    let network_address = place.address("network")?;
    let services = private_services::of(place, sections);
    services
        .iter()
        .map(|service| {
            let zone = service.zone_address(place)?;
            let id = format!(
                "{}/virtualNetworkLinks/{}",
                service.zone_id(&group_id),
                network.name
            );
            let properties = Value::from(json!({
                "properties": { "virtualNetwork": { "id": network_id } },
            }));
            let link = Resource::new(place, &ZoneLink, zone.child("link")?, id.into(), properties);
            Ok(link.inside(&zone).after(&network_address))
        })
        .collect()
}

/// Links are derived: there is nothing to get wrong.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

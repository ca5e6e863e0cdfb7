//! Private DNS zones: the names of services that are reached through private endpoints.
//!
//! Reference: Microsoft.Network `privateDnsZones`, api-version 2024-06-01. A zone lives in no
//! region; every write is answered with 202 and an empty body.

use serde_json::{Value as Json, json};

use super::{Sections, private_services};
use crate::resource::{
    AddressError, Carrier, Field, Kind, Meta, Method, Place, Problem, ReadMode, Request, Resource,
    Unmanaged, UpdateMode, Value,
};

/// The api-version of private DNS zones and their links.
pub(super) const API_VERSION: &str = "2024-06-01";

/// The only location that zones and links have.
const GLOBAL: &str = "global";

/// The kind of private DNS zones.
pub struct PrivateDnsZone;

static META: Meta = Meta {
    name: "private DNS zone",
    arm_type: "Microsoft.Network/privateDnsZones",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.Network/privateDnsZones"),
    update: UpdateMode::Patch,
    fields: &[Field::tags()],
    unmanaged: &[Unmanaged {
        path: "location",
        reason: "always global, and said on create only",
    }],
    read_only: &[
        "properties.provisioningState",
        "properties.internalId",
        "properties.maxNumberOfRecordSets",
        "properties.numberOfRecordSets",
        "properties.maxNumberOfVirtualNetworkLinks",
        "properties.numberOfVirtualNetworkLinks",
        "properties.maxNumberOfVirtualNetworkLinksWithRegistration",
        "properties.numberOfVirtualNetworkLinksWithRegistration",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for PrivateDnsZone {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        create(&META, id, desired)
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        crate::resource::update(&META, id, live, desired, changed).if_unchanged(live)
    }

    /// The record sets of all types: others may write into a zone, too.
    fn contents(&self, id: &str) -> Option<Request> {
        let records = format!("{id}/ALL");
        Some(Request::arm(Method::Get, records, API_VERSION))
    }

    /// The record that makes it a zone.
    fn takes_along(&self, live: &Json) -> Vec<String> {
        let id = live.get("id").and_then(Json::as_str);
        id.map(|id| format!("{id}/SOA/@")).into_iter().collect()
    }
}

/// The create of a zone or link: what is declared, in the one location that there is.
pub(super) fn create(meta: &Meta, id: &str, desired: &Json) -> Request {
    let mut body = crate::resource::without_nulls(desired.clone());
    body["location"] = json!(GLOBAL);
    Request::arm(Method::Put, id, meta.api_version).body(body)
}

/// The zones of an environment, one for each service behind a private endpoint.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let Some(group) = &sections.group else {
        return Ok(Vec::new());
    };
    let group_address = place.address("group")?;
    let group_id = place.group_id(&group.name);
    let services = private_services::of(place, sections);
    services
        .iter()
        .map(|service| {
            let id = service.zone_id(&group_id);
            let address = service.zone_address(place)?;
            let properties = Value::from(json!({}));
            let zone = Resource::new(place, &PrivateDnsZone, address, id.into(), properties);
            Ok(zone.inside(&group_address))
        })
        .collect()
}

/// Zones are derived: there is nothing to get wrong.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_global_and_changed_only_as_they_were_read() {
        let desired = json!({"tags": {"ours": "1"}});
        let made = PrivateDnsZone.create("/z", &desired).body.expect("a body");
        assert_eq!(made["location"], "global");
        let live =
            json!({"id": "/z", "etag": "e", "location": "global", "tags": {"theirs": "kept"}});
        let request = PrivateDnsZone.update("/z", &live, &desired, &["tags"]);
        assert_eq!(request.method, Method::Patch);
        assert!(request.is_conditional());
        let tags = json!({"tags": {"ours": "1", "theirs": "kept"}});
        assert_eq!(request.body, Some(tags));
        assert_eq!(PrivateDnsZone.takes_along(&live), ["/z/SOA/@"]);
    }
}

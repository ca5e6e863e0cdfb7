//! Names in private DNS zones of ours: where they lead, and where their endpoints have them lead.
//!
//! Reference: Microsoft.Network `privateDnsZones`, its list `ALL` of record sets, and
//! `privateEndpoints/privateDnsZoneGroups`, which say what Azure wrote for an endpoint.
//!
//! ## Why
//! No managed field says it: a record is Azure's, written once when its zone group is, and whoever
//! may write into the zone changes it without touching anything of ours. A list per zone tells it;
//! a plan would send that every time, so it is read here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::facts::{Hides, Unknown};
use super::fetch::{Listed, arm, id, lists, text};
use crate::provision::ports::{Failure, Reader};
use crate::rbac::estate::{Estate, Managed};
use crate::rbac::scope::Scope;
use crate::resource::{Address, Request};

const ZONE: &str = "Microsoft.Network/privateDnsZones";
const GROUP: &str = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups";
const ZONE_API_VERSION: &str = "2024-06-01";

/// Types of record sets that lead somewhere, with where they say it.
const LEADING: [(&str, &str, &str); 3] = [
    ("A", "aRecords", "ipv4Address"),
    ("AAAA", "aaaaRecords", "ipv6Address"),
    ("CNAME", "cnameRecord", "cname"),
];

/// A name that does not lead where the endpoints of ours have it lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misled {
    /// The zone that answers so.
    pub zone: Address,
    /// The name in the zone.
    pub name: String,
    /// What there is in place of what should be.
    pub wrong: Wrong,
}

/// How a name is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It leads elsewhere.
    Redirected {
        /// The id of the record set.
        record: String,
        /// Where it leads.
        to: Vec<String>,
        /// The zone group that wrote the name, for an endpoint of ours.
        group: Address,
        /// Where that has it lead.
        meant: Vec<String>,
    },
    /// It answers for all names that have no record of their own.
    Wildcard {
        /// The id of the record set.
        record: String,
        /// Where it leads.
        to: Vec<String>,
    },
    /// It has no record.
    Missing {
        /// The zone group that wrote one.
        group: Address,
    },
}

/// What was read of names.
#[derive(Default)]
pub(super) struct Names {
    pub misled: Vec<Misled>,
    pub unknown: Vec<Unknown>,
}

/// What a zone group wrote.
struct Written {
    group: Address,
    /// The id of the zone in lower case.
    zone: String,
    name: String,
    leads: BTreeSet<String>,
}

/// Reads each zone of ours, and each zone group.
pub(super) async fn read(reader: &dyn Reader, estate: &Estate) -> Names {
    let mut names = Names::default();
    let zones: Vec<&Managed> = estate.objects_of(ZONE).collect();
    let groups: Vec<&Managed> = estate.objects_of(GROUP).collect();
    let records: Vec<Request> = zones
        .iter()
        .map(|zone| arm(format!("{}/ALL", zone.scope.id()), ZONE_API_VERSION))
        .collect();
    let gets: Vec<Request> = groups.iter().map(|group| group.get.clone()).collect();
    let (records, bodies) = futures::join!(lists(reader, &records), reader.get_many(&gets));
    let mut written = Vec::new();
    for (group, body) in groups.into_iter().zip(bodies) {
        match body {
            Ok(body) => written.extend(body.iter().flat_map(|body| wrote(&group.address, body))),
            Err(failure) => names.unread(&group.address, failure),
        }
    }
    for (zone, listed) in zones.into_iter().zip(records) {
        match listed {
            Listed::All(sets) => {
                let misled = misled(&zone.address, &zone.scope, &sets, &written);
                names.misled.extend(misled);
            }
            // What stands not says nothing, and the plan makes it.
            Listed::Absent => {}
            Listed::Failed(failure) => names.unread(&zone.address, failure),
        }
    }
    names
}

impl Names {
    fn unread(&mut self, address: &Address, failure: Failure) {
        self.unknown.push(Unknown {
            what: format!("the names of {address}"),
            hides: Hides::Facts,
            failure,
        });
    }
}

/// What a zone group says that Azure wrote for it.
fn wrote(group: &Address, body: &Json) -> Vec<Written> {
    let members = |body: &Json, path: &str| {
        let list = body.pointer(path).and_then(Json::as_array);
        list.cloned().unwrap_or_default()
    };
    let mut written = Vec::new();
    for config in members(body, "/properties/privateDnsZoneConfigs") {
        let Some(zone) = id(&config, "/properties/privateDnsZoneId") else {
            continue;
        };
        for set in members(&config, "/properties/recordSets") {
            let leads = members(&set, "/ipAddresses");
            let leads = leads.iter().filter_map(Json::as_str).map(str::to_owned);
            written.extend(id(&set, "/recordSetName").map(|name| Written {
                group: group.clone(),
                zone: zone.clone(),
                name,
                leads: leads.collect(),
            }));
        }
    }
    written
}

/// What of a zone's record sets is not as the zone groups of ours wrote it, there or in another
/// zone of that name.
fn misled(zone: &Address, at: &Scope, sets: &[Json], written: &[Written]) -> Vec<Misled> {
    let own = at.id().to_ascii_lowercase();
    let called = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    let same = written
        .iter()
        .filter(|one| called(&one.zone) == called(&own));
    let known: BTreeMap<&str, &Written> = same
        .filter(|one| one.zone != own)
        .chain(written.iter().filter(|one| one.zone == own))
        .map(|one| (one.name.as_str(), one))
        .collect();
    let mut found = Vec::new();
    let mut told = |name: &str, wrong: Wrong| {
        found.push(Misled {
            zone: zone.clone(),
            name: name.to_owned(),
            wrong,
        });
    };
    let mut answered = BTreeSet::new();
    for (name, record, leads) in sets.iter().filter_map(leading) {
        let to: Vec<String> = leads.iter().cloned().collect();
        match known.get(name.as_str()) {
            Some(by) if by.leads != leads => {
                let (group, meant) = (by.group.clone(), by.leads.iter().cloned().collect());
                told(
                    &name,
                    Wrong::Redirected {
                        record,
                        to,
                        group,
                        meant,
                    },
                );
            }
            None if name.starts_with('*') => told(&name, Wrong::Wildcard { record, to }),
            _ => {}
        }
        answered.insert(name);
    }
    for one in known.values().filter(|one| one.zone == own) {
        if !answered.contains(&one.name) {
            let group = one.group.clone();
            told(&one.name, Wrong::Missing { group });
        }
    }
    found
}

/// The name, the id and the ends of a record set that leads somewhere.
fn leading(set: &Json) -> Option<(String, String, BTreeSet<String>)> {
    let of_type = text(set, "/type")?.rsplit('/').next()?;
    let (_, key, end) = LEADING
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(of_type))?;
    let records = set.pointer(&format!("/properties/{key}"));
    let ends: Vec<&Json> = match records {
        Some(Json::Array(records)) => records.iter().collect(),
        Some(record) => vec![record],
        None => Vec::new(),
    };
    let ends = ends
        .iter()
        .filter_map(|record| Some(record.get(end)?.as_str()?.to_owned()));
    let at = text(set, "/id").unwrap_or_default().to_owned();
    Some((id(set, "/name")?, at, ends.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ZONE: &str = "/g/privateDnsZones/privatelink.azurecr.io";

    fn set(of_type: &str, name: &str, properties: Json) -> Json {
        json!({"id": format!("{ZONE}/{of_type}/{name}"), "name": name, "properties": properties,
            "type": format!("Microsoft.Network/privateDnsZones/{of_type}")})
    }

    fn a(name: &str, ends: &[&str]) -> Json {
        let ends: Vec<Json> = ends.iter().map(|end| json!({"ipv4Address": end})).collect();
        set("A", name, json!({"ttl": 10, "aRecords": ends}))
    }

    fn told(sets: &[Json]) -> Vec<(String, Vec<String>)> {
        let group = |zone: &str, name: &str, ends: &[&str]| {
            let config = json!({"properties": {"privateDnsZoneId": zone, "recordSets": [
                {"recordType": "A", "recordSetName": name, "ipAddresses": ends}]}});
            let body = json!({"properties": {"privateDnsZoneConfigs": [config]}});
            let address = format!("{}.registry.endpoint.dns", &name[3..]);
            wrote(&address.parse().expect("an address"), &body)
        };
        let mut written = group(&ZONE.to_uppercase(), "regdev", &["10.0.0.4", "10.0.0.5"]);
        written.extend(group(
            "/p/privateDnsZones/privatelink.azurecr.io",
            "regprod",
            &["10.1.0.4"],
        ));
        written.extend(group(
            "/g/privateDnsZones/privatelink.blob",
            "regblob",
            &["10.2.0.4"],
        ));
        let zone = "dev.network.zone.registry".parse().expect("an address");
        let found = misled(&zone, &Scope::new(ZONE), sets, &written);
        let leads = |one: Misled| match one.wrong {
            Wrong::Redirected { to, .. } | Wrong::Wildcard { to, .. } => (one.name, to),
            Wrong::Missing { .. } => (one.name, Vec::new()),
        };
        found.into_iter().map(leads).collect()
    }

    #[test]
    fn a_name_leads_where_its_endpoint_has_it_lead_or_is_told() {
        let own = a("RegDev", &["10.0.0.5", "10.0.0.4"]);
        let also = |more: Json| told(&[own.clone(), more]);
        assert_eq!(also(set("SOA", "@", json!({}))), []);
        // Of others, and of ours in a network that is joined to that of its endpoint.
        assert_eq!(also(a("theirs", &["10.9.0.4"])), []);
        assert_eq!(also(a("regblob", &["10.9.0.4"])), []);
        assert_eq!(also(a("regprod", &["10.1.0.4"])), []);
        assert_eq!(also(set("TXT", "regdev", json!({"txtRecords": []}))), []);
        let one = |name: &str, end: &str| vec![(name.to_owned(), vec![end.to_owned()])];
        assert_eq!(
            also(a("regprod", &["10.9.0.4"])),
            one("regprod", "10.9.0.4")
        );
        assert_eq!(also(a("*", &["10.9.0.4"])), one("*", "10.9.0.4"));
        let cname = set(
            "CNAME",
            "regprod",
            json!({"cnameRecord": {"cname": "e.org"}}),
        );
        assert_eq!(also(cname), one("regprod", "e.org"));
        let six = set(
            "AAAA",
            "regdev",
            json!({"aaaaRecords": [{"ipv6Address": "::1"}]}),
        );
        assert_eq!(also(six), one("regdev", "::1"));
        assert_eq!(
            told(&[a("regdev", &["10.0.0.4"])]),
            one("regdev", "10.0.0.4")
        );
        assert_eq!(told(&[]), [("regdev".to_owned(), Vec::new())]);
    }
}

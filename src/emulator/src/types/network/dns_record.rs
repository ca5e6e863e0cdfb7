//! `Microsoft.Network/privateDnsZones/{A,AAAA,CNAME,MX,PTR,SOA,SRV,TXT}`: record sets.
//! <https://learn.microsoft.com/rest/api/dns/privatedns/record-sets>

use super::dns::{self, VERSIONS};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use crate::types::checks;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The record sets of one type.
pub struct RecordSet {
    meta: Meta,
    /// The member that holds the records.
    member: &'static str,
    /// Whether a set can have several.
    many: bool,
}

/// The name of a zone itself.
const APEX: &str = "@";

/// Seconds that records without a TTL of their own live.
const USUAL_TTL: i64 = 3600;

/// Seconds that records of private endpoints live.
const ENDPOINT_TTL: i64 = 10;

const fn of_type(kind: &'static str, member: &'static str, many: bool) -> RecordSet {
    RecordSet {
        meta: Meta {
            kind,
            api_versions: VERSIONS,
            placement: Placement::Group,
            location: Located::Nowhere,
            tracked: false,
            system_data: None,
            lockable: true,
            members: &[],
        },
        member,
        many,
    }
}

pub static A: &RecordSet = &of_type("Microsoft.Network/privateDnsZones/A", "aRecords", true);
pub static AAAA: &RecordSet = &of_type(
    "Microsoft.Network/privateDnsZones/AAAA",
    "aaaaRecords",
    true,
);
pub static CNAME: &RecordSet = &of_type(
    "Microsoft.Network/privateDnsZones/CNAME",
    "cnameRecord",
    false,
);
pub static MX: &RecordSet = &of_type("Microsoft.Network/privateDnsZones/MX", "mxRecords", true);
pub static PTR: &RecordSet = &of_type("Microsoft.Network/privateDnsZones/PTR", "ptrRecords", true);
pub static SOA: &RecordSet = &of_type("Microsoft.Network/privateDnsZones/SOA", "soaRecord", false);
pub static SRV: &RecordSet = &of_type("Microsoft.Network/privateDnsZones/SRV", "srvRecords", true);
pub static TXT: &RecordSet = &of_type("Microsoft.Network/privateDnsZones/TXT", "txtRecords", true);

static ALL: &[&RecordSet] = &[A, AAAA, CNAME, MX, PTR, SOA, SRV, TXT];

impl ResourceType for &'static RecordSet {
    fn meta(&self) -> &'static Meta {
        &self.meta
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        self.condition(cx, target.name(), old)?;
        if self.member == SOA.member && old.is_none() {
            return Err(dns::bad(
                "A zone has one SOA record set, which Azure makes.",
            ));
        }
        self.alone(world, target)?;
        let properties = read(checks::object(sent, "properties"))?;
        let fresh = if self.many { json!([]) } else { Value::Null };
        let mut kept = json!({
            "fqdn": fqdn(target),
            "ttl": USUAL_TTL,
            self.member: fresh,
            "isAutoRegistered": false,
        });
        if let Some(old) = old.filter(|_| self.member == SOA.member) {
            kept[self.member] = old.body["properties"][self.member].clone();
        }
        self.lay(&mut kept, &properties)?;
        Ok(written(if old.is_some() { 200 } else { 201 }, kept))
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        self.condition(cx, target.name(), Some(old))?;
        let mut kept = old.body["properties"].clone();
        self.lay(&mut kept, &read(checks::object(sent, "properties"))?)?;
        Ok(written(200, kept))
    }

    fn delete(&self, cx: &Context<'_>, _world: &World, old: &Object) -> Result<Deleted, ArmError> {
        if self.member == SOA.member {
            return Err(dns::bad("The SOA record set of a zone cannot be deleted."));
        }
        self.condition(cx, old.name(), Some(old))?;
        Ok(Deleted::Now(200))
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        dns::etag_header(cx, answer, &[Method::GET, Method::PUT, Method::PATCH]);
    }

    fn not_found(&self, target: &Target) -> ArmError {
        let mut scope = target.scope.split('/').skip(2);
        let (subscription, group) = (scope.next(), scope.nth(1));
        ArmError::new(
            Source::Bare,
            404,
            "NotFound",
            format!(
                "The resource record '{}' does not exist in resource group '{}' of subscription '{}'.",
                target.name(),
                group.unwrap_or_default(),
                subscription.unwrap_or_default()
            ),
        )
    }
}

impl RecordSet {
    fn condition(
        &self,
        cx: &Context<'_>,
        name: &str,
        old: Option<&Object>,
    ) -> Result<(), ArmError> {
        match dns::mismatch(cx, old) {
            None => Ok(()),
            Some(mismatch) => {
                let name = format!("The Record set {}", name.to_ascii_lowercase());
                Err(mismatch.error(&name))
            }
        }
    }

    /// An alias does not share its name with other records.
    fn alone(&self, world: &World, target: &Target) -> Result<(), ArmError> {
        let zone = target.parent.as_deref().unwrap_or_default();
        let alias = self.member == CNAME.member;
        let clash = of(world, zone)
            .filter(|other| other.key() != target.key)
            .filter(|other| other.name().eq_ignore_ascii_case(target.name()))
            .any(|other| alias || other.kind == CNAME.meta.kind);
        if clash || (alias && target.name() == APEX) {
            return Err(dns::bad(format!(
                "The record set '{}' could not be written because a CNAME record set cannot share its name with other record sets.",
                target.name()
            )));
        }
        Ok(())
    }

    /// Lays what was sent over a set.
    fn lay(&self, kept: &mut Value, sent: &Map<String, Value>) -> Result<(), ArmError> {
        if let Some(ttl) = read(checks::number(sent, "ttl"))? {
            if !(1..=i64::from(i32::MAX)).contains(&ttl) {
                return Err(dns::bad(format!(
                    "The TTL {ttl} is invalid: it must be between 1 and {}.",
                    i32::MAX
                )));
            }
            kept["ttl"] = json!(ttl);
        }
        if let Some(metadata) = sent.get("metadata").filter(|metadata| metadata.is_object()) {
            kept["metadata"] = metadata.clone();
        }
        let Some(records) = sent.get(self.member).filter(|records| !records.is_null()) else {
            return Ok(());
        };
        if records.is_array() != self.many {
            return Err(dns::bad(format!(
                "The member '{}' is malformed.",
                self.member
            )));
        }
        for record in records.as_array().into_iter().flatten() {
            let wrong = match self.member {
                "aRecords" => unparsed::<Ipv4Addr>(&record["ipv4Address"]),
                "aaaaRecords" => unparsed::<Ipv6Addr>(&record["ipv6Address"]),
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(dns::bad(format!("The IP address '{wrong}' is invalid.")));
            }
        }
        kept[self.member] = records.clone();
        Ok(())
    }
}

/// The text of a value that is none of `T`.
fn unparsed<T: std::str::FromStr>(value: &Value) -> Option<String> {
    let text = value.as_str().unwrap_or_default();
    text.parse::<T>().is_err().then(|| text.to_owned())
}

fn read<T>(result: Result<T, ArmError>) -> Result<T, ArmError> {
    result.map_err(|error| dns::bad(error.message))
}

fn written(status: u16, properties: Value) -> Written {
    let mut body = Map::new();
    body.insert("etag".to_owned(), json!(dns::etag()));
    body.insert("properties".to_owned(), properties);
    Written {
        status,
        body,
        hidden: Value::Null,
        started: None,
    }
}

fn fqdn(target: &Target) -> String {
    let zone = target.names.first().map_or("", String::as_str);
    full_name(target.name(), zone)
}

fn full_name(name: &str, zone: &str) -> String {
    match name {
        APEX => format!("{zone}."),
        name => format!("{name}.{zone}."),
    }
}

/// All record sets of a zone, by type and name.
pub fn of<'a>(world: &'a World, zone: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let prefix = format!("{zone}/");
    ALL.iter().flat_map(move |set| {
        world
            .of_kind_under(set.meta.kind, &prefix)
            .map(|(_, object)| object.as_ref())
    })
}

/// The record set that every zone begins with.
pub fn write_soa(txn: &mut Txn<'_>, zone: &Object) {
    let key = format!("{}/soa/{APEX}", zone.key());
    if txn.world().object(&key).is_some() {
        return;
    }
    let record = json!({
        "host": "azureprivatedns.net",
        "email": "azureprivatedns-host.microsoft.com",
        "serialNumber": 1,
        "refreshTime": 3600,
        "retryTime": 300,
        "expireTime": 2_419_200,
        "minimumTtl": 10,
    });
    put(
        txn,
        zone,
        SOA,
        APEX,
        json!({"ttl": USUAL_TTL, "soaRecord": record}),
    );
}

/// Writes the address of a private endpoint under a name.
pub fn write_address(txn: &mut Txn<'_>, zone: &Object, name: &str, address: &str, creator: &str) {
    let properties = json!({
        "ttl": ENDPOINT_TTL,
        "metadata": {"creator": creator},
        "aRecords": [{"ipv4Address": address}],
    });
    put(txn, zone, A, name, properties);
}

/// Takes a name away again, if `creator` wrote it.
pub fn remove_address(txn: &mut Txn<'_>, zone: &str, name: &str, creator: &str) {
    let key = format!(
        "{}/a/{}",
        zone.to_ascii_lowercase(),
        name.to_ascii_lowercase()
    );
    let own = txn
        .world()
        .object(&key)
        .is_some_and(|record| record.text("/properties/metadata/creator") == Some(creator));
    if own {
        txn.remove_tree(&key);
    }
}

fn put(txn: &mut Txn<'_>, zone: &Object, set: &RecordSet, name: &str, mut properties: Value) {
    let kind = set.meta.kind;
    let id = format!(
        "{}/{}/{name}",
        zone.id,
        kind.rsplit('/').next().unwrap_or_default()
    );
    properties["fqdn"] = json!(full_name(name, zone.name()));
    properties["isAutoRegistered"] = json!(false);
    txn.put(Object {
        body: json!({
            "id": id,
            "name": name,
            "type": kind,
            "etag": dns::etag(),
            "properties": properties,
        }),
        id,
        kind: kind.to_owned(),
        hidden: Value::Null,
        pending: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_full() {
        assert_eq!(full_name("@", "a.b"), "a.b.");
        assert_eq!(full_name("x.y", "a.b"), "x.y.a.b.");
    }

    #[test]
    fn addresses_are_checked() {
        let lay = |set: &RecordSet, sent: Value| set.lay(&mut json!({}), sent.as_object().unwrap());
        assert!(
            lay(
                A,
                json!({"aRecords": [{"ipv4Address": "10.0.0.1"}], "ttl": 10})
            )
            .is_ok()
        );
        for wrong in [
            json!({"aRecords": [{"ipv4Address": "10.0.0"}]}),
            json!({"aRecords": [{"ipv4Address": "::1"}]}),
            json!({"aRecords": {}}),
            json!({"ttl": 0}),
        ] {
            assert!(lay(A, wrong.clone()).is_err(), "{wrong}");
        }
        assert!(lay(CNAME, json!({"cnameRecord": {"cname": "a.b"}})).is_ok());
    }
}

//! `Microsoft.Network/privateDnsZones/virtualNetworkLinks`: networks that ask a zone.
//! <https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links>

use super::dns::{self, LINK_DELETION, LINK_WRITE, RUNNING, VERSIONS};
use super::{joins, virtual_network};
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Started, Target, Written,
    set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use crate::types::checks;
use serde_json::{Map, Value, json};

pub struct Link;

/// The canonical type.
const KIND: &str = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";

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

impl ResourceType for Link {
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
        if let Some(answer) = conditional(cx, target, old) {
            return answer;
        }
        let properties = read(checks::object(sent, "properties"))?;
        let network = properties
            .get("virtualNetwork")
            .and_then(|network| network["id"].as_str())
            .ok_or_else(|| dns::bad("The virtual network of the link must be provided."))?;
        let registers = read(checks::flag(&properties, "registrationEnabled"))?.unwrap_or(false);
        if let Some(old) = old {
            stays(old, network)?;
        } else {
            there(cx, world, target, network)?;
        }
        apart(world, target, network, registers)?;
        let mut body = Map::new();
        body.insert("location".to_owned(), json!("global"));
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        let mut kept = json!({
            "provisioningState": if old.is_some() { "Updating" } else { "Creating" },
            "registrationEnabled": registers,
            "virtualNetwork": {"id": network},
            "virtualNetworkLinkState": "InProgress",
        });
        if let Some(policy) = read(checks::word(&properties, "resolutionPolicy", POLICIES))? {
            kept["resolutionPolicy"] = json!(policy);
        }
        body.insert("properties".to_owned(), kept);
        Ok(written(body, Value::Null))
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        world: &World,
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
        let properties = read(checks::object(sent, "properties"))?;
        let before = old
            .text("/properties/virtualNetwork/id")
            .unwrap_or_default();
        if let Some(network) = properties.get("virtualNetwork") {
            stays(old, network["id"].as_str().unwrap_or_default())?;
        }
        if let Some(registers) = read(checks::flag(&properties, "registrationEnabled"))? {
            apart(world, target, before, registers)?;
            body["properties"]["registrationEnabled"] = json!(registers);
        }
        body["properties"]["provisioningState"] = json!("Updating");
        Ok(written(body, Value::Null))
    }

    fn delete(&self, cx: &Context<'_>, _world: &World, old: &Object) -> Result<Deleted, ArmError> {
        if let Some(mismatch) = dns::mismatch(cx, Some(old)) {
            return Err(mismatch.error(&format!("The Virtual Network link '{}'", old.name())));
        }
        Ok(Deleted::Later {
            pattern: &LINK_DELETION,
            shown: false,
        })
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        dns::answered(cx, answer);
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        set_state(object, "Succeeded");
        object.body["properties"]["virtualNetworkLinkState"] = json!("Completed");
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        dns::let_fail(txn, object);
    }
}

const POLICIES: &[&str] = &["Default", "NxDomainRedirect"];

fn read<T>(result: Result<T, ArmError>) -> Result<T, ArmError> {
    result.map_err(|error| dns::bad(error.message))
}

/// The links of a zone, by name.
pub fn of<'a>(world: &'a World, zone: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let prefix = format!("{zone}/virtualnetworklinks/");
    world
        .of_kind_under(KIND, &prefix)
        .map(|(_, object)| object.as_ref())
}

fn conditional(
    cx: &Context<'_>,
    target: &Target,
    old: Option<&Object>,
) -> Option<Result<Written, ArmError>> {
    let mismatch = dns::mismatch(cx, old)?;
    let zone = target.names.first().map_or("", String::as_str);
    let name = format!(
        "The Virtual Network link '{}' for the Private DNS zone '{zone}'",
        target.name()
    );
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

fn written(mut body: Map<String, Value>, hidden: Value) -> Written {
    body.insert("etag".to_owned(), json!(format!("\"{}\"", dns::etag())));
    Written {
        status: 202,
        body,
        hidden,
        started: Some(Started {
            pattern: &LINK_WRITE,
            word: RUNNING,
        }),
    }
}

/// A link never changes its network.
fn stays(old: &Object, network: &str) -> Result<(), ArmError> {
    let before = old
        .text("/properties/virtualNetwork/id")
        .unwrap_or_default();
    if before.eq_ignore_ascii_case(network) {
        return Ok(());
    }
    Err(dns::bad(format!(
        "The virtual network of the Virtual Network link '{}' cannot be changed.",
        old.name()
    )))
}

/// The network must be there and open to the caller.
fn there(cx: &Context<'_>, world: &World, target: &Target, network: &str) -> Result<(), ArmError> {
    let found = world
        .object(&network.to_ascii_lowercase())
        .is_some_and(|object| object.kind == virtual_network::KIND);
    if !found {
        return Err(dns::bad(format!(
            "The virtual network '{network}' that the Virtual Network link '{}' refers to was not found.",
            target.name()
        )));
    }
    let (own, join) = (
        format!("{KIND}/write"),
        format!("{}/join/action", virtual_network::KIND),
    );
    joins::linked(cx, world, &target.id, &own, &join, network)
}

/// A network asks one zone of a name, and registers its machines in one zone only.
fn apart(world: &World, target: &Target, network: &str, registers: bool) -> Result<(), ArmError> {
    let zone = target.names.first().map_or("", String::as_str);
    let others = world
        .naming(&network.to_ascii_lowercase(), KIND)
        .filter(|(key, link)| {
            **key != target.key
                && link
                    .text("/properties/virtualNetwork/id")
                    .is_some_and(|id| id.eq_ignore_ascii_case(network))
        })
        .map(|(_, link)| link);
    for other in others {
        let theirs = other.id.rsplit('/').nth(2).unwrap_or_default();
        if theirs.eq_ignore_ascii_case(zone) {
            return Err(dns::bad(format!(
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link virtual network with '{zone}' and '{theirs}' zones."
            )));
        }
        if registers && other.body["properties"]["registrationEnabled"] == json!(true) {
            return Err(dns::refuse(
                409,
                "Conflict",
                format!(
                    "A virtual network can only be linked to 1 Private DNS zone(s) with auto-registration enabled; conflicting Private DNS zone is '{theirs}'."
                ),
            ));
        }
    }
    Ok(())
}

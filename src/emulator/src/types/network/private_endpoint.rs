//! `Microsoft.Network/privateEndpoints`: an address in a subnet that leads to a resource.
//! <https://learn.microsoft.com/rest/api/virtualnetwork/private-endpoints>

use super::endpoint_fields::{self as fields, Connection};
use super::private_link::{self, Approval, Member};
use super::provider::{self, DELETION, RUNNING, SLOW_WRITE, VERSIONS, read, refuse};
use super::{addresses, joins, network_interface, private_endpoint_view, subnet, virtual_network};
use crate::arm::{
    self, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Started,
    Target, Written, set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use crate::types::checks;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

pub struct PrivateEndpoint;

/// The canonical type.
pub const KIND: &str = "Microsoft.Network/privateEndpoints";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for PrivateEndpoint {
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
        let properties = read(checks::object(sent, "properties"))?;
        provider::only(&properties, fields::MEMBERS, "PrivateEndpointProperties")?;
        let home = home(cx, world, target, &properties, sent["location"].as_str())?;
        let connection = fields::connection(&properties)?;
        reachable(cx, world, target, &connection)?;
        let wanted = fields::ip_configurations(&properties)?;
        let names = private_link::members(
            world,
            &connection.kind(),
            &connection.to,
            &connection.group(),
        );
        let addresses = allocate(world, &home, old, &names, &wanted)?;
        let guid = old
            .and_then(|old| old.text("/properties/resourceGuid"))
            .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
        let custom =
            read(checks::text(&properties, "customNetworkInterfaceName"))?.unwrap_or_default();
        let mut kept = json!({
            "provisioningState": "Updating",
            "resourceGuid": guid,
            "customNetworkInterfaceName": custom,
            "subnet": {"id": home.id},
            "ipConfigurations": wanted,
        });
        kept[connection.list()] = json!([connection.to_value()]);
        if let Some(groups) = properties
            .get("applicationSecurityGroups")
            .filter(|g| g.is_array())
        {
            kept["applicationSecurityGroups"] = groups.clone();
        }
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        body.insert("properties".to_owned(), kept);
        let hidden = hidden(old, target, custom, &addresses);
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden,
            started: Some(Started {
                pattern: &SLOW_WRITE,
                word: RUNNING,
            }),
        })
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Ok(virtual_network::tagged(old, sent))
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

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        private_endpoint_view::show(object, world, api)
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        provider::etag_header(cx, answer);
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        object.hidden = provider::changed(&object.hidden);
        object.hidden["established"] = json!(true);
        set_state(object, "Succeeded");
    }

    fn stored(&self, cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        let Some(stored) = txn.world().object(&object.key()).cloned() else {
            return;
        };
        let mut endpoint = Object::clone(&stored);
        let interface = endpoint.hidden["interface"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        network_interface::write(txn, &interface, &endpoint, &served(&endpoint, txn.world()));
        wire(cx, txn, &mut endpoint);
        txn.put(endpoint);
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, now: Moment) {
        if let Some(interface) = object.hidden["interface"].as_str() {
            arm::remove(txn, &interface.to_ascii_lowercase(), now);
        }
        if let Some(connection) = object.hidden["connection"].as_str() {
            private_link::disconnect(txn, connection);
        }
    }

    fn turns(&self, target: &Target) -> Option<String> {
        Some(target.key.clone())
    }

    fn busy(&self, _target: &Target, running: &str) -> ArmError {
        virtual_network::busy(running)
    }

    fn leans_on(&self, sent: &Map<String, Value>) -> Vec<String> {
        let id = sent
            .get("properties")
            .and_then(|properties| properties["subnet"]["id"].as_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let network = id.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned();
        vec![network, id]
    }
}

/// What is kept beside an endpoint: its addresses, and the interface that never changes.
fn hidden(old: Option<&Object>, target: &Target, custom: &str, addresses: &[Value]) -> Value {
    let mut hidden = provider::changed(&old.map_or(Value::Null, |old| old.hidden.clone()));
    hidden["addresses"] = json!(addresses);
    if hidden["interface"].is_null() {
        let name = match custom {
            "" => format!("{}.nic.{}", target.name(), Uuid::new_v4()),
            custom => custom.to_owned(),
        };
        let scope = &target.scope;
        hidden["interface"] = json!(format!(
            "{scope}/providers/{}/{name}",
            network_interface::KIND
        ));
    }
    hidden
}

/// The subnet that the endpoint stands in: there, settled, near, and open to the caller.
fn home(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    properties: &Map<String, Value>,
    location: Option<&str>,
) -> Result<Arc<Object>, ArmError> {
    let value = properties.get("subnet").unwrap_or(&Value::Null);
    let (id, home) =
        provider::referenced(world, value, "subnet", &target.id)?.ok_or_else(|| {
            refuse(
                400,
                "InvalidRequestFormat",
                format!("The subnet of resource {} must be provided.", target.id),
            )
        })?;
    let home = home
        .filter(|home| home.kind == subnet::KIND)
        .ok_or_else(|| provider::bad_reference(&id, &target.id))?;
    let network = world.object(&subnet::network_of(&home));
    if network.and_then(|network| network.location()) != location {
        return Err(provider::bad_reference(&id, &target.id));
    }
    let busy = [Some(&home), network]
        .into_iter()
        .flatten()
        .find(|object| object.pending.is_some());
    if let Some(busy) = busy {
        let mut error = refuse(429, "RetryableError", "A retryable error occurred.");
        error.details = Some(json!([{
            "code": "ReferencedResourceNotProvisioned",
            "message": format!(
                "Cannot proceed with operation because resource {} used by resource {} is not in Succeeded state. Resource is in Updating state and the last operation that updated/is updating the resource is PutSubnetOperation.",
                busy.id, target.id
            ),
        }]));
        return Err(error.with("retry-after", "10"));
    }
    let own = format!("{KIND}/write");
    joins::linked(cx, world, &target.id, &own, joins::JOIN, &id)?;
    Ok(home)
}

/// The target must be there if its type is played (unless it is to be taken for existing), offer
/// the group, and let the caller connect without asking, unless he asks.
fn reachable(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    connection: &Connection,
) -> Result<(), ArmError> {
    let link = json!({"id": connection.to});
    let found = match provider::referenced(world, &link, "privateLinkServiceId", &target.id) {
        Err(_) if cx.azure.settings.assume_existing => None,
        found => found?,
    };
    let object = found.as_ref().and_then(|(_, object)| object.as_deref());
    let kind = connection.kind();
    private_link::check(&kind, &connection.to, object, &connection.group())?;
    if connection.manual {
        return Ok(());
    }
    let approve = format!("{kind}/privateEndpointConnectionsApproval/action");
    let own = format!("{KIND}/write");
    joins::linked(cx, world, &target.id, &own, &approve, &connection.to)
}

/// An address for each name: the one asked for, the one that it has, or the lowest free one.
fn allocate(
    world: &World,
    home: &Object,
    old: Option<&Object>,
    names: &[Member],
    wanted: &[Value],
) -> Result<Vec<Value>, ArmError> {
    let before = old.map_or(Value::Null, |old| old.hidden["addresses"].clone());
    let before = before.as_array().cloned().unwrap_or_default();
    let own: Vec<IpAddr> = before
        .iter()
        .filter_map(|one| one["address"].as_str()?.parse().ok())
        .collect();
    let mut used: Vec<IpAddr> = Vec::new();
    for configuration in wanted {
        let text = configuration["properties"]["privateIPAddress"]
            .as_str()
            .unwrap_or_default();
        used.push(addresses::wanted(world, home, text, &own)?);
    }
    let fallback = [String::new()];
    let names: Vec<&String> = if names.is_empty() {
        fallback.iter().collect()
    } else {
        names.iter().map(|member| &member.name).collect()
    };
    let mut kept = Vec::new();
    for name in names {
        let asked = wanted.iter().find_map(|configuration| {
            let properties = &configuration["properties"];
            (properties["memberName"].as_str() == Some(name)).then(|| {
                properties["privateIPAddress"]
                    .as_str()
                    .map(ToOwned::to_owned)
            })?
        });
        let had = before
            .iter()
            .find(|one| one["member"].as_str() == Some(name))
            .and_then(|one| one["address"].as_str().map(ToOwned::to_owned));
        let address = match asked.or(had) {
            Some(address) => address,
            None => addresses::free(world, home, &used, 1)
                .first()
                .map(ToString::to_string)
                .ok_or_else(|| full(home))?,
        };
        used.extend(address.parse::<IpAddr>().ok());
        kept.push(json!({"member": name, "address": address}));
    }
    Ok(kept)
}

fn full(home: &Object) -> ArmError {
    refuse(
        400,
        "SubnetIsFull",
        format!(
            "Subnet {} does not have enough capacity for 1 IP addresses.",
            home.name()
        ),
    )
}

/// The endpoint's addresses with the names that they serve.
pub fn served(endpoint: &Object, world: &World) -> Vec<(Option<Member>, String)> {
    let names = Connection::of(endpoint).map_or_else(Vec::new, |connection| {
        private_link::members(
            world,
            &connection.kind(),
            &connection.to,
            &connection.group(),
        )
    });
    endpoint.hidden["addresses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let member = names
                .iter()
                .find(|member| Some(member.name.as_str()) == one["member"].as_str());
            Some((member.cloned(), one["address"].as_str()?.to_owned()))
        })
        .collect()
}

/// Makes the connection at the target, if it has none from here yet.
fn wire(cx: &Context<'_>, txn: &mut Txn<'_>, endpoint: &mut Object) {
    let Some(connection) = Connection::of(endpoint) else {
        return;
    };
    let target = connection.to.to_ascii_lowercase();
    let had = endpoint.hidden["connection"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    // A connection that the target gave up stays given up.
    if had.starts_with(&format!("{target}/")) {
        return;
    }
    if !had.is_empty() {
        private_link::disconnect(txn, &had);
    }
    let Some(target) = txn.world().object(&target).cloned() else {
        endpoint.hidden["connection"] = Value::Null;
        return;
    };
    let approve = format!("{}/privateEndpointConnectionsApproval/action", target.kind);
    let approves = !connection.manual && joins::may(cx, txn.world(), &approve, &target.id);
    let approval = if approves {
        Approval::Approved
    } else {
        Approval::Pending
    };
    let key = private_link::connect(txn, &target, &endpoint.id, &connection.name, approval);
    endpoint.hidden["connection"] = json!(key);
}

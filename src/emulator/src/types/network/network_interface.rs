//! `Microsoft.Network/networkInterfaces`: those that private endpoints bring with them.

use super::private_link::Member;
use super::provider::{self, VERSIONS, refuse};
use super::virtual_network;
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct NetworkInterface;

/// The canonical type.
pub const KIND: &str = "Microsoft.Network/networkInterfaces";

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

impl ResourceType for NetworkInterface {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(refuse(
            400,
            "OperationNotSupported",
            "This emulator makes network interfaces for private endpoints only.",
        ))
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

    fn delete(&self, _cx: &Context<'_>, _world: &World, old: &Object) -> Result<Deleted, ArmError> {
        let endpoint = old
            .text("/properties/privateEndpoint/id")
            .unwrap_or_default();
        Err(refuse(
            400,
            "NicInUseWithPrivateEndpoint",
            format!(
                "Network interface {} is used by existing private endpoint {endpoint}.",
                old.id
            ),
        ))
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let etag = provider::own_etag(object);
        let mut body = object.body.clone();
        body["etag"] = json!(etag);
        if let Some(list) = body["properties"]["ipConfigurations"].as_array_mut() {
            for configuration in list {
                configuration["etag"] = json!(etag);
            }
        }
        body
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        provider::etag_header(cx, answer);
    }
}

/// The interface of a private endpoint, with an address for each of its names.
pub fn write(
    txn: &mut Txn<'_>,
    id: &str,
    endpoint: &Object,
    addresses: &[(Option<Member>, String)],
) {
    let old = txn.world().object(&id.to_ascii_lowercase()).cloned();
    let guid = old
        .as_ref()
        .and_then(|old| old.text("/properties/resourceGuid"))
        .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
    let configurations: Vec<Value> = addresses
        .iter()
        .enumerate()
        .map(|(at, (member, address))| {
            configuration(id, &guid, endpoint, at, member.as_ref(), address)
        })
        .collect();
    let mut body = json!({
        "id": id,
        "name": id.rsplit('/').next(),
        "type": KIND,
        "location": endpoint.location(),
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": guid,
            "ipConfigurations": configurations,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "macAddress": "",
            "vnetEncryptionSupported": false,
            "enableIPForwarding": false,
            "privateEndpoint": {"id": endpoint.id},
            "hostedWorkloads": [],
            "tapConfigurations": [],
            "nicType": "Standard",
            "allowPort25Out": true,
            "auxiliaryMode": "None",
        },
        "kind": "Regular",
    });
    if let Some(tags) = old.as_ref().and_then(|old| old.body.get("tags")) {
        body["tags"] = tags.clone();
    }
    txn.put(Object {
        id: id.to_owned(),
        kind: KIND.to_owned(),
        body,
        hidden: provider::changed(&old.map_or(Value::Null, |old| old.hidden.clone())),
        pending: None,
    });
}

/// The IP configuration for one name of the endpoint.
fn configuration(
    interface: &str,
    guid: &str,
    endpoint: &Object,
    at: usize,
    member: Option<&Member>,
    address: &str,
) -> Value {
    let seed = format!("{guid}/{at}");
    let name = format!(
        "privateEndpointIpConfig.{}",
        Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes())
    );
    let link = member.map(|member| {
        json!({
            "groupId": member.group,
            "requiredMemberName": member.name,
            "fqdns": [member.host],
        })
    });
    let mut properties = json!({
        "provisioningState": "Succeeded",
        "privateIPAddress": address,
        "privateIPAllocationMethod": "Dynamic",
        "subnet": endpoint.body["properties"]["subnet"],
        "primary": at == 0,
        "privateIPAddressVersion": "IPv4",
    });
    if let Some(link) = link {
        properties["privateLinkConnectionProperties"] = link;
    }
    json!({
        "name": name,
        "id": format!("{interface}/ipConfigurations/{name}"),
        "type": format!("{KIND}/ipConfigurations"),
        "properties": properties,
    })
}

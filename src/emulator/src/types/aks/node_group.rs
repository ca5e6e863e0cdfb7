//! The node resource group: made with its cluster, tagged like it, gone with it.
//! <https://learn.microsoft.com/azure/aks/faq#why-are-two-resource-groups-created-with-aks>

use super::cluster_fields::mark;
use super::errors::refuse;
use super::node_resource::{LOAD_BALANCER, PUBLIC_ADDRESS, ROUTE_TABLE, SCALE_SET};
use super::{cluster_pools, cluster_view};
use crate::arm::{self, ArmError, Context, GROUP_KIND, ResourceType};
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const NETWORK: &str = "Microsoft.Network/virtualNetworks";
const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
const SECURITY_GROUP: &str = "Microsoft.Network/networkSecurityGroups";

/// Id of the node resource group that a cluster's properties name.
pub fn id(subscription: &str, properties: &Map<String, Value>) -> String {
    let name = properties.get("nodeResourceGroup").and_then(Value::as_str);
    format!(
        "/subscriptions/{subscription}/resourceGroups/{}",
        name.unwrap_or_default()
    )
}

/// Id of a cluster's node resource group.
pub fn id_of(cluster: &Object) -> String {
    let subscription = cluster.id.split('/').nth(2).unwrap_or_default();
    match cluster.body["properties"].as_object() {
        Some(properties) => id(subscription, properties),
        None => String::new(),
    }
}

/// The group must not be there before its cluster.
pub fn free(
    cx: &Context<'_>,
    world: &World,
    properties: &Map<String, Value>,
) -> Result<(), ArmError> {
    let subscription = cx.path.subscription.as_deref().unwrap_or_default();
    let id = id(subscription, properties);
    if world.object(&id.to_ascii_lowercase()).is_none() {
        return Ok(());
    }
    Err(refuse(
        400,
        "InvalidParameter",
        format!("The node resource group {id} already exists. Choose another nodeResourceGroup."),
    ))
}

/// Makes the group with what stands in it besides the nodes, and notes in the cluster what
/// it learns of that only when it is done.
pub fn make(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &mut Object, pools: &[Value]) {
    let group = id_of(cluster);
    let location = cluster.body["location"].clone();
    let mark = number(cluster);
    txn.put(Object {
        body: json!({
            "id": group,
            "name": group.rsplit('/').next(),
            "type": GROUP_KIND,
            "location": location,
            "managedBy": cluster_view::printed(&cluster.id),
            "tags": {},
            "properties": {"provisioningState": "Succeeded"},
        }),
        id: group.clone(),
        kind: GROUP_KIND.to_owned(),
        hidden: Value::Null,
        pending: None,
    });
    let mut put = |kind: &str, name: &str, body: Value| -> String {
        let object = resource(&group, kind, name, &location, body);
        let id = object.id.clone();
        txn.put(object);
        id
    };
    let network = &cluster.body["properties"]["networkProfile"];
    security(&mark, network, &mut put);
    if network["loadBalancerProfile"].is_object() {
        cluster.hidden["address"] = json!(way_out(&mut put));
    }
    if pools.iter().all(|pool| pool["vnetSubnetID"].is_null()) {
        own_network(&mark, &mut put);
    }
    // The kubelets get an identity unless they were given one.
    if !cluster.hidden["kubelet"].is_object() {
        let name = format!("{}-agentpool", cluster.name());
        cluster.hidden["kubelet"] = identity(cx, txn, cluster, &name);
    }
}

/// Puts an object of a type under a name into the group, and answers its id.
type Put<'p> = dyn FnMut(&str, &str, Value) -> String + 'p;

fn guid() -> String {
    Uuid::new_v4().to_string()
}

/// The nodes' security group, and with kubenet the routes between their pods.
fn security(mark: &str, network: &Value, put: &mut Put<'_>) {
    let group = json!({"properties": {
        "provisioningState": "Succeeded", "resourceGuid": guid(), "securityRules": [],
    }});
    put(SECURITY_GROUP, &format!("aks-agentpool-{mark}-nsg"), group);
    if network["networkPlugin"] == "kubenet" {
        let table = json!({"properties": {
            "provisioningState": "Succeeded", "resourceGuid": guid(),
            "disableBgpRoutePropagation": false, "routes": [],
        }});
        let name = format!("aks-agentpool-{mark}-routetable");
        put(ROUTE_TABLE.meta().kind, &name, table);
    }
}

/// The load balancer that the nodes go out through; the id of its address.
fn way_out(put: &mut Put<'_>) -> String {
    let address = json!({
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {
            "provisioningState": "Succeeded", "resourceGuid": guid(),
            "publicIPAddressVersion": "IPv4", "publicIPAllocationMethod": "Static",
            "idleTimeoutInMinutes": 30,
        },
    });
    let address = put(PUBLIC_ADDRESS.meta().kind, &guid(), address);
    let balancer = json!({
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {
            "provisioningState": "Succeeded", "resourceGuid": guid(),
            "frontendIPConfigurations": [{"properties": {"publicIPAddress": {"id": address}}}],
        },
    });
    put(LOAD_BALANCER.meta().kind, "kubernetes", balancer);
    address
}

/// The network of a cluster that was not given one.
fn own_network(mark: &str, put: &mut Put<'_>) {
    let name = format!("aks-vnet-{mark}");
    let net = json!({"properties": {
        "provisioningState": "Succeeded", "resourceGuid": guid(),
        "addressSpace": {"addressPrefixes": ["10.224.0.0/12"]},
        "enableDdosProtection": false,
    }});
    put(NETWORK, &name, net);
    let subnet = json!({"properties": {
        "provisioningState": "Succeeded", "addressPrefix": "10.224.0.0/16",
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
    }});
    put(SUBNET, &format!("{name}/aks-subnet"), subnet);
}

/// Makes an identity in the group, and answers it as profiles of a cluster show it.
pub fn identity(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object, name: &str) -> Value {
    let (principal, client) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let body = json!({"properties": {
        "tenantId": cx.azure.directory.tenant(),
        "principalId": principal,
        "clientId": client,
    }});
    let (group, location) = (id_of(cluster), &cluster.body["location"]);
    let identity = resource(&group, IDENTITY, name, location, body);
    let shown = json!({
        "resourceId": cluster_view::printed(&identity.id),
        "clientId": client,
        "objectId": principal,
    });
    txn.put(identity);
    shown
}

fn resource(group: &str, kind: &str, path: &str, location: &Value, body: Value) -> Object {
    let mut levels = kind.split('/');
    let mut id = format!("{group}/providers/{}", levels.next().unwrap_or_default());
    for (level, name) in levels.zip(path.split('/')) {
        id.push_str(&format!("/{level}/{name}"));
    }
    let mut body = body;
    body["id"] = json!(id);
    body["name"] = json!(id.rsplit('/').next());
    body["type"] = json!(kind);
    let nested = path.contains('/');
    if !nested {
        body["location"] = location.clone();
    }
    Object {
        id,
        kind: kind.to_owned(),
        body,
        hidden: if nested {
            json!({ "location": location })
        } else {
            Value::Null
        },
        pending: None,
    }
}

/// The digits that Azure puts into the names of a cluster's things.
fn number(cluster: &Object) -> String {
    mark(&cluster.key(), 8)
        .bytes()
        .map(|byte| char::from(b'0' + byte % 10))
        .collect()
}

/// A pool's scale set, as the pool is now.
pub fn pool_stands(txn: &mut Txn<'_>, pool: &Object) {
    let key = cluster_pools::cluster_key(&pool.key());
    let Some(cluster) = txn.world().object(&key).cloned() else {
        return;
    };
    let group = id_of(&cluster);
    if txn.world().object(&group.to_ascii_lowercase()).is_none() {
        return;
    }
    let properties = &pool.body["properties"];
    let stopped = properties["powerState"]["code"] == "Stopped";
    let capacity = if stopped {
        json!(0)
    } else {
        properties["count"].clone()
    };
    let body = json!({
        "sku": {"name": properties["vmSize"], "tier": "Standard", "capacity": capacity},
        "properties": {
            "provisioningState": "Succeeded",
            "singlePlacementGroup": false,
            "orchestrationMode": "Uniform",
            "overprovision": false,
        },
    });
    let name = scale_set(&cluster, pool);
    let mut set = resource(
        &group,
        SCALE_SET.meta().kind,
        &name,
        &cluster.body["location"],
        body,
    );
    let mut own = json!({
        "aks-managed-poolName": pool.name(),
        "aks-managed-orchestrator": format!(
            "Kubernetes:{}",
            properties["currentOrchestratorVersion"].as_str().unwrap_or_default()
        ),
    });
    for (name, value) in properties["tags"].as_object().into_iter().flatten() {
        own[name] = value.clone();
    }
    set.body["tags"] = own;
    copy_tags(&mut set, &cluster);
    txn.put(set);
}

fn scale_set(cluster: &Object, pool: &Object) -> String {
    format!("aks-{}-{}-vmss", pool.name(), number(cluster))
}

/// Takes a pool's scale set away.
pub fn pool_goes(txn: &mut Txn<'_>, pool: &Object, now: Moment) {
    let key = cluster_pools::cluster_key(&pool.key());
    if let Some(cluster) = txn.world().object(&key).cloned() {
        let kind = SCALE_SET.meta().kind;
        let name = scale_set(&cluster, pool);
        let set = format!("{}/providers/{kind}/{name}", id_of(&cluster));
        arm::remove(txn, &set.to_ascii_lowercase(), now);
    }
}

/// Copies a cluster's tags to its group and everything in it.
pub fn tag(txn: &mut Txn<'_>, cluster: &Object) {
    let group = id_of(cluster).to_ascii_lowercase();
    let below = format!("{group}/");
    let world = txn.world();
    let carriers: Vec<_> = world
        .object(&group)
        .into_iter()
        .chain(world.under(&below).map(|(_, object)| object))
        .filter(|object| object.location().is_some())
        .cloned()
        .collect();
    for carrier in carriers {
        let mut changed = Object::clone(&carrier);
        copy_tags(&mut changed, cluster);
        if changed != *carrier {
            txn.put(changed);
        }
    }
}

/// Puts the cluster's tags on a carrier, in place of those that it had from it before.
fn copy_tags(carrier: &mut Object, cluster: &Object) {
    let mut tags = carrier.body["tags"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for name in carrier.hidden["copied"].as_array().into_iter().flatten() {
        tags.remove(name.as_str().unwrap_or_default());
    }
    let copied = cluster.body["tags"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let names: Vec<&String> = copied.keys().collect();
    if !names.is_empty() || carrier.hidden["copied"].is_array() {
        carrier.hidden["copied"] = json!(names);
    }
    tags.extend(copied);
    carrier.body["tags"] = Value::Object(tags);
}

/// The group goes with its cluster.
pub fn remove(txn: &mut Txn<'_>, cluster: &Object, now: Moment) {
    let group = id_of(cluster).to_ascii_lowercase();
    let managed = txn
        .world()
        .object(&group)
        .and_then(|group| group.text("/managedBy"))
        .is_some_and(|manager| manager.eq_ignore_ascii_case(&cluster.id));
    if managed {
        arm::remove(txn, &group, now);
    }
}

//! Private endpoints: what they leave at both ends, and how all of it goes again.

use super::client::{Azure, registry_id};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, Settings};
use serde_json::{Value, json};

struct Net {
    group: String,
    subnet: String,
}

impl Net {
    async fn new(azure: &Azure, prefix: &str) -> Self {
        let group = azure.group("g").await;
        Self::lay(azure, group, prefix).await
    }

    async fn lay(azure: &Azure, group: String, prefix: &str) -> Self {
        let id = format!("{group}/providers/Microsoft.Network/virtualNetworks/net");
        let body = json!({"location": "eastus2", "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "sub", "properties": {"addressPrefix": prefix}}],
        }});
        azure.made(&id, body).await;
        Self {
            group,
            subnet: format!("{id}/subnets/sub"),
        }
    }

    fn endpoint(&self, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Network/privateEndpoints/{name}",
            self.group
        )
    }

    fn zone(&self) -> String {
        format!(
            "{}/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io",
            self.group
        )
    }

    fn body(&self, list: &str, target: &str) -> Value {
        json!({"location": "eastus2", "properties": {
            "subnet": {"id": self.subnet},
            list: [{"name": "c", "properties": {"privateLinkServiceId": target, "groupIds": ["registry"]}}],
        }})
    }
}

const AUTOMATIC: &str = "privateLinkServiceConnections";
const MANUAL: &str = "manualPrivateLinkServiceConnections";

#[tokio::test]
async fn an_endpoint_brings_an_interface_addresses_names_and_a_connection() {
    let azure = Azure::start().await;
    let net = Net::new(&azure, "10.0.0.0/24").await;
    let registry = azure.registry(&net.group, "abcde").await;
    let pe = net.endpoint("pe");
    let made = azure.put(&pe, net.body(AUTOMATIC, &registry)).await;
    assert_eq!((made.status, made.state()), (201, "Updating"));
    assert_eq!(made.body["properties"]["customDnsConfigs"], json!([]));
    azure.finish(&made).await;
    let read = azure.get(&pe).await.body;
    let state =
        &read["properties"][AUTOMATIC][0]["properties"]["privateLinkServiceConnectionState"];
    assert_eq!(state["status"], "Approved");
    assert_eq!(
        read["properties"]["customDnsConfigs"],
        json!([
            {"fqdn": "abcde.eastus2.data.azurecr.localhost", "ipAddresses": ["10.0.0.4"]},
            {"fqdn": "abcde.azurecr.localhost", "ipAddresses": ["10.0.0.5"]},
        ])
    );
    let interface = read["properties"]["networkInterfaces"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let nic = azure.get(&interface).await;
    assert_eq!(nic.body["properties"]["privateEndpoint"]["id"], pe);
    assert_eq!(
        azure.delete(&interface).await.code(),
        "NicInUseWithPrivateEndpoint"
    );
    let connections =
        azure.get(&registry).await.body["properties"]["privateEndpointConnections"].clone();
    assert_eq!(connections[0]["properties"]["privateEndpoint"]["id"], pe);
    let subnet = azure.get(&net.subnet).await.body;
    assert_eq!(
        subnet["properties"]["privateEndpoints"],
        json!([{"id": pe}])
    );
    let refused = azure.delete(&net.subnet).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "InUseSubnetCannotBeDeleted")
    );
    let network = net.subnet.rsplit_once("/subnets").unwrap().0;
    let without = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": []}});
    assert_eq!(
        azure.put(network, without).await.code(),
        "InUseSubnetCannotBeDeleted"
    );
    assert_eq!(
        azure.delete(network).await.code(),
        "InUseSubnetCannotBeDeleted"
    );
    let narrower = json!({"properties": {"addressPrefix": "10.0.0.0/25"}});
    assert_eq!(
        azure.put(&net.subnet, narrower).await.code(),
        "InUsePrefixCannotBeDeleted"
    );

    let stale = [("if-match", "W/\"00000000-0000-0000-0000-000000000000\"")];
    for (path, body) in [
        (&pe, net.body(AUTOMATIC, &registry)),
        (
            &net.subnet,
            json!({"properties": {"addressPrefix": "10.0.0.0/24"}}),
        ),
    ] {
        let refused = azure
            .send_with("PUT", path, Some(body.clone()), &stale)
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (412, "PreconditionFailed")
        );
        let etag = azure.get(path).await.header("etag").to_owned();
        let fresh = [("if-match", etag.as_str())];
        let taken = azure.send_with("PUT", path, Some(body), &fresh).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        azure.finish(&taken).await;
    }

    let gone = azure.delete(&pe).await;
    assert_eq!(gone.status, 202);
    azure.finish(&gone).await;
    assert_eq!(azure.get(&interface).await.status, 404);
    let registry = azure.get(&registry).await.body;
    assert_eq!(
        registry["properties"]["privateEndpointConnections"],
        json!([])
    );
    assert_eq!(azure.delete(&net.subnet).await.status, 202);
}

#[tokio::test]
async fn a_manual_connection_waits_for_its_approval_and_ends_with_its_target() {
    let azure = Azure::start().await;
    let net = Net::new(&azure, "10.0.0.0/24").await;
    let registry = azure.registry(&net.group, "abcde").await;
    let pe = net.endpoint("pe");
    let state = |body: &Value| {
        body["properties"][MANUAL][0]["properties"]["privateLinkServiceConnectionState"]["status"]
            .clone()
    };
    let made = azure.made(&pe, net.body(MANUAL, &registry)).await;
    assert_eq!(state(&made), "Pending");
    assert_eq!(made["properties"]["customDnsConfigs"], json!([]));
    let listed = azure
        .get(&format!("{registry}/privateEndpointConnections"))
        .await
        .body;
    let connection = listed["value"][0]["id"].as_str().unwrap().to_owned();
    let approve = json!({"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "fine"}}});
    azure.finish(&azure.put(&connection, approve).await).await;
    let read = azure.get(&pe).await.body;
    assert_eq!(state(&read), "Approved");
    assert_eq!(
        read["properties"]["customDnsConfigs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    azure.finish(&azure.delete(&connection).await).await;
    assert_eq!(state(&azure.get(&pe).await.body), "Disconnected");
}

#[tokio::test]
async fn a_zone_group_keeps_the_names_in_a_private_zone() {
    let azure = Azure::start().await;
    let net = Net::new(&azure, "10.0.0.0/24").await;
    let registry = azure.registry(&net.group, "abcde").await;
    let pe = net.endpoint("pe");
    azure.made(&pe, net.body(AUTOMATIC, &registry)).await;
    let zones = format!("{pe}/privateDnsZoneGroups/default");
    let body = json!({"properties": {"privateDnsZoneConfigs": [{"name": "acr", "properties": {"privateDnsZoneId": net.zone()}}]}});
    assert_eq!(
        azure.put(&zones, body.clone()).await.code(),
        "InvalidResourceReference"
    );
    azure.made(&net.zone(), json!({"location": "global"})).await;
    let group = azure.made(&zones, body).await;
    let records = &group["properties"]["privateDnsZoneConfigs"][0]["properties"]["recordSets"];
    assert_eq!(records[1]["fqdn"], "abcde.privatelink.azurecr.io");
    let record = format!("{}/A/abcde", net.zone());
    let address = azure.get(&record).await.body;
    assert_eq!(
        address["properties"]["aRecords"],
        json!([{"ipv4Address": "10.0.0.5"}])
    );
    assert_eq!(
        azure.get(&pe).await.body["properties"]["customDnsConfigs"],
        json!([])
    );
    assert_eq!(
        azure.get(&net.zone()).await.body["properties"]["numberOfRecordSets"],
        3
    );
    azure.finish(&azure.delete(&pe).await).await;
    assert_eq!(azure.get(&record).await.code(), "NotFound");
    assert_eq!(
        azure.get(&net.zone()).await.body["properties"]["numberOfRecordSets"],
        1
    );
}

#[tokio::test]
async fn what_an_endpoint_refers_to_must_fit() {
    let azure = Azure::start().await;
    let net = Net::new(&azure, "10.0.0.0/29").await;
    let registry = azure.registry(&net.group, "abcde").await;
    let pe = net.endpoint("pe");
    let mut lost = net.body(AUTOMATIC, &registry);
    lost["properties"]["subnet"]["id"] = json!(format!("{}x", net.subnet));
    let mut far = net.body(AUTOMATIC, &registry);
    far["location"] = json!("westus2");
    let absent = net.body(AUTOMATIC, &registry_id(&net.group, "fghij"));
    for body in [lost, far, absent] {
        assert_eq!(
            azure.put(&pe, body).await.code(),
            "InvalidResourceReference"
        );
    }
    let mut wrong = net.body(AUTOMATIC, &registry);
    wrong["properties"][AUTOMATIC][0]["properties"]["groupIds"] = json!(["vault"]);
    assert_eq!(azure.put(&pe, wrong).await.status, 400);
    let basic = registry_id(&net.group, "basic1");
    let sku = json!({"location": "eastus2", "sku": {"name": "Basic"}});
    azure.finish(&azure.put(&basic, sku).await).await;
    assert_eq!(
        azure.put(&pe, net.body(AUTOMATIC, &basic)).await.status,
        400
    );
    for (address, code) in [
        ("10.0.0.1", "PrivateIPAddressInReservedRange"),
        ("10.0.1.4", "PrivateIPAddressNotInSubnet"),
    ] {
        let mut chosen = net.body(AUTOMATIC, &registry);
        chosen["properties"]["ipConfigurations"] = json!([{"name": "i", "properties": {"groupId": "registry", "memberName": "registry", "privateIPAddress": address}}]);
        assert_eq!(azure.put(&pe, chosen).await.code(), code);
    }
    azure.made(&pe, net.body(AUTOMATIC, &registry)).await;
    let full = azure
        .put(&net.endpoint("more"), net.body(AUTOMATIC, &registry))
        .await;
    assert_eq!(full.code(), "SubnetIsFull");
}

#[tokio::test]
async fn what_requests_lean_on_can_be_taken_for_existing() {
    let azure = Azure::with(Settings {
        open_info: true,
        assume_existing: true,
        ..Settings::default()
    })
    .await;
    let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/before");
    let absent = registry_id(&group, "abcde");
    assert_eq!(azure.get(&absent).await.code(), "ResourceNotFound");
    assert_eq!(azure.get(&group).await.code(), "ResourceGroupNotFound");
    let net = Net::lay(&azure, group, "10.0.0.0/24").await;
    let group = azure.get(&net.group).await;
    assert_eq!(
        (group.status, &group.body["location"]),
        (200, &json!("eastus2"))
    );
    let pe = net.endpoint("pe");
    let mut lost = net.body(AUTOMATIC, &absent);
    lost["properties"]["subnet"]["id"] = json!(format!("{}x", net.subnet));
    assert_eq!(
        azure.put(&pe, lost).await.code(),
        "InvalidResourceReference"
    );
    azure.made(&pe, net.body(AUTOMATIC, &absent)).await;
}

#[tokio::test]
async fn an_endpoint_waits_until_its_subnet_is_settled() {
    let azure = Azure::start().await;
    let net = Net::new(&azure, "10.0.0.0/24").await;
    let registry = azure.registry(&net.group, "abcde").await;
    let open = json!({"properties": {"addressPrefix": "10.0.0.0/24", "privateEndpointNetworkPolicies": "Enabled"}});
    azure.put(&net.subnet, open).await;
    let busy = azure
        .put(&net.endpoint("pe"), net.body(AUTOMATIC, &registry))
        .await;
    assert_eq!((busy.status, busy.code()), (429, "RetryableError"));
    assert_eq!(
        busy.body["error"]["details"][0]["code"],
        "ReferencedResourceNotProvisioned"
    );
    let again = azure
        .put(&net.endpoint("pe"), net.body(AUTOMATIC, &registry))
        .await;
    assert_eq!(again.status, 201);
}

#[tokio::test]
async fn a_group_takes_its_endpoints_ends_along() {
    let azure = Azure::start().await;
    let net = Net::new(&azure, "10.0.0.0/24").await;
    let home = azure.group("home").await;
    let registry = azure.registry(&home, "abcde").await;
    azure
        .made(&net.endpoint("pe"), net.body(AUTOMATIC, &registry))
        .await;
    azure.finish(&azure.delete(&net.group).await).await;
    let registry = azure.get(&registry).await.body;
    assert_eq!(
        registry["properties"]["privateEndpointConnections"],
        json!([])
    );
}

//! Virtual networks, their subnets and security groups.

use super::client::Azure;
use serde_json::{Value, json};

const SPACE: &str = "10.0.0.0/16";

fn network(group: &str, name: &str) -> String {
    format!("{group}/providers/Microsoft.Network/virtualNetworks/{name}?api-version=2024-01-01")
}

fn subnet(network: &str, name: &str) -> String {
    network.replace('?', &format!("/subnets/{name}?"))
}

fn body(subnets: Value) -> Value {
    json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": [SPACE]}, "subnets": subnets}})
}

fn range(prefix: &str) -> Value {
    json!({"properties": {"addressPrefix": prefix}})
}

#[tokio::test]
async fn a_network_and_its_subnets_share_an_etag_that_always_changes() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let net = network(&group, "net");
    let part = json!([{"name": "one", "properties": {"addressPrefix": "10.0.0.0/24"}}]);
    let made = azure.put(&net, body(part)).await;
    assert_eq!((made.status, made.state()), (201, "Updating"));
    assert_eq!(made.header("retry-after"), "0");
    assert_eq!(
        made.body["properties"]["subnets"][0]["properties"]["provisioningState"],
        "Updating"
    );
    assert!(made.body.get("tags").is_none());
    assert_eq!(
        azure.finish(&made).await.body,
        json!({"status": "Succeeded"})
    );
    let read = azure.get(&net).await;
    assert_eq!(read.header("etag"), read.body["etag"].as_str().unwrap());
    assert_eq!(
        read.body["properties"]["subnets"][0]["etag"],
        read.body["etag"]
    );
    let mut seen = vec![made.body["etag"].clone(), read.body["etag"].clone()];
    let stale = [("if-match", seen[0].as_str().expect("an etag"))];
    let late = azure
        .send_with("PUT", &net, Some(body(json!([]))), &stale)
        .await;
    assert_eq!((late.status, late.code()), (412, "PreconditionFailed"));
    let details = late.body["error"]["details"][0]["message"].as_str();
    assert!(details.unwrap().contains("does not match etag"), "{late:?}");
    let two = subnet(&net, "two");
    let stands = azure.made(&two, range("10.0.1.0/24")).await;
    seen.push(stands["etag"].clone());
    let same = azure.put(&two, range("10.0.1.0/24")).await;
    assert_eq!((same.status, same.state()), (200, "Succeeded"));
    assert_eq!(same.body["etag"], stands["etag"], "nothing changed");
    azure.finish(&same).await;
    let gone = azure.delete(&two).await;
    assert_eq!(gone.status, 202);
    azure.finish(&gone).await;
    let result = azure.send("GET", gone.header("location"), None).await;
    assert_eq!((result.status, &result.body), (204, &Value::Null));
    seen.push(azure.get(&net).await.body["etag"].clone());
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 4);
    let missing = azure.get(&two).await;
    assert_eq!((missing.status, missing.code()), (404, "NotFound"));
    assert_eq!(missing.body["error"]["details"], json!([]));
    assert_eq!(azure.delete(&two).await.status, 204);
}

#[tokio::test]
async fn ranges_must_be_clean_inside_and_apart() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let net = network(&group, "net");
    for (prefixes, code) in [
        (json!(["10.0.0.0"]), "InvalidAddressPrefixFormat"),
        (json!(["10.0.0.1/16"]), "InvalidCIDRNotation"),
        (
            json!([SPACE, "10.0.4.0/24"]),
            "NetcfgInvalidVirtualNetworkSite",
        ),
        (json!([]), "InvalidRequestFormat"),
    ] {
        let wrong = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": prefixes}}});
        let reply = azure.put(&net, wrong).await;
        assert_eq!((reply.status, reply.code()), (400, code));
    }
    let two = |second: &str| {
        json!([
            {"name": "one", "properties": {"addressPrefix": "10.0.0.0/24"}},
            {"name": "two", "properties": {"addressPrefix": second}},
        ])
    };
    let reply = azure.put(&net, body(two("10.0.0.128/25"))).await;
    assert_eq!(reply.code(), "NetcfgSubnetRangesOverlap");
    azure.made(&net, body(two("10.0.1.0/24"))).await;
    for (prefix, code) in [
        ("10.0.0.0/25", "NetcfgSubnetRangesOverlap"),
        ("10.1.0.0/24", "NetcfgInvalidSubnet"),
        ("10.0.9.0/30", "NetcfgInvalidSubnet"),
        ("10.0.4.0/24--no-wait", "InvalidAddressPrefixFormat"),
    ] {
        let reply = azure.put(&subnet(&net, "three"), range(prefix)).await;
        assert_eq!((reply.status, reply.code()), (400, code), "{prefix}");
    }
    let strange = json!({"properties": {"addressPrefix": "10.0.3.0/24", "colour": "red"}});
    let reply = azure.put(&subnet(&net, "three"), strange).await;
    assert_eq!(reply.code(), "InvalidRequestFormat");
    assert!(
        reply.body["error"]["details"][0]["message"]
            .as_str()
            .unwrap()
            .contains("'colour'")
    );
    let smaller = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/24"]}}});
    assert_eq!(azure.put(&net, smaller).await.code(), "NetcfgInvalidSubnet");
}

#[tokio::test]
async fn a_put_of_the_network_replaces_its_subnets_only_if_it_names_them() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let net = network(&group, "net");
    let part = json!([{"name": "one", "properties": {"addressPrefix": "10.0.0.0/24"}}]);
    azure.made(&net, body(part)).await;
    let silent = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": [SPACE]}}});
    let kept = azure.made(&net, silent).await;
    assert_eq!(kept["properties"]["subnets"][0]["name"], "one");
    let other = json!([{"name": "two", "properties": {"addressPrefix": "10.0.0.0/25"}}]);
    let replaced = azure.made(&net, body(other)).await;
    assert_eq!(replaced["properties"]["subnets"][0]["name"], "two");
    assert_eq!(azure.get(&subnet(&net, "one")).await.code(), "NotFound");
    let tagged = azure.patch(&net, json!({"tags": {"a": "b"}})).await;
    assert_eq!((tagged.status, tagged.state()), (200, "Succeeded"));
    assert_eq!(tagged.body["properties"]["subnets"][0]["name"], "two");
}

#[tokio::test]
async fn writes_on_one_network_take_turns() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let (net, other) = (network(&group, "net"), network(&group, "other"));
    azure.made(&net, body(json!([]))).await;
    let first = azure.put(&subnet(&net, "one"), range("10.0.0.0/24")).await;
    assert_eq!(first.status, 201);
    let second = azure.put(&subnet(&net, "two"), range("10.0.1.0/24")).await;
    assert_eq!(
        (second.status, second.code()),
        (409, "AnotherOperationInProgress")
    );
    assert!(
        second.message().contains("/locations/eastus2/operations/"),
        "{}",
        second.message()
    );
    assert_eq!(azure.put(&other, body(json!([]))).await.status, 201);
    azure.finish(&first).await;
    let second = azure.put(&subnet(&net, "two"), range("10.0.1.0/24")).await;
    assert_eq!(second.status, 201);
    // Who only asks again gets through as well.
    assert_eq!(azure.put(&net, body(json!([]))).await.status, 409);
    assert_eq!(azure.put(&net, body(json!([]))).await.status, 200);
}

#[tokio::test]
async fn delegations_and_service_endpoints_tell_what_azure_adds() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let net = network(&group, "net");
    azure.made(&net, body(json!([]))).await;
    let sent = json!({"properties": {
        "addressPrefix": "10.0.0.0/24",
        "delegations": [{"name": "0", "properties": {"serviceName": "Microsoft.Web/serverFarms"}}],
        "serviceEndpoints": [{"service": "Microsoft.KeyVault"}],
    }});
    let one = azure.made(&subnet(&net, "one"), sent).await;
    let properties = &one["properties"];
    let actions = &properties["delegations"][0]["properties"]["actions"];
    assert_eq!(
        *actions,
        json!(["Microsoft.Network/virtualNetworks/subnets/action"])
    );
    assert_eq!(
        properties["serviceEndpoints"],
        json!([{"service": "Microsoft.KeyVault", "locations": ["*"], "provisioningState": "Succeeded"}])
    );
    assert_eq!(properties["privateEndpointNetworkPolicies"], "Disabled");
}

#[tokio::test]
async fn addresses_are_checked() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let net = network(&group, "net");
    let part = json!([{"name": "one", "properties": {"addressPrefix": "10.0.0.0/24"}}]);
    azure.made(&net, body(part)).await;
    let check =
        |ip: &str| net.replace('?', &format!("/CheckIPAddressAvailability?ipAddress={ip}&"));
    let free = azure.get(&check("10.0.0.50")).await;
    assert_eq!(
        free.body,
        json!({"available": true, "isPlatformReserved": false})
    );
    let reserved = azure.get(&check("10.0.0.0")).await;
    assert_eq!(reserved.body["isPlatformReserved"], true);
    assert_eq!(reserved.body["availableIPAddresses"][0], "10.0.0.4");
    let outside = azure.get(&check("10.1.0.4")).await;
    assert_eq!(outside.code(), "PrivateIPAddressNotInAnySubnet");
}

#[tokio::test]
async fn a_security_group_in_use_stays() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let nsg = format!("{group}/providers/Microsoft.Network/networkSecurityGroups/nsg");
    let made = azure.made(&nsg, json!({"location": "eastus2"})).await;
    assert_eq!(
        made["properties"]["defaultSecurityRules"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    let net = network(&group, "net");
    let part = json!([{"name": "one", "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": nsg}}}]);
    azure.made(&net, body(part)).await;
    let refused = azure.delete(&nsg).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    );
    azure.made(&net, body(json!([]))).await;
    assert_eq!(azure.delete(&nsg).await.status, 202);
}

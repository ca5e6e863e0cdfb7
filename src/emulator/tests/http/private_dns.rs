//! Private DNS zones, links and record sets.

use super::client::Azure;
use serde_json::{Value, json};

fn zone(group: &str, name: &str) -> String {
    format!("{group}/providers/Microsoft.Network/privateDnsZones/{name}")
}

fn global() -> Value {
    json!({"location": "global"})
}

async fn network(azure: &Azure, group: &str, name: &str) -> String {
    let id = format!("{group}/providers/Microsoft.Network/virtualNetworks/{name}");
    let body = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    azure.made(&id, body).await;
    id
}

fn link(network: &str, registers: bool) -> Value {
    json!({"location": "global", "properties": {"virtualNetwork": {"id": network}, "registrationEnabled": registers}})
}

#[tokio::test]
async fn writes_of_zones_tell_nothing_but_where_to_ask() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = zone(&group, "a.example");
    let regional = azure.put(&id, json!({"location": "eastus2"})).await;
    assert_eq!(regional.code(), "LocationNotAvailableForResourceType");
    let made = azure.put(&id, global()).await;
    assert_eq!((made.status, &made.body), (202, &json!({})));
    assert!(
        made.header("azure-asyncoperation")
            .contains("/privateDnsOperationStatuses/")
    );
    assert!(
        made.header("location")
            .contains("/privateDnsOperationResults/")
    );
    let early = azure
        .send("GET", made.header("azure-asyncoperation"), None)
        .await;
    assert_eq!(
        (early.status, &early.body),
        (202, &json!({"status": "InProgress"}))
    );
    assert!(
        early
            .header("location")
            .contains("/privateDnsOperationResults/")
    );
    assert_eq!(
        azure.finish(&made).await.body,
        json!({"status": "Succeeded"})
    );
    let read = azure.get(&id).await;
    assert_eq!(read.header("etag"), read.body["etag"].as_str().unwrap());
    assert_eq!(read.body["properties"]["numberOfRecordSets"], 1);
    let soa = azure.get(&format!("{id}/SOA/@")).await;
    assert_eq!(soa.body["properties"]["fqdn"], "a.example.");
    assert_eq!(azure.delete(&format!("{id}/SOA/@")).await.status, 400);
    let all = azure.get(&format!("{id}/ALL")).await;
    assert_eq!(all.body["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_fails_the_operation() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = zone(&group, "a.example");
    let before = azure.made(&id, global()).await;
    for (method, header) in [
        ("PUT", ("if-none-match", "*")),
        ("PATCH", ("if-match", "other")),
    ] {
        let body = json!({"location": "global", "tags": {"a": "b"}});
        let reply = azure.send_with(method, &id, Some(body), &[header]).await;
        assert_eq!(reply.status, 202);
        let end = azure.finish(&reply).await;
        assert_eq!(end.body["error"]["code"], "PreconditionFailed");
        assert_eq!(azure.get(&id).await.body, before, "nothing was written");
    }
    let etag = before["etag"].as_str().unwrap();
    let tags = json!({"tags": {"a": "b"}});
    let reply = azure
        .send_with("PATCH", &id, Some(tags), &[("if-match", etag)])
        .await;
    azure.finish(&reply).await;
    let after = azure.get(&id).await.body;
    assert_eq!(after["tags"], json!({"a": "b"}));
    assert_ne!(after["etag"], before["etag"]);
}

#[tokio::test]
async fn links_bind_networks_to_zones() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let (one, two) = (zone(&group, "one.example"), zone(&group, "two.example"));
    for id in [&one, &two] {
        azure.made(id, global()).await;
    }
    let net = network(&azure, &group, "net").await;
    let first = format!("{one}/virtualNetworkLinks/first");
    let nowhere = azure.put(&first, link(&format!("{net}x"), false)).await;
    assert_eq!((nowhere.status, nowhere.code()), (400, "BadRequest"));
    let made = azure.put(&first, link(&net, true)).await;
    assert_eq!((made.status, &made.body), (202, &json!({})));
    assert_eq!(
        azure.get(&first).await.body["properties"]["virtualNetworkLinkState"],
        "InProgress"
    );
    azure.finish(&made).await;
    let read = azure.get(&first).await;
    assert_eq!(
        read.body["properties"]["virtualNetworkLinkState"],
        "Completed"
    );
    assert!(read.header("etag").starts_with('"'));
    let counted = azure.get(&one).await.body;
    assert_eq!(
        counted["properties"]["numberOfVirtualNetworkLinksWithRegistration"],
        1
    );
    let twin = azure
        .put(
            &format!("{one}/virtualNetworkLinks/twin"),
            link(&net, false),
        )
        .await;
    assert_eq!(twin.code(), "BadRequest");
    let registering = azure
        .put(&format!("{two}/virtualNetworkLinks/l"), link(&net, true))
        .await;
    assert_eq!((registering.status, registering.code()), (409, "Conflict"));
    azure
        .made(&format!("{two}/virtualNetworkLinks/l"), link(&net, false))
        .await;
    let other = network(&azure, &group, "other").await;
    assert_eq!(azure.put(&first, link(&other, false)).await.status, 400);
    let blocked = azure.delete(&one).await;
    assert_eq!(
        (blocked.status, blocked.code()),
        (409, "CannotDeleteResource")
    );
    azure.finish(&azure.delete(&first).await).await;
    azure.finish(&azure.delete(&one).await).await;
    assert_eq!(azure.get(&one).await.code(), "ResourceNotFound");
}

#[tokio::test]
async fn record_sets_hold_to_their_etags() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = zone(&group, "a.example");
    let record = format!("{id}/A/www");
    let ttl = json!({"properties": {"ttl": 60}});
    assert_eq!(
        azure.put(&record, ttl.clone()).await.code(),
        "ParentResourceNotFound"
    );
    azure.made(&id, global()).await;
    let absent = azure.get(&record).await;
    assert_eq!(
        (absent.status, &absent.body["code"]),
        (404, &json!("NotFound"))
    );
    let new = [("if-none-match", "*")];
    let made = azure
        .send_with("PUT", &record, Some(ttl.clone()), &new)
        .await;
    assert_eq!(
        (made.status, &made.body["properties"]["aRecords"]),
        (201, &json!([]))
    );
    assert_eq!(made.header("etag"), made.body["etag"].as_str().unwrap());
    let again = azure
        .send_with("PUT", &record, Some(ttl.clone()), &new)
        .await;
    assert_eq!(again.status, 412);
    assert_eq!(
        again.body,
        json!({"code": "PreconditionFailed", "message": "The Record set www exists already and hence cannot be created again."})
    );
    let body = json!({"properties": {"aRecords": [{"ipv4Address": "10.0.0.1"}]}});
    let stale = azure
        .send_with("PUT", &record, Some(body.clone()), &[("if-match", "x")])
        .await;
    assert_eq!(
        stale.body["message"],
        "The Record set www has been modified (etag mismatch)."
    );
    let etag = made.header("etag");
    let written = azure
        .send_with("PUT", &record, Some(body), &[("if-match", etag)])
        .await;
    assert_eq!(written.status, 200);
    let wrong = json!({"properties": {"aRecords": [{"ipv4Address": "nowhere"}]}});
    assert_eq!(azure.put(&record, wrong).await.status, 400);
    let alias = json!({"properties": {"cnameRecord": {"cname": "b.example"}}});
    assert_eq!(
        azure.put(&format!("{id}/CNAME/www"), alias).await.status,
        400
    );
    let stale = azure
        .send_with("DELETE", &record, None, &[("if-match", etag)])
        .await;
    assert_eq!(stale.status, 412);
    assert_eq!(azure.delete(&record).await.status, 200);
    assert_eq!(azure.delete(&record).await.status, 204);
}

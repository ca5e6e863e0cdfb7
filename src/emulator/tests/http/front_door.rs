//! The checks before any provider sees a request, and the headers of every answer.

use super::client::{Azure, registry_id};
use onestream_emulator::DEFAULT_SUBSCRIPTION as S;
use serde_json::json;

#[tokio::test]
async fn checks_come_in_azures_order() {
    let azure = Azure::start().await;
    let group = format!("/subscriptions/{S}/resourceGroups/g");
    let other = "99999999-9999-4999-8999-999999999999";
    for (path, status, code) in [
        (
            format!("/subscriptions/{other}/resourceGroups/g"),
            404,
            "SubscriptionNotFound",
        ),
        (
            "/subscriptions/nonsense/resourceGroups/g".to_owned(),
            400,
            "InvalidSubscriptionId",
        ),
        (group.clone(), 400, "MissingApiVersionParameter"),
        (
            format!("{group}?api-version=soon"),
            400,
            "InvalidApiVersionParameter",
        ),
        (
            format!("{group}?api-version=2021-04-01"),
            404,
            "ResourceGroupNotFound",
        ),
        (
            format!("{}?api-version=2023-07-01", registry_id(&group, "abcde")),
            404,
            "ResourceGroupNotFound",
        ),
        (
            format!("{group}/providers/Microsoft.Foo/bars/b?api-version=2023-07-01"),
            404,
            "InvalidResourceNamespace",
        ),
        (
            format!("{group}/providers/Microsoft.ContainerRegistry/foos/f?api-version=2023-07-01"),
            404,
            "InvalidResourceType",
        ),
    ] {
        let reply = azure.send("GET", &path, None).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{path}");
        assert_eq!(reply.header("x-ms-failure-cause"), "gateway", "{path}");
    }
}

#[tokio::test]
async fn what_is_absent_is_named_as_the_caller_named_it() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let path = format!("{group}/providers/microsoft.containerregistry/Registries/absent");
    let reply = azure.get(&path).await;
    assert_eq!((reply.status, reply.code()), (404, "ResourceNotFound"));
    assert!(reply.message().starts_with("The Resource 'microsoft.containerregistry/Registries/absent' under resource group 'g' was not found."), "{}", reply.message());
    let child = format!("{}/replications/westus2", registry_id(&group, "absent"));
    let reply = azure.put(&child, json!({"location": "westus2"})).await;
    assert_eq!(
        (reply.status, reply.code()),
        (404, "ParentResourceNotFound")
    );
}

#[tokio::test]
async fn every_answer_carries_azures_headers() {
    let azure = Azure::start().await;
    let reply = azure.get("/subscriptions").await;
    for name in [
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "x-ms-ratelimit-remaining-subscription-reads",
        "date",
    ] {
        assert!(!reply.header(name).is_empty(), "{name}");
    }
    assert_eq!(
        reply.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert_eq!(reply.body["value"][0]["subscriptionId"], S);
    assert_eq!(reply.body["value"][0]["state"], "Enabled");
}

#[tokio::test]
async fn providers_can_be_left_and_joined() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let provider = format!("/subscriptions/{S}/providers/Microsoft.ContainerRegistry");
    let shown = azure.get(&provider).await;
    assert_eq!(shown.body["registrationState"], "Registered");
    azure
        .post(&format!("{provider}/unregister"), json!({}))
        .await;
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}});
    let reply = azure.put(&registry_id(&group, "abcde"), body.clone()).await;
    assert_eq!(
        (reply.status, reply.code()),
        (409, "MissingSubscriptionRegistration")
    );
    azure.post(&format!("{provider}/register"), json!({})).await;
    let reply = azure.put(&registry_id(&group, "abcde"), body).await;
    assert_eq!(reply.status, 201);
    let reply = azure
        .post(&format!("{provider}/unregister"), json!({}))
        .await;
    assert_eq!(reply.status, 409);
}

#[tokio::test]
async fn bodies_are_read_as_arm_reads_them() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = registry_id(&group, "abcde");
    for (body, code) in [
        (json!({"sku": {"name": "Basic"}}), "LocationRequired"),
        (
            json!({"location": "moon", "sku": {"name": "Basic"}}),
            "LocationNotAvailableForResourceType",
        ),
        (
            json!({"location": "eastus2", "sku": {"name": "Basic"}, "colour": 1}),
            "InvalidRequestContent",
        ),
        (json!([]), "InvalidRequestContent"),
        (
            json!({"location": "eastus2", "sku": {"name": "Basic"}, "tags": {"a": {}}}),
            "InvalidRequestContent",
        ),
    ] {
        let reply = azure.put(&registry, body.clone()).await;
        assert_eq!((reply.status, reply.code()), (400, code), "{body}");
    }
    assert_eq!(azure.get(&registry).await.status, 404);
}

//! Replications of a registry.

use super::client::Azure;
use serde_json::{Value, json};

fn regions(list: &Value) -> Vec<&str> {
    let value = list["value"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    value
        .iter()
        .filter_map(|one| one["location"].as_str())
        .collect()
}

#[tokio::test]
async fn the_first_replication_brings_the_home_region_along() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let all = format!("{registry}/replications");
    assert_eq!(regions(&azure.get(&all).await.body), Vec::<&str>::new());
    let replica = format!("{all}/west");
    let reply = azure.put(&replica, json!({"location": "westus2"})).await;
    assert_eq!(reply.status, 400, "names have five letters: {reply:?}");
    let replica = format!("{all}/westus2");
    let made = azure.put(&replica, json!({"location": "westus2"})).await;
    assert_eq!((made.status, made.state()), (201, "Creating"));
    assert!(
        made.body["properties"]["status"]
            .get("displayStatus")
            .is_none()
    );
    assert!(
        made.header("azure-asyncoperation")
            .contains("/westus2/operationStatuses/replications-")
    );
    azure.finish(&made).await;
    let shown = azure.get(&replica).await;
    assert_eq!(shown.body["properties"]["status"]["displayStatus"], "Ready");
    assert_eq!(regions(&azure.get(&all).await.body), ["eastus2", "westus2"]);
    for (name, location) in [("another", "westus2"), ("another", "eastus2")] {
        let reply = azure
            .put(&format!("{all}/{name}"), json!({"location": location}))
            .await;
        assert_eq!(reply.status, 409, "{location}");
    }
    assert_eq!(azure.delete(&format!("{all}/eastus2")).await.status, 400);
}

#[tokio::test]
async fn deletions_take_time_once_a_registry_was_replicated() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let replica = format!("{registry}/replications/westus2");
    let made = azure.put(&replica, json!({"location": "westus2"})).await;
    azure.finish(&made).await;
    let patched = azure
        .patch(
            &replica,
            json!({"properties": {"regionEndpointEnabled": false}}),
        )
        .await;
    assert_eq!((patched.status, patched.state()), (201, "Updating"));
    azure.finish(&patched).await;
    let downgrade = azure
        .patch(&registry, json!({"sku": {"name": "Basic"}}))
        .await;
    assert_eq!(downgrade.status, 409);
    let going = azure.delete(&replica).await;
    assert_eq!(going.status, 202);
    assert!(
        going
            .header("location")
            .contains("/locations/westus2/operationResults/replications-")
    );
    let twice = azure.delete(&replica).await;
    let path = |reply: &str| reply.split('?').next().unwrap_or_default().to_owned();
    assert_eq!(
        path(twice.header("location")),
        path(going.header("location"))
    );
    assert_eq!(azure.finish(&going).await.status, 200);
    assert_eq!(azure.get(&replica).await.code(), "ResourceNotFound");
    let going = azure.delete(&registry).await;
    assert_eq!((going.status, going.state()), (202, "Deleting"));
    azure.finish(&going).await;
    assert_eq!(azure.get(&registry).await.status, 404);
}

//! Operations in the course of time.

use super::client::{Azure, registry_id};
use onestream_emulator::{Pace, Settings};
use serde_json::json;

async fn paced(pace: Pace) -> Azure {
    Azure::with(Settings {
        open_info: true,
        pace,
        ..Settings::default()
    })
    .await
}

fn body() -> serde_json::Value {
    json!({"location": "eastus2", "sku": {"name": "Premium"}})
}

#[tokio::test]
async fn a_client_that_only_reads_sees_the_end_too() {
    let azure = paced(Pace::Quick).await;
    let group = azure.group("g").await;
    let registry = registry_id(&group, "abcde");
    azure.put(&registry, body()).await;
    assert_eq!(azure.get(&registry).await.state(), "Creating");
    assert_eq!(azure.get(&registry).await.state(), "Succeeded");
    let all = format!("{group}/providers/Microsoft.ContainerRegistry/registries");
    azure.put(&registry, body()).await;
    azure.get(&all).await;
    let list = azure.get(&all).await;
    assert_eq!(
        list.body["value"][0]["properties"]["provisioningState"],
        "Succeeded"
    );
}

#[tokio::test]
async fn the_first_poll_is_early_the_second_is_not() {
    let azure = paced(Pace::Quick).await;
    let group = azure.group("g").await;
    let made = azure.put(&registry_id(&group, "abcde"), body()).await;
    let address = made.header("azure-asyncoperation");
    for part in ["api-version=2023-07-01", "&t=", "&c=", "&s=", "&h="] {
        assert!(address.contains(part), "{part}");
    }
    let first = azure.send("GET", address, None).await;
    assert_eq!(first.body, json!({"status": "Creating"}));
    assert!(!first.header("azure-asyncoperation").is_empty());
    let second = azure.send("GET", address, None).await;
    assert_eq!(second.body, json!({"status": "Succeeded"}));
    let unknown = format!(
        "{}/operationStatuses/registries-none",
        registry_id(&group, "abcde")
    );
    assert_eq!(azure.get(&unknown).await.status, 404);
}

#[tokio::test]
async fn instant_and_realistic_paces() {
    let azure = paced(Pace::Instant).await;
    let group = azure.group("g").await;
    let made = azure.put(&registry_id(&group, "abcde"), body()).await;
    let poll = azure
        .send("GET", made.header("azure-asyncoperation"), None)
        .await;
    assert_eq!(poll.body["status"], "Succeeded");

    let azure = paced(Pace::Realistic).await;
    let group = azure.group("g").await;
    let made = azure.put(&registry_id(&group, "abcde"), body()).await;
    assert_eq!(made.header("retry-after"), "10");
    for _ in 0..3 {
        let poll = azure
            .send("GET", made.header("azure-asyncoperation"), None)
            .await;
        assert_eq!(poll.body["status"], "Creating");
    }
    azure
        .control("POST", "clock", json!({"advance_seconds": 11}))
        .await;
    let poll = azure
        .send("GET", made.header("azure-asyncoperation"), None)
        .await;
    assert_eq!(poll.body["status"], "Succeeded");
}

#[tokio::test]
async fn reading_one_object_does_not_hurry_another() {
    let azure = paced(Pace::Quick).await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let replica = format!("{registry}/replications/westus2");
    let made = azure.put(&replica, json!({"location": "westus2"})).await;
    for other in [&group, &registry, &group, &registry] {
        assert_eq!(azure.get(other).await.status, 200);
    }
    let poll = azure
        .send("GET", made.header("azure-asyncoperation"), None)
        .await;
    assert_eq!(poll.body["status"], "Creating");
}

#[tokio::test]
async fn an_import_that_nobody_polls_ends_too() {
    let azure = paced(Pace::Quick).await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let order = json!({"source": {"registryUri": "docker.io", "sourceImage": "a:1"}});
    let import = format!("{registry}/importImage");
    assert_eq!(azure.post(&import, order).await.status, 202);
    azure.get(&registry).await;
    azure.get(&registry).await;
    let usages = azure.get(&format!("{registry}/listUsages")).await;
    assert_ne!(usages.body["value"][0]["currentValue"], 0);
}

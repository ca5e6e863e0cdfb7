//! Imports of images.

use super::client::Azure;
use serde_json::{Value, json};

async fn import(azure: &Azure, registry: &str, body: Value) -> super::client::Reply {
    azure.post(&format!("{registry}/importImage"), body).await
}

#[tokio::test]
async fn an_image_wanders_from_registry_to_registry() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let (dev, prod) = (
        azure.registry(&group, "devreg").await,
        azure.registry(&group, "prodreg").await,
    );
    let outside = json!({"source": {"registryUri": "docker.io", "sourceImage": "library/busybox:1"}, "targetTags": ["app:1"]});
    let reply = import(&azure, &dev, outside.clone()).await;
    assert_eq!((reply.status, reply.body.clone()), (202, Value::Null));
    assert!(
        reply
            .header("location")
            .contains("/locations/EASTUS2/operationResults/registries-")
    );
    assert_eq!(
        azure.finish(&reply).await.body,
        json!({"status": "Succeeded"})
    );
    let twice = import(&azure, &dev, outside.clone()).await;
    assert_eq!((twice.status, twice.code()), (409, "Conflict"));
    let mut forced = outside;
    forced["mode"] = json!("Force");
    assert_eq!(import(&azure, &dev, forced).await.status, 202);
    let inside = |image: &str| json!({"source": {"resourceId": dev, "sourceImage": image}, "targetTags": ["app:1"]});
    let reply = import(&azure, &prod, inside("app:1")).await;
    assert_eq!(azure.finish(&reply).await.status, 200);
    let usages = azure.get(&format!("{prod}/listUsages")).await;
    assert_ne!(usages.body["value"][0]["currentValue"], 0);
}

#[tokio::test]
async fn an_image_that_is_not_there_fails_on_the_way() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let dev = azure.registry(&group, "devreg").await;
    let body =
        json!({"source": {"resourceId": dev, "sourceImage": "absent:1"}, "targetTags": ["app:1"]});
    let reply = import(&azure, &dev, body).await;
    assert_eq!(reply.status, 202);
    let end = azure.finish(&reply).await;
    assert_eq!((end.status, end.code()), (400, "InvalidParameters"));
    assert!(end.message().contains(&dev));
    for bad in [
        json!({"source": {"sourceImage": "a:1"}}),
        json!({"source": {"registryUri": "docker.io"}}),
        json!({"source": {"registryUri": "docker.io", "sourceImage": "A:1"}}),
    ] {
        assert_eq!(import(&azure, &dev, bad).await.code(), "InvalidParameters");
    }
}

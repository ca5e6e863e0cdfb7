//! Imports: what they copy, what they leave, and whom they refuse.

use super::client::{ACR_PULL, ARM, As, Azure, INDEX, OCI, Reply, descriptor};
use onestream_emulator::DEFAULT_SUBSCRIPTION;
use serde_json::{Value, json};

const ALL: &str = "repository:app:*";

async fn import(azure: &Azure, target: &str, body: Value) -> Reply {
    azure
        .arm("POST", &format!("{target}/importImage"), body)
        .await
}

async fn imported(azure: &Azure, target: &str, body: Value) -> Reply {
    let begun = import(azure, target, body).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    azure.finish(&begun).await
}

#[tokio::test]
async fn an_index_comes_with_its_images_and_without_its_referrers() {
    let azure = Azure::start().await;
    let dev = azure.registry("devreg", json!({})).await;
    let prod = azure.registry("prodreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    let me = As::Bearer(&token);
    let image = azure.image("devreg", me, "app", "arm").await;
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": OCI, "digest": image, "size": 1}]});
    let index = azure.manifest("devreg", me, "app", "1", &index).await;
    azure.blob("devreg", me, "app", b"{}").await;
    let signature = json!({
        "schemaVersion": 2, "mediaType": OCI, "artifactType": "application/x.signature",
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"), "layers": [],
        "subject": {"mediaType": INDEX, "digest": index, "size": 1},
    });
    let signature = azure.manifest("devreg", me, "app", "@", &signature).await;
    let done = imported(
        &azure,
        &prod,
        json!({
            "source": {"resourceId": dev, "sourceImage": format!("app@{index}")},
            "targetTags": ["app:1"],
        }),
    )
    .await;
    assert_eq!(done.body["status"], "Succeeded");
    let token = azure.owned("prodreg", ALL).await;
    let there = As::Bearer(&token);
    let got = azure.acr_get("prodreg", there, "/v2/app/manifests/1").await;
    assert_eq!(got.header("docker-content-digest"), index);
    let child = azure
        .acr_get("prodreg", there, &format!("/v2/app/manifests/{image}"))
        .await;
    let layer = child.body["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let layer = azure
        .acr_get("prodreg", there, &format!("/v2/app/blobs/{layer}"))
        .await;
    assert_eq!(layer.text, "arm");
    let tags = azure.acr_get("prodreg", there, "/v2/app/tags/list").await;
    assert_eq!(tags.body["tags"], json!(["1"]));
    let referrers = format!("/v2/app/referrers/{index}");
    let left = azure.acr_get("prodreg", there, &referrers).await;
    assert_eq!(left.body["manifests"], json!([]));
    imported(
        &azure,
        &prod,
        json!({
            "source": {"resourceId": dev, "sourceImage": format!("app@{signature}")},
            "untaggedTargetRepositories": ["app"],
            "mode": "Force",
        }),
    )
    .await;
    let now = azure.acr_get("prodreg", there, &referrers).await;
    assert_eq!(now.body["manifests"][0]["digest"], signature);
}

#[tokio::test]
async fn an_existing_tag_needs_force_and_a_locked_one_stays() {
    let azure = Azure::start().await;
    let dev = azure.registry("devreg", json!({})).await;
    let prod = azure.registry("prodreg", json!({})).await;
    let (token, there) = (
        azure.owned("devreg", ALL).await,
        azure.owned("prodreg", ALL).await,
    );
    azure.image("devreg", As::Bearer(&token), "app", "1").await;
    let order = |mode: &str| json!({"source": {"resourceId": dev, "sourceImage": "app:1"}, "targetTags": ["app:1"], "mode": mode});
    imported(&azure, &prod, order("NoForce")).await;
    let twice = import(&azure, &prod, order("NoForce")).await;
    assert_eq!((twice.status, twice.code()), (409, "Conflict"));
    assert!(
        twice
            .text
            .contains("Tag app:1 already exists in target registry.")
    );
    assert_eq!(imported(&azure, &prod, order("Force")).await.status, 200);
    let lock = json!({"writeEnabled": false}).to_string();
    let path = "/acr/v1/app/_tags/1";
    azure
        .acr("prodreg", As::Bearer(&there), "PATCH", path, lock, &[])
        .await;
    let locked = imported(&azure, &prod, order("Force")).await;
    assert_eq!((locked.status, locked.code()), (400, "InvalidParameters"));
}

#[tokio::test]
async fn who_may_not_pull_from_the_source_does_not_import_from_it() {
    let azure = Azure::start().await;
    let dev = azure.registry("devreg", json!({})).await;
    let prod = azure.registry("prodreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    azure.image("devreg", As::Bearer(&token), "app", "1").await;
    let role = "aaaaaaaa-0000-4000-8000-000000000001";
    let subscription = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}");
    let path = format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let actions = json!(["importImage/action", "read", "pull/read"])
        .as_array()
        .unwrap()
        .iter()
        .map(|action| {
            format!(
                "Microsoft.ContainerRegistry/registries/{}",
                action.as_str().unwrap()
            )
        })
        .collect::<Vec<_>>();
    let body = json!({"properties": {
        "roleName": "importer", "permissions": [{"actions": actions}], "assignableScopes": [subscription],
    }});
    assert_eq!(azure.arm("PUT", &path, body).await.status, 201);
    let (client, object, secret) = azure.client("engine").await;
    azure.assign(&prod, role, &object).await;
    let engine = azure.token(&client, &secret, ARM).await;
    let order =
        json!({"source": {"resourceId": dev, "sourceImage": "app:1"}, "targetTags": ["app:1"]});
    let path = format!("{prod}/importImage");
    let refused = azure.arm_as(&engine, "POST", &path, order.clone()).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "LinkedAuthorizationFailed")
    );
    assert!(
        refused
            .text
            .contains("Microsoft.ContainerRegistry/registries/pull/read")
    );
    azure.assign(&dev, ACR_PULL, &object).await;
    let begun = azure.arm_as(&engine, "POST", &path, order).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    assert_eq!(azure.finish(&begun).await.status, 200);
}

#[tokio::test]
async fn a_source_named_by_address_takes_credentials_or_everybody() {
    let azure = Azure::start().await;
    let dev = azure
        .registry("devreg", json!({"adminUserEnabled": true}))
        .await;
    let prod = azure.registry("prodreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    azure.image("devreg", As::Bearer(&token), "app", "1").await;
    let order = |credentials: Value| {
        json!({
            "source": {"registryUri": "devreg.azurecr.io", "sourceImage": "app:1", "credentials": credentials},
            "targetTags": ["app:1"], "mode": "Force",
        })
    };
    let denied = imported(&azure, &prod, order(Value::Null)).await;
    assert_eq!(denied.status, 400);
    assert!(denied.text.contains("UNAUTHORIZED"));
    let wrong = json!({"username": "devreg", "password": "x"});
    assert_eq!(imported(&azure, &prod, order(wrong)).await.status, 400);
    let path = format!("{dev}/listCredentials");
    let known = azure.arm("POST", &path, Value::Null).await.body;
    let right = json!({"username": "devreg", "password": known["passwords"][0]["value"]});
    assert_eq!(imported(&azure, &prod, order(right)).await.status, 200);
    let entra = json!({"password": azure.arm});
    assert_eq!(imported(&azure, &prod, order(entra)).await.status, 200);
    let open = json!({"properties": {"anonymousPullEnabled": true}});
    azure.finish(&azure.arm("PATCH", &dev, open).await).await;
    assert_eq!(
        imported(&azure, &prod, order(Value::Null)).await.status,
        200
    );
}

#[tokio::test]
async fn an_image_of_the_world_outside_can_be_pulled() {
    let azure = Azure::start().await;
    let prod = azure.registry("prodreg", json!({})).await;
    let source = json!({"registryUri": "docker.io", "sourceImage": "library/busybox:1"});
    let done = imported(
        &azure,
        &prod,
        json!({"source": source, "targetTags": ["app:1"]}),
    )
    .await;
    assert_eq!(done.status, 200);
    let token = azure.owned("prodreg", ALL).await;
    let me = As::Bearer(&token);
    let got = azure.acr_get("prodreg", me, "/v2/app/manifests/1").await;
    let config = got.body["config"]["digest"].as_str().unwrap().to_owned();
    let config = azure
        .acr_get("prodreg", me, &format!("/v2/app/blobs/{config}"))
        .await;
    assert_eq!(config.body["os"], "linux");
}

//! What refers to an image: signatures and attestations.

use super::client::{As, Azure, OCI, descriptor, digest_of};
use serde_json::{Value, json};

const SIGNATURE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const REPORT: &str = "application/vnd.example.report+json";

fn referrer(kind: &str, subject: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI,
        "artifactType": kind,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [],
        "subject": {"mediaType": OCI, "digest": subject, "size": 1},
        "annotations": {"kind": kind},
    })
}

#[tokio::test]
async fn referrers_are_listed_filtered_and_go_with_their_subject() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", "repository:app:*").await;
    let me = As::Bearer(&token);
    let image = azure.image("devreg", me, "app", "1").await;
    azure.blob("devreg", me, "app", b"{}").await;
    let list = async |query: &str| {
        let path = format!("/v2/app/referrers/{image}{query}");
        azure.acr_get("devreg", me, &path).await
    };
    let none = list("").await;
    assert_eq!((none.status, &none.body["manifests"]), (200, &json!([])));
    assert_eq!(none.header("content-type"), super::client::INDEX);
    let signature = azure
        .put("devreg", me, "app", "@", &referrer(SIGNATURE, &image))
        .await;
    assert_eq!(
        (signature.status, signature.header("oci-subject")),
        (201, image.as_str())
    );
    let signature = signature.header("docker-content-digest").to_owned();
    azure
        .manifest("devreg", me, "app", "@", &referrer(REPORT, &image))
        .await;
    let nested = azure
        .manifest("devreg", me, "app", "@", &referrer(REPORT, &signature))
        .await;
    assert_eq!(
        list("").await.body["manifests"].as_array().map(Vec::len),
        Some(2)
    );
    let some = list(&format!("?artifactType={}", SIGNATURE.replace('+', "%2B"))).await;
    assert_eq!(some.header("oci-filters-applied"), "artifactType");
    let text = referrer(SIGNATURE, &image).to_string();
    assert_eq!(
        some.body["manifests"],
        json!([{
            "mediaType": OCI, "digest": signature, "size": text.len(),
            "artifactType": SIGNATURE, "annotations": {"kind": SIGNATURE},
        }])
    );
    let bad = azure.acr_get("devreg", me, "/v2/app/referrers/1").await;
    assert_eq!((bad.status, bad.code()), (400, "DIGEST_INVALID"));

    let path = format!("/v2/app/manifests/{image}");
    assert_eq!(
        azure
            .acr("devreg", me, "DELETE", &path, "", &[])
            .await
            .status,
        202
    );
    let path = format!("/v2/app/manifests/{nested}");
    assert_eq!(azure.acr_get("devreg", me, &path).await.status, 404);
}

#[tokio::test]
async fn a_subject_may_come_later_and_never() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", "repository:app:*").await;
    let me = As::Bearer(&token);
    azure.blob("devreg", me, "app", b"{}").await;
    let absent = digest_of(b"absent");
    azure
        .manifest("devreg", me, "app", "@", &referrer(SIGNATURE, &absent))
        .await;
    let list = azure
        .acr_get("devreg", me, &format!("/v2/app/referrers/{absent}"))
        .await;
    assert_eq!(list.body["manifests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn registries_with_a_customers_key_have_no_referrers() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let body = json!({"properties": {"encryption": {"status": "enabled"}}});
    let path = format!("objects?id={id}");
    assert_eq!(azure.control("PATCH", &path, body).await.status, 200);
    let token = azure.owned("devreg", "repository:app:*").await;
    let me = As::Bearer(&token);
    azure.blob("devreg", me, "app", b"{}").await;
    let subject = digest_of(b"x");
    let pushed = azure
        .put("devreg", me, "app", "@", &referrer(SIGNATURE, &subject))
        .await;
    assert_eq!((pushed.status, pushed.header("oci-subject")), (201, ""));
    let list = azure
        .acr_get("devreg", me, &format!("/v2/app/referrers/{subject}"))
        .await;
    assert_eq!(list.status, 404);
}

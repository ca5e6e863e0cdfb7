//! Pushing, pulling, listing and deleting images.

use super::client::{As, Azure, INDEX, OCI, descriptor, digest_of};
use onestream_emulator::Settings;
use serde_json::{Value, json};

const ALL: &str = "repository:app:* repository:lib:* registry:catalog:*";

#[tokio::test]
async fn an_image_is_pushed_and_pulled_by_tag_and_digest() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    let me = As::Bearer(&token);
    let digest = azure.image("devreg", me, "app", "1").await;
    for version in ["1", digest.as_str()] {
        let path = format!("/v2/app/manifests/{version}");
        let got = azure.acr_get("devreg", me, &path).await;
        assert_eq!((got.status, got.header("content-type")), (200, OCI));
        assert_eq!(got.header("docker-content-digest"), digest);
        assert_eq!(digest_of(got.text.as_bytes()), digest);
        let head = azure.acr("devreg", me, "HEAD", &path, "", &[]).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        assert_eq!(head.header("content-length"), got.text.len().to_string());
        let picky = azure
            .acr("devreg", me, "GET", &path, "", &[("accept", INDEX)])
            .await;
        assert_eq!((picky.status, picky.code()), (404, "MANIFEST_UNKNOWN"));
    }
    let blob = format!("/v2/app/blobs/{}", digest_of(b"1"));
    let got = azure.acr_get("devreg", me, &blob).await;
    assert_eq!((got.status, got.text.as_str()), (200, "1"));
    let attributes = azure
        .acr_get("devreg", me, &format!("/acr/v1/app/_manifests/{digest}"))
        .await;
    let manifest = &attributes.body["manifest"];
    assert_eq!(
        (&manifest["architecture"], &manifest["os"]),
        (&json!("arm64"), &json!("linux"))
    );
    for (path, code) in [
        ("/v2/app/manifests/2", "MANIFEST_UNKNOWN"),
        ("/v2/lib/manifests/1", "NAME_UNKNOWN"),
        ("/v2/lib/tags/list", "NAME_UNKNOWN"),
        ("/acr/v1/app/_tags/2", "TAG_UNKNOWN"),
    ] {
        let reply = azure.acr_get("devreg", me, path).await;
        assert_eq!((reply.status, reply.code()), (404, code), "{path}");
    }
}

#[tokio::test]
async fn a_manifest_needs_what_it_refers_to() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    let me = As::Bearer(&token);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"), "layers": [],
    });
    let early = azure.put("devreg", me, "app", "1", &manifest).await;
    assert_eq!((early.status, early.code()), (400, "MANIFEST_BLOB_UNKNOWN"));
    assert_eq!(
        early.body["errors"][0]["detail"]["digest"],
        digest_of(b"{}")
    );
    azure.blob("devreg", me, "lib", b"{}").await;
    let elsewhere = azure.put("devreg", me, "app", "1", &manifest).await;
    assert_eq!(elsewhere.code(), "MANIFEST_BLOB_UNKNOWN");
    azure.blob("devreg", me, "app", b"{}").await;
    let digest = azure.manifest("devreg", me, "app", "1", &manifest).await;
    let wrong = azure
        .put("devreg", me, "app", &digest_of(b"x"), &manifest)
        .await;
    assert_eq!((wrong.status, wrong.code()), (400, "DIGEST_INVALID"));
    let child = json!({"mediaType": OCI, "digest": digest_of(b"x"), "size": 1});
    let index =
        |child: Value| json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
    let orphan = azure.put("devreg", me, "app", "all", &index(child)).await;
    assert_eq!(orphan.code(), "MANIFEST_BLOB_UNKNOWN");
    let child = json!({"mediaType": OCI, "digest": digest, "size": 1});
    azure
        .manifest("devreg", me, "app", "all", &index(child))
        .await;
    let headers = [("content-type", OCI)];
    let broken = azure
        .acr("devreg", me, "PUT", "/v2/app/manifests/1", "{", &headers)
        .await;
    assert_eq!((broken.status, broken.code()), (400, "MANIFEST_INVALID"));
}

#[tokio::test]
async fn a_blob_comes_in_chunks_that_fit() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    let me = As::Bearer(&token);
    let send = async |method: &str, path: &str, body: &str, range: &str| {
        let headers = [("content-range", range)];
        let headers = if range.is_empty() { &[][..] } else { &headers };
        azure.acr("devreg", me, method, path, body, headers).await
    };
    let begun = send("POST", "/v2/app/blobs/uploads/", "", "").await;
    assert_eq!(begun.status, 202);
    let upload = begun.header("location").to_owned();
    assert!(upload.ends_with(begun.header("docker-upload-uuid")));
    let first = send("PATCH", &upload, "abc", "0-2").await;
    assert_eq!((first.status, first.header("range")), (202, "0-2"));
    assert_eq!(send("PATCH", &upload, "x", "5-5").await.status, 416);
    assert_eq!(send("PATCH", &upload, "xy", "3-3").await.status, 416);
    let foreign = upload.replace("/app/", "/lib/");
    assert_eq!(
        send("PATCH", &foreign, "x", "").await.code(),
        "BLOB_UPLOAD_UNKNOWN"
    );
    assert_eq!(
        send("PATCH", &upload, "de", "3-4").await.header("range"),
        "0-4"
    );
    assert_eq!(send("GET", &upload, "", "").await.status, 204);
    let done = format!("{upload}?digest={}", digest_of(b"abcdef"));
    let end = send("PUT", &done, "f", "").await;
    assert_eq!(end.status, 201, "{end:?}");
    let blob = end.header("location").to_owned();
    assert_eq!(azure.acr_get("devreg", me, &blob).await.text, "abcdef");
    let part = azure
        .acr("devreg", me, "GET", &blob, "", &[("range", "bytes=1-2")])
        .await;
    assert_eq!((part.status, part.text.as_str()), (206, "bc"));
    assert_eq!(
        send("PUT", &done, "", "").await.code(),
        "BLOB_UPLOAD_UNKNOWN"
    );
    let wrong = format!("/v2/app/blobs/uploads/?digest={}", digest_of(b"other"));
    assert_eq!(
        send("POST", &wrong, "this", "").await.code(),
        "DIGEST_INVALID"
    );
    let begun = send("POST", "/v2/app/blobs/uploads/", "", "").await;
    let upload = begun.header("location").to_owned();
    assert_eq!(send("DELETE", &upload, "", "").await.status, 204);
    assert_eq!(send("GET", &upload, "", "").await.status, 404);
    assert_eq!(send("DELETE", &blob, "", "").await.status, 202);
    assert_eq!(send("GET", &blob, "", "").await.code(), "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_blob_is_mounted_only_from_where_one_may_pull() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let both = azure.owned("devreg", ALL).await;
    let digest = azure
        .blob("devreg", As::Bearer(&both), "lib", b"shared")
        .await;
    let path = format!("/v2/app/blobs/uploads/?mount={digest}&from=lib");
    let one = azure.owned("devreg", "repository:app:pull,push").await;
    let blind = azure
        .acr("devreg", As::Bearer(&one), "POST", &path, "", &[])
        .await;
    assert_eq!(blind.status, 202);
    let mounted = azure
        .acr("devreg", As::Bearer(&both), "POST", &path, "", &[])
        .await;
    assert_eq!(mounted.status, 201);
    let blob = format!("/v2/app/blobs/{digest}");
    let got = azure.acr_get("devreg", As::Bearer(&one), &blob).await;
    assert_eq!(got.text, "shared");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    let me = As::Bearer(&token);
    for tag in ["a", "b", "c"] {
        azure.image("devreg", me, "app", tag).await;
    }
    azure.image("devreg", me, "lib", "a").await;
    let first = azure.acr_get("devreg", me, "/v2/app/tags/list?n=2").await;
    assert_eq!(first.body, json!({"name": "app", "tags": ["a", "b"]}));
    assert_eq!(
        first.header("link"),
        "</v2/app/tags/list?last=b&n=2>; rel=\"next\""
    );
    let rest = azure
        .acr_get("devreg", me, "/v2/app/tags/list?last=b&n=2")
        .await;
    assert_eq!(
        (&rest.body["tags"], rest.header("link")),
        (&json!(["c"]), "")
    );
    let bad = azure.acr_get("devreg", me, "/v2/app/tags/list?n=x").await;
    assert_eq!(bad.status, 400);
    for path in ["/v2/_catalog?n=1", "/acr/v1/_catalog?n=1"] {
        let page = azure.acr_get("devreg", me, path).await;
        assert_eq!(page.body["repositories"], json!(["app"]));
        assert!(page.header("link").contains("last=app"));
    }
    let tags = azure.acr_get("devreg", me, "/acr/v1/app/_tags").await;
    let digest = tags.body["tags"][1]["digest"].as_str().unwrap().to_owned();
    let of_one = azure
        .acr_get("devreg", me, &format!("/acr/v1/app/_tags?digest={digest}"))
        .await;
    assert_eq!(of_one.body["tags"].as_array().map(Vec::len), Some(1));
    let manifests = azure.acr_get("devreg", me, "/acr/v1/app/_manifests").await;
    assert_eq!(
        manifests.body["manifests"].as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(
        manifests.body["manifests"][0]["tags"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn deletions_take_tags_and_the_last_one_the_repository() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    let me = As::Bearer(&token);
    let digest = azure.image("devreg", me, "app", "1").await;
    azure.image("devreg", me, "app", "2").await;
    let delete = async |path: &str| azure.acr("devreg", me, "DELETE", path, "", &[]).await;
    assert_eq!(delete("/v2/app/manifests/1").await.code(), "UNSUPPORTED");
    let untagged = delete("/acr/v1/app/_tags/1").await;
    assert_eq!(untagged.status, 202);
    assert_eq!(untagged.header("x-ms-int-docker-content-digest"), digest);
    let path = format!("/v2/app/manifests/{digest}");
    assert_eq!(azure.acr_get("devreg", me, &path).await.status, 200);
    assert_eq!(delete(&path).await.status, 202);
    assert_eq!(delete(&path).await.status, 404);
    let gone = delete("/acr/v1/app").await;
    assert_eq!(
        (gone.status, &gone.body["tagsDeleted"]),
        (202, &json!(["2"]))
    );
    assert_eq!(
        azure
            .acr_get("devreg", me, "/v2/app/tags/list")
            .await
            .status,
        404
    );
    let digest = azure.image("devreg", me, "app", "3").await;
    delete(&format!("/v2/app/manifests/{digest}")).await;
    assert_eq!(
        azure.acr_get("devreg", me, "/acr/v1/app").await.code(),
        "NAME_UNKNOWN"
    );
}

#[tokio::test]
async fn images_outlive_the_process_and_go_with_their_registry() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data: Some(folder.path().to_owned()),
        open_info: true,
        ..Settings::default()
    };
    let azure = Azure::with(settings()).await;
    let id = azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", ALL).await;
    azure.image("devreg", As::Bearer(&token), "app", "1").await;
    // Dropped, not stopped: nothing is written on the way out.
    drop(azure);
    let azure = Azure::with(settings()).await;
    let me = As::Bearer(&token);
    assert_eq!(
        azure
            .acr_get("devreg", me, "/v2/app/manifests/1")
            .await
            .status,
        200
    );
    let blob = format!("/v2/app/blobs/{}", digest_of(b"1"));
    assert_eq!(azure.acr_get("devreg", me, &blob).await.text, "1");
    let files = || walk(&folder.path().join("blobs"));
    assert_eq!(files(), 2);
    assert_eq!(azure.arm("DELETE", &id, Value::Null).await.status, 200);
    drop(azure);
    drop(Azure::with(settings()).await);
    assert_eq!(files(), 0);
}

fn walk(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| if path.is_dir() { walk(&path) } else { 1 })
        .sum()
}

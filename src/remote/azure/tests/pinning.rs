//! Tokens stay with the configured hosts: a foreign server must see no request at all.

use super::*;
use crate::provision::ports::{Poll, Verdict};
use crate::resource::Plane;

async fn foreign() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(body(200, &json!({"value": [], "status": "Succeeded"})))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_foreign_next_link_is_not_followed() {
    let bench = Bench::new().await;
    let foreign = foreign().await;
    let host = foreign.uri();
    for key in ["nextLink", "@odata.nextLink"] {
        bench.server.reset().await;
        let page = json!({"value": [1], key: format!("{host}/next")});
        bench.on("GET", GROUP, vec![body(200, &page)]).await;
        let request = Request::arm(Method::Get, GROUP, "1");
        let failure = bench
            .azure
            .list(&request, &mut |_| {})
            .await
            .expect_err("foreign");
        assert_eq!(failure.code, "ForeignHost");
        assert!(failure.message.contains(&host), "{}", failure.message);
    }
    assert!(seen(&foreign).await.is_empty());
}

#[tokio::test]
async fn a_foreign_operation_is_refused_before_it_is_stored() {
    for header in ["azure-asyncoperation", "location"] {
        let bench = Bench::new().await;
        let foreign = foreign().await;
        let accepted = answer(202).insert_header(header, format!("{}/operations/1", foreign.uri()));
        bench.on("PUT", REGISTRY, vec![accepted]).await;
        let failure = bench
            .azure
            .begin(&put(REGISTRY))
            .await
            .expect_err("foreign");
        // The registry is being made all the same, so nobody may take this for a refusal.
        assert_eq!(
            (failure.code.as_str(), failure.verdict),
            ("ForeignHost", Verdict::Unknown)
        );
        assert!(seen(&foreign).await.is_empty());
    }
}

#[tokio::test]
async fn a_poll_cannot_be_led_away() {
    let foreign = foreign().await;
    let away = format!("{}/x", foreign.uri());
    for reissued in [
        body(200, &json!({"status": "InProgress"}))
            .insert_header("azure-asyncoperation", away.as_str()),
        answer(302).insert_header("location", away.as_str()),
        answer(303).insert_header("location", away.as_str()),
    ] {
        let bench = Bench::new().await;
        bench.on("GET", "/operations/1", vec![reissued]).await;
        let pending = Pending {
            plane: Plane::Arm,
            poll: Poll::StatusDocument,
            target: "/operations/1".to_owned(),
            object: None,
            retry_after: None,
        };
        assert_eq!(
            bench
                .azure
                .finish(&pending)
                .await
                .expect_err("foreign")
                .code,
            "ForeignHost"
        );
    }
    assert!(seen(&foreign).await.is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_a_token() {
    let foreign = foreign().await;
    for status in [301, 302, 303, 307, 308] {
        let bench = Bench::new().await;
        let moved = answer(status).insert_header("location", foreign.uri());
        bench.on("GET", GROUP, vec![moved.clone()]).await;
        bench.on("PUT", GROUP, vec![moved]).await;
        assert_eq!(
            bench.get(GROUP).await.expect_err("moved").code,
            "Redirected"
        );
        let failure = bench.azure.begin(&put(GROUP)).await.expect_err("moved");
        assert_eq!(
            (failure.code.as_str(), failure.status),
            ("Redirected", Some(status))
        );
    }
    assert!(seen(&foreign).await.is_empty());
}

#[tokio::test]
async fn each_plane_has_its_own_audience_and_host() {
    let bench = Bench::new().await;
    bench
        .on("GET", "/keys/k", vec![body(200, &json!({"key": {}}))])
        .await;
    bench
        .on("GET", "/v1.0/me", vec![body(200, &json!({"id": "i"}))])
        .await;
    let mut request = Request::arm(Method::Get, "/keys/k", "7.4");
    request.plane = Plane::Vault("kv-one".to_owned());
    bench.azure.get(&request).await.expect("the key");
    let mut request = Request::arm(Method::Get, "/v1.0/me", "");
    request.api_version = None;
    request.plane = Plane::Graph;
    bench.azure.get(&request).await.expect("me");
    let seen = bench.server.received_requests().await.unwrap_or_default();
    let header = |at: usize, name: &str| {
        seen[at]
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok().map(str::to_owned))
    };
    let port = bench.server.address().port();
    assert_eq!(
        header(0, "host"),
        Some(format!("kv-one.vault.localhost:{port}"))
    );
    assert_eq!(
        header(0, "authorization").as_deref(),
        Some("Bearer token for https://vault.azure.net/.default")
    );
    assert_eq!(
        header(1, "authorization").as_deref(),
        Some("Bearer token for https://graph.microsoft.com/.default")
    );
}

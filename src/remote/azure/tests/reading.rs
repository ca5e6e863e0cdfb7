//! Reads: absence, unreadability, and collections.

use super::*;
use crate::provision::ports::Verdict;

#[tokio::test]
async fn an_object_is_its_body_and_every_request_is_named() {
    let bench = Bench::new().await;
    bench
        .on("GET", GROUP, vec![body(200, &json!({"id": GROUP}))])
        .await;
    assert_eq!(bench.get(GROUP).await, Ok(Some(json!({"id": GROUP}))));
    let seen = bench.server.received_requests().await.unwrap_or_default();
    let header = |name: &str| {
        seen[0]
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    assert_eq!(
        header("authorization"),
        Some("Bearer token for https://management.azure.com/.default")
    );
    assert!(header("x-ms-client-request-id").is_some());
    assert_eq!(
        header("user-agent"),
        Some(concat!("onestream/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(bench.azure.requests().get, 1);
    assert_eq!(bench.azure.requests().total(), 1);
}

#[tokio::test]
async fn only_azure_saying_so_is_absence() {
    for absent in [
        error(404, "ResourceNotFound", "The Resource was not found."),
        error(
            404,
            "ResourceGroupNotFound",
            "Resource group 'g' could not be found.",
        ),
        error(404, "ParentResourceNotFound", ""),
        body(
            404,
            &json!({"code": "NotFound", "message": "no cluster", "details": []}),
        ),
        body(
            404,
            &json!({"status": "Failed", "error": {"code": "ResourceNotFound", "message": "The resource r could not be found."}}),
        ),
    ] {
        let bench = Bench::new().await;
        bench.on("GET", REGISTRY, vec![absent]).await;
        assert_eq!(bench.get(REGISTRY).await, Ok(None));
    }
    for unreadable in [
        error(
            404,
            "SubscriptionNotFound",
            "The subscription 's' could not be found.",
        ),
        error(
            404,
            "InvalidResourceType",
            "The resource type could not be found in the namespace.",
        ),
        ResponseTemplate::new(404)
            .set_body_raw("<html><title>Not Found</title></html>", "text/html"),
        answer(404),
        error(403, "AuthorizationFailed", "no"),
        answer(200),
        ResponseTemplate::new(200).set_body_string("{\"id\":"),
        ResponseTemplate::new(200).set_body_raw("<html>sign in</html>", "text/html"),
        ResponseTemplate::new(302).insert_header("location", "https://login.example/"),
    ] {
        let bench = Bench::new().await;
        bench.on("GET", REGISTRY, vec![unreadable]).await;
        let failure = bench.get(REGISTRY).await.expect_err("unreadable");
        assert_ne!(failure.verdict, Verdict::NotFound, "{failure:?}");
    }
}

#[tokio::test]
async fn a_head_has_no_body_to_say_more() {
    let head = Request::arm(Method::Head, GROUP, "2021-04-01");
    let bench = Bench::new().await;
    bench
        .on("HEAD", GROUP, vec![answer(204), answer(404)])
        .await;
    assert_eq!(bench.azure.get(&head).await, Ok(Some(Json::Null)));
    assert_eq!(bench.azure.get(&head).await, Ok(None));
}

#[tokio::test]
async fn a_reader_cannot_change_anything() {
    let bench = Bench::new().await;
    for request in [put(GROUP), delete(GROUP), post(REGISTRY)] {
        assert_eq!(
            bench.azure.get(&request).await.expect_err("refused").code,
            "InvalidRequest"
        );
    }
    let mut batch =
        post("/v1.0/$batch").body(json!({"requests": [{"method": "GET"}, {"method": "DELETE"}]}));
    batch.plane = crate::resource::Plane::Graph;
    assert!(bench.azure.get(&batch).await.is_err());
    assert_eq!(bench.azure.requests().total(), 0);
    bench
        .on(
            "POST",
            "/v1.0/$batch",
            vec![body(200, &json!({"responses": []}))],
        )
        .await;
    batch.body = Some(json!({"requests": [{"method": "GET"}]}));
    assert!(bench.azure.get(&batch).await.is_ok());
}

async fn listed(bench: &Bench) -> (Result<(), Failure>, Vec<Json>) {
    let mut items = Vec::new();
    let request = Request::arm(Method::Get, GROUP, "2023-07-01");
    let end = bench
        .azure
        .list(&request, &mut |page| items.extend(page))
        .await;
    (end, items)
}

#[tokio::test]
async fn pages_are_followed_with_their_links_untouched() {
    let bench = Bench::new().await;
    let opaque = "api-version=2023-07-01&%24skiptoken=eyJ%2B%2F%3D_-~&c=MII%2Bx";
    let next = format!("{}{GROUP}?{opaque}", bench.server.uri());
    bench
        .on(
            "GET",
            GROUP,
            vec![
                body(200, &json!({"value": [1, 2], "nextLink": next})),
                body(200, &json!({"value": [3], "nextLink": null})),
            ],
        )
        .await;
    let (end, items) = listed(&bench).await;
    assert_eq!((end, items), (Ok(()), vec![json!(1), json!(2), json!(3)]));
    assert_eq!(bench.seen().await[1], format!("GET {GROUP}?{opaque}"));
}

#[tokio::test]
async fn a_collection_that_azure_does_not_know_is_not_empty() {
    let bench = Bench::new().await;
    bench
        .on(
            "GET",
            GROUP,
            vec![error(404, "ResourceGroupNotFound", "no")],
        )
        .await;
    let (end, items) = listed(&bench).await;
    assert_eq!(end.expect_err("a refusal").verdict, Verdict::NotFound);
    assert!(items.is_empty());
}

#[tokio::test]
async fn a_collection_that_cannot_be_read_to_its_end_is_a_failure() {
    for (second, code) in [
        (body(200, &json!({"items": []})), "BadAnswer"),
        (body(200, &json!({"value": {}})), "BadAnswer"),
        (body(200, &json!([])), "BadAnswer"),
        (body(200, &json!({"value": [], "nextLink": 7})), "BadAnswer"),
        (
            error(404, "ResourceGroupNotFound", "gone meanwhile"),
            "ResourceGroupNotFound",
        ),
        (
            error(403, "AuthorizationFailed", "no"),
            "AuthorizationFailed",
        ),
    ] {
        let bench = Bench::new().await;
        let first = json!({"value": [1], "nextLink": format!("{GROUP}?page=2")});
        bench
            .on("GET", GROUP, vec![body(200, &first), second])
            .await;
        let (end, items) = listed(&bench).await;
        let failure = end.expect_err(code);
        assert_eq!(failure.code, code);
        assert_ne!(failure.verdict, Verdict::NotFound);
        assert_eq!(items, vec![json!(1)]);
    }
}

#[tokio::test]
async fn a_page_that_comes_again_ends_the_reading() {
    let bench = Bench::new().await;
    let turning =
        json!({"value": [1], "@odata.nextLink": format!("{}{GROUP}?page=2", bench.server.uri())});
    bench.on("GET", GROUP, vec![body(200, &turning)]).await;
    let (end, _) = listed(&bench).await;
    assert_eq!(end.expect_err("a loop").code, "PagingLoop");
    assert_eq!(bench.azure.requests().get, 2);
}

#[tokio::test]
async fn a_probe_says_what_is_wrong() {
    let bench = Bench::new().await;
    bench
        .on(
            "GET",
            "/subscriptions/s",
            vec![
                body(200, &json!({"displayName": "one", "state": "Enabled", "tenantId": TENANT})),
                error(404, "SubscriptionNotFound", "The subscription 's' could not be found."),
                error(403, "AuthorizationFailed", "The client does not have authorization to perform action 'Microsoft.Resources/subscriptions/read' over scope '/subscriptions/s'"),
                ResponseTemplate::new(200).set_body_raw("<html>proxy</html>", "text/html"),
            ],
        )
        .await;
    let subscription = bench.azure.probe("s").await.expect("there");
    assert_eq!(
        (subscription.state.as_str(), subscription.tenant.as_deref()),
        ("Enabled", Some(TENANT))
    );
    for code in ["SubscriptionNotFound", "AuthorizationFailed", "BadAnswer"] {
        let failure = bench.azure.probe("s").await.expect_err(code);
        assert_eq!(failure.code, code);
        assert!(failure.hint.is_some(), "{code}");
    }
    let closed = client("http://127.0.0.1:1", Timing::azure(), &bench.clock);
    assert_eq!(
        closed.probe("s").await.expect_err("closed").code,
        "Unreachable"
    );
    assert_eq!(closed.requests().get, 2);
}

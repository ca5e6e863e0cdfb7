//! Retries: what is sent again, what never is, and how long Azure is waited for.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::provision::ports::Verdict;

fn ok() -> ResponseTemplate {
    body(200, &state("Succeeded"))
}

#[tokio::test]
async fn passing_faults_are_met_by_further_tries() {
    let bench = Bench::new().await;
    let page = ResponseTemplate::new(503).set_body_raw("<html>busy</html>", "text/html");
    bench
        .on(
            "PUT",
            REGISTRY,
            vec![
                answer(500),
                page,
                error(504, "GatewayTimeout", ""),
                answer(408),
                ok(),
            ],
        )
        .await;
    assert!(matches!(
        bench.azure.begin(&put(REGISTRY)).await,
        Ok(Begun::Done(Some(_)))
    ));
    let waits = bench.clock.waits();
    assert_eq!(waits.len(), 4);
    for (wait, seconds) in waits.iter().zip([1.0, 2.0, 4.0, 8.0]) {
        assert!(
            (seconds..seconds * 1.25).contains(&wait.as_secs_f64()),
            "{waits:?}"
        );
    }
}

#[tokio::test]
async fn tries_have_an_end_and_the_answer_is_told() {
    let bench = Bench::new().await;
    let refused =
        error(503, "ServiceUnavailable", "later").insert_header("x-ms-request-id", "id-7");
    bench.on("GET", REGISTRY, vec![refused]).await;
    let failure = bench.get(REGISTRY).await.expect_err("never better");
    assert_eq!(
        (failure.code.as_str(), failure.status),
        ("ServiceUnavailable", Some(503))
    );
    assert_eq!(failure.request_id.as_deref(), Some("id-7"));
    assert_eq!(bench.azure.requests().get, 6);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let bench = Bench::new().await;
    bench
        .on(
            "GET",
            REGISTRY,
            vec![answer(503).insert_header("retry-after", "33"), ok()],
        )
        .await;
    bench.get(REGISTRY).await.expect("in the end");
    assert_eq!(bench.clock.waits(), [Duration::from_secs(33)]);
}

#[tokio::test]
async fn a_post_of_unknown_fate_is_never_sent_again() {
    for status in [408, 500, 502, 503, 504] {
        let bench = Bench::new().await;
        bench.on("POST", REGISTRY, vec![answer(status), ok()]).await;
        let failure = bench
            .azure
            .begin(&post(REGISTRY))
            .await
            .expect_err("unknown");
        assert_eq!(failure.verdict, Verdict::Unknown, "{status}");
        assert_eq!(bench.azure.requests().post, 1, "{status}");
    }
}

#[tokio::test]
async fn a_post_that_was_refused_for_now_is_sent_again() {
    let bench = Bench::new().await;
    bench
        .on(
            "POST",
            REGISTRY,
            vec![
                answer(429),
                error(409, "AnotherOperationInProgress", ""),
                answer(401),
                ok(),
            ],
        )
        .await;
    assert!(bench.azure.begin(&post(REGISTRY)).await.is_ok());
    assert_eq!(bench.azure.requests().post, 4);
}

#[tokio::test]
async fn what_is_busy_is_waited_for_within_patience() {
    let bench = Bench::new().await;
    let busy = error(
        409,
        "OperationNotAllowed",
        "Operation is not allowed because there's an in progress update.",
    );
    bench
        .on(
            "PUT",
            REGISTRY,
            vec![
                busy.clone(),
                busy.clone(),
                busy.clone(),
                busy.clone(),
                busy.clone(),
                busy.clone(),
                busy.clone(),
                ok(),
            ],
        )
        .await;
    assert!(bench.azure.begin(&put(REGISTRY)).await.is_ok());

    let stuck = Bench::new().await;
    stuck.on("PUT", REGISTRY, vec![busy]).await;
    let failure = stuck.azure.begin(&put(REGISTRY)).await.expect_err("stuck");
    assert_eq!(failure.verdict, Verdict::Busy);
    let waited: Duration = stuck.clock.waits().iter().sum();
    assert!(
        waited <= Timing::azure().max_wait && waited > Duration::from_secs(500),
        "{waited:?}"
    );
}

#[tokio::test]
async fn what_is_refused_for_good_is_asked_once() {
    for (status, code, verdict) in [
        (400, "InvalidParameter", Verdict::Fatal),
        (403, "AuthorizationFailed", Verdict::Denied),
        (409, "ScopeLocked", Verdict::Denied),
        (409, "AlreadyInUse", Verdict::Conflict),
        (409, "RoleAssignmentExists", Verdict::Conflict),
        (409, "MissingSubscriptionRegistration", Verdict::Fatal),
        (412, "PreconditionFailed", Verdict::Conflict),
    ] {
        let bench = Bench::new().await;
        bench
            .on("PUT", REGISTRY, vec![error(status, code, "m")])
            .await;
        let failure = bench.azure.begin(&put(REGISTRY)).await.expect_err(code);
        assert_eq!((failure.code.as_str(), failure.verdict), (code, verdict));
        assert_eq!(bench.azure.requests().put, 1, "{code}");
    }
}

#[tokio::test]
async fn a_fresh_parent_is_waited_for_some_seconds_by_writes_only() {
    let missing = error(
        404,
        "ResourceGroupNotFound",
        "Resource group 'g' could not be found.",
    );
    let bench = Bench::new().await;
    bench
        .on(
            "PUT",
            REGISTRY,
            vec![missing.clone(), missing.clone(), ok()],
        )
        .await;
    assert!(bench.azure.begin(&put(REGISTRY)).await.is_ok());

    let never = Bench::new().await;
    never.on("PUT", REGISTRY, vec![missing.clone()]).await;
    never.on("DELETE", REGISTRY, vec![missing]).await;
    let failure = never
        .azure
        .begin(&put(REGISTRY))
        .await
        .expect_err("no group");
    assert_eq!(failure.verdict, Verdict::NotFound);
    let waited: Duration = never.clock.waits().iter().sum();
    assert_eq!(waited, Timing::azure().parent_wait);
    assert_eq!(
        never.azure.begin(&delete(REGISTRY)).await,
        Ok(Begun::Done(None))
    );
    assert_eq!(never.azure.requests().delete, 1);
}

const PRINCIPAL: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn grant() -> Request {
    Request::arm(
        Method::Put,
        format!("{REGISTRY}/providers/Microsoft.Authorization/roleAssignments/a"),
        "2022-04-01",
    )
    .body(json!({"properties": {"principalId": PRINCIPAL}}))
}

#[tokio::test]
async fn a_fresh_principal_is_waited_for_minutes() {
    let bench = Bench::new().await;
    let unknown = error(
        400,
        "PrincipalNotFound",
        "Principal does not exist in the directory.",
    );
    let mut answers = vec![unknown; 9];
    answers.push(body(201, &json!({"id": "a"})));
    bench.on("PUT", &grant().path, answers).await;
    bench
        .on(
            "GET",
            &format!("/v1.0/directoryObjects/{PRINCIPAL}"),
            vec![body(200, &json!({"id": PRINCIPAL}))],
        )
        .await;
    assert!(matches!(
        bench.azure.begin(&grant()).await,
        Ok(Begun::Done(Some(_)))
    ));
    let waited: Duration = bench.clock.waits().iter().sum();
    assert!(waited > Duration::from_secs(100), "{waited:?}");
    assert_eq!(
        bench.azure.requests().get,
        1,
        "the directory is asked once when it knows"
    );
}

#[tokio::test]
async fn a_principal_that_nobody_knows_fails_soon() {
    let bench = Bench::new().await;
    bench
        .on(
            "PUT",
            &grant().path,
            vec![error(400, "PrincipalNotFound", "no")],
        )
        .await;
    let gone = error(404, "Request_ResourceNotFound", "Resource does not exist");
    bench
        .on(
            "GET",
            &format!("/v1.0/directoryObjects/{PRINCIPAL}"),
            vec![gone],
        )
        .await;
    let failure = bench.azure.begin(&grant()).await.expect_err("unknown");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("PrincipalNotFound", Verdict::Fatal)
    );
    assert!(failure.hint.unwrap_or_default().contains(PRINCIPAL));
    assert_eq!(bench.azure.requests().put, 2);

    // A directory that cannot be read is no reason to give up early.
    let blind = Bench::new().await;
    blind
        .on(
            "PUT",
            &grant().path,
            vec![error(400, "PrincipalNotFound", "no")],
        )
        .await;
    let failure = blind.azure.begin(&grant()).await.expect_err("in the end");
    assert_eq!(failure.verdict, Verdict::Busy);
    let waited: Duration = blind.clock.waits().iter().sum();
    assert_eq!(waited, Timing::azure().principal_wait);
}

#[tokio::test]
async fn a_429_pauses_its_bucket_for_everybody() {
    let bench = Bench::new().await;
    bench
        .on(
            "GET",
            REGISTRY,
            vec![answer(429).insert_header("retry-after", "7"), ok()],
        )
        .await;
    bench.on("GET", GROUP, vec![ok()]).await;
    bench.get(REGISTRY).await.expect("later");
    assert_eq!(bench.clock.waits()[0], Duration::from_secs(7));
    let before = bench.clock.waits().len();
    bench.get(GROUP).await.expect("another provider");
    assert_eq!(bench.clock.waits().len(), before);

    let said = Bench::new().await;
    let message = "Please try again after '324' seconds.";
    said.on(
        "GET",
        REGISTRY,
        vec![error(429, "ResourceRequestsThrottled", message), ok()],
    )
    .await;
    said.get(REGISTRY).await.expect("later");
    assert_eq!(said.clock.waits()[0], Duration::from_secs(324));
}

#[tokio::test]
async fn a_pause_beyond_patience_is_told_at_once() {
    let bench = Bench::new().await;
    bench
        .on(
            "GET",
            REGISTRY,
            vec![answer(429).insert_header("retry-after", "3600")],
        )
        .await;
    let failure = bench.get(REGISTRY).await.expect_err("too long");
    assert_eq!(
        (failure.verdict, failure.status),
        (Verdict::Busy, Some(429))
    );
    // Nobody else asks meanwhile.
    let failure = bench.get(REGISTRY).await.expect_err("too long");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("Throttled", Verdict::Busy)
    );
    assert_eq!(bench.azure.requests().get, 1);
    assert!(bench.clock.waits().is_empty());
}

#[tokio::test]
async fn a_bucket_that_runs_dry_is_asked_more_slowly() {
    let bench = Bench::new().await;
    let left = |n: &str| ok().insert_header("x-ms-ratelimit-remaining-subscription-reads", n);
    bench
        .on(
            "GET",
            REGISTRY,
            vec![left("250"), left("20"), left("19"), left("240")],
        )
        .await;
    for _ in 0..4 {
        bench.get(REGISTRY).await.expect("there");
    }
    // Spaces begin behind the first request that leaves slowly.
    assert_eq!(bench.clock.waits(), [Timing::azure().pace]);
}

/// A server that closes its first connections in the middle of an exchange.
async fn closing(closes: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let origin = format!("http://{}", listener.local_addr().expect("address"));
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4_096];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                continue;
            }
            if count.fetch_add(1, Ordering::SeqCst) < closes {
                continue;
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            let _closed = stream.write_all(answer.as_bytes()).await;
        }
    });
    (origin, requests)
}

#[tokio::test]
async fn an_idempotent_request_that_was_lost_is_sent_again() {
    let (origin, requests) = closing(2).await;
    let clock = StillClock::new();
    let azure = client(&origin, Timing::azure(), &clock);
    assert_eq!(
        azure.begin(&put(REGISTRY)).await,
        Ok(Begun::Done(Some(json!({}))))
    );
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_post_that_was_lost_is_not() {
    let (origin, requests) = closing(1).await;
    let azure = client(&origin, Timing::azure(), &StillClock::new());
    let failure = azure.begin(&post(REGISTRY)).await.expect_err("lost");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("NoAnswer", Verdict::Unknown)
    );
    assert!(failure.hint.unwrap_or_default().contains("unknown"));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    let mut idempotent = post(REGISTRY);
    idempotent.idempotent = true;
    let (origin, _) = closing(1).await;
    let azure = client(&origin, Timing::azure(), &StillClock::new());
    assert!(azure.begin(&idempotent).await.is_ok());
}

#[tokio::test]
async fn a_post_that_never_left_may_be_sent_again() {
    let clock = StillClock::new();
    let azure = client("http://127.0.0.1:1", Timing::azure(), &clock);
    let failure = azure.begin(&post(REGISTRY)).await.expect_err("closed");
    assert_eq!(failure.code, "Unreachable");
    assert_eq!(azure.requests().post, 6);
}

#[tokio::test]
async fn a_request_that_gets_no_answer_runs_out_of_time() {
    let mut timing = Timing::azure();
    timing.request_timeout = Duration::from_millis(50);
    let bench = Bench::with(timing).await;
    let slow = || ok().set_delay(Duration::from_secs(30));
    bench.on("GET", REGISTRY, vec![slow(), ok()]).await;
    bench.get(REGISTRY).await.expect("the second try");
    bench.on("POST", GROUP, vec![slow()]).await;
    let failure = bench
        .azure
        .begin(&post(GROUP))
        .await
        .expect_err("no answer");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("NoAnswer", Verdict::Unknown)
    );
}

#[tokio::test]
async fn a_wait_beyond_all_clocks_is_a_refusal_and_no_panic() {
    for name in ["retry-after", "retry-after-ms"] {
        for status in [429, 503] {
            let bench = Bench::new().await;
            let late = answer(status).insert_header(name, "9223372036854775808");
            bench.on("GET", REGISTRY, vec![late, ok()]).await;
            let failure = bench.get(REGISTRY).await.expect_err("nobody waits so long");
            assert_eq!(failure.status, Some(status), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_probe_that_may_be_sent_once_is_sent_once() {
    for (request, tries) in [(post(REGISTRY), 1), (put(REGISTRY), 6)] {
        let bench = Bench::new().await;
        let verb = request.method.as_str();
        bench.on(verb, REGISTRY, vec![answer(503)]).await;
        let heard = bench.azure.wire.once(&request).await.expect("an answer");
        assert_eq!(heard.status, 503);
        assert_eq!(bench.seen().await.len(), tries, "{verb}");
    }
}

#[tokio::test]
async fn a_probe_waits_as_azure_asks_and_with_all_others() {
    let bench = Bench::new().await;
    let busy = answer(429).insert_header("retry-after", "33");
    bench.on("POST", REGISTRY, vec![busy, ok()]).await;
    bench.on("GET", REGISTRY, vec![ok()]).await;
    let heard = bench.azure.wire.once(&post(REGISTRY)).await;
    assert_eq!(heard.expect("an answer").status, 200);
    assert_eq!(bench.clock.waits(), [Duration::from_secs(33)]);
    // The bucket is asked more slowly from now on, by everybody.
    bench.get(REGISTRY).await.expect("it stands");
    assert_eq!(bench.clock.waits().len(), 2);
}

#[tokio::test]
async fn a_probe_is_told_what_azure_says_to_the_last() {
    let bench = Bench::new().await;
    let late = answer(503).insert_header("retry-after", "3600");
    bench.on("PUT", REGISTRY, vec![late]).await;
    let heard = bench.azure.wire.once(&put(REGISTRY)).await;
    assert_eq!(heard.expect("an answer").status, 503);
    assert!(bench.clock.waits().is_empty());
    let busy = error(429, "TooManyRequests", "slowly").insert_header("retry-after", "3600");
    bench.on("POST", GROUP, vec![busy]).await;
    let failure = bench.azure.wire.once(&post(GROUP)).await;
    assert_eq!(
        failure.expect_err("not within patience").code,
        "TooManyRequests"
    );
}

//! Long-running operations: every pattern that was recorded.

use super::*;
use crate::provision::ports::{Poll, Verdict};
use crate::resource::Plane;

const OPERATION: &str = "/subscriptions/s/operations/1";

fn at(bench: &Bench, target: &str) -> String {
    format!("{}{target}", bench.server.uri())
}

fn status(word: &str) -> ResponseTemplate {
    body(200, &json!({"status": word}))
}

#[tokio::test]
async fn a_registry_is_made_by_its_status_document_then_read() {
    let bench = Bench::new().await;
    let target = format!(
        "{OPERATION}?api-version=2&t=6&c={}",
        "MIIH%2Bz-_".repeat(400)
    );
    let again = format!("{OPERATION}?api-version=2&t=7&c=short");
    let created = body(201, &state("Creating"))
        .insert_header("azure-asyncoperation", at(&bench, &target).as_str())
        .insert_header("retry-after", "10");
    bench.on("PUT", REGISTRY, vec![created]).await;
    let going =
        status("Creating").insert_header("azure-asyncoperation", at(&bench, &again).as_str());
    bench
        .on(
            "GET",
            OPERATION,
            vec![going.clone(), going, status("Succeeded")],
        )
        .await;
    bench
        .on("GET", REGISTRY, vec![body(200, &state("Succeeded"))])
        .await;

    let pending = bench.accepted(&put(REGISTRY)).await;
    assert_eq!(
        (pending.poll, &pending.target),
        (Poll::StatusDocument, &target)
    );
    assert_eq!(pending.retry_after, Some(Duration::from_secs(10)));
    // Another process finds nothing but this.
    let stored = serde_json::to_string(&pending).expect("json");
    assert!(
        !stored.contains(&bench.server.address().port().to_string()),
        "{stored}"
    );
    let other = client(&bench.server.uri(), Timing::azure(), &bench.clock);
    let pending: Pending = serde_json::from_str(&stored).expect("json");
    assert_eq!(other.finish(&pending).await, Ok(Some(state("Succeeded"))));

    let seen = bench.seen().await;
    assert_eq!(seen[1], format!("GET {target}"));
    assert_eq!(seen[2], format!("GET {again}"));
    assert_eq!(seen[4], format!("GET {REGISTRY}?api-version=2023-07-01"));
    let waits: Vec<u128> = bench
        .clock
        .waits()
        .iter()
        .map(Duration::as_millis)
        .collect();
    assert_eq!(
        waits,
        [10_000, 1_000, 1_500],
        "what Azure says, else from a second up by half"
    );
}

#[tokio::test]
async fn a_cluster_says_neither_location_nor_how_long() {
    let bench = Bench::new().await;
    let updating = body(200, &state("Scaling"))
        .insert_header("azure-asyncoperation", at(&bench, OPERATION).as_str());
    bench.on("PUT", REGISTRY, vec![updating]).await;
    bench
        .on(
            "GET",
            OPERATION,
            vec![
                status("InProgress"),
                status("InProgress"),
                status("Succeeded"),
            ],
        )
        .await;
    // The record can end before the object does.
    bench
        .on(
            "GET",
            REGISTRY,
            vec![
                body(200, &state("Updating")),
                body(200, &state("Succeeded")),
            ],
        )
        .await;
    let pending = bench.accepted(&put(REGISTRY)).await;
    assert_eq!(
        bench.azure.finish(&pending).await,
        Ok(Some(state("Succeeded")))
    );
}

#[tokio::test]
async fn a_vault_tells_by_its_own_state() {
    for status in [200, 201] {
        let bench = Bench::new().await;
        // Log Analytics adds the object's own Location, which is no operation.
        let registering = body(status, &state("RegisteringDns"))
            .insert_header("location", at(&bench, REGISTRY).as_str());
        bench.on("PUT", REGISTRY, vec![registering]).await;
        bench
            .on(
                "GET",
                REGISTRY,
                vec![
                    error(404, "ResourceNotFound", "not everywhere yet"),
                    body(200, &state("RegisteringDns")),
                    body(200, &state("Succeeded")),
                ],
            )
            .await;
        let pending = bench.accepted(&put(REGISTRY)).await;
        assert_eq!(pending.poll, Poll::ProvisioningState);
        assert_eq!(
            bench.azure.finish(&pending).await,
            Ok(Some(state("Succeeded")))
        );
    }
}

#[tokio::test]
async fn what_is_done_at_once_is_done() {
    let bench = Bench::new().await;
    let identity = json!({"id": REGISTRY, "properties": {"principalId": "p"}});
    let located = body(201, &identity).insert_header("location", at(&bench, REGISTRY).as_str());
    bench
        .on(
            "PUT",
            REGISTRY,
            vec![located, body(200, &state("Succeeded"))],
        )
        .await;
    bench
        .on(
            "DELETE",
            REGISTRY,
            vec![
                answer(200),
                answer(204),
                error(404, "ResourceNotFound", "gone"),
                body(200, &Json::Null),
            ],
        )
        .await;
    assert_eq!(
        bench.azure.begin(&put(REGISTRY)).await,
        Ok(Begun::Done(Some(identity)))
    );
    assert_eq!(
        bench.azure.begin(&put(REGISTRY)).await,
        Ok(Begun::Done(Some(state("Succeeded"))))
    );
    for _ in 0..4 {
        assert_eq!(
            bench.azure.begin(&delete(REGISTRY)).await,
            Ok(Begun::Done(None))
        );
    }
}

#[tokio::test]
async fn a_deletion_follows_its_location() {
    let bench = Bench::new().await;
    let accepted = ResponseTemplate::new(202)
        .set_body_raw("null", "application/json")
        .insert_header("azure-asyncoperation", at(&bench, "/never").as_str())
        .insert_header("location", at(&bench, OPERATION).as_str())
        .insert_header("retry-after", "15");
    bench.on("DELETE", GROUP, vec![accepted]).await;
    let again = at(&bench, "/subscriptions/s/operationresults/2");
    bench
        .on(
            "GET",
            OPERATION,
            vec![
                answer(202)
                    .insert_header("location", again.as_str())
                    .insert_header("retry-after", "15"),
            ],
        )
        .await;
    bench
        .on(
            "GET",
            "/subscriptions/s/operationresults/2",
            vec![answer(202), answer(204)],
        )
        .await;
    let pending = bench.accepted(&delete(GROUP)).await;
    assert_eq!(pending.poll, Poll::Location);
    assert_eq!(bench.azure.finish(&pending).await, Ok(None));
    assert_eq!(bench.clock.waits()[..2], [Duration::from_secs(15); 2]);
    assert_eq!(bench.azure.requests().get, 3);
}

#[tokio::test]
async fn a_deletion_whose_record_is_gone_asks_the_object() {
    let bench = Bench::new().await;
    let accepted = answer(202).insert_header("location", at(&bench, OPERATION).as_str());
    bench.on("DELETE", GROUP, vec![accepted]).await;
    bench
        .on(
            "GET",
            OPERATION,
            vec![answer(202), error(404, "NotFound", "no such operation")],
        )
        .await;
    bench
        .on(
            "GET",
            GROUP,
            vec![
                body(200, &state("Deleting")),
                error(404, "ResourceGroupNotFound", "gone"),
            ],
        )
        .await;
    let pending = bench.accepted(&delete(GROUP)).await;
    assert_eq!(bench.azure.finish(&pending).await, Ok(None));

    bench.server.reset().await;
    bench
        .on(
            "GET",
            OPERATION,
            vec![error(404, "NotFound", "no such operation")],
        )
        .await;
    bench
        .on("GET", GROUP, vec![body(200, &state("Succeeded"))])
        .await;
    let failure = bench
        .azure
        .finish(&pending)
        .await
        .expect_err("it still stands");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("OperationLost", Verdict::Unknown)
    );
    assert!(failure.is_forgotten());
}

#[tokio::test]
async fn a_deletion_without_any_url_asks_the_object() {
    let bench = Bench::new().await;
    bench.on("DELETE", GROUP, vec![answer(202)]).await;
    bench
        .on(
            "GET",
            GROUP,
            vec![
                body(200, &state("Succeeded")),
                body(200, &state("Deleting")),
                error(404, "ResourceGroupNotFound", "gone"),
            ],
        )
        .await;
    let pending = bench.accepted(&delete(GROUP)).await;
    assert_eq!(bench.azure.finish(&pending).await, Ok(None));

    // One that comes to nothing is not waited for again and again by every later run.
    for (state, code) in [
        (state("Succeeded"), "OperationLost"),
        (state("Deleting"), "OperationStillRunning"),
    ] {
        bench.server.reset().await;
        bench.on("GET", GROUP, vec![body(200, &state)]).await;
        let failure = bench.azure.finish(&pending).await.expect_err(code);
        assert_eq!(failure.code, code);
        assert_eq!(failure.is_forgotten(), code == "OperationLost");
    }
}

#[tokio::test]
async fn a_post_ends_with_its_result() {
    let import = format!("{REGISTRY}/importImage");
    let bench = Bench::new().await;
    let accepted = answer(202)
        .insert_header("location", at(&bench, OPERATION).as_str())
        .insert_header("retry-after", "10");
    bench.on("POST", &import, vec![accepted]).await;
    let waiting = body(
        202,
        &json!({"createdDateTime": "2026-01-01T00:00:00Z", "status": "NotStarted"}),
    );
    bench
        .on(
            "GET",
            OPERATION,
            vec![waiting, status("Running"), status("Succeeded")],
        )
        .await;
    let pending = bench.accepted(&post(&import)).await;
    assert_eq!(pending.object, None);
    assert_eq!(
        bench.azure.finish(&pending).await,
        Ok(Some(json!({"status": "Succeeded"})))
    );

    bench.server.reset().await;
    bench
        .on("GET", OPERATION, vec![error(404, "NotFound", "expired")])
        .await;
    let failure = bench.azure.finish(&pending).await.expect_err("who knows");
    assert_eq!(failure.verdict, Verdict::Unknown);
    assert!(failure.is_forgotten(), "{failure}");

    bench.on("POST", &import, vec![answer(202)]).await;
    let failure = bench
        .azure
        .begin(&post(&import))
        .await
        .expect_err("cannot be followed");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("NoOperationUrl", Verdict::Unknown)
    );
}

#[tokio::test]
async fn a_zone_answers_202_to_everything() {
    let bench = Bench::new().await;
    let accepted = || {
        body(202, &json!({}))
            .insert_header("azure-asyncoperation", at(&bench, OPERATION).as_str())
            .insert_header("location", at(&bench, "/result").as_str())
    };
    bench.on("PUT", REGISTRY, vec![accepted()]).await;
    bench.on("DELETE", REGISTRY, vec![accepted()]).await;
    let going = body(202, &json!({"status": "InProgress"}));
    bench
        .on(
            "GET",
            OPERATION,
            vec![going.clone(), answer(202), status("Succeeded")],
        )
        .await;
    bench.on("GET", "/result", vec![going, answer(204)]).await;
    bench
        .on("GET", REGISTRY, vec![body(200, &state("Succeeded"))])
        .await;
    let pending = bench.accepted(&put(REGISTRY)).await;
    assert_eq!(pending.poll, Poll::StatusDocument);
    assert_eq!(
        bench.azure.finish(&pending).await,
        Ok(Some(state("Succeeded")))
    );
    let pending = bench.accepted(&delete(REGISTRY)).await;
    assert_eq!(pending.poll, Poll::Location);
    assert_eq!(bench.azure.finish(&pending).await, Ok(None));
}

#[tokio::test]
async fn a_wait_that_a_journal_names_and_no_clock_counts_is_not_waited() {
    let bench = Bench::new().await;
    let pending = Pending {
        plane: Plane::Arm,
        poll: Poll::Location,
        target: OPERATION.to_owned(),
        object: None,
        retry_after: Some(Duration::MAX),
    };
    bench.on("GET", OPERATION, vec![answer(202)]).await;
    let failure = bench.azure.finish(&pending).await;
    assert_eq!(failure.expect_err("too long").code, "OperationStillRunning");
    assert!(bench.seen().await.is_empty());
}

#[tokio::test]
async fn a_poll_may_be_redirected_on_its_own_origin() {
    let bench = Bench::new().await;
    let pending = Pending {
        plane: Plane::Arm,
        poll: Poll::Location,
        target: OPERATION.to_owned(),
        object: None,
        retry_after: None,
    };
    bench
        .on(
            "GET",
            OPERATION,
            vec![answer(303).insert_header("location", "/result?a=b")],
        )
        .await;
    bench
        .on("GET", "/result", vec![body(200, &json!({"made": true}))])
        .await;
    assert_eq!(
        bench.azure.finish(&pending).await,
        Ok(Some(json!({"made": true})))
    );
}

//! Operations that fail, stumble or never end.

use super::*;
use crate::provision::ports::{Poll, Verdict};
use crate::resource::Plane;

const OPERATION: &str = "/subscriptions/s/operations/1";

fn status(word: &str) -> ResponseTemplate {
    body(200, &json!({"status": word}))
}

#[tokio::test]
async fn a_failed_operation_keeps_azures_code() {
    let failed =
        json!({"error": {"code": "QuotaExceeded", "message": "limit of 5"}, "status": "Failed"});
    let capital = json!({"Error": {"Code": "ResourceGroupDeletionBlocked", "Target": null, "Message": "vnet"}});
    for (poll, last, code, verdict) in [
        (
            Poll::StatusDocument,
            body(200, &failed),
            "QuotaExceeded",
            Verdict::Fatal,
        ),
        (
            Poll::StatusDocument,
            status("Failed"),
            "OperationFailed",
            Verdict::Fatal,
        ),
        (
            Poll::StatusDocument,
            status("Canceled"),
            "Canceled",
            Verdict::Fatal,
        ),
        (
            Poll::StatusDocument,
            body(200, &json!({"x": 1})),
            "BadAnswer",
            Verdict::Unknown,
        ),
        (
            Poll::StatusDocument,
            answer(200),
            "BadAnswer",
            Verdict::Unknown,
        ),
        (
            Poll::Location,
            body(200, &failed),
            "QuotaExceeded",
            Verdict::Fatal,
        ),
        (
            Poll::Location,
            body(409, &capital),
            "ResourceGroupDeletionBlocked",
            Verdict::Fatal,
        ),
        (
            Poll::Location,
            error(409, "AnotherOperationInProgress", "the operation's own"),
            "AnotherOperationInProgress",
            Verdict::Fatal,
        ),
        (
            Poll::Location,
            error(403, "AuthorizationFailed", "no"),
            "AuthorizationFailed",
            Verdict::Denied,
        ),
        (
            Poll::ProvisioningState,
            body(200, &state("Failed")),
            "ProvisioningFailed",
            Verdict::Fatal,
        ),
        (
            Poll::ProvisioningState,
            body(200, &state("Cancelled")),
            "ProvisioningFailed",
            Verdict::Fatal,
        ),
    ] {
        let bench = Bench::new().await;
        bench.on("GET", OPERATION, vec![last]).await;
        let pending = Pending {
            plane: Plane::Arm,
            poll,
            target: OPERATION.to_owned(),
            object: None,
            retry_after: Some(Duration::from_secs(1)),
        };
        let failure = bench.azure.finish(&pending).await.expect_err(code);
        assert_eq!((failure.code.as_str(), failure.verdict), (code, verdict));
        assert_eq!(
            bench.azure.requests().get,
            1,
            "{code}: a failed operation is not polled again"
        );
    }
}

/// The table judges requests; an operation that is over is not busy any more.
#[tokio::test]
async fn what_azure_has_given_up_is_final_whatever_its_code() {
    for code in [
        "RetryableError",
        "AnotherOperationInProgress",
        "ServerBusy",
        "TooManyRequests",
        "PrincipalNotFound",
        "ParentResourceNotFound",
        "AuthorizationFailed",
    ] {
        let error = json!({"code": code, "message": "given up"});
        let document = |word: &str| body(200, &json!({"status": word, "error": error}));
        let object = json!({"properties": {"provisioningState": "Failed", "error": error}});
        for (poll, last) in [
            (Poll::StatusDocument, document("Failed")),
            (Poll::StatusDocument, document("Canceled")),
            (Poll::Location, document("Failed")),
            (Poll::ProvisioningState, body(200, &object)),
        ] {
            let bench = Bench::new().await;
            bench.on("GET", OPERATION, vec![last]).await;
            let pending = Pending {
                plane: Plane::Arm,
                poll,
                target: OPERATION.to_owned(),
                object: None,
                retry_after: None,
            };
            let failure = bench.azure.finish(&pending).await.expect_err(code);
            let judged = (failure.code.as_str(), failure.verdict);
            assert_eq!(judged, (code, Verdict::Fatal), "{poll:?}");
        }
    }
}

#[tokio::test]
async fn a_failed_object_is_no_success() {
    let bench = Bench::new().await;
    let told = json!({"properties": {"provisioningState": "Failed", "provisioningError": {"code": "SubnetIsFull", "message": "no room"}}});
    bench.on("PUT", REGISTRY, vec![body(200, &told)]).await;
    let failure = bench.azure.begin(&put(REGISTRY)).await.expect_err("failed");
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("SubnetIsFull", "no room")
    );
}

#[tokio::test]
async fn polls_outlive_passing_faults_but_not_for_ever() {
    let bench = Bench::new().await;
    let pending = Pending {
        plane: Plane::Arm,
        poll: Poll::StatusDocument,
        target: OPERATION.to_owned(),
        object: None,
        retry_after: None,
    };
    let faults = vec![
        answer(502),
        answer(429).insert_header("retry-after", "2"),
        status("Running"),
        answer(503),
        status("Succeeded"),
    ];
    bench.on("GET", OPERATION, faults).await;
    assert_eq!(bench.azure.finish(&pending).await, Ok(None));

    let stuck = Bench::new().await;
    stuck
        .on(
            "GET",
            OPERATION,
            vec![status("Running").insert_header("retry-after", "600")],
        )
        .await;
    let failure = stuck.azure.finish(&pending).await.expect_err("stuck");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("OperationStillRunning", Verdict::Busy)
    );
    assert_eq!(stuck.azure.requests().get, 9);
}

//! Batches: one request for many objects of the directory, each with an answer of its own.

use wiremock::matchers::any;

use super::*;
use crate::provision::ports::Verdict;
use crate::resource::Plane;

const BATCH: &str = "/v1.0/$batch";

/// What a server that knows batches says of each part, by its path.
type Says = fn(path: &str, earlier: usize) -> Json;

/// Answers batches part by part.
struct Graph {
    says: Says,
    asked: Mutex<std::collections::BTreeMap<String, usize>>,
}

impl Respond for Graph {
    fn respond(&self, request: &Received) -> ResponseTemplate {
        let sent: Json = serde_json::from_slice(&request.body).expect("JSON");
        let parts = sent["requests"].as_array().expect("requests");
        assert!(parts.len() <= 20, "{} parts", parts.len());
        let mut asked = self.asked.lock().expect("asked");
        // Graph answers in any order.
        let answers = parts.iter().rev().filter_map(|part| {
            let path = part["url"].as_str().expect("a URL");
            assert!(
                path.starts_with('/') && !path.starts_with("/v1.0"),
                "{path}"
            );
            let earlier = asked.entry(path.to_owned()).or_default();
            let mut answer = (self.says)(path, *earlier);
            *earlier += 1;
            answer["id"] = part["id"].clone();
            (answer["status"] != 0).then_some(answer)
        });
        let answers: Vec<Json> = answers.collect();
        body(200, &json!({ "responses": answers }))
    }
}

async fn bench(says: Says) -> Bench {
    let bench = Bench::new().await;
    let graph = Graph {
        says,
        asked: Mutex::default(),
    };
    Mock::given(method("POST"))
        .and(path(BATCH))
        .respond_with(graph)
        .mount(&bench.server)
        .await;
    bench
}

fn read(name: &str) -> Request {
    Request {
        plane: Plane::Graph,
        api_version: None,
        ..Request::arm(
            Method::Get,
            format!("/v1.0/groups(uniqueName='{name}')"),
            "",
        )
        .query("$select", "id,displayName")
    }
}

fn found(path: &str) -> Json {
    json!({"status": 200, "headers": {}, "body": {"path": path}})
}

fn refused(status: u16, code: &str) -> Json {
    json!({"status": status, "headers": {"Content-Type": "application/json"},
        "body": {"error": {"code": code, "message": "m"}}})
}

#[tokio::test]
async fn twenty_at_a_time_and_in_the_order_that_was_asked() {
    let bench = bench(|path, _| found(path)).await;
    let requests: Vec<Request> = (0..45).map(|n| read(&format!("g{n}"))).collect();
    let answers = bench.azure.get_many(&requests).await;
    for (n, answer) in answers.into_iter().enumerate() {
        let body = answer.expect("readable").expect("there");
        let path = body["path"].as_str().expect("a path");
        assert_eq!(
            path,
            format!("/groups(uniqueName='g{n}')?$select=id%2CdisplayName")
        );
    }
    assert_eq!(bench.seen().await, vec![format!("POST {BATCH}"); 3]);
}

#[tokio::test]
async fn each_part_has_an_answer_of_its_own() {
    let bench = bench(|path, _| match path {
        absent if absent.contains("absent") => refused(404, "Request_ResourceNotFound"),
        denied if denied.contains("denied") => refused(403, "Authorization_RequestDenied"),
        odd if odd.contains("empty") => json!({"status": 200, "headers": {}}),
        unknown if unknown.contains("segment") => refused(404, "BadRequest"),
        silent if silent.contains("silent") => json!({"status": 0}),
        there => found(there),
    })
    .await;
    let names = ["there", "absent", "denied", "empty", "segment", "silent"];
    let answers = bench.azure.get_many(&names.map(read)).await;
    let [there, absent, denied, empty, segment, silent] = &answers[..] else {
        panic!("six answers: {answers:?}")
    };
    assert!(matches!(there, Ok(Some(_))), "{there:?}");
    assert_eq!(*absent, Ok(None));
    let verdict = |answer: &Result<Option<Json>, Failure>| {
        let failure = answer.as_ref().expect_err("a failure");
        failure.verdict
    };
    assert_eq!(verdict(denied), Verdict::Denied);
    assert_eq!(verdict(segment), Verdict::Fatal);
    // An answer that says nothing is no absence.
    assert_eq!(verdict(empty), Verdict::Unknown);
    assert_eq!(verdict(silent), Verdict::Unknown);
}

#[tokio::test]
async fn only_the_parts_that_were_throttled_are_asked_again_and_as_late_as_they_want() {
    let bench = bench(|path, earlier| match (path.contains("busy"), earlier) {
        (true, 0 | 1) => json!({"status": 429, "headers": {"Retry-After": "7"},
            "body": {"error": {"code": "TooManyRequests", "message": "m"}}}),
        (false, 1..) => refused(500, "asked twice"),
        _ => found(path),
    })
    .await;
    let answers = bench
        .azure
        .get_many(&["busy", "idle", "busy-too"].map(read))
        .await;
    assert!(
        answers.iter().all(|it| matches!(it, Ok(Some(_)))),
        "{answers:?}"
    );
    assert_eq!(bench.seen().await.len(), 3);
    let waited: Duration = bench.clock.waits().iter().sum();
    assert!(waited >= Duration::from_secs(14), "{waited:?}");
}

#[tokio::test]
async fn what_goes_on_failing_is_given_up_and_hides_nothing_else() {
    let bench = bench(|path, _| match path.contains("broken") {
        true => refused(503, "ServiceUnavailable"),
        false => found(path),
    })
    .await;
    let answers = bench.azure.get_many(&["broken", "there"].map(read)).await;
    let failure = answers[0].as_ref().expect_err("given up");
    assert_eq!(
        (failure.status, failure.verdict),
        (Some(503), Verdict::Unknown)
    );
    assert!(matches!(answers[1], Ok(Some(_))));
    let tries = bench.seen().await.len();
    assert_eq!(tries as u32, 1 + Timing::azure().retries);
}

#[tokio::test]
async fn a_batch_that_fails_is_a_failure_of_each_of_its_parts() {
    for answer in [
        error(403, "Authorization_RequestDenied", "no"),
        body(200, &json!({"value": []})),
    ] {
        let bench = Bench::new().await;
        bench.on("POST", BATCH, vec![answer]).await;
        let answers = bench.azure.get_many(&["a", "b"].map(read)).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
    }
}

#[tokio::test]
async fn one_read_and_those_of_other_planes_go_alone() {
    let bench = Bench::new().await;
    Mock::given(any())
        .respond_with(body(200, &json!({"id": "i"})))
        .mount(&bench.server)
        .await;
    let arm = Request::arm(Method::Get, GROUP, "2023-07-01");
    let answers = bench.azure.get_many(&[arm, read("only")]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let mut seen = bench.seen().await;
    seen.sort();
    assert_eq!(
        seen,
        [
            format!("GET {GROUP}?api-version=2023-07-01"),
            "GET /v1.0/groups(uniqueName='only')?$select=id%2CdisplayName".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_reference_names_the_origin_that_it_is_sent_to() {
    let bench = Bench::new().await;
    let at = "/v1.0/groups(uniqueName='g')/members/$ref";
    bench.on("POST", at, vec![answer(204)]).await;
    let request = Request {
        plane: Plane::Graph,
        api_version: None,
        ..Request::arm(Method::Post, at, "").body(json!({"@odata.id": "/v1.0/directoryObjects/o"}))
    };
    bench.azure.begin(&request).await.expect("taken");
    let seen = bench.server.received_requests().await.unwrap_or_default();
    let sent: Json = serde_json::from_slice(&seen[0].body).expect("JSON");
    let origin = bench.server.uri();
    assert_eq!(
        sent["@odata.id"],
        format!("{origin}/v1.0/directoryObjects/o")
    );
}

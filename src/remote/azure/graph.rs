//! Microsoft Graph: many reads in one `$batch`, and references with the origin that it wants.
//!
//! Reference: Microsoft Graph v1.0, "Combine multiple HTTP requests using JSON batching". Each part
//! has a status of its own and is throttled on its own.

use std::collections::BTreeMap;

use azure_core::Bytes;
use azure_core::http::headers::Headers;
use futures::StreamExt;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};

use super::arm::Azure;
use super::error::{failure, judge, own};
use super::exchange::{Call, Purpose, Wire, again};
use super::patience::{Again, Patience, Trouble};
use super::pin::Pins;
use super::refusal::{Refusal, document, request_id};
use super::throttle::Bucket;
use super::transport::Answer;
use crate::provision::ports::{Failure, Reader, Verdict};
use crate::resource::{Method, Plane, Request};

/// The version that batches are sent to, and that all parts are of.
const VERSION: &str = "/v1.0";
/// How many parts Graph takes in a batch.
const PARTS: usize = 20;
/// Batches, and reads of other planes, that are under way at the same time.
const READS_AT_ONCE: usize = 16;

/// What became of one read.
type Read = Result<Option<Json>, Failure>;

/// Reads several objects: those of the directory in batches, the others one by one.
pub(super) async fn get_many(azure: &Azure, requests: &[Request]) -> Vec<Read> {
    let (batched, single): (Vec<usize>, Vec<usize>) =
        (0..requests.len()).partition(|at| may_be_part(&requests[*at]));
    let mut reads: Vec<BoxFuture<'_, Vec<(usize, Read)>>> = Vec::new();
    for chunk in batched.chunks(PARTS) {
        match *chunk {
            [only] => reads.push(Box::pin(alone(azure, requests, only))),
            _ => reads.push(Box::pin(together(&azure.wire, requests, chunk.to_vec()))),
        }
    }
    for at in single {
        reads.push(Box::pin(alone(azure, requests, at)));
    }
    let done: Vec<Vec<(usize, Read)>> = futures::stream::iter(reads)
        .buffer_unordered(READS_AT_ONCE)
        .collect()
        .await;
    let mut answers: BTreeMap<usize, Read> = done.into_iter().flatten().collect();
    let in_order = (0..requests.len()).map(|at| {
        let answer = answers.remove(&at);
        answer.unwrap_or_else(|| Err(broken("a read without an answer")))
    });
    in_order.collect()
}

fn may_be_part(request: &Request) -> bool {
    request.plane == Plane::Graph
        && request.method == Method::Get
        && request.headers.is_empty()
        && request.path.starts_with(&format!("{VERSION}/"))
}

async fn alone(azure: &Azure, requests: &[Request], at: usize) -> Vec<(usize, Read)> {
    vec![(at, azure.get(&requests[at]).await)]
}

/// One batch, and again what of it is to be tried again.
async fn together(wire: &Wire, requests: &[Request], mut open: Vec<usize>) -> Vec<(usize, Read)> {
    let mut patience = Patience::new(wire.timing, wire.timing.retries, wire.clock.now());
    let mut done = Vec::new();
    loop {
        let batch = match batch(&wire.pins, requests, &open) {
            Ok(batch) => batch,
            Err(failure) => return fail(done, open, &failure),
        };
        let sent = match Call::new(wire, &batch, Purpose::Read) {
            Ok(call) => wire.exchange(&call).await,
            Err(failure) => Err(failure),
        };
        let mut parts = match sent.and_then(|answer| parts(&answer)) {
            Ok(parts) => parts,
            Err(failure) => return fail(done, open, &failure),
        };
        let mut troubles = BTreeMap::new();
        for at in std::mem::take(&mut open) {
            let part = parts.remove(&at.to_string());
            match part.map_or_else(|| Err(Trouble::never(unanswered())), weigh) {
                Ok(read) => done.push((at, Ok(read))),
                Err(trouble) if trouble.again == Again::Never => {
                    done.push((at, Err(*trouble.failure)));
                }
                Err(trouble) => {
                    troubles.insert(at, trouble);
                }
            }
        }
        if troubles.is_empty() {
            return done;
        }
        if !rest(wire, &mut patience, troubles.values()).await {
            let failed = troubles.into_iter();
            done.extend(failed.map(|(at, trouble)| (at, Err(*trouble.failure))));
            return done;
        }
        open = troubles.into_keys().collect();
    }
}

/// Waits until the parts that failed may be tried again; whether there is a sense in it.
async fn rest<'t>(
    wire: &Wire,
    patience: &mut Patience,
    troubles: impl Iterator<Item = &'t Trouble>,
) -> bool {
    let now = wire.clock.now();
    let mut longest = std::time::Duration::ZERO;
    let (mut throttled, mut passing) = (None, None);
    for trouble in troubles {
        if trouble.again == Again::Throttled {
            let wait = trouble.retry_after;
            let wait = wait.unwrap_or_else(|| patience.backoff.step());
            throttled = throttled.max(Some(wait));
        } else {
            passing = passing.or(Some(trouble));
        }
    }
    if let Some(trouble) = passing {
        match patience.next(trouble, now) {
            Some(wait) => longest = wait,
            None => return false,
        }
    }
    if let Some(wait) = throttled {
        if !patience.allows(wait, now) {
            return false;
        }
        let bucket = Bucket::of(&Plane::Graph, VERSION);
        wire.throttle.refused(&bucket, now, wait);
        longest = longest.max(wait);
    }
    wire.clock.sleep(longest).await;
    true
}

/// The request that carries these reads.
fn batch(pins: &Pins, requests: &[Request], open: &[usize]) -> Result<Request, Failure> {
    let part = |at: &usize| {
        let url = pins.url(&requests[*at])?;
        let path = url.path().strip_prefix(VERSION).unwrap_or(url.path());
        let query = url.query().map(|query| format!("?{query}"));
        let url = format!("{path}{}", query.unwrap_or_default());
        Ok(json!({ "id": at.to_string(), "method": "GET", "url": url }))
    };
    let parts = open.iter().map(part).collect::<Result<Vec<_>, Failure>>()?;
    Ok(Request {
        plane: Plane::Graph,
        api_version: None,
        // Nothing but reads: sent twice, it reads twice.
        idempotent: true,
        ..Request::arm(Method::Post, format!("{VERSION}/$batch"), "")
            .body(json!({ "requests": parts }))
    })
}

/// The parts of an answer, by their ids.
fn parts(answer: &Answer) -> Result<BTreeMap<String, Json>, Failure> {
    let mut document = document(&answer.body).map(|it| it.0).unwrap_or_default();
    let Json::Array(parts) = document["responses"].take() else {
        return Err(Failure {
            status: Some(answer.status),
            request_id: request_id(&answer.headers),
            ..broken("a batch without a list `responses`")
        });
    };
    let named = |part: Json| Some((part["id"].as_str()?.to_owned(), part));
    Ok(parts.into_iter().filter_map(named).collect())
}

/// What one part says.
fn weigh(mut part: Json) -> Result<Option<Json>, Trouble> {
    let status = part["status"].as_u64().and_then(|it| it.try_into().ok());
    let Some(status) = status else {
        return Err(Trouble::never(broken("a part without a status")));
    };
    let headers = headers(&part["headers"]);
    let body = part["body"].take();
    match status {
        200..=299 if body.is_object() => return Ok(Some(body)),
        // An object without a body is neither there nor absent.
        200..=299 => {
            return Err(Trouble::never(Failure {
                status: Some(status),
                ..broken("a part without a body")
            }));
        }
        _ => {}
    }
    let refusal = Refusal::read(status, &headers, body.to_string().as_bytes());
    let judgement = judge(&refusal);
    if judgement.verdict == Verdict::NotFound {
        return Ok(None);
    }
    let retry_after = refusal.retry_after;
    let action = judgement.action;
    Err(Trouble {
        again: again(Method::Get, true, Purpose::Read, action, status),
        failure: Box::new(failure(refusal, judgement)),
        retry_after,
    })
}

fn headers(told: &Json) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in told.as_object().into_iter().flatten() {
        let text = match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        headers.insert(name.to_ascii_lowercase(), text);
    }
    headers
}

fn fail(mut done: Vec<(usize, Read)>, open: Vec<usize>, failure: &Failure) -> Vec<(usize, Read)> {
    done.extend(open.into_iter().map(|at| (at, Err(failure.clone()))));
    done
}

fn unanswered() -> Failure {
    broken("a batch that leaves a part out")
}

fn broken(what: &str) -> Failure {
    own(Verdict::Unknown, "BadAnswer", what.to_owned(), None)
}

/// The body of a request as it goes on the wire. Graph wants a reference from one object to
/// another with its origin, which whoever made the request does not know.
///
/// # Errors
/// `InvalidRequest` for a reference that is no path on the plane.
pub(super) fn body(pins: &Pins, request: &Request) -> Result<Option<Bytes>, Failure> {
    let Some(body) = &request.body else {
        return Ok(None);
    };
    let reference = body.get("@odata.id").and_then(Json::as_str);
    let reference = reference.filter(|_| request.plane == Plane::Graph);
    let Some(path) = reference.filter(|it| it.starts_with('/')) else {
        return Ok(Some(Bytes::from(body.to_string())));
    };
    let mut body = body.clone();
    body["@odata.id"] = json!(pins.absolute(&request.plane, path)?.as_str());
    Ok(Some(Bytes::from(body.to_string())))
}

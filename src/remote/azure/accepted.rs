//! Reads the answer to a write: it is done, or an operation goes on and can be asked after.
//!
//! ## Why
//! A pending delete keeps the object's request with the method DELETE, any other one with GET:
//! `finish` may run in another process with nothing but the `Pending`, and has to know whether
//! an object that is gone is a success.

use serde_json::Value as Json;

use super::error::own;
use super::long_running::{State, body_of, header, provisioning_failed, provisioning_state};
use super::pin::Pins;
use super::refusal::{request_id, retry_after};
use super::transport::Answer;
use crate::provision::ports::{Begun, Failure, Pending, Poll, Verdict};
use crate::resource::{Method, Request};

/// Reads the answer to a write: done, or how to ask after it.
///
/// # Errors
/// [`Failure`] when the answer is not understood, names another host, or says that the object
/// failed. The write may have taken effect then, and the verdict says so.
pub(super) fn begun(pins: &Pins, request: &Request, answer: &Answer) -> Result<Begun, Failure> {
    let body = body_of(answer)?;
    let operation =
        header(answer, "azure-asyncoperation").or_else(|| header(answer, "operation-location"));
    let location = header(answer, "location");
    let by_location = matches!(request.method, Method::Post | Method::Delete);
    let (poll, link) = match (operation, location, answer.status) {
        (Some(_), Some(location), 202) if by_location => (Poll::Location, location),
        (Some(operation), _, _) => (Poll::StatusDocument, operation),
        // Beside 200 and 201 a Location names the object, not an operation.
        (None, Some(location), 202) => (Poll::Location, location),
        (None, _, status) => return without_link(pins, request, answer, body, status == 202),
    };
    let target = pins
        .relative(&request.plane, link)
        .map_err(|failure| Failure {
            // The write itself was taken, even if it cannot be followed.
            verdict: Verdict::Unknown,
            request_id: request_id(&answer.headers),
            ..failure
        })?;
    Ok(Begun::Accepted(pending(request, poll, target, answer)))
}

/// An answer that names no operation: the object itself tells how far it is.
fn without_link(
    pins: &Pins,
    request: &Request,
    answer: &Answer,
    body: Option<Json>,
    accepted: bool,
) -> Result<Begun, Failure> {
    if accepted && request.method == Method::Post {
        return Err(Failure {
            status: Some(answer.status),
            request_id: request_id(&answer.headers),
            ..own(
                Verdict::Unknown,
                "NoOperationUrl",
                format!(
                    "Azure accepted the POST to {} and named no URL to ask after it",
                    request.path
                ),
                None,
            )
        });
    }
    // What a DELETE or POST answers with is a last look or a result, not an object to wait for.
    let writes = matches!(request.method, Method::Put | Method::Patch);
    let state = body.as_ref().and_then(provisioning_state).map(State::of);
    match state {
        Some(State::Failed | State::Canceled) if writes => {
            Err(provisioning_failed(answer, body.as_ref()))
        }
        Some(State::Running) if writes => asks_object(pins, request, answer),
        _ if accepted => asks_object(pins, request, answer),
        _ => Ok(Begun::Done(body)),
    }
}

fn asks_object(pins: &Pins, request: &Request, answer: &Answer) -> Result<Begun, Failure> {
    let url = pins.url(request)?;
    let target = pins.relative(&request.plane, url.as_str())?;
    Ok(Begun::Accepted(pending(
        request,
        Poll::ProvisioningState,
        target,
        answer,
    )))
}

fn pending(request: &Request, poll: Poll, target: String, answer: &Answer) -> Pending {
    let method = match request.method {
        Method::Delete => Some(Method::Delete),
        Method::Post => None,
        _ => Some(Method::Get),
    };
    let object = method.map(|method| Request {
        method,
        headers: Vec::new(),
        body: None,
        idempotent: true,
        ..request.clone()
    });
    Pending {
        plane: request.plane.clone(),
        poll,
        target,
        object,
        retry_after: retry_after(&answer.headers),
    }
}

//! Long-running operations: one loop for every pattern of Resource Manager's providers.

use std::time::{Duration, Instant};

use azure_core::http::headers::HeaderName;
use serde_json::Value as Json;

use super::clock::Backoff;
use super::error::{failure, judge, own};
use super::exchange::{Call, Purpose, Wire};
use super::refusal::{Refusal, document, request_id, retry_after};
use super::transport::Answer;
use crate::provision::ports::{Failure, OPERATION_LOST, Pending, Poll, Verdict};
use crate::resource::Method;

/// What the state or status of an operation or object says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl State {
    /// Any word that does not end an operation means that it goes on.
    pub(super) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" | "success" | "completed" => Self::Succeeded,
            "failed" | "failure" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Running,
        }
    }
}

/// Waits for an operation to end; the object's final body, if there is one.
///
/// # Errors
/// [`Failure`] with Azure's code when it failed or was cancelled, and of its own when it
/// cannot be followed to its end.
pub(super) async fn finish(wire: &Wire, pending: &Pending) -> Result<Option<Json>, Failure> {
    let mut watch = Watch {
        wire,
        pending,
        poll: pending.poll,
        target: pending.target.clone(),
        settling: false,
        idle: false,
        doubted_since: None,
    };
    let mut backoff = Backoff::polls(&wire.timing);
    let mut told = pending.retry_after;
    let started = wire.clock.now();
    loop {
        let wait = told
            .filter(|wait| !wait.is_zero())
            .unwrap_or_else(|| backoff.step());
        let waited = wire.clock.now().saturating_duration_since(started);
        if waited.saturating_add(wait) > wire.timing.operation_wait {
            if watch.idle {
                return Err(lost_deletion());
            }
            return Err(own(
                Verdict::Busy,
                "OperationStillRunning",
                format!(
                    "Azure still works on it after {} minutes",
                    waited.as_secs() / 60
                ),
                Some("apply the same plan again later: it asks after the operation again"),
            ));
        }
        wire.clock.sleep(wait).await;
        loop {
            match watch.look().await? {
                Seen::Running(retry_after) => {
                    told = retry_after;
                    break;
                }
                // The object itself is looked at right away.
                Seen::Settle => {}
                Seen::Done(body) => return Ok(body),
            }
        }
    }
}

/// One look at an operation.
enum Seen {
    /// It goes on; ask again, after this time where Azure says so.
    Running(Option<Duration>),
    /// It is over, or its record is; the object tells the rest.
    Settle,
    /// It is over.
    Done(Option<Json>),
}

struct Watch<'a> {
    wire: &'a Wire,
    pending: &'a Pending,
    poll: Poll,
    target: String,
    /// Whether the operation is over and only the object is waited for.
    settling: bool,
    /// Whether the object of a deletion was last seen standing, with nothing done to it.
    idle: bool,
    doubted_since: Option<Instant>,
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<Seen, Failure> {
        let url = self.wire.pins.absolute(&self.pending.plane, &self.target)?;
        let call = Call::get(self.wire, &self.pending.plane, url, Purpose::Poll);
        let answer = match self.wire.exchange(&call).await {
            Ok(answer) => answer,
            Err(failure) if failure.status == Some(404) => return self.missing(failure),
            // What a Location ends with is the operation's own status.
            Err(failure) if self.poll == Poll::Location && is_result(&failure) => {
                return Err(Failure {
                    verdict: ended(failure.verdict),
                    ..failure
                });
            }
            Err(failure) => return Err(failure),
        };
        if (300..400).contains(&answer.status) {
            return self.redirected(&answer);
        }
        match self.poll {
            Poll::StatusDocument => self.status_document(&answer),
            Poll::Location => self.location(&answer),
            Poll::ProvisioningState => self.provisioning_state(&answer),
        }
    }

    fn status_document(&mut self, answer: &Answer) -> Result<Seen, Failure> {
        self.follow(answer, "azure-asyncoperation")?;
        let Some(document) = body_of(answer)? else {
            return match answer.status {
                202 => Ok(Seen::Running(retry_after(&answer.headers))),
                204 => self.over(None),
                _ => Err(bad(answer, "a status document without a body")),
            };
        };
        let word = document.get("status").and_then(Json::as_str);
        match word
            .or_else(|| provisioning_state(&document))
            .map(State::of)
        {
            Some(State::Running) => Ok(Seen::Running(retry_after(&answer.headers))),
            Some(State::Succeeded) => self.over(document.get("properties").cloned()),
            Some(State::Failed) => Err(operation_failed(answer, &document, "OperationFailed")),
            Some(State::Canceled) => Err(operation_failed(answer, &document, "Canceled")),
            None if answer.status == 202 => Ok(Seen::Running(retry_after(&answer.headers))),
            None => Err(bad(answer, "a status document without a status")),
        }
    }

    fn location(&mut self, answer: &Answer) -> Result<Seen, Failure> {
        if answer.status == 202 {
            self.follow(answer, "location")?;
        }
        let body = body_of(answer)?;
        let word = body
            .as_ref()
            .and_then(|body| body.get("status"))
            .and_then(Json::as_str);
        match word.map(State::of) {
            Some(State::Failed) => Err(operation_failed(
                answer,
                &body.unwrap_or_default(),
                "OperationFailed",
            )),
            Some(State::Canceled) => Err(operation_failed(
                answer,
                &body.unwrap_or_default(),
                "Canceled",
            )),
            Some(State::Running) => Ok(Seen::Running(retry_after(&answer.headers))),
            None if answer.status == 202 => Ok(Seen::Running(retry_after(&answer.headers))),
            Some(State::Succeeded) | None => self.over(body),
        }
    }

    fn provisioning_state(&mut self, answer: &Answer) -> Result<Seen, Failure> {
        let body = body_of(answer)?;
        let state = body.as_ref().and_then(provisioning_state).map(State::of);
        if self.deletes() {
            self.idle = !matches!(state, Some(State::Running));
            return match state {
                Some(State::Failed | State::Canceled) => {
                    Err(provisioning_failed(answer, body.as_ref()))
                }
                Some(State::Running) => Ok(Seen::Running(retry_after(&answer.headers))),
                _ if !self.settling || self.within_grace() => {
                    Ok(Seen::Running(retry_after(&answer.headers)))
                }
                _ => Err(lost_deletion()),
            };
        }
        match state {
            Some(State::Running) => Ok(Seen::Running(retry_after(&answer.headers))),
            Some(State::Failed | State::Canceled) => {
                Err(provisioning_failed(answer, body.as_ref()))
            }
            Some(State::Succeeded) | None => match body {
                Some(body) => Ok(Seen::Done(Some(body))),
                None => Err(bad(answer, "an object without a body")),
            },
        }
    }

    /// The operation ended well: what remains is the object, where there is one.
    fn over(&mut self, result: Option<Json>) -> Result<Seen, Failure> {
        match &self.pending.object {
            Some(object) if object.method != Method::Delete => self.settle(),
            Some(_) => Ok(Seen::Done(None)),
            None => Ok(Seen::Done(result)),
        }
    }

    fn settle(&mut self) -> Result<Seen, Failure> {
        let Some(object) = &self.pending.object else {
            return Ok(Seen::Done(None));
        };
        let url = self.wire.pins.url(object)?;
        self.target = self.wire.pins.relative(&object.plane, url.as_str())?;
        self.poll = Poll::ProvisioningState;
        self.settling = true;
        Ok(Seen::Settle)
    }

    /// A 404. For the object of a delete that is the end; the record of an operation may have
    /// expired, and then the object tells.
    fn missing(&mut self, failure: Failure) -> Result<Seen, Failure> {
        if self.poll != Poll::ProvisioningState {
            return match &self.pending.object {
                Some(_) => self.settle(),
                None => Err(Failure {
                    status: failure.status,
                    request_id: failure.request_id,
                    ..own(
                        Verdict::Unknown,
                        OPERATION_LOST,
                        format!("Azure no longer knows the operation ({})", failure.message),
                        Some("look at what it was about before it is asked for again"),
                    )
                }),
            };
        }
        if failure.verdict != Verdict::NotFound {
            return Err(failure);
        }
        if self.deletes() {
            return Ok(Seen::Done(None));
        }
        if self.within_grace() {
            return Ok(Seen::Running(None));
        }
        Err(failure)
    }

    /// Whether it is too early to believe the object: what has just changed may not be
    /// readable everywhere for some seconds.
    fn within_grace(&mut self) -> bool {
        let now = self.wire.clock.now();
        let since = *self.doubted_since.get_or_insert(now);
        now.saturating_duration_since(since) < self.wire.timing.parent_wait
    }

    /// A poll that points elsewhere: 303 to the result, the others to where to ask.
    fn redirected(&mut self, answer: &Answer) -> Result<Seen, Failure> {
        let Some(link) = header(answer, "location") else {
            return Err(bad(answer, "a redirect to nowhere"));
        };
        self.target = self.wire.pins.relative(&self.pending.plane, link)?;
        if self.poll == Poll::StatusDocument {
            self.poll = Poll::Location;
        }
        Ok(Seen::Running(retry_after(&answer.headers)))
    }

    /// A link that a poll gives anew replaces the one that was asked.
    fn follow(&mut self, answer: &Answer, name: &'static str) -> Result<(), Failure> {
        if let Some(link) = header(answer, name) {
            self.target = self.wire.pins.relative(&self.pending.plane, link)?;
        }
        Ok(())
    }

    fn deletes(&self) -> bool {
        let object = self.pending.object.as_ref();
        object.is_some_and(|object| object.method == Method::Delete)
    }
}

/// A deletion of which nothing is known any more but that the object still stands.
fn lost_deletion() -> Failure {
    own(
        Verdict::Unknown,
        OPERATION_LOST,
        "Azure no longer knows the deletion, and the object still stands".to_owned(),
        Some("plan again: the deletion is planned anew if it is still wanted"),
    )
}

pub(super) fn provisioning_state(body: &Json) -> Option<&str> {
    body.pointer("/properties/provisioningState")?.as_str()
}

/// The body of a success; `None` for none and for a literal `null`.
pub(super) fn body_of(answer: &Answer) -> Result<Option<Json>, Failure> {
    if answer.body.trim_ascii().is_empty() {
        return Ok(None);
    }
    match document(&answer.body) {
        Some(document) => Ok(Some(document.0).filter(|body| !body.is_null())),
        None => Err(bad(answer, "a success whose body is no JSON")),
    }
}

pub(super) fn header<'a>(answer: &'a Answer, name: &'static str) -> Option<&'a str> {
    let value = answer
        .headers
        .get_optional_str(&HeaderName::from_static(name))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

fn bad(answer: &Answer, what: &str) -> Failure {
    Failure {
        status: Some(answer.status),
        request_id: request_id(&answer.headers),
        ..own(
            Verdict::Unknown,
            "BadAnswer",
            format!("Azure answered with {what}"),
            None,
        )
    }
}

/// Whether a refused poll tells of the operation, and not of the asking.
fn is_result(failure: &Failure) -> bool {
    let asking = [401, 403, 408, 429];
    failure
        .status
        .is_some_and(|status| (400..500).contains(&status) && !asking.contains(&status))
}

/// What an operation's end means: the table of codes judges requests, and what has ended is not
/// busy any more, whatever its code.
fn ended(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Conflict => verdict,
        _ => Verdict::Fatal,
    }
}

/// The failure that an operation or its object ended with.
fn end(refusal: Refusal) -> Failure {
    let judgement = judge(&refusal);
    Failure {
        verdict: ended(judgement.verdict),
        ..failure(refusal, judgement)
    }
}

/// The failure that a status document tells, by its own code where it has one.
fn operation_failed(answer: &Answer, document: &Json, code: &str) -> Failure {
    match Refusal::of_document(answer.status, &answer.headers, document) {
        Some(refusal) => end(refusal),
        None => Failure {
            status: Some(answer.status),
            request_id: request_id(&answer.headers),
            ..own(
                Verdict::Fatal,
                code,
                "Azure ended the operation without a reason".to_owned(),
                None,
            )
        },
    }
}

pub(super) fn provisioning_failed(answer: &Answer, body: Option<&Json>) -> Failure {
    let word = body.and_then(provisioning_state).unwrap_or("Failed");
    let told = [
        "/properties/provisioningError",
        "/properties/error",
        "/error",
    ]
    .into_iter()
    .find_map(|path| Refusal::of_document(answer.status, &answer.headers, body?.pointer(path)?));
    match told {
        Some(refusal) => end(refusal),
        None => Failure {
            status: Some(answer.status),
            request_id: request_id(&answer.headers),
            ..own(
                Verdict::Fatal,
                "ProvisioningFailed",
                format!("the object's provisioningState is {word}"),
                Some("the activity log of the resource tells why; a later apply updates it again"),
            )
        },
    }
}

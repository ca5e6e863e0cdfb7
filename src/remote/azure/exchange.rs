//! One request, tried until there is an answer that counts, or no more sense in trying.

use std::sync::Arc;

use azure_core::Bytes;
use azure_core::credentials::AccessToken;
use azure_core::http::headers::AUTHORIZATION;
use url::Url;
use uuid::Uuid;

use super::clock::{Clock, Timing};
use super::counts::Counts;
use super::error::{Action, Fresh, failure, judge, own};
use super::graph;
use super::patience::{Again, Patience, Trouble};
use super::permit::Permit;
use super::pin::Pins;
use super::refusal::{Refusal, is_html};
use super::throttle::{Bucket, Throttle};
use super::tokens::Tokens;
use super::transport::{Answer, Lost, Transport};
use crate::provision::ports::{Failure, NO_ANSWER, Verdict};
use crate::resource::{Method, Plane, Request};

/// Everything that stands between a request and the network.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) transport: Transport,
    pub(super) tokens: Arc<Tokens>,
    pub(super) pins: Pins,
    pub(super) timing: Timing,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) throttle: Throttle,
    pub(super) counts: Counts,
}

/// The code of a request that could not be sent: there is no connection.
pub(super) const UNREACHABLE: &str = "Unreachable";

/// Why a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see what is there.
    Read,
    /// To change it.
    Write,
    /// To ask after an operation, whose own failure must not be taken for the poll's.
    Poll,
}

/// One request, ready to be tried.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) plane: &'a Plane,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Option<Bytes>,
    pub(super) idempotent: bool,
    pub(super) purpose: Purpose,
    /// How often a passing fault is met by another try.
    pub(super) retries: u32,
    /// The object id of the principal that the body grants something to.
    pub(super) principal: Option<&'a str>,
    /// The lease that it is sent under, where it is a write.
    pub(super) permit: Option<&'a Permit>,
    /// What sends it, where that is not what sends all others.
    pub(super) through: Option<&'a Transport>,
}

impl<'a> Call<'a> {
    /// The call that a request asks for.
    ///
    /// # Errors
    /// `InvalidRequest` when it has no URL of its own.
    pub(super) fn new(
        wire: &Wire,
        request: &'a Request,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        let granted = request
            .body
            .as_ref()
            .and_then(|body| body.pointer("/properties/principalId"));
        Ok(Self {
            plane: &request.plane,
            method: request.method,
            url: wire.pins.url(request)?,
            headers: &request.headers,
            body: graph::body(&wire.pins, request)?,
            idempotent: request.idempotent,
            purpose,
            retries: wire.timing.retries,
            principal: granted.and_then(serde_json::Value::as_str),
            permit: None,
            through: None,
        })
    }

    /// A GET of what an answer pointed to.
    pub(super) fn get(wire: &Wire, plane: &'a Plane, url: Url, purpose: Purpose) -> Self {
        Self {
            plane,
            method: Method::Get,
            url,
            headers: &[],
            body: None,
            idempotent: true,
            purpose,
            retries: wire.timing.retries,
            principal: None,
            permit: None,
            through: None,
        }
    }
}

impl Wire {
    /// Tries a call until it is answered. Every answer is a success, or a redirect of a poll.
    ///
    /// # Errors
    /// [`Failure`] as the last try left it.
    pub(super) async fn exchange(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut patience = Patience::new(self.timing, call.retries, self.clock.now());
        loop {
            let mut trouble = match self.attempt(call, &mut patience).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            if trouble.again == Again::Replicating(Fresh::Principal)
                && let Some(id) = call.principal
                && patience.doubts(self.is_unknown(id, &patience).await)
            {
                trouble.failure.verdict = Verdict::Fatal;
                trouble.failure.hint = Some(format!(
                    "the directory knows no object {id}: it is no new principal, check its object id"
                ));
                return Err(*trouble.failure);
            }
            let Some(wait) = patience.next(&trouble, self.clock.now()) else {
                return Err(*trouble.failure);
            };
            self.clock.sleep(wait).await;
        }
    }

    /// Sends a request without judging what comes back: every answer counts, but for those of a
    /// service that is busy. Where it throttles it is asked again as it wants; what else passes is
    /// met by another try where the request may be repeated.
    ///
    /// # Errors
    /// [`Failure`] when there is no token, no whole answer, or no end to the throttling.
    pub(super) async fn once(&self, request: &Request) -> Result<Answer, Failure> {
        let call = Call::new(self, request, Purpose::Read)?;
        let bucket = Bucket::of(call.plane, call.url.path());
        let mut patience = Patience::new(self.timing, call.retries, self.clock.now());
        loop {
            let admitted = self.admitted(&bucket, &patience).await;
            admitted.map_err(|trouble| *trouble.failure)?;
            let token = self.tokens.get(&self.pins.scope(call.plane)).await?;
            self.counts.add(call.method);
            let sent = self.transport.send(build(&call, &token)).await;
            let answer = sent.map_err(|lost| *lose(&call, lost).failure)?;
            let (method, path) = (call.method.as_str(), call.url.path());
            tracing::debug!(method, path, status = answer.status, "azure, once");
            if answer.status < 400 {
                self.throttle.answered(&bucket, &answer.headers);
                return Ok(answer);
            }
            let refused = self.refused(&call, &bucket, &answer, &mut patience);
            let again = match (refused.again, answer.status) {
                (Again::Throttled, _) => Again::Throttled,
                (_, 429) => Again::Passing,
                (_, 500..=599) if call.idempotent => Again::Passing,
                _ => Again::Never,
            };
            let trouble = Trouble { again, ..refused };
            match patience.next(&trouble, self.clock.now()) {
                Some(wait) => self.clock.sleep(wait).await,
                None => return Ok(answer),
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>, patience: &mut Patience) -> Result<Answer, Trouble> {
        let bucket = Bucket::of(call.plane, call.url.path());
        self.admitted(&bucket, patience).await?;
        let scope = self.pins.scope(call.plane);
        let token = self.tokens.get(&scope).await.map_err(Trouble::never)?;
        if let Some(permit) = call.permit {
            // Nothing is waited for between this and the socket.
            permit
                .ask(self.timing.write_timeout)
                .map_err(Trouble::never)?;
        }
        self.counts.add(call.method);
        let started = self.clock.now();
        let sent = self.send(call, &token).await;
        let taken = self.clock.now().saturating_duration_since(started);
        let milliseconds = u64::try_from(taken.as_millis()).unwrap_or(u64::MAX);
        let (method, path) = (call.method.as_str(), call.url.path());
        match sent {
            Ok(answer) => {
                tracing::debug!(method, path, status = answer.status, milliseconds, "azure");
                if answer.status == 401 && !patience.renewed {
                    patience.renewed = true;
                    self.tokens.forget(&scope, &token.token).await;
                    let mut trouble = self.refused(call, &bucket, &answer, patience);
                    trouble.again = Again::Renewed;
                    return Err(trouble);
                }
                self.weigh(call, &bucket, answer, patience)
            }
            Err(lost) => {
                tracing::debug!(method, path, milliseconds, "azure did not answer");
                Err(lose(call, lost))
            }
        }
    }

    /// One try, which under a lease ends well before it.
    async fn send(&self, call: &Call<'_>, token: &AccessToken) -> Result<Answer, Lost> {
        let transport = call.through.unwrap_or(&self.transport);
        let sending = transport.send(build(call, token));
        if call.permit.is_none() {
            return sending.await;
        }
        let limit = self.timing.write_timeout;
        tokio::time::timeout(limit, sending)
            .await
            .unwrap_or_else(|_| {
                let late = format!("none within {} s", limit.as_secs());
                Err(Lost::Midway(late))
            })
    }

    /// Waits until the bucket lets a request go.
    async fn admitted(&self, bucket: &Bucket, patience: &Patience) -> Result<(), Trouble> {
        while let Err(wait) = self.throttle.admit(bucket, self.clock.now()) {
            if !patience.allows(wait, self.clock.now()) {
                return Err(Trouble::never(patience.throttled.clone().unwrap_or_else(
                    || {
                        own(
                            Verdict::Busy,
                            "Throttled",
                            format!(
                                "Azure wants no requests to {bucket} for {} s",
                                wait.as_secs()
                            ),
                            Some("run again later; a smaller --parallelism asks less of Azure"),
                        )
                    },
                )));
            }
            self.clock.sleep(wait).await;
        }
        Ok(())
    }

    fn weigh(
        &self,
        call: &Call<'_>,
        bucket: &Bucket,
        answer: Answer,
        patience: &mut Patience,
    ) -> Result<Answer, Trouble> {
        match answer.status {
            200..=299 => {
                self.throttle.answered(bucket, &answer.headers);
                Ok(answer)
            }
            300..=399 if call.purpose == Purpose::Poll => Ok(answer),
            300..=399 => Err(Trouble::never(Failure {
                status: Some(answer.status),
                ..own(
                    Verdict::Unknown,
                    "Redirected",
                    format!(
                        "the answer is a redirect ({}), which is not followed with a token",
                        answer.status
                    ),
                    Some(
                        "check the endpoints, and whether a proxy or a sign-in page stands in between",
                    ),
                )
            })),
            _ => Err(self.refused(call, bucket, &answer, patience)),
        }
    }

    fn refused(
        &self,
        call: &Call<'_>,
        bucket: &Bucket,
        answer: &Answer,
        patience: &mut Patience,
    ) -> Trouble {
        let refusal = Refusal::read(answer.status, &answer.headers, &answer.body);
        let mut judgement = judge(&refusal);
        if call.method == Method::Head && answer.status == 404 {
            // Such an answer has no body, so it cannot say more; a page is not Azure's.
            if !is_html(&answer.headers, &answer.body) {
                judgement.verdict = Verdict::NotFound;
            }
        }
        let retry_after = refusal.retry_after;
        let action = judgement.action;
        let failure = failure(refusal, judgement);
        if action == Action::Throttled {
            let wait = retry_after.unwrap_or_else(|| patience.backoff.step());
            self.throttle.refused(bucket, self.clock.now(), wait);
            patience.throttled = Some(failure.clone());
        } else {
            self.throttle.answered(bucket, &answer.headers);
        }
        Trouble {
            again: again(
                call.method,
                call.idempotent,
                call.purpose,
                action,
                answer.status,
            ),
            failure: Box::new(failure),
            retry_after,
        }
    }

    /// Whether the directory says that it knows no such object. What it does not say, or says
    /// in other words, is no reason to give up on a fresh principal.
    async fn is_unknown(&self, id: &str, patience: &Patience) -> Option<bool> {
        if patience.asked >= 2 || Uuid::try_parse(id).is_err() {
            return None;
        }
        let target = format!("/v1.0/directoryObjects/{id}?$select=id");
        let url = self.pins.absolute(&Plane::Graph, &target).ok()?;
        let call = Call::get(self, &Plane::Graph, url, Purpose::Read);
        let mut once = Patience::new(self.timing, 0, self.clock.now());
        match self.attempt(&call, &mut once).await {
            Ok(_) => Some(false),
            Err(trouble) if trouble.failure.code == "Request_ResourceNotFound" => Some(true),
            Err(_) => None,
        }
    }
}

/// Whether a request that was refused is tried again.
pub(super) fn again(
    method: Method,
    idempotent: bool,
    purpose: Purpose,
    action: Action,
    status: u16,
) -> Again {
    let passing = matches!(status, 408 | 429 | 500..=599);
    match action {
        Action::Fatal => Again::Never,
        Action::Throttled => Again::Throttled,
        Action::Retry if idempotent => Again::Passing,
        Action::Retry => Again::Never,
        Action::Busy | Action::Replicating(_) if purpose == Purpose::Poll => {
            if passing {
                Again::Passing
            } else {
                Again::Never
            }
        }
        Action::Busy => Again::Busy,
        Action::Replicating(fresh) => match method {
            Method::Put | Method::Patch | Method::Post if purpose == Purpose::Write => {
                Again::Replicating(fresh)
            }
            _ => Again::Never,
        },
    }
}

fn lose(call: &Call<'_>, lost: Lost) -> Trouble {
    let host = call.url.origin().ascii_serialization();
    let (code, message, again) = match lost {
        Lost::Unsent(reason) => (
            UNREACHABLE,
            format!("no connection to {host}: {reason}"),
            Again::Passing,
        ),
        Lost::Midway(reason) => {
            let again = if call.idempotent {
                Again::Passing
            } else {
                Again::Never
            };
            (NO_ANSWER, format!("no answer from {host}: {reason}"), again)
        }
        Lost::Unsendable(reason) => {
            return Trouble::never(own(Verdict::Fatal, "InvalidRequest", reason, None));
        }
    };
    let hint = match again {
        Again::Never => {
            "it is unknown whether Azure took the request, so it was not sent again; look before you repeat it"
        }
        _ => "check the network, the proxy variables and [azure] cloud",
    };
    Trouble {
        failure: Box::new(own(Verdict::Unknown, code, message, Some(hint))),
        again,
        retry_after: None,
    }
}

fn build(call: &Call<'_>, token: &AccessToken) -> azure_core::http::Request {
    let method = match call.method {
        Method::Get => azure_core::http::Method::Get,
        Method::Head => azure_core::http::Method::Head,
        Method::Put => azure_core::http::Method::Put,
        Method::Patch => azure_core::http::Method::Patch,
        Method::Post => azure_core::http::Method::Post,
        Method::Delete => azure_core::http::Method::Delete,
    };
    let mut request = azure_core::http::Request::new(call.url.clone(), method);
    request.insert_header("accept", "application/json");
    if let Some(body) = &call.body {
        request.insert_header("content-type", "application/json");
        request.set_body(body.clone());
    }
    for (name, value) in call.headers {
        request.insert_header(name.to_ascii_lowercase(), value.clone());
    }
    request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
    request
}

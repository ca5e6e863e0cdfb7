//! What a client shows to get a token, over plain http, for authorities on this machine.
//!
//! ## Why
//! `azure_identity` refuses every authority that is not https, so the emulator could not be
//! signed in to. Everywhere else its own credential is used.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::Bytes;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientMethodOptions, Method, Request, Url};
use azure_core::time::OffsetDateTime;
use serde::Deserialize;

use super::clock::{Backoff, Clock, Timing};
use super::refusal::Refusal;
use super::transport::{Answer, Lost, Transport};

/// What stands for a client in a form whose client is a federated one.
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where tokens of foreign issuers come from.
#[async_trait]
pub trait Assertions: Send + Sync + fmt::Debug {
    /// A fresh token that stands for one client.
    ///
    /// # Errors
    /// Why there is none.
    async fn assertion(&self) -> Result<Secret, String>;
}

/// [`Assertions`] as `azure_identity` asks for them.
#[derive(Debug)]
pub(super) struct Issuer(pub(super) Arc<dyn Assertions>);

#[async_trait]
impl azure_identity::ClientAssertion for Issuer {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let given = self.0.assertion().await;
        given
            .map(|secret| secret.secret().to_owned())
            .map_err(|reason| Error::with_message(ErrorKind::Credential, reason))
    }
}

/// What a client shows.
pub(super) enum Proof {
    /// Its secret.
    Secret(Secret),
    /// A token of a foreign issuer that stands for it.
    Assertion(Arc<dyn Assertions>),
}

/// Signs in with a client id and a proof.
pub(super) struct ClientProof {
    transport: Transport,
    timing: Timing,
    clock: Arc<dyn Clock>,
    endpoint: Url,
    client_id: String,
    proof: Proof,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u32,
}

impl ClientProof {
    /// A credential of `tenant` at `authority`.
    ///
    /// # Errors
    /// The reason when tenant and authority make no URL.
    pub(super) fn new(
        transport: Transport,
        timing: Timing,
        clock: Arc<dyn Clock>,
        authority: &Url,
        (tenant, client_id, proof): (&str, String, Proof),
    ) -> Result<Self, String> {
        let named = !tenant.is_empty()
            && tenant
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if !named {
            return Err(format!("`{tenant}` is no tenant id"));
        }
        let endpoint = authority
            .join(&format!("/{tenant}/oauth2/v2.0/token"))
            .map_err(|problem| problem.to_string())?;
        Ok(Self {
            transport,
            timing,
            clock,
            endpoint,
            client_id,
            proof,
        })
    }

    async fn request(&self, scope: &str) -> azure_core::Result<Request> {
        let mut shown = match &self.proof {
            Proof::Secret(secret) => vec![("client_secret", secret.clone())],
            Proof::Assertion(assertions) => {
                let given = assertions.assertion().await;
                let refuse = |reason| Error::with_message(ErrorKind::Credential, reason);
                vec![("client_assertion", given.map_err(refuse)?)]
            }
        };
        if matches!(self.proof, Proof::Assertion(_)) {
            shown.push(("client_assertion_type", Secret::new(BEARER)));
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &self.client_id)
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", scope)
            .extend_pairs(shown.iter().map(|(name, value)| (name, value.secret())));
        let body = form.finish();
        let mut request = Request::new(self.endpoint.clone(), Method::Post);
        request.insert_header("content-type", "application/x-www-form-urlencoded");
        request.insert_header("accept", "application/json");
        request.set_body(Bytes::from(body));
        Ok(request)
    }

    fn read(answer: &Answer) -> azure_core::Result<AccessToken> {
        if answer.status == 200 {
            let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| {
                // The parser's own message would quote what stands there.
                Error::with_message(
                    ErrorKind::Credential,
                    "the token endpoint's answer holds no token",
                )
            })?;
            let life = std::time::Duration::from_secs(granted.expires_in.into());
            let expires_on = OffsetDateTime::now_utc() + life;
            return Ok(AccessToken::new(granted.access_token, expires_on));
        }
        let refusal = Refusal::read(answer.status, &answer.headers, &answer.body);
        let message = if refusal.code.starts_with("Http") {
            // What is no error document may repeat the form that was posted.
            format!("the token endpoint answered {}", answer.status)
        } else {
            refusal.message
        };
        let kind = ErrorKind::HttpResponse {
            status: answer.status.into(),
            error_code: None,
            raw_response: None,
        };
        Err(Error::with_message(kind, message))
    }
}

impl fmt::Debug for ClientProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientProof")
            .field("endpoint", &self.endpoint.as_str())
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for ClientProof {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let scope = scopes.join(" ");
        let mut backoff = Backoff::retries(&self.timing);
        let mut left = self.timing.retries;
        loop {
            let passing = match self.transport.send(self.request(&scope).await?).await {
                Ok(answer) if answer.status == 429 || answer.status >= 500 => Self::read(&answer),
                Ok(answer) => return Self::read(&answer),
                Err(Lost::Unsendable(reason)) => {
                    return Err(Error::with_message(ErrorKind::Credential, reason));
                }
                Err(Lost::Unsent(reason) | Lost::Midway(reason)) => {
                    Err(Error::with_message(ErrorKind::Connection, reason))
                }
            };
            if left == 0 {
                return passing;
            }
            left -= 1;
            self.clock.sleep(backoff.step()).await;
        }
    }
}

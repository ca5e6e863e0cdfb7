//! The local Azure as the issuer of foreign tokens, and as the place where people sign in: what
//! happens in a browser or at another cloud elsewhere is one request here.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::time::OffsetDateTime;
use serde_json::{Value as Json, json};
use url::Url;

use super::super::client_proof::Assertions;
use super::super::credential::Credential;
use super::super::transport::PlainClient;
use crate::proof::Issued;

/// The header that opens the control endpoints of a local Azure.
const SECRET: &str = "x-emulator-secret";

/// Gives out what a local Azure says in the name of others.
#[derive(Clone)]
pub struct LocalIssuer {
    http: PlainClient,
    endpoint: Url,
    secret: Secret,
}

impl LocalIssuer {
    /// The issuer of the local Azure at `origin`, whose control endpoints `secret` opens. `http`
    /// trusts it.
    pub fn new(http: PlainClient, origin: &Url, secret: String) -> Self {
        let mut endpoint = origin.clone();
        endpoint.set_path("/emulator/assertion");
        Self {
            http,
            endpoint,
            secret: Secret::new(secret),
        }
    }

    /// How somebody signs in for whom these tokens stand.
    pub fn principal(&self, client_id: &str, issued: &Issued) -> Credential {
        Credential::Federated {
            client_id: client_id.to_owned(),
            assertions: Arc::new(Played {
                issuer: self.clone(),
                issued: issued.clone(),
            }),
        }
    }

    /// How a person signs in: by object id or sign-in name.
    pub fn person(&self, user: &str) -> Credential {
        Credential::Given(Arc::new(Person {
            issuer: self.clone(),
            user: user.to_owned(),
        }))
    }

    async fn ask(&self, order: &Json) -> Result<Json, String> {
        let request = self
            .http
            .request(reqwest::Method::POST, self.endpoint.clone())?
            .header(SECRET, self.secret.secret())
            .header("content-type", "application/json")
            .body(order.to_string());
        let lost = |problem: reqwest::Error| format!("the emulator does not answer: {problem}");
        let answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        let text = answer.text().await.map_err(lost)?;
        let body: Json = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let why = body.pointer("/error/message").and_then(Json::as_str);
        Err(why.unwrap_or(status.as_str()).to_owned())
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer")
            .field("endpoint", &self.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

/// Tokens of one played issuer.
#[derive(Debug)]
struct Played {
    issuer: LocalIssuer,
    issued: Issued,
}

#[async_trait]
impl Assertions for Played {
    async fn assertion(&self) -> Result<Secret, String> {
        let order = json!({
            "issuer": self.issued.issuer,
            "subject": self.issued.subject,
            "audience": self.issued.audience,
        });
        let body = self.issuer.ask(&order).await?;
        let token = body["assertion"].as_str();
        let token = token.ok_or("the emulator's answer holds no assertion")?;
        Ok(Secret::new(token.to_owned()))
    }
}

/// A person, who signs in without being asked anything.
#[derive(Debug)]
struct Person {
    issuer: LocalIssuer,
    user: String,
}

#[async_trait]
impl TokenCredential for Person {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let refuse = |reason: String| Error::with_message(ErrorKind::Credential, reason);
        let scope = scopes.first().copied().unwrap_or_default();
        let order = json!({
            "user": self.user,
            "audience": scope.trim_end_matches("/.default"),
        });
        let body = self.issuer.ask(&order).await.map_err(refuse)?;
        let token = body["access_token"].as_str();
        let token = token.ok_or_else(|| refuse("the emulator's answer holds no token".into()))?;
        let life = body["expires_in"].as_u64().unwrap_or_default();
        let until = OffsetDateTime::now_utc() + std::time::Duration::from_secs(life);
        Ok(AccessToken::new(token.to_owned(), until))
    }
}

//! The OAuth 2 token endpoint, client-credentials grant.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use super::directory::Principal;
use super::sign_in::{Proof, sign_in};
use super::tokens::{Audience, LIFETIME};
use crate::azure::Azure;
use crate::server::{Answer, Call};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// Which of Entra's two endpoints was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `resource=…`, numbers as text in the answer.
    V1,
    /// `scope=…/.default`.
    V2,
}

/// An OAuth error with its AADSTS number.
pub struct Refusal {
    status: u16,
    error: &'static str,
    number: u32,
    text: String,
}

impl Refusal {
    pub fn new(status: u16, error: &'static str, number: u32, text: String) -> Self {
        Self {
            status,
            error,
            number,
            text,
        }
    }
}

pub fn answer(azure: &Azure, call: &Call, tenant: &str, version: Version) -> Answer {
    let form: HashMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
    match grant(azure, call, tenant, &form, version) {
        Ok(answer) => answer,
        Err(refusal) => refuse(azure, &refusal),
    }
}

/// The answer for a tenant that is not played here, at any of Entra's endpoints.
pub fn unknown_tenant(azure: &Azure, tenant: &str) -> Answer {
    refuse(azure, &tenant_refusal(tenant))
}

fn grant(
    azure: &Azure,
    call: &Call,
    tenant: &str,
    form: &HashMap<String, String>,
    version: Version,
) -> Result<Answer, Refusal> {
    if !tenant.eq_ignore_ascii_case(azure.directory.tenant()) {
        return Err(tenant_refusal(tenant));
    }
    let parameter = |name: &str| form.get(name).map(String::as_str).filter(|v| !v.is_empty());
    match parameter("grant_type").ok_or_else(|| missing("grant_type"))? {
        "client_credentials" => {}
        other => {
            return Err(Refusal {
                status: 400,
                error: "unsupported_grant_type",
                number: 70003,
                text: format!("The app requested an unsupported grant type '{other}'."),
            });
        }
    }
    let (client_id, secret) = match basic(call) {
        Some(pair) => pair,
        None => (
            parameter("client_id")
                .ok_or_else(|| missing("client_id"))?
                .to_owned(),
            parameter("client_secret").unwrap_or_default().to_owned(),
        ),
    };
    let proof = match (secret.as_str(), parameter("client_assertion")) {
        ("", Some(token)) => Proof::Assertion(token),
        ("", None) => Proof::Nothing,
        (secret, _) => Proof::Secret(secret),
    };
    let principal = sign_in(azure, &client_id, proof)?;
    let audience = match version {
        Version::V1 => parameter("resource")
            .ok_or_else(|| missing("resource"))?
            .to_owned(),
        Version::V2 => scoped(parameter("scope").ok_or_else(|| missing("scope"))?)?,
    };
    if Audience::named(&audience).is_none() {
        return Err(Refusal {
            status: 400,
            error: "invalid_resource",
            number: 500_011,
            text: format!(
                "The resource principal named {audience} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
            ),
        });
    }
    Ok(issued(azure, &principal, &audience, version))
}

fn issued(azure: &Azure, principal: &Principal, audience: &str, version: Version) -> Answer {
    let now = azure.clock.now();
    let token = azure.directory.issue(principal, audience, now);
    Answer::json(
        200,
        match version {
            Version::V2 => json!({
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "ext_expires_in": LIFETIME,
                "access_token": token,
            }),
            Version::V1 => json!({
                "token_type": "Bearer",
                "expires_in": LIFETIME.to_string(),
                "ext_expires_in": LIFETIME.to_string(),
                "expires_on": (now.seconds() + LIFETIME).to_string(),
                "not_before": now.seconds().to_string(),
                "resource": audience,
                "access_token": token,
            }),
        },
    )
    .with("cache-control", "no-store, no-cache")
}

/// The resource in a `scope` of the client-credentials grant.
fn scoped(scope: &str) -> Result<String, Refusal> {
    scope
        .split_whitespace()
        .find_map(|scope| scope.strip_suffix("/.default"))
        .map(ToOwned::to_owned)
        .ok_or_else(|| Refusal {
            status: 400,
            error: "invalid_scope",
            number: 1_002_012,
            text: format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            ),
        })
}

/// Client id and secret of an `Authorization: Basic` header.
fn basic(call: &Call) -> Option<(String, String)> {
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn missing(name: &str) -> Refusal {
    Refusal {
        status: 400,
        error: "invalid_request",
        number: 900_144,
        text: format!("The request body must contain the following parameter: '{name}'."),
    }
}

fn tenant_refusal(tenant: &str) -> Refusal {
    Refusal {
        status: 400,
        error: "invalid_request",
        number: 90002,
        text: format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
        ),
    }
}

fn refuse(azure: &Azure, refusal: &Refusal) -> Answer {
    let (trace, correlation) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let stamp = azure.clock.now().spaced();
    let description = format!(
        "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
        refusal.number, refusal.text
    );
    Answer::json(
        refusal.status,
        json!({
            "error": refusal.error,
            "error_description": description,
            "error_codes": [refusal.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", refusal.number),
        }),
    )
    .with("cache-control", "no-store, no-cache")
}

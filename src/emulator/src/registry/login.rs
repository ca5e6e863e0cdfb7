//! How callers get tokens: `/oauth2/exchange`, `/oauth2/token`, and passwords.
//! <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>

use super::access;
use super::fault::Fault;
use super::request::Request;
use super::scope::Scope;
use super::tokens::{self, Caller};
use crate::azure::Azure;
use crate::entra::{Audience, Proof, signed_in};
use crate::server::{Answer, Call};
use crate::state::{Moment, Object, World};
use crate::types::token;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The user name beside which a token is the password.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// A user name and a password, or only the latter.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub user: &'a str,
    pub password: &'a str,
}

/// The members of a form or query.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(call: &Call) -> Self {
        let sent = form_urlencoded::parse(&call.body).into_owned();
        Self(sent.chain(call.query.iter().cloned()).collect())
    }

    fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// `POST /oauth2/exchange`: a token of Entra for a refresh token of this registry.
pub fn exchange(request: &Request<'_>) -> Result<Answer, Fault> {
    let form = Form::of(request.call);
    service(request, &form)?;
    if let Some(tenant) = form.get("tenant")
        && !tenant.eq_ignore_ascii_case(request.azure.directory.tenant())
    {
        return Err(Fault::unauthorized(&[]));
    }
    let token = match form.get("grant_type") {
        Some("access_token" | "access_token_refresh_token") => form.get("access_token"),
        // Entra gives applications no refresh tokens, and people sign in elsewhere here.
        Some("refresh_token") => None,
        _ => return Err(Fault::bad("grant_type is not supported")),
    };
    let (directory, now) = (&request.azure.directory, request.now);
    let caller = token
        .and_then(|token| entra(request.azure, &request.registry, token, now))
        .ok_or_else(|| Fault::unauthorized(&[]))?;
    let token = tokens::refresh(directory, request.server(), &caller, now);
    Ok(Answer::json(200, json!({ "refresh_token": token })))
}

/// `POST` or `GET /oauth2/token`: an access token with what of the asked scopes its caller
/// gets.
pub fn token(request: &Request<'_>) -> Result<Answer, Fault> {
    let form = Form::of(request.call);
    service(request, &form)?;
    let caller = caller(request, &form)?;
    let asked = Scope::parse_all(form.all("scope"));
    let (azure, registry) = (request.azure, &request.registry);
    let given = request.read(|world| access::granted(azure, world, registry, &caller, &asked));
    if given.is_empty() && !asked.is_empty() && caller != Caller::Anonymous {
        return Err(Fault::unauthorized(&asked));
    }
    let token = tokens::access(&azure.directory, request.server(), &given, request.now);
    Ok(Answer::json(200, json!({ "access_token": token })))
}

/// Who asks for an access token.
fn caller(request: &Request<'_>, form: &Form) -> Result<Caller, Fault> {
    let (azure, registry, now) = (request.azure, &request.registry, request.now);
    let refused = || Fault::unauthorized(&[]);
    if let Some(caller) = basic(request) {
        return caller.ok_or_else(refused);
    }
    if let Some(token) = form.get("refresh_token") {
        return tokens::refreshed(&azure.directory, request.server(), token, now)
            .ok_or_else(refused);
    }
    match (form.get("grant_type"), form.get("password")) {
        (Some("password"), Some(password)) => {
            let user = form.get("username").unwrap_or_default();
            let shown = Shown { user, password };
            request
                .read(|world| knows(azure, world, registry, shown, now))
                .ok_or_else(refused)
        }
        (Some("password") | None, None) => Ok(Caller::Anonymous),
        (Some("refresh_token"), _) => Err(refused()),
        _ => Err(Fault::bad("grant_type is not supported")),
    }
}

/// The service that is named must be this registry, if one is.
fn service(request: &Request<'_>, form: &Form) -> Result<(), Fault> {
    let named = form.get("service").unwrap_or(request.server());
    let named = named.split(':').next().unwrap_or(named);
    if named.eq_ignore_ascii_case(request.server()) {
        Ok(())
    } else {
        Err(Fault::unauthorized(&[]))
    }
}

/// Whom `Authorization: Basic` speaks for: nothing without that header, nobody where it is
/// wrong.
pub fn basic(request: &Request<'_>) -> Option<Option<Caller>> {
    let encoded = request.call.header("authorization").and_then(|header| {
        let (scheme, rest) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Basic").then_some(rest.trim())
    })?;
    let text = STANDARD
        .decode(encoded)
        .ok()
        .and_then(|text| String::from_utf8(text).ok())
        .unwrap_or_default();
    let (user, password) = text.split_once(':').unwrap_or_default();
    let (azure, registry, now) = (request.azure, &request.registry, request.now);
    let shown = Shown { user, password };
    Some(request.read(|world| knows(azure, world, registry, shown, now)))
}

/// Whom a user name and password speak for: the admin user, a registry token, an
/// application, or whoever a token beside an empty name was given to.
pub fn knows(
    azure: &Azure,
    world: &World,
    registry: &Object,
    shown: Shown<'_>,
    now: Moment,
) -> Option<Caller> {
    let Shown { user, password } = shown;
    if password.is_empty() {
        return None;
    }
    if user.is_empty() || user == NOBODY {
        let server = registry.text("/properties/loginServer")?;
        return tokens::refreshed(&azure.directory, server, password, now)
            .or_else(|| entra(azure, registry, password, now));
    }
    if user.eq_ignore_ascii_case(registry.name()) {
        let enabled = registry.body["properties"]["adminUserEnabled"] == json!(true);
        let right = registry.hidden["passwords"]
            .as_array()
            .is_some_and(|known| known.iter().any(|known| known == password));
        return (enabled && right).then_some(Caller::Admin);
    }
    if let Some(name) = token::signed_in(world, registry, user, password, now) {
        return Some(Caller::Token(name));
    }
    signed_in(azure, world, user, Proof::Secret(password))
        .ok()
        .map(Caller::from)
}

/// Whom a token of Entra speaks for: one for registries, or one for ARM unless the
/// registry's policy refuses those.
fn entra(azure: &Azure, registry: &Object, token: &str, now: Moment) -> Option<Caller> {
    let policy = registry
        .body
        .pointer("/properties/policies/azureADAuthenticationAsArmPolicy/status")
        .and_then(Value::as_str);
    let verify = |audience| azure.directory.verify(token, audience, now).ok();
    verify(Audience::Registry)
        .or_else(|| {
            (policy != Some("disabled"))
                .then(|| verify(Audience::Arm))
                .flatten()
        })
        .map(Caller::from)
}

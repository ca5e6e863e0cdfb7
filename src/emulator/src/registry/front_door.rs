//! The way of a request into a registry: registry, network, what it asks, who asks.

use super::access::{self, Action};
use super::attributes::Subject;
use super::fault::Fault;
use super::reference::repository_name;
use super::request::Request;
use super::scope::Scope;
use super::tokens::{self, Caller};
use super::{attributes, layers, lists, login, manifests};
use crate::azure::Azure;
use crate::reach::barrier;
use crate::server::{Answer, Call};
use crate::state::Object;
use crate::types;
use axum::http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers for `NAME.azurecr.io`.
pub fn answer(azure: &Azure, call: &Call, name: &str) -> Answer {
    let registry = azure.store.read(|world| types::registry_named(world, name));
    let mut answer = match registry {
        Some(registry) => admit(azure, call, registry).unwrap_or_else(Answer::from),
        None => Answer::from(Fault::new(
            404,
            "NAME_UNKNOWN",
            format!("the registry {name} could not be found"),
            Value::Null,
        )),
    };
    answer.default_header("docker-distribution-api-version", "registry/2.0");
    answer.default_header(
        "access-control-expose-headers",
        "Docker-Content-Digest, WWW-Authenticate, Link, X-Ms-Correlation-Request-Id",
    );
    answer
}

fn admit(azure: &Azure, call: &Call, registry: Arc<Object>) -> Result<Answer, Fault> {
    let mut request = Request {
        azure,
        call,
        registry,
        held: Vec::new(),
        now: azure.clock.now(),
    };
    in_service(&request)?;
    reached(&request)?;
    match (&call.method, call.path.as_str()) {
        (&Method::POST, "/oauth2/exchange") => return login::exchange(&request),
        (&Method::POST | &Method::GET, "/oauth2/token") => return login::token(&request),
        _ => {}
    }
    let asked = meaning(&call.method, &call.path)?;
    let needed = asked.needs();
    request.held = held(&request, &needed)?;
    run(&request, asked)
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked<'a> {
    Version,
    Catalog,
    Manifest(&'a str, &'a str),
    PutManifest(&'a str, &'a str),
    DeleteManifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
    DeleteBlob(&'a str, &'a str),
    Upload(&'a str),
    UploadStatus(&'a str, &'a str),
    Append(&'a str, &'a str),
    Finish(&'a str, &'a str),
    Cancel(&'a str, &'a str),
    Tags(&'a str),
    Referrers(&'a str, &'a str),
    Attributes(Subject<'a>),
    SetAttributes(Subject<'a>),
    Remove(Subject<'a>),
    ListTags(&'a str),
    ListManifests(&'a str),
}

impl<'a> Asked<'a> {
    fn repository(&self) -> Option<&'a str> {
        match *self {
            Self::Version | Self::Catalog => None,
            Self::Manifest(name, _)
            | Self::PutManifest(name, _)
            | Self::DeleteManifest(name, _)
            | Self::Blob(name, _)
            | Self::DeleteBlob(name, _)
            | Self::Upload(name)
            | Self::UploadStatus(name, _)
            | Self::Append(name, _)
            | Self::Finish(name, _)
            | Self::Cancel(name, _)
            | Self::Tags(name)
            | Self::Referrers(name, _)
            | Self::ListTags(name)
            | Self::ListManifests(name) => Some(name),
            Self::Attributes(subject) | Self::SetAttributes(subject) | Self::Remove(subject) => {
                Some(subject.repository())
            }
        }
    }

    /// The scopes that it takes.
    fn needs(&self) -> Vec<Scope> {
        let actions: &[Action] = match self {
            Self::Version => return Vec::new(),
            Self::Catalog => return vec![Scope::catalog()],
            Self::Manifest(..) | Self::Blob(..) | Self::Referrers(..) => &[Action::Pull],
            Self::Tags(_) | Self::Attributes(_) | Self::ListTags(_) | Self::ListManifests(_) => {
                &[Action::MetadataRead]
            }
            Self::SetAttributes(_) => &[Action::MetadataWrite],
            Self::Remove(_) | Self::DeleteManifest(..) | Self::DeleteBlob(..) => &[Action::Delete],
            Self::PutManifest(..)
            | Self::Upload(_)
            | Self::UploadStatus(..)
            | Self::Append(..)
            | Self::Finish(..)
            | Self::Cancel(..) => &[Action::Pull, Action::Push],
        };
        let words: Vec<&str> = actions.iter().map(|action| action.word()).collect();
        self.repository()
            .map(|name| Scope::repository(name, &words))
            .into_iter()
            .collect()
    }
}

fn meaning<'a>(method: &Method, path: &'a str) -> Result<Asked<'a>, Fault> {
    let asked = match path {
        "/v2" if reads(method) => Some(Asked::Version),
        "/v2/_catalog" | "/acr/v1/_catalog" if method == Method::GET => Some(Asked::Catalog),
        _ => None,
    };
    let asked = asked.or_else(|| distribution(method, path.strip_prefix("/v2/")?));
    let asked = asked.or_else(|| extension(method, path.strip_prefix("/acr/v1/")?));
    let asked = asked.ok_or_else(|| {
        let text = "The resource does not exist.";
        Fault::new(404, "NOT_FOUND", text, Value::Null)
    })?;
    match asked.repository() {
        Some(name) if !repository_name(name) => Err(Fault::new(
            400,
            "NAME_INVALID",
            "invalid repository name",
            json!({ "name": name }),
        )),
        _ => Ok(asked),
    }
}

fn reads(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// `/v2/NAME/…`. A repository's name may hold slashes: it is what stands before the words
/// at the end.
fn distribution<'a>(method: &Method, path: &'a str) -> Option<Asked<'a>> {
    let (front, last) = path.rsplit_once('/')?;
    let (name, word) = front.rsplit_once('/')?;
    Some(match (method, word, last) {
        (&Method::POST, "blobs", "uploads") => Asked::Upload(name),
        (&Method::GET, "tags", "list") => Asked::Tags(name),
        (_, "uploads", id) => {
            let name = name.strip_suffix("/blobs")?;
            match *method {
                Method::GET => Asked::UploadStatus(name, id),
                Method::PATCH => Asked::Append(name, id),
                Method::PUT => Asked::Finish(name, id),
                Method::DELETE => Asked::Cancel(name, id),
                _ => return None,
            }
        }
        (&Method::GET | &Method::HEAD, "blobs", digest) => Asked::Blob(name, digest),
        (&Method::DELETE, "blobs", digest) => Asked::DeleteBlob(name, digest),
        (&Method::GET | &Method::HEAD, "manifests", version) => Asked::Manifest(name, version),
        (&Method::PUT, "manifests", version) => Asked::PutManifest(name, version),
        (&Method::DELETE, "manifests", version) => Asked::DeleteManifest(name, version),
        (&Method::GET, "referrers", digest) => Asked::Referrers(name, digest),
        _ => return None,
    })
}

/// `/acr/v1/NAME/…`
fn extension<'a>(method: &Method, path: &'a str) -> Option<Asked<'a>> {
    if let Some(name) = path.strip_suffix("/_tags") {
        return (method == Method::GET).then_some(Asked::ListTags(name));
    }
    if let Some(name) = path.strip_suffix("/_manifests") {
        return (method == Method::GET).then_some(Asked::ListManifests(name));
    }
    let within = path
        .rsplit_once('/')
        .and_then(|(front, last)| Some((front.rsplit_once('/')?, last)));
    let subject = match within {
        Some(((name, "_tags"), tag)) => Subject::Tag(name, tag),
        Some(((name, "_manifests"), digest)) => Subject::Manifest(name, digest),
        _ => Subject::Repository(path),
    };
    match (method, subject) {
        (&Method::GET, _) => Some(Asked::Attributes(subject)),
        (&Method::PATCH, _) => Some(Asked::SetAttributes(subject)),
        (&Method::DELETE, Subject::Repository(_) | Subject::Tag(..)) => {
            Some(Asked::Remove(subject))
        }
        _ => None,
    }
}

fn run(request: &Request<'_>, asked: Asked<'_>) -> Result<Answer, Fault> {
    match asked {
        Asked::Version => Ok(Answer::json(200, json!({}))),
        Asked::Catalog => lists::catalog(request),
        Asked::Manifest(name, version) => manifests::get(request, name, version),
        Asked::PutManifest(name, version) => manifests::put(request, name, version),
        Asked::DeleteManifest(name, version) => manifests::delete(request, name, version),
        Asked::Blob(name, digest) => layers::get(request, name, digest),
        Asked::DeleteBlob(name, digest) => layers::delete(request, name, digest),
        Asked::Upload(name) => layers::begin(request, name),
        Asked::UploadStatus(name, id) => layers::status(request, name, id),
        Asked::Append(name, id) => layers::append(request, name, id),
        Asked::Finish(name, id) => layers::finish(request, name, id),
        Asked::Cancel(name, id) => layers::cancel(request, name, id),
        Asked::Tags(name) => lists::tags(request, name),
        Asked::Referrers(name, digest) => lists::referrers(request, name, digest),
        Asked::Attributes(subject) => attributes::get(request, subject),
        Asked::SetAttributes(subject) => attributes::set(request, subject),
        Asked::Remove(subject) => attributes::remove(request, subject),
        Asked::ListTags(name) => attributes::tags(request, name),
        Asked::ListManifests(name) => attributes::manifests(request, name),
    }
}

/// Pushes and pulls go on as long as the home region or a replica's is up.
fn in_service(request: &Request<'_>) -> Result<(), Fault> {
    let outages = &request.azure.outages;
    let home = request.registry.location().unwrap_or_default().to_owned();
    let replicas: Vec<String> =
        request.read(|world| types::registry_regions(world, &request.registry).collect());
    if [home]
        .iter()
        .chain(&replicas)
        .any(|region| !outages.down(region))
    {
        return Ok(());
    }
    let text = "The service is temporarily unavailable. Please try again later.";
    Err(Fault::new(503, "UNAVAILABLE", text, Value::Null))
}

/// Refuses callers that do not reach the registry.
fn reached(request: &Request<'_>) -> Result<(), Fault> {
    let settings = &request.azure.settings;
    match request.read(|world| barrier(settings, world, &request.registry)) {
        None => Ok(()),
        Some(_) => Err(Fault::new(
            403,
            "DENIED",
            "client with IP '127.0.0.1' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.",
            Value::Null,
        )),
    }
}

/// The scopes that a caller shows, which must cover what is needed.
fn held(request: &Request<'_>, needed: &[Scope]) -> Result<Vec<Scope>, Fault> {
    let (held, error) = match shown(request) {
        Shown::Scopes(held) => (held, "insufficient_scope"),
        Shown::Caller(caller) => {
            // A mount reads another repository, too: everything that is asked for counts.
            let from = request.call.parameter("from");
            let asked: Vec<Scope> = needed
                .iter()
                .cloned()
                .chain(from.map(|name| Scope::repository(name, &["pull"])))
                .collect();
            let held = request.read(|world| {
                access::granted(request.azure, world, &request.registry, &caller, &asked)
            });
            (held, "insufficient_scope")
        }
        Shown::Wrong => return Err(challenge(request, needed, Some("invalid_token"))),
        Shown::Nothing => return Err(challenge(request, needed, None)),
    };
    if needed.iter().all(|scope| scope.covered_by(&held)) {
        Ok(held)
    } else {
        Err(challenge(request, needed, Some(error)))
    }
}

/// What a request shows of its caller.
enum Shown {
    Scopes(Vec<Scope>),
    Caller(Caller),
    Wrong,
    Nothing,
}

fn shown(request: &Request<'_>) -> Shown {
    if let Some(caller) = login::basic(request) {
        return caller.map_or(Shown::Wrong, Shown::Caller);
    }
    let bearer = request.call.header("authorization").and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("Bearer")
            .then_some(token.trim())
    });
    match bearer {
        None => Shown::Nothing,
        Some(token) => {
            let directory = &request.azure.directory;
            tokens::accessed(directory, request.server(), token, request.now)
                .map_or(Shown::Wrong, Shown::Scopes)
        }
    }
}

fn challenge(request: &Request<'_>, needed: &[Scope], error: Option<&str>) -> Fault {
    let mut text = format!(
        "Bearer realm=\"{}/oauth2/token\",service=\"{}\"",
        request.call.origin,
        request.server()
    );
    if !needed.is_empty() {
        let scopes: Vec<String> = needed.iter().map(ToString::to_string).collect();
        text.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    if let Some(error) = error {
        text.push_str(&format!(",error=\"{error}\""));
    }
    Fault {
        challenge: Some(text),
        ..Fault::unauthorized(needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes_are_told_from_what_follows() {
        let asked = |method: Method, path: &'static str| meaning(&method, path).ok();
        assert_eq!(
            asked(Method::GET, "/v2/a/b/manifests/1"),
            Some(Asked::Manifest("a/b", "1"))
        );
        assert_eq!(
            asked(Method::POST, "/v2/a/b/blobs/uploads"),
            Some(Asked::Upload("a/b"))
        );
        assert_eq!(
            asked(Method::PATCH, "/v2/a/b/blobs/uploads/u"),
            Some(Asked::Append("a/b", "u"))
        );
        assert_eq!(
            asked(Method::PATCH, "/acr/v1/a/b/_tags/1"),
            Some(Asked::SetAttributes(Subject::Tag("a/b", "1")))
        );
        assert_eq!(
            asked(Method::GET, "/acr/v1/a/b"),
            Some(Asked::Attributes(Subject::Repository("a/b")))
        );
        assert_eq!(asked(Method::GET, "/v2/_catalog"), Some(Asked::Catalog));
        for nothing in ["/v2/a", "/v2/A/manifests/1", "/v3", "/v2/a/uploads/u"] {
            assert_eq!(asked(Method::GET, nothing), None, "{nothing}");
        }
    }
}

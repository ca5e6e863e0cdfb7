//! A request, taken apart once.

use super::targets;
use crate::state::Outcome;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request};
use percent_encoding::percent_decode_str;
use std::time::Instant;

/// A request as all layers see it.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// Percent-decoded, with runs of slashes folded and none at the end.
    pub path: String,
    /// Path and query as sent.
    pub target: String,
    /// Decoded query parameters in the order sent.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The host that was asked, in lower case and without port.
    pub host: String,
    /// Scheme, host and port as the caller wrote them: what absolute addresses start with.
    pub origin: String,
    /// What a fault wants to become of an operation that this call starts.
    pub fate: Option<Outcome>,
    /// When it had come in.
    pub arrived: Instant,
}

impl Call {
    /// A request that came over `scheme`.
    pub fn new(scheme: &str, parts: request::Parts, body: Bytes) -> Self {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .or(parts.uri.authority().map(|authority| authority.as_str()))
            .unwrap_or("127.0.0.1")
            .to_owned();
        Self {
            method: parts.method,
            path: fold(parts.uri.path()),
            target: parts
                .uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            query: query(&parts.uri),
            headers: parts.headers,
            body,
            origin: format!("{scheme}://{host}"),
            host: without_port(&host).to_ascii_lowercase(),
            fate: None,
            arrived: Instant::now(),
        }
    }

    /// A request that came inside this one: the same caller, another target. `None` where
    /// the target is not one.
    pub fn part(
        &self,
        method: Method,
        target: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Option<Self> {
        let uri: Uri = targets::encoded(target.as_bytes()).try_into().ok()?;
        let mut all = self.headers.clone();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            all.insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some(Self {
            method,
            path: fold(uri.path()),
            target: uri.to_string(),
            query: query(&uri),
            headers: all,
            body,
            fate: None,
            ..self.clone()
        })
    }

    /// The first query parameter of that name; names are compared without case, as ARM does.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A header that is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn fold(path: &str) -> String {
    let mut folded = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        folded.push('/');
        folded.push_str(&percent_decode_str(segment).decode_utf8_lossy());
    }
    folded
}

fn query(uri: &Uri) -> Vec<(String, String)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_folded_and_decoded_and_the_port_is_kept_for_addresses() {
        let (parts, ()) = axum::http::Request::get("//a//b%20c/?X=1&$filter=a%20eq%20'b'")
            .header("host", "Name.vault.localhost:81")
            .body(())
            .unwrap()
            .into_parts();
        let call = Call::new("http", parts, Bytes::new());
        assert_eq!(call.path, "/a/b c");
        assert_eq!(call.parameter("x"), Some("1"));
        assert_eq!(call.parameter("$filter"), Some("a eq 'b'"));
        assert_eq!(call.host, "name.vault.localhost");
        assert_eq!(call.origin, "http://Name.vault.localhost:81");
    }
}

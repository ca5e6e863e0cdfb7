//! An answer before it becomes HTTP.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

/// Status, headers and body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// A body that is not JSON, with its media type.
    pub content: Option<(String, Bytes)>,
    /// The connection is closed instead.
    pub dropped: bool,
}

impl Answer {
    /// No body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
            content: None,
            dropped: false,
        }
    }

    pub fn json(status: u16, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::empty(status)
        }
    }

    /// A body that goes out as it is.
    pub fn content(status: u16, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self {
            content: Some((media_type.to_owned(), bytes.into())),
            ..Self::empty(status)
        }
    }

    /// The connection closes without an answer.
    pub fn drop() -> Self {
        Self {
            dropped: true,
            ..Self::empty(0)
        }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header unless it is there.
    pub fn default_header(&mut self, name: &'static str, value: impl Into<String>) {
        if !self.headers.iter().any(|(known, _)| *known == name) {
            self.headers.push((name, value.into()));
        }
    }

    pub fn into_response(self, head: bool) -> Response<Body> {
        if self.dropped {
            // An error before the first byte makes hyper close the connection unanswered.
            let broken = futures::stream::once(async {
                Err::<&[u8], _>(std::io::Error::other("connection dropped on purpose"))
            });
            return Response::new(Body::from_stream(broken));
        }
        let bytes = match (&self.content, &self.body) {
            (Some((_, bytes)), _) => Some(bytes.clone()),
            (None, Some(body)) => Some(Bytes::from(body.to_string())),
            (None, None) => None,
        };
        let length = bytes.as_ref().map(Bytes::len);
        let body = match bytes {
            Some(bytes) if !head => Body::from(bytes),
            _ => Body::empty(),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let media_type = match (&self.content, &self.body) {
            (Some((media_type, _)), _) => HeaderValue::from_str(media_type).ok(),
            (None, Some(_)) => Some(HeaderValue::from_static("application/json; charset=utf-8")),
            (None, None) => None,
        };
        if let Some(media_type) = media_type {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, media_type);
            if let Some(length) = length.filter(|_| head) {
                headers.insert(header::CONTENT_LENGTH, length.into());
            }
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

//! Requests as data: what a kind wants to be asked or told, before any client exists.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Which of Azure's planes a request goes to; each has its own origin and token audience.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// Azure Resource Manager.
    Arm,
    /// Microsoft Graph, with its version in the path.
    Graph,
    /// The data plane of the named key vault.
    Vault(String),
    /// Where Azure Monitor takes logs, by what stands in the host before the cloud's domain.
    Ingestion(Box<str>),
    /// The API server of the managed cluster with this id in Resource Manager.
    Cluster(Box<str>),
}

/// The header that makes a request hang on the object's etag (RFC 9110, 13.1.1).
const IF_MATCH: &str = "If-Match";

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers.
    Head,
    /// Creates or replaces: idempotent.
    Put,
    /// Changes a part: idempotent as we use it.
    Patch,
    /// Acts: not idempotent unless the request says so.
    Post,
    /// Deletes: idempotent.
    Delete,
}

impl Method {
    /// The method as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One request to Azure, without origin and credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Where it goes.
    pub plane: Plane,
    /// What it does.
    pub method: Method,
    /// The absolute path, from the plane's origin.
    pub path: String,
    /// The api-version, where the plane wants one.
    pub api_version: Option<String>,
    /// Further query parameters, not encoded yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Json>,
    /// Whether sending it twice does what sending it once does. True for all but POST.
    pub idempotent: bool,
}

impl Request {
    /// An ARM request without a body.
    pub fn arm(method: Method, path: impl Into<String>, api_version: &str) -> Self {
        Self {
            plane: Plane::Arm,
            method,
            path: path.into(),
            api_version: Some(api_version.to_owned()),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            idempotent: method != Method::Post,
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: Json) -> Self {
        self.body = Some(body);
        self
    }

    /// To be refused (412) when the object is no longer as `live` shows it: what a PUT carries of
    /// others must not undo what they did meanwhile. Nothing is added where `live` has no etag.
    #[must_use]
    pub fn if_unchanged(mut self, live: &Json) -> Self {
        if let Some(etag) = live.get("etag").and_then(Json::as_str) {
            self.headers.push((IF_MATCH.to_owned(), etag.to_owned()));
        }
        self
    }

    /// Whether it is refused when the object has moved.
    pub fn is_conditional(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == IF_MATCH)
    }

    /// With a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }
}

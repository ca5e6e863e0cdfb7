//! The ports: signing in as somebody, and asking with that one's token.

use async_trait::async_trait;
use serde_json::Value as Json;

use super::api_server::ApiServer;
use crate::resource::{Method, Request};

/// Whose token is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A service principal, which foreign tokens stand for.
    Principal {
        /// The client id of its application.
        client_id: String,
        /// Whose tokens stand for it.
        trusts: Vec<Issued>,
    },
    /// A person.
    Person {
        /// The object id in the directory.
        object_id: String,
    },
}

/// Foreign tokens that stand for a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Their `iss`.
    pub issuer: String,
    /// Their `sub`.
    pub subject: String,
    /// Their `aud`.
    pub audience: String,
}

/// A request to a registry or a cluster, whose paths are not ARM's.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    /// What it does.
    pub method: Method,
    /// Path and query, from the origin.
    pub path: String,
    /// The JSON body.
    pub body: Option<Json>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// An answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The code of the error, the innermost where there are several; empty for a success.
        code: String,
        /// The message of the error; empty for a success.
        message: String,
        /// The body of a success; null where it is no JSON.
        body: Json,
        /// Where a success says that something is now: path and query.
        location: Option<String>,
    },
    /// None, or none that counts, and why.
    Silent(String),
}

impl Plain {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: Json) -> Self {
        self.body = Some(body);
        self
    }
}

/// Signs in as somebody.
#[async_trait]
pub trait SignIns: Send + Sync {
    /// Somebody's own voice.
    ///
    /// # Errors
    /// Why there is no token of that one here.
    async fn sign_in(&self, identity: &Identity) -> Result<Box<dyn Caller>, String>;
}

/// Asks with one identity's token, each question once: a refusal is an answer, not a failure.
#[async_trait]
pub trait Caller: Send + Sync {
    /// Asks Resource Manager or a vault.
    async fn azure(&self, request: &Request) -> Reply;

    /// Asks the registry with this login server for what takes `scope`, such as
    /// `repository:x:pull`. A refusal to give a token for the scope is the answer.
    async fn registry(&self, server: &str, scope: &str, request: &Plain) -> Reply;

    /// Asks a cluster's API server.
    async fn cluster(&self, server: &ApiServer, request: &Plain) -> Reply;
}

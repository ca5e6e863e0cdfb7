//! Where a running emulator is and with what one signs in to it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A service principal's secret sign-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The application's client id, a GUID.
    pub client_id: String,
    /// The service principal's object id, a GUID.
    pub object_id: String,
    /// The secret for the client-credentials grant.
    pub client_secret: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("client_id", &self.client_id)
            .field("object_id", &self.object_id)
            .finish_non_exhaustive()
    }
}

/// How to reach a running emulator and sign in to it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Scheme, host and port, without a slash at the end.
    pub origin: String,
    /// The certificate (PEM) of the authority that vouches for the server, where it speaks
    /// TLS: the only one to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The tenant that it plays.
    pub tenant: String,
    /// The first subscription that it plays.
    pub subscription: String,
    /// The principal that the program itself signs in as.
    pub deployer: Credential,
    /// The value of `x-emulator-secret` that opens the control endpoints.
    pub control_secret: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("origin", &self.origin)
            .field("tenant", &self.tenant)
            .field("subscription", &self.subscription)
            .field("deployer", &self.deployer)
            .finish_non_exhaustive()
    }
}

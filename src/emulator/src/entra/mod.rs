//! Who is calling: the tenant's principals, the token endpoint, the tokens and what
//! clients look up before they ask for one. Decides nothing about what a caller may do.

mod assertions;
mod directory;
mod discovery;
mod federation;
mod people;
pub mod principals;
pub mod replication;
mod sign_in;
mod token_endpoint;
mod tokens;

pub use assertions::{ASSERTIONS, AssertionKey};
pub use directory::{CREDENTIALS, Directory, DirectoryError, Principal};
pub use people::{Absent, person};
pub use sign_in::{Proof, digest, signed_in};
pub use tokens::{Audience, LIFETIME, TokenError};

use crate::azure::Azure;
use crate::server::{Answer, Call};
use axum::http::Method;

/// Answers for `login.microsoftonline.com` and for ARM's `/metadata/endpoints`.
pub fn answer(azure: &Azure, call: &Call) -> Answer {
    let lower = call.path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|s| !s.is_empty()).collect();
    match (&call.method, segments.as_slice()) {
        (&Method::GET, ["metadata", "endpoints"]) => discovery::metadata(azure, call),
        (&Method::GET, ["common", "discovery", "instance"]) => discovery::instance(call),
        (
            &Method::GET,
            [tenant, "v2.0", ".well-known", "openid-configuration"]
            | [tenant, ".well-known", "openid-configuration"],
        ) => discovery::openid(azure, call, tenant),
        (&Method::GET, [_, "discovery", ..]) => discovery::keys(azure),
        (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) => {
            token_endpoint::answer(azure, call, tenant, token_endpoint::Version::V2)
        }
        (&Method::POST, [tenant, "oauth2", "token"]) => {
            token_endpoint::answer(azure, call, tenant, token_endpoint::Version::V1)
        }
        _ => Answer::empty(404),
    }
}

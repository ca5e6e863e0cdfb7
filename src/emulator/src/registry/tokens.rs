//! Refresh and access tokens of registries, signed with the tenant's key. What one says
//! holds for one registry and for a while; nothing else is remembered of it.
//! <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>

use super::scope::Scope;
use crate::entra::{Directory, Principal};
use crate::state::Moment;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// Seconds that a refresh token lasts.
pub const REFRESH: i64 = 3 * 3600;

/// Seconds that an access token lasts.
pub const ACCESS: i64 = 3600;

/// What the signature covers beside the token, so that no token of another kind passes.
const SEAL: &[u8] = b"registry:";

const ISSUER: &str = "Azure Container Registry";

/// Who got in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Caller {
    /// A principal of the tenant: client id and object id.
    Entra(String, String),
    /// The registry's admin user.
    Admin,
    /// A registry token, by name.
    Token(String),
    Anonymous,
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        Self::Entra(principal.client_id, principal.object_id)
    }
}

#[derive(Serialize, Deserialize)]
struct Refresh {
    jti: String,
    iss: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    grant_type: String,
    caller: Caller,
    tenant: String,
}

#[derive(Serialize, Deserialize)]
struct Access {
    jti: String,
    iss: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    access: Vec<Scope>,
}

/// A refresh token for `caller` at the registry with that login server.
pub fn refresh(directory: &Directory, server: &str, caller: &Caller, now: Moment) -> String {
    sign(
        directory,
        &Refresh {
            jti: Uuid::new_v4().to_string(),
            iss: ISSUER.to_owned(),
            aud: server.to_owned(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.seconds() + REFRESH,
            grant_type: "refresh_token".to_owned(),
            caller: caller.clone(),
            tenant: directory.tenant().to_owned(),
        },
    )
}

/// Whom a refresh token speaks for, if it is one of ours for this registry and not too old.
pub fn refreshed(directory: &Directory, server: &str, token: &str, now: Moment) -> Option<Caller> {
    let claims: Refresh = read(directory, token)?;
    (claims.aud == server && claims.exp > now.seconds()).then_some(claims.caller)
}

/// An access token with these scopes.
pub fn access(directory: &Directory, server: &str, scopes: &[Scope], now: Moment) -> String {
    sign(
        directory,
        &Access {
            jti: Uuid::new_v4().to_string(),
            iss: ISSUER.to_owned(),
            aud: server.to_owned(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.seconds() + ACCESS,
            access: scopes.to_vec(),
        },
    )
}

/// The scopes of an access token, if it is one of ours for this registry and not too old.
pub fn accessed(
    directory: &Directory,
    server: &str,
    token: &str,
    now: Moment,
) -> Option<Vec<Scope>> {
    let claims: Access = read(directory, token)?;
    (claims.aud == server && claims.exp > now.seconds()).then_some(claims.access)
}

fn sign(directory: &Directory, claims: &impl Serialize) -> String {
    let header = json!({"typ": "JWT", "alg": "HS256", "kid": "registry"});
    let claims = serde_json::to_vec(claims).expect("claims are plain strings and numbers");
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = hmac::sign(directory.key(), &sealed(&signed));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn read<T: DeserializeOwned>(directory: &Directory, token: &str) -> Option<T> {
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    hmac::verify(directory.key(), &sealed(signed), &signature).ok()?;
    let (_, claims) = signed.split_once('.')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn sealed(signed: &str) -> Vec<u8> {
    [SEAL, signed.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_kind_for_one_registry_for_a_while() {
        let directory = Directory::in_memory("t", true);
        let at = Moment::from(1_000);
        let scopes = [Scope::repository("a", &["pull"])];
        let refresh = refresh(&directory, "one", &Caller::Admin, at);
        let access = access(&directory, "one", &scopes, at);
        assert_eq!(
            refreshed(&directory, "one", &refresh, at),
            Some(Caller::Admin)
        );
        assert_eq!(
            accessed(&directory, "one", &access, at).as_deref(),
            Some(&scopes[..])
        );
        assert_eq!(refreshed(&directory, "two", &refresh, at), None);
        assert_eq!(accessed(&directory, "two", &access, at), None);
        assert_eq!(refreshed(&directory, "one", &access, at), None);
        assert_eq!(accessed(&directory, "one", &refresh, at), None);
        let late = Moment::from(1_000 + ACCESS);
        assert_eq!(accessed(&directory, "one", &access, late), None);
        assert!(refreshed(&directory, "one", &refresh, late).is_some());
        let later = Moment::from(1_000 + REFRESH);
        assert_eq!(refreshed(&directory, "one", &refresh, later), None);
        let foreign = Directory::in_memory("t", true);
        assert_eq!(refreshed(&foreign, "one", &refresh, at), None);
        let principal = Principal {
            client_id: "c".to_owned(),
            object_id: "o".to_owned(),
        };
        let entra = directory.issue(&principal, "https://management.azure.com", at);
        assert_eq!(refreshed(&directory, "one", &entra, at), None);
        assert_eq!(accessed(&directory, "one", "garbage", at), None);
    }
}

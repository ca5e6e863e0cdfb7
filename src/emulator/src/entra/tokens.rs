//! Access tokens: JWTs signed with the tenant's key. Clients must treat them as opaque;
//! the claims are those of Entra's v1.0 tokens because people decode them anyway.

use super::directory::{Directory, Principal};
use crate::state::Moment;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// Seconds that a token lasts.
pub const LIFETIME: i64 = 3599;

/// An API that tokens are issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Arm,
    Graph,
    Vault,
    Registry,
    Storage,
    Kubernetes,
    Monitor,
}

/// Names that each API goes by, without a slash at the end.
const AUDIENCES: &[(&str, Audience)] = &[
    ("https://management.azure.com", Audience::Arm),
    ("https://management.core.windows.net", Audience::Arm),
    ("https://graph.microsoft.com", Audience::Graph),
    ("00000003-0000-0000-c000-000000000000", Audience::Graph),
    ("https://vault.azure.net", Audience::Vault),
    ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", Audience::Vault),
    ("https://containerregistry.azure.net", Audience::Registry),
    ("https://storage.azure.com", Audience::Storage),
    ("6dae42f8-4368-4678-94ff-3960e28e3630", Audience::Kubernetes),
    ("https://monitor.azure.com", Audience::Monitor),
];

impl Audience {
    /// The API that a resource identifier names.
    pub fn named(identifier: &str) -> Option<Self> {
        let identifier = identifier.trim_end_matches('/');
        AUDIENCES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(identifier))
            .map(|(_, audience)| *audience)
    }
}

/// Why a bearer token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not a token of this tenant.
    Invalid,
    Expired {
        at: Moment,
    },
    /// For another API; the `aud` that it has.
    Audience(String),
    /// Of another tenant; the issuer that it names.
    Tenant(String),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: String,
    appidacr: String,
    idp: String,
    oid: String,
    sub: String,
    tid: String,
    uti: String,
    ver: String,
    /// The sign-in name, of people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upn: Option<String>,
}

impl Directory {
    /// A token for `principal` at `audience`.
    pub fn issue(&self, principal: &Principal, audience: &str, now: Moment) -> String {
        let issuer = format!("https://sts.windows.net/{}/", self.tenant());
        let claims = Claims {
            aud: audience.to_owned(),
            iss: issuer.clone(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.seconds() + LIFETIME,
            appid: principal.application().to_owned(),
            appidacr: if principal.is_person() { "0" } else { "1" }.to_owned(),
            idp: issuer,
            oid: principal.object_id.clone(),
            sub: principal.object_id.clone(),
            tid: self.tenant().to_owned(),
            uti: Uuid::new_v4().simple().to_string(),
            ver: "1.0".to_owned(),
            upn: principal.is_person().then(|| principal.client_id.clone()),
        };
        let header = json!({"typ": "JWT", "alg": "HS256", "kid": "emulator"});
        let claims = serde_json::to_vec(&claims).expect("claims are plain strings and numbers");
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = hmac::sign(self.key(), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Who a token speaks for, if it is one of ours for `audience` and not too old.
    pub fn verify(
        &self,
        token: &str,
        audience: Audience,
        now: Moment,
    ) -> Result<Principal, TokenError> {
        let claims = self.claims(token).ok_or(TokenError::Invalid)?;
        if claims.exp <= now.seconds() {
            return Err(TokenError::Expired {
                at: Moment::from(claims.exp),
            });
        }
        if Audience::named(&claims.aud) != Some(audience) {
            return Err(TokenError::Audience(claims.aud));
        }
        if claims.tid != self.tenant() {
            return Err(TokenError::Tenant(claims.iss));
        }
        if self.shut_out(&claims.oid) {
            return Err(TokenError::Invalid);
        }
        Ok(Principal {
            client_id: claims.upn.unwrap_or(claims.appid),
            object_id: claims.oid,
        })
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(self.key(), signed.as_bytes(), &signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_api_for_an_hour_and_cannot_be_changed() {
        let directory = Directory::in_memory("t", true);
        let principal = Principal {
            client_id: directory.deployer().client_id.clone(),
            object_id: directory.deployer().object_id.clone(),
        };
        let now = Moment::from(1_000_000);
        let token = directory.issue(&principal, "https://management.azure.com/", now);
        assert_eq!(
            directory.verify(&token, Audience::Arm, now),
            Ok(principal.clone())
        );
        assert_eq!(
            directory.verify(&token, Audience::Graph, now),
            Err(TokenError::Audience(
                "https://management.azure.com/".to_owned()
            ))
        );
        let later = Moment::from(1_000_000 + LIFETIME);
        assert_eq!(
            directory.verify(&token, Audience::Arm, later),
            Err(TokenError::Expired { at: later })
        );
        let mut changed = token.clone();
        changed.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
        assert_eq!(
            directory.verify(&changed, Audience::Arm, now),
            Err(TokenError::Invalid)
        );
        let stranger = Directory::in_memory("t", true);
        assert_eq!(
            stranger.verify(&token, Audience::Arm, now),
            Err(TokenError::Invalid)
        );
    }
}

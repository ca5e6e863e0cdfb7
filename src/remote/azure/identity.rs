//! Who is signed in, as the token says that Azure will be shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::arm::Azure;
use crate::provision::audit::Identity;
use crate::provision::ports::Failure;
use crate::resource::Plane;

/// What is read of a token. Its signature is for whom it is meant, and is not checked here: it
/// came from the authority that was asked, over a connection to it.
#[derive(Deserialize)]
struct Claims {
    oid: Option<String>,
    upn: Option<String>,
    preferred_username: Option<String>,
    app_displayname: Option<String>,
    appid: Option<String>,
}

impl Azure {
    /// Who is signed in; `None` where the token is not one that tells.
    ///
    /// # Errors
    /// `NoCredential` or `Unreachable` when nobody can be signed in.
    pub async fn identity(&self) -> Result<Option<Identity>, Failure> {
        let scope = self.wire.pins.scope(&Plane::Arm);
        let token = self.wire.tokens.get(&scope).await?;
        Ok(claimed(token.token.secret()))
    }
}

fn claimed(token: &str) -> Option<Identity> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let person = claims.upn.or(claims.preferred_username);
    Some(Identity {
        object_id: claims.oid?.to_lowercase(),
        name: person.or(claims.app_displayname).or(claims.appid),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_tells_whom_it_is_for() {
        let token = |claims: serde_json::Value| {
            let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
            claimed(&format!("e30.{claims}.sig"))
        };
        let ada = token(json!({"oid": "0A", "upn": "ada@example.org", "appid": "b"}));
        let ada = ada.expect("a person");
        assert_eq!(
            (&*ada.object_id, ada.name.as_deref()),
            ("0a", Some("ada@example.org"))
        );
        let app = token(json!({"oid": "0c", "appid": "b"})).expect("an application");
        assert_eq!(app.name.as_deref(), Some("b"));
        assert_eq!(token(json!({"appid": "b"})), None);
        for text in ["", "opaque", "a.b.c", "a.e30.c"] {
            assert_eq!(claimed(text), None, "{text}");
        }
    }
}

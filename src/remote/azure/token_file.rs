//! A token that somebody else fetched and put into a file.

use std::path::PathBuf;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::time::OffsetDateTime;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// A file that holds one bearer token, read anew whenever one is asked for.
#[derive(Debug)]
pub(super) struct TokenFile(pub(super) PathBuf);

/// What of a token's claims is looked at: only when to read the file again. Whom it is for and
/// who signed it is for the service to judge.
#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

#[async_trait]
impl TokenCredential for TokenFile {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let refused = |problem: String| {
            let message = format!("{}: {problem}", self.0.display());
            Error::with_message(ErrorKind::Credential, message)
        };
        let text = tokio::fs::read_to_string(&self.0)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let token = text.trim();
        let ends = ends(token).ok_or_else(|| refused("it holds no token".to_owned()))?;
        if ends <= OffsetDateTime::now_utc() {
            return Err(refused("its token has ended".to_owned()));
        }
        Ok(AccessToken::new(token.to_owned(), ends))
    }
}

/// When a token ends, by its own word.
fn ends(token: &str) -> Option<OffsetDateTime> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    OffsetDateTime::from_unix_timestamp(exp).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(exp: i64) -> String {
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let claims = part(format!(r#"{{"exp":{exp}}}"#));
        format!("{}.{claims}.", part(r#"{"alg":"none"}"#.to_owned()))
    }

    #[tokio::test]
    async fn a_token_is_taken_as_long_as_it_is_good_and_never_shown() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let credential = TokenFile(file.path().to_owned());
        let ask = || credential.get_token(&["https://storage.azure.com/.default"], None);
        let good = token(OffsetDateTime::now_utc().unix_timestamp() + 600);
        std::fs::write(file.path(), format!("{good}\n")).expect("writes");
        let got = ask().await.expect("a token");
        assert_eq!(got.token.secret(), good);
        for (text, problem) in [
            (token(1), "its token has ended"),
            ("secret".to_owned(), "it holds no token"),
            (String::new(), "it holds no token"),
        ] {
            std::fs::write(file.path(), &text).expect("writes");
            let error = ask().await.expect_err("refused").to_string();
            assert!(error.contains(problem), "{error}");
            assert!(text.is_empty() || !error.contains(&text), "{error}");
        }
    }
}

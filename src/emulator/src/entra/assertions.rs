//! Tokens of foreign issuers, which the emulator plays itself: it signs what they would
//! sign, publishes the key, and the exchange checks the signature like any other.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use super::directory::write_private;
use crate::state::Moment;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// The file in the data folder that keeps the key.
pub const ASSERTIONS: &str = "assertions.pk8";

/// Seconds that an assertion lasts.
const LIFETIME: i64 = 600;

/// The key of all played issuers. It is made when it is first needed, because RSA keys take
/// their time, and stays in the data folder.
pub struct AssertionKey {
    path: Option<PathBuf>,
    key: Mutex<Option<std::sync::Arc<RsaKeyPair>>>,
}

/// What an assertion says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub jti: String,
}

/// A token that was read.
#[derive(Debug)]
pub struct Assertion {
    pub claims: Claims,
    /// Whether a played issuer signed it.
    pub genuine: bool,
}

impl AssertionKey {
    /// The key of `folder`, or one that nobody remembers.
    pub fn new(folder: Option<&Path>) -> Self {
        Self {
            path: folder.map(|folder| folder.join(ASSERTIONS)),
            key: Mutex::new(None),
        }
    }

    /// A token as `issuer` would give it to `subject` for `audience`.
    pub fn sign(
        &self,
        issuer: &str,
        subject: &str,
        audience: &str,
        now: Moment,
    ) -> io::Result<String> {
        let key = self.key()?;
        let claims = Claims {
            iss: issuer.to_owned(),
            sub: subject.to_owned(),
            aud: audience.to_owned(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.seconds() + LIFETIME,
            jti: Uuid::new_v4().to_string(),
        };
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": kid(&key)});
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?)
        );
        let mut seal = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut seal,
        )
        .map_err(|_| io::Error::other("the assertion could not be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(seal)))
    }

    /// Reads a token; `None` where it is not one.
    pub fn read(&self, token: &str) -> io::Result<Option<Assertion>> {
        let Some((claims, signed, seal)) = parts(token) else {
            return Ok(None);
        };
        let key = self.key()?;
        let public = signature::UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            key.public_key().as_ref(),
        );
        let genuine = public.verify(signed.as_bytes(), &seal).is_ok();
        Ok(Some(Assertion { claims, genuine }))
    }

    /// The public key as a JSON Web Key Set.
    pub fn published(&self) -> io::Result<Value> {
        let key = self.key()?;
        let (modulus, exponent) = numbers(key.public_key().as_ref())
            .ok_or_else(|| io::Error::other("the public key cannot be read"))?;
        Ok(json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": kid(&key),
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": URL_SAFE_NO_PAD.encode(exponent),
        }]}))
    }

    fn key(&self) -> io::Result<std::sync::Arc<RsaKeyPair>> {
        let mut slot = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*slot {
            return Ok(key.clone());
        }
        let key = std::sync::Arc::new(self.load()?);
        *slot = Some(key.clone());
        Ok(key)
    }

    fn load(&self) -> io::Result<RsaKeyPair> {
        if let Some(path) = &self.path {
            match fs::read(path) {
                Ok(der) => {
                    return RsaKeyPair::from_pkcs8(&der)
                        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let refused = |_| io::Error::other("no RSA key could be made");
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(refused)?;
        if let Some(path) = &self.path {
            let der: Pkcs8V1Der<'_> = key.as_der().map_err(refused)?;
            write_private(path, der.as_ref())?;
        }
        Ok(key)
    }
}

impl std::fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssertionKey").finish_non_exhaustive()
    }
}

/// Claims, signed text and signature of a token with the one algorithm that Entra takes.
fn parts(token: &str) -> Option<(Claims, &str, Vec<u8>)> {
    let (signed, seal) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return None;
    }
    let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some((claims, signed, URL_SAFE_NO_PAD.decode(seal).ok()?))
}

fn kid(key: &RsaKeyPair) -> String {
    let digest = Sha256::digest(key.public_key().as_ref());
    URL_SAFE_NO_PAD.encode(&digest[..20])
}

/// Modulus and exponent of a DER `RSAPublicKey`: a sequence of two integers.
fn numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (0x30, sequence, _) = element(der)? else {
        return None;
    };
    let (0x02, modulus, rest) = element(sequence)? else {
        return None;
    };
    let (0x02, exponent, _) = element(rest)? else {
        return None;
    };
    Some((
        modulus.strip_prefix(&[0]).unwrap_or(modulus),
        exponent.strip_prefix(&[0]).unwrap_or(exponent),
    ))
}

/// Tag, content and what follows of the first DER element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = bytes.iter().try_fold(0_usize, |all, byte| {
            all.checked_mul(256)?.checked_add(usize::from(*byte))
        })?;
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_is_genuine_and_the_key_stays() {
        let folder = tempfile::tempdir().unwrap();
        let key = AssertionKey::new(Some(folder.path()));
        let now = Moment::from(1000);
        let token = key.sign("https://i", "s", "api://a", now).unwrap();
        let again = AssertionKey::new(Some(folder.path()));
        let read = again.read(&token).unwrap().unwrap();
        assert!(read.genuine);
        assert_eq!((read.claims.sub.as_str(), read.claims.exp), ("s", 1600));
        assert_eq!(key.published().unwrap(), again.published().unwrap());
        let modulus = key.published().unwrap()["keys"][0]["n"]
            .as_str()
            .unwrap()
            .len();
        assert_eq!(modulus, 342);
        let stranger = AssertionKey::new(None);
        assert!(!stranger.read(&token).unwrap().unwrap().genuine);
        assert!(again.read("a.b.c").unwrap().is_none());
    }
}

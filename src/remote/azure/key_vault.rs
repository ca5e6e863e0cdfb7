//! The data plane of one key vault: its keys, what they sign, and how they come and go.
//!
//! Reference: <https://learn.microsoft.com/rest/api/keyvault/keys/operation-groups>, api-version
//! 7.5, the first stable one that tells in which generation of HSM a key was made. Bytes travel
//! as base64url without padding (RFC 7515, section 2).
//!
//! ## Why
//! Signing, verifying and taking a backup change nothing, so these POSTs are sent again when an
//! answer is lost. A second `create` or `rotate` would make a second version, so those are not:
//! the failure says that nobody knows, and the versions of the key do.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::arm::Azure;
use super::error::own;
use super::key_model::{
    Backup, DeletedKey, KeyChanges, KeyVersion, KeyVersionItem, NewKey, RotationPolicy,
    SignatureAlgorithm, Signed, encode,
};
use crate::provision::ports::{Begun, Failure, Reader as _, Verdict, Writer as _};
use crate::resource::{Method, Plane, Request};

/// The api-version of every request.
const API_VERSION: &str = "7.5";

/// The most characters of a key's name.
const LONGEST_NAME: usize = 127;

/// A client of one vault, made by [`Azure::vault`].
#[derive(Debug, Clone)]
pub struct KeyVault {
    azure: Azure,
    plane: Plane,
}

impl Azure {
    /// A client of the vault of this name.
    pub fn vault(&self, name: &str) -> KeyVault {
        KeyVault {
            azure: self.clone(),
            plane: Plane::Vault(name.to_owned()),
        }
    }
}

/// Every method fails with [`Failure`]: Azure's own code and message by the one error table,
/// `InvalidRequest` for a name that is none, `BadAnswer` for an answer that is not understood.
impl KeyVault {
    /// Makes a key, or another version of one that stands.
    ///
    /// # Errors
    /// As all methods; [`Verdict::Unknown`] when it may have been made.
    pub async fn create(&self, name: &str, key: &NewKey) -> Result<KeyVersion, Failure> {
        let request = self.post(&at(name, "/create")?, false);
        self.told(request.body(key.body())).await
    }

    /// The current version of a key; `None` where there is no such key.
    ///
    /// # Errors
    /// As all methods.
    pub async fn get(&self, name: &str) -> Result<Option<KeyVersion>, Failure> {
        self.read(self.request(Method::Get, &at(name, "")?)).await
    }

    /// One version of a key; `None` where there is none.
    ///
    /// # Errors
    /// As all methods.
    pub async fn version(&self, name: &str, version: &str) -> Result<Option<KeyVersion>, Failure> {
        let path = versioned(name, version, "")?;
        self.read(self.request(Method::Get, &path)).await
    }

    /// Every version of a key, without its public half; empty where there is no such key.
    ///
    /// # Errors
    /// As all methods.
    pub async fn versions(&self, name: &str) -> Result<Vec<KeyVersionItem>, Failure> {
        self.list(&at(name, "/versions")?).await
    }

    /// Changes one version: its operations, attributes or tags, each where it is said.
    ///
    /// # Errors
    /// As all methods.
    pub async fn update(
        &self,
        name: &str,
        version: &str,
        changes: &KeyChanges,
    ) -> Result<KeyVersion, Failure> {
        let path = versioned(name, version, "")?;
        let request = self.request(Method::Patch, &path);
        self.told(request.body(changes.body())).await
    }

    /// Makes another version like the current one, with other material.
    ///
    /// # Errors
    /// As all methods; [`Verdict::Unknown`] when it may have been made.
    pub async fn rotate(&self, name: &str) -> Result<KeyVersion, Failure> {
        self.told(self.post(&at(name, "/rotate")?, false)).await
    }

    /// When the vault rotates a key by itself; `None` where there is no such key.
    ///
    /// # Errors
    /// As all methods.
    pub async fn rotation_policy(&self, name: &str) -> Result<Option<RotationPolicy>, Failure> {
        let path = at(name, "/rotationpolicy")?;
        self.read(self.request(Method::Get, &path)).await
    }

    /// Says when the vault rotates a key by itself.
    ///
    /// # Errors
    /// As all methods.
    pub async fn set_rotation_policy(
        &self,
        name: &str,
        policy: &RotationPolicy,
    ) -> Result<RotationPolicy, Failure> {
        let request = self.request(Method::Put, &at(name, "/rotationpolicy")?);
        self.told(request.body(policy.body())).await
    }

    /// Deletes a key with all its versions; `None` where it is gone already. It shows among
    /// [`KeyVault::deleted_keys`] some seconds later.
    ///
    /// # Errors
    /// As all methods.
    pub async fn delete(&self, name: &str) -> Result<Option<DeletedKey>, Failure> {
        let request = self.request(Method::Delete, &at(name, "")?);
        self.answered(request).await?.map(understood).transpose()
    }

    /// The keys that were deleted and can be recovered.
    ///
    /// # Errors
    /// As all methods.
    pub async fn deleted_keys(&self) -> Result<Vec<DeletedKey>, Failure> {
        self.list("/deletedkeys").await
    }

    /// One deleted key; `None` where there is none, or none yet.
    ///
    /// # Errors
    /// As all methods.
    pub async fn deleted(&self, name: &str) -> Result<Option<DeletedKey>, Failure> {
        let path = deleted_at(name, "")?;
        self.read(self.request(Method::Get, &path)).await
    }

    /// Brings a deleted key back with all its versions; it can be read some seconds later.
    ///
    /// # Errors
    /// As all methods.
    pub async fn recover(&self, name: &str) -> Result<KeyVersion, Failure> {
        let request = self.post(&deleted_at(name, "/recover")?, false);
        self.told(request).await
    }

    /// Takes a deleted key away for good, where the vault's protection allows.
    ///
    /// # Errors
    /// As all methods; [`Verdict::Denied`] where the vault has purge protection.
    pub async fn purge(&self, name: &str) -> Result<(), Failure> {
        let request = self.request(Method::Delete, &deleted_at(name, "")?);
        self.answered(request).await.map(|_| ())
    }

    /// A key with all its versions, sealed: only a vault of the same subscription and geography
    /// opens it.
    ///
    /// # Errors
    /// As all methods.
    pub async fn backup(&self, name: &str) -> Result<Backup, Failure> {
        self.told(self.post(&at(name, "/backup")?, true)).await
    }

    /// Puts a key back from a backup, under its own name and versions.
    ///
    /// # Errors
    /// As all methods; [`Verdict::Conflict`] where a key of that name stands.
    pub async fn restore(&self, backup: &Backup) -> Result<KeyVersion, Failure> {
        let request = self.post("/keys/restore", false);
        self.told(request.body(json!({ "value": encode(backup.sealed()) })))
            .await
    }

    /// Signs a digest with one version; on curves `r` and `s` side by side.
    ///
    /// # Errors
    /// As all methods; `BadAnswer` when another version has signed.
    pub async fn sign(
        &self,
        name: &str,
        version: &str,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
    ) -> Result<Signed, Failure> {
        let request = self.post(&versioned(name, version, "/sign")?, true);
        let body = json!({ "alg": algorithm, "value": encode(digest) });
        let signed: Signed = self.told(request.body(body)).await?;
        let signer = &signed.key;
        if !(signer.name.eq_ignore_ascii_case(name) && signer.is_version(version)) {
            return Err(bad_answer(&format!("{name} was to sign, and {signer} did")));
        }
        Ok(signed)
    }

    /// Whether a signature is one version's own of a digest.
    ///
    /// # Errors
    /// As all methods.
    pub async fn verify(
        &self,
        name: &str,
        version: &str,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        let request = self.post(&versioned(name, version, "/verify")?, true);
        let body = json!({
            "alg": algorithm, "digest": encode(digest), "value": encode(signature),
        });
        let answer: Map<String, Json> = self.told(request.body(body)).await?;
        let holds = answer.get("value").and_then(Json::as_bool);
        holds.ok_or_else(|| bad_answer("a verification that says neither yes nor no"))
    }

    fn request(&self, method: Method, path: &str) -> Request {
        Request {
            plane: self.plane.clone(),
            ..Request::arm(method, path, API_VERSION)
        }
    }

    /// A POST, with whether it may be sent again when nobody knows what came of it.
    fn post(&self, path: &str, idempotent: bool) -> Request {
        Request {
            idempotent,
            ..self.request(Method::Post, path)
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>, Failure> {
        let body = self.azure.get(&request).await?;
        body.map(understood).transpose()
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let request = self.request(Method::Get, path);
        self.azure
            .list(&request, &mut |page| items.extend(page))
            .await?;
        items.into_iter().map(understood).collect()
    }

    /// The answer to a request that has one.
    async fn told<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        let body = self.answered(request).await?;
        understood(body.ok_or_else(|| bad_answer("an answer without a body"))?)
    }

    async fn answered(&self, request: Request) -> Result<Option<Json>, Failure> {
        match self.azure.begin(&request).await? {
            Begun::Done(body) => Ok(body),
            Begun::Accepted(pending) => self.azure.finish(&pending).await,
        }
    }
}

fn understood<T: DeserializeOwned>(body: Json) -> Result<T, Failure> {
    serde_json::from_value(body).map_err(|problem| bad_answer(&problem.to_string()))
}

fn bad_answer(problem: &str) -> Failure {
    let message = format!("the vault's answer is not understood: {problem}");
    own(Verdict::Unknown, "BadAnswer", message, None)
}

fn at(name: &str, rest: &str) -> Result<String, Failure> {
    Ok(format!("/keys/{}{rest}", checked(name)?))
}

fn deleted_at(name: &str, rest: &str) -> Result<String, Failure> {
    Ok(format!("/deletedkeys/{}{rest}", checked(name)?))
}

/// The path of one version: an empty one would silently be the current one.
fn versioned(name: &str, version: &str, rest: &str) -> Result<String, Failure> {
    if version.is_empty() || !version.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(invalid(format!("`{version}` is no version of a key")));
    }
    at(name, &format!("/{version}{rest}"))
}

fn checked(name: &str) -> Result<&str, Failure> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(invalid(format!("`{name}` is no name of a key")))
}

fn invalid(message: String) -> Failure {
    own(Verdict::Fatal, "InvalidRequest", message, None)
}

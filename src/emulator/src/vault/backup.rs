//! Backups: a key with all versions, sealed so that only this emulator opens it, and only
//! for a vault of the same subscription and geography.

use super::fault::VaultError;
use super::key::Key;
use super::request::Request;
use super::{create, read, show, store};
use crate::arm::geography;
use crate::server::Answer;
use crate::state::Object;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

const VERSION: u32 = 1;

/// What is in a blob.
#[derive(Serialize, Deserialize)]
struct Backup {
    version: u32,
    subscription: String,
    geography: String,
    key: Key,
}

/// `POST /keys/N/backup`
pub fn backup(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    let key = request
        .read(|world| read::visible(request, world, name))
        .ok_or_else(|| VaultError::key_not_found(name))?;
    let (subscription, geography) = home(&request.vault);
    let backup = Backup {
        version: VERSION,
        subscription,
        geography,
        key,
    };
    let blob = serde_json::to_vec(&backup)
        .ok()
        .and_then(|plain| seal(request, plain))
        .ok_or_else(|| {
            VaultError::new(
                500,
                "InternalServerError",
                "The backup could not be sealed.",
            )
        })?;
    Ok(Answer::json(
        200,
        json!({"value": URL_SAFE_NO_PAD.encode(blob)}),
    ))
}

/// `POST /keys/restore`: the same material under the same versions.
pub fn restore(request: &Request<'_>) -> Result<Answer, VaultError> {
    let body = request.body()?;
    let text = create::text(&body, "value")?
        .ok_or_else(|| VaultError::bad("Property  is required\r\nParameter name: value"))?;
    let backup: Backup = URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .ok()
        .and_then(|blob| open(request, blob))
        .and_then(|plain| serde_json::from_slice(&plain).ok())
        .filter(|backup: &Backup| backup.version == VERSION)
        .ok_or_else(|| {
            VaultError::new(
                400,
                "Malformed backup blob",
                "Backup blob contains invalid or corrupt version.",
            )
        })?;
    if (backup.subscription, backup.geography) != home(&request.vault) {
        return Err(VaultError::bad("Cannot decrypt backup blob."));
    }
    let key = Key {
        lag: None,
        ..backup.key
    };
    let (vault, pace, now) = (&request.vault, request.azure.settings.pace, request.now);
    request.write(|txn| {
        store::blocked(txn.world(), vault, &key.name, pace, now)?;
        if store::live(txn.world(), vault, &key.name).is_some() {
            let kid = request.kid(&key.name, &key.current().id);
            return Err(VaultError::conflict(
                format!("There was a conflict restoring the key '{kid}'. This can happen if either: a second key with the same name was created after the first key was deleted; thus trying to restore a key whose name is already in use. To fix this, rename the second key to something else so that the restore works. The second probable cause of this exception is when multiple operations are performed in parallel against the key. To avoid this error, perform operations against a key in a sequential manner."),
                None,
            ));
        }
        store::put_live(txn, vault, &key);
        Ok(())
    })?;
    Ok(Answer::json(
        200,
        show::bundle(request, &key, key.current()),
    ))
}

/// Subscription and geography, which a backup cannot leave.
fn home(vault: &Object) -> (String, String) {
    let subscription = vault.id.split('/').nth(2).unwrap_or_default();
    let region = vault.location().unwrap_or_default();
    (
        subscription.to_ascii_lowercase(),
        geography(region).unwrap_or(region).to_owned(),
    )
}

/// The tenant's secret, which survives restarts, for backups only.
fn sealing_key(request: &Request<'_>) -> Option<LessSafeKey> {
    let secret = hmac::sign(request.azure.directory.key(), b"key vault backups");
    let key = UnboundKey::new(&AES_256_GCM, secret.as_ref()).ok()?;
    Some(LessSafeKey::new(key))
}

fn seal(request: &Request<'_>, mut plain: Vec<u8>) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).ok()?;
    sealing_key(request)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut plain,
        )
        .ok()?;
    let mut blob = nonce.to_vec();
    blob.extend(plain);
    Some(blob)
}

fn open(request: &Request<'_>, mut blob: Vec<u8>) -> Option<Vec<u8>> {
    let mut sealed = blob.split_off(NONCE_LEN.min(blob.len()));
    let nonce = Nonce::try_assume_unique_for_key(&blob).ok()?;
    let plain = sealing_key(request)?
        .open_in_place(nonce, Aad::empty(), &mut sealed)
        .ok()?;
    Some(plain.to_vec())
}

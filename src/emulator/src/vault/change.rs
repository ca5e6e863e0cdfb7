//! Changing keys: attributes, and the way out and back: delete, recover, purge.

use super::create::{self, settled};
use super::fault::VaultError;
use super::key::{self, Deleted, Lag, retention};
use super::request::Request;
use super::{show, store};
use crate::server::Answer;
use crate::state::{Txn, World};

const DAY: i64 = 86_400;

/// `PATCH /keys/N` and `PATCH /keys/N/V`
pub fn update(request: &Request<'_>, name: &str, version: &str) -> Result<Answer, VaultError> {
    let body = request.body()?;
    let attributes = create::attributes(&body)?;
    let (ops, tags) = (create::ops(&body)?, create::tags(&body)?);
    let policy = create::release_policy(&body);
    let (vault, pace, now) = (&request.vault, request.azure.settings.pace, request.now);
    request.write(|txn| {
        let key =
            store::live(txn.world(), vault, name).ok_or_else(|| VaultError::key_not_found(name))?;
        let mut key = settled(key, pace, now)?;
        let changed = key
            .version_mut(version)
            .ok_or_else(|| VaultError::key_not_found(&format!("{name}/{version}")))?;
        if attributes
            .exportable
            .is_some_and(|wanted| wanted != changed.exportable)
        {
            return Err(VaultError::bad(
                "The exportable attribute cannot be changed.",
            ));
        }
        changed.enabled = attributes.enabled.unwrap_or(changed.enabled);
        changed.nbf = attributes.nbf.or(changed.nbf);
        changed.exp = attributes.exp.or(changed.exp);
        changed.tags = tags.or_else(|| changed.tags.take());
        changed.release_policy = policy.or_else(|| changed.release_policy.take());
        if let Some(ops) = ops {
            changed.ops = ops;
        }
        changed.updated = now.seconds();
        let shown = changed.clone();
        store::put_live(txn, vault, &key);
        Ok(Answer::json(200, show::bundle(request, &key, &shown)))
    })
}

/// `DELETE /keys/N`: all versions at once; they can be recovered for a while.
pub fn delete(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    let (vault, pace, now) = (&request.vault, request.azure.settings.pace, request.now);
    request.write(|txn| {
        let key = store::live(txn.world(), vault, name)
            .ok_or_else(|| missing(txn.world(), request, name))?;
        let deleted = Deleted {
            key: settled(key, pace, now)?,
            deleted: now.seconds(),
            purge: now.seconds() + retention(vault) * DAY,
            lag: Lag::from(now),
        };
        store::remove_live(txn, vault, name);
        store::put_deleted(txn, vault, &deleted);
        Ok(Answer::json(200, show::deleted_bundle(request, &deleted)))
    })
}

/// What a second DELETE finds.
fn missing(world: &World, request: &Request<'_>, name: &str) -> VaultError {
    let pace = request.azure.settings.pace;
    match store::deleted(world, &request.vault, name, request.now) {
        Some(deleted) if !deleted.lag.passable(pace, request.now) => {
            VaultError::being_deleted(name)
        }
        _ => VaultError::key_not_found(name),
    }
}

/// `POST /deletedkeys/N/recover`
pub fn recover(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    request.write(|txn| {
        let deleted = standing(request, txn, name)?.ok_or_else(|| {
            match store::live(txn.world(), &request.vault, name) {
                Some(_) => VaultError::new(
                    400,
                    "MethodNotAllowed",
                    format!("Key exists already: {name}"),
                )
                .because("RequestNotAllowedOnNonDeletedObject"),
                None => VaultError::key_not_found(name),
            }
        })?;
        let mut key = deleted.key;
        key.lag = Some(Lag::from(request.now));
        store::remove_deleted(txn, &request.vault, name);
        store::put_live(txn, &request.vault, &key);
        Ok(Answer::json(
            200,
            show::bundle(request, &key, key.current()),
        ))
    })
}

/// `DELETE /deletedkeys/N`: for good.
pub fn purge(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    request.write(|txn| {
        standing(request, txn, name)?.ok_or_else(|| VaultError::deleted_not_found(name))?;
        if key::protected(&request.vault) {
            return Err(VaultError::forbidden(
                "ForbiddenByPolicy",
                format!(
                    "Operation \"purge\" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed.\r\nVault: {};location={}",
                    request.vault.name(),
                    request.vault.location().unwrap_or_default()
                ),
            ));
        }
        store::remove_deleted(txn, &request.vault, name);
        Ok(Answer::empty(204))
    })
}

/// A deleted key whose deletion is done.
fn standing(
    request: &Request<'_>,
    txn: &Txn<'_>,
    name: &str,
) -> Result<Option<Deleted>, VaultError> {
    let pace = request.azure.settings.pace;
    match store::deleted(txn.world(), &request.vault, name, request.now) {
        Some(deleted) if !deleted.lag.passable(pace, request.now) => {
            Err(VaultError::being_deleted(name))
        }
        found => Ok(found),
    }
}

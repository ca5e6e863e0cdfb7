//! Keys of vaults that sign for runs and approvers: how they are named, recorded, held against
//! their vaults, and used.

use onestream::control::audit::Ledger;
use onestream::provision::ports::Failure;
use onestream::provision::signed::{Bytes, RecordedKey, SigningKey};
use onestream::remote::azure::{Azure, PublicKey, SignatureAlgorithm};
use sha2::{Digest, Sha256};

/// The key of the shared vault that signs heads.
pub const AUDIT_KEY: &str = "audit";

/// The name of the key with which an approver signs.
pub fn approver_key(approver: &str) -> String {
    format!("approver-{approver}")
}

/// How a recorded key stands in its vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The vault has it.
    Same,
    /// The vault has another one under its name.
    Other,
    /// The vault has none of its name, or is itself not there: both can be deleted.
    Gone,
}

/// How a recorded key stands in its vault.
///
/// # Errors
/// When the vault does not tell.
pub async fn standing(azure: &Azure, key: &RecordedKey) -> Result<Standing, Failure> {
    let vault = azure.vault(&key.key.vault);
    let Some(found) = vault.version(&key.key.name, &key.key.version).await? else {
        let any = vault.get(&key.key.name).await?;
        return Ok(any.map_or(Standing::Gone, |_| Standing::Other));
    };
    let found = recorded(&key.key.vault, found.key, key.at.clone());
    Ok(match found.is_some_and(|found| found.is(key)) {
        true => Standing::Same,
        false => Standing::Other,
    })
}

/// Whether a recorded key still is the one in its vault.
///
/// # Errors
/// When the vault does not tell.
pub async fn stands(azure: &Azure, key: &RecordedKey) -> Result<bool, Failure> {
    Ok(standing(azure, key).await? == Standing::Same)
}

/// A signature of a statement by a key of a vault.
///
/// # Errors
/// As the vault refuses it.
pub async fn sign(azure: &Azure, key: &SigningKey, statement: &str) -> Result<Bytes, Failure> {
    let digest = Sha256::digest(statement.as_bytes());
    let vault = azure.vault(&key.vault);
    let signed = vault
        .sign(&key.name, &key.version, SignatureAlgorithm::Es256, &digest)
        .await?;
    Ok(Bytes(signed.signature))
}

/// The public half of the current version of a key; `None` where it cannot be read or is not on
/// P-256.
pub async fn public_key(
    azure: &Azure,
    vault: &str,
    name: &str,
    ledger: &Ledger,
) -> Option<RecordedKey> {
    let found = azure.vault(vault).get(name).await;
    let key = match found {
        Ok(found) => found?.key,
        Err(failure) => {
            tracing::warn!(%failure, "the key {name} of {vault} cannot be read");
            return None;
        }
    };
    recorded(vault, key, ledger.now())
}

/// The public half of a key as it is recorded; `None` where it is not on P-256.
pub fn recorded(vault: &str, key: PublicKey, at: String) -> Option<RecordedKey> {
    if key.curve.as_deref() != Some("P-256") {
        return None;
    }
    Some(RecordedKey {
        key: SigningKey {
            vault: vault.to_owned(),
            name: key.id.name,
            version: key.id.version,
        },
        x: Bytes(key.x?),
        y: Bytes(key.y?),
        at,
    })
}

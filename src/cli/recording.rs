//! Recording a run in the audit chain, and having the chain's head signed.

use std::collections::BTreeMap;

use onestream::control::audit::{Ledger, machine};
use onestream::control::{Keys, verifies};
use onestream::provision::apply::Outcome;
use onestream::provision::audit::{self, Actor, Permit, Record, What};
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::plan::{self, Mode, Plan, Step};
use onestream::provision::signed::{Bytes, RecordedKey, SigningKey};
use onestream::remote::azure::{Azure, PublicKey, SignatureAlgorithm};
use onestream::resource::EnvironmentName;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::failure::{self, Failure};
use super::output::Output;
use super::wiring::{Session, SigningVault};

/// The key of the shared vault that signs heads.
pub const AUDIT_KEY: &str = "audit";

/// Writes what one run does into the audit chain.
pub struct Recorder {
    ledger: Ledger,
    keys: Keys,
    run: String,
    actor: Actor,
    command: String,
}

impl Recorder {
    /// Of a run that is about to begin. Nothing is written yet.
    ///
    /// # Errors
    /// When nobody can be signed in.
    pub async fn of(session: &Session, command: &str) -> Result<Self, Failure> {
        let actor = Actor {
            identity: session.azure.identity().await?,
            machine: machine(),
        };
        Ok(Self {
            ledger: Ledger::of(&session.objects),
            keys: Keys::of(&session.objects),
            run: Uuid::new_v4().to_string(),
            actor,
            command: command.to_owned(),
        })
    }

    fn record(&self, plan: &Plan, event: What) -> Record {
        Record {
            at: self.ledger.now(),
            run: self.run.clone(),
            actor: self.actor.clone(),
            command: self.command.clone(),
            event,
            environments: plan.environments.clone(),
            addresses: audit::addresses(plan),
            plan: Some(plan::digest(plan)),
            permits: BTreeMap::new(),
            note: None,
        }
    }

    /// A run is about to carry out a plan. Where that takes away what signs, it signs first.
    ///
    /// # Errors
    /// When it cannot be recorded: nothing may be changed then.
    pub async fn begun(
        &self,
        session: &Session,
        plan: &Plan,
        permits: &BTreeMap<EnvironmentName, Permit>,
        output: &Output,
    ) -> Result<(), Failure> {
        let record = Record {
            permits: permits.clone(),
            note: revoked(plan),
            ..self.record(plan, What::Begun)
        };
        self.ledger.append(&record).await?;
        let mut deleted = plan.operations.iter().filter(|it| it.step == Step::Delete);
        if deleted.any(|operation| signs(operation.address.as_str())) {
            self.sign(session, output).await?;
        }
        Ok(())
    }

    /// The guard refused a plan. Where it would have changed something protected, that somebody
    /// tried is written down; what keeps it from being written is said, and the refusal stands.
    pub async fn refused(
        &self,
        session: &Session,
        plan: &Plan,
        objections: &[Objection],
        output: &Output,
    ) {
        if !objections.iter().any(|it| it.rule == Rule::Protected) {
            return;
        }
        let why = objections.iter().map(|it| match &it.address {
            Some(address) => format!("{address}: {}", it.problem),
            None => it.problem.clone(),
        });
        let event = What::Refused { why: why.collect() };
        let written = self.ledger.append(&self.record(plan, event)).await;
        // No key is recorded by a run that was refused.
        let noted = match (written, session.signing_vault()) {
            (Ok(_), Some(vault)) => self.sign_head(session, &vault, output).await,
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error.into()),
        };
        if let Err(failure) = noted {
            output.remark("the audit chain does not say that this was refused:");
            let colour = output.error_style().colour;
            failure::print(&failure, colour, std::io::stderr()).ok();
        }
    }

    /// Locks that an interrupted run had lifted are about to be put back.
    ///
    /// # Errors
    /// When it cannot be recorded: nothing may be changed then.
    pub async fn resumed(
        &self,
        environments: &[EnvironmentName],
        locks: Vec<String>,
    ) -> Result<(), Failure> {
        let record = Record {
            at: self.ledger.now(),
            run: self.run.clone(),
            actor: self.actor.clone(),
            command: self.command.clone(),
            event: What::Resumed,
            environments: environments.to_vec(),
            addresses: locks,
            plan: None,
            permits: BTreeMap::new(),
            note: None,
        };
        self.ledger.append(&record).await?;
        Ok(())
    }

    /// The run has come to its end.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub async fn ended(&self, plan: &Plan, outcome: &Outcome) -> Result<(), Failure> {
        let record = Record {
            addresses: Vec::new(),
            ..self.record(plan, What::ended(plan, outcome))
        };
        self.ledger.append(&record).await?;
        Ok(())
    }

    /// Who runs this.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Records keys that were made since, and has the end of the chain signed. Where it cannot be,
    /// that is said, and the next run signs it.
    ///
    /// # Errors
    /// When the control store cannot be read or written.
    pub async fn sign(&self, session: &Session, output: &Output) -> Result<(), Failure> {
        let Some(vault) = session.signing_vault() else {
            return Ok(());
        };
        for name in &vault.keys {
            if self.keys.get(&vault.name, name).await?.is_none()
                && let Some(key) = public_key(&session.azure, &vault.name, name, &self.ledger).await
            {
                self.keys.record(&key).await?;
            }
        }
        self.sign_head(session, &vault, output).await
    }

    /// Has the end of the chain signed, by the key that is recorded.
    async fn sign_head(
        &self,
        session: &Session,
        vault: &SigningVault,
        output: &Output,
    ) -> Result<(), Failure> {
        if !vault.keys.iter().any(|name| name == AUDIT_KEY) {
            return Ok(());
        }
        let unsigned = |why: &str| {
            output.remark(format!(
                "the audit log ends unsigned: {why}; the next run signs it"
            ));
        };
        let recorded = self.keys.get(&vault.name, AUDIT_KEY).await?;
        let head = match &recorded {
            Some(key) => self.ledger.unsigned(&key.key).await?,
            None if self.ledger.read().await?.unsigned() == 0 => return Ok(()),
            None => {
                unsigned(&format!(
                    "the key {AUDIT_KEY} of {} cannot be read",
                    vault.name
                ));
                return Ok(());
            }
        };
        let (Some(key), Some(head)) = (recorded, head) else {
            return Ok(());
        };
        match sign(&session.azure, &key.key, &head.statement()).await {
            Ok(signature) if verifies(&key, &head.statement(), &signature) => {
                self.ledger.keep(head, signature).await?;
            }
            Ok(_) => unsigned(&format!("{} is not the key that was recorded", key.key)),
            Err(failure) => unsigned(&failure.to_string()),
        }
        Ok(())
    }
}

/// The grants that a revocation takes away, by their ids, and why.
fn revoked(plan: &Plan) -> Option<String> {
    let gone = plan.operations.iter().filter(|it| it.is_revocation());
    let said = gone.map(|it| format!("{}: {}", it.id, it.reason));
    (plan.mode == Mode::Revoke).then(|| said.collect::<Vec<_>>().join("; "))
}

/// Whether the resource at an address is what signs, or holds it.
fn signs(address: &str) -> bool {
    ["shared.group", "shared.vault", "shared.vault.key.audit"].contains(&address)
}

/// The name of the key with which an approver signs.
pub fn approver_key(approver: &str) -> String {
    format!("approver-{approver}")
}

/// Whether a recorded key still is the one in its vault.
///
/// # Errors
/// When the vault does not tell.
pub async fn stands(
    azure: &Azure,
    key: &RecordedKey,
) -> Result<bool, onestream::provision::ports::Failure> {
    let vault = azure.vault(&key.key.vault);
    let found = vault.version(&key.key.name, &key.key.version).await?;
    let found = found.and_then(|it| recorded(&key.key.vault, it.key, key.at.clone()));
    Ok(found.is_some_and(|found| found.is(key)))
}

/// A signature of a statement by a key of a vault.
///
/// # Errors
/// As the vault refuses it.
pub async fn sign(
    azure: &Azure,
    key: &SigningKey,
    statement: &str,
) -> Result<Bytes, onestream::provision::ports::Failure> {
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

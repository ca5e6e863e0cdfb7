//! Recording a run in the audit chain, and having the chain's head signed.

use std::collections::BTreeMap;

use onestream::control::audit::{Flaw, Ledger, Reading, machine};
use onestream::control::{Keys, verifies};
use onestream::provision::apply::Outcome;
use onestream::provision::audit::{self, Actor, Permit, Record, What};
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::plan::{self, Mode, Plan, Step};
use onestream::provision::signed::{RecordedKey, SigningKey};
use onestream::resource::EnvironmentName;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::signing::{self, AUDIT_KEY, Standing};
use super::wiring::{Session, SigningVault};

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
            ledger: session.ledger.clone(),
            keys: Keys::of(&session.objects),
            run: session.run(),
            actor,
            command: command.to_owned(),
        })
    }

    /// A record of this run that speaks of nothing yet.
    fn blank(&self) -> Record {
        Record {
            at: self.ledger.now(),
            run: self.run.clone(),
            actor: self.actor.clone(),
            command: self.command.clone(),
            event: What::Begun,
            environments: Vec::new(),
            addresses: Vec::new(),
            plan: None,
            permits: BTreeMap::new(),
            note: None,
        }
    }

    fn record(&self, plan: &Plan, event: What) -> Record {
        Record {
            event,
            environments: plan.environments.clone(),
            addresses: audit::addresses(plan),
            plan: Some(plan::digest(plan)),
            ..self.blank()
        }
    }

    /// A run is about to carry out a plan. Where that takes away what signs, it signs first; and
    /// where it needs no approval, so that whoever goes on with it finds that signed.
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
        } else if permits.values().any(|permit| permit.desired().is_some()) {
            // What is wrong is told at the end of the run, when the key stands.
            self.vouch(session).await?;
        }
        Ok(())
    }

    /// The control store was made before anything else was, as `begun` has it, and this run goes on
    /// in `shared` by the right that `permit` says. Nothing else is taken from where `begun` stood:
    /// anybody can write into a folder.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub async fn made_store(
        &self,
        begun: Option<&Record>,
        permit: Permit,
        note: String,
    ) -> Result<(), Failure> {
        let shared = EnvironmentName::shared();
        let record = Record {
            environments: vec![shared.clone()],
            addresses: begun.map(|it| it.addresses.clone()).unwrap_or_default(),
            plan: begun.and_then(|it| it.plan.clone()),
            permits: [(shared, permit)].into(),
            note: Some(note),
            ..self.blank()
        };
        self.ledger.append(&record).await?;
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
        let noted = match written {
            Ok(_) => self.countersign(session, output).await,
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = noted {
            output.remark("the audit chain does not say that this was refused:");
            output.tell(&failure);
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
            event: What::Resumed,
            environments: environments.to_vec(),
            addresses: locks,
            ..self.blank()
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

    /// The run that it writes as.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Who runs this.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Records keys that were made since, and has the end of the chain signed. Where it cannot be,
    /// that is said, and the next run signs it.
    ///
    /// # Errors
    /// When the control store cannot be read or written, and when the chain is not as it was
    /// written: nobody signs it then, so that it still shows.
    pub async fn sign(&self, session: &Session, output: &Output) -> Result<(), Failure> {
        let vouched = self.vouch(session).await?;
        if let Some(vault) = session.signing_vault() {
            let approvers = vault.keys.iter().filter(|name| *name != AUDIT_KEY);
            for name in approvers {
                if self.keys.get(&vault.name, name).await?.is_none()
                    && let Some(key) =
                        signing::public_key(&session.azure, &vault.name, name, &self.ledger).await
                {
                    self.keys.record(&key).await?;
                }
            }
        }
        told(vouched, output)
    }

    /// Has the end of the chain signed by a key that is recorded already.
    async fn countersign(&self, session: &Session, output: &Output) -> Result<(), Failure> {
        let Some(vault) = session.signing_vault() else {
            return Ok(());
        };
        match self.keys.get(&vault.name, AUDIT_KEY).await? {
            Some(_) => told(self.vouch(session).await?, output),
            None => Ok(()),
        }
    }

    /// Has the end of the chain signed, if all of it is as it was written.
    async fn vouch(&self, session: &Session) -> Result<Vouched, Failure> {
        let vault = session.signing_vault();
        let declared = |it: &SigningVault| it.keys.iter().any(|name| name == AUDIT_KEY);
        let Some(vault) = vault.filter(declared) else {
            return Ok(Vouched::Signed);
        };
        let recorded = self.keys.get(&vault.name, AUDIT_KEY).await?;
        let key = match &recorded {
            Some(key) => key.clone(),
            None => match signing::public_key(&session.azure, &vault.name, AUDIT_KEY, &self.ledger)
                .await
            {
                Some(key) => key,
                None if self.ledger.read().await?.unsigned() == 0 => return Ok(Vouched::Signed),
                None => {
                    let why = format!("the key {AUDIT_KEY} of {} cannot be read", vault.name);
                    return Ok(Vouched::Later(why));
                }
            },
        };
        let reading = match self.sound(session, &key, recorded.is_some()).await? {
            Ok(reading) => reading,
            Err(flaws) => return Ok(Vouched::Never(flaws)),
        };
        if let Some(head) = self.ledger.head(&reading, &key.key) {
            match signing::sign(&session.azure, &key.key, &head.statement()).await {
                Ok(signature) if verifies(&key, &head.statement(), &signature) => {
                    self.ledger.keep(head, signature).await?;
                }
                Ok(_) => return self.unvouched(session, &key, "it signs otherwise").await,
                Err(failure) => {
                    return self.unvouched(session, &key, &failure.to_string()).await;
                }
            }
        } else if reading.head.is_none() {
            return Ok(Vouched::Signed);
        }
        // Only now: where it is recorded, a head has been signed with it.
        if recorded.is_none() {
            self.keys.record(&key).await?;
        }
        Ok(Vouched::Signed)
    }

    /// Why a key did not sign the end of the chain: where the vault has another one than is
    /// recorded, somebody replaced either, and no later run signs.
    async fn unvouched(
        &self,
        session: &Session,
        key: &RecordedKey,
        why: &str,
    ) -> Result<Vouched, Failure> {
        let SigningKey { vault, name, .. } = &key.key;
        let recorded = self.keys.get(vault, name).await?.is_some();
        let is_other = recorded
            && matches!(
                signing::standing(&session.azure, key).await,
                Ok(Standing::Other)
            );
        if !is_other {
            return Ok(Vouched::Later(why.to_owned()));
        }
        Ok(Vouched::Never(vec![Flaw {
            place: self.keys.place(vault, name)?,
            problem: format!("it records another key than {vault} has: {}", key.key),
        }]))
    }

    /// The chain, if everything in it is as it was written and as it was signed before. Before a
    /// first head there is nothing to hold it against. What this process has not written and no
    /// head covers is said to have been found so before it is signed.
    async fn sound(
        &self,
        session: &Session,
        key: &RecordedKey,
        is_recorded: bool,
    ) -> Result<Result<Reading, Vec<Flaw>>, Failure> {
        // Read before the chain, to which others may be adding: what they journal is in it then.
        // Older journals the head was held against when it was signed.
        let signed = self.ledger.signed_at().await?;
        let journals = session.control.journalled(signed).await?;
        loop {
            let reading = self.ledger.read().await?;
            let first = reading.head.is_none() && !is_recorded;
            let mut flaws = match first {
                true => reading.flaws.clone(),
                false => reading.verify(Some(key)),
            };
            flaws.extend(reading.unrecorded(&journals));
            if !flaws.is_empty() {
                return Ok(Err(flaws));
            }
            let entries = self.ledger.found_unsigned(&reading);
            if entries.is_empty() {
                return Ok(Ok(reading));
            }
            let record = Record {
                event: What::FoundUnsigned { entries },
                ..self.blank()
            };
            self.ledger.append(&record).await?;
        }
    }
}

/// Says what became of the wish to sign the chain.
fn told(vouched: Vouched, output: &Output) -> Result<(), Failure> {
    match vouched {
        Vouched::Signed => Ok(()),
        Vouched::Later(why) => {
            output.remark(format!(
                "the audit log ends unsigned: {why}; the next run signs it"
            ));
            Ok(())
        }
        Vouched::Never(flaws) => {
            let mut failure = Failure::new(
                Exit::Incomplete,
                "the audit log is not as it was written: it is not signed again",
            )
            .hint(
                "`onestream audit verify` says so until the log is put back as it was; who \
                 writes to the control store can have changed it",
            );
            failure.details = flaws.iter().map(ToString::to_string).collect();
            Err(failure)
        }
    }
}

/// What became of the wish to sign the chain.
enum Vouched {
    /// It is signed to its end, or there is nothing to sign it with.
    Signed,
    /// It could not be signed, for this reason.
    Later(String),
    /// It must not be signed: this is wrong with it.
    Never(Vec<Flaw>),
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

//! `lock status` and `lock break`: who may write which environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use onestream::config::{self, CloudChoice};
use onestream::control::Store;
use onestream::control::audit::{Ledger, machine};
use onestream::provision::audit::{Actor, Record, What};
use onestream::provision::objects::Objects;
use onestream::provision::ports::{Lease as _, Standing, StoreError};
use onestream::report::lock::{self, Locks};
use onestream::resource::EnvironmentName;
use uuid::Uuid;

use super::arguments::{Global, LockCommand};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::{connect, export, wiring};

/// Runs `lock`.
pub async fn run(global: &Global, command: &LockCommand, output: &Output) -> Result<Exit, Failure> {
    let format = output.format()?;
    let configuration =
        config::load(&global.root, &global.environments).map_err(Failure::configuration)?;
    let cloud = wiring::choice(global, &configuration)?;
    let store = super::control::open(&configuration, cloud)?;
    if let LockCommand::Break {
        environment,
        reason,
    } = command
    {
        known(&configuration, &store, environment).await?;
        let broken = take_away(&store, environment, reason).await;
        exported(&configuration, cloud, global, store.objects(), output).await;
        output.remark(broken?);
    }
    let mut standing = store.standing().await?;
    for environment in configuration.environments.iter().map(|one| one.name()) {
        if !standing.iter().any(|(name, _)| name == environment) {
            standing.push((environment.clone(), Standing::Free));
        }
    }
    standing.sort_by(|(one, _), (other, _)| one.cmp(other));
    if !global.environments.is_empty() {
        standing.retain(|(name, _)| configuration.selected.contains(name));
    }
    let locks = Locks {
        cloud: cloud.name(),
        store: &store.place(),
        standing: &standing,
        breaks: &store.breaks().await?,
    };
    output.result(&lock::status(&locks, format, &output.style()))?;
    Ok(Exit::Clean)
}

/// Takes a lease away. It is on record before it is done, as everything that others have to know
/// of; and then what came of it, which is what is told.
async fn take_away(
    store: &Store,
    environment: &EnvironmentName,
    reason: &str,
) -> Result<String, Failure> {
    let ledger = Ledger::of(store.objects());
    let mut record = asked(&ledger, environment, reason.to_owned());
    ledger.append(&record).await?;
    let broken = store.break_lease(environment, reason).await;
    record.at = ledger.now();
    record.event = match &broken {
        Ok(Standing::Free) => What::LockNotBroken {
            why: "it was not locked".to_owned(),
        },
        Ok(Standing::Abandoned(_) | Standing::Held(_)) => What::LockBroken {
            reason: reason.to_owned(),
        },
        Err(error) => What::LockNotBroken {
            why: error.to_string(),
        },
    };
    let noted = ledger.append(&record).await;
    let was = broken.map_err(still_held)?;
    noted?;
    Ok(match was {
        Standing::Free => format!("{environment} was not locked"),
        Standing::Abandoned(holder) => format!("{environment} is free: {holder} is gone"),
        Standing::Held(holder) => format!(
            "{environment} is taken from {holder}; it is free once that lease's minute is over"
        ),
    })
}

/// Sends the entries to where the log is kept beside the store. Only for that somebody has to be
/// signed in to Azure.
async fn exported(
    configuration: &config::Configuration,
    cloud: CloudChoice,
    global: &Global,
    objects: &Arc<dyn Objects>,
    output: &Output,
) {
    if configuration.control.export.is_none() {
        return;
    }
    match connect::connect(configuration, cloud, global.person.as_deref(), output).await {
        Ok(connected) => {
            export::at_end(configuration, &connected.azure, objects, output).await;
            connected.connection.close().await;
        }
        Err(failure) => export::told(&failure, output),
    }
}

/// Nobody has to sign in to Azure for it: the machine says who it was.
fn asked(ledger: &Ledger, environment: &EnvironmentName, reason: String) -> Record {
    Record {
        at: ledger.now(),
        run: Uuid::new_v4().to_string(),
        actor: Actor {
            identity: None,
            machine: machine(),
        },
        command: "lock break".to_owned(),
        event: What::LockBreakAsked { reason },
        environments: vec![environment.clone()],
        addresses: Vec::new(),
        plan: None,
        permits: BTreeMap::new(),
        note: None,
    }
}

/// An environment that is gone from TOML is known while the store has a lease of it.
async fn known(
    configuration: &config::Configuration,
    store: &Store,
    environment: &EnvironmentName,
) -> Result<(), Failure> {
    let mut declared = configuration.environments.iter().map(|one| one.name());
    if declared.any(|name| name == environment) {
        return Ok(());
    }
    let standing = store.standing().await?;
    match standing.iter().any(|(name, _)| name == environment) {
        true => Ok(()),
        false => Err(Failure::usage(format!("no environment `{environment}`"))
            .hint("`onestream lock status` lists those that TOML declares or the store knows")),
    }
}

/// On a folder the lock is the process's own.
fn still_held(error: StoreError) -> Failure {
    match &error {
        StoreError::Held { .. } => Failure::of(Exit::Refused, &error)
            .hint("its process is alive on this machine: end it, and its lock falls by itself"),
        _ => error.into(),
    }
}

//! Sees to what earlier runs left undone, before anything is read or written.

use std::collections::BTreeSet;
use std::sync::Arc;

use onestream::kinds::KINDS;
use onestream::provision::ports::{Cloud, Held, StoreError};
use onestream::provision::recover::{self, Interrupted, RecoverError, Settled};
use onestream::resource::EnvironmentName;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::recording::Recorder;
use super::wiring::Session;

/// What holds where the journal is left aside.
const BY_AZURE_ALONE: &str = "Azure alone says what stands, and a lock that an earlier run lifted is \
                              put back only if it is declared";

/// Resumes what the journal shows no end of in these environments, unless it is to be ignored.
///
/// # Errors
/// Where it is not to be ignored: a journal that cannot be read; Azure that does not say how an
/// operation goes on; a lock that cannot be put back.
pub async fn resume(
    session: &Session,
    held: &Arc<dyn Held>,
    environments: &BTreeSet<EnvironmentName>,
    ignore_journal: bool,
    output: &Output,
) -> Result<(), Failure> {
    let environments: Vec<_> = environments.iter().cloned().collect();
    let runs = match session.control.unfinished(&environments).await {
        Err(error @ StoreError::Corrupt { .. }) if ignore_journal => {
            output.remark(format!("{error}: left aside, as asked; {BY_AZURE_ALONE}"));
            return Ok(());
        }
        Err(error @ StoreError::Corrupt { .. }) => {
            return Err(Failure::of(Exit::Failed, &error).hint(
                "nothing was changed; --ignore-journal goes by what Azure says instead, once \
                 nothing of that run is under way any more",
            ));
        }
        other => other?,
    };
    let interrupted = recover::replay(&runs).within(&environments);
    if interrupted.is_empty() {
        return Ok(());
    }
    if ignore_journal {
        output.remark(left_aside(&interrupted));
        return Ok(());
    }
    announce(&interrupted, output);
    if !interrupted.lifted.is_empty() {
        let locks = interrupted.lifted.iter().map(|it| it.address.to_string());
        let recorder = Recorder::of(session, "resume").await?;
        recorder.resumed(&environments, locks.collect()).await?;
    }
    let cloud: Arc<dyn Cloud> = Arc::new(session.azure.under(Arc::clone(held)));
    let journal = session.control.journal(held, false);
    let applied = session.applied().await?;
    let locks = recover::locks(&session.declared.desired, &applied, KINDS);
    let settled = recover::settle(&interrupted, &locks, KINDS, &*cloud, &journal)
        .await
        .map_err(failure)?;
    for one in &settled {
        output.remark(told(one));
    }
    Ok(())
}

/// What is not seen to, by its addresses.
fn left_aside(interrupted: &Interrupted) -> String {
    let accepted = interrupted.accepted.iter().map(|one| &one.address);
    let lifted = interrupted.lifted.iter().map(|one| &one.address);
    let all: BTreeSet<String> = accepted
        .chain(&interrupted.begun)
        .chain(lifted)
        .map(ToString::to_string)
        .collect();
    let all: Vec<String> = all.into_iter().collect();
    format!(
        "{}: the journal shows no end of it; left aside, as asked; {BY_AZURE_ALONE}",
        all.join(", ")
    )
}

fn announce(interrupted: &Interrupted, output: &Output) {
    for accepted in &interrupted.accepted {
        output.remark(format!(
            "{}: Azure took this at {} for a run that did not see its end; waiting for it",
            accepted.address, accepted.at
        ));
    }
    for address in &interrupted.begun {
        output.remark(format!(
            "{address}: begun by a run that did not see its end; Azure is asked how it stands"
        ));
    }
}

fn told(settled: &Settled) -> String {
    match settled {
        Settled::Finished(address) => format!("{address}: Azure has finished it"),
        Settled::Failed(address, why) => format!("{address}: Azure gave it up: {why}"),
        Settled::Forgotten(address) => {
            format!("{address}: Azure does not know the operation any more")
        }
        Settled::PutBack(address) => format!("{address}: the lock that was lifted is on again"),
        Settled::Stands(address) => format!("{address}: the lock that was lifted is on already"),
        Settled::NothingToLock(address) => {
            format!("{address}: what the lifted lock was on is gone")
        }
    }
}

fn failure(error: RecoverError) -> Failure {
    match error {
        RecoverError::Store(error) => error.into(),
        error @ RecoverError::NotOurs { .. } => Failure::of(Exit::Refused, &error).hint(
            "nothing was changed; look at who wrote the journal, put the lock back by hand where \
             one is missing, and go on with --ignore-journal",
        ),
        error => Failure::of(Exit::Failed, &error)
            .hint("nothing else was changed; run again once Azure answers"),
    }
}

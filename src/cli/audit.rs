//! `audit`: who did what, whether the log still says so, and where else it is kept.

use std::sync::Arc;

use onestream::control::Keys;
use onestream::control::audit::{Flaw, Ledger, Link};
use onestream::provision::objects::Objects;
use onestream::provision::signed::RecordedKey;
use onestream::report::audit::{self, Entry, Verified};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::arguments::{AuditCommand, AuditLogArguments, Global};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::recording;
use super::wiring::{self, Declared};
use super::{connect, export};

/// Runs `audit`.
pub async fn run(
    global: &Global,
    command: &AuditCommand,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    let declared = wiring::declared(global, output)?;
    let choice = wiring::choice(global, &declared)?;
    let control = super::control::open(&declared.configuration, choice)?;
    match command {
        AuditCommand::Log(arguments) => {
            log(global, &declared, control.objects(), arguments, output).await
        }
        AuditCommand::Verify { offline } => {
            verify(global, &declared, control.objects(), *offline, output).await
        }
        AuditCommand::Export { from_start } => {
            export::run(global, &declared, control.objects(), *from_start, output).await
        }
    }
}

async fn log(
    global: &Global,
    declared: &Declared,
    objects: &Arc<dyn Objects>,
    arguments: &AuditLogArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let reading = Ledger::of(objects).read().await?;
    let wanted = |link: &&Link| is_wanted(link, global, arguments);
    let doubts = reading.doubts();
    let entries: Vec<Entry<'_>> = reading
        .links
        .iter()
        .filter(wanted)
        .map(|link| Entry {
            number: link.number,
            hash: &link.hash,
            record: &link.record,
            unvouched: doubts.iter().any(|it| it.entries.contains(link.number)),
        })
        .collect();
    let cloud = wiring::choice(global, declared)?.to_string();
    let (format, style) = (output.format()?, output.style());
    output.result(&audit::log(&entries, &cloud, format, &style))?;
    if reading.flaws.is_empty() {
        return Ok(Exit::Clean);
    }
    output.remark("some entries are not as they were written: see `onestream audit verify`");
    Ok(Exit::Incomplete)
}

/// Whether an entry is one of those that are asked for.
fn is_wanted(link: &Link, global: &Global, arguments: &AuditLogArguments) -> bool {
    let record = &link.record;
    let named = |name: &String| record.environments.iter().any(|it| it.as_str() == name);
    let here = global.environments.is_empty() || global.environments.iter().any(named);
    let when = arguments.since.is_none_or(|since| {
        let at = UtcDateTime::parse(&record.at, &Rfc3339);
        // An entry that does not say when it was made is not passed over.
        at.map_or(true, |at| at >= since.from(UtcDateTime::now()))
    });
    let who = arguments.actor.as_ref().is_none_or(|text| {
        let actor = record.actor.to_string().to_lowercase();
        actor.contains(&text.to_lowercase())
    });
    let what = arguments.of.as_ref().is_none_or(|of| {
        let command = record.command.split_whitespace().next();
        record.command == *of || command == Some(of)
    });
    here && when && who && what
}

async fn verify(
    global: &Global,
    declared: &Declared,
    objects: &Arc<dyn Objects>,
    offline: bool,
    output: &Output,
) -> Result<Exit, Failure> {
    let ledger = Ledger::of(objects);
    let reading = ledger.read().await?;
    let mut recorded = None;
    let mut flaws: Vec<Flaw> = Vec::new();
    if let Some(vault) = wiring::signing_vault(&declared.configuration) {
        recorded = Keys::of(objects)
            .get(&vault.name, recording::AUDIT_KEY)
            .await?;
        match (&recorded, &reading.head) {
            _ if offline => {}
            (Some(key), _) => flaws.extend(replaced(global, declared, key, output).await?),
            (None, Some(_)) => {
                recorded = in_vault(global, declared, &vault.name, &ledger, output).await?
            }
            (None, None) => {}
        }
    }
    flaws.extend(reading.verify(recorded.as_ref()));
    let told = |flaws: &[Flaw]| flaws.iter().map(ToString::to_string).collect();
    let verified = Verified {
        entries: reading.links.len(),
        unsigned: reading.unsigned(),
        unvouched: reading.doubts(),
        signed_by: reading.head.as_ref().map(|it| it.head.key.to_string()),
        flaws: told(&flaws),
        torn: told(&reading.torn),
    };
    let cloud = wiring::choice(global, declared)?.to_string();
    let (format, style) = (output.format()?, output.style());
    output.result(&audit::verified(&verified, &cloud, format, &style))?;
    Ok(match flaws.is_empty() {
        true => Exit::Clean,
        false => Exit::Refused,
    })
}

/// The key that signs, as its vault has it. A run that was killed between its first signature and
/// the record of its key leaves a head that only the vault can vouch for.
async fn in_vault(
    global: &Global,
    declared: &Declared,
    vault: &str,
    ledger: &Ledger,
    output: &Output,
) -> Result<Option<RecordedKey>, Failure> {
    let choice = wiring::choice(global, declared)?;
    let person = global.person.as_deref();
    let connect::Connected {
        azure, connection, ..
    } = connect::connect(&declared.configuration, choice, person, output).await?;
    let key = recording::public_key(&azure, vault, recording::AUDIT_KEY, ledger).await;
    connection.close().await;
    if let Some(key) = &key {
        output.remark(format!(
            "{} is not recorded: its vault was asked; the next run records it",
            key.key
        ));
    }
    Ok(key)
}

/// What is wrong with the recorded key, held against the vault that has it. Where the vault does
/// not answer, that is said.
async fn replaced(
    global: &Global,
    declared: &Declared,
    key: &RecordedKey,
    output: &Output,
) -> Result<Option<Flaw>, Failure> {
    let choice = wiring::choice(global, declared)?;
    let person = global.person.as_deref();
    let connect::Connected {
        azure, connection, ..
    } = connect::connect(&declared.configuration, choice, person, output).await?;
    let stands = recording::stands(&azure, key).await;
    connection.close().await;
    match stands {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(Flaw {
            place: key.key.to_string(),
            problem: "its vault does not have the key that was recorded".to_owned(),
        })),
        Err(failure) => {
            output.remark(format!(
                "{} was not held against its vault: {failure}",
                key.key
            ));
            Ok(None)
        }
    }
}

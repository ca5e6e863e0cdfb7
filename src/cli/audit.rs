//! `audit`: who did what, whether the log still says so, and where else it is kept.

use std::sync::Arc;

use onestream::control::audit::{Flaw, Ledger, Link};
use onestream::control::{Keys, Store};
use onestream::provision::objects::Objects;
use onestream::provision::ports::StoreError;
use onestream::provision::signed::RecordedKey;
use onestream::report::audit::{self, Entry, Verified};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::arguments::{AuditCommand, AuditLogArguments, Global};
use super::failure::{Exit, Failure, What};
use super::output::Output;
use super::signing::{self, Standing};
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
    let choice = wiring::choice(global, &declared.configuration)?;
    let control = super::control::open(&declared.configuration, choice)?;
    match command {
        AuditCommand::Log(arguments) => {
            log(global, &declared, control.objects(), arguments, output).await
        }
        AuditCommand::Verify { offline } => {
            verify(global, &declared, &control, *offline, output).await
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
    let (reading, no_head) = Ledger::of(objects).examine().await?;
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
    let cloud = wiring::choice(global, &declared.configuration)?.to_string();
    let (format, style) = (output.format()?, output.style());
    output.result(&audit::log(&entries, &cloud, format, &style))?;
    if reading.flaws.is_empty() && no_head.is_none() {
        return Ok(Exit::Clean);
    }
    output.remark("the log is not as it was written: see `onestream audit verify`");
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
    control: &Store,
    offline: bool,
    output: &Output,
) -> Result<Exit, Failure> {
    let objects = control.objects();
    let ledger = Ledger::of(objects);
    // Before the chain, to which others may be adding: what they journal is in it then.
    let journals = control.journalled(None).await?;
    let (reading, no_head) = ledger.examine().await?;
    let head = reading.head.as_ref();
    let mut judged = Judged::default();
    let mut unreadable = no_head;
    if let Some(vault) = wiring::signing_vault(&declared.configuration) {
        let keys = Keys::of(objects);
        match keys.get(&vault.name, signing::AUDIT_KEY).await {
            Ok(Some(key)) if offline => judged = Judged::unchecked(key, "as --offline asks"),
            Ok(Some(key)) => judged = held_against_vault(global, declared, key, output).await?,
            Ok(None) if head.is_some() && !offline => {
                judged.key = in_vault(global, declared, &vault.name, &ledger, output).await?;
            }
            Ok(None) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    match unreadable {
        // What it would be held against is not there: that is what is wrong.
        Some(error) => {
            judged.flaws.push(no_witness(error)?);
            judged.flaws.extend(reading.flaws.clone());
        }
        None => judged.flaws.extend(reading.verify(judged.key.as_ref())),
    }
    judged.flaws.extend(reading.unrecorded(&journals));
    let told = |flaws: &[Flaw]| flaws.iter().map(ToString::to_string).collect();
    let verified = Verified {
        entries: reading.links.len(),
        unsigned: reading.unsigned(),
        unvouched: reading.doubts(),
        signed_by: head.map(|it| it.head.key.to_string()),
        unchecked: judged.unchecked,
        flaws: told(&judged.flaws),
        torn: told(&reading.torn),
    };
    let cloud = wiring::choice(global, &declared.configuration)?.to_string();
    let (format, style) = (output.format()?, output.style());
    output.result(&audit::verified(&verified, &cloud, format, &style))?;
    Ok(match (judged.flaws.is_empty(), &verified.unchecked) {
        (false, _) => Exit::Refused,
        (true, Some(_)) if !offline => Exit::Incomplete,
        (true, _) => Exit::Clean,
    })
}

/// What a head or the record of a key that cannot be read means.
fn no_witness(error: StoreError) -> Result<Flaw, Failure> {
    match error {
        StoreError::Corrupt { place, problem, .. } => Ok(Flaw {
            place,
            problem: format!(
                "it cannot be read ({problem}), so nothing shows that the log is as it was signed: \
                 put it back as it was, from a version or a copy of the store"
            ),
        }),
        other => Err(other.into()),
    }
}

/// The key that the head is held against, and what holding it against its vault has shown.
#[derive(Default)]
struct Judged {
    key: Option<RecordedKey>,
    flaws: Vec<Flaw>,
    /// Why it was not held against its vault, where it was not.
    unchecked: Option<String>,
}

impl Judged {
    fn unchecked(key: RecordedKey, why: &str) -> Self {
        Self {
            key: Some(key),
            unchecked: Some(why.to_owned()),
            ..Self::default()
        }
    }
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
    let choice = wiring::choice(global, &declared.configuration)?;
    let person = global.person.as_deref();
    let connect::Connected {
        azure, connection, ..
    } = connect::connect(&declared.configuration, choice, person, output).await?;
    let key = signing::public_key(&azure, vault, signing::AUDIT_KEY, ledger).await;
    connection.close().await;
    if let Some(key) = &key {
        output.remark(format!(
            "{} is not recorded: its vault was asked; the next run records it",
            key.key
        ));
    }
    Ok(key)
}

/// Holds the recorded key against the vault that has it. A vault that is not reached or does not
/// answer, and one that was deleted, shows nothing: whoever writes to the store can have recorded
/// a key of their own.
///
/// # Errors
/// A cloud that nobody can be meant to connect to.
async fn held_against_vault(
    global: &Global,
    declared: &Declared,
    key: RecordedKey,
    output: &Output,
) -> Result<Judged, Failure> {
    let choice = wiring::choice(global, &declared.configuration)?;
    let person = global.person.as_deref();
    let connected = connect::connect(&declared.configuration, choice, person, output).await;
    let connect::Connected {
        azure, connection, ..
    } = match connected {
        Ok(connected) => connected,
        Err(failure) if failure.exit == Exit::Usage => return Err(failure),
        Err(failure) => {
            let why = match &failure.what {
                What::Message(message) => message.as_str(),
                What::Configuration(_) | What::Objections(_) => "nobody could be signed in",
            };
            return Ok(Judged::unchecked(key, why));
        }
    };
    let standing = signing::standing(&azure, &key).await;
    connection.close().await;
    Ok(match standing {
        Ok(Standing::Same) => Judged {
            key: Some(key),
            ..Judged::default()
        },
        Ok(Standing::Other) => Judged {
            flaws: vec![Flaw {
                place: key.key.to_string(),
                problem: "its vault does not have the key that was recorded".to_owned(),
            }],
            key: Some(key),
            unchecked: None,
        },
        Ok(Standing::Gone) => Judged::unchecked(key, "the key or its vault is deleted"),
        Err(failure) => Judged::unchecked(key, &failure.to_string()),
    })
}

//! Makes the control store where it does not stand yet: `[shared.store]` declares the very account
//! that `[control]` names.
//!
//! ## Why
//! Nothing can be kept in a store that is not there, so what makes it is kept in a folder beside
//! the configuration: lease, journal and audit log as in any run, gone once the store stands and
//! its audit log says how it came to be. Whether it stands is asked of Azure Resource Manager and
//! never guessed from a store that does not answer. Where the account stands and its container does
//! not, or where the account is gone and other things of ours stand, somebody has deleted it: making
//! an empty one would begin a new audit log in silence. Anybody can put such a folder there, so it
//! counts only while nothing else of ours stands in Azure, and gives no right to change what does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use onestream::config::{Configuration, ControlStore};
use onestream::control::audit::Ledger;
use onestream::control::{Clock, Store, SystemClock};
use onestream::kinds::KINDS;
use onestream::provision::audit::{Permit, Record, What};
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::plan::{Applied, Mode, Operation, Plan, Step};
use onestream::provision::ports::{Reader as _, Snapshots as _, StoreError, Verdict};
use onestream::remote::azure::Azure;
use onestream::resource::{Address, EnvironmentName, Ownership, Pattern};

use super::arguments::RunArguments;
use super::failure::{Exit, Failure};
use super::interrupt;
use super::leased::{self, Source};
use super::output::Output;
use super::recording::Recorder;
use super::wiring::{Session, Wish};

/// Where a bootstrap keeps its journal, from the root folder.
const FOLDER: &str = ".onestream/bootstrap";
/// How long a new store is waited for: names and roles take minutes to be known everywhere.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(3);
/// What of `shared` the store needs: itself, and the zone that answers for its private endpoint.
const NEEDED: [&str; 2] = ["shared.store", "shared.network.zone.store"];

/// How the control store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be used, or its own answer says what is wrong with it.
    Stands,
    /// Azure says that its account does not exist, and TOML declares it.
    Missing,
    /// It is being made from this folder, and that has not come to its end.
    Unfinished,
}

/// Asks Azure whether the control store stands, where `[shared.store]` declares it. What cannot be
/// read stands: nothing is made then. So does a store that has an audit log.
pub async fn look(configuration: &Configuration, azure: &Azure, real: &Store) -> Standing {
    let Some(made) = Made::of(configuration) else {
        return Standing::Stands;
    };
    let exists = async |kind: &str, id: &str| {
        let kind = KINDS.named(kind)?;
        let read = azure.get(&kind.get(id)).await;
        let read = read.inspect_err(|failure| {
            tracing::warn!(%failure, "whether the control store stands cannot be read");
        });
        Some(read.ok()?.is_some())
    };
    let account = exists("storage account", &made.account).await;
    if account == Some(false) {
        return Standing::Missing;
    }
    if account.is_none() || !folder(&configuration.root).is_dir() {
        return Standing::Stands;
    }
    match Ledger::of(real.objects()).read().await {
        Ok(chain) if !chain.links.is_empty() => Standing::Stands,
        Ok(_) | Err(_) => Standing::Unfinished,
    }
}

/// The account and the container of a store that TOML declares.
struct Made {
    account: String,
    place: String,
}

impl Made {
    fn of(configuration: &Configuration) -> Option<Self> {
        let ControlStore::AzureBlob(blob) = &configuration.control.store else {
            return None;
        };
        let shared = configuration.environment(&EnvironmentName::shared())?;
        let (section, group) = (
            shared.sections.store.as_ref()?,
            shared.sections.group.as_ref()?,
        );
        // Configuration holds the container against it.
        (section.account == blob.account).then(|| Self {
            account: section.id(&shared.place.group_id(&group.name)),
            place: format!("azblob://{}/{}", blob.account, blob.container),
        })
    }
}

fn folder(root: &Path) -> PathBuf {
    root.join(FOLDER)
}

/// What stands against a plan that deletes the private endpoint of the very store that the run is
/// kept in: halfway through, lease and journal would be out of reach, and no later run could mend it.
pub fn cut_off(configuration: &Configuration, plan: &Plan) -> Vec<Objection> {
    let ControlStore::AzureBlob(blob) = &configuration.control.store else {
        return Vec::new();
    };
    let shared = configuration.environment(&EnvironmentName::shared());
    let section = shared.and_then(|shared| shared.sections.store.as_ref());
    let declared = section.filter(|section| section.account == blob.account);
    if declared.is_some_and(|section| section.public_network_access) {
        return Vec::new();
    }
    let account = format!("/storageaccounts/{}\"", blob.account.to_lowercase());
    let leads_there = |operation: &&Operation| {
        let before = operation.before.as_ref().map(ToString::to_string);
        before.is_some_and(|before| before.to_lowercase().contains(&account))
    };
    let deletes = plan.operations.iter().filter(|it| it.step == Step::Delete);
    let cut = deletes.filter(leads_there);
    cut.map(|operation| Objection {
        rule: Rule::ControlStore,
        address: Some(operation.address.clone()),
        problem: format!(
            "this run is kept in {}, which is reached through it",
            blob.account
        ),
        instead: "leave the way there with --exclude 'shared.store*' --exclude 'shared.network*' \
                  --exclude shared.group, or let [control] name another store first"
            .to_owned(),
    })
    .collect()
}

/// Says to whoever only reads that there is no store yet.
pub fn mention(configuration: &Configuration, standing: Standing, output: &Output) {
    let Some(made) = Made::of(configuration) else {
        return;
    };
    let place = made.place;
    match standing {
        Standing::Stands => {}
        Standing::Missing => output.remark(format!(
            "the control store {place} does not exist: where nothing else stands yet, `onestream \
             apply` makes it first"
        )),
        Standing::Unfinished => output.remark(format!(
            "the control store {place} is being made: `onestream apply` goes on with it"
        )),
    }
}

/// Makes the store where it does not stand, and lets the session use it from then on; how the run
/// ended, where it cannot go on.
///
/// # Errors
/// A run that is not an apply of everything declared; a store that was made and does not answer.
pub async fn see_to(
    session: &mut Session,
    source: &Source<'_>,
    run: &RunArguments,
    output: &Output,
) -> Result<Option<Exit>, Failure> {
    if session.store == Standing::Stands {
        return Ok(None);
    }
    let adopt = may_begin(session, source)?;
    let configuration = &session.declared.configuration;
    let root = configuration.root.clone();
    let made = Made::of(configuration).map(|made| made.place);
    let place = made.unwrap_or_default();
    let real = super::control::open(configuration, session.choice)?;
    if let Some(other) = other(session).await? {
        if session.store == Standing::Missing {
            return Err(gone(&place, &other));
        }
        session.keep_in(real);
        session.store = Standing::Stands;
        session.refresh().await?;
        return Ok(None);
    }
    output.remark(format!(
        "making the control store {place}, journalled in {FOLDER}"
    ));
    session.keep_in(Store::folder(folder(&root))?);
    session.begins = true;
    let made = make(session, adopt, run, output).await;
    session.begins = false;
    let exit = made?;
    // Two at once make the same: whoever comes second finds it made.
    let stands = exit == Exit::Refused && {
        let configuration = &session.declared.configuration;
        look(configuration, &session.azure, &real).await != Standing::Missing
    };
    if exit != Exit::Clean && !stands {
        return Ok(Some(exit));
    }
    let stop = interrupt::listen();
    let ask = async || {
        real.environments().await?;
        Ledger::of(real.objects()).read().await.map(drop)
    };
    interrupt::or_stopped(&stop, answers(ask, &SystemClock, output)).await??;
    let begun = begun(session).await?;
    session.keep_in(real);
    session.store = Standing::Stands;
    session.refresh().await?;
    record(session, begun.as_ref(), &place).await?;
    if let Err(error) = std::fs::remove_dir_all(folder(&root)) {
        output.remark(format!(
            "{FOLDER} is of no use any more, and stays: {error}"
        ));
    }
    output.remark(format!("the control store {place} stands"));
    Ok(None)
}

/// Whether the run takes over what is not marked; a run that cannot make a store is refused.
fn may_begin(session: &Session, source: &Source<'_>) -> Result<bool, Failure> {
    let first = "the control store does not exist yet";
    let shared = session.only.as_ref();
    if shared.is_some_and(|only| !only.contains(&EnvironmentName::shared())) {
        return Err(
            Failure::new(Exit::Refused, format!("{first}, and belongs to shared"))
                .hint("apply without --env, or with --env shared, first"),
        );
    }
    match source {
        Source::Fresh(wish) if wish.mode == Mode::Apply => Ok(wish.adopt),
        Source::Fresh(_) | Source::Excess(_) => {
            Err(Failure::new(Exit::Refused, first)
                .hint("run `onestream apply` first, which makes it"))
        }
        Source::File(_) => Err(Failure::new(Exit::Refused, first).hint(
            "run `onestream apply --target shared.store` first, which makes it, and plan again",
        )),
    }
}

/// Something of ours that stands beside the store and that nobody makes again in its place: then
/// this is not the first apply.
async fn other(session: &Session) -> Result<Option<String>, Failure> {
    let observed = session.observe(&Applied::new()).await?;
    if let Some(first) = observed.unreadable.values().next() {
        return Err(Failure::from(first.failure.clone()).hint(
            "the control store is made only where nothing else stands, and that could not be read",
        ));
    }
    let mut standing = observed.objects.values().filter(|object| {
        let is_ours = matches!(object.ownership, Ownership::Ours(_));
        let weighs = object.kind.meta().stateful && object.kind.keeps().is_none();
        // The directory is shared with other estates.
        is_ours && weighs && object.id.starts_with("/subscriptions/")
    });
    Ok(standing.next().map(|object| object.id.clone()))
}

fn gone(place: &str, other: &str) -> Failure {
    let message = format!("the storage account of {place} does not exist, and {other} stands");
    Failure::new(Exit::Refused, message).hint(
        "if it was deleted, restore it in the portal within 14 days: the audit log is in it; if the \
         estate moves to a new store, apply `[shared.store]` first while `[control]` names the old \
         one",
    )
}

/// Applies what the store needs, and nothing else.
async fn make(
    session: &mut Session,
    adopt: bool,
    run: &RunArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let declares = |pattern: &Pattern| {
        let declared = &session.declared.desired.resources;
        declared
            .keys()
            .any(|address: &Address| pattern.matches(address))
    };
    let targets = NEEDED
        .iter()
        .filter_map(|text| text.parse::<Pattern>().ok());
    let wish = Wish {
        mode: Mode::Apply,
        adopt,
        targets: targets.filter(declares).collect(),
        excludes: Vec::new(),
    };
    let asked = session.only.replace([EnvironmentName::shared()].into());
    // A program reads one document, of the run that comes after.
    let output = match output.is_for_programs() {
        true => output.without_results(),
        false => *output,
    };
    let ended = leased::run(session, &Source::Fresh(wish), run, &output).await;
    session.only = asked;
    ended
}

/// The last run of the bootstrap that wrote anything, as its own audit log has it.
async fn begun(session: &Session) -> Result<Option<Record>, Failure> {
    let chain = Ledger::of(&session.objects).read().await?;
    let mut records = chain.links.into_iter().map(|link| link.record);
    Ok(records.rfind(|it| it.event == What::Begun))
}

/// Says in the store's audit log how it came to be. What is declared of `shared` has been begun
/// with that, and nothing else of ours stands, so the run that follows goes on by the same right. A
/// log that has begun, by an earlier run or one beside this, is given no right that it lacks.
async fn record(session: &Session, begun: Option<&Record>, place: &str) -> Result<(), Failure> {
    let note = format!("made the control store {place}");
    let chain = Ledger::of(&session.objects).read().await?;
    if !chain.links.is_empty() {
        return Ok(());
    }
    let recorder = Recorder::of(session, "apply").await?;
    let shared = EnvironmentName::shared();
    let desired = session.declared.desired.digest(&shared);
    let permit = Permit::Bootstrap { desired };
    recorder.made_store(begun, permit, note).await?;
    session.begin_as(recorder.run());
    Ok(())
}

/// Waits until a new store answers whoever runs this.
async fn answers(
    ask: impl AsyncFn() -> Result<(), StoreError>,
    clock: &dyn Clock,
    output: &Output,
) -> Result<(), Failure> {
    let until = clock.since_boot() + PATIENCE;
    let mut told = BTreeMap::new();
    loop {
        let Err(error) = ask().await else {
            return Ok(());
        };
        let Some(why) = passes(&error) else {
            return Err(error.into());
        };
        if clock.since_boot() >= until {
            let minutes = PATIENCE.as_secs() / 60;
            let failure = Failure::from(error);
            let hint = failure.hint.as_ref();
            let hint = hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
            return Err(failure.hint(format!(
                "the account was made, and did not answer within {minutes} minutes; {hint}then \
                 apply again, which goes on; where it cannot be reached from, let this machine in: \
                 `az storage account update --public-network-access Enabled` with a network rule"
            )));
        }
        if told.insert(why, ()).is_none() {
            let minutes = PATIENCE.as_secs() / 60;
            output.remark(format!("waiting up to {minutes} minutes for {why}"));
        }
        clock.sleep(PAUSE).await;
    }
}

/// What a store that was just made still lacks, if that comes by itself.
fn passes(error: &StoreError) -> Option<&'static str> {
    let StoreError::Service { failure, .. } = error else {
        return None;
    };
    match (failure.verdict, failure.status) {
        (Verdict::Denied, Some(403)) => {
            Some("the role on the container to be in force, and the network to let this machine in")
        }
        (Verdict::NotFound, _) => Some("the container to be known"),
        (Verdict::Unknown | Verdict::Busy, _) => Some("the account's name to be known"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use onestream::control::ManualClock;
    use onestream::provision::ports::Failure as Refusal;
    use time::macros::utc_datetime;

    use super::super::arguments::{Colour, OutputFormat};
    use super::*;

    /// What a store says that answers after so many tries.
    fn late(tries: &AtomicUsize) -> Result<(), StoreError> {
        let left = tries.load(Ordering::Relaxed);
        tries.store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            0 => Ok(()),
            left if left % 2 == 0 => Err(service(Verdict::Denied, Some(403))),
            _ => Err(service(Verdict::Unknown, None)),
        }
    }

    #[tokio::test]
    async fn a_new_store_is_waited_for_and_not_for_ever() {
        let output = Output::new(OutputFormat::Table, Colour::Never);
        let clock = || ManualClock::new(utc_datetime!(2026-07-31 10:15));
        let soon = clock();
        let tries = AtomicUsize::new(7);
        answers(async || late(&tries), &soon, &output)
            .await
            .expect("it answers");
        assert_eq!(soon.since_boot(), PAUSE * 7);
        let never = clock();
        let tries = AtomicUsize::new(usize::MAX);
        let failure = answers(async || late(&tries), &never, &output)
            .await
            .expect_err("it does not");
        assert_eq!(never.since_boot(), PATIENCE);
        let hint = failure.hint.expect("a hint");
        assert!(hint.contains("apply again, which goes on"), "{hint}");
    }

    fn service(verdict: Verdict, status: Option<u16>) -> StoreError {
        StoreError::Service {
            doing: "list",
            place: "https://stonestream.blob.core.windows.net/control".to_owned(),
            failure: Box::new(Refusal {
                verdict,
                status,
                code: "x".to_owned(),
                message: "no".to_owned(),
                hint: None,
                request_id: None,
            }),
        }
    }

    #[test]
    fn only_what_comes_by_itself_is_waited_for() {
        for (verdict, status, waits) in [
            (Verdict::Denied, Some(403), true),
            (Verdict::NotFound, Some(404), true),
            (Verdict::Unknown, None, true),
            (Verdict::Busy, Some(503), true),
            (Verdict::Denied, Some(401), false),
            (Verdict::Fatal, Some(400), false),
        ] {
            let error = service(verdict, status);
            assert_eq!(passes(&error).is_some(), waits, "{verdict:?} {status:?}");
        }
        let corrupt = StoreError::Corrupt {
            place: "applied/dev.json".to_owned(),
            line: None,
            problem: "no JSON".to_owned(),
        };
        assert_eq!(passes(&corrupt), None);
    }
}

//! What every command of `rbac` begins with: what is declared, and what was read of it.

use std::collections::BTreeSet;

use onestream::provision::observe::Observed;
use onestream::provision::plan::Applied;
use onestream::rbac::estate::{self, Estate};
use onestream::rbac::read::{self, Reading};
use time::OffsetDateTime;

use super::super::arguments::Global;
use super::super::failure::{Exit, Failure};
use super::super::output::Output;
use super::super::wiring::Session;

/// The two sides of what a command compares.
pub struct Audited {
    /// What is declared.
    pub estate: Estate,
    /// What was read.
    pub reading: Reading,
    /// How everything of ours stands.
    pub observed: Observed,
    /// When.
    pub now: OffsetDateTime,
    /// The name of the cloud.
    pub cloud: String,
}

/// Reads all that access is judged by, and what else somebody asks about: a row, a member of a
/// group, or an object id, and perhaps an action.
///
/// # Errors
/// Mistakes in the configuration, and when nothing at all could be read.
pub async fn audited(
    global: &Global,
    output: &Output,
    asked: Option<(&str, Option<&str>)>,
) -> Result<Audited, Failure> {
    let session = Session::open(global, output).await?;
    let read = read(&session, asked).await;
    session.close().await;
    read
}

/// The same over a session that is open already.
///
/// # Errors
/// When nothing at all could be read.
pub async fn read(
    session: &Session,
    asked: Option<(&str, Option<&str>)>,
) -> Result<Audited, Failure> {
    let observed = session.observe(&Applied::new()).await?;
    let declared = &session.declared;
    let outputs = estate::outputs(&declared.desired, &observed);
    let environments = declared.configuration.environments.iter();
    let environments = environments
        .filter(|it| declared.desired.places.contains_key(it.name()) || it.name().is_shared())
        .map(|it| (&it.place, &it.sections));
    let mut estate = Estate::of(environments, &declared.desired, &outputs)
        .map_err(|error| Failure::of(Exit::Usage, &error))?;
    estate.elsewhere = !session.choice.is_public();
    estate.asked = asked
        .and_then(|(who, _)| estate.id_of(who))
        .into_iter()
        .collect::<BTreeSet<String>>();
    let provider = asked
        .and_then(|(_, action)| action)
        .and_then(|action| action.split_once('/'));
    estate.looked_up = provider.map(|(name, _)| name.to_ascii_lowercase());
    let mut reading = read::read(&session.azure, &estate).await;
    reading.unknown.extend(session.subscriptions.unknown());
    Ok(Audited {
        estate,
        reading,
        observed,
        now: OffsetDateTime::now_utc(),
        cloud: session.target.cloud.clone(),
    })
}

impl Audited {
    /// What a command says by its exit code.
    pub fn exit(&self, found: bool) -> Exit {
        let mut exit = Exit::Clean;
        if found {
            exit = exit.and(Exit::Pending);
        }
        if self.reading.is_partial() {
            exit = exit.and(Exit::Incomplete);
        }
        exit
    }
}

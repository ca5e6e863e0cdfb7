//! By what right a plan changes protected environments: approvals, or that nothing stood there.
//!
//! ## Why
//! Nobody could approve the first apply: it makes the keys that people approve with. What lets an
//! interrupted one go on is the audit chain, to which whoever writes to the control store can add.
//! So an entry counts only as far as the chain is signed, and what a run claims is signed by that
//! run alone: a later one that signs it disowns the claim first. Before the first signature Azure
//! is the witness: the audit key must not stand, or must be younger than the chain and than a day.
//! What is left: who writes to the store within a day of the first apply, or while no audit key
//! stands, can pretend an interrupted one; it can lead to nothing but what TOML declares.

use std::collections::{BTreeMap, BTreeSet};

use onestream::control::audit::{Ledger, Link, Reading};
use onestream::control::{Approvals, Keys, is_genuine};
use onestream::provision::approval::{Found, Tally, Use, Vote, uses};
use onestream::provision::audit::{Identity, Permit, What};
use onestream::provision::observe::Remembered;
use onestream::provision::plan::{self, Plan};
use onestream::provision::ports::{Event, Reader as _, StoreError};
use onestream::rbac::audit::Audit;
use onestream::rbac::{Action, Scope, besides};
use onestream::resource::{Address, ApprovalTerms, EnvironmentName, Method, Request};
use time::format_description::well_known::Rfc3339;
use time::{Duration, UtcDateTime};

use super::failure::Failure;
use super::rbac::audited::{self, Audited};
use super::signing;
use super::wiring::Session;

/// What signing is called where access is granted.
const SIGN: &str = "Microsoft.KeyVault/vaults/keys/sign/action";
/// By how much this machine's clock may differ from Azure's.
const SKEW: Duration = Duration::minutes(5);
/// How long after its key was made a chain that was never signed still counts.
const UNSIGNED: Duration = Duration::hours(24);

/// What a run may do in protected environments.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// The environments that are protected now.
    pub protected: BTreeSet<EnvironmentName>,
    /// Those of them that may be changed, and why.
    pub permits: BTreeMap<EnvironmentName, Permit>,
    /// Why the others may not.
    pub missing: BTreeMap<EnvironmentName, String>,
    /// Whether a run has carried this plan out to its end already.
    pub used: bool,
}

/// The rights of a run to change what is `protected`. `applier` is who would carry the plan out,
/// `remembered` what is remembered of the
/// environments.
///
/// # Errors
/// When nothing can be read.
pub async fn rights(
    session: &Session,
    plan: &Plan,
    applier: Option<&Identity>,
    protected: BTreeSet<EnvironmentName>,
    remembered: &Remembered,
) -> Result<Rights, Failure> {
    let mut rights = Rights {
        protected,
        ..Rights::default()
    };
    rights.protected.extend(plan.protected.iter().cloned());
    let written: BTreeSet<EnvironmentName> =
        plan.visible().map(|it| it.address.environment()).collect();
    if written.is_disjoint(&rights.protected) {
        return Ok(rights);
    }
    if plan.only_revokes() {
        let permitted = written.intersection(&rights.protected).cloned();
        rights.permits = permitted.map(|it| (it, Permit::Excess)).collect();
        return Ok(rights);
    }
    // What cannot be read shows nothing: without an approval it is refused as ever.
    let chain = session.ledger.read().await;
    let records = chain.iter().flat_map(|chain| &chain.links);
    let spent = uses(records.map(|it| &it.record), &plan::digest(plan));
    rights.used = !spent.is_empty();
    let mut found = None;
    let changed: Vec<_> = written.intersection(&rights.protected).cloned().collect();
    for environment in &changed {
        let desired = session.declared.desired.digest(environment);
        let populated = remembered.populated.as_ref();
        let stands = populated.is_none_or(|it| it.contains(environment));
        let moved = moved(session, environment, &remembered.terms);
        // An account that nothing deletes may be all that stands, and be half made.
        let begins = session.begins && environment.is_shared();
        let goes_on = match (&chain, &moved) {
            _ if begins => true,
            (Ok(chain), None) => is_unfinished(session, plan, chain, environment, &desired).await?,
            (Err(_), _) | (_, Some(_)) => false,
        };
        let permit = if goes_on {
            Ok(Permit::Continuation { desired })
        } else if !stands {
            Ok(Permit::Bootstrap { desired })
        } else if let Some(why) = moved {
            Err(why)
        } else {
            if found.is_none() {
                found = Some(genuine(session, plan).await?);
            }
            let found = found.as_deref().unwrap_or_default();
            voted(
                session,
                plan,
                applier,
                environment,
                (found, &spent),
                &remembered.terms,
            )
        };
        rights.note(environment, permit, chain.as_ref().err());
    }
    Ok(rights)
}

impl Rights {
    /// Notes by what right an environment is changed, or why not; then also what kept the audit log
    /// from being read, where something did.
    fn note(
        &mut self,
        environment: &EnvironmentName,
        permit: Result<Permit, String>,
        unread: Option<&StoreError>,
    ) {
        match permit {
            Ok(permit) => drop(self.permits.insert(environment.clone(), permit)),
            Err(mut why) => {
                if let Some(error) = unread {
                    why.push_str(&format!("; {error}"));
                }
                self.missing.insert(environment.clone(), why);
            }
        }
    }
}

/// Why nobody can say here by what right an environment may be changed: its group names, or named
/// when it was last applied, another vault than TOML does, and who edits TOML chooses no approvers.
fn moved(
    session: &Session,
    environment: &EnvironmentName,
    terms: &BTreeMap<EnvironmentName, Vec<ApprovalTerms>>,
) -> Option<String> {
    let vault = session.signing_vault().map(|it| it.name);
    let same = |terms: &&ApprovalTerms| {
        let vault = vault.as_ref();
        vault.is_some_and(|it| it.eq_ignore_ascii_case(&terms.vault))
    };
    let terms = terms.get(environment)?.iter().find(|it| !same(it))?;
    Some(format!(
        "its changes are approved in {}, as Azure or the last apply remembers it, and TOML names {}",
        terms.vault,
        vault.as_deref().unwrap_or("no vault"),
    ))
}

/// Whether enough people approved a plan for an environment; what is lacking where they did not.
fn voted(
    session: &Session,
    plan: &Plan,
    applier: Option<&Identity>,
    environment: &EnvironmentName,
    (found, uses): (&[Found], &[Use]),
    terms: &BTreeMap<EnvironmentName, Vec<ApprovalTerms>>,
) -> Result<Permit, String> {
    let remembered = terms.get(environment).into_iter().flatten();
    let remembered = remembered.map(|terms| terms.people).max();
    let vote = Vote {
        plan: &plan::digest(plan),
        author: plan.author.as_ref(),
        applier,
        approvers: &session.declared.configuration.approvers,
        uses,
        now: UtcDateTime::now(),
    };
    let tally = vote.tally(environment, found);
    // TOML alone lowers nothing: that is a change which needs as many approvals as before.
    let needed = needed(session, environment).max(remembered.unwrap_or(0));
    if tally.approvers.len() < needed {
        return Err(lacking(needed, &tally));
    }
    let approvers = tally.approvers;
    Ok(Permit::Approvals { approvers })
}

/// How many approvals an environment needs. One that vanished from TOML needs one still.
fn needed(session: &Session, environment: &EnvironmentName) -> usize {
    let declared = session.declared.configuration.environment(environment);
    declared.map_or(1, |it| it.approvals.max(1))
}

fn lacking(needed: usize, tally: &Tally) -> String {
    let noun = if needed == 1 { "approval" } else { "approvals" };
    let mut text = match tally.approvers.as_slice() {
        [] => format!("it needs {needed} {noun}, and there is none"),
        some => format!(
            "it needs {needed} {noun}, and only {} gave one",
            some.join(", ")
        ),
    };
    for void in &tally.void {
        text.push_str(&format!("; {void}"));
    }
    text
}

/// Whether what was begun where nothing stood has not come to its end: the chain says that it was
/// begun for exactly what is declared now, and neither chain nor journal that it was completed.
async fn is_unfinished(
    session: &Session,
    plan: &Plan,
    chain: &Reading,
    environment: &EnvironmentName,
    desired: &str,
) -> Result<bool, Failure> {
    let about = |link: &&Link| {
        let record = &link.record;
        record.environments.contains(environment) && record.event != What::Begun
            || matches!(record.permits.get(environment), Some(permit) if *permit != Permit::Excess)
    };
    let links: Vec<_> = chain.links.iter().filter(about).collect();
    let begun = links.iter().rev().find(|it| it.record.event == What::Begun);
    let Some(begun) = begun else {
        return Ok(false);
    };
    if !is_evidence(session, chain, begun).await? {
        return Ok(false);
    }
    let begun = &begun.record;
    let mut records = links.iter().map(|it| &it.record);
    if begun.permits.get(environment).and_then(Permit::desired) != Some(desired) {
        return Ok(false);
    }
    // What a saved plan has done it finds done.
    if begun.plan.as_deref() == Some(&plan::digest(plan)) {
        return Ok(true);
    }
    let ended = records.find_map(|record| match record.event {
        What::Ended { complete, .. } if record.run == begun.run => Some(complete),
        _ => None,
    });
    if let Some(complete) = ended {
        return Ok(!complete);
    }
    let earlier = begun.plan.as_deref().unwrap_or_default();
    let entries = session.control.replay(earlier).await?.entries;
    let completed = |event: &Event| matches!(event, Event::RunEnded { complete: true });
    Ok(!entries.iter().any(|entry| completed(&entry.event)))
}

/// Whether a link says what happened, and not what somebody who writes to the store wants.
async fn is_evidence(session: &Session, chain: &Reading, begun: &Link) -> Result<bool, Failure> {
    if chain.is_disowned(&begun.record.run) {
        return Ok(false);
    }
    let recorded = match session.signing_vault() {
        Some(vault) => {
            let keys = Keys::of(&session.objects);
            let recorded = keys.get(&vault.name, signing::AUDIT_KEY).await?;
            let head = chain.head.as_ref().map(|it| &it.head.key);
            match (recorded, head) {
                // It was killed between the signature and the record of the key that signed.
                (None, Some(_)) => {
                    let (azure, ledger) = (&session.azure, Ledger::of(&session.objects));
                    signing::public_key(azure, &vault.name, signing::AUDIT_KEY, &ledger).await
                }
                (recorded, _) => recorded,
            }
        }
        None => None,
    };
    // The record is the store's word: it counts as far as the vault has the same key.
    if let Some(key) = &recorded {
        let stands = signing::stands(&session.azure, key).await;
        let stands = stands.inspect_err(|failure| {
            tracing::warn!(%failure, "{} cannot be looked at", key.key);
        });
        if !stands.unwrap_or(false) {
            return Ok(false);
        }
    }
    // A chain that was tampered with proves nothing.
    if !chain.verify(recorded.as_ref()).is_empty() {
        return Ok(false);
    }
    if chain.is_signed(begun) {
        return Ok(true);
    }
    let first = chain.links.first().unwrap_or(begun);
    let signed_before = recorded.is_some() || chain.head.is_some();
    Ok(match made(session).await? {
        Made::Absent => true,
        Made::At(made) if !signed_before => is_first(&first.record.at, made, UtcDateTime::now()),
        Made::At(_) | Made::Unknown => false,
    })
}

/// What Azure says of the key that signs the chain.
enum Made {
    /// It does not stand: nothing could have been signed.
    Absent,
    At(UtcDateTime),
    /// It stands, and when it was made is not said.
    Unknown,
}

async fn made(session: &Session) -> Result<Made, Failure> {
    let address = format!("shared.vault.key.{}", signing::AUDIT_KEY).parse::<Address>();
    let desired = &session.declared.desired.resources;
    let resource = address.ok().and_then(|address| desired.get(&address));
    let id = resource.and_then(|it| Some((it.kind.meta(), it.id.known()?)));
    let Some((meta, id)) = id else {
        return Ok(Made::Absent);
    };
    let request = Request::arm(Method::Get, id, meta.api_version);
    let Some(key) = session.azure.get(&request).await? else {
        return Ok(Made::Absent);
    };
    let made = key["properties"]["attributes"]["created"].as_i64();
    let made = made.and_then(|it| UtcDateTime::from_unix_timestamp(it).ok());
    Ok(made.map_or(Made::Unknown, Made::At))
}

/// Whether a chain that begins `at` and was never signed can be the first one of a key: it began
/// before the key was made, and not so long ago that a later run would have signed it.
fn is_first(at: &str, made: UtcDateTime, now: UtcDateTime) -> bool {
    let began = UtcDateTime::parse(at, &Rfc3339);
    began.is_ok_and(|began| began <= made + SKEW) && now <= made + UNSIGNED
}

/// The approvals of a plan; what is not the approver's own says so. A key counts only where the
/// store and the vault name the same one, and only while nobody else may sign with it.
async fn genuine(session: &Session, plan: &Plan) -> Result<Vec<Found>, Failure> {
    let mut found = Approvals::of(&session.objects)
        .for_plan(&plan::digest(plan))
        .await?;
    let keys = Keys::of(&session.objects);
    let vault = session.signing_vault();
    let vault = vault.map(|it| it.name).unwrap_or_default();
    let mut access = None;
    for one in &mut found {
        let Ok(approval) = one.approval.clone() else {
            continue;
        };
        let name = signing::approver_key(&approval.statement.approver);
        let key = match keys.get(&vault, &name).await {
            Ok(key) => key,
            Err(error @ StoreError::Corrupt { .. }) => {
                one.approval = Err(error.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let mut judged = is_genuine(&approval, key.as_ref());
        if let (Ok(()), Some(key)) = (&judged, &key) {
            judged = match signing::stands(&session.azure, key).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(format!("{} is not the key in the vault", key.key)),
                Err(failure) => Err(format!("{} could not be looked at: {failure}", key.key)),
            };
        }
        if judged.is_ok() {
            if access.is_none() {
                access = Some(audited::read(session, None).await?);
            }
            if let Some(access) = &access {
                judged = is_sole(session, access, &name, &approval.statement.object_id);
            }
        }
        if let Err(why) = judged {
            one.approval = Err(why);
        }
    }
    Ok(found)
}

/// Whether nobody but its owner may sign with a key of the shared vault.
fn is_sole(session: &Session, access: &Audited, key: &str, owner: &str) -> Result<(), String> {
    let desired = &session.declared.desired.resources;
    let address = format!("shared.vault.key.{key}").parse::<Address>();
    let resource = address.ok().and_then(|address| desired.get(&address));
    let id = resource.and_then(|it| it.id.known());
    let scope = Scope::new(id.ok_or_else(|| format!("no key {key} is declared"))?);
    let audit = Audit::new(&access.estate, &access.reading, access.now);
    let others = besides(
        &audit.live,
        &access.reading,
        &scope,
        &Action::data(SIGN),
        owner,
    )
    .map_err(|why| format!("{key}: {why}"))?;
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = others.iter().map(|id| audit.who(id)).collect();
    Err(format!(
        "{} may sign with {key}, too: its signatures count again once that grant is gone",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn a_chain_that_was_never_signed_counts_for_a_day_and_only_before_its_key() {
        let made = utc_datetime!(2026-07-31 12:00);
        let day = made + Duration::hours(24);
        for (at, now, counts) in [
            ("2026-07-31T11:50:00.000Z", made, true),
            ("2026-07-31T12:05:00.000Z", day, true),
            ("2026-07-31T12:05:01.000Z", made, false),
            (
                "2026-07-31T11:50:00.000Z",
                day + Duration::seconds(1),
                false,
            ),
            ("once", made, false),
        ] {
            assert_eq!(is_first(at, made, now), counts, "{at} {now}");
        }
    }
}

//! What earlier runs left undone: found in their journals, and seen to before Azure is read again.
//!
//! [`replay`] is pure: journals in, [`Interrupted`] out. [`settle`] waits for the operations that
//! Azure had taken and puts back locks that were lifted for a run that is no more. Everything
//! else that was begun needs nothing here: whether it took effect shows in the object, which is
//! read again, and its request is one that may be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value as Json;
use thiserror::Error;

use super::desired::Desired;
use super::plan::{Action, Applied, Step};
use super::ports::{
    Begun, Cloud, Entry, Event, Failure, Intent, Journal, PastRun, Pending, StoreError, Verdict,
};
use crate::resource::{Address, EnvironmentName, Kind, Kinds, Request, digest};

/// Operations that are waited for side by side.
const AT_ONCE: usize = 16;

/// What the journals of earlier runs do not show the end of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interrupted {
    /// What Azure had taken.
    pub accepted: Vec<Accepted>,
    /// What may have been sent, and was not heard of again.
    pub begun: Vec<Address>,
    /// Locks that are off, or may be.
    pub lifted: Vec<Lifted>,
}

/// An operation that Azure had taken when its run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// What it is about.
    pub address: Address,
    /// When it was taken, RFC 3339, UTC.
    pub at: String,
    /// Where to ask.
    pub pending: Pending,
}

/// A lock that a run lifted and did not put back.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifted {
    /// Its address.
    pub address: Address,
    /// Its Azure id.
    pub id: String,
    /// The kind's name.
    pub kind: String,
    /// The number of the operation that puts it back.
    pub operation: usize,
    /// Its managed fields.
    pub desired: Json,
    /// The digest of the plan for which it was lifted.
    pub plan: String,
}

/// Why what was left undone cannot be seen to.
#[derive(Debug, Error)]
pub enum RecoverError {
    /// Azure does not say how an operation goes on.
    #[error("{address}, begun by an earlier run: {failure}")]
    Accepted {
        /// What it is about.
        address: Address,
        /// What Azure said.
        failure: Failure,
    },
    /// A lock could not be put back.
    #[error("{address}, lifted by an earlier run, cannot be put back: {failure}")]
    Lifted {
        /// The lock.
        address: Address,
        /// What Azure said.
        failure: Failure,
    },
    /// A lock is of a kind that this program does not know.
    #[error("{address}, lifted by an earlier run, is a `{kind}`, which this program does not know")]
    UnknownKind {
        /// The lock.
        address: Address,
        /// The kind's name.
        kind: String,
    },
    /// What is said to be a lock of ours is none that TOML or the applied snapshot knows: whoever
    /// can write the journal could have anything made.
    #[error(
        "{address}, said to be lifted by an earlier run, is no lock that TOML or the applied \
         snapshot has as {id}"
    )]
    NotOurs {
        /// What the journal calls it.
        address: Address,
        /// The id that the journal says.
        id: String,
    },
    /// The journal cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How something that was left undone came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Azure has finished it.
    Finished(Address),
    /// Azure gave it up; the code and message.
    Failed(Address, String),
    /// Nobody knows the operation any more: the object will tell.
    Forgotten(Address),
    /// The lock is on again.
    PutBack(Address),
    /// The lock was on already.
    Stands(Address),
    /// What the lock was on is gone.
    NothingToLock(Address),
}

/// Folds journals, oldest first, to what none of them shows the end of.
pub fn replay(runs: &[PastRun]) -> Interrupted {
    let mut fold = Fold::default();
    for run in runs {
        for entry in &run.entries {
            fold.take(run, entry);
        }
    }
    fold.into_interrupted()
}

/// What journals have told so far.
#[derive(Default)]
struct Fold<'j> {
    /// What has begun, by id; what Azure had taken, where it had.
    open: BTreeMap<String, (Address, Option<Accepted>)>,
    lifted: BTreeMap<String, Lifted>,
    /// Numbers are a plan's own; what they are about lasts.
    known: BTreeMap<(&'j str, usize), Known>,
}

/// What a number of a plan is about.
#[derive(Clone)]
struct Known {
    key: String,
    address: Address,
    /// Whether it is a lock that goes on again after it was lifted.
    lifts: bool,
}

impl<'j> Fold<'j> {
    fn take(&mut self, run: &'j PastRun, entry: &Entry) {
        let plan = run.plan.as_str();
        match &entry.event {
            Event::Begun {
                operation,
                address,
                id,
                intent,
                ..
            } => {
                let key = id.to_ascii_lowercase();
                let lift = lift(run, address, id, intent.as_deref());
                let known = Known {
                    key: key.clone(),
                    address: address.clone(),
                    lifts: lift.is_some(),
                };
                self.lifted.extend(lift.map(|lift| (key.clone(), lift)));
                self.open.insert(key, (address.clone(), None));
                self.known.insert((plan, *operation), known);
            }
            Event::Accepted { operation, pending } => {
                if let Some(Known { key, address, .. }) = self.known.get(&(plan, *operation)) {
                    let accepted = Accepted {
                        address: address.clone(),
                        at: entry.at.clone(),
                        pending: pending.clone(),
                    };
                    let open = (address.clone(), Some(accepted));
                    self.open.insert(key.clone(), open);
                }
            }
            Event::Done { operation, .. } => {
                // It is on again, or off for good.
                self.end(plan, *operation, |known| !known.lifts);
            }
            Event::Failed {
                operation, failure, ..
            } if failure.is_final() => self.end(plan, *operation, |known| known.lifts),
            Event::Failed { .. } | Event::RunStarted { .. } | Event::RunEnded { .. } => {}
        }
    }

    /// Ends an operation; and with it the lifting of the lock that it is about, where `settles`.
    fn end(&mut self, plan: &'j str, operation: usize, settles: impl Fn(&Known) -> bool) {
        let Some(known) = self.known.get(&(plan, operation)) else {
            return;
        };
        self.open.remove(&known.key);
        if settles(known) {
            self.lifted.remove(&known.key);
        }
    }

    fn into_interrupted(self) -> Interrupted {
        let mut interrupted = Interrupted {
            lifted: self.lifted.into_values().collect(),
            ..Interrupted::default()
        };
        for (address, accepted) in self.open.into_values() {
            match accepted {
                None => interrupted.begun.push(address),
                Some(accepted) => interrupted.accepted.push(accepted),
            }
        }
        interrupted
    }
}

fn lift(run: &PastRun, address: &Address, id: &str, intent: Option<&Intent>) -> Option<Lifted> {
    let intent = intent?;
    let back = intent.back.as_ref()?;
    Some(Lifted {
        address: address.clone(),
        id: id.to_owned(),
        kind: intent.kind.clone(),
        operation: back.operation,
        desired: back.desired.clone(),
        plan: run.plan.clone(),
    })
}

impl Interrupted {
    /// Without what is in none of these environments: another run may be at it.
    #[must_use]
    pub fn within(mut self, environments: &[EnvironmentName]) -> Self {
        let ours = |address: &Address| environments.contains(&address.environment());
        self.accepted.retain(|one| ours(&one.address));
        self.begun.retain(ours);
        self.lifted.retain(|one| ours(&one.address));
        self
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.begun.is_empty() && self.lifted.is_empty()
    }
}

/// The locks that may be put back: each address with its lower-cased id, as declared or applied.
pub type Locks = BTreeSet<(Address, String)>;

/// The locks that TOML declares and those that were applied.
pub fn locks(desired: &Desired, applied: &Applied, kinds: Kinds) -> Locks {
    let declared = desired.resources.values().filter_map(|resource| {
        let id = resource.id.known()?.to_lowercase();
        let guards = resource.kind.meta().is_guard;
        guards.then(|| (resource.address.clone(), id))
    });
    let standing = applied.iter().filter_map(|(address, standing)| {
        let kind = kinds.named(&standing.kind)?;
        let id = standing.id.to_lowercase();
        kind.meta().is_guard.then(|| (address.clone(), id))
    });
    declared.chain(standing).collect()
}

/// Brings what Azure had taken to its end, and puts lifted locks back. Nothing else is sent.
///
/// # Errors
/// [`RecoverError`] when Azure does not say how it stands, or a lock cannot be put back.
pub async fn settle(
    interrupted: &Interrupted,
    locks: &Locks,
    kinds: Kinds,
    cloud: &dyn Cloud,
    journal: &Arc<dyn Journal>,
) -> Result<Vec<Settled>, RecoverError> {
    let known = |lifted: &&Lifted| {
        let guards = kinds
            .named(&lifted.kind)
            .is_none_or(|kind| kind.meta().is_guard);
        guards && locks.contains(&(lifted.address.clone(), lifted.id.to_lowercase()))
    };
    if let Some(foreign) = interrupted.lifted.iter().find(|lifted| !known(lifted)) {
        return Err(RecoverError::NotOurs {
            address: foreign.address.clone(),
            id: foreign.id.clone(),
        });
    }
    let waits = interrupted
        .accepted
        .iter()
        .map(|accepted| finish(cloud, accepted));
    let ended: Vec<_> = futures::stream::iter(waits)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut settled = ended.into_iter().collect::<Result<Vec<_>, _>>()?;
    for lifted in &interrupted.lifted {
        settled.push(put_back(kinds, cloud, journal, lifted).await?);
    }
    Ok(settled)
}

async fn finish(cloud: &dyn Cloud, accepted: &Accepted) -> Result<Settled, RecoverError> {
    let address = accepted.address.clone();
    match cloud.finish(&accepted.pending).await {
        Ok(_) => Ok(Settled::Finished(address)),
        Err(failure) if failure.is_forgotten() => Ok(Settled::Forgotten(address)),
        Err(failure) if failure.is_final() => Ok(Settled::Failed(address, failure.to_string())),
        Err(failure) => Err(RecoverError::Accepted { address, failure }),
    }
}

/// Puts one lock back where it is off, as the plan that lifted it would have.
async fn put_back(
    kinds: Kinds,
    cloud: &dyn Cloud,
    journal: &Arc<dyn Journal>,
    lifted: &Lifted,
) -> Result<Settled, RecoverError> {
    let address = lifted.address.clone();
    let kind = kinds
        .named(&lifted.kind)
        .ok_or_else(|| RecoverError::UnknownKind {
            address: address.clone(),
            kind: lifted.kind.clone(),
        })?;
    let failed = |failure| RecoverError::Lifted {
        address: address.clone(),
        failure,
    };
    let stands = cloud.get(&kind.get(&lifted.id)).await.map_err(failed)?;
    if stands.is_some() {
        return Ok(Settled::Stands(address));
    }
    let request = kind.create(&lifted.id, &lifted.desired);
    let append = |event| journal.append(&lifted.plan, event);
    // No end is recorded for it: the runs before it have still to be looked at after a crash.
    append(Event::RunStarted {
        environments: vec![address.environment()],
    })
    .await?;
    append(begun(lifted, &request)).await?;
    let answer = match cloud.begin(&request).await {
        Ok(Begun::Accepted(pending)) => cloud.finish(&pending).await,
        Ok(Begun::Done(body)) => Ok(body),
        Err(failure) => Err(failure),
    };
    let operation = lifted.operation;
    match answer {
        Ok(body) => {
            append(Event::Done {
                operation,
                address: address.clone(),
                outputs: outputs(kind, &lifted.id, body.as_ref()),
            })
            .await?;
            Ok(Settled::PutBack(address))
        }
        Err(failure) => {
            append(Event::Failed {
                operation,
                address: address.clone(),
                failure: failure.clone(),
            })
            .await?;
            match failure.verdict {
                Verdict::NotFound => Ok(Settled::NothingToLock(address)),
                _ => Err(failed(failure)),
            }
        }
    }
}

/// That a lock is about to be put back, as the plan that lifted it would have said it.
fn begun(lifted: &Lifted, request: &Request) -> Event {
    let body = request.body.as_ref().map(Json::to_string);
    Event::Begun {
        operation: lifted.operation,
        address: lifted.address.clone(),
        id: lifted.id.clone(),
        body_hash: digest::hex(body.unwrap_or_default()),
        intent: Some(Box::new(Intent {
            kind: lifted.kind.clone(),
            action: Action::Replace,
            step: Step::Create,
            late: BTreeMap::new(),
            back: None,
        })),
    }
}

fn outputs(kind: &dyn Kind, id: &str, body: Option<&Json>) -> BTreeMap<String, String> {
    body.map(|body| kind.meta().read_outputs(id, body))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provision::plan::Plan;
    use crate::provision::ports::Poll;
    use crate::provision::testing::{FakeCloud, KINDS, Rig, What, World, address, name};
    use crate::resource::{Method, Plane};

    fn pending() -> Pending {
        Pending {
            plane: Plane::Arm,
            poll: Poll::Location,
            target: "/operations/1".to_owned(),
            object: None,
            retry_after: None,
        }
    }

    fn failure(verdict: Verdict) -> Failure {
        crate::provision::testing::failure(verdict, "Code")
    }

    fn begun(operation: usize, id: &str, back: bool) -> Event {
        let back = back.then(|| super::super::ports::PutBack {
            operation: 9,
            desired: json!({"level": "CanNotDelete"}),
        });
        Event::Begun {
            operation,
            address: address("dev.store.a"),
            id: id.to_owned(),
            body_hash: String::new(),
            intent: Some(Box::new(Intent {
                kind: "lock".to_owned(),
                action: Action::Replace,
                step: Step::Delete,
                late: BTreeMap::new(),
                back,
            })),
        }
    }

    fn accepted(operation: usize) -> Event {
        let pending = pending();
        Event::Accepted { operation, pending }
    }

    fn done(operation: usize) -> Event {
        Event::Done {
            operation,
            address: address("dev.store.a"),
            outputs: BTreeMap::new(),
        }
    }

    fn failed(operation: usize, verdict: Verdict) -> Event {
        Event::Failed {
            operation,
            address: address("dev.store.a"),
            failure: failure(verdict),
        }
    }

    fn run(plan: &str, events: Vec<Event>) -> PastRun {
        let entry = |event| Entry {
            at: "2026-07-31T10:15:30.000Z".to_owned(),
            plan: plan.to_owned(),
            fence: 1,
            event,
        };
        PastRun {
            plan: plan.to_owned(),
            place: "journal".to_owned(),
            environments: vec![name("dev")],
            entries: events.into_iter().map(entry).collect(),
        }
    }

    #[test]
    fn only_what_has_no_end_is_interrupted() {
        // What happened to an object, and whether it is begun, accepted and lifted then.
        for (what, runs, expected) in [
            ("begun", vec![vec![begun(0, "/a", false)]], (1, 0, 0)),
            (
                "accepted",
                vec![vec![begun(0, "/a", false), accepted(0)]],
                (0, 1, 0),
            ),
            (
                "done",
                vec![vec![begun(0, "/a", false), accepted(0), done(0)]],
                (0, 0, 0),
            ),
            (
                "refused",
                vec![vec![begun(0, "/a", false), failed(0, Verdict::Fatal)]],
                (0, 0, 0),
            ),
            (
                "unanswered",
                vec![vec![begun(0, "/a", false), failed(0, Verdict::Unknown)]],
                (1, 0, 0),
            ),
            (
                "done by a later run of the plan, which found it so",
                vec![vec![begun(0, "/a", false)], vec![done(0)]],
                (0, 0, 0),
            ),
            (
                "the same id in other letters",
                vec![
                    vec![begun(0, "/a", false)],
                    vec![begun(1, "/A", false), done(1)],
                ],
                (0, 0, 0),
            ),
            (
                "a lock may be off",
                vec![vec![begun(0, "/l", true)]],
                (1, 0, 1),
            ),
            (
                "a lock is off",
                vec![vec![begun(0, "/l", true), done(0)]],
                (0, 0, 1),
            ),
            (
                "a lock could not be lifted",
                vec![vec![begun(0, "/l", true), failed(0, Verdict::Denied)]],
                (0, 0, 0),
            ),
            (
                "a lock is on again",
                vec![vec![
                    begun(0, "/l", true),
                    done(0),
                    begun(9, "/l", false),
                    done(9),
                ]],
                (0, 0, 0),
            ),
        ] {
            let runs: Vec<_> = runs.into_iter().map(|events| run("p", events)).collect();
            let found = replay(&runs);
            let counts = (found.begun.len(), found.accepted.len(), found.lifted.len());
            assert_eq!(counts, expected, "{what}");
        }
    }

    #[test]
    fn numbers_of_another_plan_mean_nothing() {
        let runs = [
            run("p", vec![begun(0, "/a", false)]),
            run("q", vec![done(0), failed(0, Verdict::Fatal)]),
        ];
        assert_eq!(replay(&runs).begun.len(), 1);
        let elsewhere = replay(&runs).within(&[name("prod")]);
        assert!(elsewhere.is_empty());
    }

    /// A run that was cut off right after its lock came off.
    async fn cut_off_with_its_lock_off() -> (World, FakeCloud, Rig, PastRun) {
        let mut world = World::with_store();
        world.lock("dev.group", "CanNotDelete");
        let cloud = world.live();
        world.set("dev.store.a", "location", json!("westus2"));
        let plan = world.plan(&cloud).await;
        let rig = Rig::new(&cloud);
        rig.apply(&plan).await;
        let lifted = |event: &Event| match event {
            Event::Begun { intent, .. } => intent.as_ref().is_some_and(|i| i.back.is_some()),
            _ => false,
        };
        let events = rig.journal.events();
        let at = events.iter().position(lifted).expect("a lift");
        rig.journal.truncate(at + 2);
        cloud.remove(&world.id("dev.group.lock"));
        let past = run(&super::super::plan::digest(&plan), rig.journal.events());
        (world, cloud, rig, past)
    }

    #[tokio::test]
    async fn a_lifted_lock_is_put_back_once() {
        let (world, cloud, rig, past) = cut_off_with_its_lock_off().await;
        let locks = locks(&world.desired(), &Applied::new(), KINDS);
        let interrupted = replay(std::slice::from_ref(&past));
        assert_eq!(interrupted.lifted.len(), 1);
        cloud.forget_log();
        let ports = rig.ports();
        let settle = || settle(&interrupted, &locks, KINDS, &cloud, &ports.journal);
        let lock = address("dev.group.lock");
        let first = settle().await.expect("settles");
        assert_eq!(first, [Settled::PutBack(lock.clone())]);
        assert_eq!(cloud.writes().len(), 1);
        assert!(cloud.ids().iter().any(|id| id.contains("/locks/")));
        let second = settle().await.expect("settles");
        assert_eq!(second, [Settled::Stands(lock)]);
        assert_eq!(cloud.writes().len(), 1);
        // Its journal says so, too.
        let now = run(&past.plan, rig.journal.events());
        assert!(replay(&[now]).lifted.is_empty());
    }

    /// A run of a plan that deletes a store, cut off right after Azure had taken the delete.
    async fn cut_off_with_its_delete_taken(what: What) -> (World, FakeCloud, Rig, Plan) {
        let mut world = World::with_store();
        world.store("dev", "b");
        let cloud = world.live();
        world.drop("dev.store.b");
        let plan = world.plan(&cloud).await;
        cloud.fail(Method::Delete, "/stores/b", what);
        let before = cloud.bodies();
        let rig = Rig::new(&cloud);
        rig.journal.fail_after(3);
        rig.apply(&plan).await;
        rig.journal.heal();
        for (id, body) in before {
            cloud.plant(&id, body);
        }
        let events = rig.journal.events();
        assert!(matches!(events[..], [.., Event::Accepted { .. }]));
        (world, cloud, rig, plan)
    }

    #[tokio::test]
    async fn what_azure_gave_up_or_forgot_is_in_nobodys_way() {
        for gave_up in [true, false] {
            let what = match gave_up {
                true => What::AcceptThenFail,
                false => What::Accept,
            };
            let (world, cloud, rig, plan) = cut_off_with_its_delete_taken(what).await;
            let store = format!("{}/providers/Toy.Storage/stores/b", world.id("dev.group"));
            if !gave_up {
                cloud.forget_operations();
            }
            let past = run(&super::super::plan::digest(&plan), rig.journal.events());
            let ports = rig.ports();
            let found = replay(&[past]);
            let settled = settle(&found, &Locks::new(), KINDS, &cloud, &ports.journal).await;
            let settled = settled.expect("settles");
            match gave_up {
                true => assert!(matches!(settled[..], [Settled::Failed(..)]), "{settled:?}"),
                false => assert!(matches!(settled[..], [Settled::Forgotten(_)])),
            }
            // The same plan from a file finds the same, and goes on.
            assert!(rig.apply(&plan).await.is_complete());
            assert!(cloud.body(&store).is_none());
        }
    }

    #[tokio::test]
    async fn a_lock_whose_target_is_gone_stays_off() {
        let (world, cloud, rig, past) = cut_off_with_its_lock_off().await;
        cloud.remove(&world.id("dev.group"));
        let ports = rig.ports();
        let locks = locks(&world.desired(), &Applied::new(), KINDS);
        let settled = settle(&replay(&[past]), &locks, KINDS, &cloud, &ports.journal).await;
        let expected = Settled::NothingToLock(address("dev.group.lock"));
        assert_eq!(settled.expect("settles"), [expected]);
    }

    #[tokio::test]
    async fn a_journal_has_nothing_made_but_locks_that_are_known() {
        let (world, cloud, rig, past) = cut_off_with_its_lock_off().await;
        let locks = locks(&world.desired(), &Applied::new(), KINDS);
        let ports = rig.ports();
        let honest = replay(&[past]);
        let forgeries: [fn(&mut Lifted); 3] = [
            |lifted| lifted.kind = "grant".to_owned(),
            |lifted| lifted.address = address("dev.group.other"),
            |lifted| lifted.id.push('x'),
        ];
        cloud.forget_log();
        for forge in forgeries {
            let mut forged = honest.clone();
            forge(&mut forged.lifted[0]);
            let ended = settle(&forged, &locks, KINDS, &cloud, &ports.journal).await;
            assert!(
                matches!(ended, Err(RecoverError::NotOurs { .. })),
                "{ended:?}"
            );
        }
        assert_eq!(cloud.writes().len(), 0);
    }
}

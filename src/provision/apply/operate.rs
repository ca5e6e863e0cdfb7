//! Carrying out one operation: re-read, journal, send, wait, check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use serde_json::Value as Json;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::exchange::failure_of;
use super::judge::{Ruling, differences, judge};
use super::outcome::{End, OperationError};
use super::{Past, journalled_outputs, past};
use crate::provision::diff::diff;
use crate::provision::observe::held_id;
use crate::provision::plan::{Action, Mode, Operation, Plan, Step};
use crate::provision::ports::{Entry, Event, Ports, StoreError, Verdict};
use crate::resource::{
    Carrier, Change, Condition, Kind, Kinds, Marker, Outputs, Ownership, Request, Value, at, scopes,
};

/// Objects that are re-read at the same time before a saved plan starts.
const CHECKS_AT_ONCE: usize = 16;

/// One run of a plan.
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) ports: Ports,
    pub(super) past: BTreeMap<usize, Past>,
    pub(super) outputs: Mutex<Outputs>,
    pub(super) digest: String,
    kinds: Kinds,
    /// Whether earlier runs have done everything: no lock comes off for nothing.
    complete: bool,
    /// The lifts of locks, each with the operation that puts the lock back.
    lifted: BTreeMap<usize, usize>,
    lanes: Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>,
}

/// What an operation is about, with every late value filled in.
pub(super) struct Subject {
    pub(super) kind: &'static dyn Kind,
    pub(super) id: String,
    pub(super) desired: Option<Json>,
    /// Of a lock that comes off: how it is put back.
    pub(super) put_back: Option<Json>,
    /// Whether it may show again, now that this plan makes what it lives in.
    pub(super) resurfaces: bool,
    /// Whether it is to go though it is not ours.
    pub(super) is_excess: bool,
    estate: String,
}

impl Subject {
    /// Whose the live object is, by its marker.
    pub(super) fn ownership(&self, live: &Json) -> Ownership {
        let key = self.kind.key_of(&self.id, live);
        Marker::read(&self.estate, self.kind.meta().carrier, &key, live)
    }

    /// Whether Azure is still writing the object.
    fn is_busy(&self, live: Option<&Json>) -> bool {
        live.is_some_and(|live| self.kind.condition(live) == Condition::Busy)
    }
}

impl Run {
    pub(super) fn new(
        plan: &Plan,
        digest: String,
        kinds: Kinds,
        ports: Ports,
        entries: &[Entry],
    ) -> Self {
        let past = past(entries);
        let done = |index: usize| past.get(&index) == Some(&Past::Done);
        Self {
            plan: plan.clone(),
            digest,
            kinds,
            ports,
            complete: (0..plan.operations.len()).all(done),
            lifted: (0..)
                .zip(&plan.operations)
                .filter_map(|(back, operation)| Some((operation.restores?, back)))
                .collect(),
            past,
            outputs: Mutex::new(journalled_outputs(entries)),
            lanes: Mutex::default(),
        }
    }

    pub(super) fn outputs(&self) -> Outputs {
        lock(&self.outputs).clone()
    }

    pub(super) async fn record(&self, event: Event) -> Result<(), StoreError> {
        self.ports.journal.append(&self.digest, event).await
    }

    /// Whether an earlier run carried out the whole plan.
    pub(super) fn is_complete(&self) -> bool {
        self.complete && !self.plan.operations.is_empty()
    }

    /// Whether everything that an earlier run did is still as it left it. If not, the world has
    /// been put back since (destroyed, say) and an equal plan was made anew: what the first one
    /// did says nothing about it.
    pub(super) async fn still_stands(&self) -> bool {
        let checks = (0..self.plan.operations.len()).map(|index| async move {
            let Ok(subject) = self.subject(index) else {
                return false;
            };
            let Ok(live) = self.ports.cloud.get(&subject.kind.get(&subject.id)).await else {
                return false;
            };
            let operation = &self.plan.operations[index];
            let ruling = judge(operation, &subject, live.as_ref(), Some(&Past::Done));
            ruling == Ruling::AlreadyDone
        });
        futures::stream::iter(checks)
            .buffer_unordered(CHECKS_AT_ONCE)
            .all(|stands| async move { stands })
            .await
    }

    pub(super) fn forget_past(&mut self) {
        self.past.clear();
        self.complete = false;
        *lock(&self.outputs) = Outputs::default();
    }

    /// Operations whose objects are not as planned, looked at before anything is sent.
    pub(super) async fn stale_before_start(&self) -> Vec<(usize, OperationError)> {
        let checks = (0..self.plan.operations.len())
            .map(|index| async move { (index, self.check(index).await) });
        let mut stale: Vec<_> = futures::stream::iter(checks)
            .buffer_unordered(CHECKS_AT_ONCE)
            .filter_map(|(index, checked)| async move { Some((index, checked.err()?)) })
            .collect()
            .await;
        stale.sort_by_key(|(index, _)| *index);
        stale
    }

    async fn check(&self, index: usize) -> Result<(), OperationError> {
        let operation = &self.plan.operations[index];
        // What an earlier operation of this plan makes or takes away cannot be judged yet.
        let second_half = operation.action == Action::Replace && operation.step != Step::Delete;
        if second_half || operation.id.known().is_none() || self.past.contains_key(&index) {
            return Ok(());
        }
        let Ok(subject) = self.subject(index) else {
            return Ok(());
        };
        let live = self.ports.cloud.get(&subject.kind.get(&subject.id)).await?;
        match judge(operation, &subject, live.as_ref(), None) {
            Ruling::Stale(what) => Err(OperationError::Stale(what)),
            Ruling::Go | Ruling::AlreadyDone => self.vouched_for(operation, &subject).await,
        }
    }

    /// Tests that what carries no marker of its own lives in what is ours: the nearest object
    /// above it that carries one tells. A file's word for it is not enough.
    async fn vouched_for(
        &self,
        operation: &Operation,
        subject: &Subject,
    ) -> Result<(), OperationError> {
        let writes_on_it = matches!(operation.step, Step::Update | Step::Delete);
        if !writes_on_it || subject.kind.meta().carrier != Carrier::Parent {
            return Ok(());
        }
        let environment = operation.address.environment();
        for above in scopes(&subject.id).skip(1) {
            let Some(kind) = self.kinds.iter().find(|kind| kind.is_id(above)) else {
                continue;
            };
            let Some(live) = self.ports.cloud.get(&kind.get(above)).await? else {
                continue;
            };
            let key = kind.key_of(above, &live);
            let estate = &self.plan.target.estate;
            match Marker::read(estate, kind.meta().carrier, &key, &live) {
                Ownership::Ours(owner) if owner == environment => return Ok(()),
                Ownership::Ours(owner) => {
                    let problem = format!("it lives in what belongs to {owner}");
                    return Err(OperationError::Stale(problem));
                }
                Ownership::Elsewhere(_) | Ownership::Copy | Ownership::Foreign => {}
            }
        }
        match operation.step {
            // What is changed may live in what the same plan adopts.
            Step::Update => Ok(()),
            _ => Err(OperationError::Stale(
                "it lives in nothing that carries our marker".to_owned(),
            )),
        }
    }

    /// Carries out one operation.
    pub(super) async fn operate(&self, index: usize) -> End {
        match self.try_operate(index).await {
            Ok(end) => end,
            Err(error) => {
                if let Some(failure) = failure_of(&error) {
                    let address = self.plan.operations[index].address.clone();
                    let event = Event::Failed {
                        operation: index,
                        address,
                        failure,
                    };
                    if let Err(store) = self.record(event).await {
                        return End::Failed(OperationError::Store(Arc::new(store)));
                    }
                }
                End::Failed(error)
            }
        }
    }

    async fn try_operate(&self, index: usize) -> Result<End, OperationError> {
        let operation = &self.plan.operations[index];
        let subject = self.subject(index)?;
        let _lane = self.lane(operation, &subject).await;
        let past = self.resumed(index).await?;
        let mut live = self.ports.cloud.get(&subject.kind.get(&subject.id)).await?;
        // What Azure is still at work on, for whomever, can be neither judged nor written.
        if operation.step != Step::Delete || subject.is_busy(live.as_ref()) {
            live = self.come_to_rest(&subject, live).await?;
        }
        let end = match judge(operation, &subject, live.as_ref(), past.as_ref()) {
            Ruling::Stale(what) => return Err(OperationError::Stale(what)),
            Ruling::AlreadyDone => {
                self.conclude(index, &subject, live).await?;
                if operation.step == Step::Carried {
                    End::Done
                } else {
                    End::AlreadyDone
                }
            }
            Ruling::Go => {
                self.must_be_empty(operation, &subject, live.as_ref())
                    .await?;
                let mut body = self.send(index, &subject, live.as_ref()).await?;
                if operation.step == Step::Recover {
                    body = self.renew(index, &subject).await?;
                }
                self.conclude(index, &subject, body).await?;
                End::Done
            }
        };
        Ok(end)
    }

    /// Makes an object as declared that came back as it had been when it was deleted.
    async fn renew(&self, index: usize, subject: &Subject) -> Result<Option<Json>, OperationError> {
        let live = self.settled(subject, &|live| live.is_some()).await?;
        let live = self.come_to_rest(subject, live).await?;
        let desired = subject.desired.as_ref();
        match live {
            Some(live) if !differences(subject.kind, desired, &live).is_empty() => {
                self.send(index, subject, Some(&live)).await
            }
            rested => Ok(rested),
        }
    }

    /// The operation that puts back the lock which this one lifts.
    pub(super) fn puts_back(&self, index: usize) -> Option<usize> {
        self.lifted.get(&index).copied()
    }

    fn subject(&self, index: usize) -> Result<Subject, OperationError> {
        let operation = &self.plan.operations[index];
        let outputs = lock(&self.outputs);
        let back = self.lifted.get(&index).filter(|_| !self.complete);
        let back = back.and_then(|back| self.plan.operations[*back].desired.as_ref());
        let kind = self
            .kinds
            .named(&operation.kind)
            .ok_or_else(|| OperationError::UnknownKind(operation.kind.clone()))?;
        let desired = operation
            .desired
            .as_ref()
            .map(|tree| tree.resolve(&outputs))
            .transpose()?;
        let id = operation.id.resolve(&outputs)?;
        Ok(Subject {
            estate: self.plan.target.estate.clone(),
            is_excess: self.plan.mode == Mode::Revoke && operation.is_revocation(),
            resurfaces: kind.resurfaces() && self.makes_above(&id),
            kind,
            id,
            desired,
            put_back: back.map(|tree| tree.resolve(&outputs)).transpose()?,
        })
    }

    /// Whether the plan makes something that an object with this id lives in.
    fn makes_above(&self, id: &str) -> bool {
        self.plan.operations.iter().any(|operation| {
            let above = operation.id.known().filter(|above| above.len() < id.len());
            let (Some(above), Some(start)) = (above, above.and_then(|a| id.get(..a.len()))) else {
                return false;
            };
            matches!(operation.step, Step::Create | Step::Recover)
                && start.eq_ignore_ascii_case(above)
                && id[above.len()..].starts_with('/')
        })
    }

    /// Waits until nothing else writes where Azure takes one write at a time.
    async fn lane(&self, operation: &Operation, subject: &Subject) -> Option<OwnedMutexGuard<()>> {
        let found = || operation.before.as_ref()?.resolve(&Outputs::default()).ok();
        let properties = subject.desired.clone().or_else(found).unwrap_or_default();
        let name = subject.kind.lane(&subject.id, &properties)?;
        let lane = Arc::clone(lock(&self.lanes).entry(name).or_default());
        Some(lane.lock_owned().await)
    }

    /// A container is deleted only when nothing is left in it that would go along.
    async fn must_be_empty(
        &self,
        operation: &Operation,
        subject: &Subject,
        live: Option<&Json>,
    ) -> Result<(), OperationError> {
        let contents = subject
            .kind
            .contents(&subject.id)
            .filter(|_| operation.step == Step::Delete);
        let Some(request) = contents else {
            return Ok(());
        };
        let mut held: Vec<String> = Vec::new();
        let read = self
            .ports
            .cloud
            .list(&request, &mut |page| held.extend(page.iter().map(held_id)))
            .await;
        if let Err(failure) = read {
            let object = subject.kind.get(&subject.id);
            let gone = failure.verdict == Verdict::NotFound
                && self.ports.cloud.get(&object).await?.is_none();
            if !gone {
                return Err(failure.into());
            }
        }
        let along = live.map(|live| subject.kind.takes_along(live));
        let along = along.unwrap_or_default();
        held.retain(|id| !along.iter().any(|own| own.eq_ignore_ascii_case(id)));
        match held.first() {
            None => Ok(()),
            Some(first) => Err(OperationError::NotEmpty(first.clone())),
        }
    }

    /// What the operation sends, given the live object.
    pub(super) fn request(
        &self,
        operation: &Operation,
        subject: &Subject,
        live: Option<&Json>,
    ) -> Result<Request, OperationError> {
        let Subject { kind, id, .. } = subject;
        let desired = subject.desired.clone().unwrap_or_default();
        Ok(match (operation.step, live) {
            (Step::Delete, _) => kind.delete(id),
            (Step::Update, Some(live)) => {
                let changed = if kind.condition(live) == Condition::Failed {
                    changeable(*kind, id, &desired)
                } else {
                    let changes = operation.changes.iter();
                    touched(*kind, changes.map(|change| change.path.as_str()))
                };
                kind.update(id, live, &desired, &changed)
            }
            // It is back already; what is left is to make it as declared.
            (Step::Recover, Some(live)) => differing(*kind, id, live, &desired),
            (Step::Create, Some(live)) if kind.resurfaces() => differing(*kind, id, live, &desired),
            (Step::Recover, _) => kind
                .recover(id, &desired, operation.handle.as_deref())
                .unwrap_or_else(|| kind.create(id, &desired)),
            _ => {
                let mut request = kind.create(id, &desired);
                if let Some(body) = &mut request.body {
                    self.embed(operation, *kind, body)?;
                }
                request
            }
        })
    }

    /// Puts the children that travel with a create into its body.
    fn embed(
        &self,
        operation: &Operation,
        kind: &dyn Kind,
        body: &mut Json,
    ) -> Result<(), OperationError> {
        for index in &operation.carries {
            let child = self.subject(*index)?;
            let name = child.id.rsplit('/').next().unwrap_or_default();
            kind.embed(body, name, &child.desired.unwrap_or_default());
        }
        Ok(())
    }
}

/// The request that makes an object as declared that stands already.
fn differing(kind: &dyn Kind, id: &str, live: &Json, desired: &Json) -> Request {
    let wanted = Value::from(desired.clone());
    let changes = diff(kind.meta(), &wanted, &kind.project(live), None);
    let changes = changes.iter().map(|change| change.path.as_str());
    kind.update(id, live, desired, &touched(kind, changes))
}

/// The managed fields that changes at these paths touch.
fn touched<'a>(kind: &dyn Kind, changes: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let changes: Vec<&str> = changes.collect();
    let touches = |change: &str, path: &str| {
        let rest = change.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let paths = kind.meta().fields.iter().map(|field| field.path);
    paths
        .filter(|path| changes.iter().any(|change| touches(change, path)))
        .collect()
}

/// The managed fields that a create says and an update may: what a failed write is repaired with,
/// since what the object says of itself is then not what it does.
fn changeable(kind: &dyn Kind, id: &str, desired: &Json) -> Vec<&'static str> {
    let body = kind.create(id, desired).body.unwrap_or_default();
    let fields = kind.meta().fields.iter();
    fields
        .filter(|field| {
            matches!(
                field.change,
                Change::InPlace | Change::Keep(_) | Change::Raise(_)
            )
        })
        .filter(|field| at(&body, field.path).is_some())
        .map(|field| field.path)
        .collect()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

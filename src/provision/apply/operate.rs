//! Carrying out one operation: re-read, journal, send, wait, check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::judge::{Ruling, differences, judge};
use super::outcome::{End, OperationError};
use super::{Past, journalled_outputs, past};
use crate::provision::plan::{Action, Operation, Plan, Step};
use crate::provision::ports::{Begun, Entry, Event, Failure, Ports, Progress, StoreError, Verdict};
use crate::resource::{Kind, Kinds, Outputs, Request};

/// Objects that are re-read at the same time before a saved plan starts.
const CHECKS_AT_ONCE: usize = 16;

/// One run of a plan.
pub(super) struct Run {
    plan: Plan,
    digest: String,
    kinds: Kinds,
    ports: Ports,
    past: BTreeMap<usize, Past>,
    outputs: Mutex<Outputs>,
    lanes: Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>,
}

/// What an operation is about, with every late value filled in.
struct Subject {
    kind: &'static dyn Kind,
    id: String,
    desired: Option<Json>,
}

impl Run {
    pub(super) fn new(
        plan: &Plan,
        digest: String,
        kinds: Kinds,
        ports: Ports,
        entries: &[Entry],
    ) -> Self {
        Self {
            plan: plan.clone(),
            digest,
            kinds,
            ports,
            past: past(entries),
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
        let Ok(subject) = self.subject(operation) else {
            return Ok(());
        };
        let live = self.ports.cloud.get(&subject.kind.get(&subject.id)).await?;
        match self.ruling(index, &subject, live.as_ref()) {
            Ruling::Stale(what) => Err(OperationError::Stale(what)),
            Ruling::Go | Ruling::AlreadyDone => Ok(()),
        }
    }

    fn ruling(&self, index: usize, subject: &Subject, live: Option<&Json>) -> Ruling {
        let operation = &self.plan.operations[index];
        let desired = subject.desired.as_ref();
        judge(
            operation,
            subject.kind,
            &subject.id,
            desired,
            live,
            self.past.get(&index),
        )
    }

    /// Carries out one operation.
    pub(super) async fn operate(&self, index: usize) -> End {
        match self.try_operate(index).await {
            Ok(end) => end,
            Err(error) => {
                if let OperationError::Azure(failure) = &error {
                    let address = self.plan.operations[index].address.clone();
                    let event = Event::Failed {
                        operation: index,
                        address,
                        failure: failure.clone(),
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
        let subject = self.subject(operation)?;
        let _lane = self.lane(&subject).await;
        if let Some(Past::Accepted(pending)) = self.past.get(&index) {
            // Whether it went well shows in the object, which is read next.
            if let Err(failure) = self.ports.cloud.finish(pending).await {
                tracing::debug!(%failure, address = %operation.address, "resumed operation");
            }
        }
        let live = self.ports.cloud.get(&subject.kind.get(&subject.id)).await?;
        let end = match self.ruling(index, &subject, live.as_ref()) {
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
                self.must_be_empty(operation, &subject).await?;
                let body = self.send(index, &subject, live.as_ref()).await?;
                self.conclude(index, &subject, body).await?;
                End::Done
            }
        };
        Ok(end)
    }

    fn subject(&self, operation: &Operation) -> Result<Subject, OperationError> {
        let outputs = lock(&self.outputs);
        let kind = self
            .kinds
            .named(&operation.kind)
            .ok_or_else(|| OperationError::UnknownKind(operation.kind.clone()))?;
        let desired = operation
            .desired
            .as_ref()
            .map(|tree| tree.resolve(&outputs))
            .transpose()?;
        Ok(Subject {
            kind,
            id: operation.id.resolve(&outputs)?,
            desired,
        })
    }

    /// Waits until nothing else writes where Azure takes one write at a time.
    async fn lane(&self, subject: &Subject) -> Option<OwnedMutexGuard<()>> {
        let name = subject.kind.lane(&subject.id)?;
        let lane = Arc::clone(lock(&self.lanes).entry(name).or_default());
        Some(lane.lock_owned().await)
    }

    /// A container is deleted only when nothing is left in it that would go along.
    async fn must_be_empty(
        &self,
        operation: &Operation,
        subject: &Subject,
    ) -> Result<(), OperationError> {
        let contents = subject
            .kind
            .contents(&subject.id)
            .filter(|_| operation.step == Step::Delete);
        let Some(request) = contents else {
            return Ok(());
        };
        let mut held = Vec::new();
        self.ports
            .cloud
            .list(&request, &mut |page| {
                held.extend(
                    page.iter()
                        .filter_map(|body| Some(body.get("id")?.as_str()?.to_owned())),
                );
            })
            .await?;
        match held.first() {
            None => Ok(()),
            Some(first) => Err(OperationError::NotEmpty(first.clone())),
        }
    }

    fn request(&self, operation: &Operation, subject: &Subject, live: Option<&Json>) -> Request {
        let Subject { kind, id, desired } = subject;
        let desired = desired.clone().unwrap_or_default();
        match (operation.step, live) {
            (Step::Delete, _) => kind.delete(id),
            (Step::Update, Some(live)) => {
                let changed: Vec<&str> = kind
                    .meta()
                    .fields
                    .iter()
                    .map(|field| field.path)
                    .filter(|path| {
                        let touches = |change: &str| {
                            change
                                .strip_prefix(path)
                                .is_some_and(|r| r.is_empty() || r.starts_with('.'))
                        };
                        operation.changes.iter().any(|change| touches(&change.path))
                    })
                    .collect();
                kind.update(id, live, &desired, &changed)
            }
            (Step::Recover, _) => kind
                .recover(id, &desired)
                .unwrap_or_else(|| kind.create(id, &desired)),
            _ => {
                let mut request = kind.create(id, &desired);
                if let Some(body) = &mut request.body {
                    self.embed(operation, *kind, body);
                }
                request
            }
        }
    }

    /// Puts the children that travel with a create into its body.
    fn embed(&self, operation: &Operation, kind: &dyn Kind, body: &mut Json) {
        for index in &operation.carries {
            if let Ok(child) = self.subject(&self.plan.operations[*index]) {
                let name = child.id.rsplit('/').next().unwrap_or_default();
                kind.embed(body, name, &child.desired.clone().unwrap_or_default());
            }
        }
    }

    /// Journals, sends, waits. The final body, where Azure gives one.
    async fn send(
        &self,
        index: usize,
        subject: &Subject,
        live: Option<&Json>,
    ) -> Result<Option<Json>, OperationError> {
        let operation = &self.plan.operations[index];
        let request = self.request(operation, subject, live);
        let body = request
            .body
            .as_ref()
            .map(Json::to_string)
            .unwrap_or_default();
        let body_hash = Sha256::digest(body.as_bytes())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let address = operation.address.clone();
        let id = subject.id.clone();
        self.write(Event::Begun {
            operation: index,
            address,
            id,
            body_hash,
        })
        .await?;
        match self.ports.cloud.begin(&request).await {
            Ok(Begun::Done(body)) => Ok(body),
            Ok(Begun::Accepted(pending)) => {
                self.write(Event::Accepted {
                    operation: index,
                    pending: pending.clone(),
                })
                .await?;
                self.ports
                    .observer
                    .event(Progress::Waiting { operation: index });
                Ok(self.ports.cloud.finish(&pending).await?)
            }
            Err(failure) if failure.verdict == Verdict::Unknown => {
                self.settle_unknown(operation, subject, failure).await
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// The answer was lost: the object itself says whether the request took effect.
    async fn settle_unknown(
        &self,
        operation: &Operation,
        subject: &Subject,
        failure: Failure,
    ) -> Result<Option<Json>, OperationError> {
        let live = self.ports.cloud.get(&subject.kind.get(&subject.id)).await?;
        let took_effect = match (&live, operation.step) {
            (None, Step::Delete) => true,
            (Some(live), Step::Create | Step::Update | Step::Recover) => {
                differences(subject.kind, subject.desired.as_ref(), live).is_empty()
            }
            _ => false,
        };
        if took_effect {
            Ok(live)
        } else {
            Err(failure.into())
        }
    }

    /// Checks that the object is as declared, and journals what it made known.
    async fn conclude(
        &self,
        index: usize,
        subject: &Subject,
        body: Option<Json>,
    ) -> Result<(), OperationError> {
        let operation = &self.plan.operations[index];
        let mut outputs = BTreeMap::new();
        if operation.step != Step::Delete {
            let body = self.as_declared(subject, body).await?;
            outputs = subject.kind.meta().read_outputs(&subject.id, &body);
        }
        let address = operation.address.clone();
        lock(&self.outputs).insert(address.clone(), outputs.clone());
        self.write(Event::Done {
            operation: index,
            address,
            outputs,
        })
        .await
    }

    /// The body of an object that is as declared; read once more where the answer is not yet.
    async fn as_declared(
        &self,
        subject: &Subject,
        body: Option<Json>,
    ) -> Result<Json, OperationError> {
        let desired = subject.desired.as_ref();
        if let Some(body) = body.filter(|body| differences(subject.kind, desired, body).is_empty())
        {
            return Ok(body);
        }
        let live = self.ports.cloud.get(&subject.kind.get(&subject.id)).await?;
        let live =
            live.ok_or_else(|| OperationError::NotAsDeclared("it does not exist".to_owned()))?;
        let wrong = differences(subject.kind, desired, &live);
        if wrong.is_empty() {
            Ok(live)
        } else {
            Err(OperationError::NotAsDeclared(wrong.join(", ")))
        }
    }

    async fn write(&self, event: Event) -> Result<(), OperationError> {
        self.record(event)
            .await
            .map_err(|error| OperationError::Store(Arc::new(error)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

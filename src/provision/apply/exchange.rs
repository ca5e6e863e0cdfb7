//! The exchange with Azure and the journal about one operation: send, wait, check, resume.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::Past;
use super::judge::{differences, has_failed, is_in_progress, is_ours};
use super::operate::{Run, Subject, lock};
use super::outcome::OperationError;
use crate::provision::plan::{Operation, Step};
use crate::provision::ports::{
    Begun, Event, Failure, Intent, Pending, Poll, Progress, PutBack, Verdict,
};
use crate::resource::{Address, Request, digest};

/// How often a POST of which Azure refuses a second one is sent again, each time after the object
/// was looked for.
const REPEATS: u32 = 3;

impl Run {
    /// How far an earlier run came, after waiting for what it had left running.
    pub(super) async fn resumed(&self, index: usize) -> Result<Option<Past>, OperationError> {
        let past = self.past.get(&index).cloned();
        let Some(Past::Accepted(pending)) = &past else {
            return Ok(past);
        };
        match self.ports.cloud.finish(pending).await {
            Ok(_) => Ok(Some(Past::Begun)),
            Err(failure) if matches!(failure.verdict, Verdict::Fatal | Verdict::Conflict) => {
                Ok(Some(Past::Failed))
            }
            // Nobody remembers the operation, or we may not ask: the object itself will tell.
            Err(failure) if failure.is_forgotten() => Ok(Some(Past::Begun)),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The object once Azure has stopped working on it, where nobody gave us an operation to ask.
    pub(super) async fn come_to_rest(
        &self,
        subject: &Subject,
        live: Option<Json>,
    ) -> Result<Option<Json>, Failure> {
        let busy = |live: &Json| is_in_progress(subject.kind, live);
        if !live.as_ref().is_some_and(busy) {
            return Ok(live);
        }
        let object = subject.kind.get(&subject.id);
        let version = object.api_version.as_deref().unwrap_or_default();
        let pending = Pending {
            plane: object.plane.clone(),
            poll: Poll::ProvisioningState,
            target: format!("{}?api-version={version}", object.path),
            object: Some(object.clone()),
            retry_after: None,
        };
        // How it ended shows in the object.
        match self.ports.cloud.finish(&pending).await {
            Err(failure) if !failure.is_final() => Err(failure),
            _ => self.ports.cloud.get(&object).await,
        }
    }

    /// Sends, and waits until it is known what came of it. The final body, where Azure gives one.
    ///
    /// A POST that was not heard of is sent again only where Azure refuses a second one, and once
    /// the object, asked for as long as replicas may lag, shows that it had no effect.
    pub(super) async fn send(
        &self,
        index: usize,
        subject: &Subject,
        before: Option<&Json>,
    ) -> Result<Option<Json>, OperationError> {
        let operation = &self.plan.operations[index];
        let request = self.request(operation, subject, before)?;
        let mut repeats = 0;
        loop {
            let failure = match self.exchange(index, subject, &request).await? {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let is_open = failure.verdict == Verdict::Unknown || has_moved(&request, &failure);
            // What was sent before may have taken effect late, and be why this one was refused.
            if !is_open && repeats == 0 {
                return Err(failure.into());
            }
            let live = self.left_behind(operation, subject).await?;
            if took_effect(operation, subject, before, live.as_ref()) {
                return Ok(live);
            }
            let is_safe = subject.kind.refuses_second_post() && subject.kind.lags();
            let had_none = before.is_none() && live.is_none() && is_safe;
            if request.idempotent || !had_none || !failure.is_unheard() || repeats == REPEATS {
                return Err(failure.into());
            }
            repeats += 1;
        }
    }

    /// Journals a request, sends it and waits for its end; or why nobody can tell from the answer.
    async fn exchange(
        &self,
        index: usize,
        subject: &Subject,
        request: &Request,
    ) -> Result<Result<Option<Json>, Failure>, OperationError> {
        let operation = &self.plan.operations[index];
        let body = request.body.as_ref().map(Json::to_string);
        let body_hash = digest::hex(body.unwrap_or_default());
        self.write(Event::Begun {
            operation: index,
            address: operation.address.clone(),
            id: subject.id.clone(),
            body_hash,
            intent: Some(Box::new(self.intent(index, subject))),
        })
        .await?;
        let pending = match self.ports.cloud.begin(request).await {
            Ok(Begun::Done(body)) => return Ok(Ok(body)),
            Ok(Begun::Accepted(pending)) => pending,
            Err(failure) => return Ok(Err(failure)),
        };
        let accepted = Event::Accepted {
            operation: index,
            pending: pending.clone(),
        };
        self.ports
            .observer
            .event(Progress::Waiting { operation: index });
        // Azure works on while that becomes durable.
        let finished = self.ports.cloud.finish(&pending);
        let (written, finished) = futures::join!(self.write(accepted), finished);
        written?;
        match finished {
            Err(failure) if !has_moved(request, &failure) => Err(failure.into()),
            finished => Ok(finished),
        }
    }

    /// What an operation is about to do.
    fn intent(&self, index: usize, subject: &Subject) -> Intent {
        let operation = &self.plan.operations[index];
        let mut references = BTreeSet::new();
        operation.id.references(&mut references);
        if let Some(desired) = &operation.desired {
            desired.references(&mut references);
        }
        let outputs = lock(&self.outputs);
        let known = |address: Address| Some((address.clone(), outputs.of(&address)?.clone()));
        let back = self.puts_back(index).zip(subject.put_back.clone());
        Intent {
            kind: operation.kind.clone(),
            action: operation.action,
            step: operation.step,
            late: references.into_iter().filter_map(known).collect(),
            back: back.map(|(operation, desired)| PutBack { operation, desired }),
        }
    }

    /// The object as a request left it whose answer does not tell.
    async fn left_behind(
        &self,
        operation: &Operation,
        subject: &Subject,
    ) -> Result<Option<Json>, Failure> {
        let deletes = operation.step == Step::Delete;
        let live = self
            .settled(subject, &|live| live.is_none() == deletes)
            .await?;
        match deletes {
            true => Ok(live),
            false => self.come_to_rest(subject, live).await,
        }
    }

    /// Checks that the object is as declared, and journals what it made known.
    pub(super) async fn conclude(
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
            lock(&self.outputs).insert(operation.address.clone(), outputs.clone());
        }
        let event = Event::Done {
            operation: index,
            address: operation.address.clone(),
            outputs,
        };
        // What hangs on it begins with an append, which takes this one along.
        let noted = self.ports.journal.note(&self.digest, event).await;
        noted.map_err(|error| OperationError::Store(Arc::new(error)))
    }

    /// The body of an object that is as declared; read once more where the answer is not yet.
    async fn as_declared(
        &self,
        subject: &Subject,
        body: Option<Json>,
    ) -> Result<Json, OperationError> {
        let desired = subject.desired.as_ref();
        let holds = |body: &Json| {
            differences(subject.kind, desired, body).is_empty() && !has_failed(subject.kind, body)
        };
        if let Some(body) = body.filter(|body| holds(body)) {
            return Ok(body);
        }
        let live = self
            .settled(subject, &|live| live.is_some_and(&holds))
            .await?;
        let live =
            live.ok_or_else(|| OperationError::NotAsDeclared("it does not exist".to_owned()))?;
        let mut wrong = differences(subject.kind, desired, &live);
        if has_failed(subject.kind, &live) {
            wrong.push("Azure says that its last write failed".to_owned());
        }
        if wrong.is_empty() {
            Ok(live)
        } else {
            Err(OperationError::NotAsDeclared(wrong.join(", ")))
        }
    }

    /// The object after a write, asked for again while replicas may not know of it yet.
    pub(super) async fn settled(
        &self,
        subject: &Subject,
        good: &(dyn Fn(Option<&Json>) -> bool + Send + Sync),
    ) -> Result<Option<Json>, Failure> {
        let object = subject.kind.get(&subject.id);
        if subject.kind.lags() {
            self.ports.cloud.get_settled(&object, good).await
        } else {
            self.ports.cloud.get(&object).await
        }
    }

    async fn write(&self, event: Event) -> Result<(), OperationError> {
        self.record(event)
            .await
            .map_err(|error| OperationError::Store(Arc::new(error)))
    }
}

/// Whether what was sent to an object that was as `before` has taken effect, by what it is now.
fn took_effect(
    operation: &Operation,
    subject: &Subject,
    before: Option<&Json>,
    live: Option<&Json>,
) -> bool {
    let Some(live) = live else {
        return operation.step == Step::Delete;
    };
    match operation.step {
        Step::Delete => false,
        // It comes back as it was deleted; what differs is updated after it.
        Step::Recover if before.is_none() => is_ours(operation, subject, live),
        _ => {
            !has_failed(subject.kind, live)
                && differences(subject.kind, subject.desired.as_ref(), live).is_empty()
        }
    }
}

/// Whether the object is no longer as the request wants it: somebody else wrote, or we did, and
/// sent the request again because the answer was lost.
fn has_moved(request: &Request, failure: &Failure) -> bool {
    request.is_conditional() && failure.verdict == Verdict::Conflict
}

/// What the journal keeps of an error after `begun`.
pub(super) fn failure_of(error: &OperationError) -> Option<Failure> {
    match error {
        OperationError::Azure(failure) => Some(failure.clone()),
        OperationError::NotAsDeclared(wrong) => Some(Failure {
            verdict: Verdict::Fatal,
            status: None,
            code: "NotAsDeclared".to_owned(),
            message: wrong.clone(),
            hint: None,
            request_id: None,
        }),
        _ => None,
    }
}

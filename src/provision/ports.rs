//! The ports: what the pipeline needs from the world, implemented by `remote` and `control`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

pub use super::lease::{Break, Held, Holder, Lease, Standing};
use super::plan::{Action, Step};
use crate::resource::{Address, EnvironmentName, Plane, Request};

/// Objects that are read side by side.
const READS_AT_ONCE: usize = 16;

/// Reads Azure. Nothing that holds only a `Reader` can change anything.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The body of one object; `None` where Azure says that it does not exist.
    ///
    /// # Errors
    /// [`Failure`] for every other answer, and for no answer.
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure>;

    /// The bodies of several objects, in the order of the requests, some read side by side.
    async fn get_many(&self, requests: &[Request]) -> Vec<Result<Option<Json>, Failure>> {
        let mut reads = Vec::with_capacity(requests.len());
        for request in requests {
            reads.push(self.get(request));
        }
        futures::stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .collect()
            .await
    }

    /// The body of one object of a plane whose replicas lag behind writes: asked for again for a
    /// while, until it is `good`.
    ///
    /// # Errors
    /// As [`Reader::get`].
    async fn get_settled(
        &self,
        request: &Request,
        _good: &(dyn for<'b> Fn(Option<&'b Json>) -> bool + Send + Sync),
    ) -> Result<Option<Json>, Failure> {
        self.get(request).await
    }

    /// Every page of a collection, each handed to `page` as it arrives.
    ///
    /// # Errors
    /// [`Failure`] when a page cannot be read; pages before it have been handed over, and the
    /// collection must not be taken for complete. [`Verdict::NotFound`] says that Azure knows no
    /// such collection: only a look at its parent tells whether it is empty.
    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure>;
}

/// Changes Azure, in two steps so that the journal can stand between them.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Sends a request; returns when Azure has taken it, which may be before it is done.
    ///
    /// # Errors
    /// [`Failure`] when Azure refused it or it is unknown whether it arrived.
    async fn begin(&self, request: &Request) -> Result<Begun, Failure>;

    /// Waits for an accepted operation to end; the object's final body, if there is one.
    ///
    /// # Errors
    /// [`Failure`] with Azure's code when the operation failed or was cancelled.
    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure>;
}

/// Azure, for reading and writing.
pub trait Cloud: Reader + Writer {}
impl<T: Reader + Writer> Cloud for T {}

/// What Azure said to a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is done; the body of the answer, if there is one.
    Done(Option<Json>),
    /// It goes on, and can be asked after.
    Accepted(Pending),
}

/// A long-running operation, in a form that outlives the process: no origin, no port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The plane that it runs on.
    pub plane: Plane,
    /// How it is asked after.
    pub poll: Poll,
    /// Path and query to ask at, relative to the plane's origin, passed back untouched.
    pub target: String,
    /// The request whose GET gives the final object, where there is one.
    pub object: Option<Request>,
    /// What Azure asked us to wait before the first poll.
    pub retry_after: Option<Duration>,
}

/// The patterns of long-running operations (`Azure-AsyncOperation`, `Location`, neither).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Poll {
    /// A status document with `status` and, on failure, `error`.
    StatusDocument,
    /// 202 until done, then the result's own status.
    Location,
    /// The object's own `properties.provisioningState`.
    ProvisioningState,
}

/// What a failure means for whoever got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No answer, or one that does not say whether the request took effect.
    Unknown,
    /// Azure refused for now (throttled, busy, replicating) for longer than we wait.
    Busy,
    /// The caller may not do this.
    Denied,
    /// The object is not there.
    NotFound,
    /// It is there already, in a form that we did not make.
    Conflict,
    /// Azure refused for good.
    Fatal,
}

/// The code of a request that was sent and not answered.
pub const NO_ANSWER: &str = "NoAnswer";

/// The code where Azure answers and the server that it names is not reached from here, as that of a
/// private cluster from outside of its network.
pub const OUT_OF_REACH: &str = "OutOfReach";

/// The code where Azure keeps no record of an operation any more: its object tells how it ended.
pub const OPERATION_LOST: &str = "OperationLost";

/// A request that failed: Azure's own code and message, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{code}: {message}")]
pub struct Failure {
    /// What it means.
    pub verdict: Verdict,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// Azure's error code, or ours where there was no answer (`Unreachable`, `NoCredential`).
    pub code: String,
    /// Azure's message.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// Azure's request id, for a support case.
    pub request_id: Option<String>,
}

impl Failure {
    /// Whether Azure has said no for good, rather than nothing, or not yet.
    pub fn is_final(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Denied | Verdict::Conflict | Verdict::Fatal
        )
    }

    /// Of an operation that was asked after: whether nobody can tell any more how it ended, or we
    /// may not ask. Its object tells then.
    pub fn is_forgotten(&self) -> bool {
        matches!(self.verdict, Verdict::NotFound | Verdict::Denied) || self.code == OPERATION_LOST
    }

    /// Whether the request was sent, and nobody knows what came of it.
    pub fn is_unheard(&self) -> bool {
        self.verdict == Verdict::Unknown && (self.status.is_some() || self.code == NO_ANSWER)
    }
}

/// One line of the journal. `Begun` is durable before a request leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written, RFC 3339, UTC.
    pub at: String,
    /// The digest of the plan that is being applied.
    pub plan: String,
    /// The fencing number of the lease that it was written under; 0 where none was held.
    #[serde(default)]
    pub fence: u64,
    /// What happened.
    pub event: Event,
}

/// What the journal records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// The environments that it writes.
        environments: Vec<EnvironmentName>,
    },
    /// An operation's request is about to leave.
    Begun {
        /// Its number in the plan.
        operation: usize,
        /// What it is about.
        address: Address,
        /// The id of the object, resolved.
        id: String,
        /// SHA-256 of the request's body, hexadecimal.
        body_hash: String,
        /// What it does; version 1 of the journal did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Box<Intent>>,
    },
    /// Azure took it and goes on.
    Accepted {
        /// Its number in the plan.
        operation: usize,
        /// Where to ask.
        pending: Pending,
    },
    /// It is done.
    Done {
        /// Its number in the plan.
        operation: usize,
        /// What it was about.
        address: Address,
        /// Outputs of the object, for late values of a later run.
        outputs: BTreeMap<String, String>,
    },
    /// It failed.
    Failed {
        /// Its number in the plan.
        operation: usize,
        /// What it was about.
        address: Address,
        /// Azure's answer.
        failure: Failure,
    },
    /// The run came to its end.
    RunEnded {
        /// Whether every operation is done.
        complete: bool,
    },
}

/// What an operation is about to do: enough to see to its object without its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind's name.
    pub kind: String,
    /// What people call it.
    pub action: Action,
    /// What is sent.
    pub step: Step,
    /// The outputs of other objects that it was resolved with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late: BTreeMap<Address, BTreeMap<String, String>>,
    /// Of a lock that comes off for a while: how it is put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<PutBack>,
}

/// How a lifted lock is put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBack {
    /// The number of the operation that does it.
    pub operation: usize,
    /// The lock's managed fields.
    pub desired: Json,
}

/// What the journal holds of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// The digest of the plan that it applied.
    pub plan: String,
    /// Where its journal is, for people.
    pub place: String,
    /// The environments that it wrote.
    pub environments: Vec<EnvironmentName>,
    /// What it recorded, oldest first.
    pub entries: Vec<Entry>,
}

/// Why the control store could not be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("cannot {doing} {place}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        place: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A stored file says something that we did not write.
    #[error("{place}{} is not readable: {problem}", line.map(|l| format!(":{l}")).unwrap_or_default())]
    Corrupt {
        /// The file.
        place: String,
        /// The line, where the file has lines.
        line: Option<usize>,
        /// What is wrong with it.
        problem: String,
    },
    /// The service that keeps the store refused, or did not answer.
    #[error("cannot {doing} {place}: {failure}")]
    Service {
        /// What was tried.
        doing: &'static str,
        /// The object.
        place: String,
        /// What the service said.
        #[source]
        failure: Box<Failure>,
    },
    /// A stored object is not what it was when it was last read.
    #[error("{place} was written by somebody else in the meantime")]
    Moved {
        /// The object.
        place: String,
    },
    /// A stored object is under somebody's lease.
    #[error("{place} is under a lease")]
    Leased {
        /// The object.
        place: String,
    },
    /// Our lease is over, or somebody else has it.
    #[error("the lease of {place} is lost: {reason}")]
    LeaseLost {
        /// The object or the environment.
        place: String,
        /// Since when, or by whom.
        reason: String,
    },
    /// Somebody else holds the lease of an environment.
    #[error("{environment} is locked by {holder}")]
    Held {
        /// The environment.
        environment: EnvironmentName,
        /// Who holds it, since when, doing what.
        holder: String,
    },
}

/// Where the journal is written.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends an event; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be made durable: nothing may be sent then. It may be
    /// there all the same, so an append that is tried again may be found twice.
    async fn append(&self, plan: &str, event: Event) -> Result<(), StoreError>;

    /// Puts an event in line that nobody has to wait for: it is durable with the next append, or
    /// that fails. What is lost with a crash before is an answer, which the object tells again.
    ///
    /// # Errors
    /// As [`Journal::append`], where it can be told at once.
    async fn note(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        self.append(plan, event).await
    }

    /// Every entry of the runs that applied this plan, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a line other than a torn last one is unreadable.
    async fn entries(&self, plan: &str) -> Result<Vec<Entry>, StoreError>;
}

/// The applied snapshot: what the last successful apply wrote.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The environments that have a snapshot, those that vanished from TOML among them, sorted.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the store cannot be looked into.
    async fn environments(&self) -> Result<Vec<EnvironmentName>, StoreError>;

    /// The snapshot of an environment; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when there is one that cannot be read.
    async fn load(&self, environment: &EnvironmentName) -> Result<Option<Json>, StoreError>;

    /// Replaces the snapshot of an environment, all at once.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be written, [`StoreError::Corrupt`] when there is one
    /// that cannot be read: the old one stands then.
    async fn save(&self, environment: &EnvironmentName, snapshot: &Json) -> Result<(), StoreError>;
}

/// Tells whoever watches what an apply is doing. Cheap, and never waits.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Progress);
}

/// What an apply tells its watchers.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// No new operation begins; those in flight are finished.
    Stopping {
        /// How many are in flight.
        in_flight: usize,
    },
    /// An operation started.
    Started {
        /// Its number in the plan.
        operation: usize,
    },
    /// Azure took it and is working on it.
    Waiting {
        /// Its number in the plan.
        operation: usize,
    },
    /// It is done.
    Done {
        /// Its number in the plan.
        operation: usize,
    },
    /// It was found done, by an earlier run of the same plan.
    AlreadyDone {
        /// Its number in the plan.
        operation: usize,
    },
    /// It failed.
    Failed {
        /// Its number in the plan.
        operation: usize,
        /// What Azure said.
        reason: String,
    },
    /// It was not tried.
    Skipped {
        /// Its number in the plan.
        operation: usize,
        /// The address that it would have needed, or why the run stopped.
        reason: String,
    },
}

/// The ports of an apply, together.
#[derive(Clone)]
pub struct Ports {
    /// Azure.
    pub cloud: Arc<dyn Cloud>,
    /// The write-ahead journal.
    pub journal: Arc<dyn Journal>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
}

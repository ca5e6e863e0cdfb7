//! Numbered points around every step that counts, at which a run can be killed or stopped on purpose.
//!
//! ## Why
//! They are in every build: what is swept is the program that ships, and whoever sets a variable
//! of a process can end that process anyway. Without the variable nothing is wrapped, so nothing
//! is paid. Reads are no points: a death before or after one is a death at the step around it.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::Value as Json;
use thiserror::Error;

use crate::provision::objects::{Expected, LeaseId, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::{
    Begun, Cloud, Entry, Event, Failure, Journal, Pending, Ports, Reader, Snapshots, StoreError,
    Writer,
};
use crate::resource::{EnvironmentName, Request};

/// The variable that sets them.
pub const FAILPOINT: &str = "ONESTREAM_FAILPOINT";

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    /// The process is gone, as with a power cut.
    Kill,
    /// The process stands still until somebody continues it.
    Stop,
}

/// The points that a process has passed, and the one at which something happens.
#[derive(Debug)]
pub struct FailPoints {
    task: Task,
    passed: AtomicU64,
}

/// What the points are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Something happens at the point of this number, from 1.
    Strike(u64, Strike),
    /// They are counted.
    Count,
    /// They are counted, and each is named.
    List,
}

/// A value of [`FAILPOINT`] that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{FAILPOINT} is `{0}`: a number from 1, perhaps with `:kill` or `:stop`, or `count` or `list`"
)]
pub struct FailPointError(String);

impl std::str::FromStr for FailPoints {
    type Err = FailPointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FailPointError(text.to_owned());
        let (number, strike) = match text.split_once(':') {
            None => (text, Strike::Kill),
            Some((number, "kill")) => (number, Strike::Kill),
            Some((number, "stop")) => (number, Strike::Stop),
            Some(_) => return Err(wrong()),
        };
        let task = match number {
            "count" if number == text => Task::Count,
            "list" if number == text => Task::List,
            _ => match number.parse() {
                Ok(number @ 1..) => Task::Strike(number, strike),
                _ => return Err(wrong()),
            },
        };
        Ok(Self {
            task,
            passed: AtomicU64::new(0),
        })
    }
}

impl FailPoints {
    /// How many points have been passed.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    /// Whether they are only counted.
    pub fn is_count(&self) -> bool {
        !matches!(self.task, Task::Strike(..))
    }

    /// Passes a point; `place` says for people where it is.
    pub fn pass(&self, place: impl fmt::Display) {
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        match self.task {
            Task::Strike(at, strike) if at == number => {
                say(format_args!("failpoint {number}: {place}"));
                strike.now();
            }
            Task::List => say(format_args!("failpoint {number}: {place}")),
            Task::Strike(..) | Task::Count => {}
        }
    }

    /// The ports of an apply, with a point before and after each of their steps.
    pub fn around(self: &Arc<Self>, ports: Ports) -> Ports {
        Ports {
            cloud: Arc::new(Pointed::of(ports.cloud, self)),
            journal: Arc::new(Pointed::of(ports.journal, self)),
            observer: ports.observer,
        }
    }
}

/// A line on stderr, as far as anybody listens there.
fn say(line: fmt::Arguments<'_>) {
    let _lost = writeln!(std::io::stderr(), "{line}");
}

impl Strike {
    #[cfg(unix)]
    fn now(self) {
        use rustix::process::{Signal, getpid, kill_process};
        let signal = match self {
            Self::Kill => Signal::KILL,
            Self::Stop => Signal::STOP,
        };
        if let Err(error) = kill_process(getpid(), signal) {
            say(format_args!("failpoint: no signal could be sent: {error}"));
            std::process::abort();
        }
        // The signal may reach another thread first; this one must not get ahead of it.
        match self {
            Self::Kill => loop {
                std::thread::park();
            },
            Self::Stop => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }

    #[cfg(not(unix))]
    fn now(self) {
        std::process::abort();
    }
}

/// Something with a point before and after each of its steps.
pub struct Pointed<T> {
    inner: T,
    points: Arc<FailPoints>,
}

impl<T> Pointed<T> {
    /// `inner` with these points around its steps.
    pub fn of(inner: T, points: &Arc<FailPoints>) -> Self {
        Self {
            inner,
            points: Arc::clone(points),
        }
    }

    async fn step<R>(&self, place: String, step: impl Future<Output = R> + Send) -> R {
        self.points.pass(format_args!("before {place}"));
        let result = step.await;
        self.points.pass(format_args!("after {place}"));
        result
    }
}

#[async_trait]
impl Reader for Pointed<Arc<dyn Cloud>> {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.inner.get(request).await
    }

    async fn get_many(&self, requests: &[Request]) -> Vec<Result<Option<Json>, Failure>> {
        self.inner.get_many(requests).await
    }

    async fn get_settled(
        &self,
        request: &Request,
        good: &(dyn for<'b> Fn(Option<&'b Json>) -> bool + Send + Sync),
    ) -> Result<Option<Json>, Failure> {
        self.inner.get_settled(request, good).await
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        self.inner.list(request, page).await
    }
}

#[async_trait]
impl Writer for Pointed<Arc<dyn Cloud>> {
    async fn begin(&self, request: &Request) -> Result<Begun, Failure> {
        let place = format!("{} {}", request.method, request.path);
        self.step(place, self.inner.begin(request)).await
    }

    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure> {
        let place = format!("waiting for {}", pending.target);
        self.step(place, self.inner.finish(pending)).await
    }
}

/// Which entry of the journal a point is at.
fn place(event: &Event) -> String {
    match event {
        Event::RunStarted { .. } => "the journal's start".to_owned(),
        Event::RunEnded { .. } => "the journal's end".to_owned(),
        Event::Begun { address, .. } => format!("the journal's begun of {address}"),
        Event::Accepted { operation, .. } => format!("the journal's accepted of {operation}"),
        Event::Done { address, .. } => format!("the journal's done of {address}"),
        Event::Failed { address, .. } => format!("the journal's failed of {address}"),
    }
}

#[async_trait]
impl Journal for Pointed<Arc<dyn Journal>> {
    async fn append(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        let place = place(&event);
        self.step(place, self.inner.append(plan, event)).await
    }

    async fn note(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        let place = place(&event);
        self.step(place, self.inner.note(plan, event)).await
    }

    async fn entries(&self, plan: &str) -> Result<Vec<Entry>, StoreError> {
        self.inner.entries(plan).await
    }
}

#[async_trait]
impl Snapshots for Pointed<Arc<dyn Snapshots>> {
    async fn environments(&self) -> Result<Vec<EnvironmentName>, StoreError> {
        self.inner.environments().await
    }

    async fn load(&self, environment: &EnvironmentName) -> Result<Option<Json>, StoreError> {
        self.inner.load(environment).await
    }

    async fn save(&self, environment: &EnvironmentName, snapshot: &Json) -> Result<(), StoreError> {
        let place = format!("the snapshot of {environment}");
        self.step(place, self.inner.save(environment, snapshot))
            .await
    }
}

#[async_trait]
impl Objects for Pointed<Arc<dyn Objects>> {
    fn place(&self) -> String {
        self.inner.place()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        self.inner.read(name).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
        self.inner.list(folder).await
    }

    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError> {
        let put = self.inner.put(name, bytes, expected, lease);
        self.step(format!("the write of {name}"), put).await
    }

    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        lease: Option<LeaseId>,
    ) -> Result<(), StoreError> {
        let append = self.inner.append(name, position, bytes, lease);
        self.step(format!("the append to {name}"), append).await
    }

    fn appends_per_log(&self) -> u64 {
        self.inner.appends_per_log()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Store;
    use crate::control::arbitrary::PLAN;

    #[test]
    fn a_point_is_a_number_and_what_happens_there() {
        let parse = |text: &str| text.parse::<FailPoints>().map(|points| points.task);
        assert_eq!(parse("7"), Ok(Task::Strike(7, Strike::Kill)));
        assert_eq!(parse("7:kill"), Ok(Task::Strike(7, Strike::Kill)));
        assert_eq!(parse("12:stop"), Ok(Task::Strike(12, Strike::Stop)));
        assert_eq!(parse("count"), Ok(Task::Count));
        assert_eq!(parse("list"), Ok(Task::List));
        for wrong in [
            "",
            "0",
            "-1",
            "x",
            "7:",
            "7:pause",
            "count:kill",
            "list:stop",
            "1:kill:2",
        ] {
            assert_eq!(parse(wrong), Err(FailPointError(wrong.to_owned())));
        }
    }

    #[tokio::test]
    async fn every_append_and_every_snapshot_has_a_point_before_and_after_it() {
        let points: Arc<FailPoints> = Arc::new("count".parse().expect("counts"));
        let journal: Arc<dyn Journal> = Arc::new(Store::in_memory());
        let journal = Pointed::of(journal, &points);
        let ended = Event::RunEnded { complete: true };
        journal.append(PLAN, ended).await.expect("appends");
        assert_eq!(points.passed(), 2);
        assert_eq!(journal.entries(PLAN).await.expect("reads").len(), 1);
        let snapshots: Arc<dyn Snapshots> = Arc::new(Store::in_memory());
        let snapshots = Pointed::of(snapshots, &points);
        let dev: EnvironmentName = "dev".parse().expect("a name");
        snapshots.save(&dev, &Json::Null).await.expect("saves");
        assert_eq!(snapshots.load(&dev).await.expect("reads"), Some(Json::Null));
        assert_eq!(points.passed(), 4);
    }
}

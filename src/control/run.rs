//! One run's part of the journal: logs of its own, to which whatever came together goes together.
//!
//! ## Why
//! Nobody writes in the background: whoever appends first carries along what others have
//! queued by then. So an append that returned is durable, and one that was cancelled leaves no
//! task behind. What a failed or cancelled write has left is unknown, so that log is left alone
//! and the next entries go to a new one, later in time.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, UtcDateTime};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use super::chain::Chain;
use super::clock::{file_stamp, parse_file_stamp, rfc3339};
use super::disk::{corrupt, refused};
use super::journal::VERSION;
use super::{Clock, Store};
use crate::provision::objects::{LeaseId, Leasing, ObjectName, Objects};
use crate::provision::ports::{Entry, Event, Held, StoreError};

/// Where journals are.
const FOLDER: &str = "journal";
const SUFFIX: &str = ".jsonl";
/// The most that one append carries; Blob Storage takes 4 MiB in every version.
const LARGEST: usize = 2 * 1024 * 1024;

/// An event to be written, and whom to tell when it is durable.
struct Job {
    event: Event,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// A run that is being written.
pub(super) struct Run {
    queue: Mutex<Vec<Job>>,
    writer: AsyncMutex<Writer>,
}

impl Run {
    /// A run of `plan`, written under `held`. Its log is made with the first event.
    pub(super) fn new(
        store: &Store,
        plan: &str,
        held: Option<Arc<dyn Held>>,
    ) -> Result<Self, StoreError> {
        let writer = Writer {
            prefix: prefix(plan)?,
            plan: plan.to_owned(),
            objects: Arc::clone(&store.objects),
            leasing: store.leasing.clone(),
            clock: Arc::clone(&store.clock),
            held,
            open: None,
        };
        Ok(Self {
            queue: Mutex::default(),
            writer: AsyncMutex::new(writer),
        })
    }

    /// Writes an event; durable when it returns.
    pub(super) async fn append(&self, event: Event) -> Result<(), StoreError> {
        let (done, mut answer) = oneshot::channel();
        self.queue().push(Job { event, done });
        let mut writer = self.writer.lock().await;
        // Whoever had the turn before may have taken it along.
        if let Ok(told) = answer.try_recv() {
            return told;
        }
        let batch = std::mem::take(&mut *self.queue());
        writer.commit(batch).await;
        drop(writer);
        answer.await.unwrap_or_else(|_| {
            Err(StoreError::Io {
                doing: "write",
                place: FOLDER.to_owned(),
                source: io::Error::new(io::ErrorKind::Interrupted, "the write was given up"),
            })
        })
    }

    /// Puts an event in line for whoever appends next.
    pub(super) fn note(&self, event: Event) {
        let (done, _) = oneshot::channel();
        self.queue().push(Job { event, done });
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Job>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What whoever has the turn writes with.
struct Writer {
    plan: String,
    prefix: String,
    objects: Arc<dyn Objects>,
    leasing: Option<Arc<dyn Leasing>>,
    clock: Arc<dyn Clock>,
    held: Option<Arc<dyn Held>>,
    open: Option<Open>,
}

/// The log that is being written.
struct Open {
    name: ObjectName,
    length: u64,
    appends: u64,
    chain: Chain,
    /// Without which nobody can write to it, so that whoever takes over can shut us out.
    lease: Option<LeaseId>,
}

impl Writer {
    /// Writes a batch, and answers each of its jobs.
    async fn commit(&mut self, batch: Vec<Job>) {
        let mut waiting = Vec::new();
        let mut text = String::new();
        let mut chain = self.next_chain();
        for Job { event, done } in batch {
            match chain.seal(&self.entry(event)) {
                Ok(line) => {
                    text.push_str(&line);
                    text.push('\n');
                    waiting.push(done);
                }
                Err(broken) => {
                    let _ = done.send(Err(refused(FOLDER, broken)));
                }
            }
            if text.len() > LARGEST {
                self.write(&mut text, &mut waiting, &chain).await;
                chain = self.next_chain();
            }
        }
        self.write(&mut text, &mut waiting, &chain).await;
    }

    /// Where the log ends, or where the next one begins.
    fn next_chain(&mut self) -> Chain {
        let limit = self.objects.appends_per_log();
        self.open = self.open.take().filter(|open| open.appends < limit);
        match &self.open {
            Some(open) => open.chain.clone(),
            None => Chain::of_version(VERSION),
        }
    }

    async fn write(
        &mut self,
        text: &mut String,
        waiting: &mut Vec<oneshot::Sender<Result<(), StoreError>>>,
        chain: &Chain,
    ) {
        let text = std::mem::take(text);
        if text.is_empty() {
            return;
        }
        // Taken out while the write runs: after a failure, or when it is cancelled, nobody knows
        // what of it is there.
        let written = match self.open.take() {
            Some(open) => self.go_on(open, &text).await,
            None => self.begin(&text).await,
        };
        match written {
            Ok(mut open) => {
                open.chain = chain.clone();
                self.open = Some(open);
                for done in waiting.drain(..) {
                    // Nobody listens where the append was cancelled.
                    let _ = done.send(Ok(()));
                }
            }
            Err(error) => refuse(waiting.drain(..), &error),
        }
    }

    async fn go_on(&self, mut open: Open, text: &str) -> Result<Open, StoreError> {
        self.still_held()?;
        self.objects
            .append(&open.name, open.length, text.as_bytes(), open.lease)
            .await?;
        open.length += length(text);
        open.appends += 1;
        Ok(open)
    }

    /// Begins a log, later in time than every other of the plan, even where the clock was set
    /// back.
    async fn begin(&self, text: &str) -> Result<Open, StoreError> {
        self.still_held()?;
        loop {
            let mut at = self.clock.now();
            let logs = logs(&*self.objects, Some(&self.prefix)).await?;
            if let Some((last, name)) = logs.last()
                && *last >= at
            {
                at = last.checked_add(Duration::NANOSECOND).ok_or_else(|| {
                    corrupt(name.as_str(), None, "its name holds the end of all time")
                })?;
            }
            let stamp = file_stamp(at);
            let name = ObjectName::new(format!("{FOLDER}/{}-{stamp}{SUFFIX}", self.prefix))?;
            match self.objects.append(&name, 0, text.as_bytes(), None).await {
                Ok(()) => return self.opened(name, text).await,
                // Another process was faster: the next turn sees its log.
                Err(StoreError::Moved { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn opened(&self, name: ObjectName, text: &str) -> Result<Open, StoreError> {
        let lease = match &self.leasing {
            Some(leasing) => {
                let lease = LeaseId::random();
                leasing.acquire_lease(&name, lease, None).await?;
                Some(lease)
            }
            None => None,
        };
        Ok(Open {
            name,
            length: length(text),
            appends: 1,
            chain: Chain::of_version(VERSION),
            lease,
        })
    }

    fn still_held(&self) -> Result<(), StoreError> {
        let held = self.held.as_ref();
        held.map_or(Ok(()), |held| held.check(std::time::Duration::ZERO))
    }

    fn entry(&self, event: Event) -> Entry {
        Entry {
            at: rfc3339(self.clock.now()),
            plan: self.plan.clone(),
            fence: self.held.as_ref().map_or(0, |held| held.fence()),
            event,
        }
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).expect("a text in memory has no more bytes than a u64 counts")
}

/// Tells everybody who waits that it did not work.
fn refuse(
    waiting: impl IntoIterator<Item = oneshot::Sender<Result<(), StoreError>>>,
    error: &StoreError,
) {
    for done in waiting {
        let _ = done.send(Err(again(error)));
    }
}

/// The same error once more; a system's error cannot be cloned.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Io {
            doing,
            place,
            source,
        } => StoreError::Io {
            doing,
            place: place.clone(),
            source: source.raw_os_error().map_or_else(
                || io::Error::new(source.kind(), source.to_string()),
                io::Error::from_raw_os_error,
            ),
        },
        StoreError::Corrupt {
            place,
            line,
            problem,
        } => StoreError::Corrupt {
            place: place.clone(),
            line: *line,
            problem: problem.clone(),
        },
        StoreError::Service {
            doing,
            place,
            failure,
        } => StoreError::Service {
            doing,
            place: place.clone(),
            failure: failure.clone(),
        },
        StoreError::Moved { place } => StoreError::Moved {
            place: place.clone(),
        },
        StoreError::Leased { place } => StoreError::Leased {
            place: place.clone(),
        },
        StoreError::LeaseLost { place, reason } => StoreError::LeaseLost {
            place: place.clone(),
            reason: reason.clone(),
        },
        StoreError::Held {
            environment,
            holder,
        } => StoreError::Held {
            environment: environment.clone(),
            holder: holder.clone(),
        },
    }
}

/// What the names of a plan's logs begin with: the first 16 digits of its digest.
///
/// # Errors
/// [`StoreError::Io`] when `plan` is no lower-case hexadecimal digest: it must not name a path.
pub(super) fn prefix(plan: &str) -> Result<String, StoreError> {
    let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    plan.get(..16)
        .filter(|start| start.bytes().all(digit))
        .map(str::to_owned)
        .ok_or_else(|| StoreError::Io {
            doing: "use",
            place: FOLDER.to_owned(),
            source: io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{plan}` is not the digest of a plan"),
            ),
        })
}

/// The logs of a plan, or of all, oldest first; none where there is no journal.
///
/// # Errors
/// [`StoreError::Corrupt`] for a log whose name tells no time.
pub(super) async fn logs(
    objects: &dyn Objects,
    prefix: Option<&str>,
) -> Result<Vec<(UtcDateTime, ObjectName)>, StoreError> {
    let mut logs = BTreeMap::new();
    for name in objects.list(FOLDER).await? {
        let Some(stem) = name.last().strip_suffix(SUFFIX) else {
            continue;
        };
        if prefix.is_some_and(|prefix| !stem.starts_with(prefix)) {
            continue;
        }
        let at = stem
            .split_once('-')
            .and_then(|(_, stamp)| parse_file_stamp(stamp))
            .ok_or_else(|| {
                let place = format!("{}/{name}", objects.place());
                corrupt(&place, None, "its name does not tell when it was begun")
            })?;
        logs.insert((at, name), ());
    }
    Ok(logs.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use time::macros::utc_datetime;

    use super::*;
    use crate::control::ManualClock;
    use crate::control::arbitrary::PLAN;
    use crate::control::memory::Memory;
    use crate::provision::objects::{Expected, Stored, Tag};
    use crate::provision::ports::Journal as _;

    fn ended(complete: bool) -> Event {
        Event::RunEnded { complete }
    }

    async fn names(objects: &dyn Objects) -> Vec<String> {
        let logs = logs(objects, Some(&PLAN[..16])).await.expect("lists");
        logs.into_iter().map(|(_, name)| name.to_string()).collect()
    }

    #[test]
    fn a_plan_that_is_no_digest_names_no_log() {
        for plan in [
            "",
            "0123",
            "../../../../etc/passwd",
            "0123456789ABCDEF",
            "0123456789abcdeé",
        ] {
            let refused = prefix(plan);
            assert!(matches!(refused, Err(StoreError::Io { .. })), "{plan}");
        }
    }

    #[tokio::test]
    async fn logs_are_later_than_all_before_whatever_the_clock_says() {
        let clock = Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)));
        let memory = Arc::new(Memory::with_clock(clock.clone()));
        let store = Store::remote(memory.clone(), clock, std::time::Duration::ZERO);
        for _ in 0..3 {
            store.append(PLAN, ended(true)).await.expect("appends");
        }
        let expected = [0, 1, 2]
            .map(|n| format!("journal/{}-20260731T101530.00000000{n}Z.jsonl", &PLAN[..16]));
        assert_eq!(names(&*memory).await, expected);
    }

    #[tokio::test]
    async fn what_is_noted_goes_with_the_next_append_and_before_it() {
        let store = Store::in_memory();
        let done = |operation: usize| Event::Done {
            operation,
            address: format!("dev.store.s{operation}").parse().expect("one"),
            outputs: BTreeMap::new(),
        };
        let started = Event::RunStarted {
            environments: Vec::new(),
        };
        store.append(PLAN, started.clone()).await.expect("appends");
        for operation in [0, 1] {
            store.note(PLAN, done(operation)).await.expect("in line");
        }
        let events = || async {
            let entries = store.entries(PLAN).await.expect("reads");
            entries.into_iter().map(|it| it.event).collect::<Vec<_>>()
        };
        assert_eq!(events().await, std::slice::from_ref(&started));
        store.append(PLAN, ended(true)).await.expect("appends");
        assert_eq!(events().await, [started, done(0), done(1), ended(true)]);
    }

    #[tokio::test]
    async fn a_log_with_the_plans_name_but_no_time_is_not_passed_over() {
        let memory = Memory::new();
        for name in ["journal/0123456789abcdef-copy.jsonl", "journal/notes.txt"] {
            let name = ObjectName::new(name).expect("a name");
            memory.append(&name, 0, b"", None).await.expect("appends");
        }
        let found = logs(&memory, Some("0123456789abcdef")).await;
        assert!(matches!(found, Err(StoreError::Corrupt { line: None, .. })));
        let other = logs(&memory, Some("ffff456789abcdef")).await;
        assert_eq!(other.expect("lists").len(), 0);
    }

    #[tokio::test]
    async fn a_full_log_is_followed_by_the_next() {
        let memory = Memory::new().with_appends_per_log(2);
        let clock: Arc<dyn Clock> = Arc::new(crate::control::SystemClock);
        let store = Store::remote(Arc::new(memory.clone()), clock, std::time::Duration::ZERO);
        let environments = Vec::new();
        let started = Event::RunStarted { environments };
        let mut written = vec![started.clone()];
        store.append(PLAN, started).await.expect("appends");
        for operation in 0..4 {
            let address = "prod.registry".parse().expect("an address");
            let event = Event::Done {
                operation,
                address,
                outputs: BTreeMap::new(),
            };
            written.push(event.clone());
            store.append(PLAN, event).await.expect("appends");
        }
        assert_eq!(names(&memory).await.len(), 3);
        let entries = store.entries(PLAN).await.expect("reads");
        let events: Vec<_> = entries.into_iter().map(|entry| entry.event).collect();
        assert_eq!(events, written);
    }

    /// Objects whose next append fails half-way, or never ends.
    struct Faulty {
        memory: Memory,
        next: Mutex<Option<Fault>>,
    }

    enum Fault {
        Fails,
        Hangs,
    }

    #[async_trait]
    impl Objects for Faulty {
        fn place(&self) -> String {
            self.memory.place()
        }

        async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
            self.memory.read(name).await
        }

        async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
            self.memory.list(folder).await
        }

        async fn put(
            &self,
            name: &ObjectName,
            bytes: &[u8],
            expected: &Expected,
            lease: Option<LeaseId>,
        ) -> Result<Tag, StoreError> {
            self.memory.put(name, bytes, expected, lease).await
        }

        async fn append(
            &self,
            name: &ObjectName,
            position: u64,
            bytes: &[u8],
            lease: Option<LeaseId>,
        ) -> Result<(), StoreError> {
            let fault = self.next.lock().expect("not poisoned").take();
            let part = match fault {
                None => bytes,
                Some(_) => &bytes[..bytes.len() / 2],
            };
            self.memory.append(name, position, part, lease).await?;
            match fault {
                None => Ok(()),
                Some(Fault::Hangs) => std::future::pending().await,
                Some(Fault::Fails) => Err(StoreError::Io {
                    doing: "write",
                    place: name.to_string(),
                    source: io::ErrorKind::StorageFull.into(),
                }),
            }
        }
    }

    fn faulty() -> (Arc<Faulty>, Run) {
        let objects = Arc::new(Faulty {
            memory: Memory::new(),
            next: Mutex::new(None),
        });
        let writer = Writer {
            plan: PLAN.to_owned(),
            prefix: prefix(PLAN).expect("a digest"),
            objects: Arc::clone(&objects) as _,
            leasing: None,
            clock: Arc::new(crate::control::SystemClock),
            held: None,
            open: None,
        };
        let run = Run {
            queue: Mutex::default(),
            writer: AsyncMutex::new(writer),
        };
        (objects, run)
    }

    /// What a store on the same objects reads.
    async fn read(objects: &Faulty) -> Vec<Event> {
        let memory = Arc::new(objects.memory.clone());
        let clock: Arc<dyn Clock> = Arc::new(crate::control::SystemClock);
        let store = Store::remote(memory, clock, std::time::Duration::ZERO);
        let entries = store.entries(PLAN).await.expect("reads");
        entries.into_iter().map(|entry| entry.event).collect()
    }

    #[tokio::test]
    async fn after_a_failed_write_everybody_is_told_and_the_next_goes_to_a_new_log() {
        let (objects, run) = faulty();
        run.append(ended(true)).await.expect("appends");
        *objects.next.lock().expect("not poisoned") = Some(Fault::Fails);
        // The lock of the writer makes both of them one batch.
        let turn = run.writer.lock().await;
        let both = futures::future::join(run.append(ended(false)), run.append(ended(false)));
        let (told, ()) = futures::future::join(both, async { drop(turn) }).await;
        for told in [told.0, told.1] {
            let Err(StoreError::Io { source, .. }) = told else {
                panic!("{told:?}")
            };
            assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        }
        run.append(ended(true)).await.expect("appends");
        assert_eq!(names(&*objects).await.len(), 2);
        // Of what failed, one line of two is there all the same.
        let expected = [ended(true), ended(false), ended(true)];
        assert_eq!(read(&objects).await, expected);
    }

    #[tokio::test]
    async fn after_a_cancelled_write_the_next_goes_to_a_new_log() {
        let (objects, run) = faulty();
        run.append(ended(true)).await.expect("appends");
        *objects.next.lock().expect("not poisoned") = Some(Fault::Hangs);
        let mut hanging = Box::pin(run.append(ended(false)));
        assert!(futures::poll!(&mut hanging).is_pending());
        drop(hanging);
        run.append(ended(true)).await.expect("appends");
        assert_eq!(names(&*objects).await.len(), 2);
        assert_eq!(read(&objects).await, [ended(true), ended(true)]);
    }

    #[tokio::test]
    async fn who_takes_over_shuts_the_writer_out() {
        let memory = Memory::new();
        let clock: Arc<dyn Clock> = Arc::new(crate::control::SystemClock);
        let store = |memory: &Memory| {
            Store::remote(
                Arc::new(memory.clone()),
                Arc::clone(&clock),
                std::time::Duration::ZERO,
            )
        };
        let environments = vec!["prod".parse().expect("a name")];
        let (first, second) = (store(&memory), store(&memory));
        let started = Event::RunStarted {
            environments: environments.clone(),
        };
        first.append(PLAN, started).await.expect("appends");
        second.fence_off(&environments).await.expect("fences");
        let error = first.append(PLAN, ended(true)).await.expect_err("fenced");
        assert!(matches!(error, StoreError::LeaseLost { .. }), "{error}");
        assert_eq!(second.entries(PLAN).await.expect("reads").len(), 1);
    }
}

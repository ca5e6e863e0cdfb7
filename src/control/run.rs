//! One run's part of the journal: a file of its own, written by a thread of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use time::{Duration, UtcDateTime};
use tokio::sync::oneshot;

use super::Clock;
use super::chain::Chain;
use super::clock::{file_stamp, parse_file_stamp, rfc3339};
use super::disk::{corrupt, failed, make_folder, private, refused, sync_folder};
use crate::provision::ports::{Entry, Event, StoreError};

const SUFFIX: &str = ".jsonl";

/// The way to the thread that writes a run. The thread ends when the last one is dropped.
#[derive(Clone)]
pub(super) struct Run(mpsc::Sender<Job>);

/// An event to be written, and whom to tell when it is on the disk.
struct Job {
    event: Event,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Run {
    /// Starts the thread. Its file is made with the first event.
    pub(super) fn start(
        journal: PathBuf,
        plan: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let mut writer = Writer {
            prefix: prefix(&journal, plan)?,
            plan: plan.to_owned(),
            clock,
            open: None,
            journal,
        };
        let place = writer.journal.clone();
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                while let Ok(first) = queue.recv() {
                    // Whatever came while the last sync ran shares the next one.
                    let batch = std::iter::once(first).chain(queue.try_iter()).collect();
                    writer.commit(batch);
                }
            })
            .map_err(failed("write", &place))?;
        Ok(Self(jobs))
    }

    /// Hands an event over; the answer comes when it is on the disk, or cannot be.
    pub(super) fn send(&self, event: Event) -> oneshot::Receiver<Result<(), StoreError>> {
        let (done, answer) = oneshot::channel();
        // Without a thread the job is dropped, which its receiver sees.
        let _ = self.0.send(Job { event, done });
        answer
    }
}

/// What the thread owns.
struct Writer {
    journal: PathBuf,
    plan: String,
    prefix: String,
    clock: Arc<dyn Clock>,
    open: Option<Open>,
}

/// The file that is being written.
struct Open {
    path: PathBuf,
    file: File,
    chain: Chain,
}

impl Writer {
    /// Writes a batch with one sync, and answers each of its jobs.
    fn commit(&mut self, batch: Vec<Job>) {
        let mut open = match self.open.take().map_or_else(|| self.make_file(), Ok) {
            Ok(open) => open,
            Err(error) => return refuse(batch.into_iter().map(|job| job.done), &error),
        };
        let mut text = String::new();
        let mut waiting = Vec::with_capacity(batch.len());
        for Job { event, done } in batch {
            match open.chain.seal(&self.entry(event)) {
                Ok(line) => {
                    text.push_str(&line);
                    text.push('\n');
                    waiting.push(done);
                }
                Err(broken) => {
                    let _ = done.send(Err(refused(&open.path, broken)));
                }
            }
        }
        let written = open
            .file
            .write_all(text.as_bytes())
            .and_then(|()| open.file.sync_data());
        match written {
            Ok(()) => {
                self.open = Some(open);
                for done in waiting {
                    // Nobody listens where the append was cancelled.
                    let _ = done.send(Ok(()));
                }
            }
            // Nobody knows what of the batch is on the disk, so the file stays as it is: the
            // next append goes to a new one, later in time.
            Err(error) => refuse(waiting, &failed("write", &open.path)(error)),
        }
    }

    fn entry(&self, event: Event) -> Entry {
        Entry {
            at: rfc3339(self.clock.now()),
            plan: self.plan.clone(),
            event,
        }
    }

    /// Makes the run's file, later in time than every other file of the plan, even where the
    /// clock was set back.
    fn make_file(&self) -> Result<Open, StoreError> {
        make_folder(&self.journal)?;
        loop {
            let mut at = self.clock.now();
            if let Some((last, path)) = files(&self.journal, &self.prefix)?.last_key_value()
                && *last >= at
            {
                at = last
                    .checked_add(Duration::NANOSECOND)
                    .ok_or_else(|| corrupt(path, None, "its name holds the end of all time"))?;
            }
            let name = format!("{}-{}{SUFFIX}", self.prefix, file_stamp(at));
            let path = self.journal.join(name);
            match private().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    sync_folder(&self.journal)?;
                    let chain = Chain::default();
                    return Ok(Open { path, file, chain });
                }
                // Another process was faster: the next turn sees its file.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("make", &path)(error)),
            }
        }
    }
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
        StoreError::Held {
            environment,
            holder,
        } => StoreError::Held {
            environment: environment.clone(),
            holder: holder.clone(),
        },
    }
}

/// What the names of a plan's files begin with: the first 16 digits of its digest.
///
/// # Errors
/// [`StoreError::Io`] when `plan` is no lower-case hexadecimal digest: it must not name a path.
pub(super) fn prefix(journal: &Path, plan: &str) -> Result<String, StoreError> {
    let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    plan.get(..16)
        .filter(|start| start.bytes().all(digit))
        .map(str::to_owned)
        .ok_or_else(|| {
            let problem = format!("`{plan}` is not the digest of a plan");
            failed("use", journal)(io::Error::new(io::ErrorKind::InvalidInput, problem))
        })
}

/// The files of a plan, oldest first; none where there is no journal.
///
/// # Errors
/// [`StoreError::Corrupt`] for a journal file of the plan whose name tells no time.
pub(super) fn files(
    journal: &Path,
    prefix: &str,
) -> Result<BTreeMap<UtcDateTime, PathBuf>, StoreError> {
    let listed = match fs::read_dir(journal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.map_err(failed("read", journal))?,
    };
    let mut files = BTreeMap::new();
    for found in listed {
        let path = found.map_err(failed("read", journal))?.path();
        let stamp = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix(prefix)?.strip_suffix(SUFFIX));
        let Some(stamp) = stamp else { continue };
        let at = stamp
            .strip_prefix('-')
            .and_then(parse_file_stamp)
            .ok_or_else(|| corrupt(&path, None, "its name does not tell when it was begun"))?;
        files.insert(at, path);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;
    use crate::control::{Folder, ManualClock};
    use crate::provision::ports::Journal as _;

    const PLAN: &str = "0123456789abcdef0123456789abcdef";

    fn writer(journal: PathBuf) -> Writer {
        Writer {
            prefix: prefix(&journal, PLAN).expect("a digest"),
            journal,
            plan: PLAN.to_owned(),
            clock: Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30))),
            open: None,
        }
    }

    fn batch(complete: &[bool]) -> (Vec<Job>, Vec<oneshot::Receiver<Result<(), StoreError>>>) {
        let job = |&complete| {
            let (done, answer) = oneshot::channel();
            let event = Event::RunEnded { complete };
            (Job { event, done }, answer)
        };
        complete.iter().map(job).unzip()
    }

    #[test]
    fn a_plan_that_is_no_digest_names_no_file() {
        for plan in [
            "",
            "0123",
            "../../../../etc/passwd",
            "0123456789ABCDEF",
            "0123456789abcdeé",
        ] {
            let refused = prefix(Path::new("journal"), plan);
            assert!(matches!(refused, Err(StoreError::Io { .. })), "{plan}");
        }
    }

    #[test]
    fn files_are_later_than_all_before_whatever_the_clock_says() {
        let here = tempfile::tempdir().expect("a folder");
        let writer = writer(here.path().join("journal"));
        let paths = [(); 3].map(|()| writer.make_file().expect("makes").path);
        let names = paths
            .each_ref()
            .map(|path| path.file_name().expect("a name"));
        assert_eq!(
            names,
            [
                "0123456789abcdef-20260731T101530.000000000Z.jsonl",
                "0123456789abcdef-20260731T101530.000000001Z.jsonl",
                "0123456789abcdef-20260731T101530.000000002Z.jsonl",
            ]
        );
        let listed = files(&writer.journal, &writer.prefix).expect("lists");
        assert!(listed.values().eq(&paths));
    }

    #[test]
    fn a_file_with_the_plans_name_but_no_time_is_not_passed_over() {
        let here = tempfile::tempdir().expect("a folder");
        fs::write(here.path().join("0123456789abcdef-copy.jsonl"), "").expect("writes");
        fs::write(here.path().join("0123456789abcdef-moved.bad"), "").expect("writes");
        let found = files(here.path(), "0123456789abcdef");
        assert!(matches!(found, Err(StoreError::Corrupt { line: None, .. })));
        assert_eq!(
            files(here.path(), "ffff456789abcdef").expect("lists").len(),
            0
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn after_a_failed_write_everybody_is_told_and_the_next_goes_to_a_new_file() {
        let here = tempfile::tempdir().expect("a folder");
        let mut writer = writer(here.path().join("journal"));
        let full = PathBuf::from("/dev/full");
        writer.open = Some(Open {
            file: private().append(true).open(&full).expect("opens"),
            path: full,
            chain: Chain::default(),
        });
        let (jobs, answers) = batch(&[true, false]);
        writer.commit(jobs);
        for answer in answers {
            let told = answer
                .await
                .expect("answered")
                .expect_err("the disk is full");
            let StoreError::Io { source, .. } = told else {
                panic!("{told}")
            };
            assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        }
        let (jobs, answers) = batch(&[false, true]);
        writer.commit(jobs);
        for answer in answers {
            answer.await.expect("answered").expect("written");
        }
        let store = Folder::open(here.path()).expect("opens");
        let entries = store.entries(PLAN).await.expect("reads");
        let events: Vec<_> = entries.into_iter().map(|entry| entry.event).collect();
        let ended = |complete| Event::RunEnded { complete };
        assert_eq!(events, [ended(false), ended(true)]);
    }
}

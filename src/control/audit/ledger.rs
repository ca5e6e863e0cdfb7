//! The ledger: the chain on its store, read whole and only ever appended to.
//!
//! ## Why
//! The chain grows for ever, and is appended to under a lease. So a link goes where the last one
//! that was read or written ends, and the store says whether the log is still as long: only where
//! it is not, or where that was in doubt, the chain is read again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::head::{Head, SignedHead};
use super::link::{self, Link};
use super::reading::Reading;
use crate::control::clock::rfc3339;
use crate::control::disk::corrupt;
use crate::control::document::{load, place, save};
use crate::control::{Clock, SystemClock};
use crate::provision::audit::{Record, Span, What};
use crate::provision::objects::{Expected, ObjectName, Objects};
use crate::provision::ports::StoreError;
use crate::provision::signed::{Bytes, SigningKey};

/// How often an append gives way to somebody faster.
const TRIES: usize = 100;
const FOLDER: &str = "audit";
const LOG: &str = ".jsonl";

/// The audit chain of a store. Clones know of one another what they have appended.
#[derive(Clone)]
pub struct Ledger {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    /// The hashes of the links that it has appended itself.
    written: Arc<Mutex<BTreeSet<String>>>,
    /// Where the chain ended when it was last read or written.
    end: Arc<Mutex<Option<End>>>,
}

/// Where the next link goes.
#[derive(Clone)]
struct End {
    log: ObjectName,
    position: u64,
    /// How often the log was appended to.
    appends: u64,
    /// What it follows.
    last: Option<Link>,
}

impl End {
    /// The same chain after one more link.
    fn after(self, link: Link, bytes: u64, objects: &dyn Objects) -> Result<Self, StoreError> {
        let last = Some(link);
        let appends = self.appends + 1;
        if appends < objects.appends_per_log() {
            return Ok(Self {
                position: self.position + bytes,
                appends,
                last,
                ..self
            });
        }
        Ok(Self {
            log: after(&self.log, objects)?,
            position: 0,
            appends: 0,
            last,
        })
    }
}

fn head_name() -> Result<ObjectName, StoreError> {
    ObjectName::new(format!("{FOLDER}/head.json"))
}

fn log_name(number: u64) -> Result<ObjectName, StoreError> {
    ObjectName::new(format!("{FOLDER}/{number:06}{LOG}"))
}

/// Whether an object is a log of the chain.
pub(in crate::control) fn is_log(name: &ObjectName) -> bool {
    let within = name.as_str().strip_prefix(FOLDER);
    let within = within.and_then(|rest| rest.strip_prefix('/'));
    within.is_some_and(|rest| !rest.contains('/') && rest.ends_with(LOG))
}

/// Whether the logs of the chain are in a folder.
pub(in crate::control) fn has_logs(folder: &str) -> bool {
    folder == FOLDER
}

impl Ledger {
    /// The chain that `objects` hold.
    pub fn of(objects: &Arc<dyn Objects>) -> Self {
        Self {
            objects: Arc::clone(objects),
            clock: Arc::new(SystemClock),
            written: Arc::default(),
            end: Arc::default(),
        }
    }

    /// The time now, as records and heads say it.
    pub fn now(&self) -> String {
        rfc3339(self.clock.now())
    }

    /// The whole chain, with everything that is wrong with it.
    ///
    /// # Errors
    /// [`StoreError`] when a log or the head cannot be read at all.
    pub async fn read(&self) -> Result<Reading, StoreError> {
        // Before the links: it is never ahead of them then.
        let head = self.signed_head().await?;
        let (reading, _) = self.links().await?;
        Ok(Reading { head, ..reading })
    }

    /// When the head was signed; nothing where none says so.
    ///
    /// # Errors
    /// [`StoreError`] when the head cannot be read.
    pub async fn signed_at(&self) -> Result<Option<UtcDateTime>, StoreError> {
        let signed = self.signed_head().await?;
        Ok(signed.and_then(|it| UtcDateTime::parse(&it.head.at, &Rfc3339).ok()))
    }

    /// As [`Ledger::read`], also where the head is no head: without it then, and with why.
    ///
    /// # Errors
    /// [`StoreError`] when a log cannot be read at all, or the store does not answer.
    pub async fn examine(&self) -> Result<(Reading, Option<StoreError>), StoreError> {
        let (head, unreadable) = match self.signed_head().await {
            Err(error @ StoreError::Corrupt { .. }) => (None, Some(error)),
            head => (head?, None),
        };
        let (reading, _) = self.links().await?;
        Ok((Reading { head, ..reading }, unreadable))
    }

    async fn signed_head(&self) -> Result<Option<SignedHead>, StoreError> {
        let head = load(self.objects.as_ref(), &head_name()?).await?;
        Ok(head.map(|(signed, _)| signed))
    }

    /// Reads all links, and remembers where they end.
    async fn links(&self) -> Result<(Reading, End), StoreError> {
        let objects = self.objects.as_ref();
        let mut reading = Reading {
            head_place: place(objects, &head_name()?),
            ..Reading::default()
        };
        let mut end = End {
            log: log_name(1)?,
            position: 0,
            appends: 0,
            last: None,
        };
        let mut logs = objects.list(FOLDER).await?;
        logs.retain(|name| name.last().ends_with(LOG));
        for name in logs {
            let bytes = objects.read(&name).await?;
            let bytes = bytes.map(|stored| stored.bytes).unwrap_or_default();
            reading.add(&place(objects, &name), &bytes);
            let appends = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let whole = bytes.last().is_none_or(|&byte| byte == b'\n');
            end = if whole && appends < objects.appends_per_log() {
                End {
                    log: name,
                    position: bytes.len() as u64,
                    appends,
                    last: None,
                }
            } else {
                End {
                    log: after(&name, objects)?,
                    position: 0,
                    appends: 0,
                    last: None,
                }
            };
        }
        end.last = reading.last().cloned();
        *self.end() = Some(end.clone());
        Ok((reading, end))
    }

    /// Where the chain ends, as far as this knows. Nothing is known of it while that is in doubt.
    async fn take_end(&self) -> Result<End, StoreError> {
        let known = self.end().take();
        if let Some(end) = known {
            return Ok(end);
        }
        let (_, end) = self.links().await?;
        self.end().take();
        Ok(end)
    }

    /// Adds a link that says `record`; durable when it returns. A chain that was tampered with is
    /// carried on: it is evidence, and whoever verifies it is told.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be made durable.
    pub async fn append(&self, record: &Record) -> Result<Link, StoreError> {
        let mut tries = 0;
        loop {
            let end = self.take_end().await?;
            let last = end.last.as_ref();
            let (line, hash) = link::seal(last, record);
            let link = Link {
                number: last.map_or(1, |last| last.number + 1),
                before: last.map_or(link::GENESIS, |last| &last.hash).to_owned(),
                hash,
                record: record.clone(),
            };
            let bytes = line + "\n";
            let appended = self
                .objects
                .append(&end.log, end.position, bytes.as_bytes(), None);
            match appended.await {
                Err(StoreError::Moved { .. }) if tries < TRIES => tries += 1,
                other => {
                    other?;
                    self.written().insert(link.hash.clone());
                    let length = bytes.len() as u64;
                    let end = end.after(link.clone(), length, self.objects.as_ref());
                    *self.end() = end.ok();
                    return Ok(link);
                }
            }
        }
    }

    fn end(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The links that no head covers, that this has not appended, and of which it has not said so
    /// yet: anybody who writes to the store can have put them there.
    pub fn found_unsigned(&self, reading: &Reading) -> Vec<Span> {
        let written = self.written();
        let open = reading.links.iter().filter(|it| !reading.is_signed(it));
        let (own, others): (Vec<_>, Vec<_>) = open.partition(|it| written.contains(&it.hash));
        let said = |number: u64| {
            own.iter().any(|link| match &link.record.event {
                What::FoundUnsigned { entries } => entries.iter().any(|it| it.contains(number)),
                _ => false,
            })
        };
        let numbers = others.iter().map(|link| link.number);
        Span::of(numbers.filter(|number| !said(*number)))
    }

    /// The head of what was read, to be signed with `key`; none where all of it is signed. What
    /// was read has to be sound: whoever signs vouches for all of it.
    pub fn head(&self, reading: &Reading, key: &SigningKey) -> Option<Head> {
        let last = reading.last().filter(|_| reading.unsigned() > 0)?;
        Some(Head::of(last, key.clone(), self.now()))
    }

    /// Keeps a signed head, unless a later one was signed in the meantime.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn keep(&self, head: Head, signature: Bytes) -> Result<(), StoreError> {
        let signed = SignedHead { head, signature };
        let (name, objects) = (head_name()?, self.objects.as_ref());
        let mut tries = 0;
        loop {
            let stands = load::<SignedHead>(objects, &name).await?;
            let expected = match stands {
                Some((stands, _)) if stands.head.number > signed.head.number => return Ok(()),
                Some((_, tag)) => Expected::Unchanged(tag),
                None => Expected::Absent,
            };
            match save(objects, &name, &signed, &expected).await {
                Err(StoreError::Moved { .. }) if tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }
}

/// The account and the machine that this runs on, as the machine itself says.
pub fn machine() -> String {
    let unknown = |_| "unknown".to_owned();
    let user = whoami::username().unwrap_or_else(unknown);
    let host = whoami::hostname().unwrap_or_else(unknown);
    format!("{user}@{host}")
}

/// The log that goes on where `name` is full or was cut off.
fn after(name: &ObjectName, objects: &dyn Objects) -> Result<ObjectName, StoreError> {
    let number = name.last().strip_suffix(LOG).and_then(|it| it.parse().ok());
    let number: u64 = number
        .ok_or_else(|| corrupt(&place(objects, name), None, "its name is not that of a log"))?;
    log_name(number + 1)
}

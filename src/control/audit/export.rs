//! The export: entries of the chain are sent to a collector, each at least once, from where it stopped.
//!
//! ## Why
//! A cursor in the store says up to which entry a collector has taken them. It is written after
//! the answer, so a crash in between sends some again, under the same ids, and loses none. It
//! names the entry's hash: where the chain does not hold that entry any more, nobody can say what
//! is missing elsewhere, so that is refused. It never moves past a flaw, since the entry that was
//! damaged there may be put back, and has to arrive then. Whoever writes to the store can still
//! move it: the gap shows in the numbers that arrived. No lease is needed: the cursor is replaced
//! only as it was read, and whoever is behind goes on from where the other is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use super::ledger::Ledger;
use super::link::Link;
use super::reading::{Flaw, Reading};
use super::row::row;
use crate::control::document::{load, place, save};
use crate::provision::audit::Collector;
use crate::provision::objects::{Expected, ObjectName, Objects};
use crate::provision::ports::{Failure, StoreError};

/// The most bytes of one call: Azure Monitor takes a megabyte, compressed or not.
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits#logs-ingestion-api>
const MOST: usize = 1_000_000;
/// How often the cursor gives way to somebody faster.
const TRIES: usize = 100;

/// The export of a chain to one stream of one rule.
pub struct Export {
    objects: Arc<dyn Objects>,
    ledger: Ledger,
    cursor: ObjectName,
    /// The most bytes of one call.
    most: usize,
}

/// Up to which entry a collector has taken them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    number: u64,
    hash: String,
    at: String,
}

/// What an export came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many entries this one has sent.
    pub entries: usize,
    /// In how many calls.
    pub calls: usize,
    /// The last entry that was ever sent: its number and its hash.
    pub up_to: Option<(u64, String)>,
    /// What of the chain is not as it was written. From the first of these on, nothing counts as
    /// sent.
    pub flaws: Vec<Flaw>,
}

/// Why an export came to nothing, or not to its end.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The store does not give its entries or its cursor, or does not take the cursor.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector took no more.
    #[error("{0}")]
    Collector(#[from] Failure),
    /// The entry up to which was sent is not in the chain.
    #[error(
        "{place} says that entry {number} was sent last, and the audit log does not hold that \
         entry: it was replaced or cut off"
    )]
    Replaced {
        /// Where the cursor is.
        place: String,
        /// The entry's number.
        number: u64,
    },
}

/// Where an export stands.
struct Progress {
    /// How many of the links were sent.
    sent: usize,
    /// How many entries the cursor in the store speaks of.
    stored: usize,
    /// What it says, where the chain may hold that.
    cursor: Option<Cursor>,
    /// The cursor as it was read.
    expected: Expected,
}

impl Export {
    /// The export of the chain that `objects` hold to a stream of a rule.
    ///
    /// # Errors
    /// [`StoreError::Io`] for a rule or a stream that can be no part of a name in the store.
    pub fn new(objects: &Arc<dyn Objects>, rule: &str, stream: &str) -> Result<Self, StoreError> {
        Ok(Self {
            objects: Arc::clone(objects),
            ledger: Ledger::of(objects),
            cursor: ObjectName::new(format!("export/{rule}/{stream}.json"))?,
            most: MOST,
        })
    }

    /// Sends what was not sent yet, up to the first flaw of the chain. Or everything that can be
    /// read `from_start`, of which what comes after a flaw does not count as sent.
    ///
    /// # Errors
    /// [`ExportError`]; what was taken before it happened is not sent again.
    pub async fn run(
        &self,
        collector: &dyn Collector,
        from_start: bool,
    ) -> Result<Exported, ExportError> {
        let reading = self.ledger.read().await?;
        let links = match from_start {
            true => &reading.links,
            false => reading.sound(),
        };
        let mut progress = self.progress(&reading, from_start).await?;
        let mut exported = Exported {
            flaws: reading.flaws.clone(),
            ..Exported::default()
        };
        while progress.sent < links.len() {
            let rows = rows(&links[progress.sent..], self.most);
            let end = progress.sent + rows.len();
            exported.entries += rows.len();
            exported.calls += 1;
            collector.take(rows).await?;
            progress.sent = end;
            self.keep(&reading, &mut progress).await?;
        }
        exported.up_to = match progress.cursor {
            Some(cursor) if progress.stored >= progress.sent => Some((cursor.number, cursor.hash)),
            _ => links.last().map(|link| (link.number, link.hash.clone())),
        };
        Ok(exported)
    }

    /// Where the cursor in the store stands in the chain.
    async fn progress(&self, reading: &Reading, anew: bool) -> Result<Progress, ExportError> {
        let objects = self.objects.as_ref();
        let nothing = |expected| Progress {
            sent: 0,
            stored: 0,
            cursor: None,
            expected,
        };
        let (cursor, tag) = match load::<Cursor>(objects, &self.cursor).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(nothing(Expected::Absent)),
            // Whatever it says does not count.
            Err(StoreError::Corrupt { .. }) if anew => return Ok(nothing(Expected::Anything)),
            Err(error) => return Err(error.into()),
        };
        let expected = Expected::Unchanged(tag);
        match position(reading, &cursor) {
            Some(stored) => Ok(Progress {
                sent: if anew { 0 } else { stored },
                stored,
                cursor: Some(cursor),
                expected,
            }),
            None if anew => Ok(nothing(expected)),
            None => Err(ExportError::Replaced {
                place: place(objects, &self.cursor),
                number: cursor.number,
            }),
        }
    }

    /// Writes down how far was sent, as far as the chain is sound, unless somebody else has come
    /// further meanwhile.
    async fn keep(&self, reading: &Reading, progress: &mut Progress) -> Result<(), StoreError> {
        let objects = self.objects.as_ref();
        let sound = reading.sound();
        let mut tries = 0;
        loop {
            let due = progress.sent.min(sound.len());
            if due <= progress.stored {
                return Ok(());
            }
            let last = &sound[due - 1];
            let cursor = Cursor {
                number: last.number,
                hash: last.hash.clone(),
                at: self.ledger.now(),
            };
            match save(objects, &self.cursor, &cursor, &progress.expected).await {
                Ok(()) => progress.stored = due,
                Err(StoreError::Moved { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
            let Some((found, tag)) = load::<Cursor>(objects, &self.cursor).await? else {
                progress.expected = Expected::Absent;
                continue;
            };
            progress.expected = Expected::Unchanged(tag);
            // The chain may have grown since it was read, and all of that been sent.
            let beyond = found.number > sound.len() as u64;
            let stands = position(reading, &found).or(beyond.then_some(sound.len()));
            progress.stored = stands.unwrap_or_default();
            progress.cursor = stands.map(|_| found);
            progress.sent = progress.sent.max(progress.stored.min(sound.len()));
        }
    }
}

/// How many entries a cursor speaks of; nothing where the chain does not hold its entry. What
/// stands behind a flaw may be what was sent, and nobody can tell before that is put back.
fn position(reading: &Reading, cursor: &Cursor) -> Option<usize> {
    let number = usize::try_from(cursor.number).ok()?;
    let sound = reading.sound();
    if number > sound.len() && !reading.flaws.is_empty() {
        return Some(number);
    }
    let link = sound.get(number.checked_sub(1)?)?;
    (link.hash == cursor.hash).then_some(number)
}

/// The first of these links as rows, as many as go into one call; one at least.
fn rows(links: &[Link], most: usize) -> Vec<Json> {
    let mut size = 2;
    let mut rows = Vec::new();
    for link in links {
        let row = row(link);
        size += row.to_string().len() + 1;
        if size > most && !rows.is_empty() {
            break;
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, VecDeque};
    use std::sync::Mutex;

    use async_trait::async_trait;
    use proptest::prelude::*;

    use super::*;
    use crate::control::audit::link;
    use crate::control::memory::Memory;
    use crate::provision::audit::{Actor, Record, What};
    use crate::provision::objects::{LeaseId, Stored, Tag};
    use crate::provision::ports::Verdict;

    const RULE: &str = "dcr-0123456789abcdef0123456789abcdef";
    const CURSOR: &str = "export/dcr-0123456789abcdef0123456789abcdef/Custom-A.json";

    /// What becomes of a call.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Taken,
        Refused,
        /// Taken, and nobody hears of it.
        Unheard,
    }

    /// Keeps the ids of the rows of each call; what is left of its script decides.
    #[derive(Default)]
    struct Kept {
        script: Mutex<VecDeque<Fate>>,
        calls: Mutex<Vec<Vec<String>>>,
    }

    impl Kept {
        fn ids(&self) -> Vec<String> {
            let calls = self.calls.lock().expect("nobody panics while holding it");
            calls.iter().flatten().cloned().collect()
        }
    }

    #[async_trait]
    impl Collector for Kept {
        async fn take(&self, rows: Vec<Json>) -> Result<(), Failure> {
            tokio::task::yield_now().await;
            let next = self.script.lock().expect("nobody panics").pop_front();
            let fate = next.unwrap_or(Fate::Taken);
            if !matches!(fate, Fate::Refused) {
                let ids = rows.iter().map(|row| row["EntryId"].as_str());
                let ids = ids.map(|id| id.expect("an id").to_owned()).collect();
                self.calls.lock().expect("nobody panics").push(ids);
            }
            tokio::task::yield_now().await;
            match fate {
                Fate::Taken => Ok(()),
                Fate::Refused | Fate::Unheard => Err(Failure {
                    verdict: Verdict::Unknown,
                    status: None,
                    code: "NoAnswer".to_owned(),
                    message: String::new(),
                    hint: None,
                    request_id: None,
                }),
            }
        }
    }

    /// A store whose puts fail as the script says: a run that is killed before one.
    struct Dying {
        inner: Memory,
        script: Mutex<VecDeque<bool>>,
    }

    #[async_trait]
    impl Objects for Dying {
        fn place(&self) -> String {
            self.inner.place()
        }

        async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
            tokio::task::yield_now().await;
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
            let next = self.script.lock().expect("nobody panics").pop_front();
            if next == Some(true) {
                return Err(StoreError::Io {
                    doing: "write",
                    place: name.to_string(),
                    source: std::io::Error::other("killed"),
                });
            }
            self.inner.put(name, bytes, expected, lease).await
        }

        async fn append(
            &self,
            name: &ObjectName,
            position: u64,
            bytes: &[u8],
            lease: Option<LeaseId>,
        ) -> Result<(), StoreError> {
            self.inner.append(name, position, bytes, lease).await
        }
    }

    fn record(run: usize) -> Record {
        Record {
            at: "2026-07-31T10:15:30.000Z".to_owned(),
            run: format!("run-{run}"),
            actor: Actor {
                identity: None,
                machine: "ci@agent".to_owned(),
            },
            command: "apply".to_owned(),
            event: What::Begun,
            environments: Vec::new(),
            addresses: Vec::new(),
            plan: None,
            permits: BTreeMap::new(),
            note: None,
        }
    }

    /// A chain of so many entries, whose ids are these.
    async fn chain(objects: &Memory, from: usize, length: usize) -> Vec<String> {
        let (mut log, mut last, mut ids) = (String::new(), None, Vec::new());
        for run in from..from + length {
            let (line, hash) = link::seal(last.as_ref(), &record(run));
            last = link::open(line.as_bytes()).ok();
            log.push_str(&line);
            log.push('\n');
            ids.push(hash);
        }
        let name = ObjectName::new("audit/000001.jsonl").expect("a name");
        let put = objects.put(&name, log.as_bytes(), &Expected::Anything, None);
        put.await.expect("written");
        ids
    }

    fn export(objects: Arc<dyn Objects>, most: usize) -> Export {
        let export = Export::new(&objects, RULE, "Custom-A").expect("names");
        Export { most, ..export }
    }

    #[tokio::test]
    async fn each_entry_is_sent_once_in_calls_that_fit() {
        let memory = Memory::new();
        let ids = chain(&memory, 0, 400).await;
        let (kept, export) = (Kept::default(), export(Arc::new(memory.clone()), 40_000));
        let exported = export.run(&kept, false).await.expect("sent");
        assert_eq!(kept.ids(), ids);
        assert_eq!(exported.entries, 400);
        assert_eq!(exported.calls, kept.calls.lock().expect("calls").len());
        assert!(exported.calls > 5, "{}", exported.calls);
        assert_eq!(exported.up_to, Some((400, ids[399].clone())));
        let again = export.run(&kept, false).await.expect("nothing to do");
        assert_eq!((again.entries, again.calls), (0, 0));
        assert_eq!(again.up_to, exported.up_to);
        // Another stream has a cursor of its own.
        let objects: Arc<dyn Objects> = Arc::new(memory);
        let other = Export::new(&objects, RULE, "Custom-B").expect("names");
        let other = other.run(&kept, false).await.expect("sent");
        assert_eq!((other.entries, other.calls), (400, 1));
    }

    #[test]
    fn no_call_is_larger_than_azure_takes() {
        let link = |number: u64| Link {
            number,
            before: String::new(),
            hash: "b".repeat(64),
            record: Record {
                addresses: (0..4_000).map(|n| format!("prod.grant.{n}")).collect(),
                ..record(0)
            },
        };
        let links: Vec<Link> = (0..200).map(link).collect();
        let (mut at, mut calls) = (0, 0);
        while at < links.len() {
            let rows = rows(&links[at..], MOST);
            at += rows.len();
            calls += 1;
            let size = Json::Array(rows).to_string().len();
            assert!(size <= MOST, "{size}");
            assert!(at == links.len() || size > MOST - 100_000, "{size}");
        }
        assert!(calls > 5, "{calls}");
    }

    #[tokio::test]
    async fn a_chain_that_was_replaced_is_refused_until_it_is_begun_again() {
        let memory = Memory::new();
        chain(&memory, 0, 5).await;
        let (kept, export) = (Kept::default(), export(Arc::new(memory.clone()), MOST));
        export.run(&kept, false).await.expect("sent");
        for (from, length) in [(0, 4), (0, 0), (7, 5), (7, 9)] {
            let ids = chain(&memory, from, length).await;
            let refused = export.run(&kept, false).await.expect_err("replaced");
            assert!(
                matches!(&refused, ExportError::Replaced { number: 5, place } if place.ends_with(CURSOR)),
                "{refused}"
            );
            kept.calls.lock().expect("calls").clear();
            let exported = export.run(&kept, true).await.expect("sent");
            assert_eq!(kept.ids(), ids);
            assert_eq!(exported.entries, length);
            chain(&memory, 0, 5).await;
            export.run(&kept, true).await.expect("put back");
        }
        let cursor = ObjectName::new(CURSOR).expect("a name");
        let spoilt = memory.put(&cursor, b"{}\n", &Expected::Anything, None);
        spoilt.await.expect("written");
        let refused = export.run(&kept, false).await.expect_err("unreadable");
        assert!(matches!(
            refused,
            ExportError::Store(StoreError::Corrupt { .. })
        ));
        export.run(&kept, true).await.expect("begun again");
        assert_eq!(export.run(&kept, false).await.expect("goes on").entries, 0);
    }

    /// Puts a log there whose lines are these.
    async fn put(memory: &Memory, lines: &[String]) {
        let name = ObjectName::new("audit/000001.jsonl").expect("a name");
        let text = lines.concat();
        let put = memory.put(&name, text.as_bytes(), &Expected::Anything, None);
        put.await.expect("written");
    }

    async fn lines(memory: &Memory) -> Vec<String> {
        let name = ObjectName::new("audit/000001.jsonl").expect("a name");
        let stored = memory.read(&name).await.expect("reads").expect("is there");
        let text = String::from_utf8(stored.bytes).expect("text");
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn what_was_damaged_for_a_while_arrives_once_it_is_put_back() {
        for damaged in 0..6 {
            for taken in 0..=6 {
                let memory = Memory::new();
                let (kept, export) = (Kept::default(), export(Arc::new(memory.clone()), MOST));
                chain(&memory, 0, taken).await;
                export.run(&kept, false).await.expect("sent");
                let ids = chain(&memory, 0, 6).await;
                let whole = lines(&memory).await;
                let mut spoilt = whole.clone();
                spoilt[damaged] = spoilt[damaged].replace("apply", "plan");
                put(&memory, &spoilt).await;
                for from_start in [false, true, false] {
                    let exported = export.run(&kept, from_start).await.expect("up to the flaw");
                    assert!(!exported.flaws.is_empty(), "{exported:?}");
                    let readable = if from_start {
                        5
                    } else {
                        damaged.saturating_sub(taken)
                    };
                    assert!(
                        exported.entries <= readable,
                        "{damaged} {taken}: {exported:?}"
                    );
                }
                put(&memory, &whole).await;
                let exported = export.run(&kept, false).await.expect("goes on");
                assert_eq!(
                    (exported.flaws.len(), exported.up_to),
                    (0, Some((6, ids[5].clone())))
                );
                let all: BTreeSet<String> = kept.ids().into_iter().collect();
                assert_eq!(all, ids.into_iter().collect(), "{damaged} {taken}");
            }
        }
    }

    #[tokio::test]
    async fn a_cursor_holds_only_as_the_count_and_the_hash_of_one_entry() {
        let memory = Memory::new();
        let ids = chain(&memory, 0, 6).await;
        let (kept, export) = (Kept::default(), export(Arc::new(memory.clone()), MOST));
        let name = ObjectName::new(CURSOR).expect("a name");
        for (number, hash) in [
            (0, &ids[0]),
            (2, &ids[4]),
            (5, &ids[1]),
            (7, &ids[5]),
            (u64::MAX, &ids[5]),
        ] {
            let cursor = Cursor {
                number,
                hash: hash.clone(),
                at: String::new(),
            };
            save(&memory, &name, &cursor, &Expected::Anything)
                .await
                .expect("written");
            let refused = export.run(&kept, false).await.expect_err("forged");
            assert!(matches!(refused, ExportError::Replaced { number: it, .. } if it == number));
        }
        // With the third line taken out, the fifth entry is the fourth that can be read.
        let mut spoilt = lines(&memory).await;
        spoilt.remove(2);
        put(&memory, &spoilt).await;
        let cursor = Cursor {
            number: 5,
            hash: ids[4].clone(),
            at: String::new(),
        };
        save(&memory, &name, &cursor, &Expected::Anything)
            .await
            .expect("written");
        let exported = export.run(&kept, false).await.expect("nothing");
        assert_eq!((exported.entries, exported.flaws.len()), (0, 1));
        assert!(kept.ids().is_empty());
    }

    #[tokio::test]
    async fn sending_again_takes_no_step_back() {
        let memory = Memory::new();
        let ids = chain(&memory, 0, 20).await;
        let export = export(Arc::new(memory), 2_000);
        let kept = Kept::default();
        export.run(&kept, false).await.expect("sent");
        let failing = Kept::default();
        failing
            .script
            .lock()
            .expect("a script")
            .extend([Fate::Taken, Fate::Refused]);
        export
            .run(&failing, true)
            .await
            .expect_err("refused midway");
        let next = export.run(&kept, false).await.expect("nothing to do");
        assert_eq!((next.entries, next.up_to), (0, Some((20, ids[19].clone()))));
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            3 => Just(Fate::Taken),
            1 => Just(Fate::Refused),
            1 => Just(Fate::Unheard),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_lost_every_entry_arrives_and_the_cursor_only_moves_on(
            lengths in prop::collection::vec(0..12_usize, 1..4),
            fates in prop::collection::vec(fate(), 0..24),
            deaths in prop::collection::vec(any::<bool>(), 0..12),
            most in 400..4_000_usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let memory = Memory::new();
                let objects: Arc<dyn Objects> = Arc::new(Dying {
                    inner: memory.clone(),
                    script: Mutex::new(deaths.into()),
                });
                let kept = Kept::default();
                kept.script.lock().expect("a script").extend(fates);
                let (mut length, mut reached, mut ids) = (0, 0, Vec::new());
                for more in lengths {
                    length += more;
                    ids = chain(&memory, 0, length).await;
                    let two = [0, 1].map(|_| export(Arc::clone(&objects), most));
                    for _ in 0..3 {
                        let (one, other) =
                            tokio::join!(two[0].run(&kept, false), two[1].run(&kept, false));
                        for exported in [one, other] {
                            let known = !matches!(exported, Err(ExportError::Replaced { .. }));
                            assert!(known, "{exported:?}");
                        }
                        let name = ObjectName::new(CURSOR).expect("a name");
                        let cursor = load::<Cursor>(&memory, &name).await.expect("readable");
                        let number = cursor.map_or(0, |(cursor, _)| cursor.number);
                        assert!(number >= reached, "{number} after {reached}");
                        reached = number;
                        // What the cursor speaks of has been taken.
                        let taken: BTreeSet<String> = kept.ids().into_iter().collect();
                        let spoken_of = usize::try_from(reached).expect("small");
                        assert!(ids[..spoken_of].iter().all(|id| taken.contains(id)));
                    }
                }
                let calm = export(Arc::new(memory.clone()), most);
                calm.run(&kept, false).await.ok();
                kept.script.lock().expect("a script").clear();
                let exported = calm.run(&kept, false).await.expect("nothing is in the way");
                let taken: BTreeSet<String> = kept.ids().into_iter().collect();
                assert_eq!(taken, ids.iter().cloned().collect());
                assert_eq!(exported.up_to.map_or(0, |(number, _)| number), ids.len() as u64);
            });
        }
    }
}

//! The journal: sends events to their run's logs and reads runs back.
//!
//! ## Why
//! Only a last line without its end is taken for a crash's work: its append never returned,
//! so nothing was sent on its word. A damaged line that has its newline may have been
//! acknowledged, and passing it over could create twice what it speaks of. An append that
//! failed may be there all the same: entries are written at least once, never less.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use time::UtcDateTime;

use super::Store;
use super::chain::{Chain, is_cut_off};
use super::disk::corrupt;
use super::run::{Run, logs, prefix};
use crate::provision::objects::{LeaseId, Leasing, ObjectName};
use crate::provision::ports::{Entry, Event, Held, Journal, PastRun, StoreError};
use crate::resource::EnvironmentName;

/// The version of a journal's lines. Version 1 knew no fencing number, and `begun` said less.
pub(super) const VERSION: u64 = 2;

/// What the journal holds of one plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replay {
    /// The entries of every run, oldest first.
    pub entries: Vec<Entry>,
    /// The entries that a crash cut off. None of them was ever acknowledged, so what they
    /// would have allowed has not been done.
    pub torn: Vec<Torn>,
}

/// The end of a journal's log that was never written in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The log.
    pub place: String,
    /// The line, from 1.
    pub line: usize,
    /// How much of it there is, in bytes.
    pub bytes: usize,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, line, bytes } = self;
        write!(
            f,
            "{place}:{line} was cut off after {bytes} bytes and is left out"
        )
    }
}

/// A run that began to change something, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journalled {
    /// Its log.
    pub place: String,
    /// The digest of its plan.
    pub plan: String,
}

impl Store {
    /// The runs that began to change something, oldest first: those whose logs were begun after a
    /// time, where one is given. A log that cannot be read is left out: whoever resumes is told.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer, or holds a log whose name tells no time.
    pub async fn journalled(
        &self,
        after: Option<UtcDateTime>,
    ) -> Result<Vec<Journalled>, StoreError> {
        let mut found = Vec::new();
        for (at, name) in logs(&*self.objects, None).await? {
            if after.is_some_and(|after| at <= after) {
                continue;
            }
            let mut replay = Replay::default();
            match self.read_log(&name, &mut replay).await {
                Err(StoreError::Corrupt { .. }) => continue,
                read => read?,
            }
            let mut events = replay.entries.iter().map(|entry| &entry.event);
            let starts = matches!(events.next(), Some(Event::RunStarted { .. }));
            if starts && events.any(|event| matches!(event, Event::Begun { .. })) {
                found.push(Journalled {
                    place: self.at(&name),
                    plan: replay.entries[0].plan.clone(),
                });
            }
        }
        Ok(found)
    }

    /// Every entry of the runs that applied this plan, and what a crash cut off.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with log and line where anything but the end of a log is
    /// unreadable, [`StoreError::Io`] where one cannot be read or `plan` is no digest.
    pub async fn replay(&self, plan: &str) -> Result<Replay, StoreError> {
        let mut replay = Replay::default();
        for (_, name) in logs(&*self.objects, Some(&prefix(plan)?)).await? {
            self.read_log(&name, &mut replay).await?;
        }
        // Two plans may begin with the same digits.
        replay.entries.retain(|entry| entry.plan == plan);
        Ok(replay)
    }

    /// The journal of a run that holds these leases: entries carry its fencing number, and none
    /// is written once the lease is lost. With `blank` it shows nothing of earlier runs.
    pub fn journal(self: &Arc<Self>, held: &Arc<dyn Held>, blank: bool) -> Arc<dyn Journal> {
        Arc::new(Leased {
            store: Arc::clone(self),
            held: Arc::clone(held),
            blank,
        })
    }

    /// The runs that may have left something undone in these environments, oldest first: the last
    /// one of each that came to its end, and those after it.
    ///
    /// # Errors
    /// As [`Store::replay`], of any of those runs.
    pub async fn unfinished(
        &self,
        environments: &[EnvironmentName],
    ) -> Result<Vec<PastRun>, StoreError> {
        let mut open: BTreeSet<&EnvironmentName> = environments.iter().collect();
        let mut found: Vec<PastRun> = Vec::new();
        // The logs of a run that begin after others of it: read before what they go on from.
        let mut rests: Vec<(String, Vec<Entry>)> = Vec::new();
        for (_, name) in logs(&*self.objects, None).await?.into_iter().rev() {
            if open.is_empty() {
                break;
            }
            let mut replay = Replay::default();
            self.read_log(&name, &mut replay).await?;
            let mut entries = replay.entries;
            let Some(first) = entries.first() else {
                continue;
            };
            let plan = first.plan.clone();
            let Event::RunStarted { environments } = first.event.clone() else {
                rests.push((plan, entries));
                continue;
            };
            let rest = |(of, _): &mut (String, Vec<Entry>)| *of == plan;
            let mut later: Vec<_> = rests.extract_if(.., rest).collect();
            later.reverse();
            entries.extend(later.into_iter().flat_map(|(_, entries)| entries));
            if !environments.iter().any(|name| open.contains(name)) {
                continue;
            }
            let ended = |entry: &Entry| matches!(entry.event, Event::RunEnded { .. });
            if entries.last().is_some_and(ended) {
                open.retain(|name| !environments.contains(name));
            }
            let place = self.at(&name);
            found.push(PastRun {
                plan,
                place,
                environments,
                entries,
            });
        }
        found.reverse();
        Ok(found)
    }

    /// Sees to it that nobody goes on writing the journals of these environments' runs that have
    /// not ended: whoever did has lost its lease.
    ///
    /// # Errors
    /// [`StoreError`] when that cannot be seen to.
    pub(super) async fn fence_off(
        &self,
        environments: &[EnvironmentName],
    ) -> Result<(), StoreError> {
        let Some(leasing) = &self.leasing else {
            return Ok(());
        };
        let mut open: BTreeSet<&EnvironmentName> = environments.iter().collect();
        for (_, name) in logs(&*self.objects, None).await?.into_iter().rev() {
            if open.is_empty() {
                break;
            }
            let mut replay = Replay::default();
            // One that cannot be read is shut, too, whosever it is.
            let readable = self.read_log(&name, &mut replay).await.is_ok();
            let ended = |entry: &Entry| matches!(entry.event, Event::RunEnded { .. });
            let over = readable && replay.entries.last().is_some_and(ended);
            if let Some(Event::RunStarted { environments: its }) =
                replay.entries.first().map(|entry| &entry.event)
            {
                if !its.iter().any(|name| open.contains(name)) {
                    continue;
                }
                if over {
                    open.retain(|name| !its.contains(name));
                }
            }
            if !over {
                self.shut(&**leasing, &name).await?;
            }
        }
        Ok(())
    }

    /// Takes the lease of a log for ever, for nobody: nothing can be added to it any more.
    async fn shut(&self, leasing: &dyn Leasing, name: &ObjectName) -> Result<(), StoreError> {
        leasing.break_lease(name, true).await?;
        match leasing.acquire_lease(name, LeaseId::random(), None).await {
            // Somebody else has shut it.
            Ok(()) | Err(StoreError::Leased { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn read_log(&self, name: &ObjectName, replay: &mut Replay) -> Result<(), StoreError> {
        let stored = self.objects.read(name).await?;
        let bytes = stored.map(|stored| stored.bytes).unwrap_or_default();
        read_log(&self.at(name), &bytes, replay)
    }

    /// Where an object is, for people.
    pub(super) fn at(&self, name: &ObjectName) -> String {
        format!("{}/{name}", self.objects.place())
    }

    /// The run that an event belongs to: a start begins a new one, an end closes it.
    fn run_of(
        &self,
        plan: &str,
        event: &Event,
        held: Option<&Arc<dyn Held>>,
    ) -> Result<Arc<Run>, StoreError> {
        // A map is whole after every step, so a panic elsewhere does not spoil it.
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match event {
            Event::RunStarted { .. } => None,
            _ => runs.get(plan).cloned(),
        };
        let run = match known {
            Some(run) => run,
            None => Arc::new(Run::new(self, plan, held.cloned())?),
        };
        if matches!(event, Event::RunEnded { .. }) {
            runs.remove(plan);
        } else {
            runs.insert(plan.to_owned(), Arc::clone(&run));
        }
        Ok(run)
    }
}

#[async_trait]
impl Journal for Store {
    async fn append(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        self.run_of(plan, &event, None)?.append(event).await
    }

    async fn note(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        self.run_of(plan, &event, None)?.note(event);
        Ok(())
    }

    async fn entries(&self, plan: &str) -> Result<Vec<Entry>, StoreError> {
        let Replay { entries, torn } = self.replay(plan).await?;
        for torn in torn {
            tracing::warn!("{torn}");
        }
        Ok(entries)
    }
}

/// The journal of whoever holds a lease.
struct Leased {
    store: Arc<Store>,
    held: Arc<dyn Held>,
    blank: bool,
}

#[async_trait]
impl Journal for Leased {
    async fn append(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        let run = self.store.run_of(plan, &event, Some(&self.held))?;
        run.append(event).await
    }

    async fn note(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        let run = self.store.run_of(plan, &event, Some(&self.held))?;
        run.note(event);
        Ok(())
    }

    async fn entries(&self, plan: &str) -> Result<Vec<Entry>, StoreError> {
        match self.blank {
            true => Ok(Vec::new()),
            false => self.store.entries(plan).await,
        }
    }
}

/// Adds the entries of one log to `replay`.
fn read_log(place: &str, bytes: &[u8], replay: &mut Replay) -> Result<(), StoreError> {
    let mut chain = Chain::of_version(VERSION);
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let number = index + 1;
        let whole = line.strip_suffix(b"\n");
        if whole.is_none() && is_cut_off(line) {
            replay.torn.push(Torn {
                place: place.to_owned(),
                line: number,
                bytes: line.len(),
            });
            break;
        }
        let entry = chain
            .open(whole.unwrap_or(line))
            .map_err(|problem| corrupt(place, Some(number), problem))?;
        replay.entries.push(entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use time::macros::utc_datetime;

    use super::*;
    use crate::control::ManualClock;
    use crate::control::arbitrary::{PLAN, event, events, wait};

    fn entries(events: Vec<Event>) -> Vec<Entry> {
        let entry = |event| Entry {
            at: "2026-07-31T10:15:30.000Z".to_owned(),
            plan: PLAN.to_owned(),
            fence: 7,
            event,
        };
        events.into_iter().map(entry).collect()
    }

    fn file_of(entries: &[Entry]) -> Vec<u8> {
        let mut chain = Chain::of_version(VERSION);
        let lines = entries
            .iter()
            .map(|entry| chain.seal(entry).expect("seals") + "\n");
        lines.collect::<String>().into_bytes()
    }

    fn parse(bytes: &[u8]) -> Result<Replay, StoreError> {
        let mut replay = Replay::default();
        read_log("run", bytes, &mut replay).map(|()| replay)
    }

    fn is_corrupt(result: &Result<Replay, StoreError>) -> bool {
        matches!(result, Err(StoreError::Corrupt { line: Some(_), .. }))
    }

    #[test]
    fn what_version_1_said_of_a_begun_operation_is_still_read() {
        let content = serde_json::json!({
            "at": "2026-07-31T10:15:30.000Z",
            "plan": PLAN,
            "event": {
                "event": "begun",
                "operation": 3,
                "address": "prod.registry",
                "id": "/subscriptions/s",
                "body_hash": "00",
            },
        });
        let line = Chain::of_version(1).seal(&content).expect("seals") + "\n";
        let replay = parse(line.as_bytes()).expect("reads");
        let [entry] = replay.entries.as_slice() else {
            panic!("{replay:?}")
        };
        assert_eq!(entry.fence, 0);
        let Event::Begun {
            operation, intent, ..
        } = &entry.event
        else {
            panic!("{entry:?}")
        };
        assert_eq!((*operation, intent), (3, &None));
    }

    async fn paths(store: &Store) -> Vec<std::path::PathBuf> {
        let logs = logs(&*store.objects, Some(&PLAN[..16])).await;
        let names = logs.expect("lists").into_iter();
        names.map(|(_, name)| store.at(&name).into()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_file_cut_anywhere_yields_what_was_whole(events in events(1..5)) {
            let written = entries(events);
            let file = file_of(&written);
            for cut in 0..=file.len() {
                let replay = parse(&file[..cut]).expect("a torn end is no damage");
                let whole = file[..cut].iter().filter(|&&byte| byte == b'\n').count();
                let count = replay.entries.len();
                // All but the newline may be there: such an entry is whole, too.
                prop_assert!(count == whole || (count == whole + 1 && file[cut] == b'\n'));
                prop_assert_eq!(&replay.entries, &written[..count]);
                let at_end_of_line = cut == 0 || file[cut - 1] == b'\n' || file[cut] == b'\n';
                prop_assert_eq!(replay.torn.is_empty(), at_end_of_line);
            }
        }

        #[test]
        fn every_changed_byte_is_found(events in events(1..4), change in 1..=u8::MAX) {
            let mut file = file_of(&entries(events));
            for at in 0..file.len() {
                file[at] ^= change;
                prop_assert!(is_corrupt(&parse(&file)), "byte {at} xor {change}");
                file[at] ^= change;
            }
        }

        #[test]
        fn a_piece_taken_out_of_the_middle_is_found(
            events in events(2..5),
            from in any::<prop::sample::Index>(),
            length in any::<prop::sample::Index>(),
        ) {
            let mut file = file_of(&entries(events));
            let last = file[..file.len() - 1].iter().rposition(|&byte| byte == b'\n');
            let last = last.expect("two lines or more");
            let from = from.index(last + 1);
            let to = from + 1 + length.index(last + 1 - from);
            file.drain(from..to);
            prop_assert!(is_corrupt(&parse(&file)), "{from}..{to}");
        }

        #[test]
        fn the_reader_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn replay_is_what_was_appended(runs in prop::collection::vec(events(1..6), 1..4)) {
            let here = tempfile::tempdir().expect("a folder");
            let mut appended = Vec::new();
            for run in runs {
                let store = Store::folder(here.path()).expect("opens");
                for event in run {
                    wait(store.append(PLAN, event.clone())).expect("appends");
                    appended.push(event);
                }
            }
            let store = Store::folder(here.path()).expect("opens");
            let replay = wait(store.replay(PLAN)).expect("reads");
            prop_assert!(replay.entries.iter().all(|entry| entry.plan == PLAN));
            let events: Vec<_> = replay.entries.into_iter().map(|entry| entry.event).collect();
            prop_assert_eq!(events, appended);
            prop_assert_eq!(replay.torn, []);
        }
    }

    #[test]
    fn the_stored_forms() {
        let first = concat!(
            r#"{"version":1,"number":1,"content":{"at":"2026-07-31T10:15:30.000Z","#,
            r#""plan":"00112233445566778899aabbccddeeff","#,
            r#""event":{"event":"run_ended","complete":true}},"checksum":"8ce518181c8efaee"}"#,
            "\n",
        );
        let second = concat!(
            r#"{"version":2,"number":1,"content":{"at":"2026-07-31T10:15:30.000Z","#,
            r#""plan":"00112233445566778899aabbccddeeff","fence":7,"#,
            r#""event":{"event":"run_ended","complete":true}},"checksum":"60d10da78e2105a8"}"#,
            "\n",
        );
        let mut written = entries(vec![Event::RunEnded { complete: true }]);
        assert_eq!(String::from_utf8(file_of(&written)).expect("text"), second);
        assert_eq!(parse(second.as_bytes()).expect("reads").entries, written);
        written[0].fence = 0;
        assert_eq!(parse(first.as_bytes()).expect("reads").entries, written);
    }

    #[tokio::test]
    async fn each_run_has_a_file_and_damage_is_named_and_left_alone() {
        let here = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)));
        let store = Store::folder_with_clock(here.path(), clock).expect("opens");
        for _ in 0..2 {
            let environments = vec!["prod".parse().expect("a name")];
            let started = Event::RunStarted { environments };
            store.append(PLAN, started).await.expect("appends");
            let ended = Event::RunEnded { complete: false };
            store.append(PLAN, ended).await.expect("appends");
        }
        let paths = paths(&store).await;
        let [first, second] = paths.as_slice() else {
            panic!("{paths:?}")
        };
        let mut bytes = fs::read(second).expect("reads");
        let at = bytes.iter().rposition(|&byte| byte == b'f').expect("false");
        bytes[at] = b'g';
        fs::write(second, &bytes).expect("writes");
        let error = store.entries(PLAN).await.expect_err("damaged");
        let place = format!("{}:2 is not readable: its checksum", second.display());
        assert!(error.to_string().starts_with(&place), "{error}");

        store
            .append(PLAN, Event::RunEnded { complete: true })
            .await
            .expect("appends to a file of its own");
        assert_eq!(fs::read(second).expect("reads"), bytes);
        assert_eq!(
            parse(&fs::read(first).expect("reads"))
                .expect("reads")
                .entries
                .len(),
            2
        );
    }

    #[tokio::test]
    async fn a_torn_end_is_told_and_later_runs_are_read() {
        let here = tempfile::tempdir().expect("a folder");
        let ended = |complete| Event::RunEnded { complete };
        let store = Store::folder(here.path()).expect("opens");
        store.append(PLAN, ended(false)).await.expect("appends");
        let path = paths(&store).await.remove(0);
        let mut bytes = fs::read(&path).expect("reads");
        bytes.extend_from_slice(br#"{"version":1,"numb"#);
        fs::write(&path, &bytes).expect("writes");
        store.append(PLAN, ended(true)).await.expect("appends");

        let replay = store.replay(PLAN).await.expect("reads");
        let events: Vec<_> = replay
            .entries
            .into_iter()
            .map(|entry| entry.event)
            .collect();
        assert_eq!(events, [ended(false), ended(true)]);
        let torn = Torn {
            place: path.display().to_string(),
            line: 2,
            bytes: 18,
        };
        assert_eq!(replay.torn, [torn]);
    }

    #[tokio::test]
    async fn a_plan_with_the_same_first_digits_is_another_plan() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Store::folder(here.path()).expect("opens");
        let other = format!("{}ffff", &PLAN[..16]);
        for plan in [PLAN, &other] {
            let ended = Event::RunEnded { complete: true };
            store.append(plan, ended).await.expect("appends");
        }
        assert_eq!(store.entries(PLAN).await.expect("reads").len(), 1);
        assert_eq!(store.entries(&other).await.expect("reads").len(), 1);
    }

    #[tokio::test]
    async fn an_append_that_failed_can_be_made_again() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Store::folder(here.path()).expect("opens");
        fs::write(here.path().join("journal"), "in the way").expect("writes");
        let ended = Event::RunEnded { complete: true };
        let error = store
            .append(PLAN, ended.clone())
            .await
            .expect_err("no folder");
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        fs::remove_file(here.path().join("journal")).expect("removes");
        store.append(PLAN, ended).await.expect("appends");
    }

    #[test]
    fn every_event_can_be_drawn() {
        // A new event must be added to the generator, or the laws above do not cover it.
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let drawn = event().new_tree(&mut runner).expect("draws").current();
            seen.insert(match drawn {
                Event::RunStarted { .. } => 0,
                Event::Begun { .. } => 1,
                Event::Accepted { .. } => 2,
                Event::Done { .. } => 3,
                Event::Failed { .. } => 4,
                Event::RunEnded { .. } => 5,
            });
        }
        assert_eq!(seen.len(), 6);
    }
}

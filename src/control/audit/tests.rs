//! What is done to a chain shows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::link::open;
use super::*;
use crate::control::Folder;
use crate::control::memory::Memory;
use crate::control::signature::testing::Pair;
use crate::provision::audit::{Actor, Identity, Record, Span, What};
use crate::provision::objects::{Expected, LeaseId, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::StoreError;

fn record(run: usize) -> Record {
    Record {
        at: "2026-07-31T10:15:30.000Z".to_owned(),
        run: format!("run-{run}"),
        actor: Actor {
            identity: Some(Identity {
                object_id: "0a".to_owned(),
                name: Some("ada".to_owned()),
            }),
            machine: "ada@laptop".to_owned(),
        },
        command: "apply".to_owned(),
        event: What::Begun,
        environments: vec!["prod".parse().expect("a name")],
        addresses: vec!["prod.registry".to_owned()],
        plan: Some("00ff".to_owned()),
        permits: BTreeMap::new(),
        note: None,
    }
}

/// A chain of five on a folder, signed up to the fourth.
async fn chain() -> (tempfile::TempDir, Ledger, Pair) {
    let here = tempfile::tempdir().expect("a folder");
    let objects: Arc<dyn Objects> = Arc::new(Folder::open(here.path()).expect("opens"));
    let (ledger, pair) = (Ledger::of(&objects), Pair::new("audit"));
    for run in 1..=4 {
        ledger.append(&record(run)).await.expect("appends");
    }
    sign(&ledger, &pair).await;
    ledger.append(&record(5)).await.expect("appends");
    (here, ledger, pair)
}

async fn flaws(ledger: &Ledger, pair: &Pair) -> Vec<String> {
    let reading = ledger.read().await.expect("reads");
    let flaws = reading.verify(Some(&pair.recorded));
    flaws.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_chain_is_read_as_it_was_written() {
    let (_here, ledger, pair) = chain().await;
    let reading = ledger.read().await.expect("reads");
    let said: Vec<_> = reading.links.iter().map(|it| it.record.clone()).collect();
    assert_eq!(said, [1, 2, 3, 4, 5].map(record));
    assert_eq!((reading.unsigned(), reading.torn.len()), (1, 0));
    assert_eq!(flaws(&ledger, &pair).await, [""; 0]);
}

#[tokio::test]
async fn every_way_to_tamper_is_found_and_named() {
    type Change = fn(&mut Vec<String>);
    let cases: [(&str, Change, &str); 7] = [
        (
            "changed",
            |it| it[1] = it[1].replace("ada", "eve"),
            "1.jsonl:2: it was changed",
        ),
        (
            "removed",
            |it| drop(it.remove(2)),
            "1.jsonl:3: entry 3 is missing before it",
        ),
        (
            "reordered",
            |it| it.swap(1, 2),
            "1.jsonl:2: entry 2 is missing",
        ),
        (
            "repeated",
            |it| it.insert(2, it[1].clone()),
            "1.jsonl:3: it is entry 2 where 3 is due",
        ),
        (
            "truncated",
            |it| it.truncate(3),
            "head.json: it vouches for 4 entries, and 3 are there: the end was cut off",
        ),
        (
            "emptied",
            |it| it.clear(),
            "it vouches for 4 entries, and 0 are there",
        ),
        (
            "rewritten",
            |it| {
                let mut last = None;
                for (at, line) in it.iter_mut().enumerate() {
                    let mut said = record(at + 1);
                    said.actor.identity = None;
                    *line = link::seal(last.as_ref(), &said).0;
                    last = open(line.as_bytes()).ok();
                }
            },
            "head.json: it vouches for another entry 4",
        ),
    ];
    for (what, change, told) in cases {
        let (here, ledger, pair) = chain().await;
        let path = here.path().join("audit/000001.jsonl");
        let text = std::fs::read_to_string(&path).expect("reads");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).expect("writes");
        let found = flaws(&ledger, &pair).await;
        assert!(
            found.iter().any(|flaw| flaw.contains(told)),
            "{what}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn the_head_has_to_be_signed_by_the_recorded_key() {
    let (here, ledger, pair) = chain().await;
    let other = Pair::new("audit");
    let found = flaws(&ledger, &other).await;
    assert!(found[0].contains("not signed by kv/audit/0a"), "{found:?}");
    let reading = ledger.read().await.expect("reads");
    assert!(reading.verify(None)[0].problem.contains("not recorded"));
    std::fs::remove_file(here.path().join("audit/head.json")).expect("removed");
    let found = flaws(&ledger, &pair).await;
    assert!(found[0].contains("no head is signed"), "{found:?}");
}

#[tokio::test]
async fn every_changed_byte_is_found() {
    let (here, ledger, pair) = chain().await;
    for file in ["audit/000001.jsonl", "audit/head.json"] {
        let path = here.path().join(file);
        let mut bytes = std::fs::read(&path).expect("reads");
        for at in 0..bytes.len() {
            bytes[at] ^= 0x20;
            std::fs::write(&path, &bytes).expect("writes");
            let found = match ledger.read().await {
                Ok(reading) => !reading.verify(Some(&pair.recorded)).is_empty(),
                Err(_) => true,
            };
            assert!(found, "{file}: byte {at}");
            bytes[at] ^= 0x20;
        }
        std::fs::write(&path, &bytes).expect("writes");
    }
    assert_eq!(flaws(&ledger, &pair).await, [""; 0]);
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_is_told_and_the_next_log_goes_on() {
    let (here, ledger, pair) = chain().await;
    let path = here.path().join("audit/000001.jsonl");
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes.extend_from_slice(br#"{"version":1,"numb"#);
    std::fs::write(&path, &bytes).expect("writes");
    let link = ledger.append(&record(6)).await.expect("appends");
    assert_eq!(link.number, 6);
    assert!(here.path().join("audit/000002.jsonl").exists());
    assert_eq!(flaws(&ledger, &pair).await, [""; 0]);
    let reading = ledger.read().await.expect("reads");
    assert_eq!((reading.links.len(), reading.torn.len()), (6, 1));
}

#[tokio::test]
async fn a_full_log_is_followed_by_another() {
    let memory = Memory::new().with_appends_per_log(2);
    let objects: Arc<dyn Objects> = Arc::new(memory);
    let ledger = Ledger::of(&objects);
    for run in 1..=5 {
        ledger.append(&record(run)).await.expect("appends");
    }
    let reading = ledger.read().await.expect("reads");
    assert_eq!((reading.links.len(), reading.flaws.len()), (5, 0));
    assert_eq!(objects.list("audit").await.expect("lists").len(), 3);
}

#[tokio::test]
async fn many_who_append_at_once_make_one_chain() {
    let here = tempfile::tempdir().expect("a folder");
    let objects: Arc<dyn Objects> = Arc::new(Folder::open(here.path()).expect("opens"));
    let ledger = Ledger::of(&objects);
    let all = (0..20).map(|run| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.append(&record(run)).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("ends").expect("appends");
    }
    let reading = ledger.read().await.expect("reads");
    assert_eq!((reading.links.len(), reading.flaws), (20, Vec::new()));
}

/// Signs the chain to its end.
async fn sign(ledger: &Ledger, pair: &Pair) {
    let reading = ledger.read().await.expect("reads");
    let head = ledger.head(&reading, &pair.recorded.key);
    let head = head.expect("something to sign");
    let signature = pair.sign(&head.statement());
    ledger.keep(head, signature).await.expect("kept");
}

fn found(first: u64, last: u64) -> Record {
    let entries = vec![Span { first, last }];
    Record {
        event: What::FoundUnsigned { entries },
        ..record(9)
    }
}

#[tokio::test]
async fn what_others_wrote_is_found_unsigned_until_it_is_said() {
    let (here, _, _) = chain().await;
    let objects: Arc<dyn Objects> = Arc::new(Folder::open(here.path()).expect("opens"));
    let (ledger, other) = (Ledger::of(&objects), Ledger::of(&objects));
    ledger.append(&record(6)).await.expect("appends");
    // Who claims to have found them is no more believed than they are.
    other.append(&found(5, 7)).await.expect("appends");
    let open = async || ledger.found_unsigned(&ledger.read().await.expect("reads"));
    let spans = [Span::of([5]), Span::of([7])].concat();
    assert_eq!(open().await, spans);
    let said = Record {
        event: What::FoundUnsigned { entries: spans },
        ..record(8)
    };
    ledger.append(&said).await.expect("appends");
    assert_eq!(open().await, []);
}

#[tokio::test]
async fn who_is_doubted_cannot_have_others_doubted() {
    let (_here, ledger, pair) = chain().await;
    let doubts = async || {
        let doubts = ledger.read().await.expect("reads").doubts();
        let told = doubts
            .iter()
            .map(|it| (it.entries.to_string(), it.found_by));
        told.collect::<Vec<_>>()
    };
    assert_eq!(doubts().await, [("entry 5".to_owned(), None)]);
    ledger.append(&found(1, 4)).await.expect("appends");
    assert_eq!(doubts().await, [("entries 5 to 6".to_owned(), None)]);
    ledger.append(&found(5, 6)).await.expect("appends");
    sign(&ledger, &pair).await;
    assert_eq!(doubts().await, [("entries 5 to 6".to_owned(), Some(7))]);
}

/// Objects that count how often a log is read.
struct Counted {
    memory: Memory,
    reads: AtomicUsize,
}

#[async_trait]
impl Objects for Counted {
    fn place(&self) -> String {
        self.memory.place()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
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
        self.memory.append(name, position, bytes, lease).await
    }

    fn appends_per_log(&self) -> u64 {
        self.memory.appends_per_log()
    }
}

#[tokio::test]
async fn a_chain_is_read_again_only_where_somebody_else_went_on_with_it() {
    let counted = Arc::new(Counted {
        memory: Memory::new().with_appends_per_log(3),
        reads: AtomicUsize::new(0),
    });
    let objects: Arc<dyn Objects> = counted.clone();
    let (ledger, other) = (Ledger::of(&objects), Ledger::of(&objects));
    let reads = || counted.reads.swap(0, Ordering::SeqCst);
    // From one log to the next, too.
    for run in 1..=7 {
        ledger.append(&record(run)).await.expect("appends");
        assert_eq!(reads(), 0, "{run}");
    }
    other.append(&record(8)).await.expect("appends");
    assert_eq!(reads(), 3);
    ledger.append(&record(9)).await.expect("appends");
    assert_eq!(reads(), 3, "the third log had moved");
    other.append(&record(10)).await.expect("appends");
    ledger.read().await.expect("reads");
    reads();
    ledger.append(&record(11)).await.expect("appends");
    assert_eq!(reads(), 0, "it was just read");
    let reading = ledger.read().await.expect("reads");
    let said: Vec<_> = reading.links.iter().map(|it| it.record.clone()).collect();
    assert_eq!(said, (1..=11).map(record).collect::<Vec<_>>());
    assert_eq!(reading.flaws, []);
    let spans = [Span::of([8]), Span::of([10])].concat();
    assert_eq!(ledger.found_unsigned(&reading), spans);
}

//! Runs: a plan applied to the fake cloud, with a journal in memory and a log of its progress.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{FakeCloud, KINDS};
use crate::provision::apply::{Options, Outcome, apply};
use crate::provision::guard::{ApprovedPlan, Permissions, guard};
use crate::provision::plan::{Action, Plan};
use crate::provision::ports::{Entry, Event, Journal, Observer, Ports, Progress, StoreError};

/// A journal in memory. Clones share their entries.
#[derive(Clone, Default)]
pub(crate) struct MemoryJournal(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    entries: Vec<Entry>,
    /// How many more entries can be written; all when nothing is said.
    room: Option<usize>,
    /// How many entries nobody waited for.
    noted: usize,
}

impl MemoryJournal {
    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail_after(&self, entries: usize) {
        self.written().room = Some(entries);
    }

    pub(crate) fn heal(&self) {
        self.written().room = None;
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let written = self.written();
        written.entries.iter().map(|e| e.event.clone()).collect()
    }

    /// How often somebody waited for an entry to be durable.
    pub(crate) fn waits(&self) -> usize {
        let written = self.written();
        written.entries.len() - written.noted
    }

    /// Forgets everything after the first `keep` entries, as a crash would.
    pub(crate) fn truncate(&self, keep: usize) {
        self.written().entries.truncate(keep);
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        let mut written = self.written();
        if let Some(room) = &mut written.room {
            if *room == 0 {
                return Err(StoreError::Io {
                    doing: "append to",
                    place: "the journal".to_owned(),
                    source: std::io::Error::other("disk full"),
                });
            }
            *room -= 1;
        }
        written.entries.push(Entry {
            at: "2026-11-24T00:00:00Z".to_owned(),
            plan: plan.to_owned(),
            fence: 0,
            event,
        });
        Ok(())
    }

    async fn note(&self, plan: &str, event: Event) -> Result<(), StoreError> {
        self.append(plan, event).await?;
        self.written().noted += 1;
        Ok(())
    }

    async fn entries(&self, plan: &str) -> Result<Vec<Entry>, StoreError> {
        let written = self.written();
        let mine = written.entries.iter().filter(|entry| entry.plan == plan);
        Ok(mine.cloned().collect())
    }
}

/// Everything that an apply needs.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) cloud: FakeCloud,
    pub(crate) journal: MemoryJournal,
    pub(crate) progress: Arc<Mutex<Vec<Progress>>>,
    pub(crate) parallelism: usize,
    pub(crate) check_first: bool,
    pub(crate) stop: Arc<watch::Sender<bool>>,
}

struct Watcher(Arc<Mutex<Vec<Progress>>>);

impl Observer for Watcher {
    fn event(&self, event: Progress) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
    }
}

impl Rig {
    pub(crate) fn new(cloud: &FakeCloud) -> Self {
        Self {
            cloud: cloud.clone(),
            journal: MemoryJournal::default(),
            progress: Arc::default(),
            parallelism: 8,
            check_first: false,
            stop: Arc::new(watch::channel(false).0),
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            cloud: Arc::new(self.cloud.clone()),
            journal: Arc::new(self.journal.clone()),
            observer: Arc::new(Watcher(Arc::clone(&self.progress))),
        }
    }

    pub(crate) async fn try_apply(&self, plan: &Plan) -> Result<Outcome, StoreError> {
        // A plan that was applied before can only come from a file.
        let saved = self.check_first || !self.journal.events().is_empty();
        let options = Options {
            parallelism: self.parallelism,
            stop: self.stop.subscribe(),
            check_first: saved,
        };
        apply(&approve(plan), KINDS, &self.ports(), options).await
    }

    pub(crate) async fn apply(&self, plan: &Plan) -> Outcome {
        self.try_apply(plan).await.expect("the journal begins")
    }
}

/// The plan past a guard that was told everything may go.
pub(crate) fn approve(plan: &Plan) -> ApprovedPlan {
    let mut plan = plan.clone();
    plan.protected.clear();
    plan.adopt |= plan.operations.iter().any(|o| o.action == Action::Adopt);
    let everything = Permissions {
        allow_destroy: vec!["*".parse().expect("a pattern")],
        allow_wider_access: true,
        ..Permissions::default()
    };
    guard(plan, &everything, &[]).expect("nothing is in the way")
}

//! A chain that was read: its links, and everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::head::SignedHead;
use super::link::{self, GENESIS, Link};
use crate::control::Journalled;
use crate::control::chain::is_cut_off;
use crate::provision::audit::{Doubt, Record, Span, What};
use crate::provision::signed::RecordedKey;

/// Something that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The object, with the line where it has lines.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// What a chain holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The links, oldest first; what cannot be read is not among them.
    pub links: Vec<Link>,
    /// What is wrong with them.
    pub flaws: Vec<Flaw>,
    /// How many links stand before the first flaw; nothing where there is none.
    pub(super) before_flaw: Option<usize>,
    /// Lines that a crash cut off, which were never acknowledged.
    pub torn: Vec<Flaw>,
    /// The head that was signed last.
    pub head: Option<SignedHead>,
    /// Where the head is, for people.
    pub(super) head_place: String,
}

impl Reading {
    /// Takes in one log.
    pub(super) fn add(&mut self, place: &str, bytes: &[u8]) {
        for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let flaw = |problem: String| Flaw {
                place: format!("{place}:{}", index + 1),
                problem,
            };
            let whole = line.strip_suffix(b"\n");
            if whole.is_none() && is_cut_off(line) {
                let problem = format!("it was cut off after {} bytes", line.len());
                self.torn.push(flaw(problem));
                return;
            }
            match link::open(whole.unwrap_or(line)) {
                Err(broken) => self.spoilt(flaw(broken.to_string())),
                Ok(link) => {
                    if whole.is_none() {
                        self.spoilt(flaw("the end of the line was changed".to_owned()));
                    }
                    if let Some(problem) = self.misfit(&link) {
                        self.spoilt(flaw(problem));
                    }
                    self.links.push(link);
                }
            }
        }
    }

    fn spoilt(&mut self, flaw: Flaw) {
        self.before_flaw.get_or_insert(self.links.len());
        self.flaws.push(flaw);
    }

    /// The links before the first flaw: entry N is the Nth of them.
    pub fn sound(&self) -> &[Link] {
        &self.links[..self.before_flaw.unwrap_or(self.links.len())]
    }

    /// Why a link does not follow the one that was read last.
    fn misfit(&self, link: &Link) -> Option<String> {
        let last = self.links.last();
        let due = last.map_or(1, |last| last.number + 1);
        let before = last.map_or(GENESIS, |last| &last.hash);
        if link.number > due {
            let missing = match link.number - due {
                1 => format!("entry {due} is missing before it"),
                _ => format!("entries {due} to {} are missing before it", link.number - 1),
            };
            return Some(missing);
        }
        if link.number < due {
            return Some(format!(
                "it is entry {} where {due} is due: it was moved or repeated",
                link.number
            ));
        }
        (link.before != before).then(|| {
            format!(
                "entry {} was written after another entry {} than the one before it, which was \
                 changed or put in",
                link.number,
                due - 1
            )
        })
    }

    /// The link that the next one follows.
    pub fn last(&self) -> Option<&Link> {
        self.links.last()
    }

    /// How many links nobody has vouched for yet.
    pub fn unsigned(&self) -> u64 {
        let signed = self.head.as_ref().map_or(0, |signed| signed.head.number);
        self.last()
            .map_or(0, |last| last.number.saturating_sub(signed))
    }

    /// Whether somebody has vouched for a link; the head has to be verified for that to count.
    pub fn is_signed(&self, link: &Link) -> bool {
        let signed = self.head.as_ref();
        signed.is_some_and(|signed| link.number <= signed.head.number)
    }

    /// The entries that nobody vouches for, once there is a head: those that a signed entry says
    /// were found unsigned, and those that no head covers. What says so counts only where nobody
    /// doubts it either: else whoever writes to the store could have anything doubted.
    pub fn doubts(&self) -> Vec<Doubt> {
        if self.head.is_none() {
            return Vec::new();
        }
        let mut doubted: BTreeMap<u64, Option<u64>> = BTreeMap::new();
        for link in self.links.iter().rev() {
            if !self.is_signed(link) {
                doubted.insert(link.number, None);
            }
            if doubted.contains_key(&link.number) {
                continue;
            }
            let What::FoundUnsigned { entries } = &link.record.event else {
                continue;
            };
            let before = self.links.iter().filter(|it| it.number < link.number);
            for found in before.filter(|it| entries.iter().any(|span| span.contains(it.number))) {
                doubted.entry(found.number).or_insert(Some(link.number));
            }
        }
        let found: Vec<(u64, Option<u64>)> = doubted.into_iter().collect();
        let runs = found.chunk_by(|one, next| one.1 == next.1);
        let doubts = runs.flat_map(|run| {
            let spans = Span::of(run.iter().map(|(number, _)| *number));
            let found_by = run.first().and_then(|(_, found_by)| *found_by);
            spans
                .into_iter()
                .map(move |entries| Doubt { entries, found_by })
        });
        doubts.collect()
    }

    /// Whether what a run claims is on record as claimed by nobody who could be vouched for.
    pub fn is_disowned(&self, run: &str) -> bool {
        let claims = |record: &Record| {
            record.event == What::Begun
                && record.run == run
                && record.permits.values().any(|it| it.desired().is_some())
        };
        let claimed = self.links.iter().filter(|link| claims(&link.record));
        let claimed: Vec<u64> = claimed.map(|link| link.number).collect();
        self.links.iter().any(|link| match &link.record.event {
            What::Disowned { runs } => runs.iter().any(|it| it == run),
            What::FoundUnsigned { entries } => {
                let among = |number: &u64| entries.iter().any(|span| span.contains(*number));
                claimed.iter().any(among)
            }
            _ => false,
        })
    }

    /// The runs that changed something and that the chain does not have: it was cut off, put back
    /// as it once was, or removed. A run is in the chain before it is in the journal, so no crash
    /// leaves that behind. Where an entry cannot be read it may be theirs, and that is told already.
    pub fn unrecorded(&self, journals: &[Journalled]) -> Vec<Flaw> {
        if !self.flaws.is_empty() {
            return Vec::new();
        }
        // Whoever sees to what a run left undone begins logs of its plan, too: they are not counted.
        let records = self.links.iter().map(|link| &link.record);
        let begun = records.filter(|it| it.event == What::Begun);
        let begun: BTreeSet<&str> = begun.filter_map(|it| it.plan.as_deref()).collect();
        let missing = journals
            .iter()
            .filter(|it| !begun.contains(it.plan.as_str()));
        missing
            .map(|journal| Flaw {
                place: journal.place.clone(),
                problem: format!(
                    "this run of plan {} is not in the audit log, which was cut off, removed or \
                     put back as it once was: put it back as it was last; if that is lost, keep \
                     this journal elsewhere as evidence",
                    journal.plan.get(..12).unwrap_or(&journal.plan)
                ),
            })
            .collect()
    }

    /// Everything that is wrong, the head held against `key` as it was recorded. Where a key is
    /// recorded, a head was signed with it once.
    pub fn verify(&self, key: Option<&RecordedKey>) -> Vec<Flaw> {
        let mut flaws = self.flaws.clone();
        flaws.extend(self.wrong_head(key).map(|problem| Flaw {
            place: self.head_place.clone(),
            problem,
        }));
        flaws
    }

    fn wrong_head(&self, key: Option<&RecordedKey>) -> Option<String> {
        let Some(signed) = &self.head else {
            return key.map(|key| format!("no head is signed, though {} is recorded", key.key));
        };
        let head = &signed.head;
        let Some(key) = key else {
            return Some(format!(
                "it is signed by {}, which is not recorded",
                head.key
            ));
        };
        if !signed.is_signed_by(key) {
            return Some(format!(
                "it is not signed by {}, which was recorded",
                key.key
            ));
        }
        let last = self.last().map_or(0, |last| last.number);
        let entry = self.links.iter().find(|link| link.number == head.number);
        match entry {
            Some(link) if link.hash == head.hash => None,
            Some(link) => Some(format!(
                "it vouches for another entry {} than the one that is there",
                link.number
            )),
            None if last < head.number => Some(format!(
                "it vouches for {} entries, and {last} are there: the end was cut off",
                head.number
            )),
            None => Some(format!(
                "it vouches for entry {}, which is missing",
                head.number
            )),
        }
    }
}

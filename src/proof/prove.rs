//! The proof: everybody tries everything, and each answer is held against the matrix.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use serde::Serialize;

use super::answer::{Measured, Step};
use super::attempt::attempt;
use super::ground::Ground;
use super::ports::{Caller, SignIns};
use super::whom::{Declared, Somebody, Word};
use crate::kinds::Probe;
use crate::resource::Address;

/// Probes that one identity tries side by side.
const AT_ONCE: usize = 4;

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// What was tried on.
    pub targets: Vec<Address>,
    /// Who tried.
    pub rows: Vec<Row>,
}

/// What one identity may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Who.
    pub who: String,
    /// The rows of the matrix that count for it.
    pub rows: BTreeSet<String>,
    /// On each target, in the order of [`Proof::targets`].
    pub cells: Vec<Cell>,
}

/// What one identity may do on one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// On what.
    pub target: Address,
    /// The capabilities that the matrix gives it.
    pub declared: Vec<String>,
    /// What was tried.
    pub tries: Vec<Try>,
}

/// One probe and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// What was tried.
    pub probe: Probe,
    /// Whether it should work.
    pub declared: bool,
    /// How it stands.
    pub verdict: Verdict,
    /// What was asked and what that showed.
    pub steps: Vec<Step>,
}

/// How what was measured stands to what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same.
    AsDeclared,
    /// Nobody knows.
    NotMeasured,
    /// It should work, and does not.
    Missing,
    /// It works, and should not.
    Excess,
}

impl Cell {
    /// Where it deviates, the worst there is.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.tries.iter().map(|one| one.verdict);
        verdicts.max().unwrap_or(Verdict::NotMeasured)
    }

    /// Tries with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Try> {
        self.tries.iter().filter(move |one| one.verdict == verdict)
    }
}

impl Try {
    /// The steps that tell why: those that contradict, or that showed nothing.
    pub fn telling(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| match self.verdict {
            Verdict::AsDeclared => false,
            Verdict::NotMeasured => matches!(step.measured, Measured::Unknown(_)),
            Verdict::Missing => step.measured == Measured::Refused,
            Verdict::Excess => step.measured == Measured::Allowed,
        })
    }
}

impl Proof {
    /// Every cell, with who it is about.
    pub fn cells(&self) -> impl Iterator<Item = (&Row, &Cell)> {
        let rows = self.rows.iter();
        rows.flat_map(|row| row.cells.iter().map(move |cell| (row, cell)))
    }

    /// How many cells have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let cells = self.cells();
        cells.filter(|(_, cell)| cell.verdict() == verdict).count()
    }

    /// Whether something works that should not, or does not that should.
    pub fn deviates(&self) -> bool {
        self.cells()
            .any(|(_, cell)| cell.verdict() > Verdict::NotMeasured)
    }

    /// Whether something could not be measured.
    pub fn is_partial(&self) -> bool {
        self.cells()
            .any(|(_, cell)| cell.with(Verdict::NotMeasured).next().is_some())
    }
}

/// Has everybody try everything.
pub async fn prove(
    everybody: &[Somebody],
    grounds: &[Ground],
    declared: &Declared,
    sign_ins: &dyn SignIns,
) -> Proof {
    let mut rows = Vec::new();
    for somebody in everybody {
        rows.push(row(somebody, grounds, declared, sign_ins).await);
    }
    Proof {
        targets: grounds.iter().map(|it| it.address.clone()).collect(),
        rows,
    }
}

async fn row(
    somebody: &Somebody,
    grounds: &[Ground],
    declared: &Declared,
    sign_ins: &dyn SignIns,
) -> Row {
    let caller = match &somebody.identity {
        Ok(identity) => sign_ins.sign_in(identity).await,
        Err(why) => Err(why.clone()),
    };
    let caller = caller.as_deref().map_err(String::as_str);
    let cells = futures::stream::iter(grounds)
        .map(|ground| cell(somebody, ground, declared, caller))
        .buffered(AT_ONCE)
        .collect()
        .await;
    Row {
        who: somebody.name.clone(),
        rows: somebody.rows.clone(),
        cells,
    }
}

async fn cell(
    somebody: &Somebody,
    ground: &Ground,
    declared: &Declared,
    caller: Result<&dyn Caller, &str>,
) -> Cell {
    let words = declared.of(somebody, &ground.address);
    let mut tries = Vec::new();
    for probe in Probe::on(ground.target.of_type()) {
        tries.push(one(probe, &words, ground, caller).await);
    }
    Cell {
        target: ground.address.clone(),
        declared: words.iter().map(|word| word.capability.clone()).collect(),
        tries,
    }
}

async fn one(
    probe: Probe,
    words: &[&Word],
    ground: &Ground,
    caller: Result<&dyn Caller, &str>,
) -> Try {
    let steps = match (caller, &ground.place) {
        (Err(why), _) => vec![silence(why)],
        (Ok(_), Err(why)) => vec![silence(why)],
        (Ok(caller), Ok(place)) => attempt(caller, probe, place).await,
    };
    let expected = |word: &&Word| {
        let probes = word.probes.as_ref();
        probes.is_some_and(|probes| probes.contains(&probe))
    };
    let declared = words.iter().any(expected);
    let vague = words.iter().find(|word| word.probes.is_none());
    let mut tried = Try {
        probe,
        declared,
        verdict: verdict(declared, &steps),
        steps,
    };
    if let Some(word) = vague.filter(|_| !declared) {
        tried.verdict = Verdict::NotMeasured;
        tried.steps.push(silence(&format!(
            "whether it should work is not known: give `{}` its `probes` in rbac/capabilities.toml",
            word.capability
        )));
    }
    tried
}

fn silence(why: &str) -> Step {
    Step {
        asked: String::new(),
        measured: Measured::Unknown(why.to_owned()),
        heard: String::new(),
    }
}

/// How a probe stands: one step that contradicts is enough, and all have to say something.
fn verdict(declared: bool, steps: &[Step]) -> Verdict {
    let any = |wanted: &Measured| steps.iter().any(|step| step.measured == *wanted);
    let unknown = |step: &Step| matches!(step.measured, Measured::Unknown(_));
    match declared {
        true if any(&Measured::Refused) => Verdict::Missing,
        false if any(&Measured::Allowed) => Verdict::Excess,
        _ if steps.is_empty() || steps.iter().any(unknown) => Verdict::NotMeasured,
        _ => Verdict::AsDeclared,
    }
}

impl Declared {
    fn of(&self, somebody: &Somebody, target: &Address) -> Vec<&Word> {
        let of_row = |row: &String| self.words.get(&(row.clone(), target.clone()));
        somebody.rows.iter().filter_map(of_row).flatten().collect()
    }
}

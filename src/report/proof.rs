//! A proof as text, JSON or Markdown: who may do what, measured, an environment at a time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::checked::{Check, Checked, Issue, Level, Rule};
use super::json::{VERSION, document};
use super::layout::{grid, plain, wrap};
use super::markdown::{LIMIT, Page, code, head, prose, row};
use super::style::{Format, Style, Tone};
use crate::proof::{Cell, Proof, Row, Step, Try, Verdict};
use crate::resource::EnvironmentName;

/// Cells by verdict, the worst first.
const VERDICTS: [(Verdict, &str); 4] = [
    (Verdict::Excess, "more than declared"),
    (Verdict::Missing, "missing"),
    (Verdict::NotMeasured, "not measured"),
    (Verdict::AsDeclared, "as declared"),
];

/// What was measured on a cloud, in a format.
pub fn render(proof: &Proof, cloud: &str, format: Format, style: &Style) -> String {
    match format {
        Format::Table => text(proof, cloud, style),
        Format::Json => json(proof, cloud),
        Format::Markdown => markdown(proof, cloud),
    }
}

/// What was measured, as other programs take it: a check for each cell.
pub fn checked(proof: &Proof, cloud: &str) -> Checked {
    let rule = |(verdict, words): &(Verdict, &str)| Rule {
        id: id(*verdict).to_owned(),
        about: format!("What a caller may do was {words}."),
    };
    let cell = |(row, cell): (&Row, &Cell)| {
        let environment = cell.target.environment();
        let name = format!("{} on {}", row.who, cell.target);
        let tries = cell
            .tries
            .iter()
            .filter_map(|tried| issue(row, cell, tried));
        let untried = cell.tries.is_empty();
        let nothing = untried.then(|| {
            Issue::unknown(
                id(Verdict::NotMeasured),
                format!("{name}: nothing was tried"),
            )
        });
        Check::new(environment.as_str(), name).found(tries.chain(nothing))
    };
    Checked {
        title: "rbac prove".to_owned(),
        cloud: Some(cloud.to_owned()),
        rules: VERDICTS[..2].iter().map(rule).collect(),
        checks: proof.cells().map(cell).collect(),
    }
}

fn id(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AsDeclared => "as-declared",
        Verdict::NotMeasured => "not-measured",
        Verdict::Missing => "missing",
        Verdict::Excess => "excess",
    }
}

fn issue(row: &Row, cell: &Cell, tried: &Try) -> Option<Issue> {
    let why: Vec<String> = tried.telling().map(because).collect();
    let why = why.join("; ");
    let rule = id(tried.verdict);
    let issue = match tried.verdict {
        Verdict::AsDeclared => return None,
        Verdict::NotMeasured => {
            let what = format!("{} on {} was not measured", tried.probe, cell.target);
            Issue::unknown(rule, format!("{}: {what} ({why})", row.who))
        }
        Verdict::Missing | Verdict::Excess => {
            let what = deviation(row, cell, tried);
            Issue::wrong(rule, Level::Error, format!("{what} ({why})"))
        }
    };
    Some(Issue {
        about: Some(cell.target.to_string()),
        ..issue
    })
}

fn title(proof: &Proof, cloud: &str) -> String {
    let counts = VERDICTS.iter().rev().filter_map(|(verdict, words)| {
        let count = proof.count(*verdict);
        (count > 0 || *verdict == Verdict::AsDeclared).then(|| format!("{count} {words}"))
    });
    let of = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    let callers = of(proof.rows.len(), "caller");
    let targets = of(proof.targets.len(), "target");
    let counts = counts.collect::<Vec<_>>().join(", ");
    format!("Access measured on {cloud}: {callers}, {targets}; {counts}")
}

/// The sign of a cell.
fn sign(verdict: Verdict, style: &Style) -> &'static str {
    match (verdict, style.unicode) {
        (Verdict::AsDeclared, true) => "✓",
        (Verdict::AsDeclared, false) => "=",
        (Verdict::Missing, true) => "✗",
        (Verdict::Missing, false) => "x",
        (Verdict::Excess, _) => "!",
        (Verdict::NotMeasured, _) => "?",
    }
}

/// What a cell says: the sign, and what the matrix says.
fn words(cell: &Cell, style: &Style) -> String {
    let none = if style.unicode { "–" } else { "-" };
    let declared = match &cell.declared[..] {
        [] => none.to_owned(),
        some => some.join(", "),
    };
    format!("{} {declared}", sign(cell.verdict(), style))
}

/// The columns of each environment, in the proof's order.
fn environments(proof: &Proof) -> Vec<(EnvironmentName, Vec<usize>)> {
    let mut found: Vec<(EnvironmentName, Vec<usize>)> = Vec::new();
    for (at, target) in proof.targets.iter().enumerate() {
        let name = target.environment();
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, columns)) => columns.push(at),
            None => found.push((name, vec![at])),
        }
    }
    found
}

fn header<'p>(proof: &'p Proof, columns: &[usize]) -> Vec<&'p str> {
    let targets = columns.iter().map(|at| proof.targets[*at].path());
    std::iter::once("who").chain(targets).collect()
}

/// What is said of each deviation: the worst first, and steps that say the same once.
fn remarks(proof: &Proof) -> Vec<(Verdict, String, Vec<String>)> {
    let mut remarks = Vec::new();
    for (verdict, _) in &VERDICTS[..3] {
        // Who could not sign in is said once, not for every probe.
        let mut same: BTreeMap<(&str, Vec<String>), Vec<String>> = BTreeMap::new();
        for (row, cell) in proof.cells() {
            for tried in cell.with(*verdict) {
                let why: Vec<String> = tried.telling().map(because).collect();
                let what = format!("{} on {}", tried.probe, cell.target);
                match verdict {
                    Verdict::NotMeasured => {
                        same.entry((&row.who, why)).or_default().push(what);
                    }
                    _ => remarks.push((*verdict, deviation(row, cell, tried), why)),
                }
            }
        }
        for ((who, why), what) in same {
            let what = match &what[..] {
                [one] => one.clone(),
                many => format!("{} and {} more", many[0], many.len() - 1),
            };
            remarks.push((*verdict, format!("{who}: {what} was not measured"), why));
        }
    }
    remarks
}

fn deviation(row: &Row, cell: &Cell, tried: &Try) -> String {
    let (who, probe, target) = (&row.who, tried.probe, &cell.target);
    match tried.verdict {
        Verdict::Missing => format!("{who} cannot {probe} on {target}, and should"),
        _ => format!("{who} can {probe} on {target}, and should not"),
    }
}

fn because(step: &Step) -> String {
    use crate::proof::Measured;
    match &step.measured {
        Measured::Unknown(why) if step.asked.is_empty() => plain(why),
        Measured::Unknown(why) => format!("{}: {}", step.asked, plain(why)),
        Measured::Allowed | Measured::Refused => format!("{}: {}", step.asked, plain(&step.heard)),
    }
}

fn text(proof: &Proof, cloud: &str, style: &Style) -> String {
    let strong = style.paint(Tone::Strong, &title(proof, cloud));
    let mut text = wrap(&strong, style, 0, 2);
    for (environment, columns) in environments(proof) {
        let name = style.paint(Tone::Strong, environment.as_str());
        text.push_str(&format!("\n{name}\n"));
        let line = |row: &Row| {
            let cells = columns.iter().map(|at| words(&row.cells[*at], style));
            std::iter::once(row.who.clone()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = proof.rows.iter().map(line).collect();
        let header = header(proof, &columns);
        text.push_str(&grid(&header, &rows, style));
    }
    for (verdict, what, why) in remarks(proof) {
        let tone = match verdict {
            Verdict::NotMeasured => Tone::Change,
            _ => Tone::Bad,
        };
        let line = format!("{} {what}", sign(verdict, style));
        text.push('\n');
        text.push_str(&wrap(&style.paint(tone, &line), style, 0, 2));
        for line in why {
            text.push_str(&wrap(&line, style, 2, 4));
        }
    }
    text
}

fn markdown(proof: &Proof, cloud: &str) -> String {
    let style = Style {
        colour: false,
        width: u16::MAX,
        unicode: true,
    };
    let mut page = Page::new(LIMIT);
    page.push(&format!("### {}\n", prose(&title(proof, cloud))));
    let remarks = remarks(proof);
    if !remarks.is_empty() {
        page.push("\n#### Not as declared\n\n");
        page.push(&head(&["", "what", "because"]));
        for (verdict, what, why) in remarks {
            let why: Vec<String> = why.iter().map(|line| prose(line)).collect();
            let sign = sign(verdict, &style).to_owned();
            page.offer(&row(&[sign, prose(&what), why.join("<br>")]));
        }
    }
    for (environment, columns) in environments(proof) {
        page.push(&format!("\n#### {environment}\n\n"));
        page.push(&head(&header(proof, &columns)));
        for line in &proof.rows {
            let cells = columns
                .iter()
                .map(|at| prose(&words(&line.cells[*at], &style)));
            let cells: Vec<String> = std::iter::once(code(&line.who)).chain(cells).collect();
            page.offer(&row(&cells));
        }
    }
    page.finish()
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    summary: BTreeMap<Verdict, usize>,
    #[serde(flatten)]
    proof: &'a Proof,
}

fn json(proof: &Proof, cloud: &str) -> String {
    let counts = VERDICTS.iter();
    document(&Document {
        version: VERSION,
        cloud,
        kind: "rbac_proof",
        summary: counts
            .map(|(verdict, _)| (*verdict, proof.count(*verdict)))
            .collect(),
        proof,
    })
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;

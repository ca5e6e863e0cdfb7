//! The matrix as people know it, environment by environment, and what each odd cell rests on.

use std::collections::BTreeMap;

use super::super::layout::{grid, list, plain, wrap};
use super::super::markdown::{LIMIT, Page, code, head, prose, row};
use super::super::style::{Format, Style, Tone};
use super::{beside, matrix_document, unread};
use crate::rbac::audit::Audit;
use crate::rbac::cells::{Cell, Mark, Matrix};
use crate::rbac::estate::{Column, Row};
use crate::rbac::explain::way;
use crate::rbac::obtain::Obtained;
use crate::rbac::{Example, Excess, Scope};
use crate::resource::EnvironmentName;

/// How many gaps or excesses of a cell are told.
const TOLD: usize = 4;

/// Declared against effective, and what could be obtained.
pub fn matrix(
    cloud: &str,
    audit: &Audit<'_>,
    matrix: &Matrix<'_>,
    format: Format,
    style: &Style,
) -> String {
    match format {
        Format::Table => text(cloud, audit, matrix, style),
        Format::Json => matrix_document::json(cloud, audit, matrix),
        Format::Markdown => markdown(cloud, audit, matrix),
    }
}

/// Every mark, in the order in which they are told.
const MARKS: [Mark; 6] = [
    Mark::AsDeclared,
    Mark::Missing,
    Mark::More,
    Mark::Obtainable,
    Mark::Unknown,
    Mark::Nothing,
];

fn sign(mark: Mark, unicode: bool) -> &'static str {
    match (mark, unicode) {
        (Mark::AsDeclared, true) => "✓",
        (Mark::AsDeclared, false) => "ok",
        (Mark::Missing, true) => "✗",
        (Mark::Missing, false) => "x",
        (Mark::More, _) => "!",
        (Mark::Obtainable, true) => "↗",
        (Mark::Obtainable, false) => "^",
        (Mark::Unknown, _) => "?",
        (Mark::Nothing, true) => "–",
        (Mark::Nothing, false) => "-",
    }
}

pub(super) fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::AsDeclared => "as declared",
        Mark::Missing => "missing",
        Mark::More => "more than declared",
        Mark::Obtainable => "could obtain more",
        Mark::Unknown => "unknown",
        Mark::Nothing => "nothing, as declared",
    }
}

fn tone(mark: Mark) -> Tone {
    match mark {
        Mark::AsDeclared => Tone::Good,
        Mark::Missing => Tone::Change,
        Mark::More | Mark::Obtainable | Mark::Unknown => Tone::Bad,
        Mark::Nothing => Tone::Dim,
    }
}

fn marks(cell: &Cell, style: &Style) -> String {
    let marks = cell.marks().into_iter();
    let signs: Vec<String> = marks
        .map(|mark| style.paint(tone(mark), sign(mark, style.unicode)))
        .collect();
    signs.join("")
}

/// The columns by their environments, in the order of the estate, with their places.
fn by_environment<'a>(matrix: &Matrix<'a>) -> Vec<(EnvironmentName, Vec<(usize, &'a Column)>)> {
    let mut found: Vec<(EnvironmentName, Vec<(usize, &Column)>)> = Vec::new();
    for (at, column) in matrix.columns.iter().enumerate() {
        let environment = column.address.environment();
        match found.iter_mut().find(|(name, _)| *name == environment) {
            Some((_, columns)) => columns.push((at, column)),
            None => found.push((environment, vec![(at, column)])),
        }
    }
    found
}

fn counted(matrix: &Matrix<'_>) -> Vec<String> {
    let count: BTreeMap<Mark, usize> = matrix.count();
    let told = MARKS.iter().filter_map(|mark| {
        let count = count.get(mark)?;
        Some(format!("{count} {}", word(*mark)))
    });
    told.chain(beside::counted(&matrix.beside)).collect()
}

fn title(cloud: &str, matrix: &Matrix<'_>) -> String {
    let cells = matrix.rows.len() * matrix.columns.len();
    format!("{cells} cells on {cloud}")
}

fn text(cloud: &str, audit: &Audit<'_>, matrix: &Matrix<'_>, style: &Style) -> String {
    let head = style.paint(Tone::Strong, &title(cloud, matrix));
    let counted = list(&counted(matrix), style);
    let mut text = wrap(&format!("{head}: {counted}"), style, 0, 2);
    for (environment, columns) in by_environment(matrix) {
        let name = environment.to_string();
        let mut header = vec![name.as_str()];
        header.extend(columns.iter().map(|(_, column)| column.address.path()));
        let rows: Vec<Vec<String>> = matrix
            .rows
            .iter()
            .map(|(row, cells)| {
                let mut line = vec![plain(&row.name)];
                line.extend(columns.iter().map(|(at, _)| {
                    let cell = &cells[*at];
                    let said = cell.capabilities.join(", ");
                    match said.is_empty() {
                        true => marks(cell, style),
                        false => format!("{} {said}", marks(cell, style)),
                    }
                }));
                line
            })
            .collect();
        text.push('\n');
        text.push_str(&grid(&header, &rows, style));
    }
    let legend: Vec<String> = MARKS
        .iter()
        .map(|mark| format!("{} {}", sign(*mark, style.unicode), word(*mark)))
        .collect();
    text.push('\n');
    text.push_str(&wrap(
        &style.paint(Tone::Dim, &legend.join("  ")),
        style,
        0,
        0,
    ));
    for odd in odd(audit, matrix) {
        text.push('\n');
        let who = format!("{} on {}", plain(&odd.row.name), odd.column.address);
        text.push_str(&wrap(&style.paint(Tone::Strong, &who), style, 0, 2));
        for (mark, line) in &odd.lines {
            let sign = style.paint(tone(*mark), sign(*mark, style.unicode));
            text.push_str(&wrap(&format!("{sign} {}", plain(line)), style, 2, 4));
        }
    }
    text.push_str(&beside::text(&matrix.beside, style));
    text.push_str(&unread::text(audit.reading, &beside::remarks(audit), style));
    text
}

/// A cell that is not as declared, with a line for each thing that is not.
struct Odd<'a> {
    row: &'a Row,
    column: &'a Column,
    lines: Vec<(Mark, String)>,
}

fn odd<'a>(audit: &Audit<'a>, matrix: &Matrix<'a>) -> Vec<Odd<'a>> {
    let mut found = Vec::new();
    for (row, cells) in &matrix.rows {
        for (column, cell) in matrix.columns.iter().zip(cells) {
            let lines = lines(audit, cell);
            if !lines.is_empty() {
                found.push(Odd { row, column, lines });
            }
        }
    }
    found
}

fn lines(audit: &Audit<'_>, cell: &Cell) -> Vec<(Mark, String)> {
    let mut lines = Vec::new();
    let missing = cell.missing.iter().map(|(scope, gap)| {
        let perhaps = if gap.perhaps {
            " may be missing"
        } else {
            " is missing"
        };
        let place = audit.place(scope);
        format!("{} {}{perhaps} {place}", gap.plane, gap.pattern)
    });
    lines.extend(first(Mark::Missing, missing.collect()));
    let told = |(_, excess): &(Scope, Excess)| {
        let why = &excess.why;
        let example = match &excess.example {
            Example::Action(action) if *action != excess.pattern.to_lowercase() => {
                format!(", such as {action}")
            }
            Example::Action(_) => String::new(),
            Example::NotShown => ", as far as can be told".to_owned(),
        };
        let role = why
            .role_name
            .clone()
            .unwrap_or_else(|| format!("role {}", why.role));
        let via: Vec<String> = why.via.iter().map(|id| audit.name(id)).collect();
        let through = match &via[..] {
            [] => String::new(),
            via => format!(" through {}", via.join(", ")),
        };
        let certain = if excess.certain { "" } else { "perhaps " };
        let (plane, pattern, place) = (excess.plane, &excess.pattern, audit.place(&why.scope));
        format!("{certain}{plane} {pattern}{example}: {role} {place}{through}")
    };
    for (mark, unread) in [(Mark::Unknown, true), (Mark::More, false)] {
        let some = cell.more.iter();
        let some = some.filter(|(_, excess)| excess.is_unread() == unread);
        lines.extend(first(mark, some.map(told).collect()));
    }
    let told = |one: &Obtained| {
        let way = way(audit, one);
        let certain = if way.certain { "" } else { "perhaps " };
        format!("{certain}{}: {}", way.power, way.steps.join(", then "))
    };
    for (mark, unread) in [(Mark::Unknown, true), (Mark::Obtainable, false)] {
        let ways = cell.obtainable.iter();
        let ways = ways.filter(|one| cell.is_unread(one) == unread);
        lines.extend(first(mark, ways.map(told).collect()));
    }
    lines
}

/// The first few lines, each once.
fn first(mark: Mark, lines: Vec<String>) -> Vec<(Mark, String)> {
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        if !told.contains(&line) {
            told.push(line);
        }
    }
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    if more > 0 {
        told.push(format!("and {more} more of that; --format json tells all"));
    }
    told.into_iter().map(|line| (mark, line)).collect()
}

fn markdown(cloud: &str, audit: &Audit<'_>, matrix: &Matrix<'_>) -> String {
    let mut page = Page::new(LIMIT);
    let counted = counted(matrix).join(", ");
    page.push(&format!("### {}: {counted}\n", title(cloud, matrix)));
    for (environment, columns) in by_environment(matrix) {
        let name = environment.to_string();
        let mut header = vec![name.as_str()];
        header.extend(columns.iter().map(|(_, column)| column.address.path()));
        page.push(&format!("\n{}", head(&header)));
        for (who, cells) in &matrix.rows {
            let mut line = vec![code(&who.name)];
            line.extend(columns.iter().map(|(at, _)| {
                let cell = &cells[*at];
                let signs: Vec<&str> = cell.marks().iter().map(|it| sign(*it, true)).collect();
                let said = cell.capabilities.join(", ");
                format!("{} {said}", prose(&signs.join("")))
                    .trim_end()
                    .to_owned()
            }));
            page.offer(&row(&line));
        }
    }
    let legend: Vec<String> = MARKS
        .iter()
        .map(|mark| format!("{} {}", prose(sign(*mark, true)), word(*mark)))
        .collect();
    page.push(&format!("\n{}\n\n", legend.join(" · ")));
    for odd in odd(audit, matrix) {
        let mut block = format!(
            "- {} on {}\n",
            code(&odd.row.name),
            code(odd.column.address.as_str())
        );
        for (mark, line) in &odd.lines {
            block.push_str(&format!(
                "  - {} {}\n",
                prose(sign(*mark, true)),
                prose(line)
            ));
        }
        page.offer(&block);
    }
    page.push(&beside::markdown(&matrix.beside));
    page.push(&unread::markdown(audit.reading, &beside::remarks(audit)));
    page.finish()
}

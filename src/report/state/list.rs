//! The list of what stands, one line per object.

use serde::Serialize;

use super::super::diagnostics::{self, Diagnosis};
use super::super::json::{VERSION, document};
use super::super::layout::{self, plain, shorten, table, widest, wrap};
use super::super::markdown::{LIMIT, Page, code, head, row};
use super::super::style::{Format, Style, Tone};
use super::look::{Item, Live, Standing, items};
use crate::resource::Address;

/// Everything declared and everything of ours, with how it stands.
pub fn list(live: &Live<'_>, format: Format, style: &Style) -> String {
    let items: Vec<Item<'_>> = items(live).into_values().collect();
    match format {
        Format::Table => text(live, &items, style),
        Format::Json => json(live, &items),
        Format::Markdown => markdown(live, &items),
    }
}

/// `9 resources on emulator`, and how many stand how.
fn counted(live: &Live<'_>, items: &[Item<'_>]) -> (String, Vec<String>) {
    let count = |standing| items.iter().filter(|i| i.standing == standing).count();
    let words = [
        (Standing::Present, "present"),
        (Standing::Differs, "differing"),
        (Standing::Absent, "absent"),
        (Standing::Unreadable, "unreadable"),
        (Standing::Undeclared, "undeclared"),
    ]
    .into_iter()
    .map(|(standing, word)| (standing, count(standing), word))
    .filter(|(standing, count, _)| *count > 0 || *standing == Standing::Present)
    .map(|(_, count, word)| format!("{count} {word}"))
    .collect();
    let noun = if items.len() == 1 {
        "resource"
    } else {
        "resources"
    };
    (format!("{} {noun} on {}", items.len(), live.cloud), words)
}

const HEADER: [&str; 5] = ["address", "kind", "name", "region", "state"];

fn cells(item: &Item<'_>) -> [String; 5] {
    [
        item.address.to_string(),
        item.kind.meta().name.to_owned(),
        plain(&item.name()),
        plain(item.region().unwrap_or("-")),
        item.standing.to_string(),
    ]
}

fn text(live: &Live<'_>, items: &[Item<'_>], style: &Style) -> String {
    let (title, words) = counted(live, items);
    let title = style.paint(Tone::Strong, &title);
    let mut text = wrap(
        &format!("{title}: {}", layout::list(&words, style)),
        style,
        0,
        2,
    );
    if items.is_empty() {
        return text;
    }
    let cells: Vec<[String; 5]> = items.iter().map(cells).collect();
    let (header, rows) = fitted(&cells, style);
    text.push('\n');
    text.push_str(&table(&header, &rows, header.len().., style));
    for item in items {
        if let Some(failure) = &item.failure {
            let sign = style.paint(Tone::Bad, super::super::sign::UNREADABLE);
            text.push_str(&format!("\n{sign} {}\n", item.address));
            text.push_str(&diagnostics::of(failure, style, 2));
        }
    }
    text
}

/// The least of a name that is worth its place.
const NAME: usize = 16;

/// The header and rows in the width there is. An address is what people copy: it stays whole, as
/// the state does. A name gives way first, then the region, then the kind, which the address tells.
fn fitted(rows: &[[String; 5]], style: &Style) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let wide = |column: usize| {
        let cells = rows.iter().map(|row| row[column].as_str());
        widest(cells.chain([HEADER[column]]), usize::MAX)
    };
    let [address, kind, name, region, state] = [0, 1, 2, 3, 4].map(wide);
    let mut room = style.columns().saturating_sub(address + 2 + state);
    let mut takes = |least: usize| {
        let fits = least + 2 <= room;
        if fits {
            room -= least + 2;
        }
        fits
    };
    let (has_kind, has_region) = (takes(kind), takes(region));
    let has_name = takes(name.min(NAME));
    let names = name.min(NAME) + room;
    let shown = [true, has_kind, has_name, has_region, true];
    let kept = |column: &usize| shown[*column];
    let columns: Vec<usize> = (0..HEADER.len()).filter(kept).collect();
    let row = |row: &[String; 5]| {
        let cell = |column: &usize| match column {
            2 => shorten(&row[2], names, style),
            column => row[*column].clone(),
        };
        columns.iter().map(cell).collect()
    };
    let header = columns.iter().map(|column| HEADER[*column]).collect();
    (header, rows.iter().map(row).collect())
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    resources: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    address: &'a Address,
    kind: &'static str,
    arm_type: &'static str,
    id: Option<&'a str>,
    name: Option<String>,
    region: Option<&'a str>,
    state: Standing,
    differing: Vec<&'a str>,
    ownership: Option<String>,
    failure: Option<&'a Diagnosis>,
}

fn json(live: &Live<'_>, items: &[Item<'_>]) -> String {
    let line = |item| {
        let item: &Item<'_> = item;
        Line {
            address: &item.address,
            kind: item.kind.meta().name,
            arm_type: item.kind.meta().arm_type,
            id: item.id.known(),
            name: item.id.known().map(|_| item.name()),
            region: item.region(),
            state: item.standing,
            differing: item.changes.iter().map(|c| c.path.as_str()).collect(),
            ownership: item.ownership(),
            failure: item.failure.as_ref(),
        }
    };
    document(&Document {
        version: VERSION,
        cloud: live.cloud,
        kind: "state_list",
        resources: items.iter().map(line).collect(),
    })
}

fn markdown(live: &Live<'_>, items: &[Item<'_>]) -> String {
    let mut page = Page::new(LIMIT);
    let (title, words) = counted(live, items);
    page.push(&format!("### {title}: {}\n\n", words.join(", ")));
    page.push(&head(&HEADER));
    for item in items {
        let [address, kind, name, region, state] = cells(item);
        page.offer(&row(&[
            code(&address),
            kind,
            code(&name),
            code(&region),
            state,
        ]));
    }
    page.finish()
}

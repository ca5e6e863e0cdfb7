//! An outcome as text: done, failed with its diagnosis, skipped with its reason.

use super::super::layout::{flow, pad, plain, widest, wrap};
use super::super::style::{Style, Tone};
use super::super::{diagnostics, sign};
use super::account::{self, Entry, Fate};
use crate::provision::apply::Outcome;
use crate::provision::plan::Plan;

pub(super) fn render(plan: &Plan, outcome: &Outcome, style: &Style) -> String {
    let entries = account::entries(plan, outcome);
    let counts = account::count(&entries);
    let title = style.paint(Tone::Strong, &account::title(plan, outcome));
    let line = format!("{title}: {}", account::sentence(&counts));
    let mut text = wrap(&line, style, 0, 2);
    let done = |entry: &&Entry<'_>| matches!(entry.fate, Fate::Done | Fate::AlreadyDone);
    let failed = |entry: &&Entry<'_>| matches!(entry.fate, Fate::Failed(_));
    let skipped = |entry: &&Entry<'_>| matches!(entry.fate, Fate::Skipped(_));
    text.push_str(&section(
        "Done",
        entries.iter().filter(done).collect(),
        style,
    ));
    text.push_str(&section(
        "Failed",
        entries.iter().filter(failed).collect(),
        style,
    ));
    text.push_str(&section(
        "Skipped",
        entries.iter().filter(skipped).collect(),
        style,
    ));
    if counts.remaining > 0 {
        let line = format!("Remaining: {}", account::remaining(&entries));
        text.push('\n');
        text.push_str(&wrap(&style.paint(Tone::Strong, &line), style, 0, 2));
    }
    text
}

fn section(title: &str, mut entries: Vec<&Entry<'_>>, style: &Style) -> String {
    if entries.is_empty() {
        return String::new();
    }
    entries.sort_by_key(|entry| &entry.operation.address);
    let addresses = entries.iter().map(|entry| entry.operation.address.as_str());
    let column = widest(addresses, style.columns() * 45 / 100);
    let mut text = format!("\n{}\n", style.paint(Tone::Strong, title));
    for entry in entries {
        text.push_str(&line(entry, column, style));
    }
    text
}

fn line(entry: &Entry<'_>, column: usize, style: &Style) -> String {
    let operation = entry.operation;
    let sign = pad(sign::of(operation.action, style), 2);
    let (tone, word) = match &entry.fate {
        Fate::Done => (sign::tone(operation.action), plain(&operation.kind)),
        Fate::AlreadyDone => {
            let kind = plain(&operation.kind);
            (
                sign::tone(operation.action),
                format!("{kind}, by an earlier run"),
            )
        }
        Fate::Failed(_) => (Tone::Bad, operation.action.to_string()),
        Fate::Skipped(reason) => (Tone::Dim, plain(reason)),
    };
    let sign = match &entry.fate {
        Fate::Failed(_) => pad(sign::REFUSED, 2),
        _ => sign,
    };
    let address = style.paint(tone, &format!("{sign}{}", operation.address));
    let mut text = flow(&[pad(&address, column + 2), word], style, 2, 6);
    if let Fate::Failed(diagnosis) = &entry.fate {
        text.push_str(&diagnostics::of(diagnosis, style, 6));
    }
    if let Some(gone) = entry.gone {
        let warning = style.paint(Tone::Bad, &format!("now: {gone}"));
        text.push_str(&wrap(&warning, style, 6, 8));
    }
    text
}

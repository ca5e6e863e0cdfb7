//! An outcome as text: done, failed with its diagnosis, skipped with its reason.

use super::super::layout::{flow, list, pad, plain, wrap};
use super::super::style::{Style, Tone};
use super::super::{diagnostics, sign};
use super::account::{self, Entry, Fate};
use crate::provision::apply::Outcome;
use crate::provision::plan::Plan;

pub(super) fn render(plan: &Plan, outcome: &Outcome, style: &Style) -> String {
    let mut entries = account::entries(plan, outcome);
    entries.sort_by_key(|entry| &entry.operation.address);
    let counts = account::count(&entries);
    let title = style.paint(Tone::Strong, &account::title(plan, outcome));
    let line = format!("{title}: {}", list(&account::words(&counts), style));
    let mut text = wrap(&line, style, 0, 2);
    for (title, belongs) in [
        ("Done", is_done as fn(&Fate) -> bool),
        ("Failed", |fate| matches!(fate, Fate::Failed(_))),
        ("Skipped", |fate| matches!(fate, Fate::Skipped(_))),
    ] {
        let mut lines = entries
            .iter()
            .filter(|entry| belongs(&entry.fate))
            .peekable();
        if lines.peek().is_some() {
            text.push_str(&format!("\n{}\n", style.paint(Tone::Strong, title)));
        }
        lines.for_each(|entry| text.push_str(&told(entry, style)));
    }
    if counts.remaining > 0 {
        let title = style.paint(Tone::Strong, "Remaining");
        let line = format!("{title}: {}", list(&account::remaining(&entries), style));
        text.push('\n');
        text.push_str(&wrap(&line, style, 0, 2));
    }
    text
}

fn is_done(fate: &Fate) -> bool {
    matches!(fate, Fate::Done | Fate::AlreadyDone)
}

fn told(entry: &Entry<'_>, style: &Style) -> String {
    let operation = entry.operation;
    let planned = sign::of(operation.action, style);
    let (sign, tone, remark) = match &entry.fate {
        Fate::Done => (planned, sign::tone(operation.action), String::new()),
        Fate::AlreadyDone => {
            let remark = "by an earlier run".to_owned();
            (planned, sign::tone(operation.action), remark)
        }
        Fate::Failed(_) if operation.is_lift() => (
            sign::REFUSED,
            Tone::Bad,
            "lifting and putting back failed".to_owned(),
        ),
        Fate::Failed(_) => {
            let remark = format!("{} failed", operation.action);
            (sign::REFUSED, Tone::Bad, remark)
        }
        Fate::Skipped(reason) => (planned, Tone::Dim, plain(reason)),
    };
    let address = format!("{}{}", pad(sign, 2), operation.address);
    let kind = style.paint(Tone::Dim, &format!("({})", plain(&operation.kind)));
    let named = format!("{} {kind}", style.paint(tone, &address));
    let mut text = flow(&[named, remark], style, 2, 6);
    if let Fate::Failed(diagnosis) = &entry.fate {
        text.push_str(&diagnostics::of(diagnosis, style, 6));
    }
    if let Some(gone) = entry.gone {
        let warning = style.paint(Tone::Bad, &format!("now: {gone}"));
        text.push_str(&wrap(&warning, style, 6, 8));
    }
    text
}

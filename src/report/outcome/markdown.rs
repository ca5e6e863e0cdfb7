//! An outcome as a pull request's comment: what went wrong first, what was done folded away.

use super::super::markdown::{LIMIT, Page, code, head, prose, row};
use super::account::{self, Entry, Fate};
use crate::provision::apply::Outcome;
use crate::provision::plan::Plan;

pub(super) fn render(plan: &Plan, outcome: &Outcome) -> String {
    let mut entries = account::entries(plan, outcome);
    entries.sort_by_key(|entry| &entry.operation.address);
    let counts = account::count(&entries);
    let mut page = Page::new(LIMIT);
    page.push(&format!(
        "### {}\n\n**{}**\n",
        prose(&account::title(plan, outcome)),
        account::words(&counts).join(", ")
    ));
    if counts.remaining > 0 {
        page.push(&format!(
            "\nRemaining: {}\n",
            account::remaining(&entries).join(", ")
        ));
    }
    failed(&entries, &mut page);
    skipped(&entries, &mut page);
    done(&entries, &mut page);
    page.finish()
}

fn failed(entries: &[Entry<'_>], page: &mut Page) {
    let mut rows = Vec::new();
    for entry in entries {
        let Fate::Failed(diagnosis) = &entry.fate else {
            continue;
        };
        rows.push(row(&[
            named(entry),
            entry.operation.action.to_string(),
            code(&diagnosis.code),
            prose(&diagnosis.message),
            prose(diagnosis.hint.as_deref().unwrap_or_default()),
            code(diagnosis.request_id.as_deref().unwrap_or_default()),
        ]));
    }
    if !rows.is_empty() {
        page.push("\n#### ! Failed\n\n");
        let cells = [
            "resource",
            "action",
            "code",
            "message",
            "hint",
            "request id",
        ];
        page.push(&head(&cells));
        rows.iter().for_each(|row| page.offer(row));
    }
}

fn skipped(entries: &[Entry<'_>], page: &mut Page) {
    let mut rows = Vec::new();
    for entry in entries {
        if let Fate::Skipped(reason) = &entry.fate {
            let action = entry.operation.action.to_string();
            rows.push(row(&[named(entry), action, prose(reason)]));
        }
    }
    if !rows.is_empty() {
        page.push("\n#### Skipped\n\n");
        page.push(&head(&["resource", "action", "why"]));
        rows.iter().for_each(|row| page.offer(row));
    }
}

fn done(entries: &[Entry<'_>], page: &mut Page) {
    let mut rows = Vec::new();
    for entry in entries {
        let when = match entry.fate {
            Fate::Done => "",
            Fate::AlreadyDone => "by an earlier run",
            Fate::Failed(_) | Fate::Skipped(_) => continue,
        };
        rows.push(row(&[
            named(entry),
            entry.operation.action.to_string(),
            prose(&entry.operation.kind),
            when.to_owned(),
        ]));
    }
    if !rows.is_empty() {
        page.push(&format!(
            "\n<details><summary>{} done</summary>\n\n",
            rows.len()
        ));
        page.push(&head(&["resource", "action", "kind", ""]));
        rows.iter().for_each(|row| page.offer(row));
        page.push("\n</details>\n");
    }
}

/// The address, and what is missing there now.
fn named(entry: &Entry<'_>) -> String {
    let address = code(entry.operation.address.as_str());
    match entry.gone {
        Some(gone) => format!("{address}<br>**now: {gone}**"),
        None => address,
    }
}

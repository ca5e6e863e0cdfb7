//! A plan as text: grouped by environment, one line per operation, its fields below.

use super::super::layout::{flow, list, pad, plain, shorten, shorten_id, table, wrap};
use super::super::style::{Style, Tone};
use super::super::{diagnostics, sign, value};
use super::access;
use super::grouping::{self, ACTIONS, Group};
use crate::provision::diff::FieldChange;
use crate::provision::guard::Objection;
use crate::provision::plan::{Action, Operation, Plan};

/// How far the fields of an operation are indented.
const FIELDS: usize = 6;
/// How many lines the summary of a new object may take.
const SUMMARY_LINES: usize = 6;
/// How many unmanaged objects are named.
pub(super) const UNMANAGED: usize = 10;

pub(super) fn render(plan: &Plan, objections: &[Objection], style: &Style) -> String {
    let mut text = String::new();
    if plan.is_empty() {
        text.push_str(&style.paint(Tone::Strong, &grouping::nothing_to_do(plan)));
        text.push('\n');
    } else {
        text.push_str(&headline(plan, style));
        if let Some(line) = grouping::wider(plan) {
            text.push_str(&wrap(&style.paint(Tone::Change, &line), style, 0, 2));
        }
        text.push_str(&access(plan, style));
        let groups = grouping::groups(plan);
        for group in groups.iter().filter(|group| !group.operations.is_empty()) {
            text.push_str(&environment(plan, group, style));
        }
    }
    text.push_str(&refusals(plan, style));
    text.push_str(&objected(plan, objections, style));
    text.push_str(&unreadable(plan, style));
    text.push_str(&stays(plan, style));
    text.push_str(&unmanaged(plan, style));
    if !plan.is_empty() {
        text.push_str(&summary(plan, style));
    }
    text
}

fn headline(plan: &Plan, style: &Style) -> String {
    let counts = grouping::total(plan);
    let mut rest = vec![format!("{} unchanged", plan.unchanged)];
    rest.extend(grouping::left_out(plan));
    rest.extend(counts.trouble());
    let line = format!(
        "{}: {}; {}",
        style.paint(Tone::Strong, &grouping::title(plan)),
        list(&counts.words(), style),
        list(&rest, style)
    );
    wrap(&line, style, 0, 2)
}

fn heading(text: &str, style: &Style) -> String {
    format!("\n{}\n", style.paint(Tone::Strong, text))
}

/// Who may do what, before and after, where that changes.
fn access(plan: &Plan, style: &Style) -> String {
    let none = if style.unicode { "–" } else { "-" };
    let mut text = String::new();
    for matrix in access::matrices(plan) {
        text.push_str(&heading(
            &format!("access in {}", matrix.environment),
            style,
        ));
        let mut header = vec!["who"];
        header.extend(matrix.targets.iter().map(String::as_str));
        let rows = matrix.rows.iter().map(|(who, cells)| {
            let words = cells.iter().map(|cell| cell.words(style.arrow(), none));
            std::iter::once(who.clone()).chain(words).collect()
        });
        let rows: Vec<Vec<String>> = rows.collect();
        text.push_str(&table(&header, &rows, header.len().., style));
    }
    text
}

fn environment(plan: &Plan, group: &Group<'_>, style: &Style) -> String {
    let mut text = heading(group.environment.as_str(), style);
    if group.protected {
        text.pop();
        text.push_str(&format!(" {}\n", style.paint(Tone::Bad, "(protected)")));
    }
    for operation in &group.operations {
        text.push_str(&head(plan, operation, style));
        text.push_str(&fields(operation, style));
    }
    text
}

/// Sign, address, kind, reason.
fn head(plan: &Plan, operation: &Operation, style: &Style) -> String {
    let sign = pad(sign::of(operation.action, style), 2);
    let address = format!("{sign}{}", operation.address);
    let address = style.paint(sign::tone(operation.action), &address);
    let kind = style.paint(Tone::Dim, &format!("({})", plain(&operation.kind)));
    let reason = plain(&grouping::reason(plan, operation));
    flow(&[format!("{address} {kind}"), reason], style, 2, FIELDS)
}

fn fields(operation: &Operation, style: &Style) -> String {
    let mut text = String::new();
    if matches!(operation.action, Action::Delete | Action::Adopt) {
        let room = style.columns() - FIELDS - "id: ".len();
        let id = shorten_id(&plain(&operation.id.to_string()), room, style);
        text.push_str(&wrap(&format!("id: {id}"), style, FIELDS, FIELDS + 2));
    }
    if matches!(operation.action, Action::Create | Action::Recover) {
        text.push_str(&new_object(operation, style));
    }
    for change in value::changes(operation) {
        text.push_str(&field(change, value::remarks(change), style));
    }
    text
}

/// What a new object will be, on a few lines.
fn new_object(operation: &Operation, style: &Style) -> String {
    let room = style.columns() - FIELDS;
    let words: Vec<String> = value::summary(operation)
        .iter()
        .map(|word| shorten(word, room - 1, style))
        .collect();
    for kept in (1..=words.len()).rev() {
        let mut told = list(&words[..kept], style);
        if kept < words.len() {
            told.push_str(&format!(", and {} more fields", words.len() - kept));
        }
        let text = wrap(&told, style, FIELDS, FIELDS);
        if text.lines().count() <= SUMMARY_LINES || kept == 1 {
            return text;
        }
    }
    String::new()
}

/// `path: before → after  who moved it`.
fn field(change: &FieldChange, remarks: Vec<String>, style: &Style) -> String {
    let path = format!("{}:", plain(&change.path));
    let arrow = style.arrow();
    let room = style.columns() - FIELDS - 4 - arrow.chars().count();
    let (before, after) = value::pair(change, room, style);
    let remarks = remarks.join(", ");
    let moved = format!("{before} {arrow} {}", style.paint(Tone::Change, &after));
    let pieces = [format!("{path} {moved}"), style.paint(Tone::Dim, &remarks)];
    // A long path keeps its line to itself; the values follow below it.
    let wide = textwrap::core::display_width(&pieces[0]) > style.columns() - FIELDS;
    if wide {
        let below = [path, moved, pieces[1].clone()];
        return flow(&below, style, FIELDS, FIELDS + 2);
    }
    flow(&pieces, style, FIELDS, FIELDS + 2)
}

fn refusals(plan: &Plan, style: &Style) -> String {
    let refused = plan.refusals.iter().map(|refusal| Obstacle {
        address: Some(refusal.address.as_str()),
        problem: &refusal.problem,
        instead: &refusal.instead,
        changes: &refusal.changes,
    });
    obstacles("Refused", &refused.collect::<Vec<_>>(), style)
}

fn objected(plan: &Plan, objections: &[Objection], style: &Style) -> String {
    let objected = super::beside_refusals(plan, objections).map(|objection| Obstacle {
        address: objection.address.as_ref().map(|address| address.as_str()),
        problem: &objection.problem,
        instead: &objection.instead,
        changes: &[],
    });
    obstacles("Blocked by the guard", &objected.collect::<Vec<_>>(), style)
}

/// Something in the way, and what to do instead.
struct Obstacle<'a> {
    address: Option<&'a str>,
    problem: &'a str,
    instead: &'a str,
    /// All fields in which its object differs.
    changes: &'a [FieldChange],
}

/// Obstacles under a heading; what to do is said once for those in a row that share it.
fn obstacles(title: &str, obstacles: &[Obstacle<'_>], style: &Style) -> String {
    let mut text = String::new();
    let same = |one: &Obstacle<'_>, next: &Obstacle<'_>| {
        one.instead == next.instead && one.changes.is_empty()
    };
    for row in obstacles.chunk_by(same) {
        for obstacle in row {
            let sign = style.paint(Tone::Bad, sign::REFUSED);
            let address = obstacle.address.unwrap_or("the whole plan");
            let pieces = [format!("{sign} {address}"), plain(obstacle.problem)];
            text.push_str(&flow(&pieces, style, 2, FIELDS));
        }
        let instead = format!("instead: {}", plain(row[0].instead));
        text.push_str(&wrap(&instead, style, FIELDS, FIELDS + 2));
        for change in row.iter().flat_map(|obstacle| obstacle.changes) {
            text.push_str(&field(change, value::graded(change), style));
        }
    }
    if text.is_empty() {
        text
    } else {
        heading(title, style) + &text
    }
}

fn unreadable(plan: &Plan, style: &Style) -> String {
    if !plan.is_partial() {
        return String::new();
    }
    let mut text = heading("Could not be read, left alone", style);
    for unread in &plan.unreadable {
        let sign = style.paint(Tone::Bad, sign::UNREADABLE);
        text.push_str(&format!("  {sign} {}\n", unread.address));
        text.push_str(&diagnostics::lines(&unread.failure, style, FIELDS));
    }
    for collection in &plan.unread {
        let sign = style.paint(Tone::Bad, sign::UNREADABLE);
        let scope = plain(&collection.scope);
        text.push_str(&format!("  {sign} every {} in {scope}\n", collection.kind));
        text.push_str(&diagnostics::lines(&collection.failure, style, FIELDS));
    }
    text
}

fn stays(plan: &Plan, style: &Style) -> String {
    if plan.stays.is_empty() {
        return String::new();
    }
    let mut text = heading(grouping::STAYS, style);
    for stay in &plan.stays {
        let kind = style.paint(Tone::Dim, &format!("({})", plain(&stay.kind)));
        let head = format!("{} {kind}", stay.address);
        text.push_str(&flow(&[head, plain(&stay.why)], style, 2, FIELDS));
    }
    text
}

fn unmanaged(plan: &Plan, style: &Style) -> String {
    if plan.unmanaged.is_empty() {
        return String::new();
    }
    let title = "Not ours, never touched, though it stands where we manage";
    let mut text = heading(title, style);
    let lines = grouping::unmanaged(plan);
    for (id, remark) in lines.iter().take(UNMANAGED) {
        let room = style.columns() - 2 - remark.len() - if remark.is_empty() { 0 } else { 2 };
        let id = shorten_id(&plain(id), room, style);
        text.push_str(&flow(&[id, remark.clone()], style, 2, 4));
    }
    if let Some(more) = lines.len().checked_sub(UNMANAGED + 1) {
        text.push_str(&format!("  and {} more\n", more + 1));
    }
    text
}

/// Counts per environment and action, where there is more than one environment.
fn summary(plan: &Plan, style: &Style) -> String {
    let groups = grouping::groups(plan);
    if groups.len() < 2 {
        return String::new();
    }
    let total = grouping::total(plan);
    let shown: Vec<Action> = ACTIONS.into_iter().filter(|a| total.of(*a) > 0).collect();
    let extra = [
        ("lift", total.lift),
        ("refused", total.refused),
        ("unreadable", total.unreadable),
    ];
    let extra: Vec<&str> = extra.iter().filter(|e| e.1 > 0).map(|e| e.0).collect();
    let names: Vec<String> = shown.iter().map(ToString::to_string).collect();
    let mut header = vec!["environment"];
    header.extend(names.iter().map(String::as_str));
    header.extend(&extra);
    let row = |name: &str, counts: &grouping::Counts| {
        let mut cells = vec![name.to_owned()];
        cells.extend(shown.iter().map(|action| counts.of(*action).to_string()));
        cells.extend(extra.iter().map(|name| {
            let count = match *name {
                "lift" => counts.lift,
                "refused" => counts.refused,
                _ => counts.unreadable,
            };
            count.to_string()
        }));
        cells
    };
    let mut rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| row(group.environment.as_str(), &group.counts))
        .collect();
    rows.push(row("all", &total));
    format!("\n{}", table(&header, &rows, 1.., style))
}

//! A plan as a pull request's comment: what is in the way first, then collapsible details.

use super::super::markdown::{LIMIT, Page, code, head, prose, row};
use super::super::style::Style;
use super::super::{sign, value};
use super::access;
use super::grouping::{self, Group};
use super::text::UNMANAGED;
use crate::provision::diff::FieldChange;
use crate::provision::guard::Objection;
use crate::provision::plan::{Action, Operation, Plan};

/// Markdown is as wide as the reader's window.
const STYLE: Style = Style {
    colour: false,
    width: u16::MAX,
    unicode: true,
};

pub(super) fn render(plan: &Plan, objections: &[Objection]) -> String {
    let mut page = Page::new(LIMIT);
    page.push(&format!("### {}\n\n", prose(&grouping::title(plan))));
    if plan.is_empty() {
        page.push(&format!("{}\n", grouping::nothing_to_do(plan)));
    } else {
        let counts = grouping::total(plan);
        let mut rest = vec![format!("{} unchanged", plan.unchanged)];
        rest.extend(grouping::left_out(plan));
        rest.extend(counts.trouble());
        page.push(&format!(
            "**{}**; {}\n",
            counts.words().join(", "),
            rest.join(", ")
        ));
        if let Some(line) = grouping::wider(plan) {
            page.push(&format!("\n**{}**\n", prose(&line)));
        }
    }
    in_the_way(plan, objections, &mut page);
    unreadable(plan, &mut page);
    access(plan, &mut page);
    for group in grouping::groups(plan) {
        if !group.operations.is_empty() {
            environment(plan, &group, &mut page);
        }
    }
    stays(plan, &mut page);
    unmanaged(plan, &mut page);
    page.finish()
}

/// Refusals of the plan, then objections of the guard.
fn in_the_way(plan: &Plan, objections: &[Objection], page: &mut Page) {
    let refusals = plan.refusals.iter().map(|refusal| {
        let address = code(refusal.address.as_str());
        let lines = refusal.changes.iter().map(|it| line(it, value::graded(it)));
        let problem = std::iter::once(prose(&refusal.problem)).chain(lines);
        let problem = problem.collect::<Vec<_>>().join("<br>");
        [address, problem, prose(&refusal.instead)]
    });
    let objected = super::beside_refusals(plan, objections).map(|objection| {
        let address = objection.address.as_ref();
        let address = address.map_or("the whole plan".to_owned(), |a| code(a.as_str()));
        [
            address,
            prose(&objection.problem),
            prose(&objection.instead),
        ]
    });
    for (title, rows) in [
        ("Refused", refusals.collect::<Vec<_>>()),
        ("Blocked by the guard", objected.collect()),
    ] {
        if !rows.is_empty() {
            page.push(&format!("\n#### {} {title}\n\n", sign::REFUSED));
            page.push(&head(&["resource", "problem", "instead"]));
            for cells in rows {
                page.offer(&row(&cells));
            }
        }
    }
}

fn access(plan: &Plan, page: &mut Page) {
    for matrix in access::matrices(plan) {
        page.push(&format!("\n#### access in {}\n\n", matrix.environment));
        let mut header = vec!["who"];
        header.extend(matrix.targets.iter().map(String::as_str));
        page.push(&head(&header));
        for (who, cells) in &matrix.rows {
            let words = cells.iter().map(|cell| prose(&cell.words("→", "–")));
            let cells: Vec<String> = std::iter::once(code(who)).chain(words).collect();
            page.offer(&row(&cells));
        }
    }
}

fn unreadable(plan: &Plan, page: &mut Page) {
    if !plan.is_partial() {
        return;
    }
    page.push("\n#### ? Could not be read, left alone\n\n");
    page.push(&head(&[
        "resource",
        "code",
        "message",
        "hint",
        "request id",
    ]));
    let resources = plan
        .unreadable
        .iter()
        .map(|unread| (code(unread.address.as_str()), &unread.failure));
    let collections = plan.unread.iter().map(|collection| {
        let what = format!("every {} in {}", collection.kind, collection.scope);
        (prose(&what), &collection.failure)
    });
    for (what, failure) in resources.chain(collections) {
        page.offer(&row(&[
            what,
            code(&failure.code),
            prose(&failure.message),
            prose(failure.hint.as_deref().unwrap_or_default()),
            code(failure.request_id.as_deref().unwrap_or_default()),
        ]));
    }
}

fn environment(plan: &Plan, group: &Group<'_>, page: &mut Page) {
    let protected = if group.protected { " (protected)" } else { "" };
    page.push(&format!(
        "\n<details><summary><strong>{}</strong>{protected}: {}</summary>\n\n",
        group.environment,
        group.counts.words().join(", ")
    ));
    page.push(&head(&["", "resource", "kind", "why", "details"]));
    for operation in &group.operations {
        page.offer(&row(&[
            code(sign::of(operation.action, &STYLE)),
            code(operation.address.as_str()),
            prose(&operation.kind),
            prose(&grouping::reason(plan, operation)),
            details(operation),
        ]));
    }
    page.push("\n</details>\n");
}

/// What a new object will be, or each field that changes, on lines of one cell.
fn details(operation: &Operation) -> String {
    let mut lines = Vec::new();
    match operation.action {
        Action::Delete | Action::Adopt => lines.push(code(&operation.id.to_string())),
        Action::Create | Action::Recover => {
            lines.extend(value::summary(operation).iter().map(|word| code(word)));
            lines = vec![lines.join(", ")];
        }
        Action::Update | Action::Replace => {}
    }
    for change in value::changes(operation) {
        lines.push(line(change, value::remarks(change)));
    }
    lines.join("<br>")
}

/// A field that changes, on a line of its own.
fn line(change: &FieldChange, remarks: Vec<String>) -> String {
    let remarks = remarks.join(", ");
    let remarks = if remarks.is_empty() {
        remarks
    } else {
        format!(" ({remarks})")
    };
    format!(
        "{}: {} → {}{remarks}",
        code(&change.path),
        code(&value::text(&change.before)),
        code(&value::text(&change.after)),
    )
}

fn stays(plan: &Plan, page: &mut Page) {
    if plan.stays.is_empty() {
        return;
    }
    page.push(&format!("\n#### {}\n\n", grouping::STAYS));
    page.push(&head(&["resource", "kind", "why"]));
    for stay in &plan.stays {
        let address = code(stay.address.as_str());
        page.offer(&row(&[address, prose(&stay.kind), prose(&stay.why)]));
    }
}

fn unmanaged(plan: &Plan, page: &mut Page) {
    if plan.unmanaged.is_empty() {
        return;
    }
    page.push(&format!(
        "\n<details><summary>{} not ours, never touched</summary>\n\n",
        plan.unmanaged.len()
    ));
    page.push(&head(&["id", ""]));
    let lines = grouping::unmanaged(plan);
    for (id, remark) in lines.iter().take(UNMANAGED) {
        page.offer(&row(&[code(id), remark.clone()]));
    }
    if lines.len() > UNMANAGED {
        page.push(&format!("\nand {} more\n", lines.len() - UNMANAGED));
    }
    page.push("\n</details>\n");
}

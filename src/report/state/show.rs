//! One object in full: id, ownership, managed fields, outputs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::diagnostics::{self, Diagnosis};
use super::super::json::{VERSION, document};
use super::super::layout::{flow, pad, plain, widest, wrap};
use super::super::markdown::{LIMIT, Page, code, head, row};
use super::super::style::{Format, Style, Tone};
use super::super::value;
use super::look::{Item, Live, Standing, items};
use crate::provision::diff::FieldChange;
use crate::resource::{Address, Compare, Value};

/// The object at `address`; `None` where nothing is declared and nothing of ours stands there.
pub fn show(live: &Live<'_>, address: &Address, format: Format, style: &Style) -> Option<String> {
    let item = items(live).remove(address)?;
    Some(match format {
        Format::Table => text(&item, style),
        Format::Json => json(live, &item),
        Format::Markdown => markdown(live, &item),
    })
}

/// The managed fields that a live object has, and those of TOML where none stands; a map of
/// which we own keys, such as tags, key by key.
fn fields<'a>(item: &'a Item<'_>) -> Vec<(String, &'a Value)> {
    let live = item.object.map(|object| &object.projection);
    let Some(tree) = live.or(item.declared.as_ref()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for field in item.kind.meta().fields {
        match (field.compare, tree.at(field.path)) {
            (_, None) => {}
            (Compare::OwnKeys, Some(Value::Map(map))) => {
                let key = |(key, value)| (format!("{}.{key}", field.path), value);
                found.extend(map.iter().map(key));
            }
            (_, Some(value)) => found.push((field.path.to_owned(), value)),
        }
    }
    found
}

fn facts(item: &Item<'_>) -> Vec<(&'static str, String)> {
    let meta = item.kind.meta();
    let mut facts = vec![
        ("kind", format!("{} ({})", meta.name, meta.arm_type)),
        ("id", plain(&item.id.to_string())),
        ("state", item.standing.to_string()),
    ];
    facts.extend(item.region().map(|region| ("region", plain(region))));
    facts.extend(item.ownership().map(|owner| ("marker", owner)));
    facts
}

fn text(item: &Item<'_>, style: &Style) -> String {
    let mut text = format!("{}\n", style.paint(Tone::Strong, item.address.as_str()));
    for (name, fact) in facts(item) {
        text.push_str(&flow(&[pad(&format!("{name}:"), 7), fact], style, 2, 4));
    }
    if let Some(failure) = &item.failure {
        text.push_str(&diagnostics::of(failure, style, 2));
    }
    let title = if item.object.is_some() {
        "Managed fields, live"
    } else {
        "Managed fields, as declared"
    };
    text.push_str(&section(title, style));
    let fields = fields(item);
    let column = widest(
        fields.iter().map(|(path, _)| path.as_str()),
        style.columns() * 55 / 100,
    );
    for (path, value) in &fields {
        let pieces = [pad(&plain(path), column), value::text(value)];
        text.push_str(&flow(&pieces, style, 2, 6));
    }
    if !item.changes.is_empty() {
        text.push_str(&section("Not as declared", style));
    }
    for change in &item.changes {
        let asked = format!(
            "{} {} {}",
            value::text(&change.before),
            style.arrow(),
            value::text(&change.after)
        );
        let remarks = value::remarks(change).join(", ");
        let pieces = [format!("{}:", plain(&change.path)), asked, remarks];
        text.push_str(&flow(&pieces, style, 2, 6));
    }
    let outputs = item.object.map(|object| &object.outputs);
    // The id stands above.
    let outputs = outputs
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "id");
    for (at, (name, output)) in outputs.enumerate() {
        if at == 0 {
            text.push_str(&section("Outputs", style));
        }
        text.push_str(&wrap(&format!("{name}: {}", plain(output)), style, 2, 6));
    }
    text
}

fn section(title: &str, style: &Style) -> String {
    format!("\n{}\n", style.paint(Tone::Strong, title))
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    resource: Shown<'a>,
}

#[derive(Serialize)]
struct Shown<'a> {
    address: &'a Address,
    kind: &'static str,
    arm_type: &'static str,
    id: Option<&'a str>,
    region: Option<&'a str>,
    state: Standing,
    ownership: Option<String>,
    live: Option<&'a Value>,
    declared: Option<&'a Value>,
    changes: &'a [FieldChange],
    outputs: Option<&'a BTreeMap<String, String>>,
    failure: Option<&'a Diagnosis>,
}

fn json(live: &Live<'_>, item: &Item<'_>) -> String {
    document(&Document {
        version: VERSION,
        cloud: live.cloud,
        kind: "state_show",
        resource: Shown {
            address: &item.address,
            kind: item.kind.meta().name,
            arm_type: item.kind.meta().arm_type,
            id: item.id.known(),
            region: item.region(),
            state: item.standing,
            ownership: item.ownership(),
            live: item.object.map(|object| &object.projection),
            declared: item.declared.as_ref(),
            changes: &item.changes,
            outputs: item.object.map(|object| &object.outputs),
            failure: item.failure.as_ref(),
        },
    })
}

fn markdown(live: &Live<'_>, item: &Item<'_>) -> String {
    let mut page = Page::new(LIMIT);
    page.push(&format!(
        "### {} on {}\n\n",
        code(item.address.as_str()),
        live.cloud
    ));
    for (name, fact) in facts(item) {
        page.push(&format!("- {name}: {}\n", code(&fact)));
    }
    if let Some(failure) = &item.failure {
        page.push(&format!(
            "- {}: {}\n",
            code(&failure.code),
            code(&failure.message)
        ));
    }
    page.push(&format!("\n{}", head(&["field", "value", "declared"])));
    for (path, value) in fields(item) {
        let change = item.changes.iter().find(|change| change.path == path);
        let asked = change.map(|change| code(&value::text(&change.after)));
        page.offer(&row(&[
            code(&path),
            code(&value::text(value)),
            asked.unwrap_or_default(),
        ]));
    }
    page.finish()
}

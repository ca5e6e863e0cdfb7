//! The audit log: its entries, and what is wrong with it.

use serde::Serialize;

use super::json::{VERSION, document};
use super::layout::{plain, shorten, wrap};
use super::markdown::{LIMIT, Page, code, head, prose, row};
use super::style::{Format, Style, Tone};
use crate::provision::audit::{Actor, Doubt, Record};

/// One entry.
#[derive(Debug, Clone, Serialize)]
pub struct Entry<'a> {
    /// Its number in the chain.
    pub number: u64,
    /// Its hash.
    pub hash: &'a str,
    /// What it says.
    pub record: &'a Record,
    /// Whether nobody vouches for it, though others are signed.
    pub unvouched: bool,
}

/// What came of verifying the log.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// How many entries can be read.
    pub entries: usize,
    /// How many of them nobody has vouched for yet.
    pub unsigned: u64,
    /// The entries that nobody vouches for: those, once others are signed, and what a later run
    /// found unsigned before it signed it.
    pub unvouched: Vec<Doubt>,
    /// The key that vouched for the others.
    pub signed_by: Option<String>,
    /// Why that key was not held against its vault, where it was not: then it may be anybody's.
    pub unchecked: Option<String>,
    /// What is wrong, each with its place.
    pub flaws: Vec<String>,
    /// Lines that a crash cut off: no entries, and nothing wrong.
    pub torn: Vec<String>,
}

/// What came of sending the log elsewhere.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// How many entries were sent now.
    pub entries: usize,
    /// In how many calls.
    pub calls: usize,
    /// The number of the last entry that was ever sent.
    pub up_to: Option<u64>,
    /// Its hash.
    pub hash: Option<String>,
    /// The immutable id of the data collection rule that took them.
    pub rule: String,
    /// Its stream.
    pub stream: String,
    /// What is wrong with the log, each with its place: from the first on, nothing counts as sent.
    pub flaws: Vec<String>,
}

const HEADER: [&str; 7] = [
    "#",
    "time",
    "command",
    "what",
    "environments",
    "plan",
    "actor",
];

/// The entries, oldest first.
pub fn log(entries: &[Entry<'_>], cloud: &str, format: Format, style: &Style) -> String {
    match format {
        Format::Json => document(&Log {
            version: VERSION,
            cloud,
            kind: "audit_log",
            entries,
        }),
        Format::Table if entries.is_empty() => "No entries\n".to_owned(),
        Format::Table => entries.iter().map(|entry| lines(entry, style)).collect(),
        Format::Markdown => {
            let mut page = Page::new(LIMIT);
            page.push(&head(&HEADER));
            for entry in entries {
                let cells = Parts::of(entry, style).cells();
                page.offer(&row(&cells.map(|cell| prose(&cell))));
            }
            page.finish()
        }
    }
}

#[derive(Serialize)]
struct Log<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    entries: &'a [Entry<'a>],
}

/// How much of a name is shown.
const NAME: usize = 24;

/// An entry in words, each on one line.
struct Parts {
    number: String,
    time: String,
    command: String,
    what: String,
    environments: String,
    plan: Option<String>,
    actor: String,
    note: Option<String>,
}

impl Parts {
    fn of(entry: &Entry<'_>, style: &Style) -> Self {
        let record = entry.record;
        let environments = record.environments.iter().map(|name| {
            let permit = record.permits.get(name);
            permit.map_or_else(|| name.to_string(), |permit| format!("{name} ({permit})"))
        });
        let mut what = record.event.to_string();
        if !record.addresses.is_empty() {
            let count = record.addresses.len();
            let noun = if count == 1 { "address" } else { "addresses" };
            what.push_str(&format!(", {count} {noun}"));
        }
        if entry.unvouched {
            what.push_str(" (nobody vouches for it)");
        }
        let plan = record.plan.as_deref();
        Self {
            number: entry.number.to_string(),
            // Milliseconds stand in JSON.
            time: plain(&format!("{}Z", record.at.get(..19).unwrap_or(&record.at))),
            command: plain(&record.command),
            what: plain(&what),
            environments: plain(&environments.collect::<Vec<_>>().join(", ")),
            plan: plan.map(|plan| plain(plan.get(..12).unwrap_or(plan))),
            actor: plain(&actor(&record.actor, style)),
            note: record.note.as_deref().map(plain),
        }
    }

    fn cells(self) -> [String; 7] {
        let plan = self.plan.unwrap_or_else(|| "-".to_owned());
        [
            self.number,
            self.time,
            self.command,
            self.what,
            self.environments,
            plan,
            self.actor,
        ]
    }
}

/// An entry as a block that fits into any width: what happened, then by whom, by what plan and
/// where.
fn lines(entry: &Entry<'_>, style: &Style) -> String {
    let parts = Parts::of(entry, style);
    let title = format!("{}  {}  {}", parts.number, parts.time, parts.command);
    let title = style.paint(Tone::Strong, &title);
    let mut text = wrap(&format!("{title}: {}", parts.what), style, 0, 4);
    let plan = parts.plan.map(|plan| format!(", plan {plan}"));
    let by = format!("by {}{}", parts.actor, plan.unwrap_or_default());
    text.push_str(&wrap(&style.paint(Tone::Dim, &by), style, 4, 6));
    if !parts.environments.is_empty() {
        text.push_str(&wrap(&format!("in {}", parts.environments), style, 4, 6));
    }
    if let Some(note) = parts.note {
        text.push_str(&wrap(&note, style, 4, 6));
    }
    text
}

/// Who it was, in little room: a person by name, a program by the end of an id.
fn actor(actor: &Actor, style: &Style) -> String {
    let identity = actor.identity.as_ref();
    let name = identity.map(|it| it.name.as_deref().unwrap_or(&it.object_id));
    match name {
        Some(name) => format!("{} on {}", shorten(name, NAME, style), actor.machine),
        None => actor.machine.clone(),
    }
}

/// What was sent elsewhere.
pub fn delivered(delivery: &Delivery, cloud: &str, format: Format, style: &Style) -> String {
    match format {
        Format::Json => document(&Delivered {
            version: VERSION,
            cloud,
            kind: "audit_export",
            delivery,
        }),
        Format::Table => wrap(&plain(&told(delivery)), style, 0, 2),
        Format::Markdown => {
            let mut page = Page::new(LIMIT);
            page.push(&format!("### Audit log\n\n{}\n", prose(&told(delivery))));
            page.finish()
        }
    }
}

#[derive(Serialize)]
struct Delivered<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    #[serde(flatten)]
    delivery: &'a Delivery,
}

fn told(delivery: &Delivery) -> String {
    let Delivery {
        entries,
        rule,
        stream,
        ..
    } = delivery;
    let place = format!("{stream} of {rule}");
    match (delivery.up_to, entries) {
        (None, _) if !delivery.flaws.is_empty() => format!("nothing can be sent to {place}"),
        (None, _) => format!("no entries to send to {place}"),
        (Some(last), 0) => format!("nothing to send to {place}: it has all up to entry {last}"),
        (Some(last), 1) => format!("1 entry sent to {place}, up to entry {last}"),
        (Some(last), _) => format!("{entries} entries sent to {place}, up to entry {last}"),
    }
}

/// Whether the log is as it was written.
pub fn verified(verified: &Verified, cloud: &str, format: Format, style: &Style) -> String {
    match format {
        Format::Json => document(&Verification {
            version: VERSION,
            cloud,
            kind: "audit_verification",
            sound: match (verified.flaws.is_empty(), &verified.unchecked) {
                (false, _) => Some(false),
                (true, Some(_)) => None,
                (true, None) => Some(true),
            },
            verified,
        }),
        Format::Table => text(verified, style),
        Format::Markdown => {
            let mut page = Page::new(LIMIT);
            page.push(&format!(
                "### Audit log\n\n**{}**\n\n",
                prose(&summary(verified))
            ));
            for flaw in &verified.flaws {
                page.offer(&format!("- ! {}\n", code(flaw)));
            }
            if let Some(why) = unchecked(verified) {
                page.offer(&format!("- {}\n", prose(&why)));
            }
            for doubt in &verified.unvouched {
                page.offer(&format!("- {}\n", prose(&doubt.to_string())));
            }
            for torn in &verified.torn {
                page.offer(&format!("- {}\n", code(torn)));
            }
            page.finish()
        }
    }
}

#[derive(Serialize)]
struct Verification<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    /// Nothing where nobody can tell.
    sound: Option<bool>,
    #[serde(flatten)]
    verified: &'a Verified,
}

fn summary(verified: &Verified) -> String {
    let noun = if verified.entries == 1 {
        "entry"
    } else {
        "entries"
    };
    let count = format!("{} {noun}", verified.entries);
    if !verified.flaws.is_empty() {
        return format!("{count}, not as they were written");
    }
    let doubted = Doubt::count(&verified.unvouched);
    if let (Some(key), Some(_)) = (&verified.signed_by, &verified.unchecked) {
        let mut text = format!(
            "{count}, each fits the one before; signed by {key}, which was not held against its \
             vault"
        );
        if doubted > 0 {
            text.push_str(&format!("; nobody vouches for {doubted}"));
        }
        return text;
    }
    match (&verified.signed_by, doubted) {
        _ if verified.entries == 0 => "no entries".to_owned(),
        (Some(key), 0) => format!("{count}, as they were written, signed by {key}"),
        (Some(key), _) => {
            let vouched = (verified.entries as u64).saturating_sub(doubted);
            format!(
                "{vouched} of {count} as they were written, signed by {key}; nobody vouches for \
                 {doubted}"
            )
        }
        (None, _) => format!("{count}, each fits the one before; nobody has signed them"),
    }
}

/// What it means that the key was not held against its vault.
fn unchecked(verified: &Verified) -> Option<String> {
    let (key, why) = (verified.signed_by.as_ref()?, verified.unchecked.as_ref()?);
    Some(format!(
        "{key} was not held against its vault ({why}): whoever could write to the store may have \
         recorded a key of their own"
    ))
}

fn text(verified: &Verified, style: &Style) -> String {
    let tone = match verified.flaws.is_empty() {
        true => Tone::Strong,
        false => Tone::Bad,
    };
    let mut text = style.paint(tone, &summary(verified));
    text.push('\n');
    for flaw in &verified.flaws {
        let sign = style.paint(Tone::Bad, "!");
        text.push_str(&wrap(&format!("{sign} {}", plain(flaw)), style, 2, 4));
    }
    if let Some(why) = unchecked(verified) {
        text.push_str(&wrap(&plain(&why), style, 2, 4));
    }
    for doubt in &verified.unvouched {
        text.push_str(&wrap(&doubt.to_string(), style, 2, 4));
    }
    for torn in &verified.torn {
        text.push_str(&wrap(&format!("{}, by a crash", plain(torn)), style, 2, 4));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    const STYLE: Style = Style {
        colour: false,
        width: 100,
        unicode: true,
    };

    fn delivery(entries: usize, up_to: Option<u64>) -> Delivery {
        Delivery {
            entries,
            calls: entries.min(1),
            up_to,
            hash: up_to.map(|_| "0a".to_owned()),
            rule: "dcr-1".to_owned(),
            stream: "Custom-A".to_owned(),
            flaws: Vec::new(),
        }
    }

    #[test]
    fn a_log_with_a_flaw_is_not_said_to_be_empty() {
        let spoilt = Delivery {
            flaws: vec!["1.jsonl:1: it was changed".to_owned()],
            ..delivery(0, None)
        };
        let text = delivered(&spoilt, "emulator", Format::Table, &STYLE);
        assert_eq!(text, "nothing can be sent to Custom-A of dcr-1\n");
        let json = delivered(&spoilt, "emulator", Format::Json, &STYLE);
        let json: Json = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["flaws"], json!(["1.jsonl:1: it was changed"]));
    }

    #[test]
    fn what_was_sent_is_told_with_how_far() {
        for (entries, up_to, told) in [
            (0, None, "no entries to send to Custom-A of dcr-1\n"),
            (
                0,
                Some(7),
                "nothing to send to Custom-A of dcr-1: it has all up to entry 7\n",
            ),
            (
                1,
                Some(7),
                "1 entry sent to Custom-A of dcr-1, up to entry 7\n",
            ),
            (
                5,
                Some(7),
                "5 entries sent to Custom-A of dcr-1, up to entry 7\n",
            ),
        ] {
            let delivery = delivery(entries, up_to);
            assert_eq!(delivered(&delivery, "public", Format::Table, &STYLE), told);
            let page = delivered(&delivery, "public", Format::Markdown, &STYLE);
            assert!(page.contains("Custom-A"), "{page}");
        }
        let document = delivered(&delivery(5, Some(7)), "public", Format::Json, &STYLE);
        let document: Json = serde_json::from_str(&document).expect("JSON");
        assert_eq!(
            document,
            json!({
                "version": 1, "cloud": "public", "kind": "audit_export", "entries": 5, "calls": 1,
                "up_to": 7, "hash": "0a", "rule": "dcr-1", "stream": "Custom-A",
                "flaws": [],
            })
        );
    }
}

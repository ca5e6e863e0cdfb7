//! The leases: who may write which environment, since when, doing what.

use serde::Serialize;

use super::json::{VERSION, document};
use super::layout::{plain, table, wrap};
use super::markdown::{LIMIT, Page, code, head, prose, row};
use super::style::{Format, Style, Tone};
use crate::provision::ports::{Break, Holder, Standing};
use crate::resource::EnvironmentName;

/// The leases of a control store.
#[derive(Debug, Clone, Copy)]
pub struct Locks<'a> {
    /// The cloud that configuration is about.
    pub cloud: &'a str,
    /// Where the store is.
    pub store: &'a str,
    /// Each environment and how its lease stands.
    pub standing: &'a [(EnvironmentName, Standing)],
    /// The leases that were taken away, oldest first.
    pub breaks: &'a [Break],
}

/// How every lease stands.
pub fn status(locks: &Locks<'_>, format: Format, style: &Style) -> String {
    match format {
        Format::Table => text(locks, style),
        Format::Json => json(locks),
        Format::Markdown => markdown(locks),
    }
}

const HEADER: [&str; 5] = ["environment", "state", "who", "since", "doing"];

fn state(standing: &Standing) -> &'static str {
    match standing {
        Standing::Free => "free",
        Standing::Held(_) => "locked",
        Standing::Abandoned(_) => "abandoned",
    }
}

fn holder(standing: &Standing) -> Option<&Holder> {
    match standing {
        Standing::Free => None,
        Standing::Held(holder) | Standing::Abandoned(holder) => Some(holder),
    }
}

/// The last time that the lease was taken from who has it now, or had it last.
fn broken<'a>(
    locks: &Locks<'a>,
    environment: &EnvironmentName,
    standing: &Standing,
) -> Option<&'a Break> {
    let since = &holder(standing)?.since;
    let mut breaks = locks.breaks.iter().rev();
    breaks.find(|one| one.environment == *environment && one.at >= *since)
}

fn cells(environment: &EnvironmentName, standing: &Standing) -> [String; 5] {
    let holder = holder(standing);
    let of = |field: fn(&Holder) -> String| holder.map_or_else(|| "-".to_owned(), field);
    [
        environment.to_string(),
        state(standing).to_owned(),
        of(|holder| plain(&format!("{} (process {})", holder.who, holder.process))),
        of(|holder| plain(&holder.since)),
        of(|holder| plain(&holder.doing)),
    ]
}

fn title(locks: &Locks<'_>) -> String {
    let is_held =
        |(_, standing): &&(EnvironmentName, Standing)| matches!(standing, Standing::Held(_));
    let held = locks.standing.iter().filter(is_held).count();
    let all = locks.standing.len();
    format!("{held} of {all} locked in {}", plain(locks.store))
}

fn broken_line(one: &Break) -> String {
    plain(&format!(
        "{}: taken away by {} at {}: {}",
        one.environment, one.who, one.at, one.reason
    ))
}

fn broken_lines(locks: &Locks<'_>) -> Vec<String> {
    let found = locks
        .standing
        .iter()
        .filter_map(|(environment, standing)| broken(locks, environment, standing));
    found.map(broken_line).collect()
}

fn text(locks: &Locks<'_>, style: &Style) -> String {
    let mut text = wrap(&style.paint(Tone::Strong, &title(locks)), style, 0, 2);
    let rows: Vec<Vec<String>> = locks
        .standing
        .iter()
        .map(|(environment, standing)| cells(environment, standing).to_vec())
        .collect();
    text.push('\n');
    text.push_str(&table(&HEADER, &rows, HEADER.len().., style));
    for line in broken_lines(locks) {
        text.push_str(&wrap(&line, style, 0, 2));
    }
    text
}

fn markdown(locks: &Locks<'_>) -> String {
    let mut page = Page::new(LIMIT);
    page.push(&format!("### {}\n\n", prose(&title(locks))));
    page.push(&head(&HEADER));
    for (environment, standing) in locks.standing {
        let [environment, state, who, since, doing] = cells(environment, standing);
        page.offer(&row(&[
            code(&environment),
            state,
            code(&who),
            since,
            prose(&doing),
        ]));
    }
    for line in broken_lines(locks) {
        page.offer(&format!("\n{}\n", prose(&line)));
    }
    page.finish()
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    store: &'a str,
    locks: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    environment: &'a EnvironmentName,
    state: &'static str,
    holder: Option<&'a Holder>,
    broken: Option<&'a Break>,
}

fn json(locks: &Locks<'_>) -> String {
    let lines = locks
        .standing
        .iter()
        .map(|(environment, standing)| Line {
            environment,
            state: state(standing),
            holder: holder(standing),
            broken: broken(locks, environment, standing),
        })
        .collect();
    document(&Document {
        version: VERSION,
        cloud: locks.cloud,
        kind: "lock_status",
        store: locks.store,
        locks: lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::STYLE;

    fn standing() -> Vec<(EnvironmentName, Standing)> {
        let holder = |doing: &str| Holder {
            who: "ci@agent-7".to_owned(),
            process: 4711,
            since: "2026-07-31T10:15:30.000Z".to_owned(),
            doing: doing.to_owned(),
        };
        let name = |text: &str| text.parse().expect("a name");
        vec![
            (name("dev"), Standing::Free),
            (name("prod"), Standing::Held(holder("apply"))),
            (
                name("staging"),
                Standing::Abandoned(holder("destroy\u{1b}[2J")),
            ),
        ]
    }

    fn shown(format: Format) -> String {
        let broken = |at: &str| Break {
            environment: "prod".parse().expect("a name"),
            at: at.to_owned(),
            who: "ann@laptop".to_owned(),
            reason: "the agent hangs".to_owned(),
        };
        let locks = Locks {
            cloud: "emulator",
            store: "/srv/control",
            standing: &standing(),
            // Only what was taken from the holder of now is told.
            breaks: &[
                broken("2026-07-30T00:00:00.000Z"),
                broken("2026-07-31T11:00:00.000Z"),
            ],
        };
        status(&locks, format, &STYLE)
    }

    #[test]
    fn who_holds_what_since_when_doing_what() {
        insta::assert_snapshot!(shown(Format::Table), @r"
        1 of 3 locked in /srv/control

        environment  state      who                        since                     doing
        ────────────────────────────────────────────────────────────────────────────────────────
        dev          free       -                          -                         -
        prod         locked     ci@agent-7 (process 4711)  2026-07-31T10:15:30.000Z  apply
        staging      abandoned  ci@agent-7 (process 4711)  2026-07-31T10:15:30.000Z  destroy [2J
        prod: taken away by ann@laptop at 2026-07-31T11:00:00.000Z: the agent hangs
        ");
        let page = shown(Format::Markdown);
        assert!(
            page.contains("| `prod` | locked | `ci@agent-7 (process 4711)` |"),
            "{page}"
        );
        assert!(page.contains("the agent hangs"), "{page}");
    }

    #[test]
    fn programs_read_one_document() {
        let document: serde_json::Value = serde_json::from_str(&shown(Format::Json)).expect("JSON");
        assert_eq!(document["version"], 1);
        assert_eq!(document["cloud"], "emulator");
        assert_eq!(document["locks"][0]["holder"], serde_json::Value::Null);
        assert_eq!(document["locks"][1]["state"], "locked");
        assert_eq!(document["locks"][1]["holder"]["process"], 4711);
        let taken = &document["locks"][1]["broken"];
        assert_eq!(taken["at"], "2026-07-31T11:00:00.000Z");
        assert_eq!(document["locks"][2]["broken"], serde_json::Value::Null);
    }
}

//! Rows: entries of the chain as Azure Monitor keeps them, one column for each thing that is asked for.
//!
//! ## Why
//! `columns.json` is what a stream has to declare: what it does not is dropped without a word.
//! Azure cuts off a field that is longer than 64 KB, which would leave half a list: so it is cut
//! before, at whole members, and the count tells. It also puts the time of arrival in the place of
//! a `TimeGenerated` that is older than two days, so the entry's own time stands in another column.

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::link::Link;
use crate::provision::audit::What;

/// The most bytes of a field that are sent, below Azure's own 64 KB.
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits#logs-ingestion-api>
const LONGEST: usize = 60_000;

/// An entry of the chain as a row.
pub(super) fn row(link: &Link) -> Json {
    let record = &link.record;
    let identity = record.actor.identity.as_ref();
    let failed = match &record.event {
        What::Ended { failed, .. } => failed.as_slice(),
        _ => &[],
    };
    let environments: Vec<String> = record
        .environments
        .iter()
        .map(ToString::to_string)
        .collect();
    let rights = record.permits.iter().map(|(environment, permit)| {
        let mut right = json!(permit);
        right["environment"] = json!(environment);
        right["says"] = json!(permit.to_string());
        right
    });
    json!({
        "TimeGenerated": record.at,
        "RecordedAt": record.at,
        "EntryId": link.hash,
        "EntryNumber": link.number,
        "PreviousId": link.before,
        "RunId": record.run,
        "Actor": text(&record.actor.to_string()),
        "ActorObjectId": identity.map(|identity| &identity.object_id),
        "Machine": text(&record.actor.machine),
        "Command": text(&record.command),
        "Event": kind(&record.event),
        "Outcome": text(&record.event.to_string()),
        "FailedAddresses": list(failed),
        "Environments": list(&environments),
        "Addresses": list(&record.addresses),
        "AddressCount": record.addresses.len(),
        "PlanDigest": record.plan,
        "Rights": list(&rights.collect::<Vec<_>>()),
        "Note": record.note.as_deref().map(text),
    })
}

/// The name of what happened, as the chain has it.
fn kind(event: &What) -> Json {
    json!(event)["is"].take()
}

/// A text without what Azure would cut off.
fn text(all: &str) -> &str {
    let mut end = all.len().min(LONGEST);
    while !all.is_char_boundary(end) {
        end -= 1;
    }
    &all[..end]
}

/// The members that fit into a field, from the first on.
fn list<T: Serialize>(all: &[T]) -> Vec<Json> {
    let mut size = 0;
    let fits = |member: &Json| {
        size += member.to_string().len() + 1;
        size < LONGEST
    };
    all.iter()
        .map(|member| json!(member))
        .take_while(fits)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::provision::audit::{Actor, Identity, Permit, Record};

    fn link(addresses: Vec<String>, note: String) -> Link {
        let prod = || "prod".parse().expect("a name");
        Link {
            number: 7,
            before: "a".repeat(64),
            hash: "b".repeat(64),
            record: Record {
                at: "2026-07-31T10:15:30.000Z".to_owned(),
                run: "run".to_owned(),
                actor: Actor {
                    identity: Some(Identity {
                        object_id: "0a".to_owned(),
                        name: Some("ada".to_owned()),
                    }),
                    machine: "ci@agent".to_owned(),
                },
                command: "apply".to_owned(),
                event: What::Ended {
                    done: 1,
                    failed: vec!["prod.registry".to_owned()],
                    skipped: 0,
                    complete: false,
                },
                environments: vec![prod()],
                addresses,
                plan: Some("00ff".to_owned()),
                permits: BTreeMap::from([(
                    prod(),
                    Permit::Approvals {
                        approvers: vec!["ada".to_owned()],
                    },
                )]),
                note: Some(note),
            },
        }
    }

    #[test]
    fn a_row_has_the_columns_that_a_stream_is_to_declare() {
        let declared: Json = serde_json::from_str(include_str!("columns.json")).expect("JSON");
        let columns = declared["columns"].as_array().expect("a list");
        let row = row(&link(vec!["prod.registry".to_owned()], "why".to_owned()));
        let names = columns.iter().map(|column| column["name"].as_str());
        let names: BTreeSet<&str> = names.map(|name| name.expect("a name")).collect();
        let members = row.as_object().expect("an object");
        assert_eq!(names, members.keys().map(String::as_str).collect());
        for column in columns {
            let value = &members[column["name"].as_str().expect("a name")];
            let fits = match column["type"].as_str() {
                Some("string" | "datetime") => value.is_string(),
                Some("int" | "long") => value.is_u64(),
                Some("dynamic") => value.is_array(),
                _ => false,
            };
            assert!(fits, "{column}: {value}");
        }
        assert_eq!(row["Event"], "ended");
        assert_eq!(row["Outcome"], "ended: 1 done, 1 failed, incomplete");
        assert_eq!(
            row["Rights"],
            json!([{
                "environment": "prod", "by": "approvals", "approvers": ["ada"],
                "says": "approved by ada",
            }])
        );
    }

    #[test]
    fn what_azure_would_cut_off_is_cut_at_whole_members() {
        let many: Vec<String> = (0..9_000).map(|n| format!("prod.grant.{n:04}")).collect();
        let row = row(&link(many.clone(), "é".repeat(LONGEST)));
        let sent = row["Addresses"].as_array().expect("a list");
        assert_eq!(sent.len(), LONGEST / 18);
        assert_eq!(sent.last(), Some(&json!(many[sent.len() - 1])));
        assert_eq!(row["AddressCount"], 9_000);
        assert_eq!(row["Note"].as_str().map(str::len), Some(LONGEST));
        assert!(row.to_string().len() < 200_000);
    }
}

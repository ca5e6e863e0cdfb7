//! SARIF 2.1.0, as GitHub and Azure DevOps take it.

use serde_json::{Map, Value, json};

use super::checked::{Checked, Issue, Level, Place};
use super::json::document;
use super::layout::plain;
use crate::resource::digest;

/// The name of our fingerprints, with the version of how they are made.
const FINGERPRINT: &str = "onestream/v1";

/// GitHub shows no rule without help of its own.
const HELP: &str = "Each result says what to do instead.";

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What was checked as one run of one tool. What could not be looked at is a notification of the
/// run, which then counts as not successful.
pub(super) fn render(checked: &Checked) -> String {
    let (unknown, found): (Vec<_>, Vec<_>) = checked
        .issues()
        .map(|(_, issue)| issue)
        .partition(|issue| issue.level == Level::Unknown);
    let rules: Vec<Value> = checked
        .rules
        .iter()
        .map(|rule| {
            let about = json!({"text": plain(&rule.about)});
            json!({
                "id": rule.id,
                "shortDescription": about,
                "fullDescription": about,
                "help": {"text": HELP},
            })
        })
        .collect();
    let results: Vec<Value> = found
        .into_iter()
        .map(|issue| result(issue, checked))
        .collect();
    let mut notifications: Vec<Value> = Vec::new();
    for notification in unknown.into_iter().map(notification) {
        // What hides several rules is told once.
        if !notifications.contains(&notification) {
            notifications.push(notification);
        }
    }
    let mut run = json!({
        "tool": {"driver": {
            "name": "onestream",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        }},
        "automationDetails": {"id": automation(checked)},
        "columnKind": "unicodeCodePoints",
        "invocations": [{
            "executionSuccessful": notifications.is_empty(),
            "toolExecutionNotifications": notifications,
        }],
        "results": results,
    });
    if let Some(cloud) = &checked.cloud {
        run["properties"] = json!({"cloud": cloud});
    }
    document(&json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}))
}

/// `onestream/<what is checked>/`: results of later runs with the same id take the place of these.
fn automation(checked: &Checked) -> String {
    let words: Vec<&str> = checked.title.split_whitespace().collect();
    format!("onestream/{}/", words.join("-"))
}

fn result(issue: &Issue, checked: &Checked) -> Value {
    let mut result = json!({
        "ruleId": issue.rule,
        "level": issue.level,
        "message": {"text": told(issue)},
        "partialFingerprints": {FINGERPRINT: fingerprint(issue)},
    });
    if let Some(index) = checked.rules.iter().position(|rule| rule.id == issue.rule) {
        result["ruleIndex"] = json!(index);
    }
    let mut location = Map::new();
    if let Some(place) = &issue.place {
        location.insert("physicalLocation".to_owned(), physical(place));
    }
    if let Some(about) = &issue.about {
        let name = json!([{"fullyQualifiedName": plain(about)}]);
        location.insert("logicalLocations".to_owned(), name);
    }
    if !location.is_empty() {
        result["locations"] = json!([location]);
    }
    result
}

/// What tells a result from others, wherever it is shown: two of one rule at one line are two.
fn fingerprint(issue: &Issue) -> String {
    let about = issue.about.as_deref().unwrap_or_default();
    let identity = issue.identity.as_deref().unwrap_or(&issue.message);
    digest::hex(format!("{}\n{about}\n{identity}", issue.rule))
}

fn physical(place: &Place) -> Value {
    // What is about a file as a whole is shown at its beginning.
    let region = match place.at {
        Some((line, column)) => json!({"startLine": line, "startColumn": column}),
        None => json!({"startLine": 1}),
    };
    json!({"artifactLocation": {"uri": uri(&place.file)}, "region": region})
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn notification(issue: &Issue) -> Value {
    json!({"level": "error", "message": {"text": told(issue)}, "descriptor": {"id": issue.rule}})
}

fn told(issue: &Issue) -> String {
    let about = issue
        .about
        .iter()
        .map(|about| format!("{}: ", plain(about)));
    let message = plain(&issue.message);
    let instead = issue
        .instead
        .iter()
        .map(|it| format!("; instead: {}", plain(it)));
    about.chain([message]).chain(instead).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checked::{Check, Exchange, Rule};

    fn read(checked: &Checked) -> Value {
        serde_json::from_str(&checked.render(Exchange::Sarif)).expect("JSON")
    }

    fn checked(issues: Vec<Issue>) -> Checked {
        Checked {
            title: "rbac check".to_owned(),
            cloud: None,
            rules: ["a", "w"]
                .map(|id| Rule {
                    id: id.to_owned(),
                    about: format!("About {id}."),
                })
                .to_vec(),
            checks: vec![Check::new("g", "n").found(issues)],
        }
    }

    #[test]
    fn what_was_found_is_a_result_at_its_place() {
        let wrong = Issue {
            about: Some("dev/x".to_owned()),
            place: Some(Place {
                file: "a b/ü.toml".to_owned(),
                at: Some((3, 5)),
            }),
            instead: Some("do it".to_owned()),
            ..Issue::wrong("w", Level::Error, "is\nwrong")
        };
        let mut told = read(&checked(vec![wrong, Issue::odd("other", "odd")]));
        let run = &mut told["runs"][0];
        for result in run["results"].as_array_mut().expect("results") {
            let known = result.as_object_mut().expect("a result");
            let prints = known.remove("partialFingerprints").expect("fingerprints");
            assert_eq!(prints[FINGERPRINT].as_str().map(str::len), Some(64));
        }
        assert_eq!(run["automationDetails"]["id"], "onestream/rbac-check/");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
        assert_eq!(run["tool"]["driver"]["rules"][1]["id"], "w");
        assert_eq!(
            run["results"],
            json!([
                {
                    "ruleId": "w",
                    "ruleIndex": 1,
                    "level": "error",
                    "message": {"text": "dev/x: is wrong; instead: do it"},
                    "locations": [{
                        "physicalLocation": {
                            "artifactLocation": {"uri": "a%20b/%C3%BC.toml"},
                            "region": {"startLine": 3, "startColumn": 5},
                        },
                        "logicalLocations": [{"fullyQualifiedName": "dev/x"}],
                    }],
                },
                {"ruleId": "other", "level": "warning", "message": {"text": "odd"}},
            ])
        );
    }

    #[test]
    fn results_are_told_apart_by_what_they_are_about_and_not_by_how_it_is_said() {
        let print = |about: &str, identity: Option<&str>, message: &str| {
            fingerprint(&Issue {
                about: Some(about.to_owned()),
                identity: identity.map(str::to_owned),
                ..Issue::wrong("w", Level::Error, message)
            })
        };
        let mallory = print("dev/x", Some("/grants/1"), "it is so");
        assert_eq!(mallory, print("dev/x", Some("/grants/1"), "said otherwise"));
        assert_ne!(mallory, print("dev/x", Some("/grants/2"), "it is so"));
        assert_ne!(mallory, print("dev/y", Some("/grants/1"), "it is so"));
        assert_ne!(print("a", None, "one"), print("a", None, "two"));
    }

    #[test]
    fn what_could_not_be_looked_at_is_no_result_and_no_success() {
        let denied = || Issue::unknown("u", "denied");
        let told = read(&checked(vec![denied(), denied()]));
        let run = &told["runs"][0];
        assert_eq!(run["results"], json!([]));
        let invocation = &run["invocations"][0];
        let notices = invocation["toolExecutionNotifications"].as_array();
        assert_eq!(notices.map(Vec::len), Some(1));
        assert_eq!(invocation["executionSuccessful"], false);
        let notice = &invocation["toolExecutionNotifications"][0];
        assert_eq!(notice["message"]["text"], "denied");
    }
}

//! Where diagnostic settings send to, and which categories a setting sends.

use super::categories::Categories;
use crate::arm::{ArmError, Source};
use crate::state::Object;
use crate::types::checks;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Members that name a sink.
pub const SINKS: &[&str] = &[
    "storageAccountId",
    "serviceBusRuleId",
    "workspaceId",
    "eventHubAuthorizationRuleId",
    "marketplacePartnerId",
];

/// An error of the provider, which has no envelope.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(Source::Bare, status, code, message)
}

/// 400 of the provider.
pub fn bad(message: impl Into<String>) -> ArmError {
    refuse(400, "BadRequest", message)
}

/// Turns a reader's complaint into the provider's.
pub fn read<T>(result: Result<T, ArmError>) -> Result<T, ArmError> {
    result.map_err(|error| bad(error.message))
}

/// The sinks of stored or sent properties, in lower case.
fn sinks(properties: &Value) -> impl Iterator<Item = String> {
    SINKS
        .iter()
        .filter_map(|name| properties[*name].as_str().map(str::to_ascii_lowercase))
}

/// Categories that properties send, groups spelled out.
fn sent(properties: &Value, known: Categories) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for list in ["logs", "metrics"] {
        for item in properties[list].as_array().into_iter().flatten() {
            if item["enabled"] != json!(true) {
                continue;
            }
            if let Some(category) = item["category"].as_str() {
                all.insert(category.to_owned());
            }
            let group = match item["categoryGroup"].as_str() {
                Some(group) if group.eq_ignore_ascii_case("audit") => known.audit,
                Some(_) => known.logs,
                None => &[],
            };
            all.extend(group.iter().map(ToString::to_string));
        }
    }
    all
}

/// A category goes to a sink once: from one setting of a resource only.
pub fn apart<'a>(
    properties: &Value,
    others: impl Iterator<Item = &'a Object>,
    known: Categories,
) -> Result<(), ArmError> {
    let own: BTreeSet<String> = sinks(properties).collect();
    let categories = sent(properties, known);
    for other in others {
        let theirs = &other.body["properties"];
        let Some(sink) = sinks(theirs).find(|sink| own.contains(sink)) else {
            continue;
        };
        let shown = SINKS
            .iter()
            .filter_map(|name| properties[*name].as_str())
            .find(|id| id.eq_ignore_ascii_case(&sink))
            .unwrap_or(&sink);
        if let Some(category) = sent(theirs, known).intersection(&categories).next() {
            return Err(refuse(
                409,
                "Conflict",
                format!(
                    "Data sink '{shown}' is already used in diagnostic setting '{}' for category '{category}'. Data sinks can't be reused in different settings on the same category for the same resource.",
                    other.name()
                ),
            ));
        }
    }
    Ok(())
}

/// Logs as they are kept: known categories or groups, not both.
pub fn logs(
    properties: &Map<String, Value>,
    known: Categories,
    groups: &[&str],
) -> Result<Vec<Value>, ArmError> {
    let list = read(checks::list(properties, "logs"))?.unwrap_or_default();
    let mut kept = Vec::new();
    for item in list {
        let category = item["category"].as_str();
        let group = item["categoryGroup"].as_str();
        match (category, group) {
            (Some(category), None) => {
                if !known
                    .logs
                    .iter()
                    .any(|log| log.eq_ignore_ascii_case(category))
                {
                    return Err(bad(format!("Category '{category}' is not supported.")));
                }
            }
            (None, Some(group)) => {
                let offered = !known.logs.is_empty()
                    && groups.iter().any(|one| one.eq_ignore_ascii_case(group))
                    && !(known.audit.is_empty() && group.eq_ignore_ascii_case("audit"));
                if !offered {
                    return Err(bad(format!("Category group '{group}' is not supported.")));
                }
            }
            _ => {
                return Err(bad(
                    "A log must have either a category or a category group.",
                ));
            }
        }
        kept.push(json!({
            "category": category,
            "categoryGroup": group,
            "enabled": enabled(&item)?,
            "retentionPolicy": retention(&item),
        }));
    }
    let grouped = kept.iter().any(|log| log["categoryGroup"].is_string());
    if grouped && kept.iter().any(|log| log["category"].is_string()) {
        return Err(bad(
            "Category groups and categories cannot be used in the same diagnostic setting.",
        ));
    }
    Ok(kept)
}

/// Metrics as they are kept.
pub fn metrics(properties: &Map<String, Value>, known: Categories) -> Result<Vec<Value>, ArmError> {
    let list = read(checks::list(properties, "metrics"))?.unwrap_or_default();
    let mut kept = Vec::new();
    for item in list {
        let category = item["category"]
            .as_str()
            .unwrap_or(super::categories::METRICS);
        if !known.metrics || category != super::categories::METRICS {
            return Err(bad(format!(
                "Metric category '{category}' is not supported."
            )));
        }
        kept.push(json!({
            "category": category,
            "enabled": enabled(&item)?,
            "retentionPolicy": retention(&item),
        }));
    }
    Ok(kept)
}

fn enabled(item: &Value) -> Result<bool, ArmError> {
    item["enabled"]
        .as_bool()
        .ok_or_else(|| bad("Required property 'enabled' not found in JSON."))
}

fn retention(item: &Value) -> Value {
    let policy = &item["retentionPolicy"];
    json!({
        "enabled": policy["enabled"].as_bool().unwrap_or(false),
        "days": policy["days"].as_i64().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::categories;
    use super::*;

    fn registry() -> Categories {
        categories::of("Microsoft.ContainerRegistry/registries").unwrap()
    }

    fn read_logs(list: Value) -> Result<Vec<Value>, ArmError> {
        let body = json!({ "logs": list });
        logs(body.as_object().unwrap(), registry(), categories::GROUPS)
    }

    #[test]
    fn categories_must_be_known_and_not_mixed_with_groups() {
        let one = json!({"category": "ContainerRegistryLoginEvents", "enabled": true});
        let all = json!({"categoryGroup": "allLogs", "enabled": true});
        assert!(read_logs(json!([one])).is_ok() && read_logs(json!([all])).is_ok());
        for wrong in [
            json!([one, all]),
            json!([{"category": "Nope", "enabled": true}]),
            json!([{"enabled": true}]),
        ] {
            assert!(read_logs(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_sink_gets_a_category_once() {
        let setting =
            |sink: &str, log: Value| json!({"workspaceId": sink, "logs": [log], "metrics": []});
        let all = json!({"categoryGroup": "allLogs", "enabled": true});
        let login = json!({"category": "ContainerRegistryLoginEvents", "enabled": true});
        let off = json!({"category": "ContainerRegistryLoginEvents", "enabled": false});
        let other = Object {
            id: "/x/diagnosticSettings/one".to_owned(),
            kind: String::new(),
            body: json!({"properties": setting("/W", all)}),
            hidden: Value::Null,
            pending: None,
        };
        let check = |properties: Value| apart(&properties, [&other].into_iter(), registry());
        assert_eq!(
            check(setting("/w", login.clone())).unwrap_err().code,
            "Conflict"
        );
        assert!(check(setting("/other", login)).is_ok());
        assert!(check(setting("/w", off)).is_ok());
    }
}

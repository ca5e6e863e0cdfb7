//! A workspace's members: defaults, what a write may set, and what its SKU allows.

use crate::arm::{ArmError, Source};
use crate::state::Moment;
use crate::types::checks;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// SKUs with the shortest and longest retention that they allow, in days.
const SKUS: &[(&str, i64, i64)] = &[
    ("Free", 7, 7),
    ("Standard", 30, 30),
    ("Premium", 365, 365),
    ("PerNode", 30, 730),
    ("PerGB2018", 30, 730),
    ("Standalone", 30, 730),
    ("CapacityReservation", 30, 730),
    ("LACluster", 30, 730),
];

const USUAL_SKU: &str = "PerGB2018";
const USUAL_RETENTION: i64 = 30;
const RESERVABLE: &[i64] = &[
    100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 25000, 50000,
];

/// 400 of the provider.
pub fn bad(message: impl Into<String>) -> ArmError {
    ArmError::new(Source::Provider, 400, "BadRequest", message)
}

fn read<T>(result: Result<T, ArmError>) -> Result<T, ArmError> {
    result.map_err(|error| ArmError::new(Source::Provider, 400, "InvalidParameter", error.message))
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
pub fn valid_name(name: &str) -> Result<(), ArmError> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let edges = !name.starts_with('-') && !name.ends_with('-');
    if plain && edges && (4..=63).contains(&name.len()) {
        return Ok(());
    }
    Err(bad(format!(
        "The workspace name '{name}' is invalid: it must have 4 to 63 letters, digits or '-', and '-' neither first nor last."
    )))
}

/// The properties of a new workspace.
pub fn fresh(now: Moment) -> Value {
    json!({
        "customerId": Uuid::new_v4().to_string(),
        "sku": {"name": USUAL_SKU, "lastSkuUpdate": now.zulu()},
        "retentionInDays": USUAL_RETENTION,
        "features": {
            "legacy": 0,
            "searchVersion": 1,
            "enableLogAccessUsingOnlyResourcePermissions": true,
        },
        "workspaceCapping": {
            "dailyQuotaGb": -1.0,
            "quotaNextResetTime": next_reset(now),
            "dataIngestionStatus": "RespectQuota",
        },
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "createdDate": now.zulu(),
        "modifiedDate": now.zulu(),
    })
}

/// The full hour after a day at most, when quotas begin anew.
fn next_reset(now: Moment) -> String {
    const HOUR: i64 = 3600;
    let seconds = now.seconds();
    Moment::from(seconds - seconds.rem_euclid(HOUR) + 8 * HOUR).zulu()
}

/// Lays what was sent over `properties`; what is left out stays.
pub fn lay(
    properties: &mut Value,
    sent: &Map<String, Value>,
    new: bool,
    now: Moment,
) -> Result<(), ArmError> {
    let sent = read(checks::object(sent, "properties"))?;
    sku(properties, &sent, now)?;
    retention(properties, &sent, new)?;
    for name in [
        "publicNetworkAccessForIngestion",
        "publicNetworkAccessForQuery",
    ] {
        let words = &["Enabled", "Disabled", "SecuredByPerimeter"];
        if let Some(word) = read(checks::word(&sent, name, words))? {
            properties[name] = json!(word);
        }
    }
    for (name, value) in read(checks::object(&sent, "features"))? {
        properties["features"][name] = value;
    }
    if let Some(quota) = read(checks::object(&sent, "workspaceCapping"))?.get("dailyQuotaGb") {
        if !quota.is_number() {
            return Err(bad("The daily quota of a workspace must be a number."));
        }
        properties["workspaceCapping"]["dailyQuotaGb"] = quota.clone();
    }
    if let Some(force) = read(checks::flag(&sent, "forceCmkForQuery"))? {
        properties["forceCmkForQuery"] = json!(force);
    }
    if let Some(rule) = read(checks::text(&sent, "defaultDataCollectionRuleResourceId"))? {
        properties["defaultDataCollectionRuleResourceId"] = json!(rule);
    }
    properties["modifiedDate"] = json!(now.zulu());
    Ok(())
}

/// The SKU that was asked for; a reserved capacity has a level.
fn sku(properties: &mut Value, sent: &Map<String, Value>, now: Moment) -> Result<(), ArmError> {
    let sku = read(checks::object(sent, "sku"))?;
    if let Some(name) = read(checks::text(&sku, "name"))? {
        let known = SKUS
            .iter()
            .find(|(known, _, _)| known.eq_ignore_ascii_case(name));
        let (known, _, _) = known.ok_or_else(|| {
            bad(format!(
                "The SKU '{name}' is not a pricing tier of a workspace."
            ))
        })?;
        let mut next = json!({"name": known, "lastSkuUpdate": properties["sku"]["lastSkuUpdate"]});
        if properties["sku"]["name"] != json!(known) {
            next["lastSkuUpdate"] = json!(now.zulu());
        }
        let level = read(checks::number(&sku, "capacityReservationLevel"))?;
        match (*known == "CapacityReservation", level) {
            (true, Some(level)) if RESERVABLE.contains(&level) => {
                next["capacityReservationLevel"] = json!(level);
            }
            (true, _) => {
                return Err(bad(
                    "The capacity reservation level must be one of 100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 25000 and 50000.",
                ));
            }
            (false, _) => {}
        }
        properties["sku"] = next;
    }
    Ok(())
}

/// The retention that was asked for must suit the SKU.
fn retention(properties: &mut Value, sent: &Map<String, Value>, new: bool) -> Result<(), ArmError> {
    let sku = properties["sku"]["name"].as_str().unwrap_or(USUAL_SKU);
    let (least, most) = SKUS
        .iter()
        .find(|(known, _, _)| *known == sku)
        .map_or((30, 730), |(_, least, most)| (*least, *most));
    let asked = read(checks::number(sent, "retentionInDays"))?;
    let days = match asked {
        Some(days) => days,
        None if new => USUAL_RETENTION.clamp(least, most),
        None => return Ok(()),
    };
    if !(least..=most).contains(&days) {
        return Err(bad(format!(
            "The value provided for retention is invalid. the expected value should be between {least} to {most}. see https://docs.microsoft.com/azure/azure-monitor/platform/manage-cost-storage#change-the-data-retention-period for more information"
        )));
    }
    properties["retentionInDays"] = json!(days);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(sent: Value) -> Result<Value, ArmError> {
        let now = Moment::from(1_703_202_995);
        let mut properties = fresh(now);
        let sent = json!({ "properties": sent });
        lay(&mut properties, sent.as_object().unwrap(), true, now).map(|()| properties)
    }

    #[test]
    fn skus_and_their_retention() {
        assert_eq!(laid(json!({})).unwrap()["retentionInDays"], 30);
        let free = laid(json!({"sku": {"name": "free"}})).unwrap();
        assert_eq!(
            (&free["sku"]["name"], &free["retentionInDays"]),
            (&json!("Free"), &json!(7))
        );
        for wrong in [
            json!({"sku": {"name": "Gold"}}),
            json!({"retentionInDays": 29}),
            json!({"retentionInDays": 731}),
            json!({"sku": {"name": "CapacityReservation"}}),
            json!({"sku": {"name": "CapacityReservation", "capacityReservationLevel": 150}}),
        ] {
            assert!(laid(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn quotas_begin_anew_on_the_hour() {
        assert_eq!(
            next_reset(Moment::from(1_703_202_995)),
            "2023-12-22T07:00:00Z"
        );
    }

    #[test]
    fn names() {
        assert!(valid_name("log-1").is_ok());
        for bad in ["abc", "-abcd", "abcd-", "a_bcd", &"x".repeat(64)] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
    }
}

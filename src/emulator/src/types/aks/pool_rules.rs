//! Rules about a single pool: counts, the autoscaler, modes and systems.

use super::errors::invalid;
use crate::arm::ArmError;
use serde_json::{Map, Value, json};

/// The most nodes that a pool can have.
const MOST: i64 = 1000;

/// Refuses what the provider refuses; with the autoscaler on, the count moves into its
/// bounds.
pub fn check(path: &str, pool: &mut Map<String, Value>) -> Result<(), ArmError> {
    let text = |name: &str| pool.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| pool.get(name).and_then(Value::as_i64);
    let system = text("mode") == "System";
    let refuse = |name: &str, why: &str| Err(invalid(&format!("{path}.{name}"), why));
    if system && text("osType") == "Windows" {
        return refuse("osType", "System node pools must run Linux.");
    }
    if system && text("scaleSetPriority") == "Spot" {
        return refuse(
            "scaleSetPriority",
            "A Spot node pool cannot be a System node pool.",
        );
    }
    let windows = text("osSKU").starts_with("Windows");
    if windows != (text("osType") == "Windows") {
        return refuse("osSKU", "The OS SKU does not belong to the OS type.");
    }
    if number("maxPods").is_some_and(|pods| !(10..=250).contains(&pods)) {
        return refuse(
            "maxPods",
            "The number of pods on a node must be between 10 and 250.",
        );
    }
    if number("osDiskSizeGB").is_some_and(|size| !(30..=2048).contains(&size)) {
        return refuse(
            "osDiskSizeGB",
            "The OS disk must have between 30 and 2048 GB.",
        );
    }
    let least = i64::from(system);
    let count = number("count").unwrap_or_default();
    if pool.get("enableAutoScaling") != Some(&json!(true)) {
        if !(least..=MOST).contains(&count) {
            return refuse(
                "count",
                &format!("The node count must be between {least} and {MOST}, but it is {count}."),
            );
        }
        return Ok(());
    }
    let (Some(min), Some(max)) = (number("minCount"), number("maxCount")) else {
        return refuse(
            "enableAutoScaling",
            "minCount and maxCount are required when the autoscaler is enabled.",
        );
    };
    if min < least || max > MOST || min > max {
        return refuse(
            "minCount",
            &format!(
                "minCount {min} and maxCount {max} must be between {least} and {MOST}, and minCount must not be greater than maxCount."
            ),
        );
    }
    pool.insert("count".to_owned(), json!(count.clamp(min, max)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(value: Value) -> Result<Map<String, Value>, ArmError> {
        let mut pool = value.as_object().cloned().unwrap();
        check("p", &mut pool).map(|()| pool)
    }

    #[test]
    fn counts_stay_within_bounds() {
        assert!(checked(json!({"mode": "System", "count": 0})).is_err());
        assert!(checked(json!({"mode": "User", "count": 0})).is_ok());
        assert!(checked(json!({"mode": "User", "count": 1001})).is_err());
        let scaled = json!({"count": 9, "enableAutoScaling": true, "minCount": 1, "maxCount": 5});
        assert_eq!(checked(scaled).unwrap()["count"], 5);
        assert!(checked(json!({"count": 1, "enableAutoScaling": true, "minCount": 1})).is_err());
    }

    #[test]
    fn system_pools_are_linux_and_regular() {
        let spot = json!({"mode": "System", "count": 1, "scaleSetPriority": "Spot"});
        assert!(checked(spot).is_err());
        let windows =
            json!({"mode": "System", "count": 1, "osType": "Windows", "osSKU": "Windows2022"});
        assert!(checked(windows).is_err());
    }
}

//! Rotation policies: kept, checked, and used for the expiry of rotated versions.

use super::create::settled;
use super::fault::VaultError;
use super::key::Key;
use super::request::Request;
use super::{read, store};
use crate::server::Answer;
use serde_json::{Map, Value, json};

const DAY: i64 = 86_400;

/// The shortest life that a policy may give a version.
const SHORTEST: i64 = 28;

/// `GET /keys/N/rotationpolicy`
pub fn get(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    let key = request
        .read(|world| read::visible(request, world, name))
        .ok_or_else(|| VaultError::key_not_found(name))?;
    Ok(Answer::json(200, shown(request, &key)))
}

/// `PUT /keys/N/rotationpolicy`
pub fn put(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    let sent = request.body()?;
    let (vault, pace, now) = (&request.vault, request.azure.settings.pace, request.now);
    request.write(|txn| {
        let key =
            store::live(txn.world(), vault, name).ok_or_else(|| VaultError::key_not_found(name))?;
        let mut key = settled(key, pace, now)?;
        let created = key
            .rotation
            .as_ref()
            .and_then(|policy| policy["attributes"]["created"].as_i64())
            .unwrap_or(now.seconds());
        let mut attributes = json!({"created": created, "updated": now.seconds()});
        if let Some(time) = expiry_time(&sent)? {
            attributes["expiryTime"] = json!(time);
        }
        key.rotation = Some(json!({"lifetimeActions": actions(&sent)?, "attributes": attributes}));
        store::put_live(txn, vault, &key);
        Ok(Answer::json(200, shown(request, &key)))
    })
}

/// Seconds that a rotated version lives.
pub fn expiry(key: &Key) -> Option<i64> {
    let time = key.rotation.as_ref()?["attributes"]["expiryTime"].as_str()?;
    Some(days(time)? * DAY)
}

fn shown(request: &Request<'_>, key: &Key) -> Value {
    match &key.rotation {
        Some(policy) => {
            let mut policy = policy.clone();
            policy["id"] = json!(format!("{}/rotationpolicy", request.kid(&key.name, "")));
            policy
        }
        None => json!({"lifetimeActions": [notice()], "attributes": null}),
    }
}

/// Every policy tells somebody before a version expires.
fn notice() -> Value {
    json!({"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}})
}

fn expiry_time(sent: &Map<String, Value>) -> Result<Option<String>, VaultError> {
    let time = match sent.get("attributes").and_then(|a| a.get("expiryTime")) {
        None | Some(Value::Null) => return Ok(None),
        Some(time) => time.as_str().unwrap_or_default(),
    };
    match days(time) {
        Some(length) if length >= SHORTEST => Ok(Some(time.to_owned())),
        _ => Err(VaultError::bad(format!(
            "Invalid expiryTime value: '{time}'. It must be a duration of at least {SHORTEST} days."
        ))),
    }
}

/// The actions that were sent, with the notice if they have none.
fn actions(sent: &Map<String, Value>) -> Result<Vec<Value>, VaultError> {
    let sent = match sent.get("lifetimeActions") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(actions)) => actions.as_slice(),
        Some(other) => {
            return Err(VaultError::bad(format!(
                "Invalid lifetimeActions value: {other}"
            )));
        }
    };
    let mut kept: Vec<Value> = Vec::new();
    for action in sent {
        let word = action["action"]["type"].as_str().unwrap_or_default();
        let word = ["Rotate", "Notify"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(word))
            .ok_or_else(|| VaultError::bad(format!("Invalid action type value: '{word}'")))?;
        let trigger = ["timeAfterCreate", "timeBeforeExpiry"]
            .into_iter()
            .filter_map(|name| Some((name, action["trigger"][name].as_str()?)))
            .find(|(_, time)| days(time).is_some());
        let Some((name, time)) = trigger else {
            return Err(VaultError::bad(
                "Invalid trigger: it needs either timeAfterCreate or timeBeforeExpiry, a duration.",
            ));
        };
        if kept
            .iter()
            .any(|known| known["action"]["type"] == json!(word))
        {
            return Err(VaultError::bad(format!(
                "There can be only one {word} action."
            )));
        }
        kept.push(json!({"trigger": {name: time}, "action": {"type": word}}));
    }
    if !kept
        .iter()
        .any(|action| action["action"]["type"] == json!("Notify"))
    {
        kept.push(notice());
    }
    Ok(kept)
}

/// Days of an ISO 8601 duration in years, months and days: `P1Y6M`, `P90D`. A month has 30
/// days and a year 365.
fn days(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let mut days = 0i64;
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(at);
        let length = match unit.as_bytes().first()? {
            b'Y' => 365,
            b'M' => 30,
            b'W' => 7,
            b'D' => 1,
            _ => return None,
        };
        days = days.checked_add(number.parse::<i64>().ok()?.checked_mul(length)?)?;
        rest = &unit[1..];
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("P90D", Some(90)),
            ("P1Y6M", Some(365 + 180)),
            ("P2W", Some(14)),
            ("P", None),
            ("90D", None),
            ("P1H", None),
            ("PD", None),
            ("P99999999999999999999D", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }

    #[test]
    fn a_notice_is_always_there_and_only_once() {
        let sent = |actions: Value| actions_of(actions).unwrap().len();
        fn actions_of(list: Value) -> Result<Vec<Value>, VaultError> {
            let body = json!({ "lifetimeActions": list });
            actions(body.as_object().unwrap())
        }
        let rotate = json!({"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "rotate"}});
        assert_eq!(sent(json!([])), 1);
        assert_eq!(sent(json!([rotate.clone()])), 2);
        assert_eq!(sent(json!([rotate.clone(), notice()])), 2);
        assert!(actions_of(json!([rotate.clone(), rotate])).is_err());
        assert!(actions_of(json!([{"action": {"type": "Notify"}}])).is_err());
    }
}

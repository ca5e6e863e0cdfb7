//! A key as it is kept: versions, attributes, and what is known of it once it is deleted.

use super::material::Material;
use crate::settings::Pace;
use crate::state::{Moment, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A key with all its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// In the case that it was first written in.
    pub name: String,
    /// Oldest first; the last one is current. Never empty.
    pub versions: Vec<Version>,
    /// The rotation policy that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Value>,
    /// It was recovered and is not back everywhere yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
}

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Whether an HSM protects it.
    pub hsm: bool,
    pub ops: Vec<String>,
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    pub created: i64,
    pub updated: i64,
    #[serde(default)]
    pub exportable: bool,
    /// `0` for software, else the generation of the HSM that made it.
    pub platform: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_policy: Option<Value>,
    pub material: Material,
}

/// A key that was deleted and can be recovered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    pub key: Key,
    /// When, in seconds since 1970.
    pub deleted: i64,
    /// When it goes for good.
    pub purge: i64,
    /// Until it can be seen.
    pub lag: Lag,
}

/// A change that other requests do not see at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Since when, in seconds since 1970.
    since: i64,
    /// How often somebody looked.
    tries: u32,
}

/// Seconds that Azure was seen to take.
const SECONDS: i64 = 9;

impl Lag {
    pub fn from(now: Moment) -> Self {
        Self {
            since: now.seconds(),
            tries: 0,
        }
    }

    /// One more look.
    pub fn tried(mut self) -> Self {
        self.tries = self.tries.saturating_add(1);
        self
    }

    /// Whether the change is visible by now.
    pub fn over(self, pace: Pace, now: Moment) -> bool {
        match pace {
            Pace::Instant => true,
            Pace::Quick => self.tries >= 2,
            Pace::Realistic => now.seconds() >= self.since + SECONDS,
        }
    }

    /// Whether something newer may happen already. Quick emulators do not make callers
    /// wait for what they have not looked at.
    pub fn passable(self, pace: Pace, now: Moment) -> bool {
        pace == Pace::Quick || self.over(pace, now)
    }
}

impl Key {
    pub fn current(&self) -> &Version {
        self.versions
            .last()
            .expect("a key is made with a version and versions are never removed")
    }

    /// A version by its id, or the current one for an empty id.
    pub fn version(&self, id: &str) -> Option<&Version> {
        if id.is_empty() {
            return Some(self.current());
        }
        self.versions
            .iter()
            .find(|version| version.id.eq_ignore_ascii_case(id))
    }

    pub fn version_mut(&mut self, id: &str) -> Option<&mut Version> {
        if id.is_empty() {
            return self.versions.last_mut();
        }
        self.versions
            .iter_mut()
            .find(|version| version.id.eq_ignore_ascii_case(id))
    }
}

impl Version {
    /// `EC`, `EC-HSM`, `RSA` or `RSA-HSM`.
    pub fn kty(&self) -> String {
        let family = self.material.family();
        if self.hsm {
            format!("{family}-HSM")
        } else {
            family.to_owned()
        }
    }
}

/// A new version's id.
pub fn fresh_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// What keys of a type may do unless told otherwise.
pub fn default_ops(family: &str) -> Vec<String> {
    let ops: &[&str] = match family {
        "EC" => &["sign", "verify"],
        _ => &[
            "encrypt",
            "decrypt",
            "sign",
            "verify",
            "wrapKey",
            "unwrapKey",
        ],
    };
    ops.iter().map(ToString::to_string).collect()
}

/// Days that a vault keeps what was deleted.
pub fn retention(vault: &Object) -> i64 {
    vault.body["properties"]["softDeleteRetentionInDays"]
        .as_i64()
        .unwrap_or(90)
}

/// The recovery level that a vault gives its keys.
pub fn recovery_level(vault: &Object) -> String {
    let front = if retention(vault) < 90 {
        "CustomizedRecoverable"
    } else {
        "Recoverable"
    };
    if protected(vault) {
        front.to_owned()
    } else {
        format!("{front}+Purgeable")
    }
}

/// Whether nothing in a vault can be purged before its time.
pub fn protected(vault: &Object) -> bool {
    vault.body["properties"]["enablePurgeProtection"] == json!(true)
}

/// Whether a vault's keys can be protected by an HSM.
pub fn premium(vault: &Object) -> bool {
    vault
        .text("/properties/sku/name")
        .is_some_and(|name| name.eq_ignore_ascii_case("premium"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(properties: Value) -> Object {
        Object {
            id: "/V".to_owned(),
            kind: "K/v".to_owned(),
            body: json!({ "properties": properties }),
            hidden: Value::Null,
            pending: None,
        }
    }

    #[test]
    fn recovery_levels_follow_from_retention_and_protection() {
        for (days, protect, level) in [
            (90, false, "Recoverable+Purgeable"),
            (90, true, "Recoverable"),
            (7, false, "CustomizedRecoverable+Purgeable"),
            (89, true, "CustomizedRecoverable"),
        ] {
            let vault =
                vault(json!({"softDeleteRetentionInDays": days, "enablePurgeProtection": protect}));
            assert_eq!(recovery_level(&vault), level);
        }
    }

    #[test]
    fn changes_become_visible_by_looking_or_by_the_clock() {
        let now = Moment::from(1_000);
        let lag = Lag::from(now);
        assert!(lag.over(Pace::Instant, now));
        assert!(!lag.tried().over(Pace::Quick, now));
        assert!(lag.tried().tried().over(Pace::Quick, now));
        assert!(!lag.tried().tried().over(Pace::Realistic, now));
        assert!(lag.over(Pace::Realistic, Moment::from(1_009)));
        assert!(lag.passable(Pace::Quick, now) && !lag.passable(Pace::Realistic, now));
    }
}

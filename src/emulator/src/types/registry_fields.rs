//! A registry's members: defaults, what a write may set, and what its SKU allows.

use super::checks;
use super::registry_identity::{encryption, identity};
use crate::arm::{ArmError, Context, Since};
use crate::state::{Moment, Object, World};
use serde_json::{Map, Value, json};

pub const PREMIUM: &str = "Premium";

const SKUS: &[&str] = &["Basic", "Standard", PREMIUM];

/// Since when `anonymousPullEnabled` exists.
pub const ANONYMOUS_PULL: Since = Since {
    stable: Some("2025-04-01"),
    preview: Some("2020-11-01"),
};

/// The SKU in a body, in Azure's spelling.
pub fn sku(sent: &Map<String, Value>) -> Result<Option<&'static str>, ArmError> {
    let sku = checks::object(sent, "sku")?;
    let Some(name) = checks::text(&sku, "name")? else {
        return Ok(None);
    };
    SKUS.iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .map(|known| Some(*known))
        .ok_or_else(|| unsupported(name))
}

pub fn sku_of(object: &Object) -> &'static str {
    let name = object.text("/sku/name").unwrap_or_default();
    SKUS.iter()
        .find(|known| **known == name)
        .copied()
        .unwrap_or(PREMIUM)
}

fn unsupported(sku: &str) -> ArmError {
    checks::refuse(
        400,
        "SkuNotSupported",
        format!("The SKU {sku} is not supported."),
    )
}

/// A registry with all its defaults, as new or as a PUT over `old` resets it.
pub fn fresh(name: &str, now: Moment, old: Option<&Object>) -> Map<String, Value> {
    let created = old
        .and_then(|old| old.text("/properties/creationDate"))
        .map_or_else(|| now.zulu(), ToOwned::to_owned);
    let zones = old
        .and_then(|old| old.text("/properties/zoneRedundancy"))
        .unwrap_or("Disabled");
    let stamp = now.offset_form();
    let properties = json!({
        "loginServer": format!("{}.azurecr.localhost", name.to_ascii_lowercase()),
        "creationDate": created,
        "provisioningState": "Succeeded",
        "adminUserEnabled": false,
        "networkRuleSet": {"defaultAction": "Allow", "virtualNetworkRules": [], "ipRules": []},
        "policies": {
            "quarantinePolicy": {"status": "disabled"},
            "trustPolicy": {"type": "Notary", "status": "disabled"},
            "retentionPolicy": {"days": 7, "lastUpdatedTime": stamp, "status": "disabled"},
            "exportPolicy": {"status": "enabled"},
            "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
            "softDeletePolicy": {"retentionDays": 7, "lastUpdatedTime": stamp, "status": "disabled"},
        },
        "encryption": {"status": "disabled"},
        "dataEndpointEnabled": false,
        "publicNetworkAccess": "Enabled",
        "networkRuleBypassOptions": "AzureServices",
        "networkRuleBypassAllowedForTasks": false,
        "roleAssignmentMode": "LegacyRegistryPermissions",
        "zoneRedundancy": zones,
        "anonymousPullEnabled": false,
        "metadataSearch": "Disabled",
    });
    let mut body = Map::new();
    body.insert("properties".to_owned(), properties);
    body
}

/// Lays what was sent over `body`; members that the provider does not know are ignored,
/// as it does.
pub fn lay(
    cx: &Context<'_>,
    world: &World,
    body: &mut Map<String, Value>,
    sent: &Map<String, Value>,
    sku: &'static str,
    old: Option<&Object>,
) -> Result<(), ArmError> {
    body.insert("sku".to_owned(), json!({"name": sku, "tier": sku}));
    if let Some(identity) = identity(cx, world, sent, old)? {
        match identity {
            Value::Null => body.remove("identity"),
            identity => body.insert("identity".to_owned(), identity),
        };
    }
    let sent = checks::object(sent, "properties")?;
    let mut properties = checks::object(body, "properties")?;
    switches(cx, &mut properties, &sent, sku, old)?;
    if sent.get("networkRuleSet").is_some_and(Value::is_object) {
        let before = checks::object(&properties, "networkRuleSet")?;
        let rules = network_rules(before, &checks::object(&sent, "networkRuleSet")?, sku)?;
        properties.insert("networkRuleSet".to_owned(), rules);
    }
    if sent.get("policies").is_some_and(Value::is_object) {
        let before = checks::object(&properties, "policies")?;
        let policies = policies(before, &checks::object(&sent, "policies")?, sku, cx.now)?;
        properties.insert("policies".to_owned(), policies);
    }
    if sent.get("encryption").is_some_and(Value::is_object) {
        let encryption = encryption(&checks::object(&sent, "encryption")?, sku, body, cx.now)?;
        properties.insert("encryption".to_owned(), encryption);
    }
    if sku != PREMIUM {
        without_premium(&mut properties, sku)?;
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    Ok(())
}

/// Members that are a flag or a word.
fn switches(
    cx: &Context<'_>,
    properties: &mut Map<String, Value>,
    sent: &Map<String, Value>,
    sku: &'static str,
    old: Option<&Object>,
) -> Result<(), ArmError> {
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    for name in FLAGS {
        if let Some(flag) = checks::flag(sent, name)? {
            premium_if(flag && *name == "dataEndpointEnabled", sku)?;
            set(name, json!(flag));
        }
    }
    if let Some(flag) = checks::flag(sent, "anonymousPullEnabled")?
        && cx.api.has(ANONYMOUS_PULL)
    {
        if flag && sku == "Basic" {
            return Err(unsupported(sku));
        }
        set("anonymousPullEnabled", json!(flag));
    }
    for (name, words) in WORDS {
        if let Some(word) = checks::word(sent, name, words)? {
            set(name, json!(word));
        }
    }
    if let Some(word) = checks::word(sent, "zoneRedundancy", SWITCH)?
        && old.is_none()
    {
        premium_if(word == "Enabled", sku)?;
        set("zoneRedundancy", json!(word));
    }
    Ok(())
}

/// What a registry below Premium cannot keep from a better time.
fn without_premium(properties: &mut Map<String, Value>, sku: &str) -> Result<(), ArmError> {
    if properties["publicNetworkAccess"] == json!("Disabled") {
        return Err(checks::refuse(
            400,
            "DisablingPublicNetworkAccessNotSupported",
            format!(
                "Disabling public network access is not supported for the SKU {sku}. For more information, please visit https://aka.ms/acr/private-link."
            ),
        ));
    }
    properties.insert("dataEndpointEnabled".to_owned(), json!(false));
    for name in ["quarantinePolicy", "trustPolicy", "retentionPolicy"] {
        properties["policies"][name]["status"] = json!("disabled");
    }
    Ok(())
}

const SWITCH: &[&str] = &["Enabled", "Disabled"];

const FLAGS: &[&str] = &[
    "adminUserEnabled",
    "dataEndpointEnabled",
    "networkRuleBypassAllowedForTasks",
];

const WORDS: &[(&str, &[&str])] = &[
    ("networkRuleBypassOptions", &["AzureServices", "None"]),
    ("metadataSearch", SWITCH),
    ("publicNetworkAccess", SWITCH),
    (
        "roleAssignmentMode",
        &["LegacyRegistryPermissions", "AbacRepositoryPermissions"],
    ),
];

/// Refuses what only Premium can.
pub fn premium_if(wanted: bool, sku: &str) -> Result<(), ArmError> {
    if wanted && sku != PREMIUM {
        return Err(unsupported(sku));
    }
    Ok(())
}

fn network_rules(
    mut rules: Map<String, Value>,
    sent: &Map<String, Value>,
    sku: &str,
) -> Result<Value, ArmError> {
    premium_if(true, sku)?;
    if let Some(action) = checks::word(sent, "defaultAction", &["Allow", "Deny"])? {
        rules.insert("defaultAction".to_owned(), json!(action));
    }
    for (list, member) in [("ipRules", "value"), ("virtualNetworkRules", "id")] {
        let Some(sent) = checks::list(sent, list)? else {
            continue;
        };
        let mut kept = Vec::new();
        for rule in sent {
            let value = rule
                .get(member)
                .and_then(Value::as_str)
                .ok_or_else(|| checks::wrong(list, &rule))?;
            kept.push(json!({"action": "Allow", member: value}));
        }
        rules.insert(list.to_owned(), Value::Array(kept));
    }
    Ok(Value::Object(rules))
}

fn policies(
    mut policies: Map<String, Value>,
    sent: &Map<String, Value>,
    sku: &str,
    now: Moment,
) -> Result<Value, ArmError> {
    for (name, premium, days, most) in POLICIES {
        let sent = checks::object(sent, name)?;
        if sent.is_empty() {
            continue;
        }
        let mut policy = checks::object(&policies, name)?;
        if let Some(status) = checks::word(&sent, "status", &["enabled", "disabled"])? {
            premium_if(*premium && status == "enabled", sku)?;
            policy.insert("status".to_owned(), json!(status));
        }
        if let Some(number) = days
            .map(|days| checks::number(&sent, days))
            .transpose()?
            .flatten()
        {
            if !(0..=*most).contains(&number) {
                return Err(checks::invalid(format!(
                    "The {name} retention must be between 0 and {most} days."
                )));
            }
            policy.insert(days.unwrap_or_default().to_owned(), json!(number));
        }
        if let Some(kind) = checks::word(&sent, "type", &["Notary"])? {
            policy.insert("type".to_owned(), json!(kind));
        }
        policies.insert((*name).to_owned(), Value::Object(policy));
    }
    // Both clocks start again with any write of policies.
    for name in ["retentionPolicy", "softDeletePolicy"] {
        if let Some(policy) = policies.get_mut(name) {
            policy["lastUpdatedTime"] = json!(now.offset_form());
        }
    }
    Ok(Value::Object(policies))
}

/// Policy, whether switching it on needs Premium, its number of days and their maximum.
const POLICIES: &[(&str, bool, Option<&str>, i64)] = &[
    ("quarantinePolicy", true, None, 0),
    ("trustPolicy", true, None, 0),
    ("retentionPolicy", true, Some("days"), 365),
    ("exportPolicy", false, None, 0),
    ("azureADAuthenticationAsArmPolicy", false, None, 0),
    ("softDeletePolicy", false, Some("retentionDays"), 90),
];

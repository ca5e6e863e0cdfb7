//! A storage account's members: what a write may set, and what Azure adds.

use super::provider::{flag, invalid, list, object, word};
use crate::arm::{ArmError, pair};
use crate::state::{Moment, Object};
use serde_json::{Map, Value, json};

type Members = Map<String, Value>;

/// What redundancy can be bought.
const SKUS: &[&str] = &[
    "Standard_LRS",
    "Standard_ZRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
];

const KINDS: &[&str] = &[
    "StorageV2",
    "Storage",
    "BlobStorage",
    "BlockBlobStorage",
    "FileStorage",
];

/// Switches that are shown only once they were set.
const QUIET: &[&str] = &[
    "defaultToOAuthAuthentication",
    "allowSharedKeyAccess",
    "isLocalUserEnabled",
    "isSftpEnabled",
];

/// Switches that are always shown, with what they are in the beginning.
const SWITCHES: &[(&str, bool)] = &[
    ("allowCrossTenantReplication", false),
    ("allowBlobPublicAccess", false),
    ("supportsHttpsTrafficOnly", true),
];

/// A new account.
pub fn made(now: Moment, name: &str, sent: &Members) -> Result<Members, ArmError> {
    let sku = sku(sent)?.ok_or_else(|| invalid("sku"))?;
    let kind = word(sent, "kind", KINDS)?.ok_or_else(|| invalid("kind"))?;
    let location = sent["location"].as_str().unwrap_or_default().to_owned();
    let at = now.zulu();
    let mut properties = json!({
        "keyCreationTime": {"key1": at, "key2": at},
        "minimumTlsVersion": "TLS1_0",
        "networkAcls": rules(&Map::new(), None)?,
        "encryption": encryption(&at),
        "accessTier": "Hot",
        "provisioningState": "Creating",
        "creationTime": at,
        "primaryEndpoints": endpoints(name, "", true),
        "primaryLocation": location,
        "statusOfPrimary": "available",
    });
    for (switch, default) in SWITCHES {
        properties[*switch] = json!(default);
    }
    let mut body = Map::new();
    body.insert("kind".to_owned(), json!(kind));
    body.insert("location".to_owned(), json!(location));
    body.insert("tags".to_owned(), json!({}));
    body.insert("properties".to_owned(), properties);
    let wanted = object(sent, "properties")?;
    if let Some(hierarchical) = flag(&wanted, "isHnsEnabled")? {
        body["properties"]["isHnsEnabled"] = json!(hierarchical);
    }
    lay(&mut body, sent, sku)?;
    Ok(body)
}

/// What stands, with what is sent laid over it.
pub fn changed(old: &Object, sent: &Members) -> Result<Members, ArmError> {
    let mut body = old.body.as_object().cloned().unwrap_or_default();
    if word(sent, "kind", KINDS)?.is_some_and(|kind| body["kind"] != json!(kind)) {
        return Err(invalid("kind"));
    }
    let wanted = object(sent, "properties")?;
    let before = body["properties"]["isHnsEnabled"]
        .as_bool()
        .unwrap_or(false);
    if flag(&wanted, "isHnsEnabled")?.is_some_and(|wanted| wanted != before) {
        return Err(invalid("isHnsEnabled"));
    }
    let sku = match sku(sent)? {
        Some(sku) => sku,
        None => SKUS
            .iter()
            .copied()
            .find(|sku| old.text("/sku/name") == Some(sku))
            .unwrap_or(SKUS[0]),
    };
    body["properties"]["provisioningState"] = json!("Succeeded");
    lay(&mut body, sent, sku)?;
    Ok(body)
}

/// Lays what may be set over a body, and what follows from the redundancy.
fn lay(body: &mut Members, sent: &Members, sku: &str) -> Result<(), ArmError> {
    if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
        body.insert("tags".to_owned(), tags.clone());
    }
    let tier = sku.split('_').next().unwrap_or(sku);
    body.insert("sku".to_owned(), json!({"name": sku, "tier": tier}));
    let wanted = object(sent, "properties")?;
    let name = body["properties"]["primaryEndpoints"]["blob"].as_str();
    let name = name.and_then(|url| url.strip_prefix("https://")?.split('.').next());
    let name = name.unwrap_or_default().to_owned();
    let location = body["location"].as_str().unwrap_or_default().to_owned();
    let properties = &mut body["properties"];
    let switches = SWITCHES.iter().map(|(switch, _)| switch);
    for switch in switches.chain(QUIET) {
        if let Some(on) = flag(&wanted, switch)? {
            properties[*switch] = json!(on);
        }
    }
    for (member, words) in [
        (
            "minimumTlsVersion",
            &["TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"][..],
        ),
        ("publicNetworkAccess", &["Enabled", "Disabled"]),
        ("accessTier", &["Hot", "Cool", "Cold"]),
        ("allowedCopyScope", &["AAD", "PrivateLink"]),
    ] {
        if let Some(word) = word(&wanted, member, words)? {
            properties[member] = json!(word);
        }
    }
    if wanted
        .get("networkAcls")
        .is_some_and(|acls| !acls.is_null())
    {
        let before = properties["networkAcls"].clone();
        let acls = object(&wanted, "networkAcls")?;
        properties["networkAcls"] = rules(&acls, Some(&before))?;
    }
    second_region(properties, &name, &location, sku);
    Ok(())
}

fn sku(sent: &Members) -> Result<Option<&'static str>, ArmError> {
    word(&object(sent, "sku")?, "name", SKUS).map_err(|_| invalid("sku"))
}

/// What a geo-redundant account says of its other region.
fn second_region(properties: &mut Value, name: &str, location: &str, sku: &str) {
    let Some(members) = properties.as_object_mut() else {
        return;
    };
    for member in [
        "secondaryLocation",
        "statusOfSecondary",
        "secondaryEndpoints",
    ] {
        members.remove(member);
    }
    let other = pair(location).filter(|_| sku.contains('G'));
    let Some(other) = other else { return };
    members.insert("secondaryLocation".to_owned(), json!(other));
    members.insert("statusOfSecondary".to_owned(), json!("available"));
    if sku.contains("RAG") {
        let endpoints = endpoints(name, "-secondary", false);
        members.insert("secondaryEndpoints".to_owned(), endpoints);
    }
}

/// Files are not read from the second region.
fn endpoints(name: &str, suffix: &str, with_files: bool) -> Value {
    let at = |host: &str| json!(format!("https://{name}{suffix}.{host}.core.windows.net/"));
    let mut endpoints = json!({
        "dfs": at("dfs"),
        "web": at("z5.web"),
        "blob": at("blob"),
        "queue": at("queue"),
        "table": at("table"),
    });
    if with_files {
        endpoints["file"] = at("file");
    }
    endpoints
}

fn encryption(at: &str) -> Value {
    let service = json!({"keyType": "Account", "enabled": true, "lastEnabledTime": at});
    json!({
        "services": {"file": service, "blob": service},
        "keySource": "Microsoft.Storage",
    })
}

/// Network rules as the provider shows them: what is not sent stays as it was.
fn rules(acls: &Members, before: Option<&Value>) -> Result<Value, ArmError> {
    let mut shown = json!({
        "ipv6Rules": [],
        "bypass": "AzureServices",
        "virtualNetworkRules": [],
        "ipRules": [],
        "defaultAction": "Allow",
    });
    if let Some(before) = before.and_then(Value::as_object) {
        for (member, value) in before {
            shown[member] = value.clone();
        }
    }
    let bypass = ["None", "AzureServices", "Logging", "Metrics"];
    if let Some(word) = word(acls, "bypass", &bypass)? {
        shown["bypass"] = json!(word);
    }
    if let Some(word) = word(acls, "defaultAction", &["Allow", "Deny"])? {
        shown["defaultAction"] = json!(word);
    }
    if let Some(items) = list(acls, "ipRules")? {
        let rules: Option<Vec<Value>> = items.iter().map(address_rule).collect();
        shown["ipRules"] = json!(rules.ok_or_else(|| invalid("networkAcls.ipRule[*].value"))?);
    }
    if let Some(items) = list(acls, "virtualNetworkRules")? {
        let rules = items.iter().map(|rule| {
            let id = rule["id"].as_str().filter(|id| id.starts_with('/'))?;
            Some(json!({"id": id, "action": "Allow", "state": "Succeeded"}))
        });
        let rules: Option<Vec<Value>> = rules.collect();
        let fault = || invalid("networkAcls.virtualNetworkRules[*].id");
        shown["virtualNetworkRules"] = json!(rules.ok_or_else(fault)?);
    }
    for member in ["ipv6Rules", "resourceAccessRules"] {
        if let Some(items) = list(acls, member)? {
            shown[member] = json!(items);
        }
    }
    Ok(shown)
}

/// A public IPv4 address, or a range of at least four.
fn address_rule(rule: &Value) -> Option<Value> {
    let value = rule["value"].as_str()?;
    let (address, bits) = value.split_once('/').unwrap_or((value, "30"));
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let bits: u8 = bits.parse().ok()?;
    (bits <= 30 && !address.is_private()).then(|| json!({"value": value, "action": "Allow"}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: Value) -> Members {
        value.as_object().cloned().unwrap()
    }

    fn new(more: Value) -> Result<Members, ArmError> {
        let mut sent = members(json!({
            "location": "westus2", "kind": "StorageV2", "sku": {"name": "Standard_RAGZRS"},
        }));
        sent.insert("properties".to_owned(), more);
        made(Moment::from(1_750_000_000), "stone", &sent)
    }

    #[test]
    fn a_geo_redundant_account_tells_its_other_region() {
        let made = new(json!({})).unwrap();
        let properties = &made["properties"];
        assert_eq!(properties["secondaryLocation"], "westcentralus");
        assert_eq!(
            properties["secondaryEndpoints"]["blob"],
            "https://stone-secondary.blob.core.windows.net/"
        );
        assert!(properties.get("allowSharedKeyAccess").is_none());
        let old = Object {
            id: "/S/stone".to_owned(),
            kind: "K/s".to_owned(),
            body: Value::Object(made),
            hidden: Value::Null,
            pending: None,
        };
        let local = changed(&old, &members(json!({"sku": {"name": "standard_lrs"}}))).unwrap();
        assert_eq!(
            local["sku"],
            json!({"name": "Standard_LRS", "tier": "Standard"})
        );
        assert!(local["properties"].get("secondaryLocation").is_none());
        for fixed in [
            json!({"kind": "Storage"}),
            json!({"properties": {"isHnsEnabled": true}}),
        ] {
            assert_eq!(
                changed(&old, &members(fixed)).unwrap_err().code,
                "InvalidValuesForRequestParameters"
            );
        }
    }

    #[test]
    fn network_rules_are_shown_whole() {
        let made = new(json!({"networkAcls": {
            "defaultAction": "deny", "ipRules": [{"value": "203.0.113.0/24"}],
        }}));
        assert_eq!(
            made.unwrap()["properties"]["networkAcls"],
            json!({
                "ipv6Rules": [],
                "bypass": "AzureServices",
                "virtualNetworkRules": [],
                "ipRules": [{"value": "203.0.113.0/24", "action": "Allow"}],
                "defaultAction": "Deny",
            })
        );
        for bad in ["10.0.0.1", "203.0.113.7/31", "nowhere"] {
            let acls = json!({"networkAcls": {"ipRules": [{"value": bad}]}});
            assert!(new(acls).is_err(), "{bad}");
        }
    }
}

//! A vault's properties: defaults, what a write may set, and what it may not.

use super::vault_policies;
use crate::arm::{ArmError, Source};
use crate::state::Object;
use serde_json::{Map, Value, json};
use uuid::Uuid;

type Members = Map<String, Value>;

/// An error of the provider.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(Source::Provider, status, code, message)
}

/// 400 for a property.
pub fn bad(message: impl Into<String>) -> ArmError {
    refuse(400, "BadRequest", message)
}

fn invalid(name: &str) -> ArmError {
    bad(format!("An invalid value was provided for '{name}'."))
}

/// What is wrong with a vault's name, if anything is.
pub fn name_fault(name: &str) -> Option<String> {
    let shape = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let ends = name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .as_bytes()
            .last()
            .is_some_and(u8::is_ascii_alphanumeric);
    let well = shape && ends && (3..=24).contains(&name.len()) && !name.contains("--");
    (!well).then(|| {
        format!(
            "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2147742"
        )
    })
}

/// Refuses names that Azure refuses. An underscore passes here: sanitised recordings name
/// vaults with one, and availability checks tell that Azure would not take it.
pub fn valid_name(name: &str) -> Result<(), ArmError> {
    match name_fault(&name.replace('_', "x")) {
        None => Ok(()),
        Some(fault) => Err(refuse(
            400,
            "VaultNameNotValid",
            fault.replacen(&name.replace('_', "x"), name, 1),
        )),
    }
}

/// `properties` of a body.
pub fn properties(sent: &Members) -> Result<Members, ArmError> {
    match sent.get("properties") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(properties)) => Ok(properties.clone()),
        Some(_) => Err(invalid("properties")),
    }
}

/// Whether a PUT wants a deleted vault back.
pub fn recovers(properties: &Members) -> Result<bool, ArmError> {
    Ok(word(properties, "createMode", &["default", "recover"])? == Some("recover"))
}

/// The properties that a PUT makes.
pub fn laid(name: &str, sent: &Members, old: Option<&Object>) -> Result<Members, ArmError> {
    for required in ["tenantId", "sku"] {
        if sent.get(required).is_none_or(Value::is_null) {
            return Err(bad(format!("The parameter {required} is not specified.")));
        }
    }
    if sent.get("accessPolicies").is_none_or(Value::is_null) {
        return Err(bad("The parameter accessPolicies is not specified."));
    }
    let mut made = Map::new();
    let before = old.map(|old| &old.body["properties"]);
    for (kept, default) in [
        ("enableSoftDelete", json!(true)),
        ("softDeleteRetentionInDays", json!(90)),
        ("enablePurgeProtection", Value::Null),
        ("enableRbacAuthorization", Value::Null),
        ("vaultUri", Value::Null),
    ] {
        let value = before.map_or(&default, |before| &before[kept]);
        if !value.is_null() {
            made.insert(kept.to_owned(), value.clone());
        }
    }
    made.insert("enabledForDeployment".to_owned(), json!(false));
    made.insert("publicNetworkAccess".to_owned(), json!("Enabled"));
    lay(name, &mut made, sent, old)?;
    Ok(made)
}

/// The properties that a PATCH makes.
pub fn patched(name: &str, sent: &Members, old: &Object) -> Result<Members, ArmError> {
    let mut made = old.body["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    lay(name, &mut made, sent, Some(old))?;
    Ok(made)
}

fn lay(
    name: &str,
    made: &mut Members,
    sent: &Members,
    old: Option<&Object>,
) -> Result<(), ArmError> {
    if let Some(tenant) = text(sent, "tenantId")? {
        Uuid::try_parse(tenant).map_err(|_| invalid("tenantId"))?;
        made.insert("tenantId".to_owned(), json!(tenant));
    }
    if let Some(sku) = sku(sent)? {
        made.insert("sku".to_owned(), sku);
    }
    if let Some(policies) = sent.get("accessPolicies").filter(|p| !p.is_null()) {
        let policies = vault_policies::read(policies)?;
        made.insert("accessPolicies".to_owned(), Value::Array(policies));
    }
    for flag_name in [
        "enabledForDeployment",
        "enabledForDiskEncryption",
        "enabledForTemplateDeployment",
        "enableRbacAuthorization",
    ] {
        if let Some(flag) = flag(sent, flag_name)? {
            made.insert(flag_name.to_owned(), json!(flag));
        }
    }
    if let Some(access) = word(sent, "publicNetworkAccess", &["Enabled", "Disabled"])? {
        made.insert("publicNetworkAccess".to_owned(), json!(access));
    }
    if let Some(uri) = text(sent, "vaultUri")?.filter(|uri| names(uri, name)) {
        made.insert("vaultUri".to_owned(), json!(uri));
    }
    if let Some(rules) = network_rules(sent)? {
        match rules {
            Value::Null => made.remove("networkAcls"),
            rules => made.insert("networkAcls".to_owned(), rules),
        };
    }
    protections(made, sent, old)
}

/// Soft delete and purge protection only ever get stronger.
fn protections(made: &mut Members, sent: &Members, old: Option<&Object>) -> Result<(), ArmError> {
    if old.is_some() && flag(sent, "enableSoftDelete")? == Some(false) {
        return Err(bad(
            "The property \"enableSoftDelete\" can be set to false only for creating new vault. Enabling the 'soft delete' functionality is an irreversible action.",
        ));
    }
    if flag(sent, "enableSoftDelete")? == Some(true) {
        made.insert("enableSoftDelete".to_owned(), json!(true));
    }
    match flag(sent, "enablePurgeProtection")? {
        Some(false) => {
            return Err(bad(
                "The property \"enablePurgeProtection\" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.",
            ));
        }
        Some(true) => {
            made.insert("enablePurgeProtection".to_owned(), json!(true));
        }
        None => {}
    }
    let days = match sent.get("softDeleteRetentionInDays") {
        None | Some(Value::Null) => return Ok(()),
        Some(days) => days
            .as_i64()
            .ok_or_else(|| invalid("softDeleteRetentionInDays"))?,
    };
    if !(7..=90).contains(&days) {
        return Err(bad(
            "The property \"softDeleteRetentionInDays\" should be greater than or equal to 7 and less than or equal to 90.",
        ));
    }
    let before = old.and_then(|old| old.body["properties"]["softDeleteRetentionInDays"].as_i64());
    if before.is_some_and(|before| before != days) {
        return Err(bad(
            "The property \"softDeleteRetentionInDays\" has been set already and it can't be modified.",
        ));
    }
    made.insert("softDeleteRetentionInDays".to_owned(), json!(days));
    Ok(())
}

/// The provider keeps the spelling of a SKU's name.
fn sku(sent: &Members) -> Result<Option<Value>, ArmError> {
    let sku = match sent.get("sku") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(sku)) => sku,
        Some(_) => return Err(invalid("sku")),
    };
    let name = text(sku, "name")?
        .filter(|name| {
            ["standard", "premium"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
        .ok_or_else(|| invalid("sku"))?;
    if !text(sku, "family")?.is_some_and(|family| family.eq_ignore_ascii_case("A")) {
        return Err(invalid("sku"));
    }
    Ok(Some(json!({"family": "A", "name": name})))
}

/// Network rules as the provider shows them; null where they say nothing.
fn network_rules(sent: &Members) -> Result<Option<Value>, ArmError> {
    let rules = match sent.get("networkAcls") {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(Value::Null)),
        Some(Value::Object(rules)) => rules,
        Some(_) => return Err(invalid("networkAcls")),
    };
    let bypass = word(rules, "bypass", &["AzureServices", "None"])?.unwrap_or("AzureServices");
    let action = word(rules, "defaultAction", &["Allow", "Deny"])?.unwrap_or("Allow");
    let mut addresses = Vec::new();
    for rule in list(rules, "ipRules")? {
        let value = rule["value"].as_str().and_then(address_range);
        addresses.push(json!({"value": value.ok_or_else(|| invalid("networkAcls.ipRules"))?}));
    }
    let mut networks = Vec::new();
    for rule in list(rules, "virtualNetworkRules")? {
        let id = rule["id"]
            .as_str()
            .filter(|id| id.starts_with('/'))
            .ok_or_else(|| invalid("networkAcls.virtualNetworkRules"))?;
        let mut shown = json!({"id": id.to_ascii_lowercase()});
        if rule["ignoreMissingVnetServiceEndpoint"] == json!(true) {
            shown["ignoreMissingVnetServiceEndpoint"] = json!(true);
        }
        networks.push(shown);
    }
    let silent = action == "Allow"
        && bypass == "AzureServices"
        && addresses.is_empty()
        && networks.is_empty();
    Ok(Some(if silent {
        Value::Null
    } else {
        json!({
            "bypass": bypass,
            "defaultAction": action,
            "ipRules": addresses,
            "virtualNetworkRules": networks,
        })
    }))
}

/// An IPv4 address or range; an address is a range of one.
fn address_range(text: &str) -> Option<String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    address.parse::<std::net::Ipv4Addr>().ok()?;
    let bits: u8 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some(format!("{address}/{bits}"))
}

/// Whether an address is one of the vault, in whatever cloud: callers send back what they
/// read, and the provider keeps it.
fn names(uri: &str, name: &str) -> bool {
    let Some(rest) = uri.strip_prefix("https://") else {
        return false;
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    host.split_once('.').is_some_and(|(first, domain)| {
        first.eq_ignore_ascii_case(name)
            && domain.starts_with("vault.")
            && domain != "vault.localhost"
            && !domain.contains(['/', ':'])
    })
}

fn list(body: &Members, name: &str) -> Result<Vec<Value>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(invalid(name)),
    }
}

fn flag(body: &Members, name: &str) -> Result<Option<bool>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_bool().map(Some).ok_or_else(|| invalid(name)),
    }
}

/// A text, where it is sent.
pub fn text<'a>(body: &'a Members, name: &str) -> Result<Option<&'a str>, ArmError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| invalid(name)),
    }
}

fn word(
    body: &Members,
    name: &str,
    words: &[&'static str],
) -> Result<Option<&'static str>, ArmError> {
    let Some(text) = text(body, name)? else {
        return Ok(None);
    };
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .map(|word| Some(*word))
        .ok_or_else(|| invalid(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: Value) -> Members {
        value.as_object().cloned().unwrap()
    }

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
    fn names_of_vaults() {
        for good in ["abc", "kv-prod-1", "A23456789012345678901234"] {
            assert_eq!(name_fault(good), None, "{good}");
        }
        for bad in [
            "ab",
            "1abc",
            "abc-",
            "a--b",
            "a_b",
            "A234567890123456789012345",
            "käse",
        ] {
            assert!(name_fault(bad).is_some(), "{bad}");
        }
        assert!(valid_name("key_vault").is_ok() && valid_name("_xy").is_ok());
        assert!(valid_name("a--b").unwrap_err().message.contains("'a--b'"));
    }

    #[test]
    fn protections_only_get_stronger() {
        let old = vault(json!({"softDeleteRetentionInDays": 7, "enablePurgeProtection": true}));
        let patch = |sent: Value| patched("kv", &members(sent), &old);
        assert!(patch(json!({"softDeleteRetentionInDays": 7})).is_ok());
        for sent in [
            json!({"softDeleteRetentionInDays": 8}),
            json!({"softDeleteRetentionInDays": 91}),
            json!({"enablePurgeProtection": false}),
            json!({"enableSoftDelete": false}),
        ] {
            assert_eq!(
                patch(sent.clone()).unwrap_err().code,
                "BadRequest",
                "{sent}"
            );
        }
        let full = json!({"tenantId": Uuid::nil().to_string(), "sku": {"family": "A", "name": "premium"}, "accessPolicies": []});
        let put = laid("kv", &members(full), Some(&old)).unwrap();
        assert_eq!(put["enablePurgeProtection"], json!(true));
    }

    #[test]
    fn network_rules_are_normalised_and_silent_ones_vanish() {
        let rules = |acls: Value| network_rules(&members(json!({ "networkAcls": acls })));
        assert_eq!(
            rules(json!({"defaultAction": "Allow", "bypass": "AzureServices"})).unwrap(),
            Some(Value::Null)
        );
        let shown = rules(json!({
            "defaultAction": "deny",
            "ipRules": [{"value": "1.2.3.4"}],
            "virtualNetworkRules": [{"id": "/Subscriptions/S/Subnets/X"}],
        }));
        assert_eq!(
            shown.unwrap().unwrap(),
            json!({
                "bypass": "AzureServices",
                "defaultAction": "Deny",
                "ipRules": [{"value": "1.2.3.4/32"}],
                "virtualNetworkRules": [{"id": "/subscriptions/s/subnets/x"}],
            })
        );
        assert!(rules(json!({"ipRules": [{"value": "nowhere"}]})).is_err());
    }

    #[test]
    fn an_address_is_kept_only_where_it_names_the_vault() {
        assert!(names("https://kv-1.vault.azure.net/", "KV-1"));
        for other in [
            "https://other.vault.azure.net/",
            "http://kv-1.vault.azure.net/",
            "https://kv-1.vault.localhost/",
            "https://kv-1.vault.localhost:81/",
            "https://kv-1.vault.azure.net/keys",
            "https://kv-1.example.org/",
        ] {
            assert!(!names(other, "kv-1"), "{other}");
        }
    }
}

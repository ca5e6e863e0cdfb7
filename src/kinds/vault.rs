//! Key vaults: where signing keys live in hardware that they never leave.
//!
//! Reference: Microsoft.KeyVault `vaults`, api-version 2023-07-01. A deleted vault is kept for its
//! retention with all its keys; a PUT with `createMode: recover` brings it back as it was.
//!
//! ## Why
//! Rights come from roles alone: access policies cannot be declared, and any that stand are taken
//! away, since they would act again once somebody switched roles off. Who reaches a vault over the
//! internet has to be named, so its firewall never allows by default. Nothing here replaces a
//! vault: purge protection holds its name until the retention is over.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{KeySection, LockLevel, Sections, key, names};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Deleted, Field, Kind, Literal, Meta, Method, Naming,
    Place, Planned, Problem, Question, ReadMode, Request, Resource, Severity, Unmanaged,
    UpdateMode, Value,
};

/// The api-version of vaults and of keys in ARM.
pub(super) const API_VERSION: &str = "2023-07-01";

/// `[vault]`: the environment's key vault.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultSection {
    /// Its name, unique in all of Azure: 3 to 24 letters, digits and hyphens.
    pub name: String,
    /// The service tier. Keys in hardware need premium.
    #[serde(default)]
    pub sku: VaultSku,
    /// Whether nobody, Microsoft included, can purge it or its keys before their retention is
    /// over. It cannot be switched off again.
    #[serde(default = "yes")]
    pub purge_protection: bool,
    /// Days for which it and its keys can be recovered after a delete: 7 to 90, for good.
    #[serde(default = "ninety")]
    pub retention_days: u16,
    /// Whether it can be reached from the internet, by those in `allowed_ips`.
    #[serde(default)]
    pub public_network_access: bool,
    /// Public IPv4 addresses and CIDR ranges that may reach it; all others are denied.
    #[serde(default)]
    pub allowed_ips: Vec<String>,
    /// Whose requests pass its firewall whatever it says.
    #[serde(default)]
    pub bypass: VaultBypass,
    /// Whether the network reaches it through a private endpoint; so it is when absent, where
    /// there is a network.
    pub private_endpoint: Option<bool>,
    /// Whether every use of its keys is logged to the workspace; on where there is one.
    pub diagnostics: Option<bool>,
    /// A management lock on the vault and everything in it.
    pub lock: Option<LockLevel>,
    /// Its keys.
    #[serde(default)]
    pub keys: BTreeMap<String, KeySection>,
}

fn yes() -> bool {
    true
}

fn ninety() -> u16 {
    90
}

/// A vault's service tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VaultSku {
    /// Keys in software only.
    Standard,
    /// Keys in hardware, too.
    #[default]
    Premium,
}

/// Whose requests pass a vault's firewall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VaultBypass {
    /// Those of services that Azure trusts, such as disk encryption and backup.
    AzureServices,
    /// Nobody's.
    #[default]
    None,
}

/// The kind of key vaults.
pub struct Vault;

/// A switch by which other services would read the vault.
const fn switch(path: &'static str) -> Field {
    Field::new(path)
        .or(Literal::Bool(false))
        .severity(Severity::High)
}

static META: Meta = Meta {
    name: "vault",
    arm_type: "Microsoft.KeyVault/vaults",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.KeyVault/vaults"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Refuse(
                "a vault keeps its region: declare a vault of another name there; keys get there \
                 by backup and restore within the geography only",
            )),
        Field::tags(),
        Field::new("properties.tenantId")
            .compare(Compare::IgnoreCase)
            .severity(Severity::Critical),
        Field::new("properties.sku.name")
            .or(Literal::Text("premium"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.enableRbacAuthorization")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .severity(Severity::Critical),
        Field::new("properties.accessPolicies")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        Field::new("properties.enableSoftDelete")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .change(Change::Keep("soft delete cannot be switched off"))
            .severity(Severity::Critical),
        Field::new("properties.softDeleteRetentionInDays")
            .or(Literal::Int(90))
            .change(Change::Refuse(
                "Azure takes the retention on create only: declare retention_days as it is, or a \
                 vault of another name",
            ))
            .severity(Severity::High),
        Field::new("properties.enablePurgeProtection")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .change(Change::Keep(
                "purge protection cannot be switched off: set purge_protection = true",
            ))
            .severity(Severity::Critical),
        Field::new("properties.publicNetworkAccess")
            .or(Literal::Text("Disabled"))
            .absent(Literal::Text("Enabled"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkAcls.defaultAction")
            .or(Literal::Text("Deny"))
            .absent(Literal::Text("Allow"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkAcls.bypass")
            .or(Literal::Text("None"))
            .absent(Literal::Text("AzureServices"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkAcls.ipRules")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        Field::new("properties.networkAcls.virtualNetworkRules")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        switch("properties.enabledForDeployment"),
        switch("properties.enabledForDiskEncryption"),
        switch("properties.enabledForTemplateDeployment"),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.sku.family",
            reason: "there is one, and create says it",
        },
        Unmanaged {
            path: "properties.privateEndpointConnections",
            reason: "the other end of a private endpoint: ours is a resource of its own, and `rbac check` \
                     finds any other",
        },
        Unmanaged {
            path: "properties.createMode",
            reason: "says what a PUT does; Azure never answers it",
        },
    ],
    read_only: &[
        "properties.vaultUri",
        "properties.provisioningState",
        "properties.hsmPoolResourceId",
        "properties.privateEndpointConnections",
    ],
    stateful: true,
    is_guard: false,
    outputs: &[("vaultUri", "properties.vaultUri")],
};

impl Kind for Vault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn naming(&self) -> Naming {
        Naming::Kept
    }

    fn question(&self, planned: &Planned<'_>) -> Option<Question> {
        names::question(&META, planned)
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let mut body = crate::resource::without_nulls(desired.clone());
        body["properties"]["sku"]["family"] = json!(FAMILY);
        // Azure takes no `false` here, not even for a vault that it makes.
        if body["properties"]["enablePurgeProtection"] == json!(false)
            && let Some(properties) = body["properties"].as_object_mut()
        {
            properties.remove("enablePurgeProtection");
        }
        Request::arm(Method::Put, id, API_VERSION).body(body)
    }

    fn deleted(&self) -> Deleted {
        Deleted::PerSubscription("/providers/Microsoft.KeyVault/deletedVaults")
    }

    fn remains(&self, _within: &str, entry: &Json) -> Json {
        let kept = &entry["properties"];
        json!({ "id": kept["vaultId"], "tags": kept["tags"] })
    }

    /// What Azure wants of every PUT, and no more: the rest comes back as it was.
    fn recover(&self, id: &str, desired: &Json, _handle: Option<&str>) -> Option<Request> {
        let body = json!({
            "location": desired["location"],
            "properties": {
                "tenantId": desired["properties"]["tenantId"],
                "sku": { "family": FAMILY, "name": desired["properties"]["sku"]["name"] },
                "createMode": "recover",
            },
        });
        Some(Request::arm(Method::Put, id, API_VERSION).body(body))
    }

    /// Its keys are deleted with it, and come back with it.
    fn takes(&self, child: &Resource) -> bool {
        child.kind.meta().name == key::NAME
    }
}

/// The only family of vaults that are no managed HSM.
const FAMILY: &str = "A";

impl VaultSection {
    /// The vault's ARM id in a resource group.
    pub(super) fn id(&self, group_id: &str) -> String {
        format!("{group_id}/providers/{}/{}", META.arm_type, self.name)
    }

    /// Whether it has a private endpoint.
    pub(super) fn is_private(&self, has_network: bool) -> bool {
        has_network && self.private_endpoint.unwrap_or(true)
    }

    fn body(&self, place: &Place) -> Json {
        // Azure answers an address as the range that it is.
        let ranges = self.allowed_ips.iter().filter_map(|text| range(text));
        let rules: Vec<Json> = ranges
            .map(|range| json!({ "value": range.to_string() }))
            .collect();
        let access = |open: bool| if open { "Enabled" } else { "Disabled" };
        json!({
            "location": place.primary,
            "properties": {
                "tenantId": place.tenant,
                "sku": { "name": self.sku },
                "softDeleteRetentionInDays": self.retention_days,
                "enablePurgeProtection": self.purge_protection,
                "publicNetworkAccess": access(self.public_network_access),
                "networkAcls": { "bypass": self.bypass, "ipRules": rules },
            },
        })
    }
}

/// A range as Azure takes it: one that begins where it says, or a single address.
fn range(text: &str) -> Option<Ipv4Net> {
    let (address, _) = text.split_once('/').unwrap_or((text, ""));
    let range = if address == text {
        Ipv4Net::from(text.parse::<std::net::Ipv4Addr>().ok()?)
    } else {
        text.parse().ok()?
    };
    (range.trunc() == range).then_some(range)
}

/// The vault of an environment.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.vault, &sections.group) else {
        return Ok(Vec::new());
    };
    let id = section.id(&place.group_id(&group.name));
    let address = place.address("vault")?;
    let properties = Value::from(section.body(place));
    let vault = Resource::new(place, &Vault, address, id.into(), properties);
    Ok(vec![vault.inside(&place.address("group")?)])
}

/// Azure's rules for vaults: names, retention, and who can reach one at all.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.vault else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if sections.group.is_none() {
        problems.push(
            Problem::at("vault", "a vault needs a resource group")
                .help("add `[group]` with a name"),
        );
    }
    if !is_name(&section.name) {
        let message = format!("`{}` is not a vault name", section.name);
        problems.push(Problem::at("vault.name", message).help(
            "3 to 24 letters, digits and hyphens, a letter first, no hyphen last, no two in a row",
        ));
    }
    if !(7..=90).contains(&section.retention_days) {
        let message = format!("{} days is not a retention", section.retention_days);
        problems.push(Problem::at("vault.retention_days", message).help("7 to 90 days"));
    }
    problems.extend(check_endpoint(section, sections));
    problems.extend(check_firewall(section));
    let reachable = section.public_network_access || section.is_private(sections.network.is_some());
    if !section.keys.is_empty() && !reachable {
        problems.push(
            Problem::at(
                "vault.keys",
                "nothing reaches the vault, so its keys are of no use",
            )
            .help(
                "add `[network]` for a private endpoint, or set public_network_access = true \
                     and name who may come in allowed_ips",
            ),
        );
    }
    problems
}

fn check_endpoint(section: &VaultSection, sections: &Sections) -> Vec<Problem> {
    let mut problems = Vec::new();
    if section.private_endpoint == Some(true) && sections.network.is_none() {
        let message = "a private endpoint needs a network to stand in";
        problems.push(Problem::at("vault.private_endpoint", message).help("add `[network]`"));
    }
    let registry = sections.registry.as_ref();
    if registry.is_some_and(|registry| registry.name.eq_ignore_ascii_case(&section.name)) {
        problems.push(
            Problem::at(
                "vault.name",
                "the registry has this name, and endpoints are named after it",
            )
            .clashing(["registry", "name"]),
        );
    }
    problems
}

fn check_firewall(section: &VaultSection) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, text) in section.allowed_ips.iter().enumerate() {
        let wrong = match range(text) {
            None => Some("is not an IPv4 address, nor a range from its first address on"),
            Some(range) if range.addr().is_private() => {
                Some("is private: the firewall sees public addresses only")
            }
            Some(_) => None,
        };
        if let Some(wrong) = wrong {
            let path = ["vault".to_owned(), "allowed_ips".to_owned(), at.to_string()];
            problems.push(Problem::below(path, format!("`{text}` {wrong}")));
        }
    }
    match (
        section.public_network_access,
        section.allowed_ips.is_empty(),
    ) {
        (true, true) => problems.push(
            Problem::at(
                "vault.public_network_access",
                "opens the door, and nobody may come in",
            )
            .help("name who may in allowed_ips, or drop public_network_access"),
        ),
        (false, false) => problems.push(
            Problem::at(
                "vault.allowed_ips",
                "says who may come in while the door is shut",
            )
            .help("set public_network_access = true, or drop allowed_ips"),
        ),
        _ => {}
    }
    problems
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (3..=24).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn sections(text: &str) -> Sections {
        let mut sections: Sections = toml::from_str(text).expect("sections");
        sections.group = Some(testing::group());
        sections
    }

    fn problems(text: &str) -> Vec<String> {
        let sections = sections(text);
        let found = check(&testing::place(), &sections);
        found.iter().map(|p| p.path.join(".")).collect()
    }

    const NETWORK: &str = "[network]\nname = \"n\"\naddress_space = [\"10.0.0.0/16\"]\n";

    #[test]
    fn what_azure_would_refuse_is_found_at_once() {
        assert!(problems("[vault]\nname = \"kv-onestream-dev\"\n").is_empty());
        assert_eq!(
            problems("[vault]\nname = \"kv--dev\"\nretention_days = 91\n"),
            ["vault.name", "vault.retention_days"]
        );
        for name in ["kv", "1kv", "kv-", "kv_dev", &"k".repeat(25)] {
            let text = format!("[vault]\nname = \"{name}\"\n");
            assert_eq!(problems(&text), ["vault.name"], "{name}");
        }
        let twins = "[vault]\nname = \"onestream\"\n[registry]\nname = \"OneStream\"\n";
        assert_eq!(problems(twins), ["vault.name"]);
    }

    #[test]
    fn a_firewall_names_who_may_come_in() {
        let vault = |rest: &str| problems(&format!("[vault]\nname = \"kv-dev\"\n{rest}"));
        let open = "public_network_access = true\n";
        assert_eq!(vault(open), ["vault.public_network_access"]);
        assert_eq!(
            vault("allowed_ips = [\"203.0.113.7\"]\n"),
            ["vault.allowed_ips"]
        );
        for (range, wrong) in [
            ("203.0.113.7", false),
            ("203.0.113.0/24", false),
            ("203.0.113.1/24", true),
            ("10.0.0.1", true),
            ("::1", true),
        ] {
            let found = vault(&format!("{open}allowed_ips = [\"{range}\"]\n"));
            assert_eq!(found.len(), usize::from(wrong), "{range}");
        }
    }

    #[test]
    fn keys_that_nothing_reaches_are_no_use() {
        let keys = "[vault]\nname = \"kv-dev\"\n[vault.keys.cosign]\n";
        assert_eq!(problems(keys), ["vault.keys"]);
        assert!(problems(&format!("{NETWORK}{keys}")).is_empty());
        let alone = keys.replace("name", "private_endpoint = true\nname");
        assert_eq!(problems(&alone), ["vault.private_endpoint", "vault.keys"]);
    }

    #[test]
    fn what_is_not_said_is_what_the_table_says_of_it() {
        let sections = sections("[vault]\nname = \"kv-dev\"\n");
        let section = sections.vault.expect("a vault");
        let mut said = Value::from(section.body(&testing::place()));
        let mut silent = Value::default();
        META.materialise(&mut silent);
        META.materialise(&mut said);
        for field in META.fields {
            let declared = ["location", "properties.tenantId"].contains(&field.path);
            let same = said.at(field.path) == silent.at(field.path);
            assert!(declared || same, "{}", field.path);
        }
    }

    #[test]
    fn a_create_never_says_that_purge_protection_is_off() {
        let desired = |on: bool| json!({"properties": {"enablePurgeProtection": on}});
        let sent = |on: bool| Vault.create("/v", &desired(on)).body.expect("a body");
        assert_eq!(sent(true)["properties"]["enablePurgeProtection"], true);
        assert_eq!(sent(false)["properties"].get("enablePurgeProtection"), None);
    }

    #[test]
    fn a_recovery_says_nothing_that_would_overwrite() {
        let sections = sections("[vault]\nname = \"kv-dev\"\n");
        let desired = sections.vault.expect("a vault").body(&testing::place());
        let body = Vault
            .recover("/v", &desired, None)
            .and_then(|request| request.body);
        let properties = body.expect("a body")["properties"].clone();
        let mut said: Vec<&String> = properties.as_object().expect("a map").keys().collect();
        said.sort();
        assert_eq!(said, ["createMode", "sku", "tenantId"]);
        let entry = json!({"id": "/deletedVaults/v", "properties": {"vaultId": "/v", "tags": {}}});
        assert_eq!(Vault.remains("", &entry)["id"], "/v");
    }
}

//! `[shared.store]`: the storage account that the control store's containers are in, and what is
//! wrong with it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sections;
use crate::resource::{Place, Problem};

/// `[shared.store]`: a storage account that takes no account keys, and its containers.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// Its name, unique in all of Azure: 3 to 24 lower-case letters and digits.
    pub account: String,
    /// How it is copied to the paired region.
    #[serde(default)]
    pub sku: StoreSku,
    /// Days for which what was overwritten or deleted can be brought back: 1 to 365.
    #[serde(default = "ninety")]
    pub soft_delete_days: u16,
    /// Days for which a deleted container can be brought back: 1 to 365.
    #[serde(default = "ninety")]
    pub container_soft_delete_days: u16,
    /// Whether it can be reached from the internet, by those in `allowed_ips` where any are named.
    #[serde(default)]
    pub public_network_access: bool,
    /// Public IPv4 addresses and CIDR ranges that may reach it; all others are denied once one is
    /// given.
    #[serde(default)]
    pub allowed_ips: Vec<String>,
    /// Whether the network reaches it through a private endpoint; so it is when absent, where
    /// there is a network.
    pub private_endpoint: Option<bool>,
    /// Its containers, by name.
    #[serde(default)]
    pub containers: BTreeMap<String, ContainerSection>,
}

/// `[shared.store.containers.NAME]`: one container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerSection {
    /// Days for which nothing in it can be changed or deleted, only appended to: 1 to 146,000.
    /// The policy stays unlocked: people lock it, for good, once they are sure.
    pub append_only_days: Option<u32>,
}

/// How a storage account is copied. All of them keep a copy in another region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StoreSku {
    /// Three copies in one datacentre, and three in the paired region.
    #[serde(rename = "Standard_GRS")]
    Grs,
    /// As GRS; the paired region can be read from.
    #[serde(rename = "Standard_RAGRS")]
    RaGrs,
    /// A copy in each of three zones, and three in the paired region.
    #[serde(rename = "Standard_GZRS")]
    Gzrs,
    /// As GZRS; the paired region can be read from.
    #[default]
    #[serde(rename = "Standard_RAGZRS")]
    RaGzrs,
}

fn ninety() -> u16 {
    90
}

/// Why nothing of it is ever deleted by a plan, and what to do.
pub(super) const KEPT: &str = "it keeps the journal and the audit log: whoever wants it gone \
                               deletes it by hand, once nobody needs those";

/// Days for which what was deleted can be kept.
const SOFT_DELETE: std::ops::RangeInclusive<u16> = 1..=365;

/// Days for which a container can be append-only.
const APPEND_ONLY: std::ops::RangeInclusive<u32> = 1..=146_000;

impl StoreSection {
    /// The account's ARM id in a resource group.
    pub fn id(&self, group_id: &str) -> String {
        format!(
            "{group_id}/providers/Microsoft.Storage/storageAccounts/{}",
            self.account
        )
    }

    /// The ARM id of its one blob service.
    pub(super) fn service_id(&self, group_id: &str) -> String {
        format!("{}/blobServices/default", self.id(group_id))
    }

    /// The ARM id of one of its containers.
    pub fn container_id(&self, group_id: &str, container: &str) -> String {
        format!("{}/containers/{container}", self.service_id(group_id))
    }

    /// Whether it has a private endpoint.
    pub(super) fn is_private(&self, has_network: bool) -> bool {
        has_network && self.private_endpoint.unwrap_or(true)
    }
}

/// Azure's rules for storage accounts, and who can reach one at all.
pub(super) fn check(place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.store else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if !place.environment.is_shared() {
        let message = "the control store belongs to no single environment";
        problems.push(Problem::at("store", message).help("declare it as `[shared.store]`"));
    }
    if sections.group.is_none() {
        problems.push(
            Problem::at("store", "a storage account needs a resource group")
                .help("add `[group]` with a name"),
        );
    }
    let name = &section.account;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(3..=24).contains(&name.len()) || !name.chars().all(plain) {
        let message = format!("`{name}` is not a storage account's name");
        problems.push(
            Problem::at("store.account", message).help("3 to 24 lower-case letters and digits"),
        );
    }
    for (key, days) in [
        ("soft_delete_days", section.soft_delete_days),
        (
            "container_soft_delete_days",
            section.container_soft_delete_days,
        ),
    ] {
        if !SOFT_DELETE.contains(&days) {
            let message = format!("{days} days is not a retention");
            problems.push(Problem::at(&format!("store.{key}"), message).help("1 to 365 days"));
        }
    }
    let others = [
        ("registry", sections.registry.as_ref().map(|it| &it.name)),
        ("vault", sections.vault.as_ref().map(|it| &it.name)),
    ];
    let twins = others
        .into_iter()
        .filter(|(_, other)| other.is_some_and(|other| other.eq_ignore_ascii_case(name)));
    problems.extend(twins.map(|(key, _)| {
        let message = format!("the {key} has this name, and endpoints are named after it");
        Problem::at("store.account", message).clashing([key, "name"])
    }));
    problems.extend(check_reach(section, sections.network.is_some()));
    problems
}

fn check_reach(section: &StoreSection, has_network: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, text) in section.allowed_ips.iter().enumerate() {
        if let Some(wrong) = address_fault(text) {
            let path = ["store".to_owned(), "allowed_ips".to_owned(), at.to_string()];
            problems.push(Problem::below(path, format!("`{text}` {wrong}")));
        }
    }
    if !section.public_network_access && !section.allowed_ips.is_empty() {
        let message = "says who may come in while the door is shut";
        problems.push(
            Problem::at("store.allowed_ips", message)
                .help("set public_network_access = true, or drop allowed_ips"),
        );
    }
    if section.private_endpoint == Some(true) && !has_network {
        let message = "a private endpoint needs a network to stand in";
        problems.push(Problem::at("store.private_endpoint", message).help("add `[network]`"));
    }
    if !section.public_network_access && !section.is_private(has_network) {
        problems.push(
            Problem::at("store", "nothing reaches the account").help(
                "add `[network]` for a private endpoint, or set public_network_access = true",
            ),
        );
    }
    problems
}

/// Why a text is nothing that a storage account's firewall takes.
fn address_fault(text: &str) -> Option<&'static str> {
    let address = match text.split_once('/') {
        None => text.parse::<Ipv4Addr>().ok(),
        Some(_) => {
            let range = text.parse::<Ipv4Net>().ok();
            let range = range.filter(|range| range.trunc() == *range);
            if range.is_some_and(|range| range.prefix_len() > 30) {
                return Some("is too small a range: name its addresses one by one");
            }
            range.map(|range| range.addr())
        }
    };
    match address {
        None => Some("is not an IPv4 address, nor a range from its first address on"),
        Some(address) if address.is_private() => {
            Some("is private: the firewall sees public addresses only")
        }
        Some(_) => None,
    }
}

/// Azure's rules for containers, and for how long they can be append-only.
pub(super) fn check_containers(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let containers = sections.store.iter().flat_map(|store| &store.containers);
    let mut problems = Vec::new();
    for (name, section) in containers {
        let path = |more: Option<&str>| {
            let path = ["store", "containers", name].into_iter().chain(more);
            path.map(str::to_owned).collect::<Vec<String>>()
        };
        if !is_container_name(name) {
            problems.push(
                Problem::below(path(None), format!("`{name}` is not a container's name"))
                    .help("3 to 63 lower-case letters, digits and single hyphens between them"),
            );
        }
        if let Some(days) = section.append_only_days
            && !APPEND_ONLY.contains(&days)
        {
            let message = format!("{days} days is not a retention");
            let at = path(Some("append_only_days"));
            problems.push(Problem::below(at, message).help("1 to 146000 days"));
        }
    }
    problems
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>
pub fn is_container_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let hyphens = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    (3..=63).contains(&name.len()) && name.chars().all(plain) && !hyphens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn problems(text: &str) -> Vec<String> {
        let mut sections: Sections = toml::from_str(text).expect("sections");
        sections.group = Some(testing::group());
        let place = testing::shared();
        let found = check(&place, &sections).into_iter();
        let found = found.chain(check_containers(&place, &sections));
        found.map(|problem| problem.path.join(".")).collect()
    }

    const OPEN: &str = "[store]\naccount = \"stonestream\"\npublic_network_access = true\n";

    #[test]
    fn what_azure_would_refuse_is_found_at_once() {
        assert!(problems(OPEN).is_empty());
        for name in ["ab", "Stone", "stone-stream", &"x".repeat(25)] {
            let text = OPEN.replace("stonestream", name);
            assert_eq!(problems(&text), ["store.account"], "{name}");
        }
        let days = format!("{OPEN}soft_delete_days = 0\ncontainer_soft_delete_days = 366\n");
        assert_eq!(
            problems(&days),
            ["store.soft_delete_days", "store.container_soft_delete_days"]
        );
        let containers = format!(
            "{OPEN}[store.containers.a--b]\n[store.containers.control]\n\
             [store.containers.audit]\nappend_only_days = 146001\n"
        );
        assert_eq!(
            problems(&containers),
            [
                "store.containers.a--b",
                "store.containers.audit.append_only_days"
            ]
        );
    }

    #[test]
    fn somebody_has_to_reach_it() {
        let shut = OPEN.replace("public_network_access = true\n", "");
        assert_eq!(problems(&shut), ["store"]);
        let listed = format!("{shut}allowed_ips = [\"203.0.113.7\"]\n");
        assert_eq!(problems(&listed), ["store.allowed_ips", "store"]);
        let network = "[network]\nname = \"n\"\naddress_space = [\"10.0.0.0/16\"]\n";
        assert!(problems(&format!("{network}{shut}")).is_empty());
        for (range, wrong) in [
            ("203.0.113.7", false),
            ("203.0.113.0/24", false),
            ("203.0.113.4/31", true),
            ("203.0.113.1/24", true),
            ("10.0.0.1", true),
        ] {
            let found = problems(&format!("{OPEN}allowed_ips = [\"{range}\"]\n"));
            assert_eq!(found.len(), usize::from(wrong), "{range}");
        }
    }

    #[test]
    fn it_belongs_to_no_single_environment() {
        let sections: Sections = toml::from_str(OPEN).expect("sections");
        let found = check(&testing::place(), &sections);
        let said = &found.first().expect("a problem").help;
        assert_eq!(said.as_deref(), Some("declare it as `[shared.store]`"));
    }
}

//! What is wrong with a declared registry.

use super::{RegistrySection, RegistrySku, Sections};
use crate::resource::{Place, Problem};

/// Azure's rules for registries: names, and what each tier can do.
pub(super) fn check(place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.registry else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if sections.group.is_none() {
        problems.push(
            Problem::at("registry", "a registry needs a resource group")
                .help("add `[group]` with a name"),
        );
    }
    let name = &section.name;
    if !(5..=50).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        problems.push(
            Problem::at("registry.name", format!("`{name}` is not a registry name"))
                .help("5 to 50 letters and digits"),
        );
    }
    if section.private_endpoint == Some(true) && sections.network.is_none() {
        problems.push(
            Problem::at(
                "registry.private_endpoint",
                "a private endpoint needs a network to stand in",
            )
            .help("add `[network]`"),
        );
    }
    problems.extend(check_tier(section, sections.network.is_some()));
    problems.extend(check_reach(section));
    problems.extend(check_regions(place, section));
    problems
}

fn check_tier(section: &RegistrySection, has_network: bool) -> Vec<Problem> {
    if section.sku == RegistrySku::Premium {
        return Vec::new();
    }
    let tier = format!("{:?}", section.sku);
    let asks = [
        (
            !section.replicate_to.is_empty(),
            "replicate_to",
            "geo-replication",
        ),
        (
            !section.public_network_access,
            "sku",
            "closing public network access",
        ),
        (
            section.private_endpoint.unwrap_or(has_network),
            "private_endpoint",
            "a private endpoint",
        ),
        (
            !section.allowed_ips.is_empty(),
            "allowed_ips",
            "network rules",
        ),
        (section.data_endpoint, "data_endpoint", "data endpoints"),
        (!section.export, "export", "switching export off"),
        (
            section.retain_untagged_days.is_some(),
            "retain_untagged_days",
            "untagged retention",
        ),
    ];
    let mut problems: Vec<Problem> = asks
        .into_iter()
        .filter(|(asked, ..)| *asked)
        .map(|(_, key, what)| {
            Problem::at(
                &format!("registry.{key}"),
                format!("{what} needs sku Premium, not {tier}"),
            )
        })
        .collect();
    if section.sku == RegistrySku::Basic && section.anonymous_pull {
        problems.push(Problem::at(
            "registry.anonymous_pull",
            "anonymous pull needs sku Standard or Premium, not Basic",
        ));
    }
    problems
}

fn check_reach(section: &RegistrySection) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, range) in section.allowed_ips.iter().enumerate() {
        if !is_ipv4_range(range) {
            let path = ["registry", "allowed_ips", &at.to_string()];
            let message = format!("`{range}` is not an IPv4 address or CIDR range");
            problems.push(Problem::below(path, message));
        }
    }
    if !section.allowed_ips.is_empty() && !section.public_network_access {
        problems.push(
            Problem::at(
                "registry.allowed_ips",
                "says who may come in while the door is shut",
            )
            .help("set public_network_access = true, or drop allowed_ips"),
        );
    }
    if !section.export && section.public_network_access {
        problems.push(
            Problem::at(
                "registry.export",
                "Azure switches export off only without public access",
            )
            .help("set public_network_access = false"),
        );
    }
    if section.retain_untagged_days.is_some_and(|days| days > 365) {
        problems.push(Problem::at(
            "registry.retain_untagged_days",
            "at most 365 days",
        ));
    }
    problems
}

fn is_ipv4_range(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    address.parse::<std::net::Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
}

fn check_regions(place: &Place, section: &RegistrySection) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, region) in section.replicate_to.iter().enumerate() {
        let path = || vec!["registry".into(), "replicate_to".into(), at.to_string()];
        let complaint = |message: String| Problem::below(path(), message);
        problems.extend(super::check_region(path(), region));
        if *region == place.primary {
            problems.push(complaint(format!(
                "`{region}` is the registry's home region"
            )));
        }
        if section.replicate_to[..at].contains(region) {
            problems.push(complaint(format!("`{region}` stands here twice")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_from_nonsense() {
        for good in ["10.0.0.1", "10.0.0.0/8"] {
            assert!(is_ipv4_range(good), "{good}");
        }
        for bad in ["10.0.0", "10.0.0.0/33", "::1", ""] {
            assert!(!is_ipv4_range(bad), "{bad}");
        }
    }
}

//! What is wrong with a declared cluster: names, versions, ranges, reach, and what it needs.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use uuid::Uuid;

use super::{AutoUpgrade, ClusterSection, NetworkSection, NodeOsUpgrade, Sections, ranges};
use crate::resource::{Place, Problem};

/// The oldest minor version that the stages after an apply know.
const OLDEST: u32 = 28;

/// Pods of one node get a range of this length.
const NODE_RANGE: u8 = 24;

/// Azure keeps five addresses of a subnet.
const KEPT: u32 = 5;

/// A range of services has to be smaller than this.
const WIDEST_SERVICES: u8 = 12;

/// The longest first part of an API server's name.
const LONGEST_PREFIX: usize = 54;

/// What Azure and the rest of the environment ask of a cluster.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.cluster else {
        return Vec::new();
    };
    let mut problems = check_needs(section, sections);
    problems.extend(check_names(section));
    problems.extend(check_version(section));
    problems.extend(check_reach(section));
    if let Some(network) = &sections.network {
        problems.extend(check_subnet(section, network));
        problems.extend(check_ranges(section, network));
    }
    problems
}

fn check_needs(section: &ClusterSection, sections: &Sections) -> Vec<Problem> {
    let asks = [
        (
            sections.group.is_none(),
            "cluster",
            "a cluster needs a resource group",
            "add `[group]` with a name",
        ),
        (
            sections.network.is_none(),
            "cluster",
            "a cluster needs a network for its nodes to stand in",
            "add `[network]`",
        ),
        (
            section.defender == Some(true) && sections.workspace.is_none(),
            "cluster.defender",
            "there is no workspace for Defender to report to",
            "add `[workspace]` with a name",
        ),
    ];
    let missing = asks.into_iter().filter(|(missing, ..)| *missing);
    missing
        .map(|(_, path, message, help)| Problem::at(path, message).help(help))
        .collect()
}

fn check_names(section: &ClusterSection) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = &section.name;
    let edges = |c: char| c.is_ascii_alphanumeric();
    let plain = |c: char, more: &str| c.is_ascii_alphanumeric() || more.contains(c);
    let fits = |text: &str, more: &str, longest: usize| {
        (1..=longest).contains(&text.len())
            && text.chars().all(|c| plain(c, more))
            && text.starts_with(edges)
            && text.ends_with(edges)
    };
    if !fits(name, "_-", 63) {
        let message = format!("`{name}` is not a cluster name");
        problems.push(
            Problem::at("cluster.name", message)
                .help("1 to 63 letters, digits, `_` and `-`, a letter or digit at both ends"),
        );
    }
    let help = format!("dns_prefix: 1 to {LONGEST_PREFIX} letters, digits and hyphens");
    match &section.dns_prefix {
        Some(prefix) if !fits(prefix, "-", LONGEST_PREFIX) => {
            let message = format!("`{prefix}` cannot begin the name of an API server");
            problems.push(Problem::at("cluster.dns_prefix", message).help(help));
        }
        None if problems.is_empty() && !fits(name, "-", LONGEST_PREFIX) => {
            let message = format!("`{name}` cannot begin the name of an API server, too");
            problems.push(Problem::at("cluster.name", message).help(help));
        }
        _ => {}
    }
    for (at, group) in section.admin_groups.iter().enumerate() {
        if Uuid::parse_str(group).is_err() {
            let path = ["cluster", "admin_groups", &at.to_string()];
            let message = format!("`{group}` is not the object id of a group");
            problems.push(
                Problem::below(path, message).help("a GUID: `az ad group show` prints it as id"),
            );
        }
    }
    problems
}

/// A version's numbers, where it is `1.MINOR` or `1.MINOR.PATCH`.
fn version(text: &str) -> Option<(u32, Option<u32>)> {
    let number = |part: &str| {
        let plain = part.chars().all(|c| c.is_ascii_digit());
        part.parse().ok().filter(|_| plain)
    };
    let mut parts = text.strip_prefix("1.")?.split('.');
    let minor = number(parts.next()?)?;
    let patch = parts.next().map(|part| number(part).ok_or(())).transpose();
    parts.next().is_none().then_some((minor, patch.ok()?))
}

fn check_version(section: &ClusterSection) -> Vec<Problem> {
    let text = &section.kubernetes;
    let mut problems = Vec::new();
    match version(text) {
        None => problems.push(
            Problem::at(
                "cluster.kubernetes",
                format!("`{text}` is not a version of Kubernetes"),
            )
            .help("a minor version such as 1.36, or an exact one such as 1.36.4"),
        ),
        Some((minor, _)) if minor < OLDEST => problems.push(
            Problem::at("cluster.kubernetes", format!("`{text}` is too old"))
                .help(format!("1.{OLDEST} or newer")),
        ),
        Some((_, Some(_))) if section.auto_upgrade == AutoUpgrade::Patch => problems.push(
            Problem::at(
                "cluster.kubernetes",
                format!("`{text}` is exact, and Azure would raise its patch"),
            )
            .help("declare the minor version only, or auto_upgrade = \"none\"")
            .clashing(["cluster", "auto_upgrade"]),
        ),
        Some(_) => {}
    }
    if section.auto_upgrade == AutoUpgrade::NodeImage
        && section.node_os_upgrade != NodeOsUpgrade::NodeImage
    {
        problems.push(
            Problem::at(
                "cluster.auto_upgrade",
                "`node-image` is about images of nodes, which node_os_upgrade leaves out",
            )
            .help("node_os_upgrade = \"NodeImage\", or auto_upgrade = \"none\"")
            .clashing(["cluster", "node_os_upgrade"]),
        );
    }
    problems
}

fn check_reach(section: &ClusterSection) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, range) in section.authorized_ips.iter().enumerate() {
        let is_range = range.parse::<IpNet>().is_ok() || range.parse::<IpAddr>().is_ok();
        if !is_range {
            let path = ["cluster", "authorized_ips", &at.to_string()];
            let message = format!("`{range}` is not an IP address or CIDR range");
            problems.push(Problem::below(path, message));
        }
    }
    if section.private && !section.authorized_ips.is_empty() {
        problems.push(
            Problem::at(
                "cluster.authorized_ips",
                "says who may come in while the door is shut",
            )
            .help("set private = false, or drop authorized_ips"),
        );
    }
    if !section.private && section.authorized_ips.is_empty() {
        problems.push(
            Problem::at(
                "cluster.private",
                "the API server would be open to the whole internet",
            )
            .help("list who may reach it in authorized_ips"),
        );
    }
    problems
}

/// The most nodes of all pools together.
fn most_nodes(section: &ClusterSection) -> u32 {
    let pools = section.pools.values();
    pools.map(|pool| u32::from(pool.most())).sum()
}

fn check_subnet(section: &ClusterSection, network: &NetworkSection) -> Vec<Problem> {
    let name = &section.subnet;
    let Some(text) = network.subnets.get(name) else {
        let path = if name == "nodes" {
            "network.subnets"
        } else {
            "cluster.subnet"
        };
        return vec![
            Problem::at(path, format!("no subnet `{name}` for nodes to stand in"))
                .help("add it to `[network.subnets]`, or name another one as cluster.subnet"),
        ];
    };
    let most = most_nodes(section);
    // What is no range is told by the network's own check.
    let room = ranges::read(text).map(|range| {
        let addresses = 1_u64 << (32 - u32::from(range.prefix_len()));
        addresses.saturating_sub(u64::from(KEPT))
    });
    match room {
        // One node more while another is renewed.
        Ok(room) if u64::from(most) + 1 > room => {
            let message = format!("`{text}` has room for {room} nodes, and pools ask for {most}");
            let path = ["network", "subnets", name];
            vec![
                Problem::below(path, message)
                    .help("one more is needed while nodes are renewed")
                    .clashing(["cluster", "pools"]),
            ]
        }
        _ => Vec::new(),
    }
}

/// What AKS keeps for itself, link-local apart, which no network has either.
/// <https://learn.microsoft.com/azure/aks/configure-azure-cni#prerequisites>
const KEPT_BY_AKS: [&str; 3] = ["172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"];

/// A range that AKS does not take for nodes, pods or services.
fn check_kept(path: Vec<String>, text: &str, range: Ipv4Net) -> Option<Problem> {
    let clashes = |kept: &&str| {
        let kept = kept.parse();
        kept.is_ok_and(|kept: Ipv4Net| ranges::overlap(&kept, &range))
    };
    let kept = KEPT_BY_AKS.into_iter().find(clashes)?;
    let message = format!("`{text}` overlaps {kept}, which AKS keeps for itself");
    Some(Problem::below(path, message).help("take another private range"))
}

fn check_ranges(section: &ClusterSection, network: &NetworkSection) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: Vec<(Vec<String>, String, Ipv4Net)> = Vec::new();
    for (at, text) in network.address_space.iter().enumerate() {
        if let Ok(range) = ranges::read(text) {
            let path = ["network", "address_space", &at.to_string()].map(str::to_owned);
            problems.extend(check_kept(path.clone().into(), text, range));
            seen.push((path.into(), "the network".to_owned(), range));
        }
    }
    for (key, text) in [
        ("pod_cidr", &section.pod_cidr),
        ("service_cidr", &section.service_cidr),
    ] {
        let path = ["cluster", key];
        let range = match ranges::read(text) {
            Ok(range) => range,
            Err(wrong) => {
                problems.push(wrong.at(path));
                continue;
            }
        };
        for (first, whose, taken) in &seen {
            if ranges::overlap(taken, &range) {
                let message = format!("`{text}` overlaps `{taken}` of {whose}");
                problems.push(Problem::below(path, message).clashing(first.clone()));
            }
        }
        let path = path.map(str::to_owned);
        problems.extend(check_kept(path.clone().into(), text, range));
        seen.push((path.into(), key.to_owned(), range));
        problems.extend(check_size(section, key, text, range));
    }
    problems
}

fn check_size(section: &ClusterSection, key: &str, text: &str, range: Ipv4Net) -> Option<Problem> {
    let path = ["cluster", key];
    let length = range.prefix_len();
    if key == "service_cidr" {
        return (length <= WIDEST_SERVICES).then(|| {
            Problem::below(path, format!("`{text}` is too large"))
                .help(format!("smaller than /{WIDEST_SERVICES}"))
        });
    }
    let nodes = match NODE_RANGE.checked_sub(length) {
        Some(bits) => 1_u64 << bits,
        None => 0,
    };
    let most = most_nodes(section);
    (u64::from(most) + 1 > nodes).then(|| {
        let message = format!("`{text}` has pods for {nodes} nodes, and pools ask for {most}");
        Problem::below(path, message).help(format!(
            "each node takes a /{NODE_RANGE}, and one more node is needed while others are renewed"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    const POOL: &str = "[cluster.pools.system]\nmode = \"System\"\ncount = 3\n";

    fn problems(keys: &str) -> Vec<(String, String)> {
        let sections = testing::cluster(&format!("{keys}{POOL}"));
        let found = check(&testing::place(), &sections).into_iter();
        found.map(|p| (p.path.join("."), p.message)).collect()
    }

    fn paths(keys: &str) -> Vec<String> {
        problems(keys).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn the_least_cluster_is_well() {
        assert_eq!(problems(""), []);
        assert_eq!(
            problems("private = false\nauthorized_ips = [\"203.0.113.0/24\"]\n"),
            []
        );
    }

    #[test]
    fn versions_are_minor_or_exact() {
        for (text, fine) in [
            ("1.36", true),
            ("1.36.4", true),
            ("1.28", true),
            ("1.27", false),
            ("36", false),
            ("2.1", false),
            ("1.+36", false),
            ("1.36.", false),
            ("1.36.4.1", false),
            ("latest", false),
        ] {
            let mut sections = testing::cluster(POOL);
            let section = sections.cluster.as_mut().expect("a cluster");
            text.clone_into(&mut section.kubernetes);
            section.auto_upgrade = AutoUpgrade::None;
            let found = check(&testing::place(), &sections);
            assert_eq!(found.is_empty(), fine, "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_pinned_is_not_moved() {
        let mut sections = testing::cluster(POOL);
        let section = sections.cluster.as_mut().expect("a cluster");
        "1.36.4".clone_into(&mut section.kubernetes);
        assert_eq!(check_version(section).len(), 1);
        section.auto_upgrade = AutoUpgrade::NodeImage;
        assert_eq!(check_version(section), []);
        section.node_os_upgrade = NodeOsUpgrade::None;
        let clash = check_version(section);
        assert_eq!(clash[0].path, ["cluster", "auto_upgrade"]);
    }

    #[test]
    fn ranges_lie_apart_and_have_room() {
        for (keys, complaint) in [
            (
                "pod_cidr = \"10.10.0.0/20\"",
                "`10.10.0.0/20` overlaps `10.10.0.0/16` of the network",
            ),
            (
                "service_cidr = \"10.8.0.0/13\"",
                "`10.8.0.0/13` overlaps `10.10.0.0/16` of the network",
            ),
            (
                "service_cidr = \"10.244.9.0/24\"",
                "`10.244.9.0/24` overlaps `10.244.0.0/16` of pod_cidr",
            ),
            (
                "pod_cidr = \"10.244.0.1/16\"",
                "`10.244.0.1/16` does not begin where its range does",
            ),
            (
                "service_cidr = \"192.168.0.0/12\"",
                "`192.168.0.0/12` does not begin where its range does",
            ),
            (
                "service_cidr = \"172.0.0.0/12\"",
                "`172.0.0.0/12` is too large",
            ),
            (
                "service_cidr = \"192.0.2.0/24\"",
                "`192.0.2.0/24` overlaps 192.0.2.0/24, which AKS keeps for itself",
            ),
            (
                "pod_cidr = \"172.28.0.0/14\"",
                "`172.28.0.0/14` overlaps 172.30.0.0/16, which AKS keeps for itself",
            ),
            (
                "service_cidr = \"172.31.4.0/24\"",
                "`172.31.4.0/24` overlaps 172.31.0.0/16, which AKS keeps for itself",
            ),
            (
                "pod_cidr = \"10.244.0.0/23\"",
                "`10.244.0.0/23` has pods for 2 nodes, and pools ask for 3",
            ),
            (
                "pod_cidr = \"10.244.0.0/26\"",
                "`10.244.0.0/26` has pods for 0 nodes, and pools ask for 3",
            ),
        ] {
            let found = problems(&format!("{keys}\n"));
            let key = keys.split(' ').next().expect("a key");
            assert_eq!(found.len(), 1, "{keys}: {found:?}");
            assert_eq!(found[0], (format!("cluster.{key}"), complaint.to_owned()));
        }
    }

    #[test]
    fn nodes_have_a_subnet_with_room() {
        let most = |count: u16| {
            let mut sections = testing::cluster(POOL);
            let section = sections.cluster.as_mut().expect("a cluster");
            section.pools.get_mut("system").expect("a pool").count = Some(count);
            let network = sections.network.as_mut().expect("a network");
            network
                .subnets
                .insert("nodes".into(), "10.10.0.0/28".into());
            check(&testing::place(), &sections).len()
        };
        assert_eq!((most(10), most(11)), (0, 1));
        assert_eq!(paths("subnet = \"nodez\"\n"), ["cluster.subnet"]);
    }

    #[test]
    fn the_api_server_is_not_left_open() {
        assert_eq!(paths("private = false\n"), ["cluster.private"]);
        assert_eq!(
            paths("authorized_ips = [\"203.0.113.1\", \"here\"]\n"),
            ["cluster.authorized_ips.1", "cluster.authorized_ips"]
        );
    }

    #[test]
    fn it_needs_what_it_asks_for() {
        assert_eq!(paths("defender = true\n"), ["cluster.defender"]);
        assert_eq!(paths("dns_prefix = \"a_b\"\n"), ["cluster.dns_prefix"]);
        assert_eq!(
            paths("admin_groups = [\"admins\"]\n"),
            ["cluster.admin_groups.0"]
        );
        let mut sections = testing::cluster(POOL);
        sections.group = None;
        sections.network = None;
        sections.cluster.as_mut().expect("a cluster").name = "-a".to_owned();
        let found = check(&testing::place(), &sections);
        let paths: Vec<String> = found.iter().map(|p| p.path.join(".")).collect();
        assert_eq!(paths, ["cluster", "cluster", "cluster.name"]);
        let mut sections = testing::cluster(POOL);
        let named = |sections: &mut Sections, name: &str, prefix: Option<&str>| {
            let section = sections.cluster.as_mut().expect("a cluster");
            name.clone_into(&mut section.name);
            section.dns_prefix = prefix.map(str::to_owned);
            check(&testing::place(), sections).len()
        };
        assert_eq!(named(&mut sections, "aks_dev", None), 1);
        assert_eq!(named(&mut sections, "aks_dev", Some("aks-dev")), 0);
    }
}

//! What is wrong with the declared pools of a cluster.

use super::identity::is_label;
use super::{PoolMode, PoolSection, Sections};
use crate::resource::{Place, Problem};

/// The most nodes of one pool.
const MOST: u16 = 1000;

/// What Azure and Kubernetes ask of pools.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.cluster else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let system = section
        .pools
        .values()
        .any(|pool| pool.mode == PoolMode::System);
    if !system {
        let path = if section.pools.is_empty() {
            "cluster"
        } else {
            "cluster.pools"
        };
        problems.push(
            Problem::at(path, "a cluster needs a pool for its own pods")
                .help("a `[cluster.pools.system]` with mode = \"System\" and a count"),
        );
    }
    for (name, pool) in &section.pools {
        let wrong = Wrong { pool: name };
        problems.extend(check_name(&wrong, name));
        problems.extend(check_count(&wrong, pool));
        problems.extend(check_nodes(&wrong, pool));
        problems.extend(check_labels(&wrong, pool));
        problems.extend(check_taints(&wrong, pool));
    }
    problems
}

/// Makes problems of one pool.
struct Wrong<'a> {
    pool: &'a str,
}

impl Wrong<'_> {
    fn at(&self, keys: &[&str], message: impl Into<String>) -> Problem {
        let path = ["cluster", "pools", self.pool].into_iter();
        Problem::below(path.chain(keys.iter().copied()), message)
    }
}

fn check_name(wrong: &Wrong<'_>, name: &str) -> Option<Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=12).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    (!fits).then(|| {
        wrong
            .at(&[], format!("`{name}` is not the name of a pool"))
            .help("1 to 12 lower-case letters and digits, a letter first")
    })
}

fn check_count(wrong: &Wrong<'_>, pool: &PoolSection) -> Vec<Problem> {
    let least = u16::from(pool.mode == PoolMode::System);
    let beyond = |key: &str, nodes: u16| {
        (!(least..=MOST).contains(&nodes)).then(|| {
            wrong.at(
                &[key],
                format!("{nodes} is not between {least} and {MOST} nodes"),
            )
        })
    };
    let mut problems = Vec::new();
    match (pool.count, pool.min, pool.max) {
        (Some(count), None, None) => problems.extend(beyond("count", count)),
        (Some(_), ..) => problems.push(
            wrong
                .at(
                    &["count"],
                    "how many is the autoscaler's to say where there is a min or max",
                )
                .help("drop count, or min and max"),
        ),
        (None, Some(min), Some(max)) => {
            problems.extend(beyond("min", min));
            problems.extend(beyond("max", max));
            if min > max {
                let message = format!("{min} is more than the {max} of max");
                let max = ["cluster", "pools", wrong.pool, "max"];
                problems.push(wrong.at(&["min"], message).clashing(max));
            }
        }
        (None, ..) => problems.push(
            wrong
                .at(&[], "does not say how many nodes it has")
                .help("count = 3, or min = 2 and max = 5 for the autoscaler"),
        ),
    }
    problems
}

fn check_nodes(wrong: &Wrong<'_>, pool: &PoolSection) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !pool.vm_size.starts_with("Standard_") {
        let message = format!("`{}` is not the size of a machine", pool.vm_size);
        problems.push(
            wrong
                .at(&["vm_size"], message)
                .help("such as Standard_D4ds_v5"),
        );
    }
    let (surge, most) = match pool.max_surge.strip_suffix('%') {
        Some(part) => (part, 100),
        None => (pool.max_surge.as_str(), MOST),
    };
    if !surge.parse().is_ok_and(|surge| (1..=most).contains(&surge)) {
        let message = format!("`{}` is no number of nodes", pool.max_surge);
        problems.push(
            wrong
                .at(&["max_surge"], message)
                .help("a number such as \"1\", or a part such as \"33%\""),
        );
    }
    for (at, zone) in pool.zones.iter().enumerate() {
        let path = ["zones", &at.to_string()];
        if !["1", "2", "3"].contains(&zone.as_str()) {
            let message = format!("`{zone}` is not an availability zone");
            problems.push(wrong.at(&path, message).help("\"1\", \"2\" or \"3\""));
        } else if pool.zones[..at].contains(zone) {
            problems.push(wrong.at(&path, format!("zone {zone} is listed twice")));
        }
    }
    for (key, value, least, most) in [
        ("max_pods", pool.max_pods, 10, 250),
        ("os_disk_gb", pool.os_disk_gb, 30, 2048),
        ("drain_minutes", pool.drain_minutes, 1, 1440),
        ("soak_minutes", pool.soak_minutes, 0, 30),
    ] {
        if !(least..=most).contains(&value) {
            let message = format!("{value} is not between {least} and {most}");
            problems.push(wrong.at(&[key], message));
        }
    }
    problems
}

/// Whether a text may be the name of a label or taint: an optional DNS prefix, then a name.
fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefixed =
        prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label));
    prefixed && !name.is_empty() && is_value(name)
}

/// Whether a text may be the value of a label or taint.
fn is_value(value: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    value.is_empty()
        || value.len() <= 63
            && value.chars().all(|c| edge(c) || "-_.".contains(c))
            && value.starts_with(edge)
            && value.ends_with(edge)
}

fn check_labels(wrong: &Wrong<'_>, pool: &PoolSection) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in &pool.labels {
        let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
        if !is_key(key) || !is_value(value) {
            let message = format!("`{key}={value}` is not a label of Kubernetes");
            problems.push(wrong.at(&["labels", key], message).help(LABEL));
        } else if prefix == "kubernetes.azure.com" {
            let message = format!("`{key}` is a label that only Azure gives");
            problems.push(wrong.at(&["labels", key], message));
        }
    }
    problems
}

/// What a label looks like, for people.
const LABEL: &str = "up to 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends; \
                     the key may have a DNS name and `/` before it";

fn check_taints(wrong: &Wrong<'_>, pool: &PoolSection) -> Vec<Problem> {
    let is_taint = |taint: &str| {
        let (what, effect) = taint.rsplit_once(':')?;
        let (key, value) = what.split_once('=').unwrap_or((what, ""));
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        (is_key(key) && is_value(value) && effects.contains(&effect)).then_some(())
    };
    let taints = pool.taints.iter().enumerate();
    taints
        .filter(|(_, taint)| is_taint(taint).is_none())
        .map(|(at, taint)| {
            let message = format!("`{taint}` is not a taint of Kubernetes");
            wrong
                .at(&["taints", &at.to_string()], message)
                .help("key=value:Effect, the effect one of NoSchedule, PreferNoSchedule, NoExecute")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn problems(pools: &str) -> Vec<String> {
        let sections = testing::cluster(pools);
        let found = check(&testing::place(), &sections);
        found.iter().map(|p| p.path.join(".")).collect()
    }

    /// The problems of a system pool with these keys, without the path to it.
    fn of_system(keys: &str) -> Vec<String> {
        let pool = format!("[cluster.pools.system]\nmode = \"System\"\n{keys}\n");
        let paths = problems(&pool).into_iter();
        paths
            .map(|path| path.trim_start_matches("cluster.pools.system").to_owned())
            .collect()
    }

    #[test]
    fn a_cluster_has_a_system_pool() {
        assert_eq!(problems(""), ["cluster"]);
        assert_eq!(
            problems("[cluster.pools.apps]\ncount = 1\n"),
            ["cluster.pools"]
        );
        assert!(of_system("count = 1").is_empty());
    }

    #[test]
    fn a_pool_has_a_count_or_an_autoscaler() {
        for (keys, wrong) in [
            ("count = 1", vec![]),
            ("min = 1\nmax = 1", vec![]),
            ("", vec![""]),
            ("min = 1", vec![""]),
            ("count = 1\nmin = 1\nmax = 2", vec![".count"]),
            ("count = 0", vec![".count"]),
            ("count = 1001", vec![".count"]),
            ("min = 0\nmax = 5", vec![".min"]),
            ("min = 5\nmax = 2", vec![".min"]),
            ("min = 1\nmax = 2000", vec![".max"]),
        ] {
            assert_eq!(of_system(keys), wrong, "{keys}");
        }
        let apps = "[cluster.pools.system]\nmode = \"System\"\ncount = 1\n\
                    [cluster.pools.apps]\nmin = 0\nmax = 3\n";
        assert!(problems(apps).is_empty());
    }

    #[test]
    fn nodes_are_such_as_azure_has() {
        for (keys, wrong) in [
            ("vm_size = \"D4ds_v5\"", ".vm_size"),
            ("zones = [\"1\", \"4\"]", ".zones.1"),
            ("zones = [\"1\", \"1\"]", ".zones.1"),
            ("max_pods = 9", ".max_pods"),
            ("max_pods = 251", ".max_pods"),
            ("os_disk_gb = 29", ".os_disk_gb"),
            ("max_surge = \"0\"", ".max_surge"),
            ("max_surge = \"101%\"", ".max_surge"),
            ("max_surge = \"half\"", ".max_surge"),
            ("drain_minutes = 0", ".drain_minutes"),
            ("soak_minutes = 31", ".soak_minutes"),
        ] {
            assert_eq!(of_system(&format!("count = 1\n{keys}")), [wrong], "{keys}");
        }
        for surge in ["1", "100%", "1000"] {
            assert!(of_system(&format!("count = 1\nmax_surge = \"{surge}\"")).is_empty());
        }
        for name in ["Apps", "1a", "a-b", "abcdefghijklm"] {
            let pools = format!(
                "[cluster.pools.system]\nmode = \"System\"\ncount = 1\n\
                 [cluster.pools.{name}]\ncount = 1\n"
            );
            assert_eq!(problems(&pools), [format!("cluster.pools.{name}")]);
        }
    }

    #[test]
    fn labels_and_taints_are_such_as_kubernetes_takes() {
        let good = "count = 1\ntaints = [\"CriticalAddonsOnly=true:NoSchedule\", \"x:NoExecute\"]\n\
                    labels = { team = \"a.b\", \"example.com/tier\" = \"\" }";
        assert!(of_system(good).is_empty());
        for taint in ["x", "x=y", "x=y:Never", "=y:NoSchedule", "a b:NoSchedule"] {
            let keys = format!("count = 1\ntaints = [\"{taint}\"]");
            assert_eq!(of_system(&keys), [".taints.0"], "{taint}");
        }
        for (key, value) in [
            ("-a", "b"),
            ("a", "b c"),
            ("kubernetes.azure.com/mode", "user"),
        ] {
            let keys = format!("count = 1\nlabels = {{ \"{key}\" = \"{value}\" }}");
            assert_eq!(of_system(&keys), [format!(".labels.{key}")]);
        }
    }
}

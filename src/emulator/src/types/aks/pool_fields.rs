//! A pool's members: defaults, rules, and what stays as it was made.
//! <https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update>

use super::errors::{immutable, invalid, missing, unreadable};
use super::versions::{self, Chosen, Version};
use super::{members, pool_rules};
use crate::arm::{ArmError, Context};
use crate::types::checks;
use serde_json::{Map, Value, json};

/// Members that never change, although a PUT repeats them.
const IMMUTABLE: &[&str] = &[
    "availabilityZones",
    "enableEncryptionAtHost",
    "enableFIPS",
    "enableNodePublicIP",
    "enableUltraSSD",
    "gpuInstanceProfile",
    "kubeletDiskType",
    "maxPods",
    "osDiskSizeGB",
    "osDiskType",
    "osSKU",
    "osType",
    "podSubnetID",
    "scaleSetPriority",
    "type",
    "vmSize",
    "vnetSubnetID",
];

/// What a pool must know of its cluster.
#[derive(Debug)]
pub struct Plane<'a> {
    pub version: &'a Chosen,
    /// Pods on a node unless said otherwise.
    pub max_pods: i64,
    /// The mode unless said otherwise.
    pub mode: &'a str,
    /// Where the pool is in a cluster's body, for messages.
    pub path: &'a str,
}

/// Lays what was sent over what was, or over the defaults.
pub fn lay(
    cx: &Context<'_>,
    plane: &Plane<'_>,
    sent: &Map<String, Value>,
    old: Option<&Map<String, Value>>,
) -> Result<Map<String, Value>, ArmError> {
    let mut sent = members::known(sent, members::POOL);
    typed(&sent).map_err(|error| unreadable(&error))?;
    if sent.get("osDiskSizeGB") == Some(&json!(0)) {
        sent.remove("osDiskSizeGB");
    }
    canonical(&mut sent).map_err(|error| unreadable(&error))?;
    let mut pool = match old {
        Some(old) => kept(plane, old, &sent)?,
        None => fresh(plane, &sent)?,
    };
    let wanted = sent
        .remove("orchestratorVersion")
        .and_then(|version| version.as_str().map(ToOwned::to_owned))
        .filter(|version| !version.is_empty());
    pool.extend(sent);
    set_version(cx, plane, &mut pool, wanted.as_deref(), old)?;
    image(&mut pool);
    tidy(&mut pool);
    pool_rules::check(plane.path, &mut pool)?;
    Ok(pool)
}

/// The types of the members that matter.
fn typed(sent: &Map<String, Value>) -> Result<(), ArmError> {
    for name in ["count", "minCount", "maxCount", "maxPods", "osDiskSizeGB"] {
        checks::number(sent, name)?;
    }
    for name in [
        "enableAutoScaling",
        "enableEncryptionAtHost",
        "enableFIPS",
        "enableNodePublicIP",
        "enableUltraSSD",
    ] {
        checks::flag(sent, name)?;
    }
    for name in [
        "vmSize",
        "orchestratorVersion",
        "vnetSubnetID",
        "podSubnetID",
    ] {
        checks::text(sent, name)?;
    }
    for name in ["tags", "nodeLabels", "upgradeSettings", "powerState"] {
        checks::object(sent, name)?;
    }
    checks::list(sent, "nodeTaints")?;
    checks::list(sent, "availabilityZones")?;
    Ok(())
}

/// Words in Azure's spelling.
fn canonical(sent: &mut Map<String, Value>) -> Result<(), ArmError> {
    const WORDS: &[(&str, &[&str])] = &[
        ("mode", &["System", "User", "Gateway"]),
        ("osType", &["Linux", "Windows"]),
        (
            "osSKU",
            &[
                "Ubuntu",
                "AzureLinux",
                "AzureLinux3",
                "AzureLinuxOSGuard",
                "Flatcar",
                "Ubuntu2204",
                "Ubuntu2404",
                "Windows2019",
                "Windows2022",
                "Windows2025",
            ],
        ),
        ("osDiskType", &["Managed", "Ephemeral"]),
        ("kubeletDiskType", &["OS", "Temporary"]),
        ("scaleSetPriority", &["Regular", "Spot"]),
        ("scaleSetEvictionPolicy", &["Delete", "Deallocate"]),
        ("scaleDownMode", &["Delete", "Deallocate"]),
        (
            "type",
            &[
                "VirtualMachineScaleSets",
                "VirtualMachines",
                "AvailabilitySet",
            ],
        ),
    ];
    for (name, words) in WORDS {
        if let Some(word) = checks::word(sent, name, words)? {
            sent.insert((*name).to_owned(), json!(word));
        }
    }
    Ok(())
}

fn fresh(plane: &Plane<'_>, sent: &Map<String, Value>) -> Result<Map<String, Value>, ArmError> {
    if sent
        .get("vmSize")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(missing(&format!("{}.vmSize", plane.path)));
    }
    let windows = sent.get("osType") == Some(&json!("Windows"));
    let defaults = json!({
        "count": 1,
        "enableAutoScaling": false,
        "enableEncryptionAtHost": false,
        "enableFIPS": false,
        "enableNodePublicIP": false,
        "enableUltraSSD": false,
        "kubeletDiskType": "OS",
        "maxPods": plane.max_pods,
        "mode": plane.mode,
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "osSKU": if windows { "Windows2022" } else { "Ubuntu" },
        "osType": "Linux",
        "powerState": {"code": "Running"},
        "type": "VirtualMachineScaleSets",
        "upgradeSettings": {},
    });
    Ok(defaults.as_object().cloned().unwrap_or_default())
}

/// The pool as it was, if nothing is sent that would change what stays.
fn kept(
    plane: &Plane<'_>,
    old: &Map<String, Value>,
    sent: &Map<String, Value>,
) -> Result<Map<String, Value>, ArmError> {
    for name in IMMUTABLE {
        let Some(now) = sent.get(*name) else {
            continue;
        };
        let before = old.get(*name).unwrap_or(&Value::Null);
        if !same(before, now) {
            return Err(immutable(&format!("{}.{name}", plane.path)));
        }
    }
    Ok(old.clone())
}

/// Whether a member says the same: ids in any case, nothing like `false`, lists in any
/// order.
fn same(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        (Value::Null, Value::String(b)) => b.is_empty() || b == "Regular",
        (Value::Null, Value::Bool(b)) => !b,
        (Value::Null, Value::Array(b)) => b.is_empty(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().all(|item| b.contains(item))
        }
        _ => before == now,
    }
}

fn set_version(
    cx: &Context<'_>,
    plane: &Plane<'_>,
    pool: &mut Map<String, Value>,
    wanted: Option<&str>,
    old: Option<&Map<String, Value>>,
) -> Result<(), ArmError> {
    let runs = old.and_then(running);
    let chosen = match (wanted, runs) {
        (Some(wanted), _) => versions::choose(cx, wanted, runs, "AgentPoolK8sVersionNotSupported")?,
        (None, Some(_)) => return Ok(()),
        (None, None) => plane.version.clone(),
    };
    if let Some(from) = runs {
        versions::step(cx, from, chosen.runs, "node pool")?;
    }
    versions::compatible(cx, plane.version.runs, chosen.runs)?;
    pool.insert("orchestratorVersion".to_owned(), json!(chosen.shown));
    let runs = json!(chosen.runs.to_string());
    pool.insert("currentOrchestratorVersion".to_owned(), runs);
    Ok(())
}

/// The version that a pool's nodes run.
pub fn running(pool: &Map<String, Value>) -> Option<Version> {
    versions::exact(pool.get("currentOrchestratorVersion")?.as_str()?)
}

/// The node image that is current for a pool, unless it has one already.
pub fn image(pool: &mut Map<String, Value>) {
    if pool.contains_key("nodeImageVersion") {
        return;
    }
    let fips = if pool.get("enableFIPS") == Some(&json!(true)) {
        "fips"
    } else {
        ""
    };
    let sku = pool
        .get("osSKU")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let family = match sku {
        "AzureLinux" | "AzureLinux3" => format!("AKSAzureLinux-V3gen2{fips}"),
        "AzureLinuxOSGuard" => "AKSAzureLinux-OSGuardV3gen2fipsTL".to_owned(),
        "Flatcar" => "AKSFlatcar-flatcargen2".to_owned(),
        "Ubuntu2404" => "AKSUbuntu-2404gen2containerd".to_owned(),
        windows if windows.starts_with("Windows") => {
            format!("AKSWindows-{}-containerd-gen2", &windows["Windows".len()..])
        }
        _ => format!("AKSUbuntu-2204gen2{fips}containerd"),
    };
    let image = json!(format!("{family}-{NODE_IMAGE}"));
    pool.insert("nodeImageVersion".to_owned(), image);
}

/// The release of node images that new pools get.
const NODE_IMAGE: &str = "202610.15.0";

/// Leaves out what the provider does not repeat.
fn tidy(pool: &mut Map<String, Value>) {
    if pool.get("scaleSetPriority") != Some(&json!("Spot")) {
        for name in ["scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice"] {
            pool.remove(name);
        }
    }
    if pool.get("enableAutoScaling") != Some(&json!(true)) {
        pool.remove("minCount");
        pool.remove("maxCount");
    }
    pool.retain(|name, value| {
        let empty = value.as_array().is_some_and(Vec::is_empty) || *value == json!("");
        let unlabelled = name == "nodeLabels" && *value == json!({});
        !(empty || unlabelled)
    });
    surge(pool);
}

/// How many nodes an upgrade adds: a tenth unless said otherwise, and none to Spot pools. It
/// may come as a number and is kept as a text.
fn surge(pool: &mut Map<String, Value>) {
    let spot = pool.get("scaleSetPriority") == Some(&json!("Spot"));
    let Some(settings) = pool
        .get_mut("upgradeSettings")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    if !spot && settings.get("maxSurge").is_none_or(Value::is_null) {
        settings.insert("maxSurge".to_owned(), json!("10%"));
    }
    if let Some(number) = settings.get("maxSurge").and_then(Value::as_i64) {
        settings.insert("maxSurge".to_owned(), json!(number.to_string()));
    }
}

/// Refuses a name that no pool can have.
pub fn name(name: &str, windows: bool) -> Result<(), ArmError> {
    let longest = if windows { 6 } else { 12 };
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    if plain && begins && name.len() <= longest {
        return Ok(());
    }
    Err(invalid(
        "agentPoolProfile.name",
        &format!(
            "Agent pool name '{name}' is not valid: names must start with a lowercase letter, have max length of {longest}, and only have characters a-z0-9."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["system", "n1", "abcdefghijkl"] {
            assert!(name(good, false).is_ok(), "{good}");
        }
        for bad in ["", "1n", "Pool", "a-b", "abcdefghijklm"] {
            assert!(name(bad, false).is_err(), "{bad}");
        }
        assert!(name("windows", true).is_err());
    }

    #[test]
    fn an_upgrade_adds_a_tenth_of_the_nodes() {
        let surged = |pool: Value| {
            let mut pool = pool.as_object().cloned().unwrap();
            tidy(&mut pool);
            pool["upgradeSettings"].clone()
        };
        let tenth = json!({"maxSurge": "10%"});
        assert_eq!(surged(json!({"upgradeSettings": {}})), tenth);
        assert_eq!(
            surged(json!({"upgradeSettings": {"maxSurge": 2}})),
            json!({"maxSurge": "2"})
        );
        let spot = json!({"upgradeSettings": {}, "scaleSetPriority": "Spot"});
        assert_eq!(surged(spot), json!({}));
    }

    #[test]
    fn saying_nothing_is_no_change() {
        assert!(same(&Value::Null, &json!(false)));
        assert!(same(&json!("/A/b"), &json!("/a/B")));
        assert!(same(&json!(["1", "2"]), &json!(["2", "1"])));
        assert!(!same(&json!(128), &json!(64)));
        assert!(!same(&Value::Null, &json!("/subnet")));
    }
}

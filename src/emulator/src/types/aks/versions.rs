//! The Kubernetes versions that the provider offers, and `locations/L/kubernetesVersions`.
//! <https://learn.microsoft.com/azure/aks/supported-kubernetes-versions>

use super::API_VERSIONS;
use super::errors::refuse;
use crate::arm::{ArmError, Context, Located, Meta, Placement, ResourceType};
use crate::server::Answer;
use crate::state::World;
use serde_json::{Map, Value, json};

/// A minor version with its patches, oldest first.
struct Minor {
    number: u32,
    patches: &'static [u32],
    long_term: bool,
    default: bool,
}

/// What is offered, newest first.
const OFFERED: &[Minor] = &[
    minor(37, &[0, 1], true, false),
    minor(36, &[2, 4], false, true),
    minor(35, &[5, 7], false, false),
    minor(34, &[8, 10], true, false),
];

const fn minor(number: u32, patches: &'static [u32], long_term: bool, default: bool) -> Minor {
    Minor {
        number,
        patches,
        long_term,
        default,
    }
}

/// A version of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub minor: u32,
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}.{}", self.minor, self.patch)
    }
}

/// A version as it was asked for, and the one that runs then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// What `kubernetesVersion` shows: an alias stays one.
    pub shown: String,
    pub runs: Version,
}

/// Reads `1.36` (no patch) or `1.36.4`.
fn parse(text: &str) -> Option<(u32, Option<u32>)> {
    let mut parts = text.split('.');
    let major: u32 = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    let patch = parts.next().map(str::parse).transpose().ok()?;
    (major == 1 && parts.next().is_none()).then_some((minor, patch))
}

/// The version that a text means exactly.
pub fn exact(text: &str) -> Option<Version> {
    let (minor, patch) = parse(text)?;
    Some(Version {
        minor,
        patch: patch?,
    })
}

/// The version that the provider takes when nothing is asked for.
pub fn default() -> Chosen {
    let minor = OFFERED
        .iter()
        .find(|minor| minor.default)
        .unwrap_or(&OFFERED[0]);
    Chosen {
        shown: format!("1.{}", minor.number),
        runs: newest(minor),
    }
}

fn newest(minor: &Minor) -> Version {
    Version {
        minor: minor.number,
        patch: minor.patches.last().copied().unwrap_or_default(),
    }
}

/// What a wanted version comes to. `runs` is what runs now: it may stay although it is no
/// longer offered. `code` names the refusal.
pub fn choose(
    cx: &Context<'_>,
    wanted: &str,
    runs: Option<Version>,
    code: &str,
) -> Result<Chosen, ArmError> {
    let unknown = || {
        refuse(
            400,
            code,
            format!(
                "Managed cluster version {wanted} is not supported in this region. Please use [az aks get-versions] command to get the supported version list in this region. For more information, please check https://aka.ms/supported-version-list"
            ),
        )
    };
    let (minor, patch) = parse(wanted).ok_or_else(unknown)?;
    let chosen = |runs: Version| Chosen {
        shown: wanted.to_owned(),
        runs,
    };
    if let Some(runs) = runs.filter(|runs| runs.minor == minor)
        && patch.is_none_or(|patch| patch == runs.patch)
    {
        return Ok(chosen(runs));
    }
    let offered = OFFERED.iter().find(|offered| offered.number == minor);
    match (offered, patch) {
        (Some(offered), None) => Ok(chosen(newest(offered))),
        (Some(offered), Some(patch)) if offered.patches.contains(&patch) => {
            Ok(chosen(Version { minor, patch }))
        }
        _ if cx.azure.settings.any_kubernetes => Ok(chosen(Version {
            minor,
            patch: patch.unwrap_or_default(),
        })),
        _ => Err(unknown()),
    }
}

/// Refuses steps back and leaps over a minor version.
pub fn step(cx: &Context<'_>, from: Version, to: Version, what: &str) -> Result<(), ArmError> {
    if cx.azure.settings.any_kubernetes {
        return Ok(());
    }
    if to < from {
        return Err(refuse(
            400,
            "OperationNotAllowed",
            format!("Downgrading {what} from Kubernetes version {from} to {to} is not allowed."),
        ));
    }
    // A version that left support may leap to the oldest that is offered.
    let oldest = OFFERED.last().map_or(0, |minor| minor.number);
    if to.minor > from.minor + 1 && to.minor > oldest {
        return Err(refuse(
            400,
            "OperationNotAllowed",
            format!(
                "Upgrading {what} from Kubernetes version {from} to {to} is not allowed. Available upgrades: [{}]. Please see https://aka.ms/aks-supported-k8s-ver for version details.",
                upgrades(from)
                    .map(|version| version.to_string())
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
        ));
    }
    Ok(())
}

/// Refuses a pool that its control plane cannot lead.
pub fn compatible(cx: &Context<'_>, plane: Version, pool: Version) -> Result<(), ArmError> {
    if cx.azure.settings.any_kubernetes || pool <= plane && pool.minor + 3 >= plane.minor {
        return Ok(());
    }
    Err(refuse(
        400,
        "NodePoolMcVersionIncompatible",
        format!(
            "Node pool version {pool} and control plane version {plane} are incompatible. Minor version of node pool cannot be bigger than control plane version. Minor version of node pool version cannot be more than 3 versions less than control plane's version. For more information, please check https://aka.ms/aks/UpgradeVersionRules"
        ),
    ))
}

/// What a version can be upgraded to, newest first.
pub fn upgrades(from: Version) -> impl Iterator<Item = Version> {
    all().filter(move |to| *to > from && to.minor <= from.minor + 1)
}

/// All versions on offer, newest first.
pub fn all() -> impl Iterator<Item = Version> {
    OFFERED.iter().flat_map(|minor| {
        minor.patches.iter().rev().map(|patch| Version {
            minor: minor.number,
            patch: *patch,
        })
    })
}

/// Whether a version is the one of [`default`].
pub fn is_default(version: Version) -> bool {
    default().runs == version
}

/// The list of a location.
pub struct Versions;

static META: Meta = Meta {
    kind: "Microsoft.ContainerService/kubernetesVersions",
    api_versions: API_VERSIONS,
    placement: Placement::Location { optional: false },
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

impl ResourceType for Versions {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn list(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        let values: Vec<Value> = OFFERED.iter().map(shown).collect();
        Some(Ok(Answer::json(200, json!({ "values": values }))))
    }
}

fn shown(minor: &Minor) -> Value {
    let mut plans = vec!["KubernetesOfficial"];
    if minor.long_term {
        plans.push("AKSLongTermSupport");
    }
    let patches: Map<String, Value> = minor
        .patches
        .iter()
        .map(|patch| {
            let version = Version {
                minor: minor.number,
                patch: *patch,
            };
            let to: Vec<String> = upgrades(version).map(|to| to.to_string()).collect();
            (version.to_string(), json!({ "upgrades": to }))
        })
        .collect();
    let mut value = json!({
        "version": format!("1.{}", minor.number),
        "capabilities": {"supportPlan": plans},
        "patchVersions": patches,
    });
    if minor.default {
        value["isDefault"] = json!(true);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(parse("1.36"), Some((36, None)));
        assert_eq!(parse("1.36.4"), Some((36, Some(4))));
        for bad in ["", "36", "2.1", "1.x", "1.36.4.1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn upgrades_reach_one_minor_further() {
        let from = exact("1.36.2").unwrap();
        let to: Vec<String> = upgrades(from).map(|version| version.to_string()).collect();
        assert_eq!(to, ["1.37.1", "1.37.0", "1.36.4"]);
        assert_eq!(default().runs.to_string(), "1.36.4");
    }
}

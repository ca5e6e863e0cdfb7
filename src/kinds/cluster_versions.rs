//! Which versions of Kubernetes a region offers, asked where one is newly wanted.
//!
//! Reference: Microsoft.ContainerService `locations/kubernetesVersions`. What is offered changes
//! every few weeks, so no list of ours could hold it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::managed_cluster::API_VERSION;
use crate::resource::{Meta, Method, Obstacle, Planned, Question, Request, Value};

/// The plan of support that a new cluster has.
const USUAL_SUPPORT: &str = "KubernetesOfficial";

/// Asks whether `region` offers the version that the field at `path` is to have, unless it has it.
/// `steps` says that versions are raised one minor version at a time.
pub(super) fn question(
    meta: &Meta,
    planned: &Planned<'_>,
    path: &str,
    region: &str,
    steps: bool,
) -> Option<Question> {
    let before = planned.before.and_then(|before| before.at(path));
    let after = planned.after.at(path)?;
    if before.is_some_and(|before| meta.field(path).is_some_and(|it| it.same(after, before))) {
        return None;
    }
    let within = planned.subscription()?;
    let place = format!("providers/Microsoft.ContainerService/locations/{region}");
    let list = format!("{within}/{place}/kubernetesVersions");
    let wanted = Wanted {
        version: after.as_str()?.to_owned(),
        from: before.and_then(Value::as_str).map(str::to_owned),
        region: region.to_owned(),
        steps,
    };
    Some(Question {
        request: Request::arm(Method::Get, list, API_VERSION),
        judge: Box::new(move |answer| wanted.obstacle(answer)),
    })
}

/// What is asked for.
struct Wanted {
    version: String,
    /// The version that it is raised from; nothing for what is new.
    from: Option<String>,
    region: String,
    steps: bool,
}

/// Whether a version stands for another: a minor version for all of its patches.
fn covers(version: &str, other: &str) -> bool {
    let rest = other.strip_prefix(version);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The minor versions of an answer, as Azure lists them.
fn minors(answer: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let values = answer.get("values").and_then(Json::as_array);
    values
        .into_iter()
        .flatten()
        .filter_map(|minor| Some((minor.get("version")?.as_str()?, minor)))
}

/// The patches of a minor version, each with what it can be raised to.
fn patches(minor: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let patches = minor.get("patchVersions").and_then(Json::as_object);
    patches
        .into_iter()
        .flatten()
        .map(|(name, patch)| (name.as_str(), patch))
}

impl Wanted {
    /// Whether what is new may have a minor version: some are only for clusters under long-term
    /// support, which those that stand may have been given.
    fn may_have(&self, minor: &Json) -> bool {
        let plans = minor.pointer("/capabilities/supportPlan");
        let usual = |plans: &Vec<Json>| plans.iter().any(|plan| plan == USUAL_SUPPORT);
        self.from.is_some() || plans.and_then(Json::as_array).is_none_or(usual)
    }

    fn obstacle(&self, answer: &Json) -> Option<Obstacle> {
        let is_exact = self.version.matches('.').count() > 1;
        let mut offered = Vec::new();
        for (name, minor) in minors(answer).filter(|(_, minor)| self.may_have(minor)) {
            match is_exact {
                true => offered.extend(patches(minor).map(|(patch, _)| patch)),
                false => offered.push(name),
            }
        }
        // An answer that lists nothing says nothing.
        if !offered.is_empty() && !offered.contains(&self.version.as_str()) {
            let Self {
                version, region, ..
            } = self;
            return Some(Obstacle {
                problem: format!("Kubernetes {version} is not offered in {region}"),
                instead: format!("declare one that is: {}", offered.join(", ")),
            });
        }
        self.leap(answer)
    }

    /// That what stands cannot be raised so far at once.
    fn leap(&self, answer: &Json) -> Option<Obstacle> {
        let from = self.from.as_deref().filter(|_| self.steps)?;
        let mut reach = BTreeSet::new();
        for (patch, raises) in minors(answer).flat_map(|(_, minor)| patches(minor)) {
            if covers(from, patch) {
                let to = raises.get("upgrades").and_then(Json::as_array);
                reach.extend(to.into_iter().flatten().filter_map(Json::as_str));
                reach.insert(patch);
            }
        }
        // A minor version stands for its patches, of which the upgrade channel has a word.
        let minor = |patch: &&str| patch.rsplit_once('.').map(|(minor, _)| minor.to_owned());
        let next: BTreeSet<String> = match self.version.matches('.').count() {
            1 => reach.iter().filter_map(minor).collect(),
            _ => reach.iter().map(|patch| (*patch).to_owned()).collect(),
        };
        let next: Vec<String> = next.into_iter().filter(|it| !covers(from, it)).collect();
        let is_near = reach.iter().any(|to| covers(&self.version, to));
        (!reach.is_empty() && !is_near).then(|| Obstacle {
            problem: format!(
                "a cluster of Kubernetes {from} is not raised to {} at once",
                self.version
            ),
            instead: match next.is_empty() {
                true => format!("wait until Azure offers a step up from {from}"),
                false => format!(
                    "raise it step by step: from {from} Azure goes on to {}",
                    next.join(", ")
                ),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(version: &str, from: Option<&str>) -> Option<Obstacle> {
        let wanted = Wanted {
            version: version.to_owned(),
            from: from.map(str::to_owned),
            region: "eastus2".to_owned(),
            steps: true,
        };
        wanted.obstacle(&json!({"values": [
            {"version": "1.37", "patchVersions": {"1.37.0": {"upgrades": []}}},
            {"version": "1.36", "capabilities": {"supportPlan": ["KubernetesOfficial"]},
             "patchVersions": {"1.36.2": {"upgrades": ["1.37.0"]}}},
            {"version": "1.34", "capabilities": {"supportPlan": ["AKSLongTermSupport"]},
             "patchVersions": {"1.34.8": {"upgrades": ["1.35.7"]}}},
        ]}))
    }

    #[test]
    fn what_is_offered_is_not_in_the_way() {
        for version in ["1.37", "1.37.0", "1.36", "1.36.2"] {
            assert_eq!(said(version, None), None, "{version}");
        }
        assert_eq!(said("1.34", Some("1.33")), None);
        assert_eq!(said("1.37", Some("1.36")), None);
        let silent = Wanted {
            version: "1.1".to_owned(),
            from: None,
            region: "eastus2".to_owned(),
            steps: true,
        };
        assert_eq!(silent.obstacle(&json!({})), None);
    }

    #[test]
    fn what_is_not_says_what_is() {
        let old = said("1.28", None).expect("an obstacle");
        assert_eq!(old.problem, "Kubernetes 1.28 is not offered in eastus2");
        assert_eq!(old.instead, "declare one that is: 1.37, 1.36");
        let exact = said("1.36.9", None).expect("an obstacle");
        assert_eq!(exact.instead, "declare one that is: 1.37.0, 1.36.2");
        // What is new has no long-term support; what stands may.
        assert!(said("1.34", None).is_some());
        // A minor version is no prefix of another.
        assert!(said("1.3", None).is_some());
    }

    #[test]
    fn a_cluster_is_raised_step_by_step() {
        let far = said("1.36", Some("1.34")).expect("an obstacle");
        assert!(far.problem.contains("at once"), "{}", far.problem);
        assert_eq!(
            far.instead,
            "raise it step by step: from 1.34 Azure goes on to 1.35"
        );
        let exact = said("1.36.2", Some("1.34.8")).expect("an obstacle");
        assert!(exact.instead.ends_with("1.35.7"), "{}", exact.instead);
    }
}

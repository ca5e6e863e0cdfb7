//! A plan as a JSON document: the plan itself, complete, with counts and objections.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::json::{VERSION, document};
use super::grouping::{self, Counts};
use crate::provision::guard::Objection;
use crate::provision::plan::{self, Plan};
use crate::resource::EnvironmentName;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    digest: String,
    summary: Summary<'a>,
    plan: &'a Plan,
    objections: &'a [Objection],
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    counts: Counts,
    unchanged: usize,
    left_out: usize,
    unmanaged: usize,
    objections: usize,
    wider_access: BTreeSet<&'a str>,
    environments: BTreeMap<EnvironmentName, Environment>,
}

#[derive(Serialize)]
struct Environment {
    protected: bool,
    #[serde(flatten)]
    counts: Counts,
}

pub(super) fn render(plan: &Plan, objections: &[Objection]) -> String {
    let mut environments: BTreeMap<_, _> = plan
        .environments
        .iter()
        .map(|name| {
            let protected = plan.protected.contains(name);
            let counts = Counts::default();
            (name.clone(), Environment { protected, counts })
        })
        .collect();
    for group in grouping::groups(plan) {
        let (protected, counts) = (group.protected, group.counts);
        environments.insert(group.environment, Environment { protected, counts });
    }
    document(&Document {
        version: VERSION,
        cloud: &plan.target.cloud,
        kind: "plan",
        digest: plan::digest(plan),
        summary: Summary {
            counts: grouping::total(plan),
            unchanged: plan.unchanged,
            left_out: plan.left_out,
            unmanaged: plan.unmanaged.len(),
            objections: objections.len(),
            wider_access: plan.widenings(),
            environments,
        },
        plan,
        objections,
    })
}

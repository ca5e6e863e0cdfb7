//! Diagnostic settings: what a resource tells the environment's workspace.
//!
//! Reference: Microsoft.Insights `diagnosticSettings`, api-version 2021-05-01-preview (there is
//! no stable one), and its `diagnosticSettingsCategories`. It has neither PATCH nor tags.
//!
//! ## Why
//! All logs go as the group `allLogs`, which covers what Azure adds later; of a cluster, only the
//! categories that tell what was done to it, since the rest is every read of every pod and is
//! paid for by size. A setting outlives its target in Azure and acts again on a new one of the
//! same id, unseen in between; so it is deleted before its target, and one that shows again is
//! written over.

use serde_json::{Value as Json, json};

use super::{Sections, managed_cluster};
use crate::resource::{
    Address, AddressError, Carrier, Compare, Field, Kind, Literal, Meta, Place, Problem, ReadMode,
    Resource, Severity, Unmanaged, UpdateMode,
};

/// The kind of diagnostic settings.
pub struct DiagnosticSetting;

/// The name of every setting that we make: one per target.
const NAME: &str = "onestream";

/// What a cluster tells: who changed what and who was let in, and what the control plane made of
/// it. `kube-audit` is the same with all reads.
const CLUSTER_LOGS: &[&str] = &[
    "kube-audit-admin",
    "guard",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cluster-autoscaler",
    "cloud-controller-manager",
];

/// A further place that logs are sent to: none, and a finding where there is one.
const fn elsewhere(path: &'static str) -> Field {
    Field::new(path)
        .compare(Compare::IgnoreCase)
        .severity(Severity::High)
}

static META: Meta = Meta {
    name: "diagnostic setting",
    arm_type: "Microsoft.Insights/diagnosticSettings",
    api_version: "2021-05-01-preview",
    carrier: Carrier::Parent,
    read: ReadMode::Extension {
        on: &["registry", "vault", managed_cluster::NAME],
        collection: "/providers/Microsoft.Insights/diagnosticSettings",
    },
    update: UpdateMode::Put,
    fields: &[
        Field::new("properties.workspaceId")
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.logs")
            .or(Literal::EmptyList)
            .compare(Compare::Switches(&["category", "categoryGroup"]))
            .severity(Severity::High),
        Field::new("properties.metrics")
            .or(Literal::EmptyList)
            .compare(Compare::Switches(&["category"])),
        elsewhere("properties.storageAccountId"),
        elsewhere("properties.eventHubAuthorizationRuleId"),
        elsewhere("properties.eventHubName"),
        elsewhere("properties.serviceBusRuleId"),
        elsewhere("properties.marketplacePartnerId"),
    ],
    unmanaged: &[Unmanaged {
        path: "properties.logAnalyticsDestinationType",
        reason: "types with one set of tables answer null whatever they were sent",
    }],
    read_only: &["location", "kind", "tags", "identity"],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for DiagnosticSetting {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn resurfaces(&self) -> bool {
        true
    }

    fn orphan_path(&self, id: &str) -> String {
        let id = id.to_lowercase();
        let target = id
            .split("/providers/microsoft.insights/")
            .next()
            .unwrap_or(&id);
        crate::resource::orphan_path(META.name, target)
    }
}

/// The settings of an environment: one on each thing that logs to its workspace.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(workspace), Some(group)) = (&sections.workspace, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let workspace_id = workspace.id(&group_id);
    let targets = targets(&group_id, sections);
    let telling = targets.iter().filter(|target| target.asked.unwrap_or(true));
    telling
        .map(|target| {
            setting(
                place,
                &place.address(target.key)?,
                &target.id,
                &workspace_id,
                &target.logs,
            )
        })
        .collect()
}

/// Something that can tell the workspace what was done to it.
struct Target {
    /// Its address below the environment, which is its table, too.
    key: &'static str,
    /// Its ARM id.
    id: String,
    /// What its table says.
    asked: Option<bool>,
    /// The logs that it tells, each switched on.
    logs: Json,
}

fn targets(group_id: &str, sections: &Sections) -> Vec<Target> {
    let all = || json!([{ "categoryGroup": "allLogs", "enabled": true }]);
    let registry = sections.registry.as_ref().map(|it| Target {
        key: "registry",
        id: it.id(group_id),
        asked: it.diagnostics,
        logs: all(),
    });
    let vault = sections.vault.as_ref().map(|it| Target {
        key: "vault",
        id: it.id(group_id),
        asked: it.diagnostics,
        logs: all(),
    });
    let cluster = sections.cluster.as_ref().map(|it| Target {
        key: "cluster",
        id: it.id(group_id),
        asked: it.diagnostics,
        logs: CLUSTER_LOGS
            .iter()
            .map(|category| json!({ "category": category, "enabled": true }))
            .collect(),
    });
    registry.into_iter().chain(vault).chain(cluster).collect()
}

fn setting(
    place: &Place,
    target: &Address,
    scope: &str,
    workspace_id: &str,
    logs: &Json,
) -> Result<Resource, AddressError> {
    let properties: Json = json!({ "properties": {
        "workspaceId": workspace_id,
        "logs": logs,
    } });
    let id = format!("{scope}/providers/{}/{NAME}", META.arm_type);
    let address = target.child("diagnostics")?;
    let setting = Resource::new(
        place,
        &DiagnosticSetting,
        address,
        id.into(),
        properties.into(),
    );
    Ok(setting.about(target).after(&place.address("workspace")?))
}

/// Nothing is logged to a workspace that is not there.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    if sections.workspace.is_some() {
        return Vec::new();
    }
    let targets = targets("", sections).into_iter();
    let asking = targets.filter(|target| target.asked == Some(true));
    asking
        .map(|target| {
            let path = format!("{}.diagnostics", target.key);
            Problem::at(&path, "there is no workspace to log to")
                .help("add `[workspace]` with a name")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;
    use crate::resource::Value;

    fn sections(diagnostics: Option<bool>, workspace: bool) -> Sections {
        let said = diagnostics.map_or(String::new(), |on| format!("diagnostics = {on}\n"));
        let workspace = if workspace {
            "[workspace]\nname = \"logs\"\n"
        } else {
            ""
        };
        let text = format!("[registry]\nname = \"onestreamdev\"\n{said}{workspace}");
        let mut sections: Sections = toml::from_str(&text).expect("sections");
        sections.group = Some(testing::group());
        sections
    }

    #[test]
    fn a_registry_logs_where_there_is_a_workspace_unless_told_not_to() {
        for (diagnostics, workspace, settings, problems) in [
            (None, true, 1, 0),
            (Some(true), true, 1, 0),
            (Some(false), true, 0, 0),
            (None, false, 0, 0),
            (Some(false), false, 0, 0),
            (Some(true), false, 0, 1),
        ] {
            let sections = sections(diagnostics, workspace);
            let declared = declare(&testing::place(), &sections).expect("addresses");
            let found = check(&testing::place(), &sections);
            let counts = (declared.len(), found.len());
            assert_eq!(counts, (settings, problems), "{diagnostics:?} {workspace}");
        }
    }

    #[test]
    fn a_cluster_tells_what_was_done_to_it() {
        let with = |more: &str| testing::cluster(more);
        let workspace = "[workspace]\nname = \"logs\"\n";
        let declared = declare(&testing::place(), &with(workspace)).expect("addresses");
        let [setting] = &declared[..] else {
            panic!("one setting: {declared:?}")
        };
        assert_eq!(setting.address.as_str(), "dev.cluster.diagnostics");
        let logs = setting.properties.at("properties.logs").expect("logs");
        let logs = logs
            .resolve(&Default::default())
            .expect("known")
            .to_string();
        for told in ["kube-audit-admin", "guard", "kube-apiserver"] {
            assert!(logs.contains(&format!("\"{told}\"")), "{told}: {logs}");
        }
        assert!(!logs.contains("\"kube-audit\"") && !logs.contains("allLogs"));
        let off = with(&format!("diagnostics = false\n{workspace}"));
        assert_eq!(
            declare(&testing::place(), &off).expect("addresses").len(),
            0
        );
        let problems = check(&testing::place(), &with("diagnostics = true\n"));
        assert_eq!(problems[0].path, ["cluster", "diagnostics"]);
    }

    #[test]
    fn it_goes_before_its_target_and_its_workspace() {
        let declared = declare(&testing::place(), &sections(None, true)).expect("addresses");
        let before: Vec<String> = declared[0]
            .references()
            .iter()
            .map(|a| a.to_string())
            .collect();
        assert_eq!(before, ["dev.registry", "dev.workspace"]);
        assert_eq!(declared[0].address.as_str(), "dev.registry.diagnostics");
        // It does not die with its target.
        assert_eq!(declared[0].parent, None);
    }

    #[test]
    fn what_azure_adds_to_a_list_of_categories_is_no_difference() {
        let logs = META.field("properties.logs").expect("a field");
        let live = |list: Json| Value::from(list);
        let wanted = live(json!([{"categoryGroup": "allLogs", "enabled": true}]));
        let off = json!({"category": "ContainerRegistryLoginEvents", "enabled": false});
        let on = json!({
            "category": null, "categoryGroup": "allLogs", "enabled": true,
            "retentionPolicy": {"enabled": false, "days": 0},
        });
        assert!(logs.same(&wanted, &live(json!([off, on]))));
        let mut less = on.clone();
        less["enabled"] = json!(false);
        assert!(!logs.same(&wanted, &live(json!([less]))));
        let mut more = off.clone();
        more["enabled"] = json!(true);
        assert!(!logs.same(&wanted, &live(json!([on, more]))));
    }
}

//! Log Analytics workspaces: where registries, vaults and clusters tell what was done to them.
//!
//! Reference: Microsoft.OperationalInsights `workspaces`, api-version 2023-09-01. A deleted one
//! is kept for 14 days, and a PUT of its id brings it back with its data.
//!
//! ## Why
//! Shared keys are off and so is reading logs by rights on the resource alone, unless declared:
//! who may read the audit trail is then said by grants on the workspace only. Diagnostic
//! settings send over Azure's own network, so closing public ingestion does not stop them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Sections;
use crate::resource::{
    AddressError, Carrier, Change, Compare, Deleted, Field, Kind, Literal, Meta, Method, Place,
    Problem, ReadMode, Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// `[workspace]`: the environment's Log Analytics workspace.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSection {
    /// Its name: 4 to 63 letters, digits and hyphens, no hyphen first or last.
    pub name: String,
    /// Days for which logs are kept: 30 to 730.
    #[serde(default = "ninety")]
    pub retention_days: u16,
    /// Gigabytes a day after which it takes no more logs, audit logs among them; no limit when
    /// absent.
    pub daily_quota_gb: Option<u32>,
    /// Whether agents may send logs from the internet.
    #[serde(default)]
    pub public_ingestion: bool,
    /// Whether people may read logs from the internet.
    #[serde(default)]
    pub public_query: bool,
    /// Whether agents may sign in with the workspace's shared keys.
    #[serde(default)]
    pub shared_keys: bool,
    /// Whether reading a resource is enough to read its logs, without a grant on the workspace.
    #[serde(default)]
    pub read_by_resource: bool,
}

fn ninety() -> u16 {
    90
}

/// The kind of Log Analytics workspaces.
pub struct Workspace;

/// The quota that stands for none.
const NO_QUOTA: i64 = -1;

static META: Meta = Meta {
    name: "workspace",
    arm_type: "Microsoft.OperationalInsights/workspaces",
    api_version: "2023-09-01",
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.OperationalInsights/workspaces"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Refuse(
                "a workspace keeps its region: declare a workspace of another name there, and \
                 keep this one until its logs have aged out",
            )),
        Field::new("properties.sku.name")
            .or(Literal::Text("PerGB2018"))
            .compare(Compare::IgnoreCase),
        Field::tags(),
        Field::new("properties.retentionInDays")
            .or(Literal::Int(90))
            .absent(Literal::Int(30))
            .severity(Severity::High),
        Field::new("properties.workspaceCapping.dailyQuotaGb")
            .or(Literal::Int(NO_QUOTA))
            .severity(Severity::High),
        Field::new("properties.publicNetworkAccessForIngestion")
            .or(Literal::Text("Disabled"))
            .absent(Literal::Text("Enabled"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.publicNetworkAccessForQuery")
            .or(Literal::Text("Disabled"))
            .absent(Literal::Text("Enabled"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.features.disableLocalAuth")
            .or(Literal::Bool(true))
            .absent(Literal::Bool(false))
            .severity(Severity::High),
        Field::new("properties.features.enableLogAccessUsingOnlyResourcePermissions")
            .or(Literal::Bool(false))
            .severity(Severity::High),
    ],
    unmanaged: &[
        Unmanaged {
            path: "identity",
            reason: "only a dedicated cluster with customer-managed keys needs one",
        },
        Unmanaged {
            path: "properties.forceCmkForQuery",
            reason: "speaks of customer-managed keys, which need a dedicated cluster",
        },
        Unmanaged {
            path: "properties.features.clusterResourceId",
            reason: "a dedicated cluster costs 100 GB a day and is linked by a request of its own",
        },
        Unmanaged {
            path: "properties.features.immediatePurgeDataOn30Days",
            reason: "speaks of 30 days of retention only",
        },
        Unmanaged {
            path: "properties.features.enableDataExport",
            reason: "exports are rules of their own, with their own permissions",
        },
        Unmanaged {
            path: "properties.defaultDataCollectionRuleResourceId",
            reason: "for agents on machines, of which there are none",
        },
        Unmanaged {
            path: "properties.sku.capacityReservationLevel",
            reason: "a commitment of money, taken with another sku only",
        },
        Unmanaged {
            path: "properties.privateLinkScopedResources",
            reason: "the other end of a private link scope, which is a resource of its own",
        },
    ],
    read_only: &[
        "properties.customerId",
        "properties.provisioningState",
        "properties.createdDate",
        "properties.modifiedDate",
        "properties.sku.lastSkuUpdate",
        "properties.workspaceCapping.quotaNextResetTime",
        "properties.workspaceCapping.dataIngestionStatus",
        "properties.features.legacy",
        "properties.features.searchVersion",
        "properties.privateLinkScopedResources",
    ],
    stateful: true,
    is_guard: false,
    outputs: &[("customerId", "properties.customerId")],
};

impl Kind for Workspace {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn deleted(&self) -> Deleted {
        Deleted::PerSubscription("/providers/Microsoft.OperationalInsights/deletedWorkspaces")
    }

    /// A PUT that says no more than the region brings all of it back as it was.
    fn recover(&self, id: &str, desired: &Json, _handle: Option<&str>) -> Option<Request> {
        let body = json!({ "location": desired["location"] });
        Some(Request::arm(Method::Put, id, META.api_version).body(body))
    }
}

impl WorkspaceSection {
    /// The workspace's ARM id in a resource group.
    pub(super) fn id(&self, group_id: &str) -> String {
        format!("{group_id}/providers/{}/{}", META.arm_type, self.name)
    }

    fn body(&self, place: &Place) -> Json {
        let access = |open: bool| if open { "Enabled" } else { "Disabled" };
        let quota = self.daily_quota_gb.map_or(NO_QUOTA, i64::from);
        json!({
            "location": place.primary,
            "properties": {
                "retentionInDays": self.retention_days,
                "workspaceCapping": { "dailyQuotaGb": quota },
                "publicNetworkAccessForIngestion": access(self.public_ingestion),
                "publicNetworkAccessForQuery": access(self.public_query),
                "features": {
                    "disableLocalAuth": !self.shared_keys,
                    "enableLogAccessUsingOnlyResourcePermissions": self.read_by_resource,
                },
            },
        })
    }
}

/// The workspace of an environment.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.workspace, &sections.group) else {
        return Ok(Vec::new());
    };
    let id = section.id(&place.group_id(&group.name));
    let address = place.address("workspace")?;
    let properties = Value::from(section.body(place));
    let workspace = Resource::new(place, &Workspace, address, id.into(), properties);
    Ok(vec![workspace.inside(&place.address("group")?)])
}

/// Azure's rules for workspaces: names, and what can be kept for how long.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.workspace else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if sections.group.is_none() {
        problems.push(
            Problem::at("workspace", "a workspace needs a resource group")
                .help("add `[group]` with a name"),
        );
    }
    let name = &section.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = (4..=63).contains(&name.len()) && name.chars().all(plain);
    if !fits || name.starts_with('-') || name.ends_with('-') {
        let message = format!("`{name}` is not a workspace name");
        problems.push(
            Problem::at("workspace.name", message)
                .help("4 to 63 letters, digits and hyphens, no hyphen first or last"),
        );
    }
    if !(30..=730).contains(&section.retention_days) {
        let message = format!("{} days is not a retention", section.retention_days);
        problems.push(Problem::at("workspace.retention_days", message).help("30 to 730 days"));
    }
    if section.daily_quota_gb == Some(0) {
        problems.push(
            Problem::at("workspace.daily_quota_gb", "0 would take no logs at all")
                .help("drop it for no limit"),
        );
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;

    fn section() -> WorkspaceSection {
        WorkspaceSection {
            name: "log-onestream-dev".to_owned(),
            retention_days: 90,
            daily_quota_gb: None,
            public_ingestion: false,
            public_query: false,
            shared_keys: false,
            read_by_resource: false,
        }
    }

    fn problems(section: WorkspaceSection) -> Vec<String> {
        let sections = Sections {
            group: Some(testing::group()),
            workspace: Some(section),
            ..Sections::default()
        };
        let found = check(&testing::place(), &sections);
        found.iter().map(|p| p.path.join(".")).collect()
    }

    #[test]
    fn what_azure_would_refuse_is_found_at_once() {
        assert!(problems(section()).is_empty());
        let wrong = WorkspaceSection {
            name: "-log".to_owned(),
            retention_days: 29,
            daily_quota_gb: Some(0),
            ..section()
        };
        assert_eq!(
            problems(wrong),
            [
                "workspace.name",
                "workspace.retention_days",
                "workspace.daily_quota_gb"
            ]
        );
        for name in ["log", "log_dev", "log-", &"x".repeat(64)] {
            let name = name.to_owned();
            assert_eq!(
                problems(WorkspaceSection { name, ..section() }),
                ["workspace.name"]
            );
        }
    }

    #[test]
    fn what_is_not_said_is_what_the_table_says_of_it() {
        let mut said = Value::from(section().body(&testing::place()));
        let mut silent = Value::default();
        META.materialise(&mut silent);
        META.materialise(&mut said);
        for field in META.fields.iter().filter(|field| field.path != "location") {
            assert_eq!(said.at(field.path), silent.at(field.path), "{}", field.path);
        }
    }

    #[test]
    fn a_recovery_says_nothing_that_would_overwrite() {
        let desired = section().body(&testing::place());
        let request = Workspace.recover("/id", &desired, None).expect("a request");
        assert_eq!(request.body, Some(json!({"location": "eastus2"})));
    }
}

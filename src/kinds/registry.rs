//! Container registries.
//!
//! Reference: Microsoft.ContainerRegistry `registries`, api-version 2025-11-01.
//!
//! ## Why
//! The first stable version that shows `roleAssignmentMode`: in the other mode of it AcrPull and
//! AcrPush count for nothing. The crate's models are of an older one, and all that is declared is
//! in them. Changes are sent as PATCH: a PUT at one api-version would drop what a newer one has
//! added to the registry.
//! <https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions>

use azure_mgmt_containerregistry::package_2023_11_preview::models;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{LockLevel, Sections, names};
use crate::resource::{
    Address, AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Method, Naming,
    Place, Planned, Question, ReadMode, Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The api-version of registries and everything below them.
pub(super) const API_VERSION: &str = "2025-11-01";

/// `[registry]`: the environment's container registry.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrySection {
    /// Its name, unique in all of Azure: 5 to 50 letters and digits.
    pub name: String,
    /// The service tier. Replication, private access, retention and network rules need Premium.
    #[serde(default)]
    pub sku: RegistrySku,
    /// The regions that it is replicated to, beside its home region.
    #[serde(default)]
    pub replicate_to: Vec<String>,
    /// Whether it can be reached from the internet at all.
    #[serde(default)]
    pub public_network_access: bool,
    /// Whether the network reaches it through a private endpoint; so it is when absent, where
    /// there is a network.
    pub private_endpoint: Option<bool>,
    /// IPv4 addresses and CIDR ranges that may reach it; all others are denied once one is given.
    #[serde(default)]
    pub allowed_ips: Vec<String>,
    /// Whether the shared admin account is on.
    #[serde(default)]
    pub admin_user: bool,
    /// Whether anybody may pull without signing in.
    #[serde(default)]
    pub anonymous_pull: bool,
    /// Whether each region serves blobs from a data endpoint of its own.
    #[serde(default)]
    pub data_endpoint: bool,
    /// Whether images may be exported and imported elsewhere; promotion needs it.
    #[serde(default = "yes")]
    pub export: bool,
    /// Days after which untagged manifests are deleted; off when absent. Signatures and images
    /// that are referred to by digest only count as untagged.
    pub retain_untagged_days: Option<u16>,
    /// Whether pulls, pushes and sign-ins are logged to the workspace; on where there is one.
    pub diagnostics: Option<bool>,
    /// A management lock on the registry and everything in it.
    pub lock: Option<LockLevel>,
}

fn yes() -> bool {
    true
}

/// A registry's service tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum RegistrySku {
    /// For trying out.
    Basic,
    /// More storage and throughput.
    Standard,
    /// Geo-replication, private endpoints, retention, network rules.
    #[default]
    Premium,
}

/// The kind of container registries.
pub struct Registry;

/// Fields that Azure takes on Premium registries only.
const PREMIUM_ONLY: &[&str] = &[
    "properties.networkRuleSet",
    "properties.policies",
    "properties.dataEndpointEnabled",
    "properties.networkRuleBypassOptions",
];

/// Whether roles on the registry decide of pulls and pushes, or those on its repositories.
const ROLE_ASSIGNMENT_MODE: &str = "properties.roleAssignmentMode";

/// The mode in which it is those on the registry.
pub(crate) const LEGACY_MODE: &str = "LegacyRegistryPermissions";

static META: Meta = Meta {
    name: "registry",
    arm_type: "Microsoft.ContainerRegistry/registries",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.ContainerRegistry/registries"),
    update: UpdateMode::Patch,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Refuse(
                "a registry keeps its home region: add the region to replicate_to, or declare a \
             registry of another name there and import the images",
            )),
        Field::new("sku.name")
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::tags(),
        Field::new("properties.adminUserEnabled")
            .or(Literal::Bool(false))
            .severity(Severity::Critical),
        Field::new("properties.anonymousPullEnabled")
            .or(Literal::Bool(false))
            .severity(Severity::Critical),
        Field::new(ROLE_ASSIGNMENT_MODE)
            .or(Literal::Text(LEGACY_MODE))
            .compare(Compare::IgnoreCase)
            .severity(Severity::Critical),
        Field::new("properties.publicNetworkAccess")
            .or(Literal::Text("Disabled"))
            .absent(Literal::Text("Enabled"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkRuleSet.defaultAction")
            .or(Literal::Text("Allow"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.networkRuleSet.ipRules")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        Field::new("properties.networkRuleBypassOptions")
            .or(Literal::Text("AzureServices"))
            .compare(Compare::IgnoreCase),
        Field::new("properties.dataEndpointEnabled").or(Literal::Bool(false)),
        Field::new("properties.policies.retentionPolicy.status")
            .or(Literal::Text("disabled"))
            .compare(Compare::IgnoreCase)
            .severity(Severity::High),
        Field::new("properties.policies.retentionPolicy.days").or(Literal::Int(7)),
        Field::new("properties.policies.exportPolicy.status")
            .or(Literal::Text("enabled"))
            .compare(Compare::IgnoreCase),
        Field::new("properties.policies.quarantinePolicy.status")
            .or(Literal::Text("disabled"))
            .compare(Compare::IgnoreCase),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.zoneRedundancy",
            reason: "on in every region with zones whatever it reads; taken on create only",
        },
        Unmanaged {
            path: "properties.policies.trustPolicy",
            reason: "Docker Content Trust is being retired; signatures are cosign's",
        },
        Unmanaged {
            path: "properties.policies.softDeletePolicy",
            reason: "a preview that cannot be combined with geo-replication",
        },
        Unmanaged {
            path: "properties.policies.azureADAuthenticationAsArmPolicy",
            reason: "pipelines still exchange ARM-audience tokens",
        },
        Unmanaged {
            path: "properties.encryption",
            reason: "customer-managed keys are fixed at creation and break the referrers API",
        },
        Unmanaged {
            path: "identity",
            reason: "only customer-managed keys and tasks need one",
        },
        Unmanaged {
            path: "properties.privateEndpointConnections",
            reason: "the other end of a private endpoint: ours is a resource of its own, and `rbac check` \
                     finds any other",
        },
        Unmanaged {
            path: "properties.networkRuleBypassAllowedForTasks",
            reason: "lets tasks past the firewall, and a registry of ours has none",
        },
        Unmanaged {
            path: "properties.metadataSearch",
            reason: "a preview without effect here",
        },
    ],
    read_only: &[
        "sku.tier",
        "properties.loginServer",
        "properties.creationDate",
        "properties.provisioningState",
        "properties.status",
        "properties.dataEndpointHostNames",
        "properties.privateEndpointConnections",
        "properties.policies.retentionPolicy.lastUpdatedTime",
        "properties.policies.softDeletePolicy.lastUpdatedTime",
    ],
    stateful: true,
    is_guard: false,
    outputs: &[("loginServer", "properties.loginServer")],
};

impl Kind for Registry {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// What needs no role: the registry's own password, and pulls without signing in; and the mode
    /// in which roles that stand count again.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        let opens = |path: &str| {
            let on = |fields: &Value| fields.at(path) == Some(&Value::Bool(true));
            on(after) && !before.is_some_and(on)
        };
        let ways = [
            ("properties.adminUserEnabled", "its admin user"),
            ("properties.anonymousPullEnabled", "anonymous pull"),
        ];
        let by_repository = |fields: &Value| {
            let mode = fields.at(ROLE_ASSIGNMENT_MODE).and_then(Value::as_str);
            mode.is_some_and(|mode| !mode.eq_ignore_ascii_case(LEGACY_MODE))
        };
        let counts_again = before.is_some_and(by_repository) && !by_repository(after);
        let ways: Vec<&str> = ways
            .into_iter()
            .filter(|(path, _)| opens(path))
            .map(|(_, way)| way)
            .chain(counts_again.then_some("the roles that count again"))
            .collect();
        (!ways.is_empty()).then(|| format!("{} on {address}", ways.join(" and ")))
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let mut body = desired.clone();
        if body["sku"]["name"] != "Premium"
            && let Some(properties) = body["properties"].as_object_mut()
        {
            let dear = |key: &str| PREMIUM_ONLY.contains(&format!("properties.{key}").as_str());
            properties.retain(|key, _| !dear(key));
        }
        Request::arm(Method::Put, id, META.api_version).body(body)
    }

    fn naming(&self) -> Naming {
        Naming::Everywhere
    }

    fn question(&self, planned: &Planned<'_>) -> Option<Question> {
        names::question(&META, planned)
    }
}

impl RegistrySection {
    /// The registry's ARM id in a resource group.
    pub(super) fn id(&self, group_id: &str) -> String {
        format!(
            "{group_id}/providers/Microsoft.ContainerRegistry/registries/{}",
            self.name
        )
    }

    /// The declared part, in Microsoft's own model of the body.
    fn body(&self, place: &Place) -> models::Registry {
        let sku = models::Sku::new(match self.sku {
            RegistrySku::Basic => models::sku::Name::Basic,
            RegistrySku::Standard => models::sku::Name::Standard,
            RegistrySku::Premium => models::sku::Name::Premium,
        });
        let mut registry = models::Registry::new(models::Resource::new(place.primary.clone()), sku);
        registry.properties = Some(models::RegistryProperties {
            admin_user_enabled: Some(self.admin_user),
            anonymous_pull_enabled: Some(self.anonymous_pull),
            data_endpoint_enabled: Some(self.data_endpoint),
            public_network_access: Some(if self.public_network_access {
                models::registry_properties::PublicNetworkAccess::Enabled
            } else {
                models::registry_properties::PublicNetworkAccess::Disabled
            }),
            network_rule_set: self.network_rules(),
            policies: Some(self.policies()),
            ..models::RegistryProperties::default()
        });
        registry
    }

    fn network_rules(&self) -> Option<models::NetworkRuleSet> {
        if self.allowed_ips.is_empty() {
            return None;
        }
        let mut rules = models::NetworkRuleSet::new(models::network_rule_set::DefaultAction::Deny);
        rules.ip_rules = self
            .allowed_ips
            .iter()
            .map(|value| models::IpRule {
                action: Some(models::ip_rule::Action::Allow),
                value: value.clone(),
            })
            .collect();
        Some(rules)
    }

    fn policies(&self) -> models::Policies {
        let mut retention = models::RetentionPolicy::new();
        if let Some(days) = self.retain_untagged_days {
            retention.days = Some(i32::from(days));
            retention.status = Some(models::retention_policy::Status::Enabled);
        }
        let mut export = models::ExportPolicy::new();
        export.status = Some(if self.export {
            models::export_policy::Status::Enabled
        } else {
            models::export_policy::Status::Disabled
        });
        models::Policies {
            retention_policy: Some(retention),
            export_policy: Some(export),
            ..models::Policies::default()
        }
    }
}

/// The registry of an environment.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.registry, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_address = place.address("group")?;
    let id = section.id(&place.group_id(&group.name));
    let body = super::typed(&section.body(place));
    let address = place.address("registry")?;
    Ok(vec![
        Resource::new(place, &Registry, address, id.into(), Value::from(body))
            .inside(&group_address),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_puts_the_mode_back_makes_roles_count_again() {
        let mode = |mode: &str| {
            let body = serde_json::json!({"properties": {"roleAssignmentMode": mode}});
            Value::from(body)
        };
        let address: Address = "dev.registry".parse().expect("an address");
        let legacy = mode("LegacyRegistryPermissions");
        let said = |before: Option<&Value>| Registry.widens(&address, before, &legacy, false);
        let by_repository = mode("AbacRepositoryPermissions");
        assert_eq!(
            said(Some(&by_repository)).as_deref(),
            Some("the roles that count again on dev.registry")
        );
        assert_eq!(said(Some(&legacy)), None);
        assert_eq!(said(None), None);
    }
}

//! The TOML tables that every environment has, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::azure::{CloudChoice, CredentialChoice};
use super::control::{StoreCloud, StoreCredential};

/// What `common.toml` says beside the tables of kinds and `[shared]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "environments/common.toml")]
pub(super) struct CommonTables {
    /// Which Azure this is about, and how to sign in to it.
    pub azure: AzureTable,
    /// Where environments live.
    #[expect(dead_code, reason = "environments read it, after merging")]
    pub regions: RegionsTable,
    /// Where the lock, the journal and the audit log are kept.
    #[serde(default)]
    pub control: ControlTable,
    /// Tags that everything carries, beside those that onestream sets itself.
    #[serde(default)]
    #[expect(dead_code, reason = "environments read it, after merging")]
    pub tags: BTreeMap<String, String>,
    /// What holds for all environments that do not say otherwise.
    #[serde(default)]
    #[expect(dead_code, reason = "environments read it, after merging")]
    pub environment: EnvironmentTable,
}

/// What an environment says beside the tables of kinds, once `common.toml` is put under it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "An environment: environments/NAME.toml")]
pub(super) struct EnvironmentTables {
    /// The tenant and subscription that it lives in, where not those of common.toml.
    pub azure: SubscriptionTable,
    /// Where it lives.
    pub regions: RegionsTable,
    /// Tags that all of it carries, beside those of common.toml.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The environment as such.
    #[serde(default)]
    pub environment: EnvironmentTable,
}

/// `[azure]` of `common.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AzureTable {
    /// The cloud. `--cloud` and ONESTREAM_CLOUD come before it.
    pub cloud: CloudChoice,
    /// The Entra tenant, a GUID: `az account show --query tenantId`.
    pub tenant: String,
    /// The subscription, a GUID: `az account show --query id`.
    pub subscription: String,
    /// What the environments are called together, where others like them live in the same
    /// tenant: it stands in the names of principals, groups and roles, and in every marker.
    /// Fixed once something is applied. `onestream` when absent.
    #[expect(dead_code, reason = "environments read it, after merging")]
    pub estate: Option<String>,
    /// How to sign in.
    #[serde(default)]
    pub credential: CredentialChoice,
    /// Where the custom cloud is.
    pub endpoints: Option<EndpointsTable>,
}

/// `[azure]` of an environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionTable {
    /// The Entra tenant, a GUID.
    pub tenant: String,
    /// The subscription, a GUID.
    pub subscription: String,
    /// What the environments are called together, where others like them live in the same
    /// tenant: it stands in the names of principals, groups and roles, and in every marker.
    /// Fixed once something is applied. `onestream` when absent.
    pub estate: Option<String>,
}

/// `[azure.endpoints]`: where the custom cloud is. All https; http on this machine only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointsTable {
    /// Azure Resource Manager, such as https://management.azure.com.
    #[schemars(extend("format" = "uri"))]
    pub resource_manager: String,
    /// Where tokens are issued, such as https://login.microsoftonline.com.
    #[schemars(extend("format" = "uri"))]
    pub authority: String,
    /// Microsoft Graph, such as https://graph.microsoft.com.
    #[schemars(extend("format" = "uri"))]
    pub graph: String,
    /// What follows a key vault's name in its host, such as vault.azure.net.
    pub vault_suffix: String,
    /// What follows a registry's name in its host, such as azurecr.io.
    pub registry_suffix: String,
}

/// `[regions]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegionsTable {
    /// The Azure region to live in, such as eastus2.
    pub primary: String,
    /// The Azure region to fail over to.
    pub recovery: String,
}

/// `[control]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ControlTable {
    /// `file:FOLDER`, from the root folder, or `azblob://ACCOUNT/CONTAINER`.
    /// `file:.onestream/control` when absent.
    pub store: Option<String>,
    /// Another container of the same account for the audit log, so that it may be append-only.
    pub audit: Option<String>,
    /// The blob service, where it is not the cloud's own.
    #[schemars(extend("format" = "uri"))]
    pub endpoint: Option<String>,
    /// The cloud of the storage account; that of `[azure]` when absent, or else Azure.
    pub cloud: Option<StoreCloud>,
    /// How to sign in to the storage account.
    pub credential: Option<StoreCredential>,
    /// A file with the certificate authority of an endpoint on this machine (PEM), from the root
    /// folder.
    pub ca: Option<String>,
    /// Where the audit log is sent to, beside the store.
    pub export: Option<ExportTable>,
}

/// `[control.export]`: where in Azure Monitor the audit log is sent to, by the Logs Ingestion API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportTable {
    /// The logs ingestion endpoint of the data collection rule, or of a data collection endpoint.
    #[schemars(extend("format" = "uri"))]
    pub endpoint: String,
    /// The immutable id of the data collection rule, `dcr-…`.
    pub rule: String,
    /// The stream that the rule declares. `Custom-OnestreamAudit_CL` when absent.
    pub stream: Option<String>,
}

/// `[environment]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentTable {
    /// Whether changes need an approval, whatever flags are given. What belongs to no single
    /// environment (`shared`) is protected as soon as any environment is.
    #[serde(default)]
    pub protected: bool,
    /// How many people have to approve a plan that changes it, where it is protected. 1 when
    /// absent; for `shared`, as many as the environment that asks for most.
    pub approvals: Option<u32>,
    /// What it is for.
    pub description: Option<String>,
    /// Its place on the way to production: lower comes first, and those without a number last.
    pub order: Option<u32>,
}

//! Which Azure, whose, and how to sign in to it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::SettingsError;
use super::tables::{AzureTable, EndpointsTable};
use crate::resource::Problem;

/// Which Azure a configuration is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureSettings {
    /// The cloud.
    pub cloud: CloudChoice,
    /// The Entra tenant, a lower-cased GUID.
    pub tenant: String,
    /// The subscription, a lower-cased GUID.
    pub subscription: String,
    /// How to sign in.
    pub credential: CredentialChoice,
    /// Where the custom cloud is; always there when `cloud` is custom.
    pub endpoints: Option<CustomEndpoints>,
}

/// The tenant that the sample files name, which the local Azure plays.
const SAMPLE_TENANT: &str = "11111111-1111-4111-8111-111111111111";
/// The subscription that they name.
const SAMPLE_SUBSCRIPTION: &str = "22222222-2222-4222-8222-222222222222";
/// Where the real ones are told.
pub(super) const PLACEHOLDER_HELP: &str =
    "`az account show --query '{tenant: tenantId, subscription: id}'` prints yours";

/// A cloud of Azure's, or one that plays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudChoice {
    /// The local Azure inside onestream; nothing leaves this machine.
    Emulator,
    /// Azure.
    Public,
    /// Azure for the US Government.
    UsGov,
    /// Azure in China, run by 21Vianet.
    China,
    /// The cloud at `[azure.endpoints]`.
    Custom,
}

/// How to sign in to Azure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialChoice {
    /// The first of the others that is there, in their order.
    #[default]
    Auto,
    /// AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret or certificate.
    Environment,
    /// A federated token in a file, as Kubernetes and GitHub give it.
    WorkloadIdentity,
    /// A service connection of Azure Pipelines.
    AzurePipelines,
    /// The identity of the machine that this runs on.
    ManagedIdentity,
    /// Whoever is signed in with `az login`.
    AzureCli,
}

impl CloudChoice {
    /// Every cloud, in the order in which people read them.
    pub const ALL: &'static [Self] = &[
        Self::Emulator,
        Self::Public,
        Self::UsGov,
        Self::China,
        Self::Custom,
    ];

    /// The name, as TOML and `--cloud` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Public => "public",
            Self::UsGov => "usgov",
            Self::China => "china",
            Self::Custom => "custom",
        }
    }

    /// Whether dates that Microsoft gives for the public cloud hold here: in it, and in the local
    /// Azure, which plays it.
    pub fn is_public(self) -> bool {
        matches!(self, Self::Public | Self::Emulator)
    }
}

impl fmt::Display for CloudChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CloudChoice {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let cloud = Self::ALL.iter().find(|cloud| cloud.name() == text);
        cloud
            .copied()
            .ok_or_else(|| SettingsError::UnknownCloud(text.to_owned()))
    }
}

impl AzureSettings {
    /// The same about another cloud, as `--cloud` and ONESTREAM_CLOUD ask for it.
    ///
    /// # Errors
    /// [`SettingsError::NoEndpoints`] for the custom cloud when the file does not say where it is,
    /// [`SettingsError::Placeholder`] where the file still names the sample's tenant.
    pub fn with_cloud(self, cloud: CloudChoice) -> Result<Self, SettingsError> {
        if cloud == CloudChoice::Custom && self.endpoints.is_none() {
            return Err(SettingsError::NoEndpoints);
        }
        let settings = Self { cloud, ..self };
        let held = settings.placeholders().next().map(|(key, _)| key);
        match held {
            Some(key) => Err(SettingsError::Placeholder { key }),
            None => Ok(settings),
        }
    }

    /// The keys that still hold what the sample holds, where that cannot be meant.
    fn placeholders(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let held = [
            ("tenant", &self.tenant, SAMPLE_TENANT),
            ("subscription", &self.subscription, SAMPLE_SUBSCRIPTION),
        ];
        held.into_iter()
            .filter(|(_, value, sample)| self.cloud != CloudChoice::Emulator && value == sample)
            .map(|(key, value, _)| (key, value.as_str()))
    }

    /// What the table says; endpoints only where nothing is wrong with them.
    pub(super) fn read(table: &AzureTable) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let settings = Self {
            cloud: table.cloud,
            tenant: guid("azure.tenant", &table.tenant, &mut problems),
            subscription: guid("azure.subscription", &table.subscription, &mut problems),
            credential: table.credential,
            endpoints: table
                .endpoints
                .as_ref()
                .and_then(|table| CustomEndpoints::read(table, &mut problems)),
        };
        if table.cloud == CloudChoice::Custom && table.endpoints.is_none() {
            problems.push(
                Problem::at("azure.cloud", "the custom cloud needs `[azure.endpoints]`").help(
                    "with resource_manager, authority, graph, vault_suffix and registry_suffix",
                ),
            );
        }
        problems.extend(settings.placeholders().map(|(key, value)| {
            let message = format!(
                "`{value}` is the sample's placeholder: no cloud but the emulator knows it"
            );
            Problem::at(&format!("azure.{key}"), message).help(PLACEHOLDER_HELP)
        }));
        (settings, problems)
    }
}

/// The GUID at a TOML path, lower-cased as Azure compares them.
pub(super) fn guid(path: &str, text: &str, problems: &mut Vec<Problem>) -> String {
    if !is_guid(text) {
        problems.push(
            Problem::at(path, format!("`{text}` is not a GUID")).help(
                "such as 22222222-2222-4222-8222-222222222222; `az account show` prints yours",
            ),
        );
    }
    text.to_lowercase()
}

/// Whether a text is a GUID as Azure writes it, in any case.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH && uuid::Uuid::try_parse(text).is_ok()
}

/// Where a cloud is that onestream does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomEndpoints {
    /// Azure Resource Manager.
    pub resource_manager: Url,
    /// Where tokens are issued.
    pub authority: Url,
    /// Microsoft Graph.
    pub graph: Url,
    /// What follows a key vault's name.
    pub vaults: HostSuffix,
    /// What follows a registry's name.
    pub registries: HostSuffix,
}

impl CustomEndpoints {
    fn read(table: &EndpointsTable, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut url = |key: &str, text: &str| {
            endpoint(text)
                .map_err(|message| {
                    problems.push(Problem::at(&format!("azure.endpoints.{key}"), message));
                })
                .ok()
        };
        let resource_manager = url("resource_manager", &table.resource_manager);
        let authority = url("authority", &table.authority);
        let graph = url("graph", &table.graph);
        let mut suffix = |key: &str, text: &str| {
            HostSuffix::read(text)
                .map_err(|message| {
                    problems.push(Problem::at(&format!("azure.endpoints.{key}"), message));
                })
                .ok()
        };
        let vaults = suffix("vault_suffix", &table.vault_suffix);
        let registries = suffix("registry_suffix", &table.registry_suffix);
        Some(Self {
            resource_manager: resource_manager?,
            authority: authority?,
            graph: graph?,
            vaults: vaults?,
            registries: registries?,
        })
    }
}

/// What follows a resource's name in the host of its data plane, such as `vault.azure.net`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSuffix(String);

impl HostSuffix {
    /// The domain, and the port where there is one, without a leading dot.
    pub fn suffix(&self) -> &str {
        &self.0
    }

    fn read(text: &str) -> Result<Self, String> {
        let suffix = text.strip_prefix('.').unwrap_or(text);
        let url = Url::parse(&format!("https://{suffix}/")).ok();
        let same = |url: &Url| {
            let plain = url.username().is_empty() && matches!(url.host(), Some(Host::Domain(_)));
            plain && url.authority() == suffix
        };
        match url.filter(same) {
            Some(_) => Ok(Self(suffix.to_owned())),
            None => Err(format!(
                "`{text}` is not the end of a host's name, such as vault.azure.net"
            )),
        }
    }
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A URL that tokens may be sent to, or why it is none.
pub(super) fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(format!("`{text}` is not https, and not on this machine")),
        scheme => return Err(format!("`{scheme}` is not https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL here holds no user and no password".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` goes on after the host"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_this_machine_only() {
        for good in [
            "https://management.azure.com",
            "http://localhost:4280",
            "http://kv.vault.localhost:1/",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "http://management.azure.com",
            "http://localhost.example.com",
            "ftp://localhost",
            "https://me:secret@example.com",
            "https://example.com/?a",
            "https://example.com/path",
            "example.com",
            "",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_suffix_is_a_domain() {
        let suffix = |text| HostSuffix::read(text).map(|it| it.suffix().to_owned());
        assert_eq!(suffix(".vault.azure.net").as_deref(), Ok("vault.azure.net"));
        assert_eq!(
            suffix("vault.localhost:42").as_deref(),
            Ok("vault.localhost:42")
        );
        for bad in [
            "",
            ".",
            "10.0.0.1",
            "a.b/path",
            "https://a.b",
            "me@a.b",
            "A.b",
            "a.b:443",
        ] {
            assert!(suffix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn clouds_have_one_name_everywhere() {
        for cloud in CloudChoice::ALL {
            let json = serde_json::to_value(cloud).expect("a name");
            assert_eq!(json, cloud.name());
            assert_eq!(cloud.name().parse::<CloudChoice>().ok(), Some(*cloud));
        }
    }

    #[test]
    fn the_samples_placeholders_are_for_the_emulator() {
        let sample = |cloud| AzureSettings {
            cloud,
            tenant: SAMPLE_TENANT.to_owned(),
            subscription: SAMPLE_SUBSCRIPTION.to_owned(),
            credential: CredentialChoice::Auto,
            endpoints: None,
        };
        let (_, common) = super::super::SAMPLES[0];
        assert!(common.contains(SAMPLE_TENANT) && common.contains(SAMPLE_SUBSCRIPTION));
        let emulator = sample(CloudChoice::Emulator);
        assert!(emulator.clone().with_cloud(CloudChoice::Emulator).is_ok());
        assert_eq!(
            emulator.with_cloud(CloudChoice::Public),
            Err(SettingsError::Placeholder { key: "tenant" })
        );
        assert_eq!(sample(CloudChoice::China).placeholders().count(), 2);
    }
}

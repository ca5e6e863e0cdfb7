//! The clouds: where each plane lives and for which audience its tokens are.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// The name of a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloudName {
    /// The local Azure.
    Emulator,
    /// Azure.
    Public,
    /// Azure Government.
    UsGov,
    /// Azure operated by 21Vianet.
    China,
    /// One whose endpoints are configured.
    Custom,
}

impl CloudName {
    /// The name as it stands in configuration and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Public => "public",
            Self::UsGov => "usgov",
            Self::China => "china",
            Self::Custom => "custom",
        }
    }
}

/// For whom a token is made out, per plane; `/.default` is added to ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audiences {
    /// Of Resource Manager.
    pub resource_manager: String,
    /// Of Microsoft Graph.
    pub graph: String,
    /// Of every key vault.
    pub vault: String,
    /// Of Azure Monitor, where it takes logs.
    pub monitor: String,
}

/// Where the planes of a cloud live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The origin of Azure Resource Manager.
    pub resource_manager: Url,
    /// The origin of the token endpoint (Entra).
    pub authority: Url,
    /// The origin of Microsoft Graph.
    pub graph: Url,
    /// What follows a vault's name and a dot in its host, with a port where it is not the usual.
    pub vault_suffix: String,
    /// What follows a registry's name and a dot in its host, with a port where it is not the usual.
    pub registry_suffix: String,
    /// What ends the hosts at which Azure Monitor takes logs; nothing where that is not known.
    pub ingestion_suffix: Option<String>,
    /// The audiences of tokens.
    pub audiences: Audiences,
}

/// Endpoints as they are configured, each an origin such as `https://management.local.azurestack.external`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomEndpoints {
    /// The origin of Azure Resource Manager.
    pub resource_manager: String,
    /// The origin of the token endpoint.
    pub authority: String,
    /// The origin of Microsoft Graph.
    pub graph: String,
    /// What follows a vault's name and a dot in its host.
    pub vault_suffix: String,
    /// What follows a registry's name and a dot in its host.
    pub registry_suffix: String,
    /// The audiences of tokens; by default each plane's own origin, and for vaults
    /// `https://` and the suffix.
    pub audiences: Option<Audiences>,
}

/// A cloud: its name and where its planes live. Plain http and a certificate authority of one's
/// own are for loopback only, by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    name: CloudName,
    endpoints: Endpoints,
    /// The certificate authority (PEM) that is trusted instead of the system's.
    ca: Option<String>,
}

/// Why endpoints are refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CloudError {
    /// It is no URL.
    #[error("the {endpoint} endpoint `{given}` is no URL")]
    NoUrl {
        /// Which endpoint.
        endpoint: &'static str,
        /// What was given.
        given: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// It has more or less than scheme, host and port.
    #[error("the {endpoint} endpoint `{given}` must be an origin such as https://host[:port]")]
    NoOrigin {
        /// Which endpoint.
        endpoint: &'static str,
        /// What was given.
        given: String,
    },
    /// It would send tokens in the clear.
    #[error("the {endpoint} endpoint `{given}` is plain http to something other than loopback")]
    PlainHttp {
        /// Which endpoint.
        endpoint: &'static str,
        /// What was given.
        given: String,
    },
    /// It is no part of a host name.
    #[error("the {endpoint} `{given}` must be a domain name such as vault.azure.net")]
    NoSuffix {
        /// Which suffix.
        endpoint: &'static str,
        /// What was given.
        given: String,
    },
}

impl Cloud {
    /// Azure.
    pub fn public() -> Self {
        Self::known(
            CloudName::Public,
            [
                "management.azure.com",
                "login.microsoftonline.com",
                "graph.microsoft.com",
            ],
            ["vault.azure.net", "azurecr.io", "monitor.azure.com"],
            "https://management.azure.com",
        )
    }

    /// Azure Government.
    pub fn us_gov() -> Self {
        Self::known(
            CloudName::UsGov,
            [
                "management.usgovcloudapi.net",
                "login.microsoftonline.us",
                "graph.microsoft.us",
            ],
            ["vault.usgovcloudapi.net", "azurecr.us", "monitor.azure.us"],
            "https://management.core.usgovcloudapi.net",
        )
    }

    /// Azure operated by 21Vianet.
    pub fn china() -> Self {
        Self::known(
            CloudName::China,
            [
                "management.chinacloudapi.cn",
                "login.chinacloudapi.cn",
                "microsoftgraph.chinacloudapi.cn",
            ],
            ["vault.azure.cn", "azurecr.cn", "monitor.azure.cn"],
            "https://management.core.chinacloudapi.cn",
        )
    }

    /// A local Azure at an origin known at run time: vaults and registries live beside it
    /// under `localhost`, on its port; audiences are those of Azure.
    ///
    /// # Errors
    /// [`CloudError`] when `origin` is no loopback origin.
    pub fn emulator(origin: &str) -> Result<Self, CloudError> {
        let origin = parse_origin("emulator", origin)?;
        if !is_loopback(&origin) {
            return Err(CloudError::PlainHttp {
                endpoint: "emulator",
                given: origin.to_string(),
            });
        }
        let port = origin
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Ok(Self {
            name: CloudName::Emulator,
            endpoints: Endpoints {
                resource_manager: origin.clone(),
                authority: origin.clone(),
                graph: origin,
                vault_suffix: format!("vault.localhost{port}"),
                registry_suffix: format!("azurecr.localhost{port}"),
                ingestion_suffix: Some(format!("ingest.monitor.localhost{port}")),
                audiences: Self::public().endpoints.audiences,
            },
            ca: None,
        })
    }

    /// A local Azure that speaks TLS, vouched for by the authority `ca` (PEM) and no other.
    ///
    /// # Errors
    /// As [`Cloud::emulator`].
    pub fn emulator_over_tls(origin: &str, ca: &str) -> Result<Self, CloudError> {
        Ok(Self {
            ca: Some(ca.to_owned()),
            ..Self::emulator(origin)?
        })
    }

    /// A cloud whose endpoints are configured.
    ///
    /// # Errors
    /// [`CloudError`] naming the endpoint that cannot be one.
    pub fn custom(given: &CustomEndpoints) -> Result<Self, CloudError> {
        let resource_manager = parse_origin("resource_manager", &given.resource_manager)?;
        let graph = parse_origin("graph", &given.graph)?;
        check_suffix("vault_suffix", &given.vault_suffix)?;
        check_suffix("registry_suffix", &given.registry_suffix)?;
        let audiences = given.audiences.clone().unwrap_or_else(|| Audiences {
            resource_manager: resource_manager.origin().ascii_serialization(),
            graph: graph.origin().ascii_serialization(),
            vault: format!("https://{}", given.vault_suffix),
            monitor: Self::public().endpoints.audiences.monitor,
        });
        Ok(Self {
            name: CloudName::Custom,
            endpoints: Endpoints {
                resource_manager,
                authority: parse_origin("authority", &given.authority)?,
                graph,
                vault_suffix: given.vault_suffix.clone(),
                registry_suffix: given.registry_suffix.clone(),
                ingestion_suffix: None,
                audiences,
            },
            ca: None,
        })
    }

    /// Its name.
    pub fn name(&self) -> CloudName {
        self.name
    }

    /// Where its planes live.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Whether a token may go to a server that an answer names, such as a cluster's: over https and
    /// to no port of this machine, where only a local Azure has its servers.
    pub(super) fn may_lead_to(&self, server: &Url) -> bool {
        match is_loopback(server) {
            true => self.name == CloudName::Emulator,
            false => server.scheme() == "https",
        }
    }

    /// The certificate authority (PEM) that is trusted instead of the system's.
    pub(super) fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    fn known(name: CloudName, hosts: [&str; 3], suffixes: [&str; 3], audience: &str) -> Self {
        let [resource_manager, authority, graph] = hosts.map(|host| {
            Url::parse(&format!("https://{host}"))
                .expect("the host names of this file are well formed; a test builds every cloud")
        });
        let [vault_suffix, registry_suffix, monitor] = suffixes.map(str::to_owned);
        Self {
            name,
            endpoints: Endpoints {
                audiences: Audiences {
                    resource_manager: audience.to_owned(),
                    graph: graph.origin().ascii_serialization(),
                    vault: format!("https://{vault_suffix}"),
                    monitor: format!("https://{monitor}"),
                },
                resource_manager,
                authority,
                graph,
                vault_suffix,
                registry_suffix,
                ingestion_suffix: Some(format!("ingest.{monitor}")),
            },
            ca: None,
        }
    }
}

/// Whether a URL leads to this machine only.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => is_loopback_name(name),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether a host name means this machine, by RFC 6761: `localhost` and everything under it.
pub(super) fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn parse_origin(endpoint: &'static str, given: &str) -> Result<Url, CloudError> {
    let url = Url::parse(given).map_err(|source| CloudError::NoUrl {
        endpoint,
        given: given.to_owned(),
        source,
    })?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match url.scheme() {
        _ if !bare || url.host().is_none() => Err(CloudError::NoOrigin {
            endpoint,
            given: given.to_owned(),
        }),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(CloudError::PlainHttp {
            endpoint,
            given: given.to_owned(),
        }),
        _ => Err(CloudError::NoOrigin {
            endpoint,
            given: given.to_owned(),
        }),
    }
}

fn check_suffix(endpoint: &'static str, given: &str) -> Result<(), CloudError> {
    let probe = Url::parse(&format!("https://name.{given}"));
    let intact = probe.is_ok_and(|url| {
        url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.host_str().is_some_and(|host| {
                let name = given.split(':').next().unwrap_or(given);
                host.eq_ignore_ascii_case(&format!("name.{name}"))
            })
    });
    if intact && !given.is_empty() && !given.starts_with('.') {
        Ok(())
    } else {
        Err(CloudError::NoSuffix {
            endpoint,
            given: given.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(resource_manager: &str) -> CustomEndpoints {
        CustomEndpoints {
            resource_manager: resource_manager.to_owned(),
            authority: "https://login.example".to_owned(),
            graph: "https://graph.example".to_owned(),
            vault_suffix: "vault.example".to_owned(),
            registry_suffix: "cr.example".to_owned(),
            audiences: None,
        }
    }

    #[test]
    fn every_known_cloud_speaks_https_to_its_own_hosts() {
        for cloud in [Cloud::public(), Cloud::us_gov(), Cloud::china()] {
            let endpoints = cloud.endpoints();
            for url in [
                &endpoints.resource_manager,
                &endpoints.authority,
                &endpoints.graph,
            ] {
                assert_eq!(url.scheme(), "https", "{url}");
                assert!(!is_loopback(url), "{url}");
            }
        }
        assert_eq!(
            Cloud::public().endpoints().audiences.vault,
            "https://vault.azure.net"
        );
        for (cloud, top) in [
            (Cloud::public(), "com"),
            (Cloud::us_gov(), "us"),
            (Cloud::china(), "cn"),
        ] {
            let endpoints = cloud.endpoints();
            let suffix = format!("ingest.monitor.azure.{top}");
            assert_eq!(endpoints.ingestion_suffix.as_deref(), Some(suffix.as_str()));
            assert_eq!(
                endpoints.audiences.monitor,
                format!("https://monitor.azure.{top}")
            );
        }
    }

    #[test]
    fn the_emulator_puts_its_port_behind_every_host() -> Result<(), CloudError> {
        let cloud = Cloud::emulator("http://127.0.0.1:4711")?;
        assert_eq!(cloud.endpoints().vault_suffix, "vault.localhost:4711");
        assert_eq!(cloud.endpoints().registry_suffix, "azurecr.localhost:4711");
        Ok(())
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for fine in [
            "http://127.0.0.1:1",
            "http://127.1.2.3",
            "http://[::1]:8080",
            "http://localhost",
            "http://arm.localhost:80",
        ] {
            assert!(Cloud::custom(&custom(fine)).is_ok(), "{fine}");
        }
        for refused in [
            "http://10.0.0.1",
            "http://management.azure.com",
            "http://localhost.example",
            "http://notlocalhost",
        ] {
            assert!(
                matches!(
                    Cloud::custom(&custom(refused)),
                    Err(CloudError::PlainHttp { .. })
                ),
                "{refused}"
            );
        }
        assert!(Cloud::emulator("https://management.azure.com").is_err());
    }

    #[test]
    fn only_a_local_azure_leads_to_this_machine() -> Result<(), CloudError> {
        let emulator = Cloud::emulator("http://127.0.0.1:4711")?;
        let custom = Cloud::custom(&custom("http://127.0.0.1:4711"))?;
        for (server, of_emulator, of_others) in [
            ("https://c.hcp.eastus2.azmk8s.io", true, true),
            ("http://c.hcp.eastus2.azmk8s.io", false, false),
            ("http://c.hcp.eastus2.azmk8s.localhost:4711", true, false),
            ("https://c.hcp.eastus2.azmk8s.localhost", true, false),
            ("https://127.0.0.1:6443", true, false),
            ("http://[::1]:6443", true, false),
        ] {
            let server: Url = server.parse().expect("a URL");
            assert_eq!(emulator.may_lead_to(&server), of_emulator, "{server}");
            for cloud in [
                Cloud::public(),
                Cloud::us_gov(),
                Cloud::china(),
                custom.clone(),
            ] {
                assert_eq!(cloud.may_lead_to(&server), of_others, "{server} {cloud:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn an_endpoint_is_an_origin_and_a_suffix_a_domain() {
        for refused in [
            "https://a.example/path",
            "https://u:p@a.example",
            "ftp://a.example",
            "x",
        ] {
            assert!(Cloud::custom(&custom(refused)).is_err(), "{refused}");
        }
        for refused in [
            "",
            ".vault",
            "a/b",
            "evil.example/x.",
            "@evil.example",
            "a#b",
        ] {
            let mut given = custom("https://a.example");
            given.vault_suffix = refused.to_owned();
            assert!(Cloud::custom(&given).is_err(), "{refused}");
        }
    }
}

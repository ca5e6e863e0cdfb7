//! Where Azure Monitor takes logs: the Logs Ingestion API, for one stream of one rule.
//!
//! Reference: <https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview>,
//! api-version 2023-01-01. Sending the same rows again only doubles them, and they carry ids, so
//! this POST is repeated when its answer is lost.

use async_trait::async_trait;
use serde_json::Value as Json;
use url::Url;

use super::arm::Azure;
use super::error::own;
use crate::provision::audit::Collector;
use crate::provision::ports::{Begun, Failure, Verdict, Writer as _};
use crate::resource::{Method, Plane, Request};

/// The api-version of every request.
const API_VERSION: &str = "2023-01-01";

/// A client of one stream, made by [`Azure::ingestion`].
#[derive(Debug, Clone)]
pub struct Ingestion {
    azure: Azure,
    plane: Plane,
    path: String,
}

impl Azure {
    /// A client of the stream of a data collection rule, named by its immutable id, at an ingestion
    /// endpoint of this cloud.
    ///
    /// # Errors
    /// `InvalidRequest` for an endpoint that is none of this cloud's: no token is sent there.
    pub fn ingestion(
        &self,
        endpoint: &Url,
        rule: &str,
        stream: &str,
    ) -> Result<Ingestion, Failure> {
        let cloud = self.cloud();
        let suffix = cloud.endpoints().ingestion_suffix.as_deref();
        let domain = suffix.map(|suffix| suffix.split(':').next().unwrap_or(suffix));
        let name = domain.and_then(|domain| {
            let host = endpoint.host_str()?.strip_suffix(domain)?;
            host.strip_suffix('.')
        });
        let own_scheme = endpoint.scheme() == "https" && endpoint.port().is_none();
        let Some(name) = name.filter(|_| own_scheme) else {
            let hint = match domain {
                Some(domain) => format!("it takes logs at https://NAME.{domain}"),
                None => "nobody knows where it takes logs; take [control.export] away".to_owned(),
            };
            return Err(own(
                Verdict::Fatal,
                "InvalidRequest",
                format!(
                    "{} is no ingestion endpoint of the {} cloud: no token is sent there",
                    endpoint.origin().ascii_serialization(),
                    cloud.name().as_str()
                ),
                Some(&hint),
            ));
        };
        Ok(Ingestion {
            azure: self.clone(),
            plane: Plane::Ingestion(name.into()),
            path: format!("/dataCollectionRules/{rule}/streams/{stream}"),
        })
    }
}

#[async_trait]
impl Collector for Ingestion {
    async fn take(&self, rows: Vec<Json>) -> Result<(), Failure> {
        let request = Request {
            plane: self.plane.clone(),
            idempotent: true,
            ..Request::arm(Method::Post, self.path.clone(), API_VERSION)
        };
        match self.azure.begin(&request.body(Json::Array(rows))).await {
            Ok(Begun::Done(None)) => Ok(()),
            // Azure Monitor answers 204: whoever says more stands in between.
            Ok(Begun::Done(Some(_)) | Begun::Accepted(_)) => Err(own(
                Verdict::Unknown,
                "BadAnswer",
                "the answer is not Azure Monitor's".to_owned(),
                Some("check [control.export] endpoint, and what stands between you and Azure"),
            )),
            Err(failure) => Err(Failure {
                hint: hint(&failure).map(str::to_owned).or(failure.hint),
                ..failure
            }),
        }
    }
}

/// What people can do about a refusal.
fn hint(failure: &Failure) -> Option<&'static str> {
    Some(match failure.status? {
        400 => {
            "the data collection rule has to declare the stream that [control.export] names; a \
             change of the rule takes minutes to act"
        }
        401 => "the token was not taken: check [azure] cloud, credential and tenant",
        403 => {
            "whoever runs this needs the role `Monitoring Metrics Publisher` on the data \
             collection rule; a new assignment takes up to 30 minutes to act"
        }
        404 => {
            "check [control.export] rule and endpoint: `az monitor data-collection rule show \
             --query '{rule: immutableId, endpoint: endpoints.logsIngestion}'`"
        }
        413 => "one entry alone is larger than Azure Monitor takes",
        429 => "Azure Monitor takes no more for now: run again later",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::azure::{Cloud, Credential, CredentialName, Settings};

    #[test]
    fn tokens_go_to_the_clouds_own_ingestion_hosts() {
        let emulator = || Cloud::emulator("http://127.0.0.1:81").expect("loopback");
        for (cloud, endpoint, fits) in [
            (
                Cloud::public(),
                "https://a.b.ingest.monitor.azure.com",
                true,
            ),
            (Cloud::public(), "https://a.ingest.monitor.azure.us", false),
            (Cloud::public(), "https://a.ingest.monitor.localhost", false),
            (
                Cloud::public(),
                "https://a.ingest.monitor.azure.com:444",
                false,
            ),
            (Cloud::public(), "http://a.ingest.monitor.azure.com", false),
            (Cloud::public(), "https://aingest.monitor.azure.com", false),
            (Cloud::us_gov(), "https://a.ingest.monitor.azure.us", true),
            (Cloud::china(), "https://a.ingest.monitor.azure.cn", true),
            (emulator(), "https://a.ingest.monitor.localhost", true),
            (emulator(), "https://a.ingest.monitor.azure.com", false),
        ] {
            let credential = Credential::Named(CredentialName::AzureCli);
            let azure = Azure::connect(Settings::new(cloud, "tenant", credential));
            let endpoint: Url = endpoint.parse().expect("a URL");
            let made = azure
                .expect("a client")
                .ingestion(&endpoint, "dcr-0", "Custom-A");
            assert_eq!(made.is_ok(), fits, "{endpoint}");
        }
    }
}

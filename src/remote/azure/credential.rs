//! Credentials: which way to sign in is chosen, or found by trying them in order.

use std::fmt;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzurePipelinesCredential,
    AzurePipelinesCredentialOptions, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use serde::{Deserialize, Serialize};

use super::auto::{Auto, Hurried};
use super::client_proof::{Assertions, ClientProof, Issuer, Proof};
use super::error::own;
use super::settings::Settings;
use super::token_file::TokenFile;
use super::transport::{Transport, metadata_options, root};
use crate::provision::ports::{Failure, Verdict};

/// The ways to sign in that configuration can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialName {
    /// The first of the others that works, in the order of this list.
    #[default]
    Auto,
    /// A client secret from `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`.
    Environment,
    /// A projected service account token on Kubernetes.
    WorkloadIdentity,
    /// The service connection of an Azure Pipelines task.
    AzurePipelines,
    /// The managed identity of the machine.
    ManagedIdentity,
    /// Whoever is signed in to the Azure CLI.
    AzureCli,
}

impl CredentialName {
    /// All but `auto`, in the order in which `auto` tries them.
    pub const ORDER: [Self; 5] = [
        Self::Environment,
        Self::WorkloadIdentity,
        Self::AzurePipelines,
        Self::ManagedIdentity,
        Self::AzureCli,
    ];

    /// The name as it stands in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Environment => "environment",
            Self::WorkloadIdentity => "workload-identity",
            Self::AzurePipelines => "azure-pipelines",
            Self::ManagedIdentity => "managed-identity",
            Self::AzureCli => "azure-cli",
        }
    }
}

/// How the client signs in.
#[derive(Debug, Clone)]
pub enum Credential {
    /// As configuration names it.
    Named(CredentialName),
    /// With a secret that the caller holds, such as the emulator's.
    ClientSecret {
        /// The application's client id.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// With the token in a file, which somebody else fetched.
    TokenFile(std::path::PathBuf),
    /// With what foreign issuers say, exchanged at the authority.
    Federated {
        /// The application's client id.
        client_id: String,
        /// Where their tokens come from.
        assertions: Arc<dyn Assertions>,
    },
    /// With a credential made elsewhere.
    Given(Arc<dyn TokenCredential>),
}

type LookUp = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where environment variables are looked up.
#[derive(Clone)]
pub struct Variables(Arc<LookUp>);

impl Variables {
    /// A look-up by name.
    pub fn new(look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The process's own environment.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// The value of a variable that is set and not empty, or a reason that names it.
    fn require(&self, name: &str) -> Result<String, String> {
        self.get(name).ok_or_else(|| format!("{name} is not set"))
    }

    /// The value of a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// The credential that the settings ask for. Nothing is sent yet.
///
/// # Errors
/// `NoCredential` when the one that was chosen lacks what it needs.
pub(super) fn build(
    settings: &Settings,
    transport: &Transport,
) -> Result<Arc<dyn TokenCredential>, Failure> {
    let maker = Maker {
        settings: settings.clone(),
        transport: transport.clone(),
    };
    match &settings.credential {
        Credential::Given(credential) => Ok(Arc::clone(credential)),
        Credential::TokenFile(path) => Ok(Arc::new(TokenFile(path.clone()))),
        Credential::ClientSecret { client_id, secret } => maker
            .client_secret(&settings.tenant, client_id.clone(), secret.clone())
            .map_err(|reason| none(&format!("client secret: {reason}"))),
        Credential::Federated {
            client_id,
            assertions,
        } => maker
            .federated(client_id.clone(), Arc::clone(assertions))
            .map_err(|reason| none(&format!("federated credential: {reason}"))),
        Credential::Named(CredentialName::Auto) => Ok(Arc::new(Auto::new(maker))),
        Credential::Named(name) => maker
            .make(*name, false)
            .map_err(|reason| none(&format!("{}: {reason}", name.as_str()))),
    }
}

/// What each credential said, where `auto` found none that works.
#[derive(Debug, thiserror::Error)]
#[error("no credential works:\n{}", said.join(";\n"))]
pub(super) struct NoneWorks {
    /// A line each.
    pub(super) said: Vec<String>,
    /// Whether one of them might work if its authority answered.
    pub(super) unreachable: bool,
}

/// The failure that a credential's error is. Whoever `holds` a secret is not told how to come
/// by one.
pub(super) fn failure(error: &Error, holds: bool) -> Failure {
    if let Some(tried) = sources(error).find_map(|source| source.downcast_ref::<NoneWorks>()) {
        return match tried.unreachable {
            true => unreachable(tried.to_string()),
            false => none(&tried.to_string()),
        };
    }
    if let Some(line) = no_answer(error) {
        return unreachable(format!("no token endpoint answers: {line}"));
    }
    let line = first_line(&error.to_string());
    match holds {
        true => own(Verdict::Denied, "NoCredential", line, None),
        false => none(&line),
    }
}

/// An error and what is behind it.
fn sources(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
}

/// Why the authority could not be asked, or could not answer.
pub(super) fn no_answer(error: &Error) -> Option<String> {
    sources(error).find_map(|source| {
        let inner = source.downcast_ref::<Error>()?;
        match inner.kind() {
            // What is around it only says that it was tried again.
            ErrorKind::Connection => Some(first_line(&root(inner))),
            ErrorKind::HttpResponse { status, .. } if u16::from(*status) >= 500 => {
                Some(first_line(&inner.to_string()))
            }
            _ => None,
        }
    })
}

fn unreachable(message: String) -> Failure {
    own(
        Verdict::Unknown,
        "Unreachable",
        message,
        Some("check the network, the proxy variables and [azure] cloud"),
    )
}

fn none(message: &str) -> Failure {
    own(
        Verdict::Denied,
        "NoCredential",
        message.to_owned(),
        Some(
            "run `az login`, or in CI set AZURE_TENANT_ID, AZURE_CLIENT_ID and \
             AZURE_CLIENT_SECRET, or use a federated service connection; [azure] credential chooses one",
        ),
    )
}

/// The first line that says something: tools and token endpoints add pages of advice.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("no reason given")
        .chars()
        .take(400)
        .collect()
}

/// Makes credentials from the settings and the environment.
#[derive(Debug)]
pub(super) struct Maker {
    settings: Settings,
    transport: Transport,
}

impl Maker {
    pub(super) fn make(
        &self,
        name: CredentialName,
        quick: bool,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        match name {
            CredentialName::Auto => Err("auto is no credential of its own".to_owned()),
            CredentialName::Environment => {
                let variables = &self.settings.variables;
                let client_id = variables.require("AZURE_CLIENT_ID")?;
                let secret = variables.require("AZURE_CLIENT_SECRET")?;
                let tenant = variables.get("AZURE_TENANT_ID");
                let tenant = tenant.as_deref().unwrap_or(&self.settings.tenant);
                self.client_secret(tenant, client_id, Secret::new(secret))
            }
            CredentialName::WorkloadIdentity => self.workload_identity(),
            CredentialName::AzurePipelines => self.azure_pipelines(),
            CredentialName::ManagedIdentity => self.managed_identity(quick),
            CredentialName::AzureCli => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: Some(self.settings.tenant.clone()),
                ..AzureCliCredentialOptions::default()
            }))
            .map(|credential| credential as Arc<dyn TokenCredential>)
            .map_err(|error| reason(&error)),
        }
    }

    fn client_secret(
        &self,
        tenant: &str,
        client_id: String,
        secret: Secret,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        let authority = &self.settings.cloud.endpoints().authority;
        if authority.scheme() == "http" {
            return self.in_the_clear(tenant, client_id, Proof::Secret(secret));
        }
        let options = ClientSecretCredentialOptions {
            client_options: self.options(),
        };
        ClientSecretCredential::new(tenant, client_id, secret, Some(options))
            .map(|credential| credential as Arc<dyn TokenCredential>)
            .map_err(|error| reason(&error))
    }

    fn federated(
        &self,
        client_id: String,
        assertions: Arc<dyn Assertions>,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        let tenant = self.settings.tenant.clone();
        if self.settings.cloud.endpoints().authority.scheme() == "http" {
            return self.in_the_clear(&tenant, client_id, Proof::Assertion(assertions));
        }
        ClientAssertionCredential::new(
            tenant,
            client_id,
            Issuer(assertions),
            Some(self.assertion()),
        )
        .map(|credential| credential as Arc<dyn TokenCredential>)
        .map_err(|error| reason(&error))
    }

    fn in_the_clear(
        &self,
        tenant: &str,
        client_id: String,
        proof: Proof,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        let credential = ClientProof::new(
            self.transport.clone(),
            self.settings.timing,
            Arc::clone(&self.settings.clock),
            &self.settings.cloud.endpoints().authority,
            (tenant, client_id, proof),
        )?;
        Ok(Arc::new(credential))
    }

    fn workload_identity(&self) -> Result<Arc<dyn TokenCredential>, String> {
        let variables = &self.settings.variables;
        let tenant = variables.get("AZURE_TENANT_ID");
        WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
            credential_options: self.assertion(),
            token_file_path: Some(variables.require("AZURE_FEDERATED_TOKEN_FILE")?.into()),
            client_id: Some(variables.require("AZURE_CLIENT_ID")?),
            tenant_id: Some(tenant.unwrap_or_else(|| self.settings.tenant.clone())),
        }))
        .map(|credential| credential as Arc<dyn TokenCredential>)
        .map_err(|error| reason(&error))
    }

    /// The names are those that the tasks AzureCLI@2 and AzurePowerShell@5 set.
    fn azure_pipelines(&self) -> Result<Arc<dyn TokenCredential>, String> {
        let variables = &self.settings.variables;
        variables.require("SYSTEM_OIDCREQUESTURI")?;
        let tenant = variables.get("AZURESUBSCRIPTION_TENANT_ID");
        AzurePipelinesCredential::new(
            tenant.unwrap_or_else(|| self.settings.tenant.clone()),
            variables.require("AZURESUBSCRIPTION_CLIENT_ID")?,
            &variables.require("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")?,
            variables.require("SYSTEM_ACCESSTOKEN")?,
            Some(AzurePipelinesCredentialOptions {
                credential_options: self.assertion(),
            }),
        )
        .map(|credential| credential as Arc<dyn TokenCredential>)
        .map_err(|error| reason(&error))
    }

    fn managed_identity(&self, quick: bool) -> Result<Arc<dyn TokenCredential>, String> {
        let retry = if quick {
            RetryOptions::none()
        } else {
            few_retries()
        };
        let client_id = self.settings.variables.get("AZURE_CLIENT_ID");
        let credential = ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
            user_assigned_id: client_id.map(UserAssignedId::ClientId),
            client_options: metadata_options(&self.settings.timing, retry)?,
        }))
        .map_err(|error| reason(&error))?;
        Ok(if quick {
            Arc::new(Hurried(credential))
        } else {
            credential
        })
    }

    fn assertion(&self) -> ClientAssertionCredentialOptions {
        ClientAssertionCredentialOptions {
            client_options: self.options(),
        }
    }

    fn options(&self) -> ClientOptions {
        let mut custom = CustomConfiguration::default();
        custom.authority_host = self.settings.cloud.endpoints().authority.to_string();
        ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
            ..self.transport.identity(few_retries())
        }
    }
}

/// Few tries: whoever waits wants to hear soon that nobody can be signed in to.
fn few_retries() -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        max_retries: 3,
        ..ExponentialRetryOptions::default()
    })
}

/// What an error says to people.
pub(super) fn reason(error: &Error) -> String {
    first_line(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::azure::{Cloud, Timing};

    fn maker(set: &'static [(&'static str, &'static str)]) -> Maker {
        let mut settings = Settings::new(
            Cloud::public(),
            "11111111-1111-4111-8111-111111111111",
            Credential::Named(CredentialName::Auto),
        );
        settings.variables = Variables::new(|name| {
            let found = set.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        });
        let transport = Transport::new(&Timing::azure(), false, None).expect("client");
        Maker {
            settings,
            transport,
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let empty = maker(&[]);
        for (name, variable) in [
            (CredentialName::Environment, "AZURE_CLIENT_ID"),
            (
                CredentialName::WorkloadIdentity,
                "AZURE_FEDERATED_TOKEN_FILE",
            ),
            (CredentialName::AzurePipelines, "SYSTEM_OIDCREQUESTURI"),
        ] {
            let reason = empty.make(name, false).expect_err(variable);
            assert_eq!(reason, format!("{variable} is not set"));
        }
        let half = maker(&[("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "")]);
        let reason = half
            .make(CredentialName::Environment, false)
            .expect_err("no secret");
        assert_eq!(reason, "AZURE_CLIENT_SECRET is not set");
    }

    #[test]
    fn a_secret_is_never_shown() {
        let maker = maker(&[
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "hush-hush"),
        ]);
        let credential = maker
            .make(CredentialName::Environment, false)
            .expect("credential");
        let given = Credential::ClientSecret {
            client_id: "c".into(),
            secret: Secret::new("hush-hush"),
        };
        let mut settings = maker.settings.clone();
        settings.credential = given;
        for shown in [
            format!("{credential:?}"),
            format!("{settings:?}"),
            format!("{maker:?}"),
        ] {
            assert!(!shown.contains("hush-hush"), "{shown}");
        }
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        for name in CredentialName::ORDER {
            let text = serde_json::to_string(&name).expect("json");
            assert_eq!(text, format!("\"{}\"", name.as_str()));
        }
    }

    #[test]
    fn an_unreachable_authority_is_told_from_a_refusal() {
        let inner = Error::with_message(ErrorKind::Connection, "connection refused");
        let outer = Error::with_error(
            ErrorKind::Credential,
            inner,
            "ClientSecretCredential authentication failed.",
        );
        assert_eq!(failure(&outer, false).code, "Unreachable");
        for (status, code) in [(503, "Unreachable"), (401, "NoCredential")] {
            let kind = ErrorKind::HttpResponse {
                status: u16::into(status),
                error_code: None,
                raw_response: None,
            };
            let answered = Error::with_message(kind, "no");
            assert_eq!(failure(&answered, false).code, code, "{status}");
        }
        let refused = Error::with_message(
            ErrorKind::Credential,
            "\nAADSTS7000215: Invalid secret.\nTrace ID: x",
        );
        assert!(failure(&refused, true).hint.is_none());
        let failure = failure(&refused, false);
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("NoCredential", "AADSTS7000215: Invalid secret.")
        );
        assert!(failure.hint.is_some());
    }

    #[test]
    fn every_credential_that_was_tried_has_its_line() {
        let tried = |unreachable| {
            let none = NoneWorks {
                said: vec!["one: a".to_owned(), "two: b".to_owned()],
                unreachable,
            };
            failure(&Error::new(ErrorKind::Credential, none), false)
        };
        let none = tried(false);
        assert_eq!(none.message, "no credential works:\none: a;\ntwo: b");
        assert_eq!(none.code, "NoCredential");
        assert_eq!(tried(true).code, "Unreachable");
    }
}

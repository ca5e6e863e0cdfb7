//! Chooses the cloud and the credential, and starts the local Azure where that is the cloud.

use onestream::config::{CloudChoice, Configuration, CredentialChoice};
use onestream::remote::azure::{
    Azure, Cloud, Credential, CredentialName, CustomEndpoints, Settings,
};

use super::failure::{Exit, Failure};
use super::output::Output;

/// What has to be let go of when a command ends.
pub enum Connection {
    /// A cloud that goes on without us.
    Elsewhere,
    /// The local Azure, in this process.
    #[cfg(feature = "emulator")]
    Emulator(Box<onestream_emulator::Emulator>),
}

impl Connection {
    /// Lets go.
    pub async fn close(self) {
        match self {
            Self::Elsewhere => {}
            #[cfg(feature = "emulator")]
            Self::Emulator(emulator) => emulator.stop().await,
        }
    }
}

/// A client for the chosen cloud.
///
/// # Errors
/// A cloud that is not there, or that nobody can sign in to.
pub async fn connect(
    configuration: &Configuration,
    choice: CloudChoice,
    output: &Output,
) -> Result<(Azure, Connection), Failure> {
    let azure = configuration
        .azure
        .clone()
        .with_cloud(choice)
        .map_err(|error| Failure::of(Exit::Usage, &error))?;
    let (cloud, credential, connection) = match choice {
        CloudChoice::Emulator => emulator(configuration, output).await?,
        CloudChoice::Public => (
            Cloud::public(),
            named(azure.credential),
            Connection::Elsewhere,
        ),
        CloudChoice::UsGov => (
            Cloud::us_gov(),
            named(azure.credential),
            Connection::Elsewhere,
        ),
        CloudChoice::China => (
            Cloud::china(),
            named(azure.credential),
            Connection::Elsewhere,
        ),
        CloudChoice::Custom => (
            custom(&azure)?,
            named(azure.credential),
            Connection::Elsewhere,
        ),
    };
    let client = Azure::connect(Settings::new(cloud, azure.tenant.clone(), credential))?;
    Ok((client, connection))
}

fn custom(azure: &onestream::config::AzureSettings) -> Result<Cloud, Failure> {
    let given = azure
        .endpoints
        .as_ref()
        .ok_or_else(|| Failure::usage("the custom cloud needs [azure.endpoints]"))?;
    let origin = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
    Cloud::custom(&CustomEndpoints {
        resource_manager: origin(&given.resource_manager),
        authority: origin(&given.authority),
        graph: origin(&given.graph),
        vault_suffix: given.vaults.suffix().to_owned(),
        registry_suffix: given.registries.suffix().to_owned(),
        audiences: None,
    })
    .map_err(|error| Failure::of(Exit::Usage, &error))
}

fn named(choice: CredentialChoice) -> Credential {
    Credential::Named(match choice {
        CredentialChoice::Auto => CredentialName::Auto,
        CredentialChoice::Environment => CredentialName::Environment,
        CredentialChoice::WorkloadIdentity => CredentialName::WorkloadIdentity,
        CredentialChoice::AzurePipelines => CredentialName::AzurePipelines,
        CredentialChoice::ManagedIdentity => CredentialName::ManagedIdentity,
        CredentialChoice::AzureCli => CredentialName::AzureCli,
    })
}

/// The local Azure: the one that serves this root already, or one in this process.
#[cfg(feature = "emulator")]
async fn emulator(
    configuration: &Configuration,
    output: &Output,
) -> Result<(Cloud, Credential, Connection), Failure> {
    use onestream_emulator::{Access, open};

    let access = open(super::emulator::settings(configuration), |data| {
        output.remark(format!(
            "another command is using {}; waiting for it (run `onestream emulator serve` to share \
             one emulator between commands)",
            data.display()
        ));
    })
    .await
    .map_err(|error| Failure::of(Exit::Failed, &error))?;
    let (endpoint, connection, how) = match access {
        Access::Started(emulator) => (
            emulator.endpoint().clone(),
            Connection::Emulator(Box::new(emulator)),
            String::new(),
        ),
        Access::Running(endpoint) => {
            let how = format!(" at {}", endpoint.origin);
            (endpoint, Connection::Elsewhere, how)
        }
    };
    output.remark(format!("LOCAL EMULATOR{how}, not Azure"));
    let cloud =
        Cloud::emulator(&endpoint.origin).map_err(|error| Failure::of(Exit::Failed, &error))?;
    let credential = Credential::ClientSecret {
        client_id: endpoint.deployer.client_id.clone(),
        secret: endpoint.deployer.client_secret.into(),
    };
    Ok((cloud, credential, connection))
}

#[cfg(not(feature = "emulator"))]
async fn emulator(
    _configuration: &Configuration,
    _output: &Output,
) -> Result<(Cloud, Credential, Connection), Failure> {
    Err(Failure::usage("this build has no local emulator")
        .hint("name a real cloud: --cloud public, usgov, china or custom"))
}

//! Chooses the cloud and the credential, and starts the local Azure where that is the cloud.

use onestream::config::{CloudChoice, Configuration, CredentialChoice};
use onestream::kinds::Members;
use onestream::provision::guard::{Objection, Rule};
use onestream::remote::azure::{
    Azure, Cloud, Credential, CredentialName, CustomEndpoints, LocalIssuer, Settings, SignInAs,
    Subscription,
};
use url::Url;

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

/// A cloud that is connected to.
pub struct Connected {
    /// A client, signed in as whoever runs the command.
    pub azure: Azure,
    /// Signs in as others.
    pub sign_ins: SignInAs,
    /// What has to be let go of.
    pub connection: Connection,
}

/// A client for the chosen cloud, signed in as `person` where one is named.
///
/// # Errors
/// A cloud that is not there, or that nobody can sign in to.
pub async fn connect(
    configuration: &Configuration,
    choice: CloudChoice,
    person: Option<&str>,
    output: &Output,
) -> Result<Connected, Failure> {
    if person.is_some() && choice != CloudChoice::Emulator {
        return Err(Failure::usage(format!(
            "ONESTREAM_AS and --as name a person of the local emulator, and the cloud is {choice}"
        ))
        .hint("there people sign in themselves: `az login`, with credential = \"azure-cli\""));
    }
    let azure = configuration
        .azure
        .clone()
        .with_cloud(choice)
        .map_err(|error| Failure::of(Exit::Usage, &error))?;
    let (cloud, own, connection) = match choice {
        CloudChoice::Emulator => emulator(configuration, output).await?,
        CloudChoice::Public => (Cloud::public(), Own::Named, Connection::Elsewhere),
        CloudChoice::UsGov => (Cloud::us_gov(), Own::Named, Connection::Elsewhere),
        CloudChoice::China => (Cloud::china(), Own::Named, Connection::Elsewhere),
        CloudChoice::Custom => (custom(&azure)?, Own::Named, Connection::Elsewhere),
    };
    let tenant = azure.tenant.clone();
    let (credential, control) = match own {
        Own::Named => (named(azure.credential), None),
        Own::Deployer {
            credential,
            control,
        } => (credential, Some(control)),
    };
    let origin = cloud.endpoints().resource_manager.clone();
    let settings = Settings::new(cloud, tenant, credential);
    let mut client = Azure::connect(settings.clone())?;
    let local = control.map(|secret| LocalIssuer::new(client.http().clone(), &origin, secret));
    if let (Some(local), Some(person)) = (&local, person) {
        let credential = local.person(object_id(configuration, person));
        output.remark(format!("as {person}"));
        client = Azure::connect(Settings {
            credential,
            ..settings.clone()
        })?;
    }
    Ok(Connected {
        azure: client,
        sign_ins: SignInAs::new(settings, local),
        connection,
    })
}

/// What a command signs in with, unless it is told to be somebody else.
enum Own {
    /// What configuration names.
    Named,
    /// The deployer of a local Azure, whose control endpoints the other secret opens.
    #[cfg_attr(
        not(feature = "emulator"),
        expect(dead_code, reason = "only the local Azure has one")
    )]
    Deployer {
        /// Its own credential.
        credential: Credential,
        /// What opens the control endpoints.
        control: String,
    },
}

/// The object id of a person whom `rbac/` names, else the name itself.
fn object_id<'c>(configuration: &'c Configuration, person: &'c str) -> &'c str {
    let environments = configuration.environments.iter();
    let groups = environments.flat_map(|it| it.sections.access.people.values());
    let mut named = groups.filter_map(|group| match &group.membership {
        Members::Ours(members) => members.get(person),
        Members::Elsewhere(_) => None,
    });
    named.next().map_or(person, String::as_str)
}

fn custom(azure: &onestream::config::AzureSettings) -> Result<Cloud, Failure> {
    let given = azure
        .endpoints
        .as_ref()
        .ok_or_else(|| Failure::usage("the custom cloud needs [azure.endpoints]"))?;
    let confirmed = std::env::var("AZURE_AUTHORITY_HOST").ok();
    if !is_trusted(&given.authority, confirmed.as_deref()) {
        let host = given.authority.origin().ascii_serialization();
        return Err(Failure::usage(format!(
            "the custom cloud's authority {host} is no login host of Microsoft's: credentials \
             would be sent to it"
        ))
        .hint(format!("set AZURE_AUTHORITY_HOST={host} if that is meant")));
    }
    let origin = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
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

/// The hosts at which Microsoft signs people in.
const LOGIN_HOSTS: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
];

/// Whether credentials may go to an authority: it is Microsoft's, or the environment that holds
/// the credentials names it too.
fn is_trusted(authority: &Url, confirmed: Option<&str>) -> bool {
    let known = authority.scheme() == "https"
        && authority.port().is_none()
        && authority
            .host_str()
            .is_some_and(|host| LOGIN_HOSTS.contains(&host));
    let named = confirmed.and_then(|text| match text.contains("://") {
        true => Url::parse(text).ok(),
        false => Url::parse(&format!("https://{text}")).ok(),
    });
    let place = |url: &Url| {
        let host = url.host_str().map(str::to_owned);
        (host, url.port_or_known_default())
    };
    known || named.is_some_and(|named| place(&named) == place(authority))
}

/// Whether the subscription that answers is the one that is meant.
///
/// # Errors
/// Another subscription, or one of another tenant than configuration says.
pub fn check(found: &Subscription, asked: &str, tenant: &str) -> Result<(), Failure> {
    if !found.id.eq_ignore_ascii_case(asked) {
        return Err(Failure::new(
            Exit::Failed,
            format!(
                "asked for subscription {asked}, Azure answers for {}",
                found.id
            ),
        )
        .hint("check [azure] subscription and the endpoints"));
    }
    match &found.tenant {
        Some(other) if !other.eq_ignore_ascii_case(tenant) => Err(Failure::new(
            Exit::Failed,
            format!("subscription {asked} belongs to tenant {other}, not to {tenant}"),
        )
        .hint("set [azure] tenant in environments/common.toml to the subscription's own")),
        _ => Ok(()),
    }
}

/// What stands against changes in a subscription by its state.
pub fn objection(found: &Subscription) -> Option<Objection> {
    let closed = matches!(found.state.as_str(), "Disabled" | "Deleted");
    closed.then(|| Objection {
        rule: Rule::Subscription,
        address: None,
        problem: format!(
            "the subscription {} is {}: it takes no changes",
            found.id, found.state
        ),
        instead: "enable it again in the portal, under Subscriptions".to_owned(),
    })
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
) -> Result<(Cloud, Own, Connection), Failure> {
    use onestream_emulator::{Access, open};

    let settings = super::emulator::settings(configuration);
    let access = open(settings, super::emulator::TURN, |busy| {
        output.remark(format!(
            "{busy}; waiting for it (run `onestream emulator serve` to share one emulator between \
             commands)"
        ));
    })
    .await
    .map_err(super::emulator::failure)?;
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
    let cloud = match &endpoint.ca {
        None => Cloud::emulator(&endpoint.origin),
        Some(ca) => Cloud::emulator_over_tls(&endpoint.origin, ca),
    }
    .map_err(|error| Failure::of(Exit::Failed, &error))?;
    let credential = Credential::ClientSecret {
        client_id: endpoint.deployer.client_id.clone(),
        secret: endpoint.deployer.client_secret.into(),
    };
    let own = Own::Deployer {
        credential,
        control: endpoint.control_secret,
    };
    Ok((cloud, own, connection))
}

#[cfg(not(feature = "emulator"))]
async fn emulator(
    _configuration: &Configuration,
    _output: &Output,
) -> Result<(Cloud, Own, Connection), Failure> {
    Err(Failure::usage("this build has no local emulator")
        .hint("name a real cloud: --cloud public, usgov, china or custom"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_microsoft_or_to_whom_the_environment_names() {
        let trusted = |authority: &str, confirmed: Option<&str>| {
            is_trusted(&Url::parse(authority).expect("a URL"), confirmed)
        };
        for (authority, confirmed, expected) in [
            ("https://login.microsoftonline.com", None, true),
            ("https://login.microsoftonline.com:8443", None, false),
            ("https://login.microsoftonline.com.example.org", None, false),
            ("http://127.0.0.1:4280", None, false),
            (
                "http://127.0.0.1:4280",
                Some("http://127.0.0.1:4280/"),
                true,
            ),
            ("http://127.0.0.1:4280", Some("127.0.0.1:4280"), true),
            ("http://127.0.0.1:4281", Some("127.0.0.1:4280"), false),
            ("https://adfs.example.org", Some("adfs.example.org"), true),
            (
                "https://adfs.example.org",
                Some("https://login.microsoftonline.com"),
                false,
            ),
            ("https://adfs.example.org", Some(""), false),
        ] {
            assert_eq!(
                trusted(authority, confirmed),
                expected,
                "{authority} {confirmed:?}"
            );
        }
    }

    #[test]
    fn a_closed_subscription_takes_no_changes() {
        for (state, closed) in [("Enabled", false), ("Warned", false), ("Disabled", true)] {
            let found = Subscription {
                id: "s".to_owned(),
                display_name: String::new(),
                state: state.to_owned(),
                tenant: None,
            };
            assert_eq!(objection(&found).is_some(), closed, "{state}");
        }
    }

    #[test]
    fn the_subscription_that_answers_is_the_one_that_was_asked_for() {
        let found = |id: &str, tenant: Option<&str>| Subscription {
            id: id.to_owned(),
            display_name: String::new(),
            state: "Enabled".to_owned(),
            tenant: tenant.map(str::to_owned),
        };
        assert!(check(&found("A-1", Some("T-1")), "a-1", "t-1").is_ok());
        assert!(check(&found("a-1", None), "a-1", "t-1").is_ok());
        for wrong in [found("b", Some("t-1")), found("a-1", Some("t-2"))] {
            let failure = check(&wrong, "a-1", "t-1").expect_err("refused");
            assert!(failure.exit == Exit::Failed && failure.hint.is_some());
        }
    }
}

//! Signing in as somebody of `rbac/`: with what a local Azure gives out, or with the federated
//! token that the environment holds.

use async_trait::async_trait;

use super::super::arm::Azure;
use super::super::credential::{Credential, CredentialName, Variables};
use super::super::settings::Settings;
use super::local::LocalIssuer;
use super::voice::Voice;
use crate::proof::{Caller, Identity, SignIns};

/// What is said where a person's token is wanted of a real cloud.
const PEOPLE: &str = "people sign in with a browser, and are not asked here";

/// Signs in as others.
#[derive(Debug)]
pub struct SignInAs {
    settings: Settings,
    local: Option<LocalIssuer>,
}

impl SignInAs {
    /// Signs in to the cloud and tenant of `settings`, whose own credential is left aside; with
    /// `local` as the issuer of every token.
    pub fn new(settings: Settings, local: Option<LocalIssuer>) -> Self {
        Self { settings, local }
    }

    fn credential(&self, identity: &Identity) -> Result<Credential, String> {
        match (identity, &self.local) {
            (Identity::Person { object_id }, Some(local)) => Ok(local.person(object_id)),
            (Identity::Person { .. }, None) => Err(PEOPLE.to_owned()),
            (Identity::Principal { client_id, trusts }, Some(local)) => {
                let issued = trusts.first();
                let issued = issued.ok_or("no token stands for it: it has no credential yet")?;
                Ok(local.principal(client_id, issued))
            }
            (Identity::Principal { client_id, .. }, None) => {
                at_hand(&self.settings.variables, client_id)
            }
        }
    }
}

/// The federated credential in the environment that is this client's own.
fn at_hand(variables: &Variables, client_id: &str) -> Result<Credential, String> {
    let is = |name: &str| {
        let value = variables.get(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case(client_id))
    };
    let set = |name: &str| variables.get(name).is_some();
    if is("AZURE_CLIENT_ID") && set("AZURE_FEDERATED_TOKEN_FILE") {
        return Ok(Credential::Named(CredentialName::WorkloadIdentity));
    }
    if is("AZURESUBSCRIPTION_CLIENT_ID") && set("SYSTEM_OIDCREQUESTURI") {
        return Ok(Credential::Named(CredentialName::AzurePipelines));
    }
    Err(format!(
        "no federated token of it is at hand: AZURE_CLIENT_ID={client_id} with \
         AZURE_FEDERATED_TOKEN_FILE, or its service connection, would give one"
    ))
}

#[async_trait]
impl SignIns for SignInAs {
    async fn sign_in(&self, identity: &Identity) -> Result<Box<dyn Caller>, String> {
        let settings = Settings {
            credential: self.credential(identity)?,
            ..self.settings.clone()
        };
        let azure = Azure::connect(settings).map_err(|failure| failure.to_string())?;
        // Whoever gets no token at all has not been measured, and hears so once.
        azure
            .wire
            .tokens
            .get(&azure.wire.pins.scope(&crate::resource::Plane::Arm))
            .await
            .map_err(|failure| failure.to_string())?;
        Ok(Box::new(Voice::new(azure)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Environment variables and what they give.
    type Case = (
        &'static [(&'static str, &'static str)],
        Option<CredentialName>,
    );

    const CASES: &[Case] = &[
        (&[], None),
        (&[("AZURE_CLIENT_ID", "c-1")], None),
        (
            &[
                ("AZURE_CLIENT_ID", "c-2"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
            ],
            None,
        ),
        (
            &[
                ("AZURE_CLIENT_ID", "C-1"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
            ],
            Some(CredentialName::WorkloadIdentity),
        ),
        (
            &[
                ("AZURESUBSCRIPTION_CLIENT_ID", "c-1"),
                ("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/x"),
            ],
            Some(CredentialName::AzurePipelines),
        ),
    ];

    #[test]
    fn a_federated_token_stands_for_the_client_that_the_environment_names() {
        for (set, expected) in CASES {
            let variables = Variables::new(|name| {
                let found = set.iter().find(|(key, _)| *key == name)?;
                Some(found.1.to_owned())
            });
            let found = match at_hand(&variables, "c-1") {
                Ok(Credential::Named(name)) => Some(name),
                _ => None,
            };
            assert_eq!(found, *expected, "{set:?}");
        }
    }
}

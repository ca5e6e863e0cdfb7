//! Whether a client's secret or assertion is good: the half of the token endpoint that
//! looks into the directory.

use super::directory::Principal;
use super::federation::{in_time, matching};
use super::principals::{self, ManagedIdentity};
use super::token_endpoint::Refusal;
use crate::azure::Azure;
use crate::state::{Object, World};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What a client shows.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    Secret(&'a str),
    /// A JSON Web Token of another issuer.
    Assertion(&'a str),
    Nothing,
}

/// Who may ask for tokens on its own behalf.
enum Client<'a> {
    Application {
        application: &'a Arc<Object>,
        service_principal: Option<&'a Arc<Object>>,
    },
    Identity(ManagedIdentity<'a>),
}

pub fn sign_in(azure: &Azure, client_id: &str, proof: Proof<'_>) -> Result<Principal, Refusal> {
    azure
        .store
        .read(|world| signed_in(azure, world, client_id, proof))
}

/// As [`sign_in`], for whoever looks at the world already.
pub fn signed_in(
    azure: &Azure,
    world: &World,
    client_id: &str,
    proof: Proof<'_>,
) -> Result<Principal, Refusal> {
    if let (Some(known), Proof::Secret(secret)) = (azure.directory.application(client_id), proof) {
        if known.client_secret == secret {
            return Ok(Principal {
                client_id: known.client_id.clone(),
                object_id: known.object_id.clone(),
            });
        }
        return Err(wrong_secret(client_id));
    }
    let client = Client::find(world, client_id).ok_or_else(|| unknown(azure, client_id))?;
    match proof {
        Proof::Secret(secret) => client.check_secret(azure, client_id, secret)?,
        Proof::Assertion(token) => client.check_assertion(azure, world, client_id, token)?,
        Proof::Nothing => return Err(nothing_shown()),
    }
    client.principal(azure, client_id)
}

/// The form that secrets are kept in.
pub fn digest(secret: &str) -> String {
    Sha256::digest(secret)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl<'a> Client<'a> {
    fn find(world: &'a World, client_id: &str) -> Option<Self> {
        if let Some(application) = principals::application(world, client_id) {
            return Some(Self::Application {
                application,
                service_principal: principals::service_principal(world, client_id),
            });
        }
        principals::managed_identities(world)
            .find(|identity| {
                identity
                    .client_id
                    .is_some_and(|id| id.eq_ignore_ascii_case(client_id))
            })
            .map(Self::Identity)
    }

    fn name(&self) -> &str {
        match self {
            Self::Application { application, .. } => {
                application.text("/displayName").unwrap_or_default()
            }
            Self::Identity(identity) => identity.object.name(),
        }
    }

    fn check_secret(&self, azure: &Azure, client_id: &str, secret: &str) -> Result<(), Refusal> {
        let Self::Application {
            application,
            service_principal,
        } = self
        else {
            return Err(wrong_secret(client_id));
        };
        let sought = digest(secret);
        let mut holders = [Some(application), service_principal.as_ref()]
            .into_iter()
            .flatten();
        let key = holders.find_map(|object| {
            let secrets = object.hidden.get("secrets")?.as_object()?;
            let (key, _) = secrets
                .iter()
                .find(|(_, known)| known.as_str() == Some(&sought))?;
            Some((object, key.as_str()))
        });
        let (object, key) = key.ok_or_else(|| wrong_secret(client_id))?;
        if expired(azure, object, key) {
            return Err(Refusal::new(
                401,
                "invalid_client",
                7_000_222,
                format!(
                    "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
                ),
            ));
        }
        Ok(())
    }

    fn check_assertion(
        &self,
        azure: &Azure,
        world: &World,
        client_id: &str,
        token: &str,
    ) -> Result<(), Refusal> {
        let read = azure.assertions.read(token).map_err(|_| unreadable())?;
        let assertion = read.ok_or_else(unreadable)?;
        let credentials = self.credentials(world);
        if assertion.claims.iss == client_id {
            return Err(Refusal::new(
                401,
                "invalid_client",
                700_027,
                "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]".to_owned(),
            ));
        }
        if credentials.is_empty() {
            return Err(Refusal::new(
                401,
                "invalid_client",
                70_025,
                format!(
                    "The client '{client_id}'({}) has no configured federated identity credentials.",
                    self.name()
                ),
            ));
        }
        matching(&credentials, &assertion)?;
        if !assertion.genuine {
            return Err(Refusal::new(
                401,
                "invalid_client",
                50_013,
                "Assertion failed signature validation. [Reason - The key was not found.]"
                    .to_owned(),
            ));
        }
        in_time(azure.clock.now(), &assertion)
    }

    /// Issuer, subject and audiences of the client's federated credentials.
    fn credentials(&self, world: &World) -> Vec<Value> {
        match self {
            Self::Application { application, .. } => application
                .hidden
                .get("federated")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
            Self::Identity(identity) => {
                let prefix = format!("{}/federatedidentitycredentials/", identity.object.key());
                world
                    .under(&prefix)
                    .filter_map(|(_, object)| object.body.get("properties").cloned())
                    .collect()
            }
        }
    }

    fn principal(&self, azure: &Azure, client_id: &str) -> Result<Principal, Refusal> {
        let object_id = match self {
            Self::Identity(identity) => identity.principal_id,
            Self::Application {
                application,
                service_principal,
            } => {
                let principal = service_principal.ok_or_else(|| {
                    Refusal::new(
                        401,
                        "invalid_client",
                        7_000_229,
                        format!(
                            "The client application {client_id} is missing service principal in the tenant {}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
                            azure.directory.tenant()
                        ),
                    )
                })?;
                if principal.body.get("accountEnabled") == Some(&Value::Bool(false)) {
                    return Err(Refusal::new(
                        400,
                        "unauthorized_client",
                        7_000_112,
                        format!(
                            "Application '{client_id}'({}) is disabled.",
                            application.text("/displayName").unwrap_or_default()
                        ),
                    ));
                }
                principal.text("/id").unwrap_or_default()
            }
        };
        Ok(Principal {
            client_id: client_id.to_ascii_lowercase(),
            object_id: object_id.to_owned(),
        })
    }
}

/// Whether the secret with that key id is past its end.
fn expired(azure: &Azure, object: &Object, key: &str) -> bool {
    let now = azure.clock.now().zulu();
    object
        .body
        .get("passwordCredentials")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|credential| credential.get("keyId").and_then(Value::as_str) == Some(key))
        .filter_map(|credential| credential.get("endDateTime").and_then(Value::as_str))
        .any(|end| end <= now.as_str())
}

fn unknown(azure: &Azure, client_id: &str) -> Refusal {
    Refusal::new(
        400,
        "unauthorized_client",
        700_016,
        format!(
            "Application with identifier '{client_id}' was not found in the directory '{}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
            azure.directory.tenant()
        ),
    )
}

fn wrong_secret(client_id: &str) -> Refusal {
    Refusal::new(
        401,
        "invalid_client",
        7_000_215,
        format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client_id}'."
        ),
    )
}

fn nothing_shown() -> Refusal {
    Refusal::new(
        401,
        "invalid_client",
        7_000_216,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.".to_owned(),
    )
}

fn unreadable() -> Refusal {
    Refusal::new(
        400,
        "invalid_request",
        5_002_723,
        "Invalid JWT token. No certificate thumbprint, certificate or key identifier specified in token header, or its algorithm is not RS256.".to_owned(),
    )
}

//! The credential that is found by trying: the first that gives a token stays.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_identity::ManagedIdentityCredential;

use super::credential::{CredentialName, Maker, NoneWorks, no_answer, reason};

/// How long the metadata service is waited for; off Azure it does not answer.
const METADATA_PATIENCE: Duration = Duration::from_secs(3);

/// A credential that is given up on soon.
#[derive(Debug)]
pub(super) struct Hurried(pub(super) Arc<ManagedIdentityCredential>);

#[async_trait]
impl TokenCredential for Hurried {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        tokio::time::timeout(METADATA_PATIENCE, self.0.get_token(scopes, options))
            .await
            .unwrap_or_else(|_| {
                Err(Error::with_message(
                    ErrorKind::Credential,
                    "no metadata service answers: this is no machine of Azure's",
                ))
            })
    }
}

/// Tries the credentials in order, and stays with the first that gave a token.
pub(super) struct Auto {
    maker: Maker,
    found: Mutex<Option<Arc<dyn TokenCredential>>>,
}

impl Auto {
    pub(super) fn new(maker: Maker) -> Self {
        Self {
            maker,
            found: Mutex::new(None),
        }
    }
}

impl fmt::Debug for Auto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auto")
    }
}

#[async_trait]
impl TokenCredential for Auto {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let found = self
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(credential) = found {
            return credential.get_token(scopes, None).await;
        }
        let mut none = NoneWorks {
            said: Vec::new(),
            unreachable: false,
        };
        for name in CredentialName::ORDER {
            let tried = match self.maker.make(name, true) {
                Ok(credential) => match credential.get_token(scopes, None).await {
                    Ok(token) => {
                        tracing::debug!(credential = name.as_str(), "signed in");
                        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                        *found = Some(credential);
                        return Ok(token);
                    }
                    Err(error) => {
                        // Off Azure no metadata service answers: that says nothing of the network.
                        let local = name == CredentialName::ManagedIdentity;
                        none.unreachable |= !local && no_answer(&error).is_some();
                        reason(&error)
                    }
                },
                Err(reason) => reason,
            };
            none.said.push(format!("{}: {tried}", name.as_str()));
        }
        Err(Error::new(ErrorKind::Credential, none))
    }
}

//! Tokens: kept per audience, renewed before they expire, asked for by one caller at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::time::OffsetDateTime;
use tokio::sync::Mutex;

use super::credential;
use crate::provision::ports::Failure;

/// How long before its end a token is renewed, unless half its life is less.
const MARGIN: Duration = Duration::from_secs(300);

/// A credential behind a cache. Its own `Debug` shows no token.
pub(super) struct Tokens {
    credential: Arc<dyn TokenCredential>,
    /// Whether the caller holds the secret, so that nobody has to sign in.
    holds: bool,
    /// How long one token may take to get: `az` and metadata services can hang.
    patience: Duration,
    slots: std::sync::Mutex<BTreeMap<String, Arc<Slot>>>,
}

/// What is known of one audience.
#[derive(Default)]
struct Slot {
    /// How many times the credential has been asked.
    rounds: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Why the last round failed, for those who waited for it.
    failure: Option<Failure>,
}

struct Held {
    token: AccessToken,
    renew_at: OffsetDateTime,
}

impl Held {
    fn new(token: AccessToken, now: OffsetDateTime) -> Self {
        let life = Duration::try_from(token.expires_on - now).unwrap_or_default();
        let renew_at = token.expires_on - MARGIN.min(life / 2);
        Self { token, renew_at }
    }
}

impl Tokens {
    pub(super) fn new(
        credential: Arc<dyn TokenCredential>,
        patience: Duration,
        holds: bool,
    ) -> Self {
        Self {
            credential,
            holds,
            patience,
            slots: std::sync::Mutex::default(),
        }
    }

    /// A token for `scope`, fresh enough to be sent.
    ///
    /// # Errors
    /// `NoCredential` or `Unreachable` when there is none to be had.
    pub(super) async fn get(&self, scope: &str) -> Result<AccessToken, Failure> {
        let slot = self.slot(scope);
        let before = slot.rounds.load(Ordering::Acquire);
        let mut state = slot.state.lock().await;
        let now = OffsetDateTime::now_utc();
        if let Some(held) = state.held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.token.clone());
        }
        // Whoever waited for a round that failed shares its failure instead of repeating it.
        if slot.rounds.load(Ordering::Acquire) != before
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        let asked = self.ask(scope).await;
        slot.rounds.fetch_add(1, Ordering::Release);
        match asked {
            Ok(token) => {
                state.held = Some(Held::new(token.clone(), OffsetDateTime::now_utc()));
                state.failure = None;
                Ok(token)
            }
            Err(failure) => {
                // Early renewal may fail; the old token is good until its end.
                if let Some(held) = state
                    .held
                    .as_ref()
                    .filter(|held| now < held.token.expires_on)
                {
                    return Ok(held.token.clone());
                }
                state.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    /// Drops a token that Azure refused, unless it has been renewed since.
    pub(super) async fn forget(&self, scope: &str, refused: &Secret) {
        let slot = self.slot(scope);
        let mut state = slot.state.lock().await;
        if state
            .held
            .as_ref()
            .is_some_and(|held| held.token.token == *refused)
        {
            state.held = None;
        }
    }

    async fn ask(&self, scope: &str) -> Result<AccessToken, Failure> {
        let scopes = [scope];
        let asking = self.credential.get_token(&scopes, None);
        match tokio::time::timeout(self.patience, asking).await {
            Ok(answer) => answer.map_err(|error| credential::failure(&error, self.holds)),
            Err(_) => {
                let late = format!("no token within {} s", self.patience.as_secs());
                let error = Error::with_message(ErrorKind::Credential, late);
                Err(credential::failure(&error, self.holds))
            }
        }
    }

    fn slot(&self, scope: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for Tokens {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let [scope] = scopes else {
            return Err(Error::with_message(
                ErrorKind::Credential,
                "exactly one scope is needed",
            ));
        };
        self.get(scope)
            .await
            .map_err(|failure| Error::with_message(ErrorKind::Credential, failure.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;

    /// Gives tokens that live for the seconds told, or fails, and counts.
    #[derive(Debug)]
    struct Mint {
        lives: std::sync::Mutex<Vec<Option<i64>>>,
        asked: AtomicU64,
    }

    impl Mint {
        fn new(lives: &[Option<i64>]) -> Arc<Self> {
            Arc::new(Self {
                lives: std::sync::Mutex::new(lives.iter().rev().copied().collect()),
                asked: AtomicU64::new(0),
            })
        }
    }

    #[async_trait]
    impl TokenCredential for Mint {
        async fn get_token(
            &self,
            _scopes: &[&str],
            _options: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            match self.lives.lock().expect("lives").pop().flatten() {
                Some(life) => Ok(AccessToken::new(
                    format!("token-{number}"),
                    OffsetDateTime::now_utc() + Duration::from_secs(life.unsigned_abs()),
                )),
                None => Err(Error::with_message(ErrorKind::Credential, "no luck")),
            }
        }
    }

    fn tokens(mint: &Arc<Mint>) -> Tokens {
        Tokens::new(
            Arc::clone(mint) as Arc<dyn TokenCredential>,
            Duration::from_secs(5),
            false,
        )
    }

    #[tokio::test]
    async fn many_callers_share_one_token_per_audience() {
        let mint = Mint::new(&[Some(3_600), Some(3_600)]);
        let tokens = tokens(&mint);
        let all = join_all((0..16).map(|_| tokens.get("a/.default"))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(mint.asked.load(Ordering::SeqCst), 1);
        tokens.get("b/.default").await.expect("a token");
        assert_eq!(mint.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failure_is_shared_by_those_who_waited_and_tried_again_later() {
        let mint = Mint::new(&[None, Some(3_600)]);
        let tokens = tokens(&mint);
        let all = join_all((0..16).map(|_| tokens.get("a/.default"))).await;
        assert!(
            all.iter()
                .all(|one| matches!(one, Err(failure) if failure.code == "NoCredential"))
        );
        assert_eq!(mint.asked.load(Ordering::SeqCst), 1);
        assert!(tokens.get("a/.default").await.is_ok());
    }

    #[tokio::test]
    async fn a_token_near_its_end_is_renewed_or_used_up() {
        let now = OffsetDateTime::now_utc();
        let old = |left: u64| Held {
            token: AccessToken::new("old", now + Duration::from_secs(left)),
            renew_at: now,
        };
        let mint = Mint::new(&[None, Some(3_600)]);
        let tokens = tokens(&mint);
        tokens.slot("a").state.lock().await.held = Some(old(60));
        let kept = tokens.get("a").await.expect("the old one");
        assert_eq!(kept.token.secret(), "old");
        let renewed = tokens.get("a").await.expect("a new one");
        assert_eq!(renewed.token.secret(), "token-1");
        let long = Held::new(AccessToken::new("t", now + Duration::from_secs(3_600)), now);
        assert_eq!(long.renew_at, now + Duration::from_secs(3_300));
        let short = Held::new(AccessToken::new("t", now + Duration::from_secs(60)), now);
        assert_eq!(short.renew_at, now + Duration::from_secs(30));
    }

    #[tokio::test]
    async fn only_the_refused_token_is_forgotten() {
        let mint = Mint::new(&[Some(3_600), Some(3_600)]);
        let tokens = tokens(&mint);
        let first = tokens.get("a").await.expect("a token");
        tokens.forget("a", &Secret::new("another")).await;
        assert_eq!(tokens.get("a").await.expect("kept").token, first.token);
        tokens.forget("a", &first.token).await;
        assert_ne!(tokens.get("a").await.expect("renewed").token, first.token);
        assert!(!format!("{tokens:?}").contains("token-"));
    }
}

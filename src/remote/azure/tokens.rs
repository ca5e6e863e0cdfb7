//! Tokens: kept per audience, renewed before they expire, asked for once at a time.
//!
//! ## Why
//! A lease is renewed with a token, and `az` may hang for longer than a lease lasts. So a renewal
//! that comes early is waited for by nobody, and one that failed is not repeated by each caller.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::time::OffsetDateTime;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use super::credential;
use crate::provision::ports::Failure;

/// How long before its end a token is renewed, unless half its life is less.
const MARGIN: Duration = Duration::from_secs(300);
/// How long before its end a token is no longer sent while a renewal may still come.
const LAST: Duration = Duration::from_secs(10);
/// Until the next early renewal, after one that failed.
const AGAIN: Duration = Duration::from_secs(30);

/// A credential behind a cache. Its own `Debug` shows no token.
pub(super) struct Tokens {
    credential: Arc<dyn TokenCredential>,
    /// Whether the caller holds the secret, so that nobody has to sign in.
    holds: bool,
    /// How long one token may take to get: `az` and metadata services can hang.
    patience: Duration,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
}

/// What is known of one audience.
#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The last time that the credential was asked, which may go on.
    round: Option<Round>,
}

/// One time that the credential is asked: whoever comes meanwhile shares what it says.
type Round = Shared<BoxFuture<'static, Result<AccessToken, Failure>>>;

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

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the credential said.
    fn learn(&self, said: &Result<AccessToken, Failure>) {
        let now = OffsetDateTime::now_utc();
        let mut state = self.state();
        match (said, &mut state.held) {
            (Ok(token), held) => *held = Some(Held::new(token.clone(), now)),
            // The old one is good until its end, and the credential is left in peace for a while.
            (Err(_), Some(held)) => held.renew_at = (now + AGAIN).min(held.token.expires_on),
            (Err(_), None) => {}
        }
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
            slots: Mutex::default(),
        }
    }

    /// A token for `scope`, fresh enough to be sent. While one is good nobody waits for the next.
    ///
    /// # Errors
    /// `NoCredential` or `Unreachable` when there is none to be had.
    pub(super) async fn get(&self, scope: &str) -> Result<AccessToken, Failure> {
        let slot = self.slot(scope);
        let now = OffsetDateTime::now_utc();
        let (round, held) = {
            let mut state = slot.state();
            let held = state.held.as_ref();
            if let Some(held) = held.filter(|held| now < held.renew_at) {
                return Ok(held.token.clone());
            }
            let held = held.map(|held| held.token.clone());
            (self.round(scope, &slot, &mut state), held)
        };
        let lasts = |token: &AccessToken, left: Duration| now + left < token.expires_on;
        match held {
            Some(token) if lasts(&token, LAST) => Ok(token),
            held => round.await.or_else(|failure| {
                let held = held.filter(|token| lasts(token, Duration::ZERO));
                held.ok_or(failure)
            }),
        }
    }

    /// The round that goes on, or a new one. It comes to its end also where nobody waits for it.
    fn round(&self, scope: &str, slot: &Arc<Slot>, state: &mut State) -> Round {
        let going_on = state.round.as_ref().filter(|round| round.peek().is_none());
        if let Some(round) = going_on {
            return round.clone();
        }
        let (credential, scope) = (Arc::clone(&self.credential), scope.to_owned());
        let (patience, holds) = (self.patience, self.holds);
        let slot = Arc::clone(slot);
        let asking = async move {
            let said = ask(&*credential, &scope, patience, holds).await;
            slot.learn(&said);
            said
        };
        let round = asking.boxed().shared();
        tokio::spawn(round.clone());
        state.round = Some(round.clone());
        round
    }

    /// Drops a token that Azure refused, unless it has been renewed since.
    pub(super) async fn forget(&self, scope: &str, refused: &Secret) {
        let slot = self.slot(scope);
        let mut state = slot.state();
        if state
            .held
            .as_ref()
            .is_some_and(|held| held.token.token == *refused)
        {
            state.held = None;
        }
    }

    fn slot(&self, scope: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }
}

/// Asks a credential for a token, for so long.
async fn ask(
    credential: &dyn TokenCredential,
    scope: &str,
    patience: Duration,
    holds: bool,
) -> Result<AccessToken, Failure> {
    let scopes = [scope];
    let asking = credential.get_token(&scopes, None);
    match tokio::time::timeout(patience, asking).await {
        Ok(answer) => answer.map_err(|error| credential::failure(&error, holds)),
        Err(_) => {
            let late = format!("no token within {} s", patience.as_secs());
            let error = Error::with_message(ErrorKind::Credential, late);
            Err(credential::failure(&error, holds))
        }
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;

    use super::*;

    /// Gives tokens that live for the seconds told, or fails, and counts.
    #[derive(Debug)]
    struct Mint {
        lives: Mutex<Vec<Option<i64>>>,
        asked: AtomicU64,
    }

    impl Mint {
        fn new(lives: &[Option<i64>]) -> Arc<Self> {
            Arc::new(Self {
                lives: Mutex::new(lives.iter().rev().copied().collect()),
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

    /// A slot with a token that has so many seconds left and is due to be renewed.
    fn due(tokens: &Tokens, left: u64) {
        let now = OffsetDateTime::now_utc();
        tokens.slot("a").state().held = Some(Held {
            token: AccessToken::new("old", now + Duration::from_secs(left)),
            renew_at: now,
        });
    }

    async fn secret(tokens: &Tokens) -> String {
        let token = tokens.get("a").await.expect("a token");
        token.token.secret().to_owned()
    }

    #[tokio::test]
    async fn a_token_near_its_end_is_used_up_while_the_next_is_asked_for() {
        let mint = Mint::new(&[Some(3_600)]);
        let tokens = tokens(&mint);
        due(&tokens, 60);
        assert_eq!(secret(&tokens).await, "old");
        let round = tokens.slot("a").state().round.clone();
        round.expect("one goes on").await.expect("a new one");
        assert_eq!(secret(&tokens).await, "token-0");
        assert_eq!(mint.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn the_last_seconds_of_a_token_are_for_whoever_gets_no_other() {
        let mint = Mint::new(&[Some(3_600), None]);
        let tokens = tokens(&mint);
        due(&tokens, 5);
        assert_eq!(secret(&tokens).await, "token-0");
        due(&tokens, 5);
        assert_eq!(secret(&tokens).await, "old");
        {
            let slot = tokens.slot("a");
            let state = slot.state();
            let held = state.held.as_ref().expect("the old one");
            assert!(held.renew_at <= held.token.expires_on);
        }
        due(&tokens, 0);
        assert!(tokens.get("a").await.is_err());
        assert!(tokens.get("a").await.is_err());
    }

    #[test]
    fn a_token_is_due_in_its_last_minutes_or_half() {
        let now = OffsetDateTime::now_utc();
        for (life, due) in [(3_600, 3_300), (60, 30)] {
            let token = AccessToken::new("t", now + Duration::from_secs(life));
            let held = Held::new(token, now);
            assert_eq!(held.renew_at, now + Duration::from_secs(due));
        }
    }

    /// Hangs, as `az` may, until it is let fail.
    #[derive(Debug, Default)]
    struct Hanging {
        asked: AtomicU64,
        end: tokio::sync::Notify,
    }

    #[async_trait]
    impl TokenCredential for Hanging {
        async fn get_token(
            &self,
            _scopes: &[&str],
            _options: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.end.notified().await;
            Err(Error::with_message(ErrorKind::Credential, "no luck"))
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_the_renewal_of_a_token_that_is_still_good() {
        let hanging = Arc::new(Hanging::default());
        let credential = Arc::clone(&hanging) as Arc<dyn TokenCredential>;
        let tokens = Tokens::new(credential, Duration::from_secs(2), false);
        due(&tokens, 240);
        let at_once = Duration::from_millis(1_500);
        for _ in 0..8 {
            let kept = tokio::time::timeout(at_once, tokens.get("a")).await;
            let kept = kept.expect("nobody waits").expect("the old one");
            assert_eq!(kept.token.secret(), "old");
        }
        // The renewal fails, and is not begun again by whoever comes next.
        hanging.end.notify_one();
        for _ in 0..100 {
            tokio::task::yield_now().await;
            let kept = tokens.get("a").await.expect("the old one");
            assert_eq!(kept.token.secret(), "old");
        }
        assert_eq!(hanging.asked.load(Ordering::SeqCst), 1);
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

//! A container over a network that loses answers: what was written is not written twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use azure_core::error::{Error, ErrorKind};
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, RetryOptions, Transport as HttpTransport,
};

use super::*;
use crate::control::contract::azurite::Azurite;
use crate::provision::objects::{Expected, LeaseId, Leasing as _, ObjectName, Objects as _};
use crate::provision::ports::StoreError;
use crate::remote::azure::BlobContainer;
use crate::remote::azure::token_file::TokenFile;
use crate::remote::azure::transport::Transport;

/// Loses the answers to the next so many writes, which arrive all the same.
#[derive(Debug)]
struct Lossy {
    client: Arc<dyn HttpClient>,
    losses: AtomicUsize,
}

#[async_trait]
impl HttpClient for Lossy {
    async fn execute_request(
        &self,
        request: &azure_core::http::Request,
    ) -> azure_core::Result<AsyncRawResponse> {
        let answer = self.client.execute_request(request).await?;
        let reads = request.method() == azure_core::http::Method::Get;
        let take = |left: usize| left.checked_sub(1);
        let lost = !reads
            && self
                .losses
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok();
        match lost {
            true => Err(Error::with_message(ErrorKind::Io, "connection reset")),
            false => Ok(answer),
        }
    }
}

/// A new container, and the network to it.
async fn lossy() -> Option<(BlobContainer, Arc<Lossy>)> {
    let azurite = Azurite::shared()?;
    let url = format!("{}/{}", azurite.endpoint(), uuid::Uuid::new_v4());
    let ca = std::fs::read_to_string(azurite.ca()).expect("a readable file");
    let transport = Transport::new(&Timing::azure(), true, Some(&ca)).expect("a client");
    let network = Arc::new(Lossy {
        client: transport.http(),
        losses: AtomicUsize::new(0),
    });
    let wire = ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(HttpTransport::new(
            Arc::clone(&network) as Arc<dyn HttpClient>
        )),
        ..ClientOptions::default()
    };
    let mut settings = Settings::new(Cloud::public(), TENANT, Credential::Given(Arc::new(Fixed)));
    settings.clock = StillClock::new();
    let token = Arc::new(TokenFile(azurite.token()));
    let url = url.parse().expect("a URL");
    let container = BlobContainer::over(url, token, wire, settings).expect("a client");
    container.create_if_missing().await.expect("a container");
    Some((container, network))
}

#[tokio::test]
async fn what_was_written_though_its_answer_was_lost_is_not_written_twice() {
    let Some((container, network)) = lossy().await else {
        return;
    };
    let lose = |answers: usize| network.losses.store(answers, Ordering::SeqCst);
    let log = ObjectName::new("log").expect("a name");
    // The log is made, and its answer lost; then the block.
    lose(2);
    container
        .append(&log, 0, b"one", None)
        .await
        .expect("appends");
    lose(2);
    container
        .append(&log, 3, b"two", None)
        .await
        .expect("appends");
    let stored = container.read(&log).await.expect("reads").expect("stands");
    assert_eq!(stored.bytes, b"onetwo");
    // Somebody else went on before the answer was asked for again.
    lose(1);
    container
        .append(&log, 3, b"t", None)
        .await
        .expect("its own");
    let stored = container.read(&log).await.expect("reads").expect("stands");
    assert_eq!(stored.bytes, b"onetwo");
    lose(1);
    let other = container.append(&log, 3, b"six", None).await;
    assert!(matches!(other, Err(StoreError::Moved { .. })), "{other:?}");

    let name = ObjectName::new("record").expect("a name");
    lose(1);
    let first = container.put(&name, b"1", &Expected::Absent, None).await;
    let first = Expected::Unchanged(first.expect("puts"));
    lose(1);
    container
        .put(&name, b"2", &first, None)
        .await
        .expect("puts");
    lose(1);
    let stale = container.put(&name, b"3", &first, None).await;
    assert!(matches!(stale, Err(StoreError::Moved { .. })), "{stale:?}");
}

#[tokio::test]
async fn leases_survive_lost_answers() {
    let Some((container, network)) = lossy().await else {
        return;
    };
    let lose = |answers: usize| network.losses.store(answers, Ordering::SeqCst);
    let name = ObjectName::new("lease").expect("a name");
    container
        .put(&name, b"1", &Expected::Absent, None)
        .await
        .expect("puts");
    let (mine, other) = (LeaseId::random(), LeaseId::random());
    let term = Some(Duration::from_secs(60));
    lose(1);
    container
        .acquire_lease(&name, mine, term)
        .await
        .expect("free");
    let taken = container.acquire_lease(&name, other, term).await;
    assert!(matches!(taken, Err(StoreError::Leased { .. })), "{taken:?}");
    lose(1);
    container.renew_lease(&name, mine).await.expect("renews");
    lose(1);
    container
        .release_lease(&name, mine)
        .await
        .expect("gives back");
    container
        .acquire_lease(&name, other, term)
        .await
        .expect("free");
    assert!(container.is_leased(&name).await.expect("looks"));
    lose(1);
    container.break_lease(&name, true).await.expect("breaks");
    assert!(!container.is_leased(&name).await.expect("looks"));
    let renewed = container.renew_lease(&name, other).await;
    assert!(
        matches!(renewed, Err(StoreError::LeaseLost { .. })),
        "{renewed:?}"
    );
}

#[tokio::test]
async fn tokens_go_nowhere_in_the_clear_and_authorities_are_for_this_machine() {
    for (url, ca, problem) in [
        ("http://127.0.0.1:1/c", None, "is not https"),
        (
            "https://a.blob.core.windows.net/c",
            Some("ca"),
            "is not on this machine",
        ),
    ] {
        let credential = Credential::Given(Arc::new(Fixed));
        let settings = Settings::new(Cloud::public(), TENANT, credential);
        let refused = BlobContainer::open(url.parse().expect("a URL"), ca, settings);
        let failure = refused.err().expect("refused");
        assert!(failure.message.contains(problem), "{failure}");
    }
}

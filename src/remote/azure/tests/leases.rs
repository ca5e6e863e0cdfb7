//! Writes under a lease: each try asks for it, and none is sent once it may not outlast the try.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::provision::ports::{Held, Holder, StoreError, Verdict};

/// A lease that stands for so many questions more.
struct Lasting {
    left: AtomicUsize,
    asked: Mutex<Vec<Duration>>,
}

impl Lasting {
    fn new(left: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(left),
            asked: Mutex::default(),
        })
    }
}

#[async_trait]
impl Held for Lasting {
    fn fence(&self) -> u64 {
        7
    }

    fn check(&self, timeout: Duration) -> Result<(), StoreError> {
        self.asked.lock().expect("asked").push(timeout);
        let take = |left: usize| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::LeaseLost {
                place: "dev".to_owned(),
                reason: "3 s of it are left".to_owned(),
            }),
        }
    }

    fn taken_over(&self) -> Option<&Holder> {
        None
    }

    fn settled(&self) {}

    async fn release(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_is_written_without_the_lease_and_reads_need_none() {
    let bench = Bench::new().await;
    bench
        .on("PUT", REGISTRY, vec![body(200, &state("Succeeded"))])
        .await;
    bench
        .on("GET", REGISTRY, vec![body(200, &state("Succeeded"))])
        .await;
    let azure = bench.azure.under(Lasting::new(0));
    let failure = azure.begin(&put(REGISTRY)).await.expect_err("lost");
    assert_eq!(
        (failure.code.as_str(), failure.verdict),
        ("LeaseLost", Verdict::Unknown)
    );
    assert!(failure.message.contains("3 s of it are left"), "{failure}");
    azure
        .get(&Request::arm(Method::Get, REGISTRY, "1"))
        .await
        .expect("readers need no lease");
    let sent = azure.requests();
    assert_eq!((sent.put, sent.get), (0, 1));
    assert_eq!(
        bench.seen().await,
        [format!("GET {REGISTRY}?api-version=1")]
    );
}

#[tokio::test]
async fn every_further_try_asks_anew() {
    let bench = Bench::new().await;
    bench
        .on(
            "PUT",
            REGISTRY,
            vec![answer(503), answer(503), body(200, &state("Succeeded"))],
        )
        .await;
    let lease = Lasting::new(2);
    let azure = bench.azure.under(lease.clone());
    let failure = azure.begin(&put(REGISTRY)).await.expect_err("lost");
    assert_eq!(failure.code, "LeaseLost");
    assert_eq!(bench.seen().await.len(), 2);
    let timeout = Timing::azure().write_timeout;
    assert_eq!(*lease.asked.lock().expect("asked"), [timeout; 3]);
}

//! What is found out once, by name: whoever asks at the same time shares one search, and one that
//! failed is made again for whoever asks next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

/// A search and what came of it.
type Search<T, E> = Shared<BoxFuture<'static, Result<T, E>>>;

/// What was found, by its name. Its own `Debug` shows nothing of it.
pub(super) struct Kept<T, E>(Mutex<BTreeMap<String, Search<T, E>>>);

impl<T: Clone, E: Clone> Kept<T, E> {
    /// What is known under a name, or what `find` finds.
    ///
    /// # Errors
    /// As `find`. Nobody who asks later gets them.
    pub(super) async fn get<F>(&self, name: &str, find: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let search = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(name) {
                Some(search) if !matches!(search.peek(), Some(Err(_))) => search.clone(),
                _ => {
                    let search = find().boxed().shared();
                    known.insert(name.to_owned(), search.clone());
                    search
                }
            }
        };
        search.await
    }
}

impl<T, E> Default for Kept<T, E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T, E> fmt::Debug for Kept<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn one_search_for_all_who_ask_and_another_after_a_failure() {
        let kept: Kept<u32, u32> = Kept::default();
        let made = Arc::new(AtomicU32::new(0));
        let find = || {
            let made = Arc::clone(&made);
            async move {
                let number = made.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                if number == 0 { Err(number) } else { Ok(number) }
            }
        };
        let both = futures::join!(kept.get("a", find), kept.get("a", find));
        assert_eq!(both, (Err(0), Err(0)));
        for _ in 0..2 {
            assert_eq!(kept.get("a", find).await, Ok(1));
        }
        assert_eq!(kept.get("b", find).await, Ok(2));
    }

    #[tokio::test]
    async fn one_name_does_not_wait_for_another() {
        let kept: Kept<u32, u32> = Kept::default();
        let slow = kept.get("slow", std::future::pending);
        let fast = kept.get("fast", || std::future::ready(Ok(1)));
        tokio::select! {
            biased;
            _ = slow => panic!("it never ends"),
            found = fast => assert_eq!(found, Ok(1)),
        }
    }
}

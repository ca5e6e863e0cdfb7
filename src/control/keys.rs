//! Recorded keys: the public halves of what signs, pinned in the store when they were made.
//!
//! ## Why
//! Whoever can replace a key in a vault could sign as anybody afterwards, and whoever writes to the
//! store could put another key there. So a signature counts only where both name the same key: the
//! store's record is never replaced, and whoever relies on it holds it against the vault. A record
//! is looked up by vault and name, so it has to say both itself: else any other key of ours could
//! be copied into an approver's place.

use std::sync::Arc;

use super::disk::corrupt;
use super::document::{load, place, save};
use crate::provision::objects::{Expected, ObjectName, Objects};
use crate::provision::ports::StoreError;
use crate::provision::signed::RecordedKey;

/// The recorded keys of a store.
#[derive(Clone)]
pub struct Keys {
    objects: Arc<dyn Objects>,
}

fn name(vault: &str, key: &str) -> Result<ObjectName, StoreError> {
    ObjectName::new(format!("keys/{vault}/{key}.json"))
}

impl Keys {
    /// Those that `objects` hold.
    pub fn of(objects: &Arc<dyn Objects>) -> Self {
        Self {
            objects: Arc::clone(objects),
        }
    }

    /// A key as it was recorded; `None` where it never was.
    ///
    /// # Errors
    /// [`StoreError`] when there is a record that cannot be read, or that is another key's.
    pub async fn get(&self, vault: &str, key: &str) -> Result<Option<RecordedKey>, StoreError> {
        let name = name(vault, key)?;
        let found = load::<RecordedKey>(self.objects.as_ref(), &name).await?;
        let Some((recorded, _)) = found else {
            return Ok(None);
        };
        if recorded.key.vault != vault || recorded.key.name != key {
            let problem = format!("it is the record of another key: {}", recorded.key);
            return Err(corrupt(&place(self.objects.as_ref(), &name), None, problem));
        }
        Ok(Some(recorded))
    }

    /// Where the record of a key is, for people.
    ///
    /// # Errors
    /// [`StoreError`] where no record can have that name.
    pub fn place(&self, vault: &str, key: &str) -> Result<String, StoreError> {
        Ok(place(self.objects.as_ref(), &name(vault, key)?))
    }

    /// Records a key, unless one of that name is recorded.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn record(&self, key: &RecordedKey) -> Result<(), StoreError> {
        let name = name(&key.key.vault, &key.key.name)?;
        match save(self.objects.as_ref(), &name, key, &Expected::Absent).await {
            Err(StoreError::Moved { .. }) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::memory::Memory;
    use crate::control::signature::testing::Pair;

    #[tokio::test]
    async fn a_key_counts_only_where_it_is_recorded_itself() {
        let objects: Arc<dyn Objects> = Arc::new(Memory::new());
        let (keys, pair) = (Keys::of(&objects), Pair::new("cosign"));
        keys.record(&pair.recorded).await.expect("kept");
        let vault = &pair.recorded.key.vault;
        let own = keys.get(vault, "cosign").await.expect("reads");
        assert_eq!(own.as_ref(), Some(&pair.recorded));
        for (vault, key) in [
            (vault.as_str(), "approver-ada"),
            ("kv-of-others", "cosign"),
            ("kv-of-others", "approver-ada"),
        ] {
            let there = name(vault, key).expect("a name");
            save(
                objects.as_ref(),
                &there,
                &pair.recorded,
                &Expected::Anything,
            )
            .await
            .expect("put");
            let found = keys.get(vault, key).await;
            assert!(
                matches!(&found, Err(StoreError::Corrupt { problem, .. })
                    if problem.contains("another key")),
                "{vault}/{key}: {found:?}"
            );
        }
    }
}

//! Recorded keys: the public halves of what signs, pinned in the store when they were made.
//!
//! ## Why
//! Whoever can replace a key in a vault could sign as anybody afterwards, and whoever writes to the
//! store could put another key there. So a signature counts only where both name the same key: the
//! store's record is never replaced, and whoever relies on it holds it against the vault.

use std::sync::Arc;

use super::document::{load, save};
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
    /// [`StoreError`] when there is a record that cannot be read.
    pub async fn get(&self, vault: &str, key: &str) -> Result<Option<RecordedKey>, StoreError> {
        let found = load(self.objects.as_ref(), &name(vault, key)?).await?;
        Ok(found.map(|(recorded, _)| recorded))
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

//! A store whose audit log is kept apart from everything that is overwritten.
//!
//! ## Why
//! A container in which nothing can be changed, only appended to, keeps the log even from whoever
//! may write to the store. Leases, heads and snapshots are overwritten, so they stay where they can
//! be. A log in the other place is not looked at: who writes there could put one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::audit;
use crate::provision::objects::{Expected, LeaseId, Leasing, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::StoreError;

/// Objects of which the logs of the audit chain are elsewhere.
pub struct Apart {
    rest: Arc<dyn Leasing>,
    logs: Arc<dyn Leasing>,
}

impl Apart {
    /// The logs of the audit chain in `logs`, everything else in `rest`.
    pub fn new(rest: Arc<dyn Leasing>, logs: Arc<dyn Leasing>) -> Self {
        Self { rest, logs }
    }

    fn of(&self, name: &ObjectName) -> &dyn Leasing {
        match audit::is_log(name) {
            true => self.logs.as_ref(),
            false => self.rest.as_ref(),
        }
    }
}

#[async_trait]
impl Objects for Apart {
    fn place(&self) -> String {
        self.rest.place()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        self.of(name).read(name).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
        let mut names = self.rest.list(folder).await?;
        names.retain(|name| !audit::is_log(name));
        if audit::has_logs(folder) {
            let logs = self.logs.list(folder).await?;
            names.extend(logs.into_iter().filter(audit::is_log));
            names.sort();
        }
        Ok(names)
    }

    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError> {
        self.of(name).put(name, bytes, expected, lease).await
    }

    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        lease: Option<LeaseId>,
    ) -> Result<(), StoreError> {
        self.of(name).append(name, position, bytes, lease).await
    }

    fn appends_per_log(&self) -> u64 {
        self.rest.appends_per_log().min(self.logs.appends_per_log())
    }
}

#[async_trait]
impl Leasing for Apart {
    async fn acquire_lease(
        &self,
        name: &ObjectName,
        lease: LeaseId,
        term: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.of(name).acquire_lease(name, lease, term).await
    }

    async fn renew_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        self.of(name).renew_lease(name, lease).await
    }

    async fn release_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        self.of(name).release_lease(name, lease).await
    }

    async fn break_lease(
        &self,
        name: &ObjectName,
        at_once: bool,
    ) -> Result<Option<Duration>, StoreError> {
        self.of(name).break_lease(name, at_once).await
    }

    async fn is_leased(&self, name: &ObjectName) -> Result<bool, StoreError> {
        self.of(name).is_leased(name).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;

    fn name(text: &str) -> ObjectName {
        ObjectName::new(text).expect("a name")
    }

    #[tokio::test]
    async fn the_audit_log_is_apart_and_nothing_else() {
        let (rest, logs) = (Arc::new(Memory::new()), Arc::new(Memory::new()));
        let apart = Apart::new(rest.clone(), logs.clone());
        let (log, head) = (name("audit/000001.jsonl"), name("audit/head.json"));
        apart.append(&log, 0, b"a\n", None).await.expect("appended");
        let put = apart.put(&head, b"{}", &Expected::Absent, None);
        put.await.expect("put");
        let journal = name("journal/a.jsonl");
        apart
            .append(&journal, 0, b"b\n", None)
            .await
            .expect("appended");
        let [in_logs, in_rest] = [&logs, &rest].map(|held| held.list("audit"));
        assert_eq!(in_logs.await.expect("listed").first(), Some(&log));
        assert_eq!(in_rest.await.expect("listed").first(), Some(&head));
        assert_eq!(rest.list("journal").await.expect("listed"), [journal]);
        let both = [log.clone(), head];
        assert_eq!(apart.list("audit").await.expect("listed"), both);
        // What somebody puts beside it is no log.
        let planted = name("audit/000002.jsonl");
        rest.append(&planted, 0, b"c\n", None)
            .await
            .expect("appended");
        assert_eq!(apart.list("audit").await.expect("listed"), both);
        assert_eq!(apart.read(&planted).await.expect("read"), None);
    }
}

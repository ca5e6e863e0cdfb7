//! The record of leases that people took away: who did it, when and why.

use serde::{Deserialize, Serialize};

use super::Store;
use super::chain::Chain;
use super::clock::rfc3339;
use super::disk::{corrupt, refused};
use super::lease::who;
use crate::provision::objects::ObjectName;
use crate::provision::ports::{Break, Lease, Standing, StoreError};
use crate::resource::EnvironmentName;

const LOG: &str = "breaks/breaks.jsonl";
/// How often an entry is tried again because somebody else wrote one at the same time.
const TRIES: u32 = 5;

/// What a line holds.
#[derive(Serialize, Deserialize)]
struct Line(Break);

impl Store {
    /// Takes the lease of an environment away from whoever has it, and records why. What it was
    /// is told.
    ///
    /// # Errors
    /// [`StoreError::Held`] where only the holder itself can let go; [`StoreError`] when it cannot
    /// be recorded, and then nothing was done.
    pub async fn break_lease(
        &self,
        environment: &EnvironmentName,
        reason: &str,
    ) -> Result<Standing, StoreError> {
        let broken = Break {
            environment: environment.clone(),
            at: rfc3339(self.clock.now()),
            who: who(),
            reason: reason.to_owned(),
        };
        self.record(broken).await?;
        self.break_off(environment).await
    }

    /// Every lease that was taken away, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the record was changed.
    pub async fn breaks(&self) -> Result<Vec<Break>, StoreError> {
        Ok(self.read_breaks().await?.0)
    }

    async fn record(&self, broken: Break) -> Result<(), StoreError> {
        let name = ObjectName::new(LOG)?;
        let line = Line(broken);
        let mut tries = TRIES;
        loop {
            let (_, mut chain, position) = self.read_breaks().await?;
            let text = chain.seal(&line);
            let text = text.map_err(|problem| refused(&self.at(&name), problem))? + "\n";
            let append = self.objects.append(&name, position, text.as_bytes(), None);
            match append.await {
                Err(StoreError::Moved { .. }) if tries > 1 => tries -= 1,
                other => return other,
            }
        }
    }

    async fn read_breaks(&self) -> Result<(Vec<Break>, Chain, u64), StoreError> {
        let name = ObjectName::new(LOG)?;
        let stored = self.objects.read(&name).await?;
        let bytes = stored.map(|stored| stored.bytes).unwrap_or_default();
        let mut chain = Chain::default();
        let mut breaks = Vec::new();
        for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let damaged = |problem: String| corrupt(&self.at(&name), Some(index + 1), problem);
            let line = line
                .strip_suffix(b"\n")
                .ok_or_else(|| damaged("it was cut off".to_owned()))?;
            let opened = chain.open::<Line>(line);
            breaks.push(opened.map_err(|broken| damaged(broken.to_string()))?.0);
        }
        let length = u64::try_from(bytes.len()).expect("memory counts in less than 64 bits");
        Ok((breaks, chain, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn breaks_are_recorded_and_a_changed_record_is_found() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Store::folder(here.path()).expect("opens");
        let dev: EnvironmentName = "dev".parse().expect("a name");
        assert_eq!(store.breaks().await.expect("reads"), []);
        for reason in ["the agent is gone", "again"] {
            let was = store.break_lease(&dev, reason).await.expect("breaks");
            assert_eq!(was, Standing::Free);
        }
        let reasons: Vec<_> = store.breaks().await.expect("reads");
        let reasons: Vec<_> = reasons.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["the agent is gone", "again"]);
        let file = here.path().join(LOG);
        let text = std::fs::read_to_string(&file).expect("reads");
        std::fs::write(&file, text.replace("gone", "here")).expect("writes");
        let error = store.breaks().await.expect_err("changed");
        assert!(matches!(error, StoreError::Corrupt { line: Some(1), .. }));
    }

    #[tokio::test]
    async fn a_live_holder_on_this_machine_keeps_its_lock() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Store::folder(here.path()).expect("opens");
        let dev: EnvironmentName = "dev".parse().expect("a name");
        let _held = store
            .acquire(std::slice::from_ref(&dev), "apply")
            .await
            .expect("free");
        let error = store.break_lease(&dev, "why not").await.expect_err("held");
        assert!(matches!(error, StoreError::Held { .. }), "{error}");
    }
}

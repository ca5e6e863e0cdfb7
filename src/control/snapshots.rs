//! Applied snapshots: one sealed line per environment, replaced as a whole.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::chain::Chain;
use super::clock::rfc3339;
use super::disk::{corrupt, refused};
use super::{Clock, Store};
use crate::provision::objects::{Expected, ObjectName, Stored, Tag};
use crate::provision::ports::{Snapshots, StoreError};
use crate::resource::EnvironmentName;

const SUFFIX: &str = ".json";

/// What the object of an environment holds.
#[derive(Serialize, Deserialize)]
struct Applied {
    environment: EnvironmentName,
    at: String,
    snapshot: Json,
}

fn name(environment: &EnvironmentName) -> Result<ObjectName, StoreError> {
    ObjectName::new(format!("applied/{environment}{SUFFIX}"))
}

impl Store {
    /// The snapshot of an environment, and the tag that it has.
    async fn snapshot(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<(Json, Tag)>, StoreError> {
        let name = name(environment)?;
        let Some(Stored { bytes, tag }) = self.objects.read(&name).await? else {
            return Ok(None);
        };
        let snapshot = open(&self.at(&name), &bytes, environment)?;
        Ok(Some((snapshot, tag)))
    }
}

#[async_trait]
impl Snapshots for Store {
    async fn environments(&self) -> Result<Vec<EnvironmentName>, StoreError> {
        let names = self.objects.list("applied").await?;
        let mut found: Vec<EnvironmentName> = names
            .iter()
            .filter_map(|name| name.last().strip_suffix(SUFFIX)?.parse().ok())
            .collect();
        found.sort();
        Ok(found)
    }

    async fn load(&self, environment: &EnvironmentName) -> Result<Option<Json>, StoreError> {
        let found = self.snapshot(environment).await?;
        Ok(found.map(|(snapshot, _)| snapshot))
    }

    async fn save(&self, environment: &EnvironmentName, snapshot: &Json) -> Result<(), StoreError> {
        let name = name(environment)?;
        // What cannot be read may be a newer onestream's, or evidence: it stays.
        let expected = match self.snapshot(environment).await? {
            Some((_, tag)) => Expected::Unchanged(tag),
            None => Expected::Absent,
        };
        let applied = Applied {
            environment: environment.clone(),
            at: rfc3339(Clock::now(&*self.clock)),
            snapshot: snapshot.clone(),
        };
        let line = Chain::default().seal(&applied);
        let line = line.map_err(|problem| refused(&self.at(&name), problem))? + "\n";
        let put = self.objects.put(&name, line.as_bytes(), &expected, None);
        put.await.map(drop)
    }
}

fn open(place: &str, bytes: &[u8], environment: &EnvironmentName) -> Result<Json, StoreError> {
    let line = bytes
        .strip_suffix(b"\n")
        .ok_or_else(|| corrupt(place, None, "it was cut off"))?;
    let applied: Applied = Chain::default()
        .open(line)
        .map_err(|problem| corrupt(place, None, problem))?;
    if applied.environment != *environment {
        let problem = format!("it is the snapshot of {}", applied.environment);
        return Err(corrupt(place, None, problem));
    }
    Ok(applied.snapshot)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;
    use time::macros::utc_datetime;

    use super::*;
    use crate::control::ManualClock;
    use crate::control::arbitrary::{json as any_json, wait};

    fn prod() -> EnvironmentName {
        "prod".parse().expect("a name")
    }

    fn store(here: &tempfile::TempDir) -> Store {
        let clock = Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)));
        Store::folder_with_clock(here.path(), clock).expect("opens")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_is_loaded_is_what_was_saved_last(snapshots in prop::collection::vec(any_json(), 1..4)) {
            let here = tempfile::tempdir().expect("a folder");
            for snapshot in snapshots {
                wait(store(&here).save(&prod(), &snapshot)).expect("saves");
                prop_assert_eq!(wait(store(&here).load(&prod())).expect("loads"), Some(snapshot));
            }
            let files = fs::read_dir(here.path().join("applied")).expect("lists");
            let names = files.map(|file| file.expect("lists").file_name());
            let drafts = names.filter(|name| name.to_string_lossy().starts_with(".draft")).count();
            prop_assert_eq!(drafts, 0, "drafts are left");
        }

        #[test]
        fn every_changed_and_every_missing_byte_is_found(
            snapshot in any_json(),
            change in 1..=u8::MAX,
        ) {
            let here = tempfile::tempdir().expect("a folder");
            let path = here.path().join("applied/prod.json");
            wait(store(&here).save(&prod(), &snapshot)).expect("saves");
            let mut bytes = fs::read(&path).expect("reads");
            for at in 0..bytes.len() {
                bytes[at] ^= change;
                fs::write(&path, &bytes).expect("writes");
                let found = wait(store(&here).load(&prod()));
                prop_assert!(matches!(found, Err(StoreError::Corrupt { .. })), "byte {at}");
                bytes[at] ^= change;
                fs::write(&path, &bytes[..at]).expect("writes");
                let found = wait(store(&here).load(&prod()));
                prop_assert!(matches!(found, Err(StoreError::Corrupt { .. })), "cut at {at}");
            }
        }
    }

    #[tokio::test]
    async fn the_stored_form_of_version_1() {
        let here = tempfile::tempdir().expect("a folder");
        let text = concat!(
            r#"{"version":1,"number":1,"content":{"environment":"prod","#,
            r#""at":"2026-07-31T10:15:30.000Z","snapshot":{"a":1}},"#,
            r#""checksum":"70353b3bf8054b2d"}"#,
            "\n",
        );
        store(&here)
            .save(&prod(), &json!({"a": 1}))
            .await
            .expect("saves");
        let path = here.path().join("applied/prod.json");
        assert_eq!(fs::read_to_string(path).expect("reads"), text);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_replaced() {
        let here = tempfile::tempdir().expect("a folder");
        fs::create_dir(here.path().join("applied")).expect("makes");
        let path = here.path().join("applied/prod.json");
        let newer = "{\"version\":2,\"snapshot\":{}}\n";
        fs::write(&path, newer).expect("writes");
        let error = store(&here)
            .save(&prod(), &json!({}))
            .await
            .expect_err("refused");
        assert!(
            error.to_string().contains("a newer one wrote it"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).expect("reads"), newer);
    }

    #[tokio::test]
    async fn a_snapshot_of_another_environment_is_refused() {
        let here = tempfile::tempdir().expect("a folder");
        store(&here).save(&prod(), &json!({})).await.expect("saves");
        let applied = here.path().join("applied");
        fs::copy(applied.join("prod.json"), applied.join("dev.json")).expect("copies");
        let dev = "dev".parse().expect("a name");
        let error = store(&here).load(&dev).await.expect_err("refused");
        assert!(
            error.to_string().ends_with("it is the snapshot of prod"),
            "{error}"
        );
    }
}

//! Approvals in the store: one sealed document for each plan and approver.

use std::sync::Arc;

use super::document::{load, place, save};
use super::signature::verifies;
use crate::provision::approval::{Approval, Found};
use crate::provision::objects::{Expected, ObjectName, Objects};
use crate::provision::ports::StoreError;
use crate::provision::signed::RecordedKey;

/// The approvals of a store.
#[derive(Clone)]
pub struct Approvals {
    objects: Arc<dyn Objects>,
}

impl Approvals {
    /// Those that `objects` hold.
    pub fn of(objects: &Arc<dyn Objects>) -> Self {
        Self {
            objects: Arc::clone(objects),
        }
    }

    /// Keeps an approval in place of an earlier one of the same person for the same plan.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn save(&self, approval: &Approval) -> Result<(), StoreError> {
        let said = &approval.statement;
        let name = ObjectName::new(format!("approvals/{}/{}.json", said.plan, said.approver))?;
        save(self.objects.as_ref(), &name, approval, &Expected::Anything).await
    }

    /// What there is for a plan, by its digest. What cannot be read counts for nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be looked into.
    pub async fn for_plan(&self, plan: &str) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        for name in self.objects.list(&format!("approvals/{plan}")).await? {
            let approval = match load::<Approval>(self.objects.as_ref(), &name).await {
                Ok(Some((approval, _))) => Ok(approval),
                Ok(None) => continue,
                Err(StoreError::Corrupt { problem, .. }) => {
                    Err(format!("it is not readable: {problem}"))
                }
                Err(error) => return Err(error),
            };
            found.push(Found {
                place: place(self.objects.as_ref(), &name),
                approval,
            });
        }
        Ok(found)
    }
}

/// Whether the key that was recorded for an approver has signed an approval.
///
/// # Errors
/// Why not, for people.
pub fn is_genuine(approval: &Approval, key: Option<&RecordedKey>) -> Result<(), String> {
    let said = &approval.statement;
    let Some(key) = key else {
        return Err(format!("no key of {} is recorded", said.approver));
    };
    if said.key != key.key {
        return Err(format!(
            "it names {}, and {} is recorded",
            said.key, key.key
        ));
    }
    match verifies(key, &said.text(), &approval.signature) {
        true => Ok(()),
        false => Err(format!("{} did not sign it: it is forged", key.key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Folder;
    use crate::control::signature::testing::Pair;
    use crate::provision::approval::Statement;

    const PLAN: &str = "00112233";

    fn signed(pair: &Pair) -> Approval {
        let statement = Statement {
            plan: PLAN.to_owned(),
            environments: vec!["prod".parse().expect("a name")],
            approver: "ada".to_owned(),
            object_id: "1".to_owned(),
            at: "2026-07-31T10:00:00.000Z".to_owned(),
            expires: "2026-07-31T18:00:00.000Z".to_owned(),
            key: pair.recorded.key.clone(),
        };
        let signature = pair.sign(&statement.text());
        Approval {
            statement,
            signature,
        }
    }

    #[test]
    fn every_word_of_an_approval_is_signed() {
        let pair = Pair::new("approver-ada");
        let key = Some(&pair.recorded);
        assert_eq!(is_genuine(&signed(&pair), key), Ok(()));
        let changes: [fn(&mut Statement); 7] = [
            |it| it.plan.push('0'),
            |it| it.environments.clear(),
            |it| it.approver.push('x'),
            |it| it.object_id.push('0'),
            |it| it.at.push('0'),
            |it| it.expires = "2027-07-31T18:00:00.000Z".to_owned(),
            |it| it.key.version.push('0'),
        ];
        for change in changes {
            let mut forged = signed(&pair);
            change(&mut forged.statement);
            assert!(is_genuine(&forged, key).is_err(), "{forged:?}");
        }
        let other = Pair::new("approver-ada");
        assert!(is_genuine(&signed(&pair), Some(&other.recorded)).is_err());
        assert!(is_genuine(&signed(&pair), None).is_err());
    }

    #[tokio::test]
    async fn every_changed_byte_makes_an_approval_void() {
        let here = tempfile::tempdir().expect("a folder");
        let objects: Arc<dyn Objects> = Arc::new(Folder::open(here.path()).expect("opens"));
        let (approvals, pair) = (Approvals::of(&objects), Pair::new("approver-ada"));
        approvals.save(&signed(&pair)).await.expect("kept");
        let path = here.path().join(format!("approvals/{PLAN}/ada.json"));
        let mut bytes = std::fs::read(&path).expect("reads");
        let counts = || async {
            let found = approvals.for_plan(PLAN).await.expect("lists");
            let genuine = |one: &Found| {
                let approval = one.approval.as_ref().ok();
                approval.is_some_and(|it| is_genuine(it, Some(&pair.recorded)).is_ok())
            };
            found.iter().any(genuine)
        };
        assert!(counts().await);
        for at in 0..bytes.len() {
            bytes[at] ^= 0x20;
            std::fs::write(&path, &bytes).expect("writes");
            assert!(!counts().await, "byte {at}");
            bytes[at] ^= 0x20;
        }
    }
}

//! Every region of every file that a run leaves is sealed: whatever is changed there shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use onestream::control::audit::Ledger;
use onestream::control::{Approvals, Folder, Keys, Store, is_genuine};
use onestream::kinds::KINDS;
use onestream::provision::objects::Objects;
use onestream::provision::plan;
use onestream::provision::ports::{Journal as _, Snapshots as _};
use onestream::provision::signed::RecordedKey;

use crate::program::Root;

/// Into how many regions a file is divided.
const REGIONS: usize = 48;
const VAULT: &str = "kv-onestream-shared";

/// A root with an applied plan that was approved.
struct Left {
    root: Root,
    digest: String,
    audit: RecordedKey,
    ada: RecordedKey,
}

fn store(root: &Root) -> PathBuf {
    root.file(".onestream/control")
}

impl Left {
    async fn behind() -> Self {
        let root = Root::sample();
        root.expect(0, &["apply", "--auto-approve"]);
        root.replace(
            "environments/prod.toml",
            "name = \"onestreamprod\"\n",
            "name = \"onestreamprod\"\ndata_endpoint = true\n",
        );
        root.expect(0, &["plan", "--out", "change.json"]);
        root.approve("ada", "change.json");
        root.expect(0, &["apply", "change.json"]);
        let plan = plan::read(&root.file("change.json"), KINDS).expect("a plan");
        let objects: Arc<dyn Objects> = Arc::new(Folder::open(store(&root)).expect("opens"));
        let keys = Keys::of(&objects);
        let key = async |name| {
            keys.get(VAULT, name)
                .await
                .expect("reads")
                .expect("recorded")
        };
        Self {
            digest: plan::digest(&plan),
            audit: key("audit").await,
            ada: key("approver-ada").await,
            root,
        }
    }

    /// Whether everything that is left is as it was written, for whoever reads it.
    async fn is_sound(&self) -> bool {
        let objects: Arc<dyn Objects> = Arc::new(Folder::open(store(&self.root)).expect("opens"));
        let control = Store::folder(store(&self.root)).expect("opens");
        let plan = plan::read(&self.root.file("change.json"), KINDS);
        let journal = control.entries(&self.digest).await;
        let chain = Ledger::of(&objects).read().await;
        let chain = chain.map(|it| it.verify(Some(&self.audit)).is_empty());
        let approvals = Approvals::of(&objects).for_plan(&self.digest).await;
        let genuine = approvals.is_ok_and(|found| {
            let approval = found.first().and_then(|one| one.approval.as_ref().ok());
            approval.is_some_and(|it| is_genuine(it, Some(&self.ada)).is_ok())
        });
        let keys = Keys::of(&objects);
        let mut recorded = true;
        for (name, known) in [("audit", &self.audit), ("approver-ada", &self.ada)] {
            let key = keys.get(VAULT, name).await;
            recorded &= key.is_ok_and(|key| key.as_ref() == Some(known));
        }
        let mut applied = true;
        for name in ["shared", "dev", "staging", "prod"] {
            let name = name.parse().expect("a name");
            applied &= control.load(&name).await.is_ok_and(|it| it.is_some());
        }
        plan.is_ok_and(|plan| plan::digest(&plan) == self.digest)
            && journal.is_ok_and(|entries| entries.len() > 2)
            && chain.unwrap_or(false)
            && genuine
            && recorded
            && applied
    }
}

/// The files that this is about: no locks, and of the journal only the saved plan's.
fn files(left: &Left) -> Vec<PathBuf> {
    let mut found = vec![left.root.file("change.json")];
    let mut open = vec![store(&left.root)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            let other_run = path.parent().is_some_and(|it| it.ends_with("journal"))
                && !name.starts_with(&left.digest[..16]);
            if path.is_dir() {
                open.push(path);
            } else if !name.starts_with('.') && !name.ends_with("lock") && !other_run {
                found.push(path);
            }
        }
    }
    found.retain(|path| !path.ends_with("approver-grace.json"));
    found.retain(|path| !path.starts_with(store(&left.root).join("lease")));
    found
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("reads");
    bytes[at] ^= 0x01;
    std::fs::write(path, bytes).expect("writes");
}

#[tokio::test]
async fn a_changed_byte_in_any_region_of_any_file_is_found() {
    let left = Left::behind().await;
    assert!(left.is_sound().await);
    let files = files(&left);
    let kinds = [
        "journal",
        "audit",
        "approvals",
        "keys",
        "applied",
        "change.json",
    ];
    for kind in kinds {
        let named = |path: &PathBuf| path.to_string_lossy().contains(kind);
        assert!(files.iter().any(named), "no {kind} among {files:?}");
    }
    for path in &files {
        let length = std::fs::metadata(path).expect("there").len() as usize;
        for region in 0..REGIONS.min(length) {
            // Another place in each region of each file.
            let (from, to) = (region * length / REGIONS, (region + 1) * length / REGIONS);
            let at = if to > from {
                from + (region * 31) % (to - from)
            } else {
                from
            };
            flip(path, at);
            assert!(
                !left.is_sound().await,
                "{}: byte {at} of {length}",
                path.display()
            );
            flip(path, at);
        }
    }
    assert!(left.is_sound().await);
}

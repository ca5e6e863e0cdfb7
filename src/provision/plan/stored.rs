//! Saved plans: a file that says exactly what was reviewed, sealed by its digest.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use super::{Operation, Plan, VERSION, check, widening};
use crate::resource::{Kinds, digest};

/// Why a saved plan cannot be used.
#[derive(Debug, Error)]
pub enum StoredError {
    /// The file cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a plan.
    #[error("{} is not a saved plan: {problem}", path.display())]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file was written by a version of another format.
    #[error("{} has format {found}; this program knows format {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// The plan speaks of a kind that this program does not know.
    #[error("the plan speaks of a `{0}`, which this program does not know")]
    UnknownKind(String),
    /// The plan is not what its seal says.
    #[error("{} was changed after it was written: its digest does not match", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
    },
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    digest: String,
    plan: Json,
}

/// The SHA-256 of a plan's canonical JSON, hexadecimal: its identity in journal and approvals.
///
/// It covers cloud, tenant, subscriptions, format, every desired value (late ones as what they
/// wait for) and the image of every object that the plan was made on.
pub fn digest(plan: &Plan) -> String {
    seal(&canonical(plan))
}

/// A plan as JSON. Maps are ordered, so equal plans give equal bytes.
fn canonical(plan: &Plan) -> Json {
    serde_json::to_value(plan).expect("a plan holds texts, numbers, lists and maps with text keys")
}

fn seal(plan: &Json) -> String {
    digest::hex(plan.to_string())
}

/// Writes a plan to a file that does not exist yet or is a plan itself.
///
/// # Errors
/// [`StoredError::Io`], and [`StoredError::NotAPlan`] rather than overwriting something else.
pub fn write(path: &Path, plan: &Plan) -> Result<String, StoredError> {
    if path.exists() {
        match load(path) {
            Err(error @ StoredError::NotAPlan { .. }) => return Err(error),
            Err(error @ StoredError::Io { .. }) => return Err(error),
            Err(_) | Ok(_) => {}
        }
    }
    let json = canonical(plan);
    let digest = seal(&json);
    let file = File {
        version: VERSION,
        digest: digest.clone(),
        plan: json,
    };
    let mut text =
        serde_json::to_string_pretty(&file).expect("a JSON value and two scalars serialise");
    text.push('\n');
    let io = |source| StoredError::Io {
        doing: "write",
        path: path.to_owned(),
        source,
    };
    let folder = folder_for(path).map_err(io)?;
    // Whole or not at all: a reader never sees half a plan. The scratch file has a name that
    // nobody can foresee, so nobody can have put a link there.
    let mut scratch = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    std::io::Write::write_all(&mut scratch, text.as_bytes()).map_err(io)?;
    scratch.persist(path).map_err(|error| io(error.error))?;
    Ok(digest)
}

/// The folder that a plan is written in. Only `plans` itself is made where it is missing: any
/// other missing folder is more likely a slip of the pen.
fn folder_for(path: &Path) -> std::io::Result<&Path> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.exists() && folder.file_name().is_some_and(|name| name == "plans") {
        std::fs::create_dir(folder)?;
    }
    Ok(folder)
}

/// Reads a plan, checks its seal, and that it is one that planning over `kinds` could have made.
///
/// # Errors
/// [`StoredError`] for a file that is missing, not a plan, newer, or changed since.
pub fn read(path: &Path, kinds: Kinds) -> Result<Plan, StoredError> {
    let file = load(path)?;
    let not_a_plan = |problem: String| StoredError::NotAPlan {
        path: path.to_owned(),
        problem,
    };
    let mut plan: Plan =
        serde_json::from_value(file.plan).map_err(|e| not_a_plan(e.to_string()))?;
    let unknown = |operation: &&Operation| kinds.named(&operation.kind).is_none();
    if let Some(operation) = plan.operations.iter().find(unknown) {
        return Err(StoredError::UnknownKind(operation.kind.clone()));
    }
    if let Some(problem) = check::flaw(&plan, kinds) {
        return Err(not_a_plan(problem));
    }
    let operations = plan.operations.iter();
    let known: Vec<_> = operations.map(|it| kinds.named(&it.kind)).collect();
    widening::mark(&mut plan.operations, |index| known[index]);
    Ok(plan)
}

fn load(path: &Path) -> Result<File, StoredError> {
    let bytes = std::fs::read(path).map_err(|source| StoredError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    let not_a_plan = |problem: String| StoredError::NotAPlan {
        path: path.to_owned(),
        problem,
    };
    let json: Json = serde_json::from_slice(&bytes).map_err(|e| not_a_plan(e.to_string()))?;
    let version = json.get("version").and_then(Json::as_u64);
    if let Some(found) = version.filter(|found| *found != u64::from(VERSION)) {
        return Err(StoredError::Newer {
            path: path.to_owned(),
            found,
        });
    }
    let file: File = serde_json::from_value(json).map_err(|e| not_a_plan(e.to_string()))?;
    if seal(&file.plan) != file.digest {
        return Err(StoredError::Tampered {
            path: path.to_owned(),
        });
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provision::testing::{FakeCloud, KINDS, World};

    async fn plan() -> Plan {
        let mut world = World::with_store();
        world.cluster("dev", "k");
        // Numbers that JSON text could round.
        world.set("dev.store.a", "properties.size", json!(0.1 + 0.2));
        world.plan(&FakeCloud::default()).await
    }

    fn edit(path: &Path, change: impl FnOnce(&mut Json)) {
        let mut file: Json =
            serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON");
        change(&mut file);
        file["digest"] = json!(seal(&file["plan"]));
        std::fs::write(path, file.to_string()).expect("written");
    }

    #[tokio::test]
    async fn a_plan_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plans/plan.json");
        let plan = plan().await;
        let digest = write(&path, &plan).expect("written");
        assert_eq!(
            (read(&path, KINDS).expect("read"), digest),
            (plan.clone(), super::digest(&plan))
        );
        // Over itself, even over one that somebody changed; never over anything else.
        edit(&path, |file| file["plan"]["adopt"] = json!(true));
        write(&path, &plan).expect("written again");
        std::fs::write(&path, "notes").expect("written");
        assert!(matches!(
            write(&path, &plan),
            Err(StoredError::NotAPlan { .. })
        ));
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "notes");
        assert!(matches!(
            read(folder.path(), KINDS),
            Err(StoredError::Io { .. })
        ));
    }

    #[tokio::test]
    async fn a_plan_is_written_through_no_link_and_into_no_other_new_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan().await;
        for missing in ["new/plan.json", "new/plans/plan.json"] {
            let written = write(&folder.path().join(missing), &plan);
            assert!(matches!(written, Err(StoredError::Io { .. })), "{missing}");
        }
        assert!(!folder.path().join("new").exists());
        let theirs = folder.path().join("theirs");
        std::fs::write(&theirs, "kept").expect("written");
        let scratch = folder.path().join("plan.json.partial");
        std::fs::hard_link(&theirs, &scratch).expect("linked");
        write(&folder.path().join("plan.json"), &plan).expect("written");
        assert_eq!(std::fs::read_to_string(&theirs).expect("there"), "kept");
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 3, "the plan and what was there");
    }

    #[tokio::test]
    async fn a_plan_of_another_format_or_with_wrong_numbers_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        let plan = plan().await;
        let last = plan.operations.len();
        let write_with = |change: &dyn Fn(&mut Json)| {
            std::fs::remove_file(&path).ok();
            write(&path, &plan).expect("written");
            edit(&path, change);
            read(&path, KINDS)
        };
        for version in [0, 2] {
            let found = write_with(&|file| file["version"] = json!(version));
            assert!(matches!(found, Err(StoredError::Newer { found, .. }) if found == version));
        }
        let edge = |before: usize, after: usize| json!({"before": before, "after": after, "needs_success": true});
        let wrong: [&dyn Fn(&mut Json); 5] = [
            &|file| file["plan"]["edges"][0] = edge(0, last),
            &|file| file["plan"]["edges"] = json!([edge(0, 1), edge(1, 0)]),
            &|file| file["plan"]["edges"][0] = edge(0, 0),
            &|file| file["plan"]["operations"][0]["restores"] = json!(last),
            &|file| file["plan"]["operations"][0]["carries"] = json!([last]),
        ];
        for change in wrong {
            let found = write_with(change);
            assert!(
                matches!(found, Err(StoredError::NotAPlan { .. })),
                "{found:?}"
            );
        }
        std::fs::write(&path, "{\"version\": 1}").expect("written");
        assert!(matches!(
            read(&path, KINDS),
            Err(StoredError::NotAPlan { .. })
        ));
    }

    #[tokio::test]
    async fn a_changed_plan_does_not_match_its_seal() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        write(&path, &plan().await).expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, text.replace("dev.store.a", "dev.store.b")).expect("written");
        assert!(matches!(
            read(&path, KINDS),
            Err(StoredError::Tampered { .. })
        ));
    }
}

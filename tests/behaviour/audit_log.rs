//! The audit log as people read it: what was done to it shows, and where.

use std::sync::Arc;

use onestream::control::audit::Ledger;
use onestream::control::{Folder, Keys, Store};
use onestream::provision::objects::Objects;
use onestream::provision::ports::Lease as _;
use serde_json::Value as Json;

use crate::program::Root;

const LOG: &str = ".onestream/control/audit/000001.jsonl";

#[test]
fn what_is_done_to_the_log_is_told_with_its_place() {
    let root = Root::sample();
    root.expect(0, &["audit", "verify"]);
    root.expect(0, &["apply", "--auto-approve"]);
    let sound = root.expect(0, &["audit", "verify"]);
    assert!(
        sound
            .out
            .contains("2 entries, as they were written, signed by"),
        "{}",
        sound.out
    );
    let written = root.read(LOG);
    let lines: Vec<&str> = written.lines().collect();
    let (first, second) = (lines[0], lines[1]);
    for (told, log) in [
        (
            "000001.jsonl:1: it was changed",
            written.replacen("\"apply\"", "\"plan\"", 1),
        ),
        (
            "000001.jsonl:1: entry 1 is missing before it",
            format!("{second}\n"),
        ),
        (
            "head.json: it vouches for 2 entries, and 1 are there",
            format!("{first}\n"),
        ),
        (
            "000001.jsonl:2: it is entry 1 where 2 is due",
            format!("{first}\n{first}\n"),
        ),
    ] {
        root.write(LOG, &log);
        for flags in [&["audit", "verify"][..], &["audit", "verify", "--offline"]] {
            let found = root.expect(3, flags);
            let said = found.out.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(told), "{told}: {}", found.out);
        }
    }
    let found = root.expect(3, &["audit", "verify", "--format", "json"]);
    let found: Json = serde_json::from_str(&found.out).expect("one document");
    assert_eq!(found["kind"], "audit_verification");
    assert_eq!(found["sound"], false);
    root.expect(4, &["audit", "log"]);
    std::fs::remove_dir_all(root.file(".onestream/control/audit")).expect("removed");
    let found = root.expect(3, &["audit", "verify"]);
    assert!(found.out.contains("no head is signed"), "{}", found.out);
}

#[test]
fn who_deletes_the_key_signs_before_and_the_next_run_after() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    let gone = root.expect(0, &["destroy", "--auto-approve", "--allow-destroy", "*"]);
    assert!(
        gone.err.contains("the audit log ends unsigned"),
        "{}",
        gone.err
    );
    // That it was begun had been signed while the key was still there.
    for (code, flags) in [
        (4, &["audit", "verify"][..]),
        (0, &["audit", "verify", "--offline"]),
    ] {
        let json = [flags, &["--format", "json"]].concat();
        let json: Json = serde_json::from_str(&root.expect(code, &json).out).expect("JSON");
        assert_eq!(
            (&json["sound"], &json["flaws"]),
            (&Json::Null, &Json::Array(vec![]))
        );
    }
    let open = root.expect(4, &["audit", "verify"]);
    let told = open.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "4 entries, each fits the one before; signed by",
        "which was not held against its vault; nobody vouches for 1",
        "(the key or its vault is deleted): whoever could write",
        "entry 4 is not signed yet: whoever could write",
    ] {
        assert!(told.contains(said), "{said}: {}", open.out);
    }
    root.expect(0, &["apply", "--auto-approve"]);
    let closed = root.expect(0, &["audit", "verify"]);
    assert!(
        closed
            .out
            .contains("6 of 7 entries as they were written, signed by"),
        "{}",
        closed.out
    );
}

const AUDIT: &str = ".onestream/control/audit";
const HEAD: &str = ".onestream/control/audit/head.json";
const KEY: &str = ".onestream/control/keys/kv-onestream-shared/audit.json";

/// Writes the log anew, with other words and with the hashes that belong to them.
async fn rewrite(root: &Root) {
    let objects: Arc<dyn Objects> =
        Arc::new(Folder::open(root.file(".onestream/control")).expect("opens"));
    let ledger = Ledger::of(&objects);
    let links = ledger.read().await.expect("reads").links;
    let head = root.read(HEAD);
    std::fs::remove_dir_all(root.file(AUDIT)).expect("removed");
    for link in links {
        let mut record = link.record;
        record.actor.machine = "eve@elsewhere".to_owned();
        ledger.append(&record).await.expect("appends");
    }
    root.write(HEAD, &head);
}

#[tokio::test]
async fn no_later_run_signs_what_was_falsified() {
    let root = Root::sample();
    let apply = ["apply", "--auto-approve"];
    root.expect(0, &apply);
    let (log, head) = (root.read(LOG), root.read(HEAD));
    let still_told = |root: &Root, what: &str| {
        root.replace(
            "environments/dev.toml",
            "[registry]\n",
            "[registry]\n# another\n",
        );
        let ran = root.expect(4, &apply);
        assert!(
            ran.err.contains("the audit log is not as it was written"),
            "{what}: {}",
            ran.err
        );
        root.expect(3, &["audit", "verify"]);
    };
    rewrite(&root).await;
    still_told(&root, "rewritten");
    assert_eq!(root.read(HEAD), head);
    let first = log.lines().next().expect("a line");
    root.write(LOG, &format!("{first}\n"));
    still_told(&root, "cut off");
    // A change of its own makes the log as long as it was, and longer.
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    still_told(&root, "cut off and carried on");
    assert_eq!(root.read(HEAD), head);
    root.write(LOG, &log);
    std::fs::remove_file(root.file(HEAD)).expect("removed");
    still_told(&root, "without a head");
    // As it was, it lacks the run that carried it on, until that journal is kept elsewhere.
    root.write(LOG, &log);
    root.write(HEAD, &head);
    still_told(&root, "without the run that carried it on");
    std::fs::remove_dir_all(root.file(".onestream/control/journal")).expect("removed");
    root.expect(0, &apply);
    root.expect(0, &["audit", "verify"]);
}

#[test]
fn a_run_that_is_killed_while_it_signs_first_leaves_nothing_wrong() {
    let root = Root::sample();
    let apply = ["apply", "--auto-approve"];
    root.expect(0, &apply);
    // Before its key was recorded, which comes last.
    std::fs::remove_file(root.file(KEY)).expect("removed");
    let asked = root.expect(0, &["audit", "verify"]);
    assert!(asked.err.contains("is not recorded"), "{}", asked.err);
    root.expect(3, &["audit", "verify", "--offline"]);
    root.expect(0, &apply);
    root.expect(0, &["audit", "verify", "--offline"]);
    // Before it signed at all.
    std::fs::remove_file(root.file(KEY)).expect("removed");
    std::fs::remove_file(root.file(HEAD)).expect("removed");
    root.expect(0, &["audit", "verify"]);
    root.expect(0, &apply);
    root.expect(0, &["audit", "verify", "--offline"]);
}

#[tokio::test]
async fn what_anybody_appended_is_signed_only_as_found_unsigned() {
    let root = Root::sample();
    let apply = ["apply", "--auto-approve"];
    root.expect(0, &apply);
    let folder = Folder::open(root.file(".onestream/control")).expect("opens");
    let objects: Arc<dyn Objects> = Arc::new(folder);
    let ledger = Ledger::of(&objects);
    let written = ledger.read().await.expect("reads").links;
    for link in &written {
        ledger.append(&link.record).await.expect("appends");
    }
    let verify = |told: &[&str]| {
        let found = root.expect(0, &["audit", "verify"]);
        let said = found.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for told in told {
            assert!(said.contains(told), "{told}: {said}");
        }
        assert!(!said.contains("entries, as they were written"), "{said}");
    };
    verify(&[
        "2 of 4 entries as they were written, signed by",
        "entries 3 to 4 are not signed yet: whoever could write to the store may have",
    ]);
    root.expect(0, &apply);
    // The run that signs is not the last word on it: the next one says no more.
    for _ in 0..2 {
        verify(&[
            "3 of 5 entries as they were written, signed by",
            "entries 3 to 4 were found unsigned by a later run: whoever could write to the",
        ]);
        root.expect(0, &apply);
    }
    let page = root.expect(0, &["audit", "verify", "--format", "markdown"]);
    assert!(
        page.out.contains("3 to 4 were found unsigned"),
        "{}",
        page.out
    );
    let json = root.expect(0, &["audit", "verify", "--format", "json"]);
    let json: Json = serde_json::from_str(&json.out).expect("one document");
    let doubt = serde_json::json!([{ "first": 3, "last": 4, "found_by": 5 }]);
    assert_eq!((&json["unvouched"], &json["unsigned"]), (&doubt, &0.into()));
    let log = root.expect(0, &["audit", "log", "--format", "json"]);
    let log: Json = serde_json::from_str(&log.out).expect("one document");
    let entries = log["entries"].as_array().expect("a list").iter();
    let doubted: Vec<bool> = entries.map(|it| it["unvouched"] == true).collect();
    assert_eq!(doubted, [false, false, true, true, false]);
    for format in ["table", "markdown"] {
        let log = root.expect(0, &["audit", "log", "--format", format]);
        let said = log.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.matches("nobody vouches for it").count(), 2, "{said}");
    }
}

#[test]
fn a_log_whose_key_could_not_be_held_against_its_vault_is_not_called_sound() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let asked = ["audit", "verify", "--format", "json"];
    let json: Json = serde_json::from_str(&root.expect(0, &asked).out).expect("JSON");
    assert_eq!(
        (&json["sound"], &json["unchecked"]),
        (&true.into(), &Json::Null)
    );
    let json: Json = serde_json::from_str(&root.expect_as("ada", 4, &asked).out).expect("JSON");
    assert_eq!(
        (&json["sound"], &json["flaws"]),
        (&Json::Null, &Json::Array(vec![]))
    );
    assert!(json["unchecked"].is_string(), "{json}");
    for format in ["table", "markdown"] {
        let told = root.expect_as("ada", 4, &["audit", "verify", "--format", format]);
        let told = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("was not held against its vault ("), "{told}");
        assert!(!told.contains("as they were written"), "{told}");
    }
}

#[test]
fn a_head_or_a_key_that_cannot_be_read_is_tampering_and_nobody_is_told_to_move_it() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    for file in [HEAD, KEY] {
        let was = root.read(file);
        root.write(file, "x\n");
        for flags in [&["audit", "verify"][..], &["audit", "verify", "--offline"]] {
            let found = root.expect(3, flags);
            let told = found.out.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains("it cannot be read ("), "{told}");
            assert!(told.contains("put it back as it was"), "{told}");
            assert!(!told.contains("recorded"), "{told}");
        }
        let apply = root.run(&["apply", "--auto-approve"]);
        assert_ne!(apply.code, 0, "{}", apply.out);
        assert!(apply.err.contains("put it back as it was"), "{}", apply.err);
        assert!(!apply.err.contains("move the file aside"), "{}", apply.err);
        root.write(file, &was);
    }
    root.write(HEAD, "x\n");
    root.expect(4, &["audit", "log"]);
}

/// Copies the files of a folder.
fn copy(root: &Root, from: &str, to: &str) {
    for entry in std::fs::read_dir(root.file(from)).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a name");
        root.write(
            &format!("{to}/{name}"),
            &root.read(&format!("{from}/{name}")),
        );
    }
}

#[test]
fn a_log_that_was_put_back_or_removed_lacks_the_runs_of_the_journal() {
    let root = Root::sample();
    let apply = ["apply", "--auto-approve"];
    root.expect(0, &apply);
    // A run that has nothing to do is in the journal alone.
    root.expect(0, &apply);
    root.expect(0, &["audit", "verify"]);
    copy(&root, AUDIT, "aside");
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    root.expect(0, &apply);
    root.expect(0, &["audit", "verify"]);
    copy(&root, AUDIT, "whole");
    let still_told = |what: &str| {
        let found = root.expect(3, &["audit", "verify"]);
        let told = found.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("is not in the audit log"), "{what}: {told}");
        let ran = root.expect(4, &apply);
        assert!(
            ran.err.contains("is not signed again"),
            "{what}: {}",
            ran.err
        );
    };
    copy(&root, "aside", AUDIT);
    still_told("put back");
    std::fs::remove_dir_all(root.file(AUDIT)).expect("removed");
    std::fs::remove_file(root.file(KEY)).expect("removed");
    still_told("removed");
    copy(&root, "whole", AUDIT);
    root.expect(0, &apply);
    root.expect(0, &["audit", "verify"]);
}

#[tokio::test]
async fn a_lock_that_was_not_broken_is_not_recorded_as_broken() {
    let root = Root::sample();
    let store = Store::folder(root.file(".onestream/control")).expect("opens");
    let dev = ["dev".parse().expect("a name")];
    let held = store.acquire(&dev, "testing").await.expect("free");
    root.expect(3, &["lock", "break", "dev", "--reason", "it hangs"]);
    drop(held);
    let log = root.expect(0, &["audit", "log"]);
    let told = log.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("lock is to be broken: it hangs"), "{told}");
    assert!(told.contains("lock not broken: "), "{told}");
    assert!(!told.contains("lock broken"), "{told}");
}

#[tokio::test]
async fn the_lease_of_an_environment_that_is_gone_can_be_broken() {
    let root = Root::sample();
    let store = Store::folder(root.file(".onestream/control")).expect("opens");
    let breaking = ["lock", "break", "gone", "--reason", "its file was deleted"];
    let unknown = root.expect(64, &breaking);
    assert!(
        unknown.err.contains("no environment `gone`"),
        "{}",
        unknown.err
    );
    let gone = ["gone".parse().expect("a name")];
    let held = store.acquire(&gone, "testing").await.expect("free");
    let status = root.expect(0, &["lock", "status"]);
    assert!(status.out.contains("1 of 5 locked"), "{}", status.out);
    let alive = root.expect(3, &breaking);
    assert!(alive.err.contains("its process is alive"), "{}", alive.err);
    drop(held);
    let broken = root.expect(0, &breaking);
    assert!(broken.err.contains("gone was not locked"), "{}", broken.err);
}

#[test]
fn who_is_refused_is_refused_though_the_log_cannot_be_read() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/prod.toml",
        "criticality = \"high\"",
        "criticality = \"low\"",
    );
    root.expect(3, &["apply", "--auto-approve"]);
    root.write(HEAD, "{}\n");
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    for told in [
        "it needs 1 approval, and there is none",
        "head.json is not readable",
        "the audit chain does not say that this was refused",
    ] {
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
    }
}

#[tokio::test]
async fn a_replaced_record_of_the_key_is_told_and_nothing_is_signed_with_it() {
    let root = Root::unprotected();
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    root.expect(0, &apply);
    let folder = root.file(".onestream/control");
    let objects: Arc<dyn Objects> = Arc::new(Folder::open(folder.clone()).expect("opens"));
    let keys = Keys::of(&objects);
    let recorded = keys.get("kv-onestream-shared", "audit").await;
    let mut other = recorded.expect("reads").expect("it was recorded");
    std::mem::swap(&mut other.x, &mut other.y);
    std::fs::remove_file(folder.join("keys/kv-onestream-shared/audit.json")).expect("it is there");
    keys.record(&other).await.expect("written");
    root.replace(
        "environments/common.toml",
        "owner = \"platform\"",
        "owner = \"somebody\"",
    );
    let told = root.expect(4, &apply);
    assert!(told.err.contains("is not signed again"), "{}", told.err);
    root.expect(3, &["audit", "verify"]);
}

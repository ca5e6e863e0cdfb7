//! The audit log as people read it: what was done to it shows, and where.

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
    let open = root.expect(0, &["audit", "verify", "--offline"]);
    assert!(open.out.contains("but for the last 1"), "{}", open.out);
    root.expect(0, &["apply", "--auto-approve"]);
    let closed = root.expect(0, &["audit", "verify"]);
    assert!(
        closed
            .out
            .contains("6 entries, as they were written, signed by"),
        "{}",
        closed.out
    );
}

//! What stands when TOML gives it another name, group or subscription: its successors come, and it
//! goes in an order that Azure takes.

use serde_json::json;

use crate::program::Root;
use crate::served::Served;

const DEV: &str = "environments/dev.toml";
const APPLY: [&str; 4] = ["apply", "--auto-approve", "--allow-destroy", "*"];
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

/// The sample, applied.
fn standing() -> Root {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    root
}

/// Gives something in dev another name.
fn rename(root: &Root, name: &str) {
    root.replace(DEV, &format!("\"{name}\""), &format!("\"{name}2\""));
}

#[test]
fn what_gets_another_name_is_followed_by_what_refers_to_it() {
    let root = standing();
    for name in ["onestreamdev", "kv-onestream-dev", "log-onestream-dev"] {
        rename(&root, name);
        let applied = root.expect(0, &APPLY);
        assert!(!applied.out.contains("failed"), "{name}: {}", applied.out);
        root.expect(0, &PLAN);
    }
}

#[test]
fn a_whole_environment_moves_to_another_group() {
    let root = standing();
    rename(&root, "rg-onestream-dev");
    // Its vault holds its name: it stays where it is, or gets another one.
    let refused = root.expect(3, &APPLY);
    let said = "has its name, and would hold it when deleted";
    assert!(refused.err.contains(said), "{}", refused.err);
    rename(&root, "kv-onestream-dev");
    root.expect(0, &APPLY);
    root.expect(0, &PLAN);
}

#[test]
fn a_whole_environment_moves_to_another_subscription() {
    let root = standing();
    rename(&root, "kv-onestream-dev");
    let other = "[azure]\nsubscription = \"33333333-3333-4333-8333-333333333333\"\n\n[environment]";
    root.replace(DEV, "[environment]", other);
    root.expect(0, &APPLY);
    root.expect(0, &PLAN);
}

/// A run that came to nothing halfway leaves the old things under no address of theirs.
#[test]
fn a_move_that_fails_halfway_is_finished_by_the_next_run() {
    let root = Root::unprotected();
    let served = Served::on(&root, &["--open-info"]);
    root.expect(0, &["apply", "--auto-approve"]);
    rename(&root, "rg-onestream-dev");
    rename(&root, "kv-onestream-dev");
    let endpoints = "*/resourceGroups/rg-onestream-dev/*/privateEndpoints/*";
    let faults = json!([{"method": "DELETE", "path": endpoints, "status": 400}]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(served.control("PUT", "faults", Some(faults)));
    root.expect(4, &APPLY);
    runtime.block_on(served.control("PUT", "faults", Some(json!([]))));
    root.expect(0, &APPLY);
    root.expect(0, &PLAN);
}

/// Azure keeps a range that something has an address of.
#[test]
fn another_range_of_a_used_subnet_is_refused_before_anything_is_sent() {
    let root = standing();
    root.replace(DEV, "10.10.16.0/24", "10.10.17.0/24");
    let refused = root.expect(3, &APPLY);
    for said in ["while it is used by private endpoint pe-", "another subnet"] {
        assert!(refused.err.contains(said), "{said}: {}", refused.err);
    }
}

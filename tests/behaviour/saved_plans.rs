//! Saved plans: applied exactly, or refused.

use crate::program::Root;

#[test]
fn a_saved_plan_is_applied_exactly() {
    let root = Root::sample();
    let saved = root.expect(0, &["plan", "--out", "plans/first.json"]);
    assert!(saved.err.contains("plans/first.json"), "{}", saved.err);
    root.expect(0, &["show", "plans/first.json"]);
    root.expect(0, &["apply", "plans/first.json", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_stale_plan_is_refused_and_nothing_is_changed() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    root.expect(0, &["plan", "--out", "stale.json"]);
    // Meanwhile somebody else applies something different to the same object.
    let declared = root.read("environments/dev.toml");
    root.replace(
        "environments/dev.toml",
        "data_endpoint = true\n",
        "retain_untagged_days = 3\n",
    );
    root.expect(0, &["apply", "--auto-approve"]);
    let refused = root.expect(3, &["apply", "stale.json", "--auto-approve"]);
    assert!(
        refused.out.contains("dev.registry"),
        "{}\n{}",
        refused.out,
        refused.err
    );
    root.expect(0, &["plan", "--detailed-exitcode"]);
    root.write("environments/dev.toml", &declared);
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

#[test]
fn an_applied_plan_can_be_applied_again() {
    let root = Root::sample();
    root.expect(0, &["plan", "--out", "first.json"]);
    root.expect(0, &["apply", "first.json", "--auto-approve"]);
    root.expect(0, &["apply", "first.json", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_changed_file_is_no_plan() {
    let root = Root::sample();
    root.expect(0, &["plan", "--out", "first.json"]);
    root.replace("first.json", "\"adopt\": false", "\"adopt\": true");
    let refused = root.expect(1, &["apply", "first.json", "--auto-approve"]);
    assert!(
        refused.err.contains("changed after it was written"),
        "{}",
        refused.err
    );
}

/// Edits a saved plan and seals it again, as anybody can.
pub fn forge(root: &Root, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
    use sha2::{Digest, Sha256};
    let mut file: serde_json::Value = serde_json::from_str(&root.read(name)).expect("a plan");
    change(&mut file["plan"]);
    let sum = Sha256::digest(file["plan"].to_string().as_bytes());
    let digest: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    file["digest"] = serde_json::json!(digest);
    root.write(name, &file.to_string());
}

#[test]
fn a_forged_plan_does_not_take_the_protection_away() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/prod.toml",
        "protected = true",
        "protected = false",
    );
    root.run(&["plan", "--destroy", "--out", "forged.json"]);
    forge(&root, "forged.json", |plan| {
        plan["protected"] = serde_json::json!([]);
    });
    let refused = root.expect(
        3,
        &[
            "apply",
            "forged.json",
            "--allow-destroy",
            "*",
            "--auto-approve",
        ],
    );
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("in prod, which is protected"), "{said}");
    forge(&root, "forged.json", |plan| {
        for operation in plan["operations"].as_array_mut().expect("a list") {
            operation["action"] = serde_json::json!("update");
        }
    });
    let refused = root.expect(1, &["apply", "forged.json", "--auto-approve"]);
    assert!(
        refused.err.contains("is not a saved plan"),
        "{}",
        refused.err
    );
}

#[test]
fn a_plan_for_another_tenant_is_refused() {
    let root = Root::sample();
    root.expect(0, &["plan", "--out", "first.json"]);
    root.replace(
        "environments/common.toml",
        "tenant = \"11111111-1111-4111-8111-111111111111\"",
        "tenant = \"33333333-3333-4333-8333-333333333333\"",
    );
    let refused = root.expect(3, &["apply", "first.json", "--auto-approve"]);
    assert!(refused.err.contains("was made for"), "{}", refused.err);
}

#[test]
fn what_is_no_plan_is_not_overwritten() {
    let root = Root::sample();
    root.write("notes.json", "{\"mine\": true}");
    root.expect(1, &["plan", "--out", "notes.json"]);
    assert_eq!(root.read("notes.json"), "{\"mine\": true}");
}

#[test]
fn the_committed_plan_can_still_be_read() {
    let root = Root::empty();
    let plan = format!("{}/plans/first-apply.json", env!("CARGO_MANIFEST_DIR"));
    let shown = root.expect(0, &["show", &plan]);
    assert!(
        shown.out.contains(" to create, 0 to update, 0 to delete"),
        "{}",
        shown.out
    );
}

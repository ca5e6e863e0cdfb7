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
    for command in ["apply", "show", "approve"] {
        let refused = root.expect(3, &[command, "first.json"]);
        assert!(
            refused.err.contains("changed after it was written"),
            "{command}: {}",
            refused.err
        );
    }
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

/// The first operation of a saved plan with this kind.
fn operation<'a>(plan: &'a mut serde_json::Value, kind: &str) -> &'a mut serde_json::Value {
    let operations = plan["operations"].as_array_mut().expect("a list");
    let mut all = operations.iter_mut();
    all.find(|operation| operation["kind"] == kind)
        .expect("one of this kind")
}

#[test]
fn a_forged_plan_gives_nobody_what_toml_does_not() {
    type Edit = fn(&mut serde_json::Value);
    let edits: [(&str, Edit); 5] = [
        (
            "TOML says something else of properties.principalId",
            |plan| {
                let stranger = "99999999-9999-4999-8999-999999999999";
                operation(plan, "grant")["desired"]["properties"]["principalId"] =
                    serde_json::json!(stranger);
            },
        ),
        (
            "TOML says something else of properties.roleDefinitionId",
            |plan| {
                let owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
                let grant = operation(plan, "grant");
                let role = &mut grant["desired"]["properties"]["roleDefinitionId"];
                let text = role.as_str().expect("known").to_owned();
                let (start, _) = text.rsplit_once('/').expect("an id");
                *role = serde_json::json!(format!("{start}/{owner}"));
            },
        ),
        ("TOML says something else of subject", |plan| {
            operation(plan, "application credential")["desired"]["subject"] =
                serde_json::json!("repo:mallory/fork:ref:refs/heads/main");
        }),
        ("no TOML declares it", |plan| {
            let mut copy = operation(plan, "membership").clone();
            copy["address"] = serde_json::json!("shared.people.approvers.member.mallory");
            let operations = plan["operations"].as_array_mut().expect("a list");
            operations.push(copy);
        }),
        (
            "TOML says something else of properties.permissions",
            |plan| {
                operation(plan, "role")["desired"]["properties"]["permissions"][0]["actions"] =
                    serde_json::json!(["*"]);
            },
        ),
    ];
    let root = Root::sample();
    root.expect(0, &["plan", "--out", "honest.json"]);
    let honest = root.read("honest.json");
    for (says, edit) in edits {
        root.write("forged.json", &honest);
        forge(&root, "forged.json", edit);
        let refused = root.expect(3, &["apply", "forged.json", "--auto-approve"]);
        assert!(refused.err.contains(says), "{says}: {}", refused.err);
    }
    // Nothing of any of them was carried out.
    let again = root.expect(0, &["plan", "--out", "again.json"]);
    assert!(again.out.contains("0 to update"), "{}", again.out);
    assert_eq!(root.read("again.json"), honest);
}

#[test]
fn another_estate_of_the_tenant_is_left_alone() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/common.toml",
        "[azure]\n",
        "[azure]\nestate = \"other\"\n",
    );
    let planned = root.run(&["plan", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&planned.out).expect("JSON");
    let operations = plan["plan"]["operations"].as_array().expect("a list");
    let mut made = 0;
    for operation in operations {
        let action = operation["action"].as_str().expect("an action");
        assert!(["create", "adopt"].contains(&action), "{operation}");
        made += usize::from(action == "create");
    }
    assert!(made > 0, "principals of its own");
    root.expect(3, &["apply", "--auto-approve"]);
}

#[test]
fn a_forged_plan_stands_on_nothing_that_is_refused_or_not_ours() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let read = |name: &str| root.read(&format!("environments/{name}.toml"));
    let (dev, prod, common) = (read("dev"), read("prod"), read("common"));
    // Dev is not protected: does it get at prod's registry by its name?
    let renamed = [
        ("onestreamdev", "onestreamprod"),
        ("rg-onestream-dev", "rg-onestream-prod"),
    ];
    for (from, to) in renamed {
        root.replace("environments/dev.toml", from, to);
        let other = format!("{to}x");
        root.replace(
            "environments/prod.toml",
            &format!("\"{to}\""),
            &format!("\"{other}\""),
        );
    }
    let grants = "dev.grant.dev-pipeline.registry.*";
    let target = [
        "plan",
        "--env",
        "dev",
        "--target",
        grants,
        "--out",
        "forged.json",
    ];
    root.run(&target);
    forge(&root, "forged.json", |plan| {
        plan["refusals"] = serde_json::json!([]);
    });
    let refused = root.expect(3, &["apply", "forged.json"]);
    assert!(refused.err.contains("it needs dev."), "{}", refused.err);
    // Or as another estate, to which prod is nothing that stands?
    root.write("environments/dev.toml", &dev);
    root.write("environments/prod.toml", &prod);
    root.write(
        "environments/common.toml",
        &common.replace("[azure]\n", "[azure]\nestate = \"evil\"\n"),
    );
    let grants = "prod.grant.prod-pipeline.registry.*";
    root.run(&["plan", "--adopt", "--target", grants, "--out", "evil.json"]);
    forge(&root, "evil.json", |plan| {
        let operations = plan["operations"].as_array_mut().expect("a list");
        operations.retain(|operation| operation["action"] == "create");
        plan["edges"] = serde_json::json!([]);
    });
    let refused = root.expect(3, &["apply", "evil.json", "--allow-wider-access"]);
    assert!(
        refused.err.contains("without our marker"),
        "{}",
        refused.err
    );
}

//! From a fresh folder to an applied estate, one change, and back to nothing.

use crate::program::Root;

#[test]
fn a_second_apply_changes_nothing() {
    let root = Root::sample();
    let first = root.expect(0, &["apply", "--auto-approve"]);
    assert!(
        first.err.contains("LOCAL EMULATOR, not Azure"),
        "{}",
        first.err
    );
    root.expect(0, &["plan", "--detailed-exitcode"]);
    let second = root.expect(0, &["apply", "--auto-approve"]);
    assert!(second.out.contains("No changes"), "{}", second.out);
}

#[test]
fn one_edited_value_is_exactly_one_change() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    let plan = root.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).expect("one document");
    let operations = plan["plan"]["operations"].as_array().expect("operations");
    assert_eq!(operations.len(), 1, "{operations:#?}");
    assert_eq!(operations[0]["address"], "dev.registry");
    let changes = operations[0]["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0]["path"], "properties.dataEndpointEnabled");
    assert_eq!(changes[0]["by"], "toml");
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn destroyed_and_applied_again_the_plan_is_empty() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["destroy", "--allow-destroy", "*", "--auto-approve"]);
    // The control store is exempt: it holds the journal of the destroy itself.
    let left = root.expect(0, &["state", "list", "--format", "json"]);
    let left: serde_json::Value = serde_json::from_str(&left.out).expect("one document");
    let left = left["resources"].as_array().expect("resources");
    let stands = left.iter().filter(|it| it["state"] != "absent");
    let stands: Vec<&str> = stands.filter_map(|it| it["address"].as_str()).collect();
    let kept = |address: &&str| *address == "shared.group" || address.starts_with("shared.store");
    assert!(stands.iter().all(kept), "{stands:#?}");
    assert!(stands.contains(&"shared.store"), "{stands:#?}");
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_protected_environment_is_not_destroyed_whatever_flags_are_given() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let refused = root.expect(
        3,
        &[
            "--env",
            "prod",
            "destroy",
            "--allow-destroy",
            "*",
            "--auto-approve",
        ],
    );
    assert!(refused.err.contains("protected"), "{}", refused.err);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn protection_outlives_the_file_that_declared_it() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let everything = ["--auto-approve", "--allow-destroy", "*"];
    let declared = root.read("environments/prod.toml");
    let matrix = root.read("rbac/matrix.toml");
    let cells = matrix.lines().filter(|line| !line.starts_with("\"prod."));
    root.write("rbac/matrix.toml", &cells.collect::<Vec<_>>().join("\n"));
    std::fs::remove_file(root.file("environments/prod.toml")).expect("it was there");
    std::fs::remove_dir_all(root.file(".onestream/control")).expect("it was there");
    let refused = root.expect(3, &[&["apply"], &everything[..]].concat());
    assert!(refused.err.contains("protected"), "{}", refused.err);
    root.write("rbac/matrix.toml", &matrix);
    root.write("environments/prod.toml", &declared);
    // The store that was lost gets the keys of approvers again.
    root.expect(0, &["apply", "--auto-approve"]);
    root.write(
        "environments/prod.toml",
        &declared.replace("protected = true", "protected = false"),
    );
    root.expect(
        3,
        &[&["--env", "prod", "destroy"], &everything[..]].concat(),
    );
    root.expect(3, &[&["apply"], &everything[..]].concat());
    root.expect(0, &["plan", "--out", "unprotect.json"]);
    root.approve("ada", "unprotect.json");
    root.expect(3, &["apply", "unprotect.json"]);
    let named = [
        "--allow-destroy",
        "prod.group",
        "--allow-destroy",
        "shared.group",
    ];
    root.expect(0, &[&["apply", "unprotect.json"], &named[..]].concat());
    root.expect(
        0,
        &[&["--env", "prod", "destroy"], &everything[..]].concat(),
    );
}

#[test]
fn what_is_stateful_has_to_be_named() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    let refused = root.expect(3, &["--env", "dev", "destroy", "--auto-approve"]);
    assert!(
        refused.err.contains("--allow-destroy dev.registry"),
        "{}",
        refused.err
    );
    root.expect(
        0,
        &[
            "--env",
            "dev",
            "destroy",
            "--auto-approve",
            "--allow-destroy",
            "dev.*",
        ],
    );
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

#[test]
fn the_control_store_holds_nothing_that_azure_does_not() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    std::fs::remove_dir_all(root.file(".onestream/control")).expect("it was there");
    root.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(
        !root.file(".onestream/control").exists(),
        "reading made a control store"
    );
}

#[test]
fn a_region_removed_from_toml_lifts_the_lock_and_puts_it_back() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/prod.toml",
        "replicate_to = [\"westus2\"]",
        "replicate_to = []",
    );
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    assert!(
        refused.err.contains("prod.registry.lock"),
        "{}",
        refused.err
    );
    root.expect(
        0,
        &[
            "apply",
            "--auto-approve",
            "--allow-destroy",
            "prod.registry.lock",
            "--allow-destroy",
            "prod.group.lock",
            "--allow-destroy",
            "prod.registry.replication.westus2",
        ],
    );
    root.expect(0, &["plan", "--detailed-exitcode"]);
    let state = root.expect(0, &["state", "list", "--format", "json"]);
    assert!(state.out.contains("prod.registry.lock"), "{}", state.out);
}

#[test]
fn in_ci_the_emulator_has_to_be_asked_for() {
    let root = Root::sample();
    let quiet = |arguments: &[&str], asked: bool| {
        let mut command = root.command(arguments);
        command.env("CI", "true").env_remove("ONESTREAM_CLOUD");
        if asked {
            command.args(["--cloud", "emulator"]);
        }
        command.output().expect("the program starts").status.code()
    };
    let breaking = ["lock", "break", "dev", "--reason", "the agent hangs"];
    for arguments in [&["plan"][..], &["lock", "status"], &breaking] {
        assert_eq!(quiet(arguments, false), Some(64), "{arguments:?}");
        assert_eq!(quiet(arguments, true), Some(0), "{arguments:?}");
    }
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let root = Root::sample();
    let refused = root.expect(64, &["apply"]);
    assert!(refused.err.contains("--auto-approve"), "{}", refused.err);
    assert!(!root.file(".onestream").exists(), "something was contacted");
}

#[test]
fn init_writes_the_sample_and_overwrites_nothing() {
    let root = Root::empty();
    let there = root.file("estate");
    let there = there.to_str().expect("UTF-8");
    root.expect(0, &["init", there]);
    root.expect(64, &["init", there]);
    let more = root.file("more");
    let arguments = ["--format", "json", "init", more.to_str().expect("text")];
    let told = root.expect(0, &arguments).out;
    let told: serde_json::Value = serde_json::from_str(&told).expect("one document");
    let written = told["written"].as_array().expect("a list");
    assert_eq!(
        (&told["version"], &told["kind"]),
        (&1.into(), &"init".into())
    );
    assert!(
        written
            .iter()
            .all(|file| more.join(file.as_str().expect("text")).is_file())
    );
    assert!(written.len() > 5, "{told}");
    for name in ["common", "dev", "staging", "prod"] {
        let committed = include_str_of(name);
        assert_eq!(
            root.read(&format!("estate/environments/{name}.toml")),
            committed
        );
    }
}

fn include_str_of(name: &str) -> String {
    let path = format!("{}/environments/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the sample")
}

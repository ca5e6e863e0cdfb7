//! What no plan deletes: the control store, and what holds it.

use serde_json::{Value as Json, json};

use crate::program::Root;
use crate::saved_plans::forge;

const STORE: &str = "# Where a team keeps the control store";
const KEPT: &str = "  shared.store (storage account)\n      it keeps the journal and the audit log";
const GROUP: &str = "shared.group (resource group)  it holds shared.store";
const SHARED: [&str; 4] = ["--env", "shared", "apply", "--auto-approve"];
const EMPTY: [&str; 4] = ["--env", "shared", "plan", "--detailed-exitcode"];

#[test]
fn a_destroy_says_what_stays_and_an_apply_finds_it_there() {
    let root = Root::unprotected();
    root.expect(0, &SHARED);
    let all = ["--allow-destroy", "*", "--auto-approve"];
    let destroy = [&["--env", "shared", "destroy"][..], &all].concat();
    let gone = root.expect(0, &destroy);
    for said in ["Stays, since no plan deletes it", KEPT, GROUP] {
        assert!(gone.out.contains(said), "{said}\n{}", gone.out);
    }
    assert!(!gone.out.contains("- shared.group"), "{}", gone.out);
    let destroyed = [
        "--env",
        "shared",
        "plan",
        "--destroy",
        "--detailed-exitcode",
    ];
    let nothing = root.expect(0, &destroyed);
    assert!(
        nothing.out.contains("Nothing to destroy."),
        "{}",
        nothing.out
    );
    assert!(nothing.out.contains(KEPT), "{}", nothing.out);
    let read: Json = serde_json::from_str(
        &root
            .expect(0, &[&["--format", "json"][..], &destroyed].concat())
            .out,
    )
    .expect("JSON");
    let stays = read["plan"]["stays"].as_array().expect("a list");
    let stays: Vec<&str> = stays
        .iter()
        .filter_map(|it| it["address"].as_str())
        .collect();
    assert_eq!(stays, ["shared.group", "shared.store"]);
    let markdown = [
        "--format",
        "markdown",
        "--env",
        "shared",
        "plan",
        "--destroy",
    ];
    let markdown = root.expect(0, &markdown);
    assert!(
        markdown
            .out
            .contains("| `shared.store` | storage account |"),
        "{}",
        markdown.out
    );
    root.expect(0, &SHARED);
    root.expect(0, &EMPTY);
}

#[test]
fn what_toml_drops_of_it_stays_too() {
    let root = Root::unprotected();
    root.expect(0, &SHARED);
    // One container first: its account is still declared.
    let common = root.read("environments/common.toml");
    let audit = "[shared.store.containers.audit]\nappend_only_days = 365\n";
    root.replace("environments/common.toml", audit, "");
    let kept = root.expect(0, &EMPTY);
    let said = "  shared.store.container.audit (container)\n      it keeps the journal";
    assert!(kept.out.contains(said), "{}", kept.out);
    let (before, _) = common.split_once(STORE).expect("the store comes last");
    root.write("environments/common.toml", before);
    let ran = root.expect(0, &[&SHARED[..], &["--allow-destroy", "*"]].concat());
    assert!(ran.out.contains("- shared.store.endpoint"), "{}", ran.out);
    let kept = root.expect(0, &EMPTY);
    assert!(
        kept.out.contains(KEPT) && !kept.out.contains(GROUP),
        "{}",
        kept.out
    );
    root.write("environments/common.toml", &common);
    root.expect(0, &SHARED);
    root.expect(0, &EMPTY);
}

#[test]
fn no_forged_plan_deletes_it() {
    let root = Root::unprotected();
    root.expect(0, &SHARED);
    root.expect(
        0,
        &[
            "--env",
            "shared",
            "plan",
            "--destroy",
            "--out",
            "forged.json",
        ],
    );
    forge(&root, "forged.json", |plan| {
        let stays = plan["stays"].as_array().cloned().expect("a list");
        let store = stays.iter().find(|it| it["kind"] == "storage account");
        let store = store.expect("the store").clone();
        let operations = plan["operations"].as_array_mut().expect("a list");
        let is_vault = |it: &&mut Json| it["kind"] == "vault";
        let operation = operations.iter_mut().find(is_vault).expect("a vault");
        for member in ["address", "kind"] {
            operation[member] = store[member].clone();
        }
        operation["id"] = json!({ "known": store["id"] });
        operation["before"] = json!({});
    });
    let apply = ["apply", "forged.json", "--allow-destroy", "*"];
    let refused = root.expect(1, &apply);
    let said = "no plan deletes a storage account";
    assert!(refused.err.contains(said), "{}", refused.err);
}

/// What was destroyed with approvals begins anew without: what stays says nothing of how far
/// anybody came. What stays is changed by nobody alone, though.
#[test]
fn what_stays_does_not_keep_an_environment_from_beginning_anew() {
    let root = Root::sample();
    root.expect(0, &SHARED);
    root.run(&["--env", "shared", "plan", "--destroy", "--out", "plan.json"]);
    root.approve("ada", "plan.json");
    root.expect(0, &["apply", "plan.json", "--allow-destroy", "*"]);
    let days = "soft_delete_days = 90\ncontainer_soft_delete_days";
    let fewer = "soft_delete_days = 7\ncontainer_soft_delete_days";
    root.replace("environments/common.toml", days, fewer);
    let refused = root.expect(3, &SHARED);
    let said = "update in shared, which is protected";
    assert!(refused.err.contains(said), "{}", refused.err);
    root.replace("environments/common.toml", fewer, days);
    root.expect(0, &SHARED);
    root.expect(0, &EMPTY);
}

#[test]
fn a_locked_policy_is_made_longer_and_never_shorter() {
    let root = Root::unprotected();
    let served = crate::served::Served::on(&root, &["--open-info"]);
    root.expect(0, &SHARED);
    let policy = "/subscriptions/22222222-2222-4222-8222-222222222222/resourcegroups/\
                  rg-onestream-shared/providers/microsoft.storage/storageaccounts/\
                  stonestreamcontrol/blobservices/default/containers/audit/\
                  immutabilitypolicies/default";
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let locked = json!({"properties": {"state": "Locked"}});
    runtime.block_on(served.control("PATCH", &format!("objects?id={policy}"), Some(locked)));
    root.expect(0, &EMPTY);
    let declare = |from: &str, to: &str| {
        let days = |days: &str| format!("append_only_days = {days}");
        root.replace("environments/common.toml", &days(from), &days(to));
    };
    declare("365", "30");
    let refused = root.expect(3, &SHARED);
    let said = "people locked this policy, so it can only be made longer: declare 365";
    assert!(refused.err.contains(said), "{}", refused.err);
    declare("30", "400");
    root.expect(0, &SHARED);
    root.expect(0, &EMPTY);
}

#[test]
fn an_account_is_not_made_a_second_time_in_another_group() {
    let root = Root::unprotected();
    root.expect(0, &SHARED);
    root.replace(
        "environments/common.toml",
        "name = \"rg-onestream-shared\"",
        "name = \"rg-onestream-elsewhere\"",
    );
    let refused = root.run(&["--env", "shared", "plan"]);
    assert_eq!(refused.code, 3, "{}", refused.out);
    for said in ["! shared.store", "stays where it is, and has its name"] {
        assert!(refused.out.contains(said), "{said}\n{}", refused.out);
    }
}

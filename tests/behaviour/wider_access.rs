//! Plans that give somebody more, and plans that take access away, where an environment is
//! protected.

use serde_json::Value as Json;

use super::program::Root;
use super::serving::{Served, announced};

const MATRIX: &str = "rbac/matrix.toml";
const LINE: &str = "wider access: prod-pipeline push-pull on prod.registry";

fn plan(root: &Root) -> Json {
    let out = root.expect(0, &["plan", "--format", "json"]).out;
    serde_json::from_str(&out).expect("one document")
}

#[test]
fn more_access_in_a_protected_environment_has_to_be_said_and_less_has_not() {
    let root = Root::sample();
    // Nothing stands: it is said, and nobody is asked to say it back.
    let first = root.expect(0, &["plan"]).out;
    assert!(first.contains("\nwider access: "), "{first}");
    assert!(!first.contains("--allow-wider-access"), "{first}");
    root.expect(0, &["apply", "--auto-approve"]);

    root.replace(
        MATRIX,
        "\"prod.registry\" = \"pull\"",
        "\"prod.registry\" = \"push-pull\"",
    );
    let table = root.expect(0, &["plan"]).out;
    assert!(table.contains(LINE), "{table}");
    let markdown = root.expect(0, &["plan", "--format", "markdown"]).out;
    assert!(
        markdown.contains("**wider access: prod-pipeline"),
        "{markdown}"
    );
    let document = plan(&root);
    let wider = &document["summary"]["wider_access"];
    assert_eq!(
        wider,
        &serde_json::json!(["prod-pipeline push-pull on prod.registry"])
    );
    // The old grant goes before the new one comes.
    let operations = document["plan"]["operations"]
        .as_array()
        .expect("operations");
    let at = |address: &str, step: &str| {
        operations
            .iter()
            .position(|o| o["address"] == address && o["step"] == step)
            .unwrap_or_else(|| panic!("{address} {step}: {operations:#?}"))
    };
    let revoked = at("prod.grant.prod-pipeline.registry.pull", "delete");
    let given = at("prod.grant.prod-pipeline.registry.push-pull", "create");
    let edges = document["plan"]["edges"].as_array().expect("edges");
    let waits = edges.iter().any(|edge| {
        edge["before"] == revoked && edge["after"] == given && edge["needs_success"] == true
    });
    assert!(waits, "{edges:#?}");

    let refused = root.expect(3, &["apply", "--auto-approve"]);
    assert!(
        refused.err.contains("--allow-wider-access"),
        "{}",
        refused.err
    );
    let anyhow = ["apply", "--auto-approve", "--allow-destroy", "*"];
    let refused = root.expect(3, &anyhow);
    assert!(
        refused.err.contains("--allow-wider-access"),
        "{}",
        refused.err
    );
    let said = ["apply", "--auto-approve", "--allow-wider-access"];
    root.expect(0, &said);
    root.expect(0, &["plan", "--detailed-exitcode"]);

    // Less: the registry's lock is lifted for it and put back, and nobody has to be told.
    root.replace(MATRIX, "\"prod.registry\" = \"push-pull\"\n", "");
    let table = root.expect(0, &["plan"]).out;
    assert!(!table.contains("wider access"), "{table}");
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
    root.expect(0, &["rbac", "prove"]);
}

#[test]
fn a_saved_plan_is_not_believed_that_nothing_stands() {
    let root = Root::sample();
    root.expect(0, &["plan", "--out", "plans/first.json"]);
    root.expect(0, &["apply", "--auto-approve", "--target", "prod.group"]);
    let late = root.expect(3, &["apply", "plans/first.json"]);
    assert!(late.err.contains("--allow-wider-access"), "{}", late.err);
}

#[tokio::test]
async fn a_first_apply_that_was_interrupted_goes_on_without_being_told_to() {
    let root = Root::sample();
    let served = Served::on(&root, &[]);
    let endpoint = announced(&root);
    let faults = |rules: Json| {
        reqwest::Client::new()
            .put(format!("{}/emulator/faults", endpoint.origin))
            .header("x-emulator-secret", &endpoint.control_secret)
            .header("content-type", "application/json")
            .body(rules.to_string())
            .send()
    };
    let path = "/subscriptions/*/resourceGroups/rg-onestream-prod/providers/*/registries/*";
    let rule = serde_json::json!([{"method": "PUT", "path": path, "status": 400, "code": "No"}]);
    let answer = faults(rule).await.expect("an answer");
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
    root.expect(4, &["apply", "--auto-approve"]);
    let none = faults(serde_json::json!([])).await.expect("an answer");
    assert!(none.status().is_success());
    // What stands in prod was begun by this; as long as TOML says the same, it may be finished.
    let matrix = root.read(MATRIX);
    let more = "\"prod.registry\" = \"push-pull\"";
    root.replace(MATRIX, "\"prod.registry\" = \"pull\"", more);
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    assert!(
        refused.err.contains("--allow-wider-access"),
        "{}",
        refused.err
    );
    root.write(MATRIX, &matrix);
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
    drop(served);
    // Once it is finished it is no first apply any more.
    root.replace(MATRIX, "\"prod.registry\" = \"pull\"", more);
    root.expect(3, &["apply", "--auto-approve"]);
}

#[test]
fn more_in_a_role_or_a_group_counts_too() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    // In the role, and in what the word means that it stands for.
    let capabilities = root.read("rbac/capabilities.toml").replace(
        "    \"Microsoft.KeyVault/vaults/keys/sign/action\",\n",
        "    \"Microsoft.KeyVault/vaults/keys/sign/action\",\n    \
         \"Microsoft.KeyVault/vaults/keys/verify/action\",\n",
    );
    root.write("rbac/capabilities.toml", &capabilities);
    root.replace(
        "rbac/principals.toml",
        "[groups.qa-approvers.members]\n",
        "[groups.qa-approvers.members]\n\
         ada = \"66666666-6666-4666-8666-000000000001\"\n",
    );
    let out = root.expect(0, &["plan"]).out;
    let line = "wider access: 1 action in shared.role.key-signer, ada as one of qa-approvers";
    assert!(out.contains(line), "{out}");
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    let said = "wider access in shared, and holds in what is protected";
    assert!(refused.err.contains(said), "{}", refused.err);
}

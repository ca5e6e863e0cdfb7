//! Whoever may write tags in Azure takes no protection away.

use serde_json::json;

use crate::approvals::refused;
use crate::program::Root;
use crate::served::Served;

const SUBSCRIPTION: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";

/// The applied sample with two approvals for prod, of which TOML says nothing any more, and a
/// change of it.
fn given_up() -> Root {
    let root = Root::sample();
    root.replace("environments/prod.toml", "approvals = 1", "approvals = 2");
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/prod.toml",
        "protected = true\napprovals = 2\n",
        "protected = false\n",
    );
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    root
}

/// Writes tags of the groups of prod and shared beside us; null takes one away.
async fn tag(served: &Served, tags: serde_json::Value) {
    for group in ["rg-onestream-prod", "rg-onestream-shared"] {
        let path = format!("objects?id={SUBSCRIPTION}/resourceGroups/{group}");
        let body = Some(json!({ "tags": tags }));
        served.control("PATCH", &path, body).await;
    }
}

#[tokio::test]
async fn who_takes_the_tags_off_a_group_needs_the_approvals_all_the_same() {
    let root = given_up();
    let served = Served::on(&root, &["--open-info"]);
    let gone = json!({"onestream-protected": null, "onestream-approvals": null});
    tag(&served, gone).await;
    let apply = ["apply", "--auto-approve", "--allow-destroy", "*"];
    let fresh = root.expect(3, &apply);
    assert!(fresh.err.contains("it needs 2 approvals"), "{}", fresh.err);
    // The plan says what goes.
    let shown = root.expect(0, &["plan", "--out", "change.json"]);
    for said in ["prod would lose its protection", "it needs 2 approvals"] {
        assert!(shown.out.contains(said), "{said}\n{}", shown.out);
    }
    root.approve("ada", "change.json");
    refused(&root, "it needs 2 approvals, and only ada gave one");
    root.approve("grace", "change.json");
    root.expect(0, &["apply", "change.json", "--allow-destroy", "*"]);
    // What was approved has taken effect.
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

/// A plan that changes nothing needs no approval, so it must not be what ends protection.
#[tokio::test]
async fn a_tag_that_was_set_to_what_toml_says_takes_no_protection_away() {
    let root = given_up();
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
        "name = \"onestreamprod\"\n",
    );
    let served = Served::on(&root, &["--open-info"]);
    let low = json!({"onestream-protected": "false", "onestream-approvals": null});
    tag(&served, low).await;
    for _ in 0..2 {
        let only = [
            "--env",
            "prod",
            "apply",
            "--auto-approve",
            "--allow-destroy",
            "*",
        ];
        let refused = root.expect(3, &only);
        assert!(
            refused.err.contains("it needs 2 approvals"),
            "{}",
            refused.err
        );
    }
    root.expect(0, &["--env", "prod", "plan", "--out", "change.json"]);
    root.approve("ada", "change.json");
    root.approve("grace", "change.json");
    root.expect(0, &["apply", "change.json", "--allow-destroy", "*"]);
    let empty = ["--env", "prod", "plan", "--detailed-exitcode"];
    root.expect(0, &empty);
}

#[tokio::test]
async fn a_lost_tag_that_protects_is_critical_drift() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let served = Served::on(&root, &["--open-info"]);
    tag(&served, json!({"onestream-protected": null})).await;
    let shown = root.expect(0, &["state", "show", "prod.group"]);
    assert!(shown.out.contains("critical"), "{}", shown.out);
}

/// Azure tells no tag from another by case, and shows the casing that it was first given.
#[tokio::test]
async fn a_tag_in_another_case_is_the_same_tag() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    let served = Served::on(&root, &["--open-info"]);
    let recased = json!({"owner": null, "Owner": "platform"});
    tag(&served, recased).await;
    root.expect(0, &["plan", "--detailed-exitcode"]);
    let common = "environments/common.toml";
    root.replace(common, "owner = \"platform\"", "owner = \"somebody\"");
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
    let path = format!("objects?id={SUBSCRIPTION}/resourceGroups/rg-onestream-prod");
    let group = served.control("GET", &path, None).await;
    assert_eq!(group["body"]["tags"]["Owner"], json!("somebody"), "{group}");
    // One that TOML names no more goes, whatever its case.
    root.replace(common, "owner = \"somebody\"\n", "");
    root.expect(0, &["apply", "--auto-approve"]);
    let group = served.control("GET", &path, None).await;
    assert_eq!(group["body"]["tags"].get("Owner"), None, "{group}");
}

#[tokio::test]
async fn a_tag_in_another_case_protects_as_well() {
    let root = given_up();
    std::fs::remove_dir_all(root.file(".onestream/control/applied")).expect("removed");
    let served = Served::on(&root, &["--open-info"]);
    let path = format!("objects?id={SUBSCRIPTION}/resourceGroups/rg-onestream-prod");
    let group = served.control("GET", &path, None).await;
    let (protected, approvals) = ("onestream-protected", "onestream-approvals");
    let recased = json!({
        protected: null, "Onestream-Protected": group["body"]["tags"][protected],
        approvals: null, "Onestream-Approvals": group["body"]["tags"][approvals],
    });
    tag(&served, recased).await;
    let refused = root.expect(3, &["--env", "prod", "apply", "--auto-approve"]);
    for said in ["prod would lose its protection", "it needs 2 approvals"] {
        assert!(refused.err.contains(said), "{said}\n{}", refused.err);
    }
}

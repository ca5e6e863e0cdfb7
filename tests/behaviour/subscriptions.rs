//! Environments in subscriptions of their own, one of which does not answer or takes no changes.

use serde_json::{Value as Json, json};

use super::program::Root;
use super::served::Served;

const OTHER: &str = "33333333-3333-4333-8333-333333333333";
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

/// The sample, applied, with prod in a subscription of its own.
fn apart() -> (Root, Served) {
    let root = Root::unprotected();
    let prod = root.read("environments/prod.toml");
    let azure = format!("{prod}\n[azure]\nsubscription = \"{OTHER}\"\n");
    root.write("environments/prod.toml", &azure);
    let served = Served::on(&root, &["--open-info"]);
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &PLAN);
    (root, served)
}

/// Changes a tag of everything in an environment.
fn reword(root: &Root, environment: &str, criticality: &str) {
    let line = |more: &str| format!("criticality = \"{criticality}{more}\"");
    let file = format!("environments/{environment}.toml");
    root.replace(&file, &line(""), &line("er"));
}

fn faults(served: &Served, rules: Json) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(served.control("PUT", "faults", Some(rules)));
}

#[test]
fn a_subscription_that_cannot_be_read_hides_its_own_environments_only() {
    let (root, served) = apart();
    for path in [
        format!("/subscriptions/{OTHER}*"),
        // Lists that are empty since nothing of it may be seen are no lists of nothing.
        format!("*/subscriptions/{OTHER}"),
    ] {
        faults(
            &served,
            json!([{"method": "GET", "path": path, "status": 403}]),
        );
        root.expect(4, &["rbac", "check"]);
        for command in [&PLAN[..], &["state", "list"]] {
            let ran = root.expect(4, command);
            let told = format!("subscription {OTHER} cannot be read");
            assert!(ran.err.contains(&told), "{path}: {}", ran.err);
            assert!(!ran.out.contains("+ prod."), "{path}: {}", ran.out);
        }
        root.expect(0, &["--env", "dev", "plan", "--detailed-exitcode"]);
    }
    faults(
        &served,
        json!([{"method": "GET", "path": format!("/subscriptions/{OTHER}*"), "status": 403}]),
    );
    let checked = root.expect(4, &["rbac", "check"]);
    assert!(checked.out.contains(" unread"), "{}", checked.out);
    // What stands elsewhere is changed all the same.
    reword(&root, "dev", "low");
    let applied = root.expect(4, &["apply", "--auto-approve"]);
    assert!(applied.out.contains("dev.registry"), "{}", applied.out);
    root.expect(0, &["--env", "dev", "plan", "--detailed-exitcode"]);
    // Where none answers nothing could be read.
    faults(
        &served,
        json!([{"method": "GET", "path": "/subscriptions/*", "status": 403}]),
    );
    root.expect(1, &PLAN);
}

#[test]
fn a_closed_subscription_is_in_the_way_of_changes_in_it_only() {
    let (root, served) = apart();
    let disabled = json!({"subscriptionId": OTHER, "state": "Disabled"});
    let path = format!("*/subscriptions/{OTHER}");
    faults(
        &served,
        json!([{"method": "GET", "path": path, "status": 200, "body": disabled}]),
    );
    reword(&root, "dev", "low");
    root.expect(0, &["apply", "--auto-approve"]);
    reword(&root, "prod", "high");
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    let told = format!("the subscription {OTHER} is Disabled: it takes no changes");
    assert!(refused.err.contains(&told), "{}", refused.err);
}

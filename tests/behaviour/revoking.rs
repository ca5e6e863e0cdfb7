//! One grant that nobody declared goes by its id, without an approval, and nothing else does.

use onestream_emulator::Endpoint;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::approvals::{changed, refused};
use crate::program::{Ran, Root};
use crate::served::Served;

const GRACE: &str = "66666666-6666-4666-8666-000000000002";
const NAME: &str = "99999999-9999-4999-8999-999999999999";
const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments";

/// The local Azure of a root folder, whose objects anybody may change behind its back.
struct Behind {
    served: Served,
    secret: String,
}

impl Behind {
    fn of(root: &Root) -> Self {
        let served = Served::on(root, &[]);
        let endpoint: Endpoint =
            serde_json::from_str(&root.read(".onestream/emulator/server.json")).expect("one");
        Self {
            served,
            secret: endpoint.control_secret,
        }
    }

    async fn call(&self, method: Method, query: &str, body: Option<&Json>) -> Json {
        let url = format!("{}/emulator/objects?{query}", self.served.origin);
        let request = reqwest::Client::new().request(method, url);
        let mut request = request.header("x-emulator-secret", &self.secret);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let answer = answer.error_for_status().expect("taken");
        let text = answer.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The bodies of everything of a type whose id has `part` in it.
    async fn standing(&self, of_type: &str, part: &str) -> Vec<Json> {
        let query = format!("kind={of_type}");
        let listed = self.call(Method::GET, &query, None).await;
        let listed = listed["value"].as_array().expect("a list").clone();
        let mut bodies = listed.into_iter().map(|one| one["body"].clone());
        let has = |body: &Json| body["id"].as_str().is_some_and(|id| id.contains(part));
        bodies.by_ref().filter(has).collect()
    }

    async fn grants(&self, part: &str) -> Vec<Json> {
        let of_type = "Microsoft.Authorization/roleAssignments";
        self.standing(of_type, part).await
    }

    /// Grants somebody at a scope what Ada holds on her key; the id.
    async fn plant(&self, scope: &str, name: &str) -> String {
        let mut body = self.grants("/keys/approver-ada/").await.remove(0);
        let id = format!("{scope}{ASSIGNMENTS}/{name}");
        body["id"] = json!(id);
        body["name"] = json!(name);
        body["properties"]["scope"] = json!(if scope.is_empty() { "/" } else { scope });
        body["properties"]["principalId"] = json!(GRACE);
        body["properties"]["description"] = Json::Null;
        self.put(&id, &body).await;
        id
    }

    async fn put(&self, id: &str, body: &Json) {
        self.call(Method::PUT, &format!("id={id}"), Some(body))
            .await;
    }
}

fn id(body: &Json) -> String {
    body["id"].as_str().expect("an id").to_owned()
}

/// The scope of a role assignment.
fn scope(body: &Json) -> String {
    let id = id(body);
    let (scope, _) = id.split_once(ASSIGNMENTS).expect("an assignment");
    scope.to_owned()
}

#[track_caller]
fn revoke(root: &Root, code: i32, id: &str) -> Ran {
    root.expect(code, &["apply", "--revoke-excess", id, "--auto-approve"])
}

/// How the revocations that began are on record: their notes and by what right.
fn recorded(root: &Root) -> Vec<(String, Json)> {
    let command = "apply --revoke-excess";
    let log = root.expect(
        0,
        &["audit", "log", "--format", "json", "--command", command],
    );
    let log: Json = serde_json::from_str(&log.out).expect("one document");
    let entries = log["entries"].as_array().expect("a list").clone();
    let records = entries.into_iter().map(|entry| entry["record"].clone());
    records
        .filter(|record| record["event"]["is"] == "begun")
        .map(|record| {
            let note = record["note"].as_str().unwrap_or_default().to_owned();
            (note, record["permits"].clone())
        })
        .collect()
}

#[tokio::test]
async fn while_somebody_else_may_sign_with_a_key_its_signatures_wait_for_the_revocation() {
    let root = changed();
    root.approve("ada", "change.json");
    let behind = Behind::of(&root);
    let own = behind.grants("/keys/approver-ada/").await.remove(0);
    let planted = behind.plant(&scope(&own), NAME).await;
    refused(&root, "may sign with approver-ada, too");
    let check = root.expect(2, &["rbac", "check"]);
    let command = format!("onestream apply --revoke-excess {planted}");
    let flat = check.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&command), "{}", check.out);
    let revoked = revoke(&root, 0, &planted);
    assert!(
        revoked.out.contains("Plan to revoke one grant in shared"),
        "{}",
        revoked.out
    );
    let left = behind.grants("/keys/approver-ada/").await;
    assert_eq!(left, [own], "only the one goes");
    let recorded = recorded(&root);
    let [(note, permits)] = &recorded[..] else {
        panic!("{recorded:?}");
    };
    assert!(
        note.starts_with(&format!("{planted}: grace ({GRACE}) holds ")),
        "{note}"
    );
    assert_eq!(*permits, json!({"shared": {"by": "excess"}}));
    root.expect(0, &["audit", "verify"]);
    // The approval counts again, and what a revocation leaves out is known as before.
    root.expect(0, &["apply", "change.json"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
    root.expect(0, &["rbac", "check"]);
    let gone = revoke(&root, 3, &planted);
    assert!(
        gone.err.contains("no role assignment of that id"),
        "{}",
        gone.err
    );
}

#[tokio::test]
async fn what_is_declared_allowed_inherited_or_elsewhere_is_not_revoked() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let behind = Behind::of(&root);
    let own = behind.grants("/keys/approver-ada/").await.remove(0);
    let subscription = scope(&own).split('/').take(3).collect::<Vec<_>>().join("/");
    let other = format!("{subscription}/resourceGroups/rg-of-others");
    let group = json!({"id": other, "name": "rg-of-others", "location": "eastus2",
        "type": "Microsoft.Resources/resourceGroups",
        "properties": {"provisioningState": "Succeeded"}});
    behind.put(&other, &group).await;
    let elsewhere = behind.plant(&other, NAME).await;
    let root_name = NAME.replace("9999", "8888");
    let above = behind.plant("", &root_name).await;
    let all = behind.grants("").await;
    let at_subscription = format!("{subscription}{ASSIGNMENTS}");
    let deployer = all.iter().find(|one| id(one).starts_with(&at_subscription));
    let cases = [
        (id(&own), "which TOML declares"),
        (id(&own).to_uppercase(), "which TOML declares"),
        (id(deployer.expect("one")), "[deployers]"),
        (above, "above the subscription"),
        (elsewhere, "on nothing that is managed here"),
        (
            format!("{other}{ASSIGNMENTS}/{GRACE}"),
            "no role assignment of that id",
        ),
        (other.clone(), "the id of no role assignment"),
        ("prod.registry".to_owned(), "the id of no role assignment"),
        (String::new(), "the id of no role assignment"),
    ];
    for (id, why) in &cases {
        let refused = revoke(&root, 3, id);
        assert!(refused.err.contains(why), "{id}: {why}: {}", refused.err);
    }
    assert_eq!(behind.grants("").await, all);
    let one = cases[4].0.as_str();
    for wrong in [
        &[
            "--env",
            "prod",
            "apply",
            "--revoke-excess",
            one,
            "--auto-approve",
        ][..],
        &["apply", "change.json", "--revoke-excess", one],
        &["apply", "--target", "prod", "--revoke-excess", one],
    ] {
        root.expect(64, wrong);
    }
}

#[tokio::test]
async fn a_lock_of_ours_is_lifted_for_it_and_put_back_as_it_was() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let behind = Behind::of(&root);
    let locks = "Microsoft.Authorization/locks";
    let registry = behind.standing("Microsoft.ContainerRegistry/registries", "/onestreamprod");
    let registry = id(&registry.await[0]);
    let planted = behind.plant(&registry, NAME).await;
    // It drifted: putting it right is for a plan that is approved.
    let mut lock = behind
        .standing(locks, "/registries/onestreamprod/")
        .await
        .remove(0);
    lock["properties"]["level"] = json!("ReadOnly");
    behind.put(&id(&lock), &lock).await;
    // Somebody else's lock is theirs to take off.
    let mut theirs = lock.clone();
    let lock_id = id(&lock);
    let (above, _) = lock_id.rsplit_once('/').expect("a name");
    let theirs_id = format!("{above}/theirs");
    theirs["id"] = json!(theirs_id);
    theirs["name"] = json!("theirs");
    theirs["properties"]["notes"] = json!("hands off");
    behind.put(&theirs_id, &theirs).await;
    let refused = revoke(&root, 3, &planted);
    assert!(
        refused
            .err
            .contains("have whoever set that lock take it off first"),
        "{}",
        refused.err
    );
    behind
        .call(Method::DELETE, &format!("id={theirs_id}"), None)
        .await;
    revoke(&root, 0, &planted);
    assert!(behind.grants(NAME).await.is_empty());
    let back = behind.standing(locks, "/registries/onestreamprod/").await;
    assert_eq!(back.len(), 1);
    for field in ["level", "notes"] {
        assert_eq!(back[0]["properties"][field], lock["properties"][field]);
    }
    let recorded = recorded(&root);
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert_eq!(recorded[0].1, json!({"prod": {"by": "excess"}}));
    // The lock is still to be put right, and that still needs an approval.
    let left = root.expect(3, &["apply", "--auto-approve"]);
    assert!(left.err.contains("prod is protected"), "{}", left.err);
}

#[cfg(unix)]
#[tokio::test]
async fn a_revocation_that_was_killed_leaves_no_lock_off() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let behind = Behind::of(&root);
    let registries = "Microsoft.ContainerRegistry/registries";
    let registry = id(&behind.standing(registries, "/onestreamprod").await[0]);
    let mut killed = 0;
    for point in (1..).step_by(5) {
        let planted = behind.plant(&registry, NAME).await;
        let arguments = ["apply", "--revoke-excess", &planted, "--auto-approve"];
        let mut command = root.command(&arguments);
        let ran = command.env("ONESTREAM_FAILPOINT", point.to_string());
        let ran = ran.output().expect("the program starts");
        if ran.status.code().is_some() {
            assert!(ran.status.success(), "{ran:?}");
            break;
        }
        killed += 1;
        // Either it is gone by now, or it goes now.
        let again = root.run(&arguments);
        let gone = again.code == 3 && again.err.contains("no role assignment of that id");
        assert!(gone || again.code == 0, "point {point}: {}", again.err);
        assert!(behind.grants(NAME).await.is_empty(), "point {point}");
        root.expect(0, &["plan", "--detailed-exitcode"]);
    }
    assert!(killed > 3, "only {killed} points");
    root.expect(0, &["audit", "verify"]);
}

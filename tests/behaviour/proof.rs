//! `rbac prove`: real calls with everybody's own token, held against the matrix.

use std::collections::{BTreeMap, BTreeSet};

use onestream::provision::ports::{Begun, Reader as _, Writer as _};
use onestream::remote::azure::Azure;
use onestream::resource::{Method, Request};
use serde_json::{Value as Json, json};

use super::program::Root;
use super::served::Served;
use super::serving::{announced, client};

const SUBSCRIPTION: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";
const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments";
const API: &str = "2022-04-01";
const ACR_PUSH: &str = "8311e382-0749-4cb8-b61a-304f252e45ec";
const KATHERINE: &str = "66666666-6666-4666-8666-000000000003";

/// What a run of `rbac prove` found: who, on what, which probe, how.
type Found = BTreeSet<(String, String, String, String)>;

fn prove(root: &Root, code: i32, flags: &[&str]) -> (Json, Found) {
    let mut arguments = vec!["rbac", "prove", "--format", "json"];
    arguments.extend(flags);
    let document: Json =
        serde_json::from_str(&root.expect(code, &arguments).out).expect("one document");
    let mut found = Found::new();
    let text = |json: &Json| json.as_str().expect("a text").to_owned();
    for row in document["rows"].as_array().expect("rows") {
        for cell in row["cells"].as_array().expect("cells") {
            for tried in cell["tries"].as_array().expect("tries") {
                assert!(!tried["steps"].as_array().expect("steps").is_empty());
                if tried["verdict"] != "as_declared" {
                    found.insert((
                        text(&row["who"]),
                        text(&cell["target"]),
                        text(&tried["probe"]),
                        text(&tried["verdict"]),
                    ));
                }
            }
        }
    }
    (document, found)
}

fn found(expected: &[[&str; 4]]) -> Found {
    let all = expected.iter();
    all.map(|[who, target, probe, verdict]| {
        let [who, target, probe, verdict] = [who, target, probe, verdict].map(|it| (*it).into());
        (who, target, probe, verdict)
    })
    .collect()
}

/// The role assignments of the subscription, by what they say to people.
async fn notes(azure: &Azure) -> BTreeMap<String, Json> {
    let mut notes = BTreeMap::new();
    let list = Request::arm(Method::Get, format!("{SUBSCRIPTION}{ASSIGNMENTS}"), API);
    azure
        .list(&list, &mut |page| {
            for body in page {
                let note = body["properties"]["description"]
                    .as_str()
                    .unwrap_or_default();
                let note = note.split(" managed-by=").next().unwrap_or_default();
                notes.insert(note.trim().to_owned(), body);
            }
        })
        .await
        .expect("readable");
    notes
}

async fn send(azure: &Azure, request: Request) {
    let begun = azure.begin(&request).await.expect("Azure takes it");
    assert!(matches!(begun, Begun::Done(_)), "{begun:?}");
}

async fn assign(azure: &Azure, scope: &str, role: &str, principal: &str, of: &str) {
    let id = format!("{scope}{ASSIGNMENTS}/{}", uuid::Uuid::new_v4());
    let role = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let request = Request::arm(Method::Put, id, API).body(json!({"properties": {
        "roleDefinitionId": role, "principalId": principal, "principalType": of,
    }}));
    send(azure, request).await;
}

#[tokio::test]
async fn every_cell_is_as_declared_until_somebody_changes_one() {
    let root = Root::sample();
    let _served = Served::on(&root, &[]);
    root.expect(0, &["apply", "--auto-approve"]);
    let (document, nothing) = prove(&root, 0, &[]);
    assert_eq!(nothing, found(&[]));
    assert_eq!(document["kind"], "rbac_proof");
    assert_eq!(document["cloud"], "emulator");
    assert_eq!(document["targets"].as_array().map(Vec::len), Some(12));
    // Four pipelines, two approvers, and one who approves for staging.
    assert_eq!(document["summary"]["as_declared"], 7 * 12);
    // What was tried has left nothing behind.
    root.expect(0, &["plan", "--detailed-exitcode"]);

    let endpoint = announced(&root);
    let azure = client(&endpoint, None);
    let notes = notes(&azure).await;
    let grant = |note: &str| {
        let found = notes.iter().find(|(known, _)| known.starts_with(note));
        found
            .unwrap_or_else(|| panic!("{note}: {notes:#?}"))
            .1
            .clone()
    };
    let text = |json: &Json| json.as_str().expect("a text").to_owned();
    // One grant goes, and with it what the dev pipeline signs with.
    let signs = grant("dev-pipeline: sign on dev.vault.key.cosign");
    send(
        &azure,
        Request::arm(Method::Delete, text(&signs["id"]), API),
    )
    .await;
    // Another comes beside what is declared, to somebody who has nothing there.
    let pulls = grant("prod-pipeline: pull on prod.registry");
    let registry = text(&pulls["properties"]["scope"]);
    assign(&azure, &registry, ACR_PUSH, KATHERINE, "User").await;
    let expected = found(&[
        ["dev-pipeline", "dev.vault.key.cosign", "sign", "missing"],
        ["qa-approvers/katherine", "prod.registry", "pull", "excess"],
        ["qa-approvers/katherine", "prod.registry", "push", "excess"],
    ]);
    let (document, deviations) = prove(&root, 2, &[]);
    assert_eq!(deviations, expected);
    assert_eq!(document["summary"]["excess"], 1);
    assert_eq!(document["summary"]["missing"], 1);
    let table = root.expect(2, &["rbac", "prove"]).out;
    for line in [
        "! qa-approvers/katherine can push on prod.registry, and should not",
        "  POST an upload: 202",
        "✗ dev-pipeline cannot sign on dev.vault.key.cosign, and should",
        "  POST sign: 403 ForbiddenByRbac",
    ] {
        assert!(table.contains(line), "{line}\n{table}");
    }
    // Those whom nothing of it is about are as declared.
    let (_, nothing) = prove(&root, 0, &["--principal", "promotion-engine"]);
    assert_eq!(nothing, found(&[]));
    let nobody = root.expect(64, &["rbac", "prove", "--principal", "nobody"]);
    assert!(nobody.err.contains("promotion-engine"), "{}", nobody.err);
}

#[test]
fn what_cannot_be_reached_is_not_measured() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let _served = Served::on(&root, &["--outside"]);
    let (document, unmeasured) = prove(&root, 4, &["--principal", "promotion-engine"]);
    for (_, target, probe, verdict) in &unmeasured {
        assert_eq!(verdict, "not_measured", "{target} {probe}");
    }
    // Resource Manager answers everybody; nothing else does.
    let imports = |(_, _, probe, _): &&(String, String, String, String)| probe == "import";
    assert_eq!(unmeasured.iter().filter(imports).count(), 0);
    assert_eq!(document["summary"]["not_measured"], 12);
    let table = root.expect(4, &["rbac", "prove"]).out;
    assert!(
        table.contains("run inside the environment's network"),
        "{table}"
    );
}

#[test]
fn a_command_runs_as_the_person_that_it_is_told_to_be() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let ran = |person: &str, arguments: &[&str]| {
        let mut command = root.command(arguments);
        let output = command.env("ONESTREAM_AS", person).output();
        let output = output.expect("the program starts");
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        (output.status.code(), err)
    };
    let (code, err) = ran("ada", &["state", "list"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("The client 'ada."), "{err}");
    let (code, err) = ran("66666666-6666-4666-8666-000000000002", &["plan"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("The client 'grace."), "{err}");
    let (code, err) = ran("mallory", &["plan"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("there is no user mallory"), "{err}");
    let (code, err) = ran("ada", &["plan", "--cloud", "public"]);
    assert_eq!(code, Some(64), "{err}");
    assert!(err.contains("az login"), "{err}");
}

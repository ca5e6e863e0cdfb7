//! The directory: one application however often it is asked for, and nobody else's way in unseen.

use onestream::provision::plan::{Action, Mode, Plan, Step};
use onestream::resource::{Method, Plane, Request};
use serde_json::{Value as Json, json};

use crate::estate::Estate;
use crate::program::Root;

const ENGINE: &str = "/v1.0/applications(uniqueName='sp-onestream-promotion-engine')";
const APPROVERS: &str = "/v1.0/groups(uniqueName='onestream-approvers')";

/// The objects of one collection, as the emulator keeps them.
async fn kept(estate: &Estate, collection: &str) -> Vec<Json> {
    let path = format!("objects?kind=graph/{collection}");
    let listed = estate.control("GET", &path, None).await;
    let objects = listed["value"].as_array().expect("a list").iter();
    objects.map(|object| object["body"].clone()).collect()
}

/// Those of them with this name of ours.
async fn named(estate: &Estate, collection: &str, name: &str) -> usize {
    let all = kept(estate, collection).await;
    all.iter().filter(|body| body["uniqueName"] == name).count()
}

fn graph(method: Method, path: &str, body: Json) -> Request {
    Request {
        plane: Plane::Graph,
        api_version: None,
        ..Request::arm(method, path, "").body(body)
    }
}

fn operations(plan: &Plan) -> Vec<(Action, &str)> {
    let operations = plan.operations.iter();
    operations
        .map(|operation| (operation.action, operation.address.as_str()))
        .collect()
}

#[tokio::test]
async fn a_lost_answer_to_a_create_makes_one_of_each() {
    let estate = Estate::sample().await;
    let lost = |method: &str, path: &str| json!({"method": method, "path": path, "drop": "after", "count": 1});
    estate
        .faults(json!([
            lost("PATCH", ENGINE),
            lost("PATCH", "*/servicePrincipals(appId=*"),
            lost("PATCH", &format!("{ENGINE}/federatedIdentityCredentials*")),
            lost("PATCH", APPROVERS),
            lost("POST", &format!("{APPROVERS}/members/$ref")),
        ]))
        .await;
    estate.apply().await;
    estate.faults(json!([])).await;
    assert_eq!(
        named(&estate, "applications", "sp-onestream-promotion-engine").await,
        1
    );
    assert_eq!(named(&estate, "groups", "onestream-approvers").await, 1);
    estate.is_as_declared().await;
}

#[tokio::test]
async fn no_application_of_ours_has_a_secret() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let applications = kept(&estate, "applications").await;
    let ours = applications
        .iter()
        .filter(|body| body["uniqueName"].is_string());
    let ours: Vec<&Json> = ours.collect();
    assert_eq!(ours.len(), 4);
    for body in ours {
        assert_eq!(body["passwordCredentials"], json!([]), "{body:#}");
        assert_eq!(body["keyCredentials"], json!([]), "{body:#}");
    }
}

#[tokio::test]
async fn a_way_in_that_nobody_declared_is_seen_and_left_alone() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let stranger = json!({
        "name": "theirs", "issuer": "https://issuer.example", "subject": "s",
        "audiences": ["api://AzureADTokenExchange"],
    });
    let credentials = format!("{ENGINE}/federatedIdentityCredentials");
    estate
        .send(&graph(Method::Post, &credentials, stranger))
        .await;
    let katherine = "66666666-6666-4666-8666-000000000003";
    let reference = json!({ "@odata.id": format!("/v1.0/directoryObjects/{katherine}") });
    let members = format!("{APPROVERS}/members");
    estate
        .send(&graph(Method::Post, &format!("{members}/$ref"), reference))
        .await;
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(operations(&plan), []);
    for id in [
        format!("{credentials}(name='theirs')"),
        format!("{members}/{katherine}"),
    ] {
        assert!(
            plan.unmanaged.iter().any(|object| object.id == id),
            "{id}: {:#?}",
            plan.unmanaged
        );
    }
}

#[tokio::test]
async fn ways_in_go_before_whom_they_let_in() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let plan = estate.plan(Mode::Destroy).await;
    let index = |address: &str| {
        let mut all = plan.operations.iter();
        let found = all.position(|operation| operation.address.as_str() == address);
        found.unwrap_or_else(|| panic!("{address} stays"))
    };
    let principal = "shared.principal.promotion-engine";
    for (first, then) in [
        (format!("{principal}.credential.azure-devops"), principal),
        (format!("{principal}.service-principal"), principal),
        (
            "shared.people.approvers.member.ada".to_owned(),
            "shared.people.approvers",
        ),
    ] {
        let (first, then) = (index(&first), index(then));
        assert!(
            plan.edges
                .iter()
                .any(|e| (e.before, e.after) == (first, then)),
            "{:#?}",
            plan.edges
        );
    }
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
}

#[tokio::test]
async fn a_restored_application_keeps_its_object_id_and_its_credentials() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let before = estate.object(ENGINE).await;
    estate
        .send(&graph(Method::Delete, ENGINE, Json::Null))
        .await;
    let plan = estate.plan(Mode::Apply).await;
    let of_engine = |address: &str| address.contains(".principal.promotion-engine");
    let planned: Vec<_> = operations(&plan)
        .into_iter()
        .filter(|(_, a)| of_engine(a))
        .collect();
    assert!(
        planned.contains(&(Action::Recover, "shared.principal.promotion-engine")),
        "{planned:?}"
    );
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    let after = estate.object(ENGINE).await;
    assert_eq!(
        (&before["id"], &before["appId"]),
        (&after["id"], &after["appId"])
    );
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_failure_of_one_part_of_a_batch_is_that_of_one_object() {
    let estate = Estate::sample().await;
    estate.apply().await;
    estate
        .faults(json!([{"method": "GET", "path": format!("*{ENGINE}"), "status": 403}]))
        .await;
    let plan = estate.plan(Mode::Apply).await;
    let unread: Vec<&str> = plan.unreadable.iter().map(|u| u.address.as_str()).collect();
    assert!(
        unread.contains(&"shared.principal.promotion-engine"),
        "{unread:?}"
    );
    assert!(
        !unread.contains(&"shared.principal.dev-pipeline"),
        "{unread:?}"
    );
    assert!(!unread.contains(&"shared.people.approvers"), "{unread:?}");
    // What cannot be read is neither made nor deleted.
    assert!(
        plan.operations
            .iter()
            .all(|o| o.step != Step::Create && o.step != Step::Delete)
    );
}

/// A file without everything from one text up to another, or to its end.
fn cut(text: &str, from: &str, to: Option<&str>) -> String {
    let (before, rest) = text.split_once(from).expect("the beginning");
    let after = to.map_or("", |to| {
        let at = rest.find(to).expect("the end");
        &rest[at..]
    });
    format!("{before}{after}")
}

#[test]
fn a_principal_that_left_is_found_without_a_snapshot() {
    let root = Root::unprotected();
    assert_eq!(root.run(&["apply", "--auto-approve"]).code, 0);
    let principals = root.read("rbac/principals.toml");
    let principals = cut(
        &principals,
        "[principals.prod-pipeline]",
        Some("[principals.promotion-engine]"),
    );
    let principals = cut(&principals, "[groups.qa-approvers]", None);
    root.write("rbac/principals.toml", &principals);
    let matrix = root.read("rbac/matrix.toml");
    let matrix = cut(&matrix, "[prod-pipeline]", Some("[promotion-engine]"));
    root.write("rbac/matrix.toml", &matrix);
    std::fs::remove_dir_all(root.file(".onestream/control")).expect("a control store");
    // Lists of the directory lag behind: the first look misses what is new.
    root.run(&["plan"]);
    let plan = root.run(&["plan", "--format", "json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let plan: Json = serde_json::from_str(&plan.out).expect("JSON");
    let text = plan.to_string();
    for gone in ["sp-onestream-prod-pipeline", "onestream-qa-approvers"] {
        assert!(text.contains(gone), "{gone}: {plan:#}");
    }
    assert!(!text.contains("sp-onestream-dev-pipeline"), "{plan:#}");
    let applied = root.run(&["apply", "--auto-approve", "--allow-destroy", "*"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let plan = root.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{plan:?}");
}

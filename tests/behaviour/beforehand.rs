//! What Azure says beforehand: a plan that it would refuse halfway is refused before anything is sent.

use onestream::kinds::KINDS;
use onestream::provision::beforehand::{self, Foreseen};
use onestream::provision::guard::Rule;
use onestream::provision::plan::{Mode, Plan};
use onestream::resource::{Method, Request};
use serde_json::json;

use crate::estate::{Estate, sample};
use crate::program::Root;

async fn ask(estate: &Estate, plan: &Plan) -> Foreseen {
    let places = &estate.desired.places;
    let foreseen = beforehand::ask(&estate.azure, KINDS, plan, places).await;
    let rules = foreseen.objections.iter().map(|it| it.rule);
    assert!(rules.into_iter().all(|rule| rule == Rule::Beforehand));
    foreseen
}

/// What stands against a plan, each with its address.
async fn against(estate: &Estate, plan: &Plan) -> Vec<(String, String, String)> {
    let foreseen = ask(estate, plan).await;
    assert!(foreseen.unanswered.is_empty(), "{:#?}", foreseen.unanswered);
    let objections = foreseen.objections.into_iter();
    objections
        .map(|it| {
            let address = it.address.expect("an address").to_string();
            (address, it.problem, it.instead)
        })
        .collect()
}

/// Requests since the last time.
async fn sent(estate: &Estate) -> Vec<String> {
    let seen = estate.control("GET", "requests", None).await;
    estate.control("DELETE", "requests", None).await;
    let seen = seen["value"].as_array().expect("requests").iter();
    seen.filter_map(|request| request["target"].as_str())
        .filter(|target| target.starts_with("/subscriptions/"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn what_is_free_and_offered_is_asked_once_and_not_in_the_way() {
    let estate = Estate::sample().await;
    let plan = estate.plan(Mode::Apply).await;
    sent(&estate).await;
    assert_eq!(against(&estate, &plan).await, []);
    let asked = sent(&estate).await;
    let count = |what: &str| asked.iter().filter(|it| it.contains(what)).count();
    let of = |kinds: &[&str]| {
        let made = plan.operations.iter();
        made.filter(|it| kinds.contains(&it.kind.as_str())).count()
    };
    let named = of(&["registry", "vault", "storage account"]);
    assert!(named > 3, "{asked:#?}");
    assert_eq!(count("/checkNameAvailability"), named, "{asked:#?}");
    // All clusters and their pools stand in one region of one subscription.
    assert_eq!(count("/kubernetesVersions"), 1, "{asked:#?}");
    let subscriptions = estate.desired.subscriptions().len();
    assert_eq!(asked.len(), named + 1 + subscriptions, "{asked:#?}");
    // A run that came to nothing, as far as anybody knows, took the names for itself.
    estate.apply().await;
    assert_eq!(against(&estate, &plan).await, []);
    let empty = estate.plan(Mode::Apply).await;
    sent(&estate).await;
    assert_eq!(against(&estate, &empty).await, []);
    assert_eq!(sent(&estate).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_name_that_somebody_else_has_is_told_with_the_plan() {
    let estate = Estate::sample().await;
    let plan = estate.plan(Mode::Apply).await;
    let mut taken = Vec::new();
    for address in ["dev.registry", "dev.vault", "shared.store"] {
        let address = address.parse().expect("an address");
        let id = estate.id(&address);
        let name = id.rsplit('/').next().expect("a name").to_owned();
        let (_, place) = id.split_once("/providers/").expect("a provider");
        let group = "/subscriptions/99999999-9999-4999-8999-999999999999/resourceGroups/theirs";
        let theirs = format!("{group}/providers/{place}");
        let kind = estate.desired.resources[&address].kind.meta().arm_type;
        let body = json!({"id": theirs, "name": name, "type": kind, "location": "westeurope",
                          "properties": {}});
        estate.plant(&theirs, body).await;
        taken.push((address.to_string(), name));
    }
    let said = against(&estate, &plan).await;
    assert_eq!(said.len(), taken.len(), "{said:#?}");
    for (address, name) in taken {
        let (_, problem, instead) = said.iter().find(|it| it.0 == address).expect("told");
        let start = format!("the name {name} is taken: ");
        assert!(problem.starts_with(&start), "{problem}");
        assert!(instead.contains("another name"), "{instead}");
    }
}

#[tokio::test]
async fn a_vault_of_ours_that_was_deleted_comes_back_and_its_name_with_it() {
    let estate = crate::vaults::with_a_vault().await;
    estate.apply().await;
    let outcome = estate.carry_out(estate.plan(Mode::Destroy).await).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(against(&estate, &plan).await, []);
}

#[tokio::test]
async fn a_provider_that_a_subscription_does_not_use_is_told_with_the_plan() {
    let estate = Estate::sample().await;
    let plan = estate.plan(Mode::Apply).await;
    let subscription = estate.desired.subscriptions().remove(0);
    let provider = format!("/subscriptions/{subscription}/providers/Microsoft.ContainerService");
    let path = format!("{provider}/unregister");
    let leave = Request::arm(Method::Post, path, "2022-09-01");
    estate.send(&leave).await;
    let said = against(&estate, &plan).await;
    let [(address, problem, instead)] = &said[..] else {
        panic!("{said:#?}");
    };
    assert!(address.ends_with(".cluster"), "{address}");
    let not_registered =
        format!("subscription {subscription} is not registered for Microsoft.ContainerService");
    assert_eq!(*problem, not_registered);
    let register = "az provider register --namespace Microsoft.ContainerService";
    assert!(instead.contains(register), "{instead}");
}

#[tokio::test]
async fn a_version_that_is_not_offered_is_told_with_those_that_are() {
    let declared = |version: &str| {
        let mut environments = sample();
        environments.retain(|(place, _)| place.environment.as_str() == "dev");
        for (_, sections) in &mut environments {
            sections.access = Default::default();
            sections.cluster.as_mut().expect("a cluster").kubernetes = version.to_owned();
        }
        environments
    };
    let mut estate = Estate::of(declared("1.28")).await;
    let said = against(&estate, &estate.plan(Mode::Apply).await).await;
    let told = said.iter().map(|it| it.0.as_str()).collect::<Vec<_>>();
    assert_eq!(told[0], "dev.cluster", "{told:?}");
    let (_, problem, instead) = &said[0];
    assert_eq!(problem, "Kubernetes 1.28 is not offered in eastus2");
    let out = "declare one that is: 1.37, 1.36, 1.35, 1.34; or --exclude dev.cluster for now";
    assert_eq!(instead, out);

    estate.redeclare(declared("1.34"));
    assert_eq!(against(&estate, &estate.plan(Mode::Apply).await).await, []);
    estate.apply().await;
    // What stands may be raised, and one minor version at a time.
    estate.redeclare(declared("1.35"));
    assert_eq!(against(&estate, &estate.plan(Mode::Apply).await).await, []);
    for (version, expected) in [
        ("1.36", "not raised to 1.36 at once"),
        ("1.39", "not offered"),
    ] {
        estate.redeclare(declared(version));
        let said = against(&estate, &estate.plan(Mode::Apply).await).await;
        let cluster = said.iter().find(|it| it.0 == "dev.cluster").expect("told");
        assert!(cluster.1.contains(expected), "{said:#?}");
    }
}

#[tokio::test]
async fn what_azure_does_not_tell_is_no_objection() {
    let estate = Estate::sample().await;
    let plan = estate.plan(Mode::Apply).await;
    let refused = json!([{"path": "*/checkNameAvailability", "status": 403},
                         {"path": "/subscriptions/*/providers", "status": 403}]);
    estate.faults(refused).await;
    let foreseen = ask(&estate, &plan).await;
    assert_eq!(foreseen.objections, []);
    assert!(foreseen.unanswered.len() > 3, "{:#?}", foreseen.unanswered);
}

#[test]
fn nothing_is_sent_where_something_would_be_refused() {
    let root = Root::sample();
    root.replace(
        "environments/common.toml",
        "kubernetes = \"1.36\"",
        "kubernetes = \"1.29\"",
    );
    let refused = root.expect(
        3,
        &["--env", "shared", "--env", "dev", "apply", "--auto-approve"],
    );
    let said = "Kubernetes 1.29 is not offered";
    assert!(refused.err.contains(said), "{}", refused.err);
    let left = root.expect(0, &["state", "list", "--format", "json"]);
    let left: serde_json::Value = serde_json::from_str(&left.out).expect("one document");
    let clusters = left["resources"].as_array().expect("resources").iter();
    let mut clusters = clusters.filter(|it| it["address"] == "dev.registry");
    assert_eq!(clusters.next().expect("listed")["state"], "absent");
}

//! Private networking: what strangers put into a network stays, and what leads nowhere is remade.

use onestream::provision::plan::{Action, Mode, Plan};
use onestream::provision::ports::Reader;
use onestream::resource::{Address, Method, Request};
use serde_json::{Value as Json, json};

use crate::estate::Estate;
use crate::program::Root;

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn actions(plan: &Plan) -> Vec<(Action, &str)> {
    let operations = plan.operations.iter();
    operations
        .map(|operation| (operation.action, operation.address.as_str()))
        .collect()
}

/// A subnet with everything that others may have set on it.
async fn plant_subnet(estate: &Estate, network: &str) -> String {
    let id = format!("{network}/subnets/theirs");
    let body = json!({
        "id": id, "name": "theirs", "type": "Microsoft.Network/virtualNetworks/subnets",
        "properties": {
            "provisioningState": "Succeeded",
            "addressPrefix": "10.10.99.0/24",
            "delegations": [{"name": "d", "serviceName": "Microsoft.Web/serverFarms"}],
            "serviceEndpoints": [{"service": "Microsoft.Storage", "locations": ["*"]}],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
            "defaultOutboundAccess": true,
        },
    });
    estate.plant(&id, body).await;
    id
}

#[tokio::test]
async fn an_undeclared_subnet_survives_every_update_of_its_network() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let network = estate.id(&address("dev.network"));
    let theirs = plant_subnet(&estate, &network).await;
    let before = estate.object(&theirs).await;
    for changed in [
        json!({"properties": {"addressSpace": {"addressPrefixes": ["10.10.0.0/16", "10.11.0.0/16"]}}}),
        json!({"properties": {"dhcpOptions": {"dnsServers": ["203.0.113.1"]}}}),
        json!({"tags": {"organisation": "somebody else"}}),
    ] {
        estate.tamper(&network, changed).await;
        let plan = estate.plan(Mode::Apply).await;
        assert_eq!(actions(&plan), [(Action::Update, "dev.network")]);
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{:#?}", outcome.ends);
        let after = estate.object(&theirs).await;
        assert_eq!(before["properties"], after["properties"]);
        estate.is_as_declared().await;
    }
    let plan = estate.plan(Mode::Apply).await;
    assert!(plan.unmanaged.iter().any(|object| object.id == theirs));
}

/// A webhook is of a type without a kind; the interfaces of private endpoints are, too, and come with
/// them.
#[tokio::test]
async fn what_no_kind_knows_is_reported_and_left_alone() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let strangers = |plan: &Plan| {
        // What copies our markers in the groups of the clusters' nodes is told in any case.
        let told = plan.unmanaged.iter().filter(|it| !it.copied_marker);
        told.map(|it| (it.id.clone(), it.arm_type.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(strangers(&estate.plan(Mode::Apply).await), []);
    let registry = estate.id(&address("dev.registry"));
    let theirs = format!("{registry}/webhooks/theirs");
    let webhook = Request::arm(Method::Put, theirs.clone(), "2025-11-01").body(json!({
        "location": "eastus2",
        "properties": {"serviceUri": "https://hooks.example.org/", "actions": ["push"]},
    }));
    estate.send(&webhook).await;
    let plan = estate.plan(Mode::Apply).await;
    assert!(plan.is_empty(), "it is no drift: {:#?}", plan.operations);
    let webhooks = "Microsoft.ContainerRegistry/registries/webhooks";
    assert_eq!(strangers(&plan), [(theirs, webhooks.to_owned())]);
}

#[tokio::test]
async fn a_network_that_holds_somebody_elses_subnet_is_not_destroyed() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let network = estate.id(&address("dev.network"));
    let theirs = plant_subnet(&estate, &network).await;
    let plan = estate.plan(Mode::Destroy).await;
    let refused: Vec<&str> = plan.refusals.iter().map(|r| r.address.as_str()).collect();
    assert!(refused.contains(&"dev.network"), "{refused:?}");
    assert!(
        plan.refusals.iter().any(|r| r.problem.contains(&theirs)),
        "{:#?}",
        plan.refusals
    );
    let deletes = actions(&plan);
    assert!(deletes.contains(&(Action::Delete, "dev.network.subnet.nodes")));
    assert!(!deletes.iter().any(|(_, address)| *address == "dev.network"));
}

#[tokio::test]
async fn a_zone_that_answers_for_somebody_else_is_not_destroyed() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let zone = estate.id(&address("dev.network.zone.registry"));
    let theirs = format!("{zone}/A/theirs");
    let body = json!({
        "id": theirs, "name": "theirs", "type": "Microsoft.Network/privateDnsZones/A",
        "properties": {"ttl": 10, "aRecords": [{"ipv4Address": "10.10.16.99"}]},
    });
    estate.plant(&theirs, body).await;
    let plan = estate.plan(Mode::Destroy).await;
    let refusal = plan
        .refusals
        .iter()
        .find(|refusal| refusal.address == address("dev.network.zone.registry"));
    let problem = &refusal.expect("a refusal").problem;
    assert!(problem.contains(&theirs), "{problem}");
    assert!(!problem.contains("more"), "{problem}");
    let deletes = actions(&plan);
    assert!(deletes.contains(&(Action::Delete, "staging.network.zone.registry")));
}

#[test]
fn a_subnet_dropped_from_toml_goes_and_the_others_stay() {
    let root = Root::sample();
    let (nodes, spare) = ("nodes = \"10.10.0.0/20\"\n", "spare = \"10.10.32.0/24\"\n");
    root.replace("environments/dev.toml", nodes, &format!("{nodes}{spare}"));
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace("environments/dev.toml", spare, "");
    let ran = root.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]);
    let plan: Json = serde_json::from_str(&ran.out).expect("one document");
    let operations = plan["plan"]["operations"].as_array().expect("operations");
    assert_eq!(operations.len(), 1, "{operations:#?}");
    assert_eq!(operations[0]["address"], "dev.network.subnet.spare");
    assert_eq!(operations[0]["action"], "delete");
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[tokio::test]
async fn a_network_that_is_busy_is_waited_for() {
    let estate = Estate::sample().await;
    let busy = |path: &str, code: &str| json!({"method": "PUT", "path": path, "status": 409, "code": code, "count": 2});
    estate
        .faults(json!([
            busy("*/subnets/nodes", "AnotherOperationInProgress"),
            busy("*/privateEndpoints/pe-onestreamdev", "AnotherOperationInProgress"),
            {"method": "PUT", "path": "*/subnets/endpoints", "status": 429,
             "code": "RetryableError", "retry_after": 1, "count": 2},
        ]))
        .await;
    estate.apply().await;
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_lost_answer_to_a_conditional_write_is_no_conflict() {
    let estate = Estate::sample().await;
    estate.apply().await;
    for path in [
        "dev.network",
        "dev.network.subnet.nodes",
        "dev.network.zone.registry",
        "dev.network.zone.registry.link",
        "dev.registry.endpoint",
        "dev.registry.endpoint.dns",
    ] {
        let resource = &estate.desired.resources[&address(path)];
        let id = estate.id(&resource.address);
        let change = match path {
            "dev.network.subnet.nodes" => {
                json!({"properties": {"privateLinkServiceNetworkPolicies": "Disabled"}})
            }
            "dev.registry.endpoint.dns" => json!({"properties": {"privateDnsZoneConfigs": []}}),
            _ => json!({"tags": {"organisation": "somebody else"}}),
        };
        estate.tamper(&id, change).await;
        let plan = estate.plan(Mode::Apply).await;
        assert_eq!(actions(&plan), [(Action::Update, path)]);
        let method = if path.ends_with("zone.registry") {
            "PATCH"
        } else {
            "PUT"
        };
        estate
            .faults(json!([{"method": method, "path": id, "drop": "after", "count": 1}]))
            .await;
        estate.control("DELETE", "requests", None).await;
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{path}: {:#?}", outcome.ends);
        let seen = estate.control("GET", "requests", None).await;
        let sent = seen["value"].as_array().expect("requests").iter();
        let sent = sent.filter(|request| request["method"] == method).count();
        assert_eq!(sent, 2, "{path} was not sent again");
        estate.is_as_declared().await;
    }
}

#[tokio::test]
async fn endpoints_are_let_in_at_once_and_remade_when_they_lead_nowhere() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let registry = estate.id(&address("prod.registry"));
    let connections = connections(&estate, &registry).await;
    assert_eq!(status(&connections), ["Approved"]);
    let id = connections[0]["id"].as_str().expect("an id");
    let rejected =
        json!({"properties": {"privateLinkServiceConnectionState": {"status": "Rejected"}}});
    estate.tamper(id, rejected).await;
    let plan = estate.plan(Mode::Apply).await;
    let touched: std::collections::BTreeSet<&str> = plan
        .operations
        .iter()
        .filter(|operation| !operation.is_lift())
        .map(|operation| operation.address.as_str())
        .filter(|address| !address.ends_with("lock"))
        .collect();
    let expected = ["prod.registry.endpoint", "prod.registry.endpoint.dns"];
    assert_eq!(touched.into_iter().collect::<Vec<_>>(), expected);
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    assert_eq!(
        status(&self::connections(&estate, &registry).await),
        ["Approved"]
    );
    estate.is_as_declared().await;
}

#[tokio::test]
async fn every_region_of_a_registry_has_a_private_name() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let zone = estate.id(&address("prod.network.zone.registry"));
    let records = list(&estate, &format!("{zone}/A"), "2024-06-01").await;
    let names: Vec<&str> = records.iter().filter_map(|r| r["name"].as_str()).collect();
    for name in [
        "onestreamprod",
        "onestreamprod.eastus2.data",
        "onestreamprod.westus2.data",
    ] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
}

async fn connections(estate: &Estate, registry: &str) -> Vec<Json> {
    let path = format!("{registry}/privateEndpointConnections");
    list(estate, &path, "2025-11-01").await
}

async fn list(estate: &Estate, path: &str, version: &str) -> Vec<Json> {
    let mut found = Vec::new();
    let request = Request::arm(Method::Get, path, version);
    let mut keep = |page: Vec<Json>| found.extend(page);
    estate
        .azure
        .list(&request, &mut keep)
        .await
        .expect("listed");
    found
}

fn status(connections: &[Json]) -> Vec<&str> {
    let states = connections
        .iter()
        .map(|c| &c["properties"]["privateLinkServiceConnectionState"]);
    states
        .filter_map(|state| state["status"].as_str())
        .collect()
}

#[test]
fn a_network_that_azure_would_refuse_is_refused_here() {
    for (old, new, complaint) in [
        (
            "10.30.16.0/24",
            "10.30.8.0/24",
            "overlaps `10.30.8.0/24` of subnet `endpoints`",
        ),
        (
            "10.30.16.0/24",
            "10.31.0.0/24",
            "lies outside the network's",
        ),
        (
            "10.30.16.0/24",
            "10.30.16.1/24",
            "did you mean `10.30.16.0/24`",
        ),
        ("10.30.16.0/24", "10.30.16.0/30", "too small"),
        (
            "[\"10.30.0.0/16\"]",
            "[\"10.30.0.0/16\", \"10.30.4.0/24\"]",
            "overlaps",
        ),
        ("[\"10.30.0.0/16\"]", "[]", "needs addresses"),
        (
            "vnet-onestream-prod",
            "vnet onestream",
            "not a virtual network name",
        ),
        ("endpoints = ", "Endpoints = ", "not a subnet name"),
        (
            "endpoints = ",
            "ends = ",
            "no subnet `endpoints` for the private endpoint of `registry`",
        ),
        ("nodes = ", "nodes = 5 #", "nodes"),
    ] {
        let root = Root::sample();
        root.replace("environments/prod.toml", old, new);
        let ran = root.expect(64, &["plan"]);
        let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(complaint), "no {complaint} in\n{}", ran.err);
    }
}

//! Clusters: how their pools come, change and go, and what Azure moves by itself.

use std::collections::BTreeSet;

use onestream::kinds::Sections;
use onestream::provision::plan::{Action, Mode, Plan, Step};
use onestream::provision::ports::Reader as _;
use onestream::resource::{Address, DEFAULT_ESTATE, Kind as _, Method, Place, Request};
use serde_json::{Value as Json, json};

use crate::estate::{Estate, patch};
use crate::program::Root;
use crate::served::Served;

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn place() -> Place {
    Place {
        estate: DEFAULT_ESTATE.to_owned(),
        environment: "dev".parse().expect("a name"),
        tenant: "11111111-1111-4111-8111-111111111111".to_owned(),
        subscription: "22222222-2222-4222-8222-222222222222".to_owned(),
        primary: "eastus2".to_owned(),
        recovery: "westus2".to_owned(),
        tags: [("owner".to_owned(), "platform".to_owned())].into(),
        order: 1,
        protected: false,
        approval: None,
    }
}

const BEFORE: &str = "\
[group]
name = \"rg-dev\"
[network]
name = \"vnet-dev\"
address_space = [\"10.10.0.0/16\"]
[network.subnets]
nodes = \"10.10.0.0/20\"
endpoints = \"10.10.16.0/24\"
[services.iam]
namespace = \"iam\"
accounts = [\"iam-migrate\", \"iam-report\"]
";

const CLUSTER: &str = "\
[cluster]
name = \"aks-dev\"
kubernetes = \"1.36\"
";

const SYSTEM: &str = "\
[cluster.pools.system]
mode = \"System\"
count = 3
";

const SCALING: &str = "\
[cluster.pools.apps]
min = 2
max = 9
";

fn environment(tables: &[&str]) -> Vec<(Place, Sections)> {
    let text = tables.concat();
    vec![(place(), toml::from_str(&text).expect("sections"))]
}

async fn estate(tables: &[&str]) -> Estate {
    let estate = Estate::of(environment(&[&[BEFORE, CLUSTER], tables].concat())).await;
    estate.apply().await;
    estate.is_as_declared().await;
    estate
}

fn actions(plan: &Plan) -> Vec<(Action, &str)> {
    let operations = plan.operations.iter();
    operations
        .map(|operation| (operation.action, operation.address.as_str()))
        .collect()
}

/// Carries out a plan that has to be of these operations, and leaves nothing to do.
async fn carry_out(estate: &Estate, expected: &[(Action, &str)]) {
    let plan = estate.plan(Mode::Apply).await;
    assert!(plan.refusals.is_empty(), "{:#?}", plan.refusals);
    let planned: BTreeSet<_> = actions(&plan).into_iter().collect();
    assert_eq!(planned, expected.iter().copied().collect());
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;
}

/// The writes on the cluster and its pools that the local Azure was asked for, in order: method
/// and last name.
async fn writes(estate: &Estate) -> Vec<String> {
    let log = estate.control("GET", "requests", None).await;
    let requests = log["value"].as_array().expect("a log").iter();
    requests
        .filter_map(|request| {
            let (method, target) = (request["method"].as_str()?, request["target"].as_str()?);
            let path = target.split('?').next()?;
            let below = path.split("/managedClusters/aks-dev").nth(1)?;
            let written = method != "GET" && !below.contains("/providers/");
            written.then(|| format!("{method} {}", path.rsplit('/').next().unwrap_or_default()))
        })
        .collect()
}

#[tokio::test]
async fn the_system_pool_rides_in_the_clusters_create_and_others_follow() {
    let estate = Estate::of(environment(&[BEFORE, CLUSTER, SYSTEM, SCALING])).await;
    let plan = estate.plan(Mode::Apply).await;
    let step = |text: &str| {
        let mut operations = plan.operations.iter();
        let found = operations.find(|operation| operation.address == address(text));
        found.expect(text).step
    };
    assert_eq!(step("dev.cluster.pool.system"), Step::Carried);
    assert_eq!(step("dev.cluster.pool.apps"), Step::Create);
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;
    assert_eq!(writes(&estate).await, ["PUT aks-dev", "PUT apps"]);
    let apps = estate
        .object(&estate.id(&address("dev.cluster.pool.apps")))
        .await;
    assert_eq!(apps["properties"]["count"], 2);
    let credential = address("dev.service.iam.identity.credential");
    let cluster = estate.object(&estate.id(&address("dev.cluster"))).await;
    let credential = estate.object(&estate.id(&credential)).await;
    assert_eq!(
        credential["properties"]["issuer"],
        cluster["properties"]["oidcIssuerProfile"]["issuerURL"]
    );
}

#[tokio::test]
async fn a_pool_that_is_added_later_is_a_write_of_its_own() {
    let mut estate = estate(&[SYSTEM]).await;
    estate.redeclare(environment(&[BEFORE, CLUSTER, SYSTEM, SCALING]));
    carry_out(&estate, &[(Action::Create, "dev.cluster.pool.apps")]).await;
    assert_eq!(writes(&estate).await, ["PUT aks-dev", "PUT apps"]);
    estate.redeclare(environment(&[BEFORE, CLUSTER, SYSTEM]));
    carry_out(&estate, &[(Action::Delete, "dev.cluster.pool.apps")]).await;
}

#[tokio::test]
async fn what_azure_moves_is_no_drift_and_makes_no_plan_stale() {
    let estate = estate(&[SYSTEM, SCALING]).await;
    let apps = estate.id(&address("dev.cluster.pool.apps"));
    let cluster = estate.id(&address("dev.cluster"));
    for order in [
        json!({"id": apps, "count": 7}),
        json!({"id": cluster, "node_image": "AKSAzureLinux-V3gen2fips-202612.01.0"}),
        json!({"id": cluster, "patch": 9}),
    ] {
        estate.control("POST", "clusters", Some(order)).await;
        estate.is_as_declared().await;
    }
    // A plan that was made before the autoscaler moved still holds, and takes no node away.
    let off = patch("properties.nodeLabels", json!({"theirs": "x"}));
    estate.tamper(&apps, off).await;
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), [(Action::Update, "dev.cluster.pool.apps")]);
    let order = json!({"id": apps, "count": 5});
    estate.control("POST", "clusters", Some(order)).await;
    let outcome = estate.carry_on(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    assert_eq!(estate.object(&apps).await["properties"]["count"], 5);
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_change_of_the_cluster_changes_no_pool() {
    let mut estate = estate(&[SYSTEM, SCALING]).await;
    let apps = estate.id(&address("dev.cluster.pool.apps"));
    let theirs = format!("{}/agentPools/theirs", estate.id(&address("dev.cluster")));
    let own = json!({"properties": {"vmSize": "Standard_D8ds_v5", "count": 4, "mode": "User"}});
    estate
        .send(&Request::arm(Method::Put, &theirs, "2026-04-01").body(own))
        .await;
    let order = json!({"id": apps, "count": 6});
    estate.control("POST", "clusters", Some(order)).await;
    let before = [estate.object(&apps).await, estate.object(&theirs).await];
    let stricter = "policy = false\nauto_upgrade = \"none\"\n";
    estate.redeclare(environment(&[BEFORE, CLUSTER, stricter, SYSTEM, SCALING]));
    carry_out(&estate, &[(Action::Update, "dev.cluster")]).await;
    let after = [estate.object(&apps).await, estate.object(&theirs).await];
    assert_eq!(before, after);
    let plan = estate.plan(Mode::Apply).await;
    assert!(
        plan.unmanaged
            .iter()
            .any(|object| object.id.ends_with("/theirs"))
    );
}

#[tokio::test]
async fn the_control_plane_is_upgraded_first_and_nothing_goes_back() {
    let mut estate = estate(&[SYSTEM, SCALING]).await;
    let newer = CLUSTER.replace("1.36", "1.37");
    estate.redeclare(environment(&[BEFORE, &newer, SYSTEM, SCALING]));
    let before = writes(&estate).await.len();
    carry_out(
        &estate,
        &[
            (Action::Update, "dev.cluster"),
            (Action::Update, "dev.cluster.pool.apps"),
            (Action::Update, "dev.cluster.pool.system"),
        ],
    )
    .await;
    let sent = writes(&estate).await.split_off(before);
    assert_eq!(sent[0], "PUT aks-dev");
    assert_eq!(sent.len(), 3, "{sent:?}");
    estate.redeclare(environment(&[BEFORE, CLUSTER, SYSTEM, SCALING]));
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), []);
    let refused: BTreeSet<&str> = plan.refusals.iter().map(|r| r.address.as_str()).collect();
    let all = [
        "dev.cluster",
        "dev.cluster.pool.apps",
        "dev.cluster.pool.system",
    ];
    assert_eq!(refused, all.into());
}

#[tokio::test]
async fn what_a_pool_keeps_for_life_is_refused_and_a_new_name_stands_first() {
    let mut estate = estate(&[SYSTEM, SCALING]).await;
    let larger = format!("{SCALING}vm_size = \"Standard_D8ds_v5\"\n");
    estate.redeclare(environment(&[BEFORE, CLUSTER, SYSTEM, &larger]));
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), []);
    assert_eq!(plan.refusals[0].address, address("dev.cluster.pool.apps"));
    let renamed = larger.replace("pools.apps", "pools.apps2");
    estate.redeclare(environment(&[BEFORE, CLUSTER, SYSTEM, &renamed]));
    let before = writes(&estate).await.len();
    carry_out(
        &estate,
        &[
            (Action::Create, "dev.cluster.pool.apps2"),
            (Action::Delete, "dev.cluster.pool.apps"),
        ],
    )
    .await;
    let sent = writes(&estate).await.split_off(before);
    assert_eq!(sent, ["PUT apps2", "DELETE apps"]);
}

#[tokio::test]
async fn the_last_system_pool_is_relieved_before_it_goes() {
    let mut estate = estate(&[SYSTEM, "[cluster.pools.apps]\ncount = 3\n"]).await;
    let apps = "[cluster.pools.apps]\nmode = \"System\"\ncount = 3\n";
    estate.redeclare(environment(&[BEFORE, CLUSTER, apps]));
    carry_out(
        &estate,
        &[
            (Action::Update, "dev.cluster.pool.apps"),
            (Action::Delete, "dev.cluster.pool.system"),
        ],
    )
    .await;
}

/// What was asked of a cluster from an entry of the log on: `W` is a write, `P` a look at how one
/// is getting on.
async fn rhythm(estate: &Estate, since: u64) -> String {
    let asked = format!("requests?since={since}");
    let log = estate.control("GET", &asked, None).await;
    let requests = log["value"].as_array().expect("a log").iter();
    requests
        .filter_map(|request| {
            let (method, target) = (request["method"].as_str()?, request["target"].as_str()?);
            match method {
                "PUT" if target.contains("/agentPools/") => Some('W'),
                "GET" if target.contains("/operations/") => Some('P'),
                _ => None,
            }
        })
        .collect()
}

#[tokio::test]
async fn pools_of_one_cluster_are_written_one_at_a_time() {
    let more = "[cluster.pools.a]\ncount = 1\n[cluster.pools.b]\ncount = 1\n\
                [cluster.pools.c]\ncount = 1\n";
    let mut estate = estate(&[SYSTEM, more]).await;
    let scaled = more.replace("count = 1", "count = 2");
    estate.redeclare(environment(&[BEFORE, CLUSTER, SYSTEM, &scaled]));
    let log = estate.control("GET", "requests", None).await;
    carry_out(
        &estate,
        &[
            (Action::Update, "dev.cluster.pool.a"),
            (Action::Update, "dev.cluster.pool.b"),
            (Action::Update, "dev.cluster.pool.c"),
        ],
    )
    .await;
    let rhythm = rhythm(&estate, log["next"].as_u64().expect("a number")).await;
    assert_eq!(rhythm.matches('W').count(), 3, "{rhythm}");
    assert!(!rhythm.contains("WW") && rhythm.ends_with('P'), "{rhythm}");
}

#[tokio::test]
async fn tags_that_azure_copies_are_never_planned() {
    let estate = estate(&[SYSTEM]).await;
    let cluster = estate.object(&estate.id(&address("dev.cluster"))).await;
    let group = cluster["properties"]["nodeResourceGroup"]
        .as_str()
        .expect("a group");
    let group = format!(
        "/subscriptions/{}/resourceGroups/{group}",
        place().subscription
    );
    // An identity beside the nodes, as add-ons get one, with the cluster's tags on it.
    let identity = format!(
        "{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/azurepolicy-aks-dev"
    );
    let body = json!({"location": "eastus2", "tags": cluster["tags"]});
    estate
        .send(&Request::arm(Method::Put, &identity, "2023-01-31").body(body))
        .await;
    let kind = onestream::kinds::Identity;
    let live = estate
        .azure
        .get(&kind.get(&identity))
        .await
        .expect("readable");
    assert_eq!(live.expect("it stands")["tags"], cluster["tags"]);
    for mode in [Mode::Apply, Mode::Destroy] {
        let plan = estate.plan(mode).await;
        let copies = |id: &str| id.to_lowercase().starts_with(&group.to_lowercase());
        let touched = plan
            .operations
            .iter()
            .find(|operation| operation.id.known().is_some_and(copies));
        assert!(touched.is_none(), "{touched:#?}");
        assert!(
            !plan.refusals.iter().any(|r| copies(&r.problem)),
            "{:#?}",
            plan.refusals
        );
        let seen = plan
            .unmanaged
            .iter()
            .find(|object| object.id.eq_ignore_ascii_case(&identity));
        assert!(
            seen.is_some_and(|object| object.copied_marker),
            "{:#?}",
            plan.unmanaged
        );
    }
    estate.is_as_declared().await;
}

#[tokio::test]
async fn pools_go_with_their_cluster() {
    let mut estate = estate(&[SYSTEM, SCALING]).await;
    estate.redeclare(environment(&[BEFORE]));
    let plan = estate.plan(Mode::Apply).await;
    let planned = actions(&plan);
    assert!(
        planned.contains(&(Action::Delete, "dev.cluster")),
        "{planned:?}"
    );
    assert!(
        !planned
            .iter()
            .any(|(_, address)| address.contains(".pool.")),
        "{planned:?}"
    );
    let before = writes(&estate).await.len();
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;
    assert_eq!(writes(&estate).await.split_off(before), ["DELETE aks-dev"]);
}

#[tokio::test]
async fn a_credential_follows_its_clusters_issuer() {
    let estate = estate(&[SYSTEM]).await;
    let credential = address("dev.service.iam.identity.credential");
    let id = estate.id(&credential);
    let before = estate.object(&id).await;
    let elsewhere = patch("properties.issuer", json!("https://elsewhere.example/"));
    estate.tamper(&id, elsewhere).await;
    carry_out(&estate, &[(Action::Update, credential.as_str())]).await;
    assert_eq!(estate.object(&id).await["properties"], before["properties"]);
    let subject: &Json = &before["properties"]["subject"];
    assert_eq!(subject, "system:serviceaccount:iam:iam");
}

/// What cannot change is refused, and is no place to hide what can.
#[tokio::test]
async fn a_refused_field_hides_no_other_that_has_drifted() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let served = Served::on(&root, &["--open-info"]);
    let found = root.expect(0, &["--format", "json", "state", "show", "prod.cluster"]);
    let found: Json = serde_json::from_str(&found.out).expect("JSON");
    let id = found["resource"]["id"].as_str().expect("its id");
    let moved = json!({"properties": {
        "disableLocalAccounts": false,
        "apiServerAccessProfile": {
            "disableRunCommand": false,
            "enablePrivateCluster": false,
            "authorizedIPRanges": ["0.0.0.0/0"],
        },
    }});
    let path = format!("objects?id={id}");
    served.control("PATCH", &path, Some(moved)).await;
    for format in ["table", "markdown", "json"] {
        let plan = root.expect(3, &["--format", format, "plan"]);
        for field in [
            "properties.disableLocalAccounts",
            "properties.apiServerAccessProfile.disableRunCommand",
            "properties.apiServerAccessProfile.enablePrivateCluster",
            "properties.apiServerAccessProfile.authorizedIPRanges",
            "critical",
        ] {
            assert!(plan.out.contains(field), "{field}\n{}", plan.out);
        }
    }
}

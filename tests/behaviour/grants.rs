//! Grants: revoked under a lock that is put back, and known by what they are, not by their name.

use std::sync::Arc;

use async_trait::async_trait;
use onestream::provision::plan::{Action, Mode, Plan};
use onestream::provision::ports::{Begun, Failure, Pending, Reader, Writer};
use onestream::remote::azure::Azure;
use onestream::resource::{Address, Method, Request};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use crate::estate::{Estate, sample};

const PULL: &str = "prod.grant.prod-pipeline.registry.pull";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// Takes the pull of the prod pipeline out of the matrix; the registry is locked.
fn revoke(estate: &mut Estate) {
    let mut environments = sample();
    for (_, sections) in &mut environments {
        let grants = &mut sections.access.grants;
        grants.retain(|grant| grant.to.name() != "prod-pipeline" || grant.capability != "pull");
    }
    estate.redeclare(environments);
}

fn actions(plan: &Plan) -> Vec<(Action, &str)> {
    let operations = plan.operations.iter();
    operations
        .map(|operation| (operation.action, operation.address.as_str()))
        .collect()
}

/// How many locks stand in prod.
async fn locks(estate: &Estate) -> usize {
    let group = estate.id(&address("prod.group")).to_lowercase();
    let listed = estate
        .control("GET", "objects?kind=Microsoft.Authorization/locks", None)
        .await;
    let all = listed["value"].as_array().expect("a list").iter();
    let inside = |lock: &&Json| {
        let id = lock["id"].as_str().unwrap_or_default().to_lowercase();
        id.starts_with(&group)
    };
    all.filter(inside).count()
}

#[tokio::test]
async fn a_grant_is_revoked_under_our_lock_and_the_lock_put_back() {
    let mut estate = Estate::sample().await;
    estate.apply().await;
    let (id, stood) = (estate.id(&address(PULL)), locks(&estate).await);
    assert!(stood > 0, "the sample locks the registry");
    revoke(&mut estate);
    let plan = estate.plan(Mode::Apply).await;
    assert!(
        actions(&plan).contains(&(Action::Delete, PULL)),
        "{plan:#?}"
    );
    let lifted = plan.operations.iter().any(|o| o.restores.is_some());
    assert!(lifted, "{:#?}", actions(&plan));
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    assert_eq!(locks(&estate).await, stood);
    let gone = Request::arm(Method::Get, id, "2022-04-01");
    assert_eq!(estate.azure.get(&gone).await, Ok(None));
    estate.is_as_declared().await;
}

/// The client of a process that is killed when a grant is to be deleted.
struct Killed {
    azure: Azure,
    reached: Arc<Notify>,
}

#[async_trait]
impl Reader for Killed {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.azure.get(request).await
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        self.azure.list(request, page).await
    }
}

#[async_trait]
impl Writer for Killed {
    async fn begin(&self, request: &Request) -> Result<Begun, Failure> {
        if request.method == Method::Delete && request.path.contains("/roleAssignments/") {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        self.azure.begin(request).await
    }

    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure> {
        self.azure.finish(pending).await
    }
}

#[tokio::test]
async fn a_lock_is_put_back_also_by_the_run_after_one_that_was_killed() {
    let mut estate = Estate::sample().await;
    estate.apply().await;
    let stood = locks(&estate).await;
    revoke(&mut estate);
    let plan = estate.plan(Mode::Apply).await;
    let reached = Arc::new(Notify::new());
    let cloud = Arc::new(Killed {
        azure: estate.azure.clone(),
        reached: Arc::clone(&reached),
    });
    tokio::select! {
        outcome = estate.carry_out_on(cloud, plan.clone()) => panic!("it ended: {outcome:#?}"),
        () = reached.notified() => {}
    }
    assert!(locks(&estate).await < stood, "the lock is off");
    let outcome = estate.carry_on(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    assert_eq!(locks(&estate).await, stood);
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_grant_of_the_same_three_under_another_name_is_adopted_not_doubled() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let address = address("dev.grant.dev-pipeline.registry.push-pull");
    let id = estate.id(&address);
    let body = estate.object(&id).await;
    estate
        .send(&Request::arm(Method::Delete, id.clone(), "2022-04-01"))
        .await;
    let (collection, _) = id.rsplit_once('/').expect("a name");
    let other = format!("{collection}/99999999-9999-4999-8999-999999999999");
    let said = |name: &str| body["properties"][name].clone();
    let request = Request::arm(Method::Put, other.clone(), "2022-04-01").body(json!({
        "properties": {
            "principalId": said("principalId"),
            "roleDefinitionId": said("roleDefinitionId"),
            "principalType": "ServicePrincipal",
        },
    }));
    estate.send(&request).await;
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), [(Action::Adopt, address.as_str())]);
    assert_eq!(plan.operations[0].id.known(), Some(other.as_str()));
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;
}

#[tokio::test]
async fn what_azure_never_changes_of_an_assignment_is_replaced_or_refused() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let address = address("dev.grant.dev-pipeline.registry.push-pull");
    let id = estate.id(&address);
    let stood = estate.object(&id).await;
    estate
        .tamper(&id, json!({"properties": {"principalType": "Group"}}))
        .await;
    let plan = estate.plan(Mode::Apply).await;
    let replaced = (Action::Replace, address.as_str());
    assert_eq!(actions(&plan), [replaced, replaced]);
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;

    // Somebody else's assignment under our name: Azure would refuse to make ours of it.
    let body = json!({"properties": {"principalId": "99999999-9999-4999-8999-999999999999"}});
    estate.tamper(&id, body).await;
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), []);
    let [refusal] = &plan.refusals[..] else {
        panic!("{:#?}", plan.refusals)
    };
    assert_eq!(refusal.address, address);
    assert!(
        refusal.instead.contains("delete it yourself"),
        "{refusal:?}"
    );
    let gone = Request::arm(Method::Delete, id, "2022-04-01");
    estate.send(&gone).await;
    estate.apply().await;
    let again = estate.object(&estate.id(&address)).await;
    assert_eq!(
        again["properties"]["principalId"],
        stood["properties"]["principalId"]
    );
}

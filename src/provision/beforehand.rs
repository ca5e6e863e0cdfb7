//! What Azure says beforehand to a plan: what it would refuse only halfway through an apply.
//!
//! ## Why
//! It is asked about creates and raises only, so a plan without changes costs no request. Who may
//! not ask gets a remark, not an objection: Azure has said nothing against the write then.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde_json::Value as Json;

use super::guard::{Objection, Rule};
use super::plan::{Action, Operation, Plan, Step};
use super::ports::{Failure, Reader};
use crate::resource::{
    Address, EnvironmentName, Kind, Kinds, Method, Naming, Obstacle, Place, Planned, Question,
    Request, subscription_of,
};

/// The api-version of the list of resource providers.
const PROVIDERS: &str = "2022-09-01";

/// States of a provider in which Azure takes no write of its types.
const CLOSED: &[&str] = &["NotRegistered", "Unregistered", "Unregistering"];

/// Subscriptions that are asked side by side.
const SUBSCRIPTIONS_AT_ONCE: usize = 8;

/// What Azure says beforehand.
#[derive(Debug, Default)]
pub struct Foreseen {
    /// What it would refuse.
    pub objections: Vec<Objection>,
    /// What it did not answer: about what, and why.
    pub unanswered: Vec<(Address, Failure)>,
}

/// A question, and the operation that it is about.
struct Asked<'p> {
    operation: &'p Operation,
    kind: &'static dyn Kind,
    id: &'p str,
    question: Question,
}

/// Asks Azure about what a plan creates and raises. `places` are those that TOML declares.
pub async fn ask(
    reader: &dyn Reader,
    kinds: Kinds,
    plan: &Plan,
    places: &BTreeMap<EnvironmentName, Place>,
) -> Foreseen {
    let mut foreseen = registrations(reader, kinds, plan).await;
    let asked = questions(kinds, plan, places);
    let mut requests: Vec<Request> = Vec::new();
    for one in &asked {
        if !requests.contains(&one.question.request) {
            requests.push(one.question.request.clone());
        }
    }
    let answers = reader.get_many(&requests).await;
    for one in &asked {
        let at = requests.iter().position(|it| *it == one.question.request);
        let address = &one.operation.address;
        let answer = match at.map(|at| &answers[at]) {
            Some(Ok(Some(answer))) => answer,
            Some(Ok(None)) | None => continue,
            Some(Err(failure)) => {
                foreseen.unanswered.push((address.clone(), failure.clone()));
                continue;
            }
        };
        let Some(obstacle) = (one.question.judge)(answer) else {
            continue;
        };
        match is_made(reader, one).await {
            Ok(true) => {}
            Ok(false) => {
                let instead = format!("{}; or --exclude {address} for now", obstacle.instead);
                let obstacle = Obstacle {
                    instead,
                    ..obstacle
                };
                foreseen.objections.push(objection(address, obstacle));
            }
            Err(failure) => foreseen.unanswered.push((address.clone(), failure)),
        }
    }
    foreseen
}

fn objection(address: &Address, obstacle: Obstacle) -> Objection {
    Objection {
        rule: Rule::Beforehand,
        address: Some(address.clone()),
        problem: obstacle.problem,
        instead: obstacle.instead,
    }
}

/// Whether what is to be created stands by now: then its name is taken by itself, by a run of the
/// same plan that did not come to its end, and it is for the apply to judge.
async fn is_made(reader: &dyn Reader, asked: &Asked<'_>) -> Result<bool, Failure> {
    if asked.operation.step != Step::Create {
        return Ok(false);
    }
    Ok(reader.get(&asked.kind.get(asked.id)).await?.is_some())
}

/// The questions of the kinds, each with its operation.
fn questions<'p>(
    kinds: Kinds,
    plan: &'p Plan,
    places: &BTreeMap<EnvironmentName, Place>,
) -> Vec<Asked<'p>> {
    let mut asked = Vec::new();
    for operation in &plan.operations {
        let (Some(kind), Some(id)) = (kinds.named(&operation.kind), operation.id.known()) else {
            continue;
        };
        if !matches!(operation.step, Step::Create | Step::Update)
            || gives_way(plan, operation, kind.naming())
        {
            continue;
        }
        let Some(after) = &operation.desired else {
            continue;
        };
        let planned = Planned {
            place: places.get(&operation.address.environment()),
            id,
            before: operation.before.as_ref(),
            after,
        };
        asked.extend(kind.question(&planned).map(|question| Asked {
            operation,
            kind,
            id,
            question,
        }));
    }
    asked
}

/// Whether what an operation creates takes the place or the name of what the plan deletes before
/// it: what Azure says now does not hold then. A name that stays held is not given way.
fn gives_way(plan: &Plan, made: &Operation, naming: Naming) -> bool {
    let name = |operation: &Operation| {
        let id = operation.id.known()?.to_lowercase();
        match naming {
            Naming::Within => Some(id),
            Naming::Everywhere => id.rsplit('/').next().map(str::to_owned),
            Naming::Kept => None,
        }
    };
    let taken = name(made).filter(|_| made.step == Step::Create);
    taken.is_some()
        && plan
            .operations
            .iter()
            .any(|gone| gone.step == Step::Delete && gone.kind == made.kind && name(gone) == taken)
}

/// The resource providers that creates need, held against those that each subscription uses.
async fn registrations(reader: &dyn Reader, kinds: Kinds, plan: &Plan) -> Foreseen {
    let mut needed: BTreeMap<&str, BTreeMap<String, (&str, &Address)>> = BTreeMap::new();
    for operation in &plan.operations {
        let id = operation.id.known();
        let place = id.and_then(subscription_of);
        let kind = kinds.named(&operation.kind);
        let namespace = kind.and_then(|kind| kind.meta().arm_type.split('/').next());
        if let (Action::Create, Some(place), Some(namespace)) = (operation.action, place, namespace)
        {
            let known = needed.entry(place).or_default();
            let entry = known.entry(namespace.to_lowercase());
            entry.or_insert((namespace, &operation.address));
        }
    }
    let lists = needed.keys().map(|subscription| async move {
        let path = format!("{subscription}/providers");
        let request = Request::arm(Method::Get, path, PROVIDERS);
        let mut closed = Vec::new();
        let mut page =
            |providers: Vec<Json>| closed.extend(providers.iter().filter_map(closed_one));
        let read = reader.list(&request, &mut page).await;
        read.map(|()| closed)
    });
    let lists: Vec<_> = lists.collect();
    let mut lists = futures::stream::iter(lists).buffered(SUBSCRIPTIONS_AT_ONCE);
    let mut foreseen = Foreseen::default();
    for (subscription, namespaces) in &needed {
        match lists.next().await {
            Some(Ok(closed)) => {
                let lacking = closed.iter().filter_map(|name| namespaces.get(name));
                let found = lacking
                    .map(|(namespace, address)| unregistered(subscription, namespace, address));
                foreseen.objections.extend(found);
            }
            Some(Err(failure)) => {
                let first = namespaces.values().next();
                let about = first.map(|(_, address)| ((*address).clone(), failure));
                foreseen.unanswered.extend(about);
            }
            None => {}
        }
    }
    foreseen
}

/// The namespace, in lower case, of a provider that the subscription does not use.
fn closed_one(provider: &Json) -> Option<String> {
    let state = provider.get("registrationState")?.as_str()?;
    let closed = CLOSED.iter().any(|it| it.eq_ignore_ascii_case(state));
    closed.then_some(provider.get("namespace")?.as_str()?.to_lowercase())
}

fn unregistered(subscription: &str, namespace: &str, address: &Address) -> Objection {
    let subscription = subscription.rsplit('/').next().unwrap_or(subscription);
    objection(
        address,
        Obstacle {
            problem: format!("subscription {subscription} is not registered for {namespace}"),
            instead: format!(
                "register it once: `az provider register --namespace {namespace} --subscription {subscription}`"
            ),
        },
    )
}

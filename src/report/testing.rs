//! Plans, answers and graphs that the tests of this layer look at.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Style;
use crate::kinds::KINDS;
use crate::provision::desired::Desired;
use crate::provision::diff::{ChangedBy, FieldChange, Rule};
use crate::provision::graph::Dag;
use crate::provision::plan::{
    Action, Mode, Operation, Plan, Refusal, Step, Target, UnmanagedObject, Unread, VERSION,
};
use crate::provision::ports::{Failure, Verdict};
use crate::resource::{
    Address, DEFAULT_ESTATE, EnvironmentName, Marker, Place, Resource, Severity, Text, Value,
};

/// What the snapshots are taken in.
pub(super) const STYLE: Style = Style {
    colour: false,
    width: 80,
    unicode: true,
};

pub(super) fn address(text: &str) -> Address {
    text.parse().expect("well formed")
}

pub(super) fn environment(text: &str) -> EnvironmentName {
    text.parse().expect("well formed")
}

pub(super) fn id(group: &str, rest: &str) -> String {
    format!("/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11/resourceGroups/{group}{rest}")
}

/// A plan without anything in it.
pub(super) fn empty(environments: &[&str], unchanged: usize) -> Plan {
    Plan {
        version: VERSION,
        target: Target {
            estate: DEFAULT_ESTATE.to_owned(),
            cloud: "emulator".to_owned(),
            tenant: "e1f8b1c8-52d1-4a3a-8f0c-94a2b7f31d10".to_owned(),
            subscriptions: vec!["7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11".to_owned()],
        },
        environments: environments.iter().map(|name| environment(name)).collect(),
        protected: vec![environment("prod")],
        author: None,
        mode: Mode::Apply,
        adopt: false,
        operations: Vec::new(),
        edges: Vec::new(),
        unchanged,
        unchanged_in: BTreeMap::new(),
        left_out: 0,
        refusals: Vec::new(),
        unreadable: Vec::new(),
        unread: Vec::new(),
        unmanaged: Vec::new(),
        stays: Vec::new(),
        standing: BTreeMap::new(),
    }
}

/// An operation on an object with this id.
pub(super) fn operation(
    at: &str,
    kind: &str,
    id: &str,
    action: Action,
    step: Step,
    reason: &str,
) -> Operation {
    Operation {
        address: address(at),
        kind: kind.to_owned(),
        id: id.into(),
        action,
        step,
        reason: reason.to_owned(),
        changes: Vec::new(),
        desired: None,
        before: None,
        stateful: KINDS.named(kind).is_some_and(|kind| kind.meta().stateful),
        guards: KINDS.named(kind).is_some_and(|kind| kind.meta().is_guard),
        access: false,
        widens: None,
        restores: None,
        carries: Vec::new(),
        handle: None,
        references: Vec::new(),
    }
}

/// The managed fields of a kind, complete and marked.
pub(super) fn desired(at: &str, kind: &str, id: &str, said: Json) -> Value {
    let meta = KINDS.named(kind).expect("a known kind").meta();
    let mut properties = Value::from(said);
    meta.materialise(&mut properties);
    let marker = Marker::of(DEFAULT_ESTATE, &address(at).environment(), &id.into());
    marker.put(meta.carrier, &mut properties);
    properties
}

pub(super) fn change(
    path: &str,
    before: Json,
    after: Json,
    rule: Rule,
    by: Option<ChangedBy>,
) -> FieldChange {
    FieldChange {
        path: path.to_owned(),
        before: before.into(),
        after: after.into(),
        rule,
        severity: Severity::High,
        by,
    }
}

/// Azure refusing a read.
pub(super) fn denied() -> Failure {
    Failure {
        verdict: Verdict::Denied,
        status: Some(403),
        code: "AuthorizationFailed".to_owned(),
        message: "The client 'a' with object id 'b' does not have authorization to perform \
                  action 'Microsoft.ContainerRegistry/registries/read' over scope \
                  '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'.\r\n\u{1b}[2J"
            .to_owned(),
        hint: Some("ask for the Reader role on the subscription".to_owned()),
        request_id: Some("2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4".to_owned()),
    }
}

/// A plan with every action, a lift, a late value, an unknown kind and an environment that
/// vanished from TOML.
pub(super) fn every_action() -> Plan {
    let mut plan = empty(&["dev", "prod"], 30);
    creates(&mut plan);
    changes(&mut plan);
    replaces(&mut plan);
    plan.operations.push(operation(
        "old.registry.onestreamold",
        "registry",
        &id(
            "rg-old",
            "/providers/Microsoft.ContainerRegistry/registries/onestreamold",
        ),
        Action::Delete,
        Step::Delete,
        "old is not declared any more",
    ));
    plan
}

fn creates(plan: &mut Plan) {
    let group = id("rg-dev", "");
    let mut create = operation(
        "dev.group",
        "resource group",
        &group,
        Action::Create,
        Step::Create,
        "it does not exist",
    );
    let said = json!({"location": "eastus2", "tags": {"team": "platform"}});
    create.desired = Some(desired("dev.group", "resource group", &group, said));
    plan.operations.push(create);

    let registry = format!("{group}/providers/Microsoft.ContainerRegistry/registries/onestreamdev");
    let mut create = operation(
        "dev.registry",
        "registry",
        &registry,
        Action::Create,
        Step::Create,
        "it does not exist",
    );
    let said = json!({
        "location": "eastus2",
        "sku": {"name": "Premium"},
        "properties": {"publicNetworkAccess": "Enabled", "networkRuleSet": {
            "defaultAction": "Deny",
            "ipRules": [{"action": "Allow", "value": "192.0.2.0/24"}],
        }},
    });
    create.desired = Some(desired("dev.registry", "registry", &registry, said));
    plan.operations.push(create);

    let mut grant = operation(
        "dev.grant.promotion-engine.registry.pull",
        "role assignment",
        "",
        Action::Create,
        Step::Create,
        "it does not exist",
    );
    let object_id = Text::output(&address("shared.principal.promotion-engine"), "objectId");
    grant.id = Text::concat(vec!["/x/".into(), object_id.clone()]);
    let mut tree = Value::default();
    tree.set("properties.principalId", object_id.into());
    tree.set("properties.principalType", "ServicePrincipal".into());
    grant.desired = Some(tree);
    plan.operations.push(grant);

    let mut pool = operation(
        "dev.cluster.pool.system",
        "agent pool",
        "/x/pool",
        Action::Create,
        Step::Carried,
        "it does not exist",
    );
    pool.desired = Some(Value::from(json!({"properties": {"count": 3}})));
    let carried = plan.operations.len();
    plan.operations.push(pool);
    let mut cluster = operation(
        "dev.cluster",
        "cluster",
        "/x/cluster",
        Action::Recover,
        Step::Recover,
        "it was deleted and can be recovered",
    );
    cluster.carries = vec![carried];
    plan.operations.push(cluster);
}

fn changes(plan: &mut Plan) {
    let registry = id(
        "rg-prod",
        "/providers/Microsoft.ContainerRegistry/registries/onestreamprod",
    );
    let mut update = operation(
        "prod.registry",
        "registry",
        &registry,
        Action::Update,
        Step::Update,
        "4 managed fields differ",
    );
    let (toml, azure) = (Some(ChangedBy::Toml), Some(ChangedBy::Azure));
    update.changes = vec![
        change(
            "sku.name",
            json!("Standard"),
            json!("Premium"),
            Rule::InPlace,
            toml,
        ),
        change(
            "tags.team",
            json!(null),
            json!("platform"),
            Rule::InPlace,
            None,
        ),
        change(
            "properties.adminUserEnabled",
            json!(true),
            json!(false),
            Rule::InPlace,
            azure,
        ),
        change(
            "properties.policies.retentionPolicy.status",
            json!("disabled"),
            json!("enabled"),
            Rule::InPlace,
            Some(ChangedBy::Both),
        ),
    ];
    plan.operations.push(update);

    let mut adopt = operation(
        "prod.group",
        "resource group",
        &id("rg-onestream-prod-with-a-rather-long-name-eastus2", ""),
        Action::Adopt,
        Step::Update,
        "it exists without our marker",
    );
    adopt.changes = vec![
        change(
            "tags.managed-by",
            json!(null),
            json!("onestream/prod"),
            Rule::InPlace,
            None,
        ),
        change(
            "tags.onestream-id",
            json!(null),
            json!("0d1b"),
            Rule::InPlace,
            None,
        ),
        change(
            "tags.team",
            json!("web"),
            json!("platform"),
            Rule::InPlace,
            None,
        ),
    ];
    plan.operations.push(adopt);
}

fn replaces(plan: &mut Plan) {
    let registry = id(
        "rg-prod",
        "/providers/Microsoft.ContainerRegistry/registries/onestreamprod",
    );
    let replication = format!("{registry}/replications/westus2");
    let halves = |at: &str, kind: &str, id: &str, reason: &str| {
        [Step::Delete, Step::Create]
            .map(|step| operation(at, kind, id, Action::Replace, step, reason))
    };
    let reason = "Azure takes some of it on create only";
    let at = "prod.registry.replication.westus2";
    let [off, mut on] = halves(at, "replication", &replication, reason);
    on.changes = vec![change(
        "location",
        json!("westus3"),
        json!("westus2"),
        Rule::Replace,
        Some(ChangedBy::Toml),
    )];
    plan.operations.extend([off, on]);

    let lock = format!("{registry}/providers/Microsoft.Authorization/locks/onestream");
    let reason = format!("lifted for {at}, put back afterwards");
    let [off, mut on] = halves("prod.registry.lock", "lock", &lock, &reason);
    on.restores = Some(plan.operations.len());
    plan.operations.extend([off, on]);
}

/// A plan that cannot do what was asked.
pub(super) fn in_the_way() -> Plan {
    let mut plan = empty(&["prod", "staging"], 12);
    plan.refusals.push(Refusal {
        address: address("prod.registry"),
        problem: "location cannot change from \"eastus2\" to \"westus2\"".to_owned(),
        instead: "a registry keeps its home region: add the region to replicate_to, or declare a \
                  registry of another name there and import the images"
            .to_owned(),
        changes: Vec::new(),
    });
    plan.unreadable.push(Unread {
        address: address("staging.registry"),
        failure: denied(),
    });
    plan.unmanaged = (0..13)
        .map(|number| UnmanagedObject {
            id: id(
                "rg-prod",
                &format!("/providers/Microsoft.ContainerRegistry/registries/other{number:02}"),
            ),
            arm_type: "Microsoft.ContainerRegistry/registries".to_owned(),
            copied_marker: number == 1,
            estate: None,
        })
        .collect();
    plan
}

/// Two environments, one lock, and a replication.
pub(super) fn declared() -> (Desired, Dag) {
    let place = |name: &str| Place {
        estate: DEFAULT_ESTATE.to_owned(),
        environment: environment(name),
        tenant: "t".to_owned(),
        subscription: "s".to_owned(),
        primary: "eastus2".to_owned(),
        recovery: "westus2".to_owned(),
        tags: BTreeMap::new(),
        order: 0,
        protected: name == "prod",
        approval: None,
    };
    let places = [place("dev"), place("prod")];
    let mut resources = Vec::new();
    for place in &places {
        let name = &place.environment;
        let make = |at: &str, kind: &str, id: String, said: Json| {
            let kind = KINDS.named(kind).expect("a known kind");
            let address = place.address(at).expect("well formed");
            Resource::new(place, kind, address, id.into(), said.into())
        };
        let group = format!("/subscriptions/s/resourceGroups/rg-{name}");
        let registry =
            format!("{group}/providers/Microsoft.ContainerRegistry/registries/onestream{name}");
        let lock = format!("{registry}/providers/Microsoft.Authorization/locks/onestream");
        let replication = format!("{registry}/replications/westus2");
        let [at_group, at_registry] =
            ["group", "registry"].map(|at| place.address(at).expect("well formed"));
        let premium = json!({"location": "eastus2", "sku": {"name": "Premium"}});
        resources.extend([
            make(
                "group",
                "resource group",
                group,
                json!({"location": "eastus2"}),
            ),
            make("registry", "registry", registry, premium).inside(&at_group),
            make(
                "registry.lock",
                "lock",
                lock,
                json!({"properties": {"level": "CanNotDelete"}}),
            )
            .inside(&at_registry),
            make(
                "registry.replication.westus2",
                "replication",
                replication,
                json!({"location": "westus2"}),
            )
            .inside(&at_registry)
            .after(&at_group),
        ]);
    }
    let desired = Desired::of(places, resources).expect("nothing collides");
    let dag = Dag::of(&desired).expect("no cycle");
    (desired, dag)
}

/// As many groups, each after those whose number is up to `reach` lower.
pub(super) fn desired_chain(count: usize, reach: usize) -> (Desired, Dag) {
    let place = |name: &str| Place {
        estate: DEFAULT_ESTATE.to_owned(),
        environment: environment(name),
        tenant: "t".to_owned(),
        subscription: "s".to_owned(),
        primary: "eastus2".to_owned(),
        recovery: "westus2".to_owned(),
        tags: BTreeMap::new(),
        order: 0,
        protected: false,
        approval: None,
    };
    let places = [place("dev"), place("prod")];
    let kind = KINDS.named("resource group").expect("a known kind");
    let at = |number: usize| {
        let place = &places[number % 2];
        place
            .address(&format!("group-{number}"))
            .expect("well formed")
    };
    let resources = (0..count).map(|number| {
        let id = format!("/subscriptions/s/resourceGroups/rg-{number}");
        let said = json!({"location": "eastus2"}).into();
        let resource = Resource::new(&places[number % 2], kind, at(number), id.into(), said);
        (1..=reach)
            .filter_map(|back| number.checked_sub(back * back))
            .fold(resource, |resource, earlier| resource.after(&at(earlier)))
    });
    let resources: Vec<Resource> = resources.collect();
    let desired = Desired::of(places, resources).expect("nothing collides");
    let dag = Dag::of(&desired).expect("no cycle");
    (desired, dag)
}

//! Worlds: declared resources built by hand, frozen as live state, and plans as text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::kinds::{CLUSTER, GRANT, KINDS, POOL, PRINCIPAL, SEAT, SHELF, STORE, TICKET};
use super::{FakeCloud, cloud::short};
use crate::kinds::{Lock, ResourceGroup};
use crate::provision::desired::Desired;
use crate::provision::graph::Dag;
use crate::provision::observe::{self, Observed};
use crate::provision::plan::{self, Action, Applied, Asked, Mode, Plan, PlanError, Selection};
use crate::provision::plan::{Step, Target};
use crate::resource::{
    Address, DEFAULT_ESTATE, EnvironmentName, Kind, Outputs, Place, Resource, Text, Value,
};

pub(crate) fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

pub(crate) fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

/// What is declared, and how a plan for it is asked for.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) places: BTreeMap<EnvironmentName, Place>,
    pub(crate) resources: BTreeMap<Address, Resource>,
    pub(crate) applied: Applied,
    pub(crate) selection: Selection,
    pub(crate) mode: Mode,
    pub(crate) adopt: bool,
}

impl World {
    /// An environment `dev` and a protected one `prod`, each with nothing but a group.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            places: BTreeMap::new(),
            resources: BTreeMap::new(),
            applied: Applied::new(),
            selection: Selection::default(),
            mode: Mode::Apply,
            adopt: false,
        };
        for environment in ["dev", "prod", "shared"] {
            let place = Place {
                approval: None,
                estate: DEFAULT_ESTATE.to_owned(),
                environment: name(environment),
                tenant: "t".to_owned(),
                subscription: "s".to_owned(),
                primary: "eastus2".to_owned(),
                recovery: "westus2".to_owned(),
                tags: [("team".to_owned(), "platform".to_owned())].into(),
                order: 0,
                protected: environment == "prod",
            };
            world.places.insert(name(environment), place);
        }
        world
    }

    /// A world whose `dev` has a group with a store `a` that has a shelf `top`.
    pub(crate) fn with_store() -> Self {
        let mut world = Self::new();
        world.group("dev");
        world.store("dev", "a");
        world.shelf("dev.store.a", "top");
        world
    }

    pub(crate) fn add(
        &mut self,
        path: &str,
        kind: &'static dyn Kind,
        id: Text,
        properties: serde_json::Value,
    ) -> &mut Resource {
        let address = address(path);
        let place = &self.places[&address.environment()];
        let resource = Resource::new(place, kind, address.clone(), id, properties.into());
        self.resources.insert(address.clone(), resource);
        self.edit(path)
    }

    pub(crate) fn edit(&mut self, path: &str) -> &mut Resource {
        let address = address(path);
        self.resources.get_mut(&address).expect("declared")
    }

    pub(crate) fn set(&mut self, path: &str, field: &str, value: serde_json::Value) {
        Arc::make_mut(&mut self.edit(path).properties).set(field, Value::from(value));
    }

    /// Takes a resource and everything below its address out of TOML.
    pub(crate) fn drop(&mut self, path: &str) {
        let below = format!("{path}.");
        self.resources
            .retain(|address, _| address.as_str() != path && !address.as_str().starts_with(&below));
    }

    /// Takes a whole environment out of TOML.
    pub(crate) fn vanish(&mut self, environment: &str) {
        self.places.remove(&name(environment));
        self.resources
            .retain(|address, _| address.environment() != name(environment));
    }

    pub(crate) fn id(&self, path: &str) -> String {
        let id = &self.resources[&address(path)].id;
        id.known().expect("known").to_owned()
    }

    pub(crate) fn group(&mut self, environment: &str) {
        let id = format!("/subscriptions/s/resourceGroups/rg-{environment}");
        let path = format!("{environment}.group");
        self.add(
            &path,
            &ResourceGroup,
            id.into(),
            json!({"location": "eastus2"}),
        );
    }

    pub(crate) fn store(&mut self, environment: &str, store: &str) {
        let group = format!("{environment}.group");
        let id = format!("{}/providers/Toy.Storage/stores/{store}", self.id(&group));
        let path = format!("{environment}.store.{store}");
        let body = json!({"location": "eastus2"});
        self.add(&path, &STORE, id.into(), body).parent = Some(address(&group));
    }

    pub(crate) fn shelf(&mut self, store: &str, shelf: &str) {
        let id = format!("{}/shelves/{shelf}", self.id(store));
        let path = format!("{store}.{shelf}");
        self.add(&path, &SHELF, id.into(), json!({})).parent = Some(address(store));
    }

    /// A ticket and a seat, which are made by POSTs.
    pub(crate) fn desk(&mut self, environment: &str) {
        let group = format!("{environment}.group");
        let toys: [(&str, &str, &'static dyn Kind); 2] =
            [("ticket", "tickets", &TICKET), ("seat", "seats", &SEAT)];
        for (name, collection, kind) in toys {
            let id = format!("{}/providers/Toy.Desk/{collection}/a", self.id(&group));
            let path = format!("{environment}.{name}");
            self.add(&path, kind, id.into(), json!({})).parent = Some(address(&group));
        }
    }

    pub(crate) fn lock(&mut self, target: &str, level: &str) {
        let scope = self.id(target);
        let id = format!("{scope}/providers/Microsoft.Authorization/locks/onestream");
        let path = format!("{target}.lock");
        let body = json!({"properties": {"level": level, "notes": "kept"}});
        self.add(&path, &Lock, id.into(), body).parent = Some(address(target));
    }

    pub(crate) fn principal(&mut self, path: &str) {
        let who = path.rsplit('.').next().expect("a segment");
        let id = format!("/v1.0/principals(uniqueName='{who}')");
        let body = json!({"displayName": who, "realm": "corp", "notes": ""});
        self.add(path, &PRINCIPAL, id.into(), body);
    }

    /// A grant of `role` on `scope` to `principal`, whose name hangs on the principal's id.
    pub(crate) fn grant(&mut self, path: &str, scope: &str, principal: &str, role: &str) {
        let who = address(principal);
        let object = || Text::output(&who, "objectId");
        let scope_id = self.id(scope);
        let triple = vec![scope_id.as_str().into(), role.into(), object()];
        let id = Text::concat(vec![
            format!("{scope_id}/providers/Toy.Authorization/grants/").into(),
            Text::name_uuid(triple),
        ]);
        let body = json!({"properties": {"role": role, "description": ""}});
        let grant = self.add(path, &GRANT, id, body);
        Arc::make_mut(&mut grant.properties).set("properties.principalId", Value::from(object()));
        grant.parent = Some(address(scope));
    }

    /// A cluster and its system pool.
    pub(crate) fn cluster(&mut self, environment: &str, cluster: &str) {
        let group = format!("{environment}.group");
        let id = format!(
            "{}/providers/Toy.Compute/clusters/{cluster}",
            self.id(&group)
        );
        let path = format!("{environment}.cluster.{cluster}");
        let body = json!({"location": "eastus2"});
        self.add(&path, &CLUSTER, id.into(), body).parent = Some(address(&group));
        self.pool(&path, "system", "System");
    }

    pub(crate) fn pool(&mut self, cluster: &str, pool: &str, mode: &str) {
        let id = format!("{}/pools/{pool}", self.id(cluster));
        let path = format!("{cluster}.{pool}");
        let body = json!({"properties": {"mode": mode}});
        self.add(&path, &POOL, id.into(), body).parent = Some(address(cluster));
    }

    pub(crate) fn desired(&self) -> Desired {
        let resources = self.resources.values().cloned();
        Desired::of(self.places.values().cloned(), resources).expect("declared well")
    }

    /// A cloud in which everything stands as declared.
    pub(crate) fn live(&self) -> FakeCloud {
        let cloud = FakeCloud::default();
        let desired = self.desired();
        let mut outputs = Outputs::default();
        let dag = Dag::of(&desired).expect("no cycle");
        let is_guard = |address: &&Address| desired.resources[*address].kind.meta().is_guard;
        // A lock would be in the way of what is written after it.
        let (locks, others): (Vec<_>, Vec<_>) = dag.order().iter().partition(is_guard);
        for address in others.into_iter().chain(locks) {
            let resource = &desired.resources[address];
            let id = resource.id.resolve(&outputs).expect("in order");
            let properties = resource.properties.resolve(&outputs).expect("in order");
            let parent = resource.parent.as_ref().map(|p| &desired.resources[p]);
            if parent.is_none_or(|parent| !parent.kind.embeds(resource)) {
                let mut request = resource.kind.create(&id, &properties);
                for child in desired.resources.values() {
                    let embedded = child.parent.as_ref() == Some(address);
                    if embedded && resource.kind.embeds(child) {
                        let name = child.id.known().and_then(|id| id.rsplit('/').next());
                        let pool = child.properties.resolve(&outputs).expect("in order");
                        let body = request.body.as_mut().expect("a create has one");
                        resource.kind.embed(body, name.expect("known"), &pool);
                    }
                }
                cloud.write(&request).expect("the fake takes it");
            }
            let body = cloud.body(&id).expect("it stands now");
            let found = resource.kind.meta().read_outputs(&id, &body);
            outputs.insert(address.clone(), found);
        }
        cloud
    }

    pub(crate) async fn observe(&self, cloud: &FakeCloud) -> Observed {
        let mut observed = observe::observe(cloud, KINDS, &self.desired(), &self.applied).await;
        observe::left_behind(
            cloud,
            KINDS,
            &mut observed,
            self.desired().estate(),
            &self.applied,
        )
        .await;
        let containers: Vec<String> = observed
            .objects
            .values()
            .filter(|object| object.kind.contents(&object.id).is_some())
            .map(|object| object.id.clone())
            .collect();
        observe::contents(cloud, &mut observed, &containers).await;
        observed
    }

    /// What a plan says that is not declared, one line for each.
    pub(crate) async fn contradictions(&self, cloud: &FakeCloud, plan: &Plan) -> Vec<String> {
        let mut everything = self.clone();
        everything.selection = Selection::default();
        let observed = everything.observe(cloud).await;
        let found = everything.asking(&observed, |asked| plan::contradictions(plan, asked));
        let lines = found
            .iter()
            .map(|c| format!("{}: {}", c.address, c.problem));
        lines.collect()
    }

    pub(crate) fn plan_on(&self, observed: &Observed) -> Result<Plan, PlanError> {
        self.asking(observed, plan::make)
    }

    /// The plan that takes away one grant that nobody declared.
    pub(crate) async fn revoke(&self, cloud: &FakeCloud, id: &str) -> Plan {
        let kind = KINDS.named("grant").expect("a toy");
        let live = cloud.body(id).expect("it stands");
        let excess = plan::Excess {
            kind,
            id,
            live: &live,
            reason: "nobody declared it",
        };
        let observed = self.observe(cloud).await;
        let plan = self.asking(&observed, |asked| plan::revoke(asked, &excess));
        let plan = plan.expect("a plan");
        assert_sound(&plan);
        plan
    }

    fn asking<T>(&self, observed: &Observed, ask: impl FnOnce(&Asked<'_>) -> T) -> T {
        let desired = self.desired();
        let dag = Dag::of(&desired).expect("no cycle");
        let target = Target {
            estate: DEFAULT_ESTATE.to_owned(),
            cloud: "fake".to_owned(),
            tenant: "t".to_owned(),
            subscriptions: vec!["s".to_owned()],
        };
        ask(&Asked {
            desired: &desired,
            dag: &dag,
            observed,
            applied: &self.applied,
            target: &target,
            selection: &self.selection,
            mode: self.mode,
            adopt: self.adopt,
        })
    }

    /// The plan for what is declared, given the cloud.
    pub(crate) async fn plan(&self, cloud: &FakeCloud) -> Plan {
        let plan = self.plan_on(&self.observe(cloud).await).expect("a plan");
        assert_sound(&plan);
        plan
    }

    /// The applied snapshot of a world that stands as declared in `cloud`.
    pub(crate) async fn applied(&self, cloud: &FakeCloud) -> Applied {
        let plan = self.plan(cloud).await;
        assert!(plan.is_empty(), "it stands as declared: {}", show(&plan));
        plan.standing
    }

    pub(crate) fn destroy(&self) -> Self {
        let mut world = self.clone();
        world.mode = Mode::Destroy;
        world
    }

    pub(crate) fn only(&self, environments: &[&str]) -> Self {
        let mut world = self.clone();
        world.selection.environments = Some(environments.iter().map(|e| name(e)).collect());
        world
    }

    pub(crate) fn target(&self, patterns: &[&str]) -> Self {
        let mut world = self.clone();
        world.selection.targets = patterns
            .iter()
            .map(|p| p.parse().expect("a pattern"))
            .collect();
        world
    }

    pub(crate) fn exclude(&self, patterns: &[&str]) -> Self {
        let mut world = self.clone();
        world.selection.excludes = patterns
            .iter()
            .map(|p| p.parse().expect("a pattern"))
            .collect();
        world
    }
}

/// What holds for every plan: numbers in range, edges without a cycle, nothing planned twice.
fn assert_sound(plan: &Plan) {
    let sorted = topological(plan);
    assert_eq!(
        sorted.len(),
        plan.operations.len(),
        "a cycle in {}",
        show(plan)
    );
    let mut seen = BTreeSet::new();
    for operation in &plan.operations {
        let key = (
            operation.id.to_string().to_lowercase(),
            operation.step == Step::Delete,
        );
        let late = operation.id.known().is_none();
        assert!(late || seen.insert(key), "twice in {}", show(plan));
    }
}

/// The operations in an order in which they could run one by one.
pub(crate) fn topological(plan: &Plan) -> Vec<usize> {
    let mut open: Vec<usize> = vec![0; plan.operations.len()];
    for edge in &plan.edges {
        open[edge.after] += 1;
    }
    let mut ready: BTreeSet<usize> = (0..open.len()).filter(|index| open[*index] == 0).collect();
    let mut sorted = Vec::new();
    while let Some(index) = ready.pop_first() {
        sorted.push(index);
        for edge in plan.edges.iter().filter(|edge| edge.before == index) {
            open[edge.after] -= 1;
            if open[edge.after] == 0 {
                ready.insert(edge.after);
            }
        }
    }
    sorted
}

/// A plan as text: what happens in a possible order, then what is in the way.
pub(crate) fn show(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for index in topological(plan) {
        let operation = &plan.operations[index];
        let step = match (operation.action, operation.step) {
            (Action::Replace, Step::Delete) if is_lifted(plan, index) => "lift",
            (Action::Replace, Step::Delete) => "replace, delete",
            (Action::Replace, Step::Create) if operation.is_lift() => "put back",
            (Action::Replace, Step::Create) => "replace, create",
            (Action::Replace, Step::Carried) => "replace, carried",
            (Action::Create, Step::Carried) => "create, carried",
            (action, _) => return_name(action),
        };
        let changes: Vec<String> = operation
            .changes
            .iter()
            .map(|change| format!("{} {} → {}", change.path, change.before, change.after))
            .collect();
        let changes = if changes.is_empty() {
            String::new()
        } else {
            format!(": {}", changes.join(", "))
        };
        lines.push(format!("{step} {}{changes}", operation.address));
    }
    for refusal in &plan.refusals {
        lines.push(format!(
            "refused {}: {}",
            refusal.address,
            short(&refusal.problem)
        ));
    }
    for unread in &plan.unreadable {
        lines.push(format!(
            "unread {}: {}",
            unread.address, unread.failure.code
        ));
    }
    for object in &plan.unmanaged {
        let copy = if object.copied_marker {
            " (copied marker)"
        } else {
            ""
        };
        lines.push(format!("unmanaged {}{copy}", short(&object.id)));
    }
    lines.join("\n")
}

fn is_lifted(plan: &Plan, index: usize) -> bool {
    plan.operations.iter().any(|o| o.restores == Some(index))
}

fn return_name(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Recover => "recover",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
    }
}

/// The position of an operation in a possible order.
pub(crate) fn order(plan: &Plan, path: &str, step: Step) -> usize {
    let sorted = topological(plan);
    let found = sorted.iter().position(|index| {
        let operation = &plan.operations[*index];
        operation.address.as_str() == path && operation.step == step
    });
    found.unwrap_or_else(|| panic!("no {step:?} of {path} in {}", show(plan)))
}

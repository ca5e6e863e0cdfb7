//! The library on an emulator in this process: what the laws are held against.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use onestream::config;
use onestream::control::Store;
use onestream::kinds::{KINDS, Sections};
use onestream::provision::applied;
use onestream::provision::apply::{Options, Outcome, apply};
use onestream::provision::desired::{self, Desired};
use onestream::provision::graph::Dag;
use onestream::provision::guard::{Permissions, guard};
use onestream::provision::observe::{self, Observed, State};
use onestream::provision::plan::{self, Applied, Asked, Mode, Operation, Plan, Selection, Target};
use onestream::provision::ports::{
    Begun, Cloud as CloudPort, Observer, Ports, Progress, Reader as _, Snapshots, Writer as _,
};
use onestream::remote::azure::{Azure, Clock, Cloud, Credential, Settings, Timing};
use onestream::resource::{
    Address, DEFAULT_ESTATE, EnvironmentName, Method, Outputs, Place, Plane, Request,
};
use onestream_emulator::{Emulator, Endpoint, Pace};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

/// The sample estate, unprotected, on an emulator of its own.
pub struct Estate {
    pub desired: Desired,
    pub azure: Azure,
    dag: Dag,
    emulator: Emulator,
    clock: Arc<Hurried>,
    control: Arc<Store>,
    /// What the objects that have been seen make known.
    outputs: Mutex<Outputs>,
}

/// Watches nothing.
struct Silent;

/// A clock on which waiting takes no time: it jumps to where the wait ends. Those that wait side
/// by side wait as long as the longest of them.
#[derive(Debug, Default)]
struct Hurried {
    /// How far it is ahead.
    slept: Mutex<Duration>,
}

impl Clock for Hurried {
    fn now(&self) -> Instant {
        Instant::now() + *self.slept.lock().expect("nobody panics while holding it")
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let until = self.now() + duration;
        let ahead = until.saturating_duration_since(Instant::now());
        let mut slept = self.slept.lock().expect("nobody panics while holding it");
        *slept = ahead.max(*slept);
        // Others get their turn, as they would while one really waits.
        Box::pin(tokio::task::yield_now())
    }
}

impl Observer for Silent {
    fn event(&self, _event: Progress) {}
}

/// The sample's environments, none of them protected.
pub fn sample() -> Vec<(Place, Sections)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let configuration = config::load(root, &[]).expect("the sample is valid");
    let unprotected = |environment: config::Environment| {
        (
            Place {
                protected: false,
                approval: None,
                ..environment.place
            },
            environment.sections,
        )
    };
    configuration
        .environments
        .into_iter()
        .map(unprotected)
        .collect()
}

impl Estate {
    /// The sample, with nothing applied yet.
    pub async fn sample() -> Self {
        Self::of(sample()).await
    }

    /// These environments, with nothing applied yet.
    pub async fn of(mut environments: Vec<(Place, Sections)>) -> Self {
        let has_shared = |(place, _): &(Place, Sections)| place.environment.is_shared();
        if !environments.iter().any(has_shared) {
            // Who is given something stands in `shared`.
            for (_, sections) in &mut environments {
                sections.access = Default::default();
            }
        }
        let desired = desired::build(
            environments
                .iter()
                .map(|(place, sections)| (place, sections)),
        )
        .expect("it adds up");
        Self::of_desired(desired, None).await
    }

    /// From now on with as much patience as there is with Azure itself.
    pub fn with_patience(mut self) -> Self {
        let timing = Some(Timing::azure());
        self.azure = connect(self.emulator.endpoint(), timing, &self.clock);
        self
    }

    /// How long the client has waited, on its own clock.
    pub fn waited(&self) -> Duration {
        *self
            .clock
            .slept
            .lock()
            .expect("nobody panics while holding it")
    }

    /// These resources, with nothing applied yet.
    pub async fn of_desired(desired: Desired, page_size: Option<usize>) -> Self {
        let place = desired.places.values().next().expect("an environment");
        let emulator = Emulator::start(onestream_emulator::Settings {
            tenant: place.tenant.clone(),
            subscriptions: desired.subscriptions(),
            people: people(&desired),
            pace: Pace::Instant,
            page_size,
            ..onestream_emulator::Settings::default()
        })
        .await
        .expect("the emulator starts");
        let clock = Arc::default();
        let azure = connect(emulator.endpoint(), None, &clock);
        let dag = Dag::of(&desired).expect("no cycle");
        Self {
            desired,
            azure,
            dag,
            emulator,
            clock,
            control: Arc::new(Store::in_memory()),
            outputs: Mutex::default(),
        }
    }

    /// Other environments in place of the declared ones; Azure and the snapshot stay.
    pub fn redeclare(&mut self, environments: Vec<(Place, Sections)>) {
        let all = environments
            .iter()
            .map(|(place, sections)| (place, sections));
        self.desired = desired::build(all).expect("it adds up");
        self.dag = Dag::of(&self.desired).expect("no cycle");
    }

    pub async fn observe(&self) -> Observed {
        let applied = self.applied().await;
        let observed = observe::observe(&self.azure, KINDS, &self.desired, &applied).await;
        self.learn(&observed);
        observed
    }

    /// Notes what the declared objects make known, those first that others wait for.
    fn learn(&self, observed: &Observed) {
        let mut outputs = self.outputs.lock().expect("nobody panics while holding it");
        for address in self.dag.order() {
            let resource = &self.desired.resources[address];
            let id = resource.id.settle(&outputs);
            let object = id.known().map(|id| observed.state(resource.kind, id));
            if let Some(State::Present(object)) = object {
                outputs.insert(address.clone(), object.outputs.clone());
            }
        }
    }

    async fn applied(&self) -> Applied {
        let names = self.control.environments().await.expect("readable");
        let names: Vec<EnvironmentName> = names
            .into_iter()
            .chain(self.desired.places.keys().cloned())
            .collect();
        applied::load(self.control.as_ref(), &names)
            .await
            .expect("readable")
    }

    /// A plan; taking over is asked for, so that a lost marker can be repaired.
    pub async fn plan(&self, mode: Mode) -> Plan {
        let mut observed = self.observe().await;
        let first = self.make(mode, &observed).await;
        let containers = plan::containers_to_delete(&first, KINDS);
        observe::contents(&self.azure, &mut observed, &containers).await;
        self.make(mode, &observed).await
    }

    async fn make(&self, mode: Mode, observed: &Observed) -> Plan {
        let applied = self.applied().await;
        let place = self.desired.places.values().next().expect("an environment");
        let target = Target {
            estate: DEFAULT_ESTATE.to_owned(),
            cloud: "emulator".to_owned(),
            tenant: place.tenant.clone(),
            subscriptions: self.desired.subscriptions(),
        };
        plan::make(&Asked {
            desired: &self.desired,
            dag: &self.dag,
            observed,
            applied: &applied,
            target: &target,
            selection: &Selection::default(),
            mode,
            adopt: true,
        })
        .expect("an order exists")
    }

    /// Carries out a plan that was just made, with every permission.
    pub async fn carry_out(&self, plan: Plan) -> Outcome {
        self.run(plan, false).await
    }

    /// Carries out a plan that may have been begun before, as one from a file.
    pub async fn carry_on(&self, plan: Plan) -> Outcome {
        self.run(plan, true).await
    }

    async fn run(&self, plan: Plan, check_first: bool) -> Outcome {
        let cloud = Arc::new(self.azure.clone());
        self.run_on(cloud, plan, check_first).await
    }

    /// Carries out a plan that was just made, through `cloud`.
    pub async fn carry_out_on(&self, cloud: Arc<dyn CloudPort>, plan: Plan) -> Outcome {
        self.run_on(cloud, plan, false).await
    }

    async fn run_on(&self, cloud: Arc<dyn CloudPort>, plan: Plan, check_first: bool) -> Outcome {
        let everything = Permissions {
            allow_destroy: vec!["*".parse().expect("a pattern")],
            allow_wider_access: true,
            ..Permissions::default()
        };
        let approved = guard(plan, &everything, &[]).expect("nothing objects");
        let ports = Ports {
            cloud,
            journal: Arc::clone(&self.control) as _,
            observer: Arc::new(Silent),
        };
        let options = Options {
            parallelism: 8,
            stop: watch::channel(false).1,
            check_first,
        };
        let names: Vec<EnvironmentName> = self.desired.places.keys().cloned().collect();
        let before = applied::load(self.control.as_ref(), &names)
            .await
            .expect("readable");
        let outcome = apply(&approved, KINDS, &ports, options)
            .await
            .expect("the journal holds");
        applied::save(
            KINDS,
            self.control.as_ref(),
            &before,
            approved.plan(),
            &outcome,
        )
        .await
        .expect("writable");
        outcome
    }

    /// Plans and carries out; everything has to end well.
    #[track_caller]
    pub fn apply(&self) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let plan = self.plan(Mode::Apply).await;
            assert!(plan.refusals.is_empty(), "{caller}: {:#?}", plan.refusals);
            let outcome = self.carry_out(plan).await;
            assert!(outcome.is_complete(), "{caller}: {:#?}", outcome.ends);
            self.observe().await;
        }
    }

    /// The plan has to be empty.
    #[track_caller]
    pub fn is_as_declared(&self) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let plan = self.plan(Mode::Apply).await;
            let left: Vec<&Operation> = plan.operations.iter().collect();
            assert!(
                plan.is_empty(),
                "{caller}: {left:#?} {:#?} {:#?}",
                plan.refusals,
                plan.unreadable
            );
        }
    }

    /// A client of its own, which has asked nothing yet.
    pub fn signed_in_anew(&self) -> Azure {
        connect(self.emulator.endpoint(), None, &self.clock)
    }

    /// The object id of who applies here.
    pub fn deployer(&self) -> &str {
        &self.emulator.endpoint().deployer.object_id
    }

    /// The id of a declared resource that stands.
    pub fn id(&self, address: &Address) -> String {
        let outputs = self.outputs.lock().expect("nobody panics while holding it");
        let id = self.desired.resources[address].id.resolve(&outputs);
        id.expect("known once it stands")
    }

    /// A live body: as the emulator keeps it, or as Graph shows it.
    pub async fn object(&self, id: &str) -> Json {
        if !is_graph(id) {
            let path = format!("objects?id={}", key_of(id));
            return self.control("GET", &path, None).await["body"].clone();
        }
        let kind = KINDS.iter().find(|kind| kind.is_id(id)).expect("a kind");
        let read = self.azure.get(&kind.get(id)).await.expect("readable");
        read.unwrap_or_else(|| panic!("{id} does not stand"))
    }

    /// Merges into a live body behind the API's back, as nobody could in Azure.
    pub async fn tamper(&self, id: &str, patch: Json) {
        if let Some((application, _)) = id.split_once("/federatedIdentityCredentials(") {
            return self.tamper_credential(application, id, patch).await;
        }
        let key = match is_graph(id) {
            true => self.directory_key(id).await,
            false => key_of(id).to_owned(),
        };
        self.control("PATCH", &format!("objects?id={key}"), Some(patch))
            .await;
    }

    /// The same for a credential, which the emulator keeps within its application.
    async fn tamper_credential(&self, application: &str, id: &str, patch: Json) {
        let name = self.object(id).await["name"].clone();
        let list = Request::arm(
            Method::Get,
            format!("{application}/federatedIdentityCredentials"),
            "",
        );
        let list = Request {
            plane: Plane::Graph,
            api_version: None,
            ..list
        };
        let mut held = self
            .azure
            .get(&list)
            .await
            .expect("readable")
            .expect("a list");
        let held = held["value"].as_array_mut().expect("a list");
        for credential in held.iter_mut().filter(|held| held["name"] == name) {
            for (key, value) in patch.as_object().expect("fields") {
                credential[key] = value.clone();
            }
        }
        let key = self.directory_key(application).await;
        let path = format!("objects?part=hidden&id={key}");
        self.control("PATCH", &path, Some(json!({ "federated": held })))
            .await;
    }

    /// Where the emulator keeps an object of the directory.
    async fn directory_key(&self, id: &str) -> String {
        let collection = id.split(['/', '(']).nth(2).expect("a collection");
        let object_id = self.object(id).await["id"].clone();
        format!("graph/{collection}/{}", object_id.as_str().expect("an id"))
    }

    /// Puts an object there behind the API's back.
    pub async fn plant(&self, id: &str, body: Json) {
        self.control("PUT", &format!("objects?id={}", key_of(id)), Some(body))
            .await;
    }

    /// Puts a copy of an object beside it behind the API's back, marker and all; its id.
    pub async fn plant_copy(&self, id: &str) -> String {
        if !is_graph(id) {
            let copy = format!("{id}copy");
            let mut body = self.object(id).await;
            body["id"] = json!(copy);
            body["name"] = json!(copy.rsplit('/').next());
            // An assignment of the same to the same would not be another one.
            if body["properties"]["principalId"].is_string() && id.contains("/roleAssignments/") {
                body["properties"]["principalId"] = json!(uuid::Uuid::new_v4().to_string());
            }
            self.plant(&copy, body).await;
            return copy;
        }
        let key = self.directory_key(id).await;
        let (kind, _) = key.rsplit_once('/').expect("a kind");
        let kept = self
            .control("GET", &format!("objects?id={key}"), None)
            .await;
        let mut body = kept["body"].clone();
        let object_id = uuid::Uuid::new_v4().to_string();
        let name = body["uniqueName"].as_str().expect("a name").to_owned();
        body["id"] = json!(object_id);
        body["type"] = json!(kind);
        body["uniqueName"] = json!(format!("{name}copy"));
        self.plant(&format!("{kind}/{object_id}"), body).await;
        id.replace(&format!("'{name}'"), &format!("'{name}copy'"))
    }

    /// Sends one request beside every plan, as somebody in the portal would.
    pub async fn send(&self, request: &Request) {
        let begun = self.azure.begin(request).await.expect("Azure takes it");
        if let Begun::Accepted(pending) = begun {
            self.azure.finish(&pending).await.expect("it ends well");
        }
    }

    /// Makes requests fail.
    pub async fn faults(&self, rules: Json) {
        self.control("PUT", "faults", Some(rules)).await;
    }

    /// A control endpoint of the emulator.
    pub async fn control(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let endpoint = self.emulator.endpoint();
        let url = format!("{}/emulator/{path}", endpoint.origin);
        let mut request = reqwest::Client::new()
            .request(method, url)
            .header("x-emulator-secret", &endpoint.control_secret);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() {
            Json::Null
        } else {
            serde_json::from_str(&text).expect("JSON")
        }
    }
}

/// A client of an emulator, on a clock of its own.
fn connect(endpoint: &Endpoint, timing: Option<Timing>, clock: &Arc<Hurried>) -> Azure {
    let credential = Credential::ClientSecret {
        client_id: endpoint.deployer.client_id.clone(),
        secret: endpoint.deployer.client_secret.clone().into(),
    };
    let cloud = Cloud::emulator(&endpoint.origin).expect("a loopback origin");
    let mut settings = Settings::new(cloud, endpoint.tenant.clone(), credential);
    settings.clock = Arc::clone(clock) as _;
    settings.timing = timing.unwrap_or(settings.timing);
    Azure::connect(settings).expect("a client")
}

/// Where the emulator keeps an object of ARM: a role is the tenant's, whatever subscription it is
/// asked for in.
fn key_of(id: &str) -> &str {
    let role = id.find("/providers/Microsoft.Authorization/roleDefinitions/");
    role.map_or(id, |at| &id[at..])
}

/// Whether an id is one of the directory's.
fn is_graph(id: &str) -> bool {
    id.starts_with("/v1.0/")
}

/// Whom the declared groups have as members: they are in the directory already.
fn people(desired: &Desired) -> Vec<(String, String)> {
    let all = desired.resources.values();
    let members = all.filter_map(|resource| {
        let (group, member) = resource.id.known()?.split_once("/members/")?;
        let name = resource.address.as_str().rsplit('.').next()?;
        is_graph(group).then(|| (member.to_owned(), name.to_owned()))
    });
    members.collect()
}

/// A merge patch that sets one dotted path.
pub fn patch(path: &str, value: Json) -> Json {
    path.rsplit('.')
        .fold(value, |inner, key| json!({ key: inner }))
}

/// The value at a dotted path.
pub fn at<'a>(body: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(body, |json, key| json.get(key))
}

/// Outputs for everything that is declared, as if it stood: each says whose it is.
pub fn imagined(desired: &Desired) -> Outputs {
    let mut outputs = Outputs::default();
    for (address, resource) in &desired.resources {
        let named = resource.kind.meta().outputs.iter().map(|(name, _)| *name);
        let all = named.chain(["id", "name"]);
        let texts = all.map(|name| (name.to_owned(), format!("{name}-of-{address}")));
        outputs.insert(address.clone(), texts.collect());
    }
    outputs
}

/// One declared address of every kind, by the kind's name.
pub fn one_of_each(desired: &Desired) -> BTreeMap<&'static str, Address> {
    let mut each = BTreeMap::new();
    for resource in desired.resources.values() {
        each.entry(resource.kind.meta().name)
            .or_insert_with(|| resource.address.clone());
    }
    each
}

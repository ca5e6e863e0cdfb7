//! Joins the parts: configuration, cloud, control store and pipeline, for one command.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use onestream::config::{self, CloudChoice, Configuration, Sources};
use onestream::control::audit::Ledger;
use onestream::control::{FAILPOINT, FailPoints, Pointed, Store};
use onestream::kinds::{KINDS, Sections};
use onestream::provision::applied;
use onestream::provision::beforehand;
use onestream::provision::desired::{self, Desired};
use onestream::provision::graph::Dag;
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::objects::Objects;
use onestream::provision::observe::{self, Observed, Remembered};
use onestream::provision::plan::{self, Applied, Asked, Mode, Plan, Selection, Target};
use onestream::provision::ports::Snapshots;
use onestream::rbac::meaning;
use onestream::remote::azure::{Azure, SignInAs};
use onestream::resource::{EnvironmentName, Pattern};
use uuid::Uuid;

use super::arguments::Global;
use super::bootstrap::{self, Standing};
use super::connect::{self, Connected};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::subscriptions::Subscriptions;

/// Configuration that has been read and holds, and what it declares.
pub struct Declared {
    /// The configuration.
    pub configuration: Configuration,
    /// What it declares.
    pub desired: Desired,
    /// In which order.
    pub dag: Dag,
}

/// A declared estate, connected to its cloud.
pub struct Session {
    /// What is declared.
    pub declared: Declared,
    /// The cloud.
    pub azure: Azure,
    /// Signs in to it as others.
    pub sign_ins: SignInAs,
    /// The control store.
    pub control: Arc<Store>,
    /// How it stands.
    pub store: Standing,
    /// Which cloud all of it is in.
    pub choice: CloudChoice,
    /// What keeps the audit chain, recorded keys and approvals.
    pub objects: Arc<dyn Objects>,
    /// The audit chain that they keep, which knows what this process has written into it.
    pub ledger: Ledger,
    /// Where all of it is.
    pub target: Target,
    /// The environments that were asked for; all when absent.
    pub only: Option<BTreeSet<EnvironmentName>>,
    /// Where this run is to be killed or stopped on purpose.
    pub failpoints: Option<Arc<FailPoints>>,
    /// What the subscriptions said.
    pub subscriptions: Subscriptions,
    /// Whether the control store is being made, and Azure says that nothing of ours stands that
    /// could not be made again.
    pub begins: bool,
    /// The run that the next recorder goes on with.
    begun: Mutex<Option<String>>,
    connection: connect::Connection,
}

/// Reads the configuration; contacts nothing.
///
/// # Errors
/// Every mistake in it, at once.
pub fn declared(global: &Global, output: &Output) -> Result<Declared, Failure> {
    let configuration =
        config::load(&global.root, &global.environments).map_err(Failure::configuration)?;
    for warning in &configuration.warnings {
        output.warn(warning);
    }
    let wanted = configuration.environments.iter().filter(|environment| {
        let shared = environment.name().is_shared();
        (shared && environment.sections != Sections::default())
            || (!shared && configuration.selected.contains(environment.name()))
    });
    let pairs = wanted.map(|environment| (&environment.place, &environment.sections));
    let desired = desired::build(pairs).map_err(|error| Failure::of(Exit::Usage, &error))?;
    let dag = Dag::of(&desired).map_err(|error| Failure::of(Exit::Usage, &error))?;
    Ok(Declared {
        configuration,
        desired,
        dag,
    })
}

/// The cloud that is meant.
///
/// # Errors
/// Where CI would talk to one that only a file names.
pub fn choice(global: &Global, configuration: &Configuration) -> Result<CloudChoice, Failure> {
    let choice = global.cloud.unwrap_or(configuration.azure.cloud);
    refuse_silent_cloud(global, choice)?;
    Ok(choice)
}

/// The vault whose keys sign for the audit chain and for approvers.
pub struct SigningVault {
    /// Its name.
    pub name: String,
    /// The names of its keys.
    pub keys: Vec<String>,
}

/// The vault of `shared`, where there is one with keys.
pub fn signing_vault(configuration: &Configuration) -> Option<SigningVault> {
    let shared = configuration.environment(&EnvironmentName::shared())?;
    let vault = shared.sections.vault.as_ref()?;
    (!vault.keys.is_empty()).then(|| SigningVault {
        name: vault.name.clone(),
        keys: vault.keys.keys().cloned().collect(),
    })
}

impl Session {
    /// Reads the configuration and connects to its cloud.
    ///
    /// # Errors
    /// Mistakes in the configuration; a cloud that cannot be reached or signed in to.
    pub async fn open(global: &Global, output: &Output) -> Result<Self, Failure> {
        let failpoints = failpoints()?;
        let mut declared = declared(global, output)?;
        // What is said from here on is of Azure and has no line in a file; of a large estate the
        // files' trees weigh as much as all that is declared.
        declared.configuration.sources = Sources::default();
        let choice = choice(global, &declared.configuration)?;
        let control = Arc::new(super::control::open(&declared.configuration, choice)?);
        let person = global.person.as_deref();
        let Connected {
            azure,
            sign_ins,
            connection,
        } = connect::connect(&declared.configuration, choice, person, output).await?;
        let store = bootstrap::look(&declared.configuration, &azure, &control).await;
        bootstrap::mention(&declared.configuration, store, output);
        let tenant = &declared.configuration.azure.tenant;
        let asked = declared.desired.subscriptions();
        let subscriptions = Subscriptions::probe(&azure, &asked, tenant, output).await?;
        let target = Target {
            cloud: choice.to_string(),
            tenant: declared.configuration.azure.tenant.clone(),
            estate: declared.desired.estate().to_owned(),
            subscriptions: asked,
        };
        let narrowed = !global.environments.is_empty();
        let only = narrowed.then(|| declared.configuration.selected.iter().cloned().collect());
        let mut session = Self {
            declared,
            azure,
            sign_ins,
            objects: Arc::clone(control.objects()),
            ledger: Ledger::of(control.objects()),
            control,
            store,
            choice,
            target,
            only,
            failpoints,
            subscriptions,
            begins: false,
            begun: Mutex::default(),
            connection,
        };
        match session.store {
            Standing::Stands => session.keep_in_shared(Arc::clone(&session.control)),
            // Nothing was ever kept.
            Standing::Missing | Standing::Unfinished => session.keep_in(Store::in_memory()),
        }
        session.refresh().await?;
        Ok(session)
    }

    /// Uses another control store from now on.
    pub fn keep_in(&mut self, store: Store) {
        self.keep_in_shared(Arc::new(store));
    }

    fn keep_in_shared(&mut self, store: Arc<Store>) {
        self.objects = around(store.objects(), self.failpoints.as_ref());
        self.ledger = Ledger::of(&self.objects);
        self.control = store;
    }

    /// Looks anew which subscriptions something of ours may stand in.
    ///
    /// # Errors
    /// When the control store cannot be read.
    pub async fn refresh(&mut self) -> Result<(), Failure> {
        let applied = self.applied().await?;
        self.target.subscriptions = self.declared.desired.subscriptions_with(&applied);
        Ok(())
    }

    /// Has the next recorder go on with a run that is on record already.
    pub fn begin_as(&self, run: &str) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.to_owned());
    }

    /// The run that a recorder writes as: a new one, unless one has begun.
    pub fn run(&self) -> String {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take().unwrap_or_else(|| Uuid::new_v4().to_string())
    }

    /// The environments that this run is about, `shared` among them when all are.
    pub fn environments(&self) -> Vec<EnvironmentName> {
        let known = self.declared.desired.places.keys();
        let wanted =
            |name: &&EnvironmentName| self.only.as_ref().is_none_or(|only| only.contains(*name));
        known.filter(wanted).cloned().collect()
    }

    /// The environments whose leases a run over all that was asked for takes: those that vanished
    /// from TOML and still have something, too.
    ///
    /// # Errors
    /// When the store cannot be looked into.
    pub async fn writable(&self) -> Result<BTreeSet<EnvironmentName>, Failure> {
        let mut environments: BTreeSet<_> = self.environments().into_iter().collect();
        if self.only.is_none() {
            environments.extend(self.control.environments().await?);
        }
        Ok(environments)
    }

    /// What a saved plan is held against: how Azure and TOML stand now.
    ///
    /// # Errors
    /// When Azure does not tell which environments are protected: what is not known to be
    /// unprotected is not written on.
    pub async fn review(&self, plan: &Plan) -> Result<Review, Failure> {
        let applied = self.applied().await?;
        let observed = self.observe(&applied).await?;
        if let Some(failure) = observed.protection_unknown() {
            return Err(failure.clone().into());
        }
        let mut protected = observed.protected(&applied);
        protected.extend(self.protected());
        let wish = Wish {
            mode: plan.mode,
            adopt: plan.adopt,
            targets: Vec::new(),
            excludes: Vec::new(),
        };
        let everything = Selection::default();
        let asked = self.asked(&wish, &everything, &observed, &applied);
        let contradictions = plan::contradictions(plan, &asked).into_iter();
        let objections = contradictions.map(|contradiction| Objection {
            rule: Rule::Undeclared,
            address: Some(contradiction.address),
            problem: contradiction.problem,
            instead: contradiction.instead,
        });
        Ok(Review {
            protected,
            objections: objections.collect(),
            remembered: observed.remembered(&applied),
        })
    }

    /// The environments that TOML protects.
    pub fn protected(&self) -> BTreeSet<EnvironmentName> {
        let places = self.declared.desired.places.values();
        places
            .filter(|place| place.protected)
            .map(|place| place.environment.clone())
            .collect()
    }

    /// Reads Azure.
    ///
    /// # Errors
    /// When nothing at all could be read.
    pub async fn observe(&self, applied: &Applied) -> Result<Observed, Failure> {
        let mut observed =
            observe::observe(&self.azure, KINDS, &self.declared.desired, applied).await;
        observe::left_behind(
            &self.azure,
            KINDS,
            &mut observed,
            &self.target.estate,
            applied,
        )
        .await;
        self.subscriptions.hide(&mut observed);
        match observed.unreadable.values().next() {
            Some(first) if observed.is_blind() => Err(first.failure.clone().into()),
            _ => Ok(observed),
        }
    }

    /// What the last successful apply wrote.
    ///
    /// # Errors
    /// When there is something that cannot be read.
    pub async fn applied(&self) -> Result<Applied, Failure> {
        let environments: Vec<_> = self.writable().await?.into_iter().collect();
        Ok(applied::load(self.control.as_ref(), &environments).await?)
    }

    /// Observes and plans.
    ///
    /// # Errors
    /// When nothing can be read, or no plan exists.
    pub async fn plan(&self, wish: &Wish) -> Result<(Plan, Remembered), Failure> {
        let applied = self.applied().await?;
        let mut observed = self.observe(&applied).await?;
        let selection = Selection {
            environments: self.only.clone(),
            targets: wish.targets.clone(),
            excludes: wish.excludes.clone(),
        };
        let mut plan = self.make(wish, &selection, &observed, &applied)?;
        let containers = plan::containers_to_delete(&plan, KINDS);
        if !containers.is_empty() {
            observe::contents(&self.azure, &mut observed, &containers).await;
            plan = self.make(wish, &selection, &observed, &applied)?;
        }
        plan.author = self.azure.identity().await?;
        Ok((plan, observed.remembered(&applied)))
    }

    fn make(
        &self,
        wish: &Wish,
        selection: &Selection,
        observed: &Observed,
        applied: &Applied,
    ) -> Result<Plan, Failure> {
        plan::make(&self.asked(wish, selection, observed, applied))
            .map_err(|error| Failure::of(Exit::Usage, &error))
    }

    /// What planning is told.
    pub fn asked<'a>(
        &'a self,
        wish: &Wish,
        selection: &'a Selection,
        observed: &'a Observed,
        applied: &'a Applied,
    ) -> Asked<'a> {
        Asked {
            desired: &self.declared.desired,
            dag: &self.declared.dag,
            observed,
            applied,
            target: &self.target,
            selection,
            mode: wish.mode,
            adopt: wish.adopt,
        }
    }

    /// Objections that other layers bring to a plan.
    pub async fn objections(&self, plan: &Plan, output: &Output) -> Vec<Objection> {
        if plan.operations.is_empty() {
            return Vec::new();
        }
        let environments = self.declared.configuration.environments.iter();
        let meanings = environments.flat_map(|it| it.sections.access.meanings.clone());
        let mut objections = self.subscriptions.objections(plan);
        objections.extend(bootstrap::cut_off(&self.declared.configuration, plan));
        objections.extend(meaning::objections(&self.azure, plan, &meanings.collect()).await);
        let places = &self.declared.desired.places;
        let foreseen = beforehand::ask(&self.azure, KINDS, plan, places).await;
        for (address, failure) in foreseen.unanswered {
            output.remark(format!(
                "warning: Azure does not tell whether it would take {address}: {failure}"
            ));
        }
        objections.extend(foreseen.objections);
        objections
    }

    /// The vault whose keys sign.
    pub fn signing_vault(&self) -> Option<SigningVault> {
        signing_vault(&self.declared.configuration)
    }

    /// Lets go of the cloud.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

/// What is known of a plan at the time that it is to be carried out.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// The environments that are protected, by TOML or by what is remembered.
    pub protected: BTreeSet<EnvironmentName>,
    /// What it says that TOML does not.
    pub objections: Vec<Objection>,
    /// What is remembered of the environments.
    pub remembered: Remembered,
}

/// What a plan is wanted for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// To apply or to destroy.
    pub mode: Mode,
    /// Whether unmarked objects may become ours.
    pub adopt: bool,
    /// Only these.
    pub targets: Vec<Pattern>,
    /// Not these.
    pub excludes: Vec<Pattern>,
}

/// The store's objects, with points around their writes where the environment asks for them.
///
/// # Errors
/// Where it asks for what is none.
pub fn pointed(objects: &Arc<dyn Objects>) -> Result<Arc<dyn Objects>, Failure> {
    Ok(around(objects, failpoints()?.as_ref()))
}

fn around(objects: &Arc<dyn Objects>, points: Option<&Arc<FailPoints>>) -> Arc<dyn Objects> {
    let objects = Arc::clone(objects);
    match points {
        Some(points) => Arc::new(Pointed::of(objects, points)),
        None => objects,
    }
}

/// Where the environment says that this run is to be killed or stopped.
fn failpoints() -> Result<Option<Arc<FailPoints>>, Failure> {
    let Some(text) = std::env::var_os(FAILPOINT).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let points = text.to_string_lossy().parse();
    points
        .map(|points| Some(Arc::new(points)))
        .map_err(|error| Failure::of(Exit::Usage, &error))
}

/// In CI the local Azure has to be asked for, since a green run on it must not pass for the real
/// thing, and so has a custom cloud: a change of TOML alone must not say who gets the CI's secret.
fn refuse_silent_cloud(global: &Global, choice: CloudChoice) -> Result<(), Failure> {
    let no = ["", "0", "false"];
    let in_ci = std::env::var_os("CI").is_some_and(|value| no.iter().all(|no| value != *no));
    let what = match choice {
        CloudChoice::Emulator => "the local emulator",
        CloudChoice::Custom => "a custom cloud",
        CloudChoice::Public | CloudChoice::UsGov | CloudChoice::China => return Ok(()),
    };
    if in_ci && global.cloud.is_none() {
        return Err(
            Failure::usage(format!("CI is set, and common.toml names {what}")).hint(format!(
                "say --cloud {choice} (or ONESTREAM_CLOUD={choice}) if that is meant"
            )),
        );
    }
    Ok(())
}

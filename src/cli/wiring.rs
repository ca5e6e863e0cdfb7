//! Joins the parts: configuration, cloud, control store and pipeline, for one command.

use std::collections::BTreeSet;
use std::sync::Arc;

use onestream::config::{self, CloudChoice, Configuration};
use onestream::control::Folder;
use onestream::kinds::{KINDS, Sections};
use onestream::provision::applied;
use onestream::provision::desired::{self, Desired};
use onestream::provision::graph::Dag;
use onestream::provision::guard::Objection;
use onestream::provision::observe::{self, Observed};
use onestream::provision::plan::{self, Applied, Asked, Mode, Plan, Selection, Target};
use onestream::provision::ports::{Journal as _, Snapshots};
use onestream::rbac::meaning;
use onestream::remote::azure::{Azure, SignInAs};
use onestream::resource::{EnvironmentName, Pattern};

use super::arguments::Global;
use super::connect::{self, Connected};
use super::failure::{self, Exit, Failure};
use super::output::Output;

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
    pub control: Arc<Folder>,
    /// Where all of it is.
    pub target: Target,
    /// The environments that were asked for; all when absent.
    pub only: Option<BTreeSet<EnvironmentName>>,
    /// What stands against any change: subscriptions that take none.
    closed: Vec<Objection>,
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
        failure::print_warning(warning, output.error_style().colour, std::io::stderr())?;
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

impl Session {
    /// Reads the configuration and connects to its cloud.
    ///
    /// # Errors
    /// Mistakes in the configuration; a cloud that cannot be reached or signed in to.
    pub async fn open(global: &Global, output: &Output) -> Result<Self, Failure> {
        let declared = declared(global, output)?;
        let choice = global.cloud.unwrap_or(declared.configuration.azure.cloud);
        refuse_silent_cloud(global, choice)?;
        let settings = &declared.configuration.control;
        let folder = settings
            .folder(&declared.configuration.root)
            .map_err(|error| Failure::of(Exit::Usage, &error))?;
        let control = Arc::new(Folder::open(folder)?);
        let person = global.person.as_deref();
        let Connected {
            azure,
            sign_ins,
            connection,
        } = connect::connect(&declared.configuration, choice, person, output).await?;
        let tenant = &declared.configuration.azure.tenant;
        let mut closed = Vec::new();
        for asked in declared.desired.subscriptions() {
            let found = azure.probe(&asked).await?;
            connect::check(&found, &asked, tenant)?;
            closed.extend(connect::objection(&found));
            if matches!(found.state.as_str(), "Warned" | "PastDue") {
                output.remark(format!(
                    "warning: subscription {asked} is {}: Azure may disable it soon",
                    found.state
                ));
            }
        }
        let target = Target {
            cloud: choice.to_string(),
            tenant: declared.configuration.azure.tenant.clone(),
            subscriptions: declared.desired.subscriptions(),
        };
        let narrowed = !global.environments.is_empty();
        let only = narrowed.then(|| declared.configuration.selected.iter().cloned().collect());
        let mut session = Self {
            declared,
            azure,
            sign_ins,
            control,
            target,
            only,
            closed,
            connection,
        };
        let applied = session.applied().await?;
        session.target.subscriptions = session.declared.desired.subscriptions_with(&applied);
        Ok(session)
    }

    /// The environments that this run is about, `shared` among them when all are.
    pub fn environments(&self) -> Vec<EnvironmentName> {
        let known = self.declared.desired.places.keys();
        let wanted =
            |name: &&EnvironmentName| self.only.as_ref().is_none_or(|only| only.contains(*name));
        known.filter(wanted).cloned().collect()
    }

    /// The environments in which nothing of ours stands, or only what an apply of what TOML says
    /// now has begun and not finished.
    ///
    /// # Errors
    /// When the control store cannot be read.
    pub async fn bare(&self, plan: &Plan) -> Result<BTreeSet<EnvironmentName>, Failure> {
        let digest = &self.declared.configuration.digest;
        let begun = applied::begun(self.control.as_ref(), &plan.environments, digest).await?;
        Ok(plan.bare.iter().cloned().chain(begun).collect())
    }

    /// The environments that are protected, by TOML or, now, by what Azure remembers; and, of a
    /// saved plan's, those in which nothing of ours stands, or only what the same plan has begun.
    ///
    /// # Errors
    /// When Azure does not tell: what is not known to be unprotected is not written on.
    pub async fn footing(
        &self,
        plan: &Plan,
    ) -> Result<(BTreeSet<EnvironmentName>, BTreeSet<EnvironmentName>), Failure> {
        let observed = self.observe(&Applied::new()).await?;
        if let Some(failure) = observed.protection_unknown() {
            return Err(failure.clone().into());
        }
        let mut protected = observed.protected();
        protected.extend(self.protected());
        let begun = self.control.entries(&plan::digest(plan)).await?;
        let standing = observed.standing();
        let stands = |name: &&EnvironmentName| observed.is_partial() || standing.contains(*name);
        let bare = match begun.is_empty() {
            true => plan
                .environments
                .iter()
                .filter(|name| !stands(name))
                .cloned()
                .collect(),
            false => plan.bare.iter().cloned().collect(),
        };
        Ok((protected, bare))
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
        observe::left_behind(&self.azure, KINDS, &mut observed, applied).await;
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
        let mut environments = self.environments();
        if self.only.is_none() {
            environments.extend(self.control.environments().await?);
        }
        Ok(applied::load(self.control.as_ref(), &environments).await?)
    }

    /// Observes and plans.
    ///
    /// # Errors
    /// When nothing can be read, or no plan exists.
    pub async fn plan(&self, wish: &Wish) -> Result<Plan, Failure> {
        let applied = self.applied().await?;
        let mut observed = self.observe(&applied).await?;
        let selection = Selection {
            environments: self.only.clone(),
            targets: wish.targets.clone(),
            excludes: wish.excludes.clone(),
        };
        let first = self.make(wish, &selection, &observed, &applied)?;
        let containers = plan::containers_to_delete(&first, KINDS);
        if containers.is_empty() {
            return Ok(first);
        }
        observe::contents(&self.azure, &mut observed, &containers).await;
        self.make(wish, &selection, &observed, &applied)
    }

    fn make(
        &self,
        wish: &Wish,
        selection: &Selection,
        observed: &Observed,
        applied: &Applied,
    ) -> Result<Plan, Failure> {
        let asked = Asked {
            desired: &self.declared.desired,
            dag: &self.declared.dag,
            observed,
            applied,
            target: &self.target,
            selection,
            mode: wish.mode,
            adopt: wish.adopt,
        };
        plan::make(&asked).map_err(|error| Failure::of(Exit::Usage, &error))
    }

    /// Objections that other layers bring to a plan.
    pub async fn objections(&self, plan: &Plan) -> Vec<Objection> {
        if plan.operations.is_empty() {
            return Vec::new();
        }
        let environments = self.declared.configuration.environments.iter();
        let meanings = environments.flat_map(|it| it.sections.access.meanings.clone());
        let mut objections = self.closed.clone();
        objections.extend(meaning::objections(&self.azure, plan, &meanings.collect()).await);
        objections
    }

    /// Lets go of the cloud.
    pub async fn close(self) {
        self.connection.close().await;
    }
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

/// In CI the local Azure has to be asked for, since a green run on it must not pass for the real
/// thing, and so has a custom cloud: a change of TOML alone must not say who gets the CI's secret.
fn refuse_silent_cloud(global: &Global, choice: CloudChoice) -> Result<(), Failure> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
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

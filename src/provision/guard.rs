//! The guard: what may not happen by accident, whatever the plan says.
//!
//! ## Why
//! `prevent_destroy` in a file protects from nobody who edits the file. Here the flag names the
//! address that goes, on the command line of the run that takes it away, and a protected
//! environment asks for an approval besides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::audit::Permit;
use super::plan::{Action, Mode, Operation, Plan};
use crate::resource::{Address, EnvironmentName, PROTECTED_TAG, Pattern};

/// How much of what stands a plan may take away without being told so by name, in percent.
const DELETIONS_PERCENT: usize = 30;

/// How a change in a protected environment is approved.
const APPROVE: &str = "save the plan (onestream plan --out FILE), have it approved (onestream approve \
                       FILE), then apply FILE";
/// The same of a plan that is saved already.
const APPROVE_SAVED: &str = "have this plan approved (onestream approve FILE), then apply it again";

/// A plan that may be applied. Only [`guard`] makes one.
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// What a run was told that it may do.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// Addresses that may be destroyed.
    pub allow_destroy: Vec<Pattern>,
    /// Whether somebody may get more access in a protected environment.
    pub allow_wider_access: bool,
    /// Environments that are protected now, whatever the plan was told when it was made.
    pub protected: BTreeSet<EnvironmentName>,
    /// By what right protected environments are changed; where there is none they are not.
    pub permits: BTreeMap<EnvironmentName, Permit>,
    /// Why there is no right to change the others.
    pub missing: BTreeMap<EnvironmentName, String>,
    /// Whether the plan is in a file, which can be approved as it is.
    pub saved: bool,
}

impl Permissions {
    /// How what is lacking is approved.
    fn approve(&self) -> &'static str {
        match self.saved {
            true => APPROVE_SAVED,
            false => APPROVE,
        }
    }
}

/// A reason why a plan is not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// Which rule it breaks.
    pub rule: Rule,
    /// About what, where it is about one thing.
    pub address: Option<Address>,
    /// What is in the way.
    pub problem: String,
    /// What to do instead.
    pub instead: String,
}

/// The rules that the guard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The plan itself says that it cannot be done.
    Refused,
    /// A saved plan may say only what TOML says now.
    Undeclared,
    /// Taking over what is not marked has to be asked for.
    Adoption,
    /// What cannot be made again has to be named.
    Stateful,
    /// So much at once has to be named.
    ManyDeletions,
    /// Lifting a lock has to be named.
    Lock,
    /// A protected environment needs an approval.
    Protected,
    /// More access in a protected environment has to be said.
    WiderAccess,
    /// The subscription takes no changes now.
    Subscription,
    /// A role gives more than the capability means that it stands for.
    Meaning,
    /// The control store that the run is kept in would be out of reach.
    ControlStore,
    /// Azure says beforehand that it would refuse.
    Beforehand,
}

impl Objection {
    /// Whether a flag or an approval answers it. What neither does has to change before the plan can
    /// be applied.
    pub fn is_answerable(&self) -> bool {
        match self.rule {
            Rule::Adoption
            | Rule::Stateful
            | Rule::ManyDeletions
            | Rule::Lock
            | Rule::Protected
            | Rule::WiderAccess => true,
            Rule::Refused
            | Rule::Undeclared
            | Rule::Subscription
            | Rule::Meaning
            | Rule::ControlStore
            | Rule::Beforehand => false,
        }
    }

    /// Whether `--allow-destroy` with its address is all that it takes.
    pub fn is_of_destroying(&self) -> bool {
        self.address.as_ref().map(name_it).as_ref() == Some(&self.instead)
    }
}

/// What to do where something has to be named.
fn name_it(address: &Address) -> String {
    format!("say --allow-destroy {address} if that is meant")
}

/// Tests a plan against the rules; `others` are objections that other layers bring.
///
/// # Errors
/// Every objection, the plan's own refusals first.
pub fn guard(
    plan: Plan,
    permissions: &Permissions,
    others: &[Objection],
) -> Result<ApprovedPlan, Vec<Objection>> {
    let mut objections: Vec<Objection> = plan.refusals.iter().map(refused).collect();
    objections.extend(others.iter().cloned());
    objections.extend(adoption(&plan));
    objections.extend(destruction(&plan, permissions));
    objections.extend(protection(&plan, permissions));
    objections.extend(unprotection(&plan, permissions));
    objections.extend(widening(&plan, permissions));
    if objections.is_empty() {
        Ok(ApprovedPlan(plan))
    } else {
        Err(objections)
    }
}

fn refused(refusal: &super::plan::Refusal) -> Objection {
    Objection {
        rule: Rule::Refused,
        address: Some(refusal.address.clone()),
        problem: refusal.problem.clone(),
        instead: refusal.instead.clone(),
    }
}

fn adoption(plan: &Plan) -> Vec<Objection> {
    let adopted = plan
        .operations
        .iter()
        .filter(|operation| operation.action == Action::Adopt);
    adopted
        .filter(|_| !plan.adopt)
        .map(|operation| Objection {
            rule: Rule::Adoption,
            address: Some(operation.address.clone()),
            problem: "it exists without our marker".to_owned(),
            instead: "plan with --adopt to take it over, or declare another name".to_owned(),
        })
        .collect()
}

fn destruction(plan: &Plan, permissions: &Permissions) -> Vec<Objection> {
    let allowed = |address: &Address| {
        permissions
            .allow_destroy
            .iter()
            .any(|pattern| pattern.names(address))
    };
    let mut objections = Vec::new();
    let mut shares = Shares::of(plan);
    for operation in plan.visible() {
        if !matches!(operation.action, Action::Create | Action::Recover) {
            shares.at(operation).standing += 1;
        }
        let narrows = narrows(plan, operation);
        if !operation.is_destructive() || narrows || allowed(&operation.address) {
            continue;
        }
        shares.at(operation).unnamed += usize::from(!operation.is_lift());
        let (rule, problem) = if operation.is_lift() {
            (
                Rule::Lock,
                format!("the lock would be {}", operation.reason),
            )
        } else if operation.guards {
            let problem = format!("the lock would go: {}", operation.reason);
            (Rule::Lock, problem)
        } else if operation.stateful {
            (
                Rule::Stateful,
                format!("{} would lose what cannot be made again", operation.action),
            )
        } else {
            continue;
        };
        objections.push(Objection {
            rule,
            address: Some(operation.address.clone()),
            problem,
            instead: name_it(&operation.address),
        });
    }
    objections.extend(shares.objections());
    objections
}

/// How much of what stands would go unnamed, environment by environment: what one of them loses is
/// not watered down by what the others keep.
struct Shares(BTreeMap<Option<EnvironmentName>, Share>);

#[derive(Default)]
struct Share {
    unnamed: usize,
    standing: usize,
}

impl Shares {
    /// What stands and stays. A plan that does not say where is counted as a whole.
    fn of(plan: &Plan) -> Self {
        let standing = |standing: usize| Share {
            unnamed: 0,
            standing,
        };
        if plan.unchanged_in.is_empty() && plan.unchanged > 0 {
            return Self([(None, standing(plan.unchanged))].into());
        }
        let all = plan.unchanged_in.iter();
        let shares = all.map(|(environment, count)| (Some(environment.clone()), standing(*count)));
        Self(shares.collect())
    }

    fn at(&mut self, operation: &Operation) -> &mut Share {
        let whole = self.0.contains_key(&None);
        let environment = (!whole).then(|| operation.address.environment());
        self.0.entry(environment).or_default()
    }

    fn objections(self) -> impl Iterator<Item = Objection> {
        let many = |share: &Share| share.unnamed * 100 > share.standing * DELETIONS_PERCENT;
        let too_many = self.0.into_iter().filter(move |(_, share)| many(share));
        too_many.map(|(environment, Share { unnamed, standing })| {
            let of = environment.map_or(String::new(), |it| format!(" of {it}"));
            Objection {
                rule: Rule::ManyDeletions,
                address: None,
                problem: format!("{unnamed} of {standing} standing resources{of} would be deleted"),
                instead: "name each with --allow-destroy (globs work) if that is meant".to_owned(),
            }
        })
    }
}

/// Whether the environment of `address` was protected when the plan was made, or is now.
fn is_protected(plan: &Plan, permissions: &Permissions, address: &Address) -> bool {
    let environment = address.environment();
    plan.protected.contains(&environment) || permissions.protected.contains(&environment)
}

/// What changes in a protected environment without a right to it. A bootstrap takes nothing away,
/// and takes nothing over: what lost its marker is not nothing.
fn protection(plan: &Plan, permissions: &Permissions) -> Vec<Objection> {
    let mut objections = Vec::new();
    let changed: BTreeSet<EnvironmentName> = plan
        .visible()
        .filter(|operation| is_protected(plan, permissions, &operation.address))
        .map(|operation| operation.address.environment())
        .collect();
    for environment in changed {
        let permit = permissions.permits.get(&environment);
        let permitted = match permit {
            Some(Permit::Approvals { .. }) => true,
            Some(Permit::Excess) => plan.only_revokes(),
            Some(Permit::Bootstrap { .. } | Permit::Continuation { .. }) | None => false,
        };
        if permitted {
            continue;
        }
        let taken = plan.visible().filter(|operation| {
            let takes_over = permit.is_some() && operation.action == Action::Adopt;
            // What stays whatever is destroyed may stand there, and is changed by nobody alone.
            let is_first = matches!(permit, Some(Permit::Bootstrap { .. }));
            let rewrites = is_first && operation.action == Action::Update;
            let takes = operation.is_destructive() || takes_over || rewrites;
            takes && operation.address.environment() == environment
        });
        let before = objections.len();
        objections.extend(taken.map(|operation| Objection {
            rule: Rule::Protected,
            address: Some(operation.address.clone()),
            problem: format!("{} in {environment}, which is protected", operation.action),
            instead: format!("no flag replaces an approval: {}", permissions.approve()),
        }));
        if permit.is_none() && objections.len() == before {
            let why = permissions.missing.get(&environment).map(String::as_str);
            let why =
                why.unwrap_or("its changes need approvals, unless nothing of ours stands there");
            objections.push(Objection {
                rule: Rule::Protected,
                address: None,
                problem: format!("{environment} is protected: {why}"),
                instead: permissions.approve().to_owned(),
            });
        }
    }
    objections
}

/// Whether an operation only takes away access that TOML dropped, or lifts a lock for nothing but
/// that and puts it back: whoever loses something must not keep it for lack of a flag.
fn narrows(plan: &Plan, operation: &Operation) -> bool {
    if plan.mode == Mode::Destroy {
        return false;
    }
    let Some(lift) = operation.restores else {
        return operation.is_revocation();
    };
    let mut freed = plan
        .edges
        .iter()
        .filter(|edge| edge.before == lift)
        .map(|edge| &plan.operations[edge.after])
        .filter(|freed| !freed.is_lift())
        .peekable();
    // A lock that comes back as another one is a change of the lock besides.
    operation.changes.is_empty()
        && freed.peek().is_some()
        && freed.all(|freed| freed.is_revocation())
}

/// More access in an environment that is protected, unless nothing stands there yet. What
/// `shared` gives holds in every environment.
fn widening(plan: &Plan, permissions: &Permissions) -> Vec<Objection> {
    if permissions.allow_wider_access {
        return Vec::new();
    }
    let any = !(plan.protected.is_empty() && permissions.protected.is_empty());
    let mut wider: BTreeMap<EnvironmentName, BTreeSet<&str>> = BTreeMap::new();
    for operation in &plan.operations {
        let environment = operation.address.environment();
        let protected = is_protected(plan, permissions, &operation.address);
        let Some(what) = &operation.widens else {
            continue;
        };
        let guarded = protected || environment.is_shared() && any;
        let permit = permissions.permits.get(&environment);
        // Nobody loses track of who holds what where nothing stood.
        let first = permit.is_some_and(|permit| permit.desired().is_some());
        if guarded && !first {
            wider.entry(environment).or_default().insert(what);
        }
    }
    let objection = |(environment, what): (EnvironmentName, BTreeSet<&str>)| {
        let why = match environment.is_shared() {
            true => "and holds in what is protected",
            false => "which is protected",
        };
        let first = what.first().copied().unwrap_or_default();
        let more = match what.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        Objection {
            rule: Rule::WiderAccess,
            address: None,
            problem: format!("wider access in {environment}, {why}: {first}{more}"),
            instead: "say --allow-wider-access if that is meant".to_owned(),
        }
    };
    wider.into_iter().map(objection).collect()
}

/// Taking the protection off is the first half of every accident: it has to be named.
fn unprotection(plan: &Plan, permissions: &Permissions) -> Vec<Objection> {
    let tag = format!(".{PROTECTED_TAG}");
    let loses = |operation: &&Operation| {
        let protected = is_protected(plan, permissions, &operation.address);
        operation.changes.iter().any(|change| {
            let was = protected || change.before.as_str() == Some("true");
            change.path.ends_with(&tag) && was && change.after.as_str() != Some("true")
        }) && !permissions
            .allow_destroy
            .iter()
            .any(|pattern| pattern.names(&operation.address))
    };
    plan.visible()
        .filter(loses)
        .map(|operation| Objection {
            rule: Rule::Protected,
            address: Some(operation.address.clone()),
            problem: format!(
                "{} would lose its protection",
                operation.address.environment()
            ),
            instead: name_it(&operation.address),
        })
        .collect()
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "{address}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.instead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::plan::Step;
    use crate::provision::testing::{FakeCloud, World, name};
    use crate::resource::Text;
    use serde_json::json;

    /// Stores `s0` to `s<count>` of `dev`, standing.
    fn stores(count: usize) -> (World, FakeCloud) {
        let mut world = World::new();
        world.group("dev");
        for at in 0..count {
            world.store("dev", &format!("s{at}"));
        }
        let cloud = world.live();
        (world, cloud)
    }

    fn allow(patterns: &[&str]) -> Permissions {
        let pattern = |text: &&str| text.parse().expect("a pattern");
        Permissions {
            allow_destroy: patterns.iter().map(pattern).collect(),
            ..Permissions::default()
        }
    }

    fn rules(plan: &Plan, permissions: &Permissions) -> Vec<(Rule, String)> {
        let objections = guard(plan.clone(), permissions, &[])
            .err()
            .unwrap_or_default();
        let about = |o: Objection| (o.rule, o.address.map_or(String::new(), |a| a.to_string()));
        objections.into_iter().map(about).collect()
    }

    fn objection(rule: Rule, address: &str) -> (Rule, String) {
        (rule, address.to_owned())
    }

    #[tokio::test]
    async fn a_plan_that_only_makes_and_changes_passes() {
        let (mut world, cloud) = stores(2);
        world.store("dev", "new");
        world.set("dev.store.s0", "properties.size", json!(2));
        let plan = world.plan(&cloud).await;
        let approved = guard(plan.clone(), &Permissions::default(), &[]).expect("nothing to say");
        assert_eq!(approved.plan(), &plan);
        let other = Objection {
            rule: Rule::Refused,
            address: None,
            problem: "the matrix has an excess".to_owned(),
            instead: "take it out".to_owned(),
        };
        let refused = guard(plan, &Permissions::default(), std::slice::from_ref(&other));
        assert_eq!(refused.err(), Some(vec![other]));
    }

    #[tokio::test]
    async fn what_the_plan_refuses_and_what_it_would_take_over_is_refused() {
        let (mut world, cloud) = stores(2);
        cloud.edit(&world.id("dev.store.s0"), |body| body["tags"] = json!({}));
        world.set("dev.store.s1", "properties.tier", json!("cold"));
        let mut plan = world.plan(&cloud).await;
        assert_eq!(
            rules(&plan, &allow(&["*"])),
            [
                objection(Rule::Refused, "dev.store.s1"),
                objection(Rule::Adoption, "dev.store.s0"),
            ]
        );
        plan.adopt = true;
        plan.refusals.clear();
        assert_eq!(rules(&plan, &Permissions::default()), []);
    }

    #[tokio::test]
    async fn what_keeps_state_has_to_be_named_itself() {
        let (mut world, cloud) = stores(10);
        world.set("dev.store.s0", "location", json!("westus2"));
        let plan = world.plan(&cloud).await;
        let stateful = [objection(Rule::Stateful, "dev.store.s0")];
        for patterns in [
            &[][..],
            &["dev"],
            &["dev.store"],
            &["prod.*"],
            &["dev.store.s0.x"],
        ] {
            assert_eq!(rules(&plan, &allow(patterns)), stateful, "{patterns:?}");
        }
        for pattern in ["dev.store.s0", "dev.*", "*.s0", "dev.store.s?", "*"] {
            assert_eq!(rules(&plan, &allow(&[pattern])), [], "{pattern}");
        }
    }

    #[tokio::test]
    async fn more_than_thirty_percent_have_to_be_named() {
        // The group and nine stores stand; what keeps state is not what this is about.
        for (gone, refused) in [(3, false), (4, true)] {
            let (mut world, cloud) = stores(9);
            for at in 0..gone {
                world.drop(&format!("dev.store.s{at}"));
            }
            let mut plan = world.plan(&cloud).await;
            for operation in &mut plan.operations {
                operation.stateful = false;
            }
            let found = rules(&plan, &Permissions::default());
            assert_eq!(
                found == [objection(Rule::ManyDeletions, "")],
                refused,
                "{gone}"
            );
            // Each that is named counts no more.
            assert_eq!(rules(&plan, &allow(&["dev.store.s0"])), [], "{gone}");
        }
    }

    #[tokio::test]
    async fn what_other_environments_keep_does_not_water_down_the_share_of_deletions() {
        let (mut world, _) = stores(1);
        world.group("prod");
        for at in 0..9 {
            world.store("prod", &format!("p{at}"));
        }
        let cloud = world.live();
        world.vanish("dev");
        let mut plan = world.plan(&cloud).await;
        for operation in &mut plan.operations {
            operation.stateful = false;
        }
        let many = [objection(Rule::ManyDeletions, "")];
        assert_eq!(rules(&plan, &Permissions::default()), many);
        // As --env dev would have it.
        let objections = guard(plan.clone(), &Permissions::default(), &[]).expect_err("many");
        let told = "2 of 2 standing resources of dev would be deleted";
        assert_eq!(objections[0].problem, told);
        // An older program's plan tells of the whole only.
        plan.unchanged_in.clear();
        assert_eq!(rules(&plan, &Permissions::default()), []);
    }

    #[tokio::test]
    async fn what_is_left_out_does_not_water_down_the_share_of_deletions() {
        let (mut world, cloud) = stores(9);
        world.drop("dev.store.s0");
        let mut plan = world.target(&["dev.store.s0"]).plan(&cloud).await;
        plan.operations[0].stateful = false;
        assert_eq!(
            rules(&plan, &Permissions::default()),
            [objection(Rule::ManyDeletions, "")]
        );
    }

    #[tokio::test]
    async fn creates_do_not_water_down_the_share_of_deletions() {
        let (mut world, cloud) = stores(1);
        world.drop("dev.store.s0");
        for at in 0..50 {
            world.store("dev", &format!("new{at}"));
        }
        let plan = world.plan(&cloud).await;
        let found = rules(&plan, &Permissions::default());
        assert!(
            found.contains(&objection(Rule::ManyDeletions, "")),
            "{found:?}"
        );
    }

    #[tokio::test]
    async fn lifting_a_lock_has_to_be_named() {
        let (mut world, cloud) = stores(10);
        world.lock("dev.group", "ReadOnly");
        let locked = world.live();
        drop(cloud);
        world.set("dev.store.s0", "properties.size", json!(2));
        let plan = world.plan(&locked).await;
        assert_eq!(
            rules(&plan, &Permissions::default()),
            [objection(Rule::Lock, "dev.group.lock")]
        );
        assert_eq!(rules(&plan, &allow(&["dev.group.lock"])), []);
        // So has taking it away for good.
        world.set("dev.store.s0", "properties.size", json!(1));
        world.drop("dev.group.lock");
        let plan = world.plan(&locked).await;
        assert_eq!(
            rules(&plan, &Permissions::default()),
            [objection(Rule::Lock, "dev.lock.rg-dev")]
        );
    }

    #[tokio::test]
    async fn no_flag_destroys_in_a_protected_environment() {
        let mut world = World::new();
        world.group("prod");
        world.store("prod", "p");
        world.lock("prod.store.p", "CanNotDelete");
        let cloud = world.live();
        world.set("prod.store.p", "properties.size", json!(2));
        let mut plan = world.plan(&cloud).await;
        let whole = [objection(Rule::Protected, "")];
        assert_eq!(rules(&plan, &Permissions::default()), whole);
        let permitted = |permit: Permit| Permissions {
            permits: BTreeMap::from([(name("prod"), permit)]),
            ..allow(&["*"])
        };
        let bootstrap = permitted(Permit::Bootstrap {
            desired: String::new(),
        });
        let approved = permitted(Permit::Approvals {
            approvers: vec!["ada".to_owned()],
        });
        let continued = permitted(Permit::Continuation {
            desired: String::new(),
        });
        assert_eq!(rules(&plan, &continued), []);
        assert_eq!(rules(&plan, &approved), []);
        // What stands whatever was destroyed is nothing to begin with.
        let changed = [objection(Rule::Protected, "prod.store.p")];
        assert_eq!(rules(&plan, &bootstrap), changed);
        world.set("prod.store.p", "location", json!("westus2"));
        plan = world.plan(&cloud).await;
        let protected = [
            objection(Rule::Protected, "prod.store.p"),
            objection(Rule::Protected, "prod.store.p.lock"),
        ];
        assert_eq!(rules(&plan, &allow(&["*"])), protected);
        // A bootstrap takes nothing away; people may.
        assert_eq!(rules(&plan, &bootstrap), protected);
        assert_eq!(rules(&plan, &approved), []);
        // Nor does a plan that was made before the environment became protected.
        plan.protected.clear();
        assert_eq!(rules(&plan, &allow(&["*"])), []);
        let mut now = allow(&["*"]);
        now.protected.insert(name("prod"));
        assert_eq!(rules(&plan, &now), protected);
    }

    /// A store of `prod` with a grant to a bot, standing.
    fn granted(more: &[&str]) -> (World, FakeCloud) {
        let mut world = World::new();
        world.group("prod");
        world.store("prod", "p");
        world.principal("shared.principal.bot");
        for role in ["pull"].iter().chain(more) {
            let address = format!("prod.grant.{role}");
            world.grant(&address, "prod.store.p", "shared.principal.bot", role);
        }
        let cloud = world.live();
        (world, cloud)
    }

    fn permitted(permit: &Permit) -> Permissions {
        let environments = [name("prod"), name("shared")];
        Permissions {
            permits: environments.map(|it| (it, permit.clone())).into(),
            ..allow(&["*"])
        }
    }

    fn approved() -> Permissions {
        permitted(&Permit::Approvals {
            approvers: vec!["ada".to_owned()],
        })
    }

    #[tokio::test]
    async fn more_access_where_it_is_protected_has_to_be_said() {
        let (mut world, cloud) = granted(&[]);
        let (store, bot) = ("prod.store.p", "shared.principal.bot");
        world.grant("prod.grant.push", store, bot, "push");
        let mut plan = world.plan(&cloud).await;
        assert_eq!(plan.widenings(), ["prod.grant.push"].into());
        let wider = [objection(Rule::WiderAccess, "")];
        // An approval does not say it.
        assert_eq!(rules(&plan, &approved()), wider);
        let said = Permissions {
            allow_wider_access: true,
            ..approved()
        };
        assert_eq!(rules(&plan, &said), []);
        // Where nothing is protected nobody has to, and where it is now, what the plan says of
        // it counts for nothing.
        plan.protected.clear();
        assert_eq!(rules(&plan, &Permissions::default()), []);
        let mut now = approved();
        now.protected.insert(name("prod"));
        assert_eq!(rules(&plan, &now), wider);
    }

    #[tokio::test]
    async fn the_first_apply_of_an_environment_gives_access_without_being_told_to() {
        let (world, _) = granted(&[]);
        let plan = world.plan(&FakeCloud::default()).await;
        assert_eq!(plan.widenings(), ["prod.grant.pull"].into());
        let desired = String::new();
        for permit in [
            Permit::Bootstrap {
                desired: desired.clone(),
            },
            Permit::Continuation { desired },
        ] {
            assert_eq!(rules(&plan, &permitted(&permit)), []);
        }
    }

    #[tokio::test]
    async fn access_that_toml_drops_needs_no_more_than_an_approval() {
        let (mut world, _) = granted(&["push"]);
        world.lock("prod.store.p", "CanNotDelete");
        let locked = world.live();
        world.drop("prod.grant.push");
        let plan = world.plan(&locked).await;
        let lifts = plan.operations.iter().filter(|o| o.is_lift()).count();
        assert_eq!((plan.widenings().len(), lifts), (0, 1), "{plan:#?}");
        let unnamed = Permissions {
            allow_destroy: Vec::new(),
            ..approved()
        };
        assert_eq!(rules(&plan, &unnamed), []);
        // When something else goes under the same lock, the lock has to be named.
        world.set("prod.store.p", "location", json!("westus2"));
        let plan = world.plan(&locked).await;
        let found = rules(&plan, &unnamed);
        assert!(found.contains(&objection(Rule::Lock, "prod.store.p.lock")));
    }

    #[tokio::test]
    async fn an_objection_says_what_to_do() {
        let (mut world, cloud) = stores(10);
        world.set("dev.store.s0", "location", json!("westus2"));
        let mut plan = world.plan(&cloud).await;
        plan.operations
            .retain(|operation| operation.step != Step::Delete);
        plan.operations[0].id = Text::from("/x");
        let objections = guard(plan, &Permissions::default(), &[]).expect_err("stateful");
        assert_eq!(
            objections[0].to_string(),
            "dev.store.s0: replace would lose what cannot be made again; say --allow-destroy \
             dev.store.s0 if that is meant"
        );
    }
}

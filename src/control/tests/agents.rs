//! Two agents on one random world, in bad weather: whatever happens, the next applies complete it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::poll;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::weather::{Dice, Life, Line, Mortal, TIMEOUT, Weather};
use crate::control::Store;
use crate::control::memory::Memory;
use crate::provision::applied;
use crate::provision::apply::{Options, Outcome, apply};
use crate::provision::plan::{Applied, Plan};
use crate::provision::ports::{
    Cloud, Held, Lease as _, Observer, Ports, Progress, Snapshots as _, StoreError, Verdict,
};
use crate::provision::recover;
use crate::provision::testing::{
    FakeCloud, KINDS, Rig, Sketch, What, World, approve, cases, name, show, sketch,
};
use crate::resource::{EnvironmentName, Method};

/// Longer than a lease.
const LONG: Duration = Duration::from_secs(61);
/// How often a lease is asked for that somebody else has.
const TRIES: usize = 1_000;

fn environments() -> Vec<EnvironmentName> {
    ["dev", "prod", "shared"].map(name).into()
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Progress) {}
}

/// How an agent left.
#[derive(Debug)]
enum Ended {
    /// Somebody else had the lease.
    Locked,
    /// It could not go on.
    Failed(String),
    /// It carried a plan out, or some of it.
    Applied {
        complete: bool,
        empty: bool,
        what: String,
    },
}

impl Ended {
    fn told(&self) -> &str {
        match self {
            Self::Locked => "locked",
            Self::Failed(what) | Self::Applied { what, .. } => what,
        }
    }
}

/// The world, the weather over it, and the store.
struct Scene {
    world: World,
    weather: Arc<Weather>,
    memory: Memory,
}

/// Someone who applies, as the program does.
struct Agent {
    world: World,
    weather: Arc<Weather>,
    store: Arc<Store>,
}

impl Agent {
    fn of(scene: &Scene, life: &Life) -> Self {
        let mortal = Mortal {
            memory: scene.memory.clone(),
            life: life.clone(),
            dice: scene.weather.dice.clone(),
        };
        let clock = Arc::clone(&scene.weather) as _;
        Self {
            world: scene.world.clone(),
            weather: Arc::clone(&scene.weather),
            store: Arc::new(Store::remote(Arc::new(mortal), clock, TIMEOUT)),
        }
    }

    async fn run(mut self) -> Ended {
        let held = match self.take().await {
            Ok(held) => held,
            Err(StoreError::Held { .. }) => return Ended::Locked,
            Err(error) => return Ended::Failed(error.to_string()),
        };
        if held.taken_over().is_some() {
            let tally = &self.weather.tally;
            tally.taken_over.fetch_add(1, Ordering::Relaxed);
        }
        let ended = self.under(&held).await;
        held.release().await.ok();
        ended.unwrap_or_else(Ended::Failed)
    }

    async fn take(&self) -> Result<Arc<dyn Held>, StoreError> {
        let mut tries = TRIES;
        loop {
            match self.store.acquire(&environments(), "apply").await {
                Err(StoreError::Held { .. }) if tries > 0 => tries -= 1,
                taken => return taken,
            }
            self.weather.turns().await;
        }
    }

    async fn under(&mut self, held: &Arc<dyn Held>) -> Result<Ended, String> {
        let journal = self.store.journal(held, false);
        let cloud: Arc<dyn Cloud> = Arc::new(Line {
            weather: Arc::clone(&self.weather),
            held: Arc::clone(held),
        });
        let runs = self.store.unfinished(&environments()).await;
        let interrupted = recover::replay(&runs.map_err(text)?).within(&environments());
        let before = applied::load(&*self.store, &environments()).await;
        let before = before.map_err(text)?;
        let locks = recover::locks(&self.world.desired(), &before, KINDS);
        recover::settle(&interrupted, &locks, KINDS, &*cloud, &journal)
            .await
            .map_err(text)?;
        self.world.applied.clone_from(&before);
        let plan = self.plan().await;
        if !plan.refusals.is_empty() {
            return Err(format!("refused: {}", show(&plan)));
        }
        let ports = Ports {
            cloud,
            journal,
            observer: Arc::new(Silent),
        };
        let options = Options {
            parallelism: 1 + self.weather.dice.below(8),
            stop: watch::channel(false).1,
            check_first: false,
        };
        let outcome = apply(&approve(&plan), KINDS, &ports, options).await;
        let outcome = outcome.map_err(text)?;
        self.save(&**held, &before, &plan, &outcome)
            .await
            .map_err(text)?;
        Ok(Ended::Applied {
            complete: outcome.is_complete(),
            empty: plan.is_empty(),
            what: format!("{}\n{:?}", show(&plan), outcome.ends),
        })
    }

    /// A plan, for which one thing may not be readable.
    async fn plan(&self) -> Plan {
        self.weather.turns().await;
        if self.weather.strikes(10) {
            let busy = What::Refuse(Verdict::Busy, "TooManyRequests");
            self.weather.cloud.fail(Method::Get, "", busy);
        }
        let plan = self.world.plan(&self.weather.cloud).await;
        self.weather.cloud.heal();
        self.weather.turns().await;
        plan
    }

    async fn save(
        &self,
        held: &dyn Held,
        before: &Applied,
        plan: &Plan,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        held.check(Duration::ZERO)?;
        applied::save(KINDS, &*self.store, before, plan, outcome).await
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What becomes of an agent on its way.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Lives,
    /// Killed after so many turns.
    Killed(usize),
    /// Stopped for longer than its lease after so many turns, and then resumed.
    Stopped(usize),
}

/// An agent under way.
struct Actor {
    run: Pin<Box<dyn Future<Output = Ended>>>,
    life: Life,
    fate: Fate,
    turns: usize,
    /// Turns of others until it goes on.
    asleep: usize,
}

impl Actor {
    fn new(scene: &Scene) -> Self {
        let dice = &scene.weather.dice;
        let at = 1 + dice.below(150);
        let (life, fate) = match dice.below(5) {
            0 => (Life::long(), Fate::Killed(at)),
            1 => (Life::long(), Fate::Stopped(at)),
            2 => (Life::of(1 + dice.below(40)), Fate::Lives),
            _ => (Life::long(), Fate::Lives),
        };
        Self {
            run: Box::pin(Agent::of(scene, &life).run()),
            life,
            fate,
            turns: 0,
            asleep: 0,
        }
    }

    /// Gives it a turn; whether it is at its end, one way or the other.
    async fn turn(&mut self, weather: &Weather) -> bool {
        self.turns += 1;
        match self.fate {
            Fate::Killed(at) if at == self.turns => self.life.end(),
            Fate::Stopped(at) if at == self.turns => {
                weather.pass(LONG);
                self.asleep = weather.dice.below(2_000);
                return false;
            }
            _ => {}
        }
        if !self.life.is_over() && poll!(&mut self.run).is_ready() {
            return true;
        }
        if self.life.is_over() && weather.dice.chance(50) {
            // Whoever is waiting sees it in this round.
            weather.pass(LONG);
        }
        self.life.is_over()
    }
}

/// Lets two agents run at the same time until both are at their end.
async fn round(scene: &Scene) {
    let mut actors = vec![Actor::new(scene), Actor::new(scene)];
    while !actors.is_empty() {
        let at = scene.weather.dice.below(actors.len());
        let others = actors.len() > 1;
        let actor = &mut actors[at];
        if actor.asleep > 0 && others {
            actor.asleep -= 1;
        } else if actor.turn(&scene.weather).await {
            actors.swap_remove(at);
        }
        tokio::task::yield_now().await;
    }
}

/// What stands, each grant by what it gives to whom: names hang on ids that the cloud chose.
fn standing(cloud: &FakeCloud) -> Vec<String> {
    let bodies = cloud.bodies();
    let principals: BTreeMap<&str, &String> = bodies
        .iter()
        .filter_map(|(id, body)| Some((body["objectId"].as_str()?, id)))
        .collect();
    let name = |(id, body): (&String, &Json)| match id.split_once("/grants/") {
        Some((scope, _)) => {
            let to = body["properties"]["principalId"].as_str();
            let to = to.and_then(|to| principals.get(to));
            format!("{scope} {} {to:?}", body["properties"]["role"])
        }
        None => id.clone(),
    };
    let mut names: Vec<String> = bodies.iter().map(name).collect();
    names.sort();
    names
}

/// What somebody else has beside ours.
fn plant(cloud: &FakeCloud) -> BTreeMap<String, Json> {
    let group = "/subscriptions/s/resourcegroups/rg-dev/providers";
    let theirs = [
        format!("{group}/toy.storage/stores/theirs"),
        format!("{group}/toy.storage/stores/theirs/shelves/theirs"),
        format!("{group}/toy.authorization/grants/theirs"),
    ];
    let body = json!({"location": "westus2", "tags": {"owner": "them"}, "properties": {"size": 7}});
    for id in &theirs {
        cloud.plant(id, body.clone());
    }
    let bodies = cloud.bodies();
    let held = theirs.map(|id| (id.clone(), bodies[&id].clone()));
    held.into()
}

/// How often what is to be survived has happened.
async fn try_everything(before: &Sketch, after: &Sketch, seed: u64) -> [usize; 3] {
    let (old, world) = (before.world(), after.world());
    let cloud = old.live();
    let theirs = plant(&cloud);
    let expected = {
        let cloud = world.live();
        plant(&cloud);
        standing(&cloud)
    };
    let weather = Weather::new(cloud.clone(), seed);
    let memory = Memory::with_clock(Arc::clone(&weather) as _);
    let scene = Scene {
        world,
        weather: Arc::clone(&weather),
        memory,
    };
    let first = Agent::of(&scene, &Life::long());
    let plan = old.plan(&cloud).await;
    let outcome = Rig::new(&cloud).apply(&plan).await;
    applied::save(KINDS, &*first.store, &Applied::new(), &plan, &outcome)
        .await
        .expect("it can be saved");
    assert_eq!(first.store.environments().await.expect("readable").len(), 3);

    for _ in 0..=weather.dice.below(3) {
        round(&scene).await;
    }
    weather.calm_down();
    weather.pass(LONG);
    let ended = Agent::of(&scene, &Life::long()).run().await;
    let done = matches!(ended, Ended::Applied { complete: true, .. });
    assert!(done, "{}", ended.told());
    let again = Agent::of(&scene, &Life::long()).run().await;
    let nothing = matches!(again, Ended::Applied { empty: true, .. });
    assert!(nothing, "{}\nafter\n{}", again.told(), ended.told());
    assert_eq!(standing(&cloud), expected);
    let bodies = cloud.bodies();
    for (id, body) in &theirs {
        assert_eq!(bodies.get(id), Some(body), "{id} was touched");
    }
    weather.tally.all()
}

/// The seed of what happens is among what is printed when it fails.
#[test]
fn agents_that_die_in_bad_weather_leave_a_world_that_one_apply_completes() {
    let survived = RefCell::new([0; 3]);
    let config = cases(150);
    let many = config.cases >= 150;
    let mut runner = TestRunner::new(config);
    let tried = runner.run(
        &(sketch(), sketch(), any::<u64>()),
        |(before, after, seed)| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            let runtime = runtime.expect("a runtime");
            let tally = runtime.block_on(try_everything(&before, &after, seed));
            for (sum, one) in survived.borrow_mut().iter_mut().zip(tally) {
                *sum += one;
            }
            Ok(())
        },
    );
    if let Err(error) = tried {
        panic!("{error}");
    }
    let survived = survived.into_inner();
    println!("unsent, stranded, taken over: {survived:?}");
    let each = survived.iter().all(|times| *times > 0);
    assert!(each || !many, "not everything was tried");
}

#[test]
fn dice_follow_their_seed() {
    let rolls = |seed| {
        let dice = Dice::new(seed);
        (0..50).map(|_| dice.below(6)).collect::<Vec<_>>()
    };
    assert_eq!(rolls(7), rolls(7));
    assert_ne!(rolls(7), rolls(8));
    assert!((0..6).all(|side| rolls(7).contains(&side)));
}

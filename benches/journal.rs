//! What a durable journal costs: applies of 1,000 resources with the journal on disk and in memory.
//!
//! Both of a pair carry out the same plan on a local Azure that answers at once, one right after
//! the other, and which goes first alternates. All that differs is where the control store keeps
//! its objects, so the difference is what waiting for the disk costs. It fails where the median
//! of the differences is above what was promised.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use onestream::config;
use onestream::control::Store;
use onestream::kinds::KINDS;
use onestream::provision::apply::{Options, apply};
use onestream::provision::desired::{self, Desired};
use onestream::provision::graph::Dag;
use onestream::provision::guard::{ApprovedPlan, Permissions, guard};
use onestream::provision::observe;
use onestream::provision::plan::{self, Applied, Asked, Mode, Selection, Target};
use onestream::provision::ports::{Lease as _, Observer, Ports, Progress};
use onestream::remote::azure::{Azure, Clock, Cloud, Credential, Settings};
use onestream::resource::{DEFAULT_ESTATE, EnvironmentName};
use onestream_emulator::{Emulator, Pace};
use tokio::runtime::Runtime;
use tokio::sync::watch;

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many resources are applied, at least.
const RESOURCES: usize = 1_000;
/// How many pairs are measured, after one that warms up.
const PAIRS: usize = 7;
/// What was promised: the larger of this share of the time without, and of this time.
const SHARE: f64 = 0.15;
const TIME: Duration = Duration::from_millis(300);

/// Watches nothing.
struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Progress) {}
}

/// A clock on which waiting takes no time: what Azure asks to wait would drown the disk.
#[derive(Debug, Default)]
struct Hurried {
    slept: Mutex<Duration>,
}

impl Clock for Hurried {
    fn now(&self) -> Instant {
        Instant::now() + *self.slept.lock().expect("nobody panics while holding it")
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        *self.slept.lock().expect("nobody panics while holding it") += duration;
        Box::pin(tokio::task::yield_now())
    }
}

/// Where the control store keeps its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    Disk,
    Memory,
}

fn main() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on disk");
    let desired = estate(scratch.path());
    println!("{} resources, {PAIRS} pairs", desired.resources.len());
    let measure = |journal| time(&desired, journal, scratch.path());
    measure(Journal::Disk);
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        let (disk, memory) = match number % 2 {
            0 => {
                let disk = measure(Journal::Disk);
                (disk, measure(Journal::Memory))
            }
            _ => {
                let memory = measure(Journal::Memory);
                (measure(Journal::Disk), memory)
            }
        };
        println!("on disk {disk:.3} s, in memory {memory:.3} s");
        pairs.push((disk, memory));
    }
    let differences = || pairs.iter().map(|(disk, memory)| disk - memory);
    let overhead = median(differences());
    let (least, most) = (
        differences().fold(f64::INFINITY, f64::min),
        differences().fold(f64::NEG_INFINITY, f64::max),
    );
    let without = median(pairs.iter().map(|(_, memory)| *memory));
    let limit = (without * SHARE).max(TIME.as_secs_f64());
    println!(
        "the durable journal costs {overhead:+.3} s ({:+.1} %) of {without:.3} s; at most {limit:.3} s",
        overhead / without * 100.0
    );
    // Where these lie far apart, the machine was busy with something else.
    println!("the pairs differ by {least:+.3} s to {most:+.3} s");
    assert!(
        overhead <= limit,
        "the journal costs more than was promised"
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The sample's `dev`, so often that there are enough resources, each copy under its own names.
fn estate(scratch: &Path) -> Desired {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("environments");
    let folder = scratch.join("environments");
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(checkout.join("common.toml"), folder.join("common.toml")).expect("copied");
    let dev = fs::read_to_string(checkout.join("dev.toml")).expect("readable");
    for copy in 0.. {
        // Names of registries take no hyphen.
        let text = dev
            .replace("onestream-dev", &format!("onestream-dev{copy:03}"))
            .replace("onestreamdev", &format!("onestreamdev{copy:03}"));
        fs::write(folder.join(format!("dev{copy:03}.toml")), text).expect("writable");
        let configuration = config::load(scratch, &[]).expect("valid");
        let pairs = configuration.environments.iter();
        let pairs = pairs.filter(|it| !it.name().is_shared());
        let desired = desired::build(pairs.map(|it| (&it.place, &it.sections)));
        let desired = desired.expect("it adds up");
        if desired.resources.len() >= RESOURCES {
            return desired;
        }
    }
    unreachable!("every copy adds some")
}

/// The seconds that an apply of everything takes on a local Azure in which nothing stands.
fn time(desired: &Desired, journal: Journal, scratch: &Path) -> f64 {
    Runtime::new().expect("a runtime").block_on(async {
        let emulator = emulator(desired).await;
        let azure = client(&emulator);
        let approved = planned(desired, &azure).await;
        let folder = tempfile::tempdir_in(scratch).expect("a folder");
        let store = Arc::new(match journal {
            Journal::Disk => Store::folder(folder.path()).expect("opens"),
            Journal::Memory => Store::in_memory(),
        });
        let names: Vec<EnvironmentName> = desired.places.keys().cloned().collect();
        let held = store.acquire(&names, "apply").await.expect("free");
        let ports = Ports {
            cloud: Arc::new(azure.under(Arc::clone(&held))),
            journal: store.journal(&held, false),
            observer: Arc::new(Silent),
        };
        let options = Options {
            parallelism: 8,
            stop: watch::channel(false).1,
            check_first: false,
        };
        let started = Instant::now();
        let outcome = apply(&approved, KINDS, &ports, options).await;
        let took = started.elapsed();
        let outcome = outcome.expect("the journal holds");
        assert!(outcome.is_complete(), "{:?}", outcome.ends);
        held.release().await.expect("given back");
        emulator.stop().await;
        took.as_secs_f64()
    })
}

async fn emulator(desired: &Desired) -> Emulator {
    let place = desired.places.values().next().expect("an environment");
    let settings = onestream_emulator::Settings {
        tenant: place.tenant.clone(),
        subscriptions: desired.subscriptions(),
        pace: Pace::Instant,
        ..onestream_emulator::Settings::default()
    };
    Emulator::start(settings).await.expect("it starts")
}

fn client(emulator: &Emulator) -> Azure {
    let endpoint = emulator.endpoint().clone();
    let credential = Credential::ClientSecret {
        client_id: endpoint.deployer.client_id.clone(),
        secret: endpoint.deployer.client_secret.clone().into(),
    };
    let cloud = Cloud::emulator(&endpoint.origin).expect("a loopback origin");
    let mut settings = Settings::new(cloud, endpoint.tenant, credential);
    settings.clock = Arc::new(Hurried::default());
    Azure::connect(settings).expect("a client")
}

/// The plan that makes everything.
async fn planned(desired: &Desired, azure: &Azure) -> ApprovedPlan {
    let applied = Applied::new();
    let observed = observe::observe(azure, KINDS, desired, &applied).await;
    let place = desired.places.values().next().expect("an environment");
    let plan = plan::make(&Asked {
        desired,
        dag: &Dag::of(desired).expect("no cycle"),
        observed: &observed,
        applied: &applied,
        target: &Target {
            cloud: "emulator".to_owned(),
            tenant: place.tenant.clone(),
            estate: DEFAULT_ESTATE.to_owned(),
            subscriptions: desired.subscriptions(),
        },
        selection: &Selection::default(),
        mode: Mode::Apply,
        adopt: false,
    });
    let plan = plan.expect("an order exists");
    guard(plan, &Permissions::default(), &[]).expect("nothing objects")
}

//! Whole commands on estates of 1,000 and 10,000 resources, the local Azure in another process.
//!
//! An estate is the sample's environments over and over, each copy under names of its own, in
//! the sample's proportions. The local Azure answers at once, in pages of 100. Beside the time of
//! each command its peak memory and its requests are printed.
//!
//! This binary is also the other process: `estates serve ROOT` plays the local Azure. And
//! `estates write ROOT SIZE` writes such an estate, to look at by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use onestream::config;
use onestream::provision::desired;
use onestream::resource::Address;
use onestream_emulator::{Emulator, Pace, Settings};
use tokio::runtime::Runtime;

// As the program has it: this binary is also the other process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Items per page of every list.
const PAGE: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, serve, root] = &arguments[..]
        && serve == "serve"
    {
        return self::serve(Path::new(root));
    }
    if let [_, write, root, size] = &arguments[..]
        && write == "write"
    {
        let size = size.parse().expect("how many resources");
        println!("{} resources", write_estate(Path::new(root), size));
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for size in [1_000, 10_000] {
        measure(&mut criterion, size);
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, size: usize) {
    let root = tempfile::tempdir().expect("a scratch folder");
    let count = write_estate(root.path(), size);
    let azure = LocalAzure::start(root.path());
    let mut group = criterion.benchmark_group(format!("{count} resources"));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.measurement_time(Duration::from_secs(1));
    let mut told = BTreeMap::new();
    if size <= 1_000 {
        group.bench_function("apply", |bencher| {
            bencher.iter_custom(|times| {
                let mut total = Duration::ZERO;
                for _ in 0..times {
                    azure.reset();
                    let run = azure.onestream(&["apply", "--auto-approve"]);
                    total += run.took;
                    told.insert("apply", run);
                }
                total
            });
        });
    }
    azure.onestream(&["apply", "--auto-approve"]);
    group.bench_function("unchanged plan", |bencher| {
        bencher.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let run = azure.onestream(&["plan", "--detailed-exitcode"]);
                total += run.took;
                told.insert("unchanged plan", run);
            }
            total
        });
    });
    group.finish();
    for (what, run) in told {
        let megabytes = run.peak_kilobytes / 1024;
        println!(
            "{what} of {count} resources: {megabytes} MB at most, {} requests",
            run.requests
        );
    }
}

/// The sample's environments, so often that they declare about `size` resources; how many.
fn write_estate(root: &Path, size: usize) -> usize {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    // What all environments share stands once, however many there are.
    let shared = shared(checkout);
    let copies = (size - shared).div_ceil(resources(checkout) - shared);
    fs::create_dir_all(root.join("environments")).expect("a folder");
    fs::create_dir_all(root.join("rbac")).expect("a folder");
    let common = Path::new("environments/common.toml");
    fs::copy(checkout.join(common), root.join(common)).expect("readable and writable");
    let names = ["dev", "staging", "prod"];
    for name in names {
        let file = checkout.join(format!("environments/{name}.toml"));
        let text = fs::read_to_string(file).expect("readable");
        for copy in 0..copies {
            // Names of registries take no hyphen.
            let text = text
                .replace(
                    &format!("onestream-{name}"),
                    &format!("onestream-{name}{copy:03}"),
                )
                .replace(
                    &format!("onestream{name}"),
                    &format!("onestream{name}{copy:03}"),
                );
            let file = format!("environments/{name}{copy:03}.toml");
            fs::write(root.join(file), text).expect("writable");
        }
    }
    let matrix = checkout.join("rbac/matrix.toml");
    if !matrix.exists() {
        return resources(root);
    }
    for name in ["principals", "capabilities"] {
        let file = format!("rbac/{name}.toml");
        fs::copy(checkout.join(&file), root.join(file)).expect("readable and writable");
    }
    let matrix = fs::read_to_string(matrix).expect("readable");
    let mut cells = String::new();
    for line in matrix.lines() {
        let Some((name, rest)) = line.strip_prefix('"').and_then(|l| l.split_once('.')) else {
            writeln!(cells, "{line}").expect("memory");
            continue;
        };
        for copy in 0..copies {
            writeln!(cells, "\"{name}{copy:03}.{rest}").expect("memory");
        }
    }
    fs::write(root.join("rbac/matrix.toml"), cells).expect("writable");
    resources(root)
}

/// How many resources a root folder declares.
fn resources(root: &Path) -> usize {
    declared(root).len()
}

/// How many of them belong to no single environment.
fn shared(root: &Path) -> usize {
    let of_shared = |address: &&Address| address.environment().is_shared();
    declared(root).iter().filter(of_shared).count()
}

fn declared(root: &Path) -> Vec<Address> {
    let configuration = config::load(root, &[]).expect("valid");
    let pairs = configuration.environments.iter();
    let desired = desired::build(pairs.map(|it| (&it.place, &it.sections)));
    let resources = desired.expect("it adds up").resources;
    resources.into_keys().collect()
}

/// What one command took.
struct Run {
    took: Duration,
    peak_kilobytes: u64,
    requests: u64,
}

/// The local Azure of a root folder, in a process of its own.
struct LocalAzure {
    root: PathBuf,
    process: Child,
    origin: String,
    secret: String,
    runtime: Runtime,
}

impl LocalAzure {
    fn start(root: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this binary"))
            .arg("serve")
            .arg(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let (origin, secret) = line.trim().split_once(' ').expect("two words");
        Self {
            root: root.to_owned(),
            origin: origin.to_owned(),
            secret: secret.to_owned(),
            process,
            runtime: Runtime::new().expect("a runtime"),
        }
    }

    fn reset(&self) {
        self.control(reqwest::Method::POST, "reset");
        // Nothing may remember what stood before.
        let control = self.root.join(".onestream/control");
        if control.exists() {
            fs::remove_dir_all(control).expect("it can be removed");
        }
    }

    /// How many requests were answered so far.
    fn requests(&self) -> u64 {
        let log = self.control(reqwest::Method::GET, "requests?since=9999999999");
        let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
        log["total"].as_u64().expect("a count")
    }

    fn control(&self, method: reqwest::Method, path: &str) -> String {
        let request = reqwest::Client::new()
            .request(method, format!("{}/emulator/{path}", self.origin))
            .header("x-emulator-secret", &self.secret);
        self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            answer.text().await.expect("a body")
        })
    }

    /// Runs the program; it has to end well.
    fn onestream(&self, arguments: &[&str]) -> Run {
        let before = self.requests();
        let log = self.root.join("log");
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_onestream"))
            .arg("--root")
            .arg(&self.root)
            .args(arguments)
            .env("ONESTREAM_CLOUD", "emulator")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("writable"))
            .spawn()
            .expect("the program starts");
        let mut peak_kilobytes = 0;
        let status = loop {
            peak_kilobytes = peak(child.id()).max(peak_kilobytes);
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = started.elapsed();
        let said = fs::read_to_string(log).expect("readable");
        assert!(status.success(), "{arguments:?}: {status}: {said}");
        Run {
            took,
            peak_kilobytes,
            requests: self.requests() - before,
        }
    }
}

impl Drop for LocalAzure {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.process.stdin.take());
        let ended = self.process.wait();
        assert!(ended.is_ok(), "{ended:?}");
    }
}

/// Plays the local Azure until the standard input ends.
fn serve(root: &Path) {
    let configuration = config::load(root, &[]).expect("valid");
    let place = &configuration.environments[0].place;
    let settings = Settings {
        data: Some(root.join(".onestream/emulator")),
        tenant: place.tenant.clone(),
        subscriptions: vec![place.subscription.clone()],
        pace: Pace::Instant,
        page_size: Some(PAGE),
        people: configuration
            .people()
            .map(|(object_id, name)| (object_id.to_owned(), name.to_owned()))
            .collect(),
        announce: true,
        ..Settings::default()
    };
    Runtime::new().expect("a runtime").block_on(async {
        let emulator = Emulator::start(settings).await.expect("it starts");
        let endpoint = emulator.endpoint();
        println!("{} {}", endpoint.origin, endpoint.control_secret);
        tokio::task::spawn_blocking(|| {
            let mut rest = Vec::new();
            std::io::stdin().read_to_end(&mut rest).expect("it ends");
        })
        .await
        .expect("it ends");
        emulator.stop().await;
    });
}

/// The most memory that a process has held so far, where the system tells.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

//! Kills an apply at its numbered points: the next one always converges.
//!
//! By default a sample of points of a smaller estate; every point of the whole sample with
//! `ONESTREAM_SWEEP=all cargo test --test behaviour sweep -- --nocapture`. `ONESTREAM_SWEEP=N`
//! tries N points of the whole sample, `ONESTREAM_SEED` repeats the draw of an earlier run.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use crate::program::Root;
use crate::served::Served;

/// How many points are tried unless somebody says otherwise.
const IN_ORDER: usize = 60;
const SIDE_BY_SIDE: usize = 20;
const SIGKILL: i32 = 9;

/// How much is swept.
#[derive(Debug, Clone, Copy)]
enum Sweep {
    /// This many points, of a smaller estate.
    Sample,
    /// This many points of the whole sample.
    Some(usize),
    /// Every point of the whole sample.
    All,
}

impl Sweep {
    fn asked() -> Self {
        match std::env::var("ONESTREAM_SWEEP").as_deref() {
            Ok("all") => Self::All,
            Ok(number) => Self::Some(number.parse().expect("ONESTREAM_SWEEP is a number or all")),
            Err(_) => Self::Sample,
        }
    }

    /// How many estates are swept side by side. By default other tests run beside this one.
    fn lanes(self) -> usize {
        match self {
            Self::Sample => 1,
            Self::Some(_) | Self::All => {
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
            }
        }
    }
}

/// Numbers that follow from a seed (splitmix64).
pub struct Draw(pub u64);

impl Draw {
    /// The seed that was asked for, or a new one; it is printed, so that a run can be repeated.
    pub fn new() -> Self {
        let now = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.expect("after 1970").as_secs()
        };
        let asked = std::env::var("ONESTREAM_SEED");
        Self(asked.map_or_else(|_| now(), |seed| seed.parse().expect("a number")))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// One number of each of `count` equal parts of `1..=last`.
    pub fn spread(&mut self, last: u64, count: usize) -> Vec<u64> {
        let count = (count as u64).clamp(1, last);
        let part = |at: u64| at * last / count;
        let one = |at| part(at) + 1 + self.below(part(at + 1) - part(at));
        (0..count).map(one).collect()
    }
}

/// An estate that is applied again and again from nothing.
struct Stage {
    root: Root,
    served: Served,
    parallelism: &'static str,
    /// What an undisturbed apply leaves in Azure.
    undisturbed: BTreeMap<String, usize>,
    /// How many points it passes.
    points: u64,
}

/// `shared` and `dev`, with a kind of each sort: locks and a replication besides.
fn smaller() -> Root {
    let root = Root::sample();
    for name in ["staging", "prod"] {
        std::fs::remove_file(root.file(&format!("environments/{name}.toml"))).expect("removed");
    }
    let matrix = root.read("rbac/matrix.toml");
    let elsewhere = |line: &&str| line.starts_with("\"staging.") || line.starts_with("\"prod.");
    let cells: Vec<&str> = matrix.lines().filter(|line| !elsewhere(line)).collect();
    root.write("rbac/matrix.toml", &cells.join("\n"));
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\nreplicate_to = [\"westus2\"]\nlock = \"CanNotDelete\"\n",
    );
    // Who goes on with what was interrupted must not need an approval.
    root.replace(
        "environments/dev.toml",
        "order = 1\n",
        "order = 1\nprotected = true\n",
    );
    root.replace(
        "environments/dev.toml",
        "name = \"rg-onestream-dev\"",
        "name = \"rg-onestream-dev\"\nlock = \"CanNotDelete\"",
    );
    root
}

impl Stage {
    async fn set(sweep: Sweep, parallelism: &'static str) -> Self {
        let root = match sweep {
            Sweep::Sample => smaller(),
            Sweep::Some(_) | Sweep::All => Root::sample(),
        };
        let served = Served::on(&root, &["--open-info"]);
        let nothing = json!({ "name": "nothing" });
        served.control("POST", "snapshot", Some(nothing)).await;
        let mut stage = Self {
            root,
            served,
            parallelism,
            undisturbed: BTreeMap::new(),
            points: 0,
        };
        let counted = stage.apply("count");
        assert!(counted.status.success(), "{}", said(&counted));
        let count = said(&counted);
        let count = count
            .lines()
            .find_map(|line| line.strip_prefix("failpoints: "));
        stage.points = count.expect("a count").parse().expect("a number");
        stage.undisturbed = stage.objects().await;
        stage
    }

    fn apply(&self, failpoint: &str) -> std::process::Output {
        let arguments = ["apply", "--auto-approve", "--parallelism", self.parallelism];
        let mut command = self.root.command(&arguments);
        command.env("ONESTREAM_FAILPOINT", failpoint);
        command.output().expect("the program starts")
    }

    /// Everything back to where nothing was applied, the control store, too.
    async fn reset(&self) {
        let nothing = json!({ "name": "nothing" });
        self.served.control("POST", "restore", Some(nothing)).await;
        std::fs::remove_dir_all(self.root.file(".onestream/control")).expect("it was there");
    }

    async fn objects(&self) -> BTreeMap<String, usize> {
        objects(&self.served).await
    }

    /// Kills an apply at this point; whether it got there. The next apply has to mend it.
    async fn crash(&self, point: u64) -> bool {
        self.reset().await;
        let killed = self.apply(&point.to_string());
        let reached = killed.status.signal() == Some(SIGKILL);
        assert!(reached || killed.status.success(), "{}", said(&killed));
        let last = String::from_utf8_lossy(&killed.stderr).into_owned();
        let last = last.lines().last().unwrap_or_default();
        let told = || format!("point {point}, {last}");
        let again = self.apply("");
        let why = || format!("{}\n{}", told(), said(&again));
        assert!(again.status.success(), "{}", why());
        let plan = self.root.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(plan.code, 0, "{}\n{}\n{}", why(), plan.out, plan.err);
        self.root.expect(0, &["audit", "verify"]);
        let left = self.objects().await;
        let differ = |(one, count): &(&String, &usize)| self.undisturbed.get(*one) != Some(*count);
        let more: Vec<_> = left.iter().filter(differ).collect();
        let lost: Vec<_> = self.undisturbed.keys().collect();
        let lost: Vec<_> = lost
            .iter()
            .filter(|one| !left.contains_key(**one))
            .collect();
        let same = more.is_empty() && lost.is_empty();
        assert!(same, "{}\nmore: {more:#?}\nlost: {lost:#?}", told());
        reached
    }
}

/// What Azure holds, by kind and id without what it chose by itself, and how often.
pub async fn objects(served: &Served) -> BTreeMap<String, usize> {
    let listed = served.control("GET", "objects", None).await;
    let mut objects = BTreeMap::new();
    for object in listed["value"].as_array().expect("a list") {
        *objects.entry(seen(object)).or_insert(0) += 1;
    }
    objects
}

fn said(output: &std::process::Output) -> String {
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    text.concat()
}

/// Kind, id and names of an object; what Azure chooses by itself is a `?`.
fn seen(object: &Json) -> String {
    let body = &object["body"];
    let names = ["displayName", "uniqueName", "name"].map(|name| body[name].as_str());
    let names: Vec<&str> = names.into_iter().flatten().collect();
    let kind = object["kind"].as_str().unwrap_or_default();
    let id = object["id"].as_str().unwrap_or_default();
    let words = format!("{kind} {id} {} {}", names.join(" "), object["pending"]);
    let chosen =
        |word: &str| word.len() >= 32 && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    let ends = |c: char| !(c == '-' || c.is_ascii_alphanumeric());
    let parts = words.split_inclusive(ends);
    parts
        .map(|part| {
            let word = part.trim_end_matches(ends);
            match chosen(word) {
                true => part.replace(word, "?"),
                false => part.to_owned(),
            }
        })
        .collect()
}

/// Tries these points, one after the other, and says now and then how far it has come.
async fn try_all(stage: Stage, points: Vec<u64>) {
    for (tried, point) in points.iter().enumerate() {
        assert!(stage.crash(*point).await, "point {point} was not reached");
        if (tried + 1) % 100 == 0 {
            println!("tried {} points, the last was {point}", tried + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_killed_at_any_point_is_mended_by_the_next() {
    let sweep = Sweep::asked();
    let stage = Stage::set(sweep, "1").await;
    let last = stage.points;
    let mut draw = Draw::new();
    let seed = draw.0;
    let points = match sweep {
        Sweep::Sample => draw.spread(last, IN_ORDER),
        Sweep::Some(count) => draw.spread(last, count),
        Sweep::All => (1..=last).collect(),
    };
    println!("{} of {last} points, seed {seed}: {points:?}", points.len());
    let lanes = sweep.lanes();
    let mut running = Vec::new();
    let mut first = Some(stage);
    for lane in 0..lanes {
        let stage = match first.take() {
            Some(stage) => stage,
            None => Stage::set(sweep, "1").await,
        };
        assert_eq!(stage.points, last, "every apply passes the same points");
        let share = points.iter().skip(lane).step_by(lanes);
        running.push(tokio::spawn(try_all(stage, share.copied().collect())));
    }
    for lane in running {
        lane.await.expect("every point is mended");
    }
    println!("tried {} of {last} points", points.len());
}

#[tokio::test]
async fn an_apply_of_many_at_once_killed_anywhere_is_mended_by_the_next() {
    let sweep = Sweep::asked();
    let stage = Stage::set(sweep, "8").await;
    let last = stage.points;
    let mut draw = Draw::new();
    let seed = draw.0;
    let count = match sweep {
        Sweep::Sample | Sweep::All => SIDE_BY_SIDE,
        Sweep::Some(count) => count,
    };
    let points = draw.spread(last, count);
    println!("{count} of {last} points, seed {seed}: {points:?}");
    let mut reached = 0;
    for point in &points {
        // How often Azure is asked hangs on who comes first, so the last may not be there.
        reached += usize::from(stage.crash(*point).await);
    }
    println!("tried {reached} of {last} points");
    assert!(reached * 10 >= points.len() * 9, "{reached}");
}

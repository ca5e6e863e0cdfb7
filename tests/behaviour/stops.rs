//! A holder that is stopped at a point of its run and continued after a takeover: it sends nothing more.
//!
//! Named points of every sort, and further ones that a printed seed draws; `ONESTREAM_SEED` repeats
//! the draw of an earlier run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStderr, Stdio};

use serde_json::Value as Json;

use super::azurite::Azurite;
use super::program::{Ran, Root};
use super::served::Served;
use super::sweep::{Draw, objects};
use super::team::{all_free, ended, expect, signal, start, team_on};

const APPLY: [&str; 6] = [
    "--env",
    "shared",
    "apply",
    "--auto-approve",
    "--parallelism",
    "1",
];

/// Where a holder is stopped: how the point's name begins, and how far through those of that name,
/// in hundredths.
type Named = (&'static str, usize);

/// Where holders of a first apply are stopped. Right before a request its lease has still to be
/// asked.
const OF_CREATES: [Named; 12] = [
    ("before the append to audit/", 0),
    ("before the journal's begun of ", 20),
    ("before PUT ", 10),
    ("before PUT ", 60),
    ("after PUT ", 40),
    ("before POST ", 0),
    ("after POST ", 99),
    ("before the journal's accepted of ", 30),
    ("before waiting for ", 70),
    ("before the journal's done of ", 80),
    ("before the snapshot of ", 0),
    ("before the append to audit/", 99),
];

/// Where holders of an apply that takes something away are stopped.
const OF_DELETES: [Named; 2] = [("before DELETE ", 0), ("after DELETE ", 0)];

/// How many further points of a first apply are drawn.
const DRAWN: usize = 4;

/// What holders are in the middle of.
#[derive(Clone, Copy)]
enum Scene {
    /// Nothing stands yet.
    Creates,
    /// Everything stands, and TOML does not name one of it any more.
    Deletes,
}

impl Scene {
    fn set(self, azurite: &Azurite) -> (Root, Served) {
        let root = team_on(azurite);
        let served = Served::on(&root, &["--open-info"]);
        if let Self::Deletes = self {
            expect(0, &root, azurite, &APPLY);
            let member = "katherine = \"66666666-6666-4666-8666-000000000003\"\n";
            root.replace("rbac/principals.toml", member, "");
        }
        (root, served)
    }
}

/// An apply that nobody disturbs.
struct Undisturbed {
    scene: Scene,
    /// Its points, in order.
    points: Vec<String>,
    /// What it leaves in Azure.
    left: BTreeMap<String, usize>,
}

impl Undisturbed {
    fn run(azurite: &Azurite, scene: Scene) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (root, served) = scene.set(azurite);
        let mut command = root.command(&APPLY);
        command
            .env("ONESTREAM_CONTROL_TOKEN_FILE", azurite.token())
            .env("ONESTREAM_FAILPOINT", "list");
        let ran: Ran = command.output().expect("the program starts").into();
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
        let points = ran.err.lines().filter_map(|line| {
            let (number, name) = line.strip_prefix("failpoint ")?.split_once(": ")?;
            number.parse::<usize>().ok()?;
            Some(name.to_owned())
        });
        Self {
            scene,
            points: points.collect(),
            left: runtime.block_on(objects(&served)),
        }
    }

    /// Further points between the first request and the last one that is journalled.
    fn drawn(&self, count: usize) -> Vec<usize> {
        let mut draw = Draw::new();
        let seed = draw.0;
        let first = number(&self.points, ("before the journal's begun of ", 0));
        let last = number(&self.points, ("after the journal's done of ", 99));
        let drawn = draw.spread((last - first + 1) as u64, count).into_iter();
        let drawn = drawn.map(|at| first - 1 + usize::try_from(at).expect("small"));
        let drawn: Vec<usize> = drawn.collect();
        println!("drawn by seed {seed}: {drawn:?}");
        drawn
    }
}

/// The number of a point, from 1.
fn number(points: &[String], (name, hundredths): Named) -> usize {
    let named = |(_, point): &(usize, &String)| point.starts_with(name);
    let found: Vec<usize> = (1..).zip(points).filter(named).map(|(at, _)| at).collect();
    assert!(!found.is_empty(), "no point is called `{name}`");
    found[(found.len() * hundredths / 100).min(found.len() - 1)]
}

/// A point's name without the ids that Azure gives, of an operation or an application, which no two
/// runs share.
fn without_id(name: &str) -> String {
    if let Some((when, _)) = name.split_once("waiting for ") {
        return format!("{when}waiting");
    }
    match name.split_once("(appId='") {
        Some((before, of)) => {
            let rest = of.split_once('\'').map_or("", |(_, rest)| rest);
            format!("{before}(appId=…{rest}")
        }
        None => name.to_owned(),
    }
}

/// A process that does not outlive the test, though it may stand still where that fails.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        // One that has ended cannot be ended again.
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// A holder that stands still at a point; what it said and goes on to say.
fn stopped(
    root: &Root,
    azurite: &Azurite,
    number: usize,
) -> (Holder, Lines<BufReader<ChildStderr>>) {
    let out = File::create(root.file("out.txt")).expect("a writable file");
    let mut command = root.command(&APPLY);
    command
        .env("ONESTREAM_CONTROL_TOKEN_FILE", azurite.token())
        .env("ONESTREAM_FAILPOINT", format!("{number}:stop"))
        .stdout(out)
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let stderr = child.stderr.take().expect("its stderr");
    (Holder(child), BufReader::new(stderr).lines())
}

/// The requests since `number` that could change something. A signature changes nothing, nor does
/// a batch of reads or a token.
async fn writes(served: &Served, number: u64) -> Vec<String> {
    let path = format!("requests?since={number}");
    let log = served.control("GET", &path, None).await;
    let line = |one: &Json| format!("{} {}", one["method"], one["target"]).replace('"', "");
    let changes = |line: &String| {
        let reads = ["/$batch", "/oauth2/", "/sign?"];
        !line.starts_with("GET ") && !reads.iter().any(|read| line.contains(read))
    };
    let all = log["value"].as_array().expect("a list").iter();
    all.map(line).filter(changes).collect()
}

/// Stops a holder there, lets another take over, and continues the first.
fn stop(azurite: &Azurite, undisturbed: &Undisturbed, number: usize) {
    let Undisturbed {
        scene,
        points,
        left,
    } = undisturbed;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (root, served) = scene.set(azurite);
    let (mut holder, mut said) = stopped(&root, azurite, number);
    let mark = format!("failpoint {number}: ");
    let name = said.find_map(|line| line.expect("text").strip_prefix(&mark).map(str::to_owned));
    let name = name.expect("it gets there");
    let name = without_id(&name);
    assert_eq!(name, without_id(&points[number - 1]));
    let taking = [&APPLY[..], &["--lock-wait", "5m"]].concat();
    let taken = ended(start(&root, azurite, &taking));
    let told = |what: &str| format!("stopped {name}: {what}\n{}\n{}", taken.out, taken.err);
    assert_eq!(taken.code, 0, "{}", told("the second"));
    let log = runtime.block_on(served.control("GET", "requests", None));
    let since = log["next"].as_u64().expect("a number");
    signal(&holder.0, "CONT");
    let rest: Vec<String> = said.map(|line| line.expect("text")).collect();
    let late = holder.0.wait().expect("it ends").code();
    let out = root.read("out.txt");
    // With its snapshot written it had done all that it could lose the lease over.
    let saved = points[..number].iter();
    let saved = saved.filter(|point| point.starts_with("after the snapshot of "));
    let expected = match saved.count() {
        0 => [1, 3, 4].map(Some),
        _ => [0, 0, 0].map(Some),
    };
    assert!(
        expected.contains(&late),
        "{}: {late:?}\n{out}\n{rest:#?}",
        told("the first")
    );
    // An older snapshot does not take the place of a newer one.
    if name.starts_with("before the snapshot of ") {
        let stays = |line: &String| line.contains("the applied snapshot stays as it was");
        assert!(rest.iter().any(stays), "{rest:#?}");
    }
    let sent = runtime.block_on(writes(&served, since));
    println!(
        "stopped at {number}, {name}: exit {late:?}, {} sent",
        sent.len()
    );
    assert!(sent.is_empty(), "{}: {sent:#?}", told("sent"));
    let plan = ["--env", "shared", "plan", "--detailed-exitcode"];
    expect(0, &root, azurite, &plan);
    assert_eq!(
        runtime.block_on(objects(&served)),
        *left,
        "{}",
        told("objects")
    );
    expect(0, &root, azurite, &["audit", "verify"]);
    all_free(&root, azurite);
}

/// Takes as long as a lease lasts and a request may take, a minute and 40 seconds, for all of them
/// side by side.
#[test]
fn a_holder_stopped_at_points_of_every_sort_sends_nothing_after_the_takeover() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let creates = Undisturbed::run(azurite, Scene::Creates);
    let deletes = Undisturbed::run(azurite, Scene::Deletes);
    let mut stops: Vec<(&Undisturbed, usize)> = Vec::new();
    stops.extend(OF_CREATES.map(|at| (&creates, number(&creates.points, at))));
    stops.extend(OF_DELETES.map(|at| (&deletes, number(&deletes.points, at))));
    stops.extend(creates.drawn(DRAWN).into_iter().map(|at| (&creates, at)));
    println!(
        "{} of {} points",
        stops.len(),
        creates.points.len() + deletes.points.len()
    );
    std::thread::scope(|scope| {
        let stops: Vec<_> = stops
            .into_iter()
            .map(|(undisturbed, at)| scope.spawn(move || stop(azurite, undisturbed, at)))
            .collect();
        for one in stops {
            one.join().expect("a stop that is mended");
        }
    });
}

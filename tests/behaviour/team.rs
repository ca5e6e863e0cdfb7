//! A team on one control store in Blob Storage, played by Azurite: one writer at a time.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use onestream::remote::azure::{BlobContainer, Cloud, Credential, Settings};
use serde_json::Value as Json;

use super::azurite::{ACCOUNT, Azurite};
use super::program::{Ran, Root};
use super::served::Served;

/// The sample, with its control data in a new container; `None` where there is no Azurite.
fn team() -> Option<(Root, &'static Azurite)> {
    let azurite = Azurite::shared()?;
    Some((team_on(azurite), azurite))
}

/// The sample, with its control data in a new container there.
pub fn team_on(azurite: &Azurite) -> Root {
    let root = Root::unprotected();
    let container = container(azurite);
    root.replace(
        "environments/common.toml",
        "store = \"file:.onestream/control\"",
        &format!(
            "store = \"azblob://{ACCOUNT}/{container}\"\nendpoint = \"{}\"\n\
             credential = \"token-file\"\nca = \"ca.pem\"",
            azurite.endpoint()
        ),
    );
    std::fs::copy(azurite.ca(), root.file("ca.pem")).expect("a writable file");
    root
}

/// A new container, as whoever owns the account makes it once.
fn container(azurite: &Azurite) -> String {
    let name = format!("control-{}", uuid::Uuid::new_v4().simple());
    make_container(azurite, &name);
    name
}

/// A client of the container of that name.
pub fn open_container(azurite: &Azurite, name: &str) -> BlobContainer {
    let url = format!("{}/{name}", azurite.endpoint());
    let ca = std::fs::read_to_string(azurite.ca()).expect("a readable file");
    let credential = Credential::TokenFile(azurite.token());
    let settings = Settings::new(Cloud::public(), "tenant", credential);
    let opened = BlobContainer::open(url.parse().expect("a URL"), Some(&ca), settings);
    opened.expect("a client")
}

/// Makes a container of that name.
pub fn make_container(azurite: &Azurite, name: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let made = runtime.block_on(open_container(azurite, name).create_if_missing());
    made.expect("a container");
}

/// The program on a team's root.
pub fn start(root: &Root, azurite: &Azurite, arguments: &[&str]) -> Child {
    root.command(arguments)
        .env("ONESTREAM_CONTROL_TOKEN_FILE", azurite.token())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

pub fn ended(child: Child) -> Ran {
    child.wait_with_output().expect("it ends").into()
}

#[track_caller]
pub fn expect(code: i32, root: &Root, azurite: &Azurite, arguments: &[&str]) -> Ran {
    let ran = ended(start(root, azurite, arguments));
    assert_eq!(ran.code, code, "{arguments:?}\n{}\n{}", ran.out, ran.err);
    ran
}

pub fn locks(root: &Root, azurite: &Azurite) -> Json {
    let ran = expect(0, root, azurite, &["--format", "json", "lock", "status"]);
    let status: Json = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(
        (&status["version"], &status["cloud"]),
        (&1.into(), &"emulator".into())
    );
    status["locks"].clone()
}

/// The leases of all environments of the sample are free.
#[track_caller]
pub fn all_free(root: &Root, azurite: &Azurite) {
    let locks = locks(root, azurite);
    let all = locks.as_array().expect("locks").iter();
    let states: Vec<_> = all
        .map(|lock| (lock["environment"].as_str(), lock["state"].as_str()))
        .collect();
    let free = ["dev", "prod", "shared", "staging"].map(|name| (Some(name), Some("free")));
    assert_eq!(states, free);
}

#[test]
fn of_two_agents_started_together_one_applies_and_the_other_names_it() {
    let Some((root, azurite)) = team() else {
        return;
    };
    let _served = Served::on(&root, &["--latency", "40"]);
    let apply = ["--env", "dev", "apply", "--auto-approve"];
    expect(
        0,
        &root,
        azurite,
        &["--env", "shared", "apply", "--auto-approve"],
    );
    let agents = [start(&root, azurite, &apply), start(&root, azurite, &apply)];
    let processes = agents.each_ref().map(Child::id);
    let [first, second] = agents.map(ended);
    let (winner, refused) = match first.code {
        0 => (processes[0], second),
        _ => (processes[1], first),
    };
    assert_eq!(refused.code, 3, "{}\n{}", refused.out, refused.err);
    let holder = format!("(process {winner})");
    assert!(
        refused.err.contains("dev is locked by ") && refused.err.contains(&holder),
        "{}",
        refused.err
    );
    expect(
        0,
        &root,
        azurite,
        &["plan", "--env", "dev", "--detailed-exitcode"],
    );
    all_free(&root, azurite);
}

#[test]
fn who_waits_for_the_lease_gets_it() {
    let Some((root, azurite)) = team() else {
        return;
    };
    let _served = Served::on(&root, &["--latency", "20"]);
    expect(
        0,
        &root,
        azurite,
        &["--env", "shared", "apply", "--auto-approve"],
    );
    let apply = [
        "--env",
        "dev",
        "apply",
        "--auto-approve",
        "--lock-wait",
        "5m",
    ];
    let agents = [start(&root, azurite, &apply), start(&root, azurite, &apply)];
    for ran in agents.map(ended) {
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    }
}

/// Sends a signal to a process that this test started.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

/// How many requests that change something the local Azure has seen.
#[cfg(unix)]
fn writes(served: &Served) -> u64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = format!("{}/emulator/requests", served.origin);
    let text = runtime.block_on(async {
        let answer = reqwest::get(url).await.expect("an answer");
        answer.text().await.expect("text")
    });
    let seen: Json = serde_json::from_str(&text).expect("JSON");
    let counts = ["PUT", "PATCH", "DELETE"].map(|method| seen["by_method"][method].as_u64());
    counts.iter().flatten().sum()
}

/// Stops a run while it takes over: it holds nothing then.
#[cfg(unix)]
fn given_up(root: &Root, azurite: &Azurite, taking: &[&str]) {
    let mut taking = start(root, azurite, taking);
    let said = BufReader::new(taking.stderr.take().expect("its stderr"));
    let mut said = said.lines().map(|line| line.expect("text"));
    let before = said.by_ref();
    let waits = |line: &String| line.contains("waiting 40 s for what it may have sent");
    let locked = before.any(|line| line.contains("shared is locked by "));
    assert!(locked && before.any(|line| waits(&line)), "it takes over");
    signal(&taking, "INT");
    let rest: Vec<String> = said.collect();
    assert_eq!(ended(taking).code, 4, "{rest:#?}");
    let locks = locks(root, azurite);
    let mut all = locks.as_array().expect("locks").iter();
    let shared = all.find(|lock| lock["environment"] == "shared");
    assert_eq!(
        shared.expect("it is known")["state"],
        "abandoned",
        "{locks}"
    );
}

/// Takes as long as a lease lasts and a request may take: a minute and 40 seconds.
#[cfg(unix)]
#[test]
fn a_holder_that_was_stopped_sends_nothing_once_another_has_taken_over() {
    let Some((root, azurite)) = team() else {
        return;
    };
    let served = Served::on(&root, &["--latency", "100", "--open-info"]);
    let apply = [
        "--env",
        "shared",
        "apply",
        "--auto-approve",
        "--parallelism",
        "1",
    ];
    let mut stopped = start(&root, azurite, &apply);
    while writes(&served) < 3 {
        assert!(
            stopped.try_wait().expect("asks").is_none(),
            "it ended first"
        );
    }
    signal(&stopped, "STOP");
    let taking = [&apply[..], &["--lock-wait", "5m"]].concat();
    given_up(&root, azurite, &taking);
    let taken = ended(start(&root, azurite, &taking));
    assert_eq!(taken.code, 0, "{}\n{}", taken.out, taken.err);
    let holder = format!("(process {})", stopped.id());
    for told in [
        "its lease was not given back; waiting 40 s for what it may have sent",
        "begun by a run that did not see its end",
        &holder,
    ] {
        assert!(taken.err.contains(told), "{told}\n{}", taken.err);
    }
    let before = writes(&served);
    signal(&stopped, "CONT");
    let late = ended(stopped);
    assert!(matches!(late.code, 1 | 3 | 4), "{}\n{}", late.out, late.err);
    // At its first request that changes something, or, where all that it looks at has moved, at its
    // end.
    let said = format!("{}\n{}", late.out, late.err);
    assert!(said.contains("lease of shared is lost"), "{said}");
    // One may have been past its check, on the way to the socket.
    assert!(
        writes(&served) <= before + 1,
        "{} after {before}",
        writes(&served)
    );
    let plan = ["--env", "shared", "plan", "--detailed-exitcode"];
    expect(0, &root, azurite, &plan);
    all_free(&root, azurite);
}

#[test]
fn readers_need_no_lease_and_a_lost_store_changes_nothing() {
    let Some((root, azurite)) = team() else {
        return;
    };
    let _served = Served::on(&root, &["--latency", "40"]);
    let mut apply = start(&root, azurite, &["apply", "--auto-approve"]);
    // It says that it holds its environments before it has written anything.
    let dev = loop {
        let locks = locks(&root, azurite);
        let held = locks
            .as_array()
            .expect("locks")
            .iter()
            .find(|lock| lock["environment"] == "dev");
        match held {
            Some(lock) if lock["state"] == "locked" => break lock.clone(),
            _ => assert!(apply.try_wait().expect("asks").is_none(), "it ended first"),
        }
    };
    assert_eq!(dev["holder"]["doing"], "apply");
    assert_eq!(dev["holder"]["process"], apply.id());
    expect(0, &root, azurite, &["plan", "--env", "shared"]);
    expect(0, &root, azurite, &["state", "list", "--env", "dev"]);
    let ran = ended(apply);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);

    root.replace(
        "environments/common.toml",
        "azblob://stonestream/control-",
        "azblob://stonestream/lost-",
    );
    let lost = expect(1, &root, azurite, &["apply", "--auto-approve"]);
    assert!(lost.err.contains("ContainerNotFound"), "{}", lost.err);
    assert!(
        lost.err.contains("az storage container create"),
        "{}",
        lost.err
    );
}

#[cfg(unix)]
#[test]
fn a_store_that_is_lost_in_the_middle_stops_the_run_and_loses_nothing() {
    let Some(azurite) = Azurite::another() else {
        return;
    };
    let root = team_on(&azurite);
    let common = root.read("environments/common.toml");
    let served = Served::on(&root, &["--latency", "100", "--open-info"]);
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    let mut run = start(&root, &azurite, &apply);
    while writes(&served) < 3 {
        assert!(run.try_wait().expect("asks").is_none(), "it ended first");
    }
    drop(azurite);
    let ran = ended(run);
    assert!(matches!(ran.code, 1 | 4), "{}\n{}", ran.out, ran.err);
    for told in [
        "the journal cannot be written",
        "run again, and what was begun",
    ] {
        assert!(ran.out.contains(told), "{told}\n{}\n{}", ran.out, ran.err);
    }
    // Whatever the store held is gone for good; Azure is the state.
    let settings = common
        .lines()
        .skip_while(|line| !line.starts_with("store = "));
    let settings: Vec<&str> = settings.take(4).collect();
    let folder = "store = \"file:.onestream/control\"";
    root.replace("environments/common.toml", &settings.join("\n"), folder);
    root.expect(0, &apply);
    root.expect(0, &["--env", "shared", "plan", "--detailed-exitcode"]);
}

#[test]
fn a_lease_can_be_taken_away_with_a_reason_that_is_kept() {
    let Some((root, azurite)) = team() else {
        return;
    };
    let broken = ["lock", "break", "dev", "--reason", "the agent hangs"];
    let ran = expect(0, &root, azurite, &broken);
    assert!(ran.err.contains("dev was not locked"), "{}", ran.err);
    expect(64, &root, azurite, &["lock", "break", "dev"]);
    expect(
        64,
        &root,
        azurite,
        &["lock", "break", "dev", "--reason", " "],
    );
    expect(
        64,
        &root,
        azurite,
        &["lock", "break", "nowhere", "--reason", "x"],
    );
    let _served = Served::on(&root, &["--latency", "200"]);
    let mut apply = start(
        &root,
        azurite,
        &["--env", "shared", "apply", "--auto-approve"],
    );
    loop {
        let locks = locks(&root, azurite);
        let mut locks = locks.as_array().expect("locks").iter();
        if locks.any(|lock| lock["environment"] == "shared" && lock["state"] == "locked") {
            break;
        }
        assert!(apply.try_wait().expect("asks").is_none(), "it ended first");
    }
    let broken = ["lock", "break", "shared", "--reason", "the agent hangs"];
    let ran = expect(0, &root, azurite, &broken);
    assert!(ran.err.contains("shared is taken from "), "{}", ran.err);
    assert!(ran.out.contains("the agent hangs"), "{}", ran.out);
    apply.kill().expect("it is ours to end");
    apply.wait().expect("it ends");
}

#[test]
fn tokens_are_not_sent_where_a_changed_file_alone_points() {
    let root = Root::sample();
    let store = "store = \"file:.onestream/control\"";
    let elsewhere = "store = \"azblob://stonestream/control\"\n\
                     endpoint = \"https://blobs.example.org\"\ncredential = \"token-file\"";
    root.replace("environments/common.toml", store, elsewhere);
    for arguments in [&["plan"][..], &["lock", "status"]] {
        let refused = root.expect(64, arguments);
        assert!(
            refused
                .err
                .contains("set ONESTREAM_CONTROL_ENDPOINT=https://blobs.example.org"),
            "{}",
            refused.err
        );
    }
    root.replace(
        "environments/common.toml",
        "endpoint = \"https://blobs.example.org\"\n",
        "",
    );
    let refused = root.expect(64, &["lock", "status"]);
    assert!(
        refused
            .err
            .contains("ONESTREAM_CONTROL_TOKEN_FILE is not set"),
        "{}",
        refused.err
    );
}

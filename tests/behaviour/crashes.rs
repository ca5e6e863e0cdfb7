//! Runs that are killed: what they had begun is seen to by the next run, before anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use onestream::control::Store;
use onestream::provision::plan::{Action, Step};
use onestream::provision::ports::{Event, Intent, Journal as _, PutBack};
use onestream::resource::EnvironmentName;
use serde_json::Value as Json;

use super::program::{Ran, Root};
use super::served::Served;
#[cfg(unix)]
use super::team::signal;

/// The entries of every journal of a root, as far as they are whole.
fn entries(root: &Root) -> Vec<Json> {
    let Ok(logs) = std::fs::read_dir(root.file(".onestream/control/journal")) else {
        return Vec::new();
    };
    let texts = logs.map(|log| std::fs::read_to_string(log.expect("a log").path()));
    let texts: Vec<String> = texts.map(|text| text.expect("text")).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .filter_map(|line| serde_json::from_str::<Json>(line).ok())
        .map(|line| line["content"].clone())
        .collect()
}

/// The addresses of operations that Azure took and that are not done.
fn under_way(root: &Root) -> BTreeSet<String> {
    let mut names = BTreeMap::new();
    let mut open = BTreeSet::new();
    for entry in entries(root) {
        let event = &entry["event"];
        let operation = event["operation"].as_u64();
        match (event["event"].as_str(), operation) {
            (Some("begun"), Some(operation)) => {
                names.insert(
                    operation,
                    event["address"].as_str().expect("text").to_owned(),
                );
            }
            (Some("accepted"), Some(operation)) => {
                open.insert(names[&operation].clone());
            }
            (Some("done" | "failed"), Some(operation)) => {
                names.get(&operation).map(|name| open.remove(name));
            }
            _ => {}
        }
    }
    open
}

fn start(root: &Root, arguments: &[&str]) -> Child {
    root.command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// Kills a run at the first moment at which `now` holds.
fn kill_when(mut run: Child, now: impl Fn() -> bool) {
    while !now() {
        assert!(run.try_wait().expect("asks").is_none(), "it ended first");
        std::thread::yield_now();
    }
    run.kill().expect("it is ours to end");
    run.wait().expect("it ends");
}

#[test]
fn what_azure_had_taken_is_waited_for_and_nothing_is_made_twice() {
    let root = Root::unprotected();
    let _served = Served::on(&root, &["--latency", "30ms"]);
    let run = start(&root, &["apply", "--auto-approve"]);
    kill_when(run, || !under_way(&root).is_empty());
    let left = under_way(&root);
    let begun = entries(&root)
        .into_iter()
        .find(|entry| entry["event"]["event"] == "begun");
    let begun = begun.expect("something was begun");
    assert_eq!(begun["fence"], 1);
    assert!(begun["event"]["intent"]["kind"].is_string(), "{begun}");

    let again = root.run(&["apply", "--auto-approve"]);
    // Where a vault stands without its endpoint, its keys can be read only once that stands.
    assert!(matches!(again.code, 0 | 4), "{}\n{}", again.out, again.err);
    for address in left {
        let told = format!("{address}: Azure took this at ");
        assert!(again.err.contains(&told), "{address}\n{}", again.err);
    }
    let fences: BTreeSet<_> = entries(&root)
        .iter()
        .map(|entry| entry["fence"].as_u64().expect("a number"))
        .collect();
    assert_eq!(fences, BTreeSet::from([1, 2]));
    // What has come to its end is not waited for again.
    let third = root.expect(0, &["apply", "--auto-approve"]);
    assert!(!third.err.contains("Azure took this"), "{}", third.err);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_lock_that_a_killed_run_had_lifted_is_on_again_before_anything_else() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/prod.toml",
        "replicate_to = [\"westus2\"]",
        "replicate_to = []",
    );
    let _served = Served::on(&root, &["--latency", "60ms"]);
    let destroying = ["apply", "--auto-approve", "--allow-destroy", "prod.*"];
    let run = start(&root, &destroying);
    let lifted = || {
        let entries = entries(&root);
        let lifts: Vec<_> = entries
            .iter()
            .filter(|entry| !entry["event"]["intent"]["back"].is_null())
            .collect();
        lifts.iter().any(|lift| {
            let (plan, operation) = (&lift["plan"], &lift["event"]["operation"]);
            entries.iter().any(|entry| {
                entry["plan"] == *plan
                    && entry["event"]["event"] == "done"
                    && entry["event"]["operation"] == *operation
            })
        })
    };
    kill_when(run, lifted);
    let again = root.run(&["apply", "--auto-approve"]);
    // On a busy machine the deletion may have left before the kill, and then nothing is to do.
    let codes = matches!(again.code, 0 | 3);
    assert!(codes, "{}\n{}", again.out, again.err);
    assert!(
        again.err.contains("the lock that was lifted is on again"),
        "{}",
        again.err
    );
    root.expect(0, &destroying);
    root.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_journal_that_cannot_be_read_stops_the_run_unless_it_is_to_be_ignored() {
    let root = Root::unprotected();
    let served = Served::on(&root, &["--latency", "30ms"]);
    let run = start(&root, &["--env", "shared", "apply", "--auto-approve"]);
    kill_when(run, || entries(&root).len() > 2);
    let folder = root.file(".onestream/control/journal");
    let log = std::fs::read_dir(&folder).expect("a journal").next();
    let log = log.expect("a log").expect("a log").path();
    let text = std::fs::read_to_string(&log).expect("text");
    std::fs::write(&log, text.replacen("run_started", "run_stopped", 1)).expect("writes");
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    let refused = root.expect(1, &apply);
    assert!(
        refused.err.contains(":1 is not readable: "),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("--ignore-journal"), "{}", refused.err);
    let ignoring = root.expect(0, &[&apply[..], &["--ignore-journal"]].concat());
    assert!(
        ignoring.err.contains("left aside, as asked"),
        "{}",
        ignoring.err
    );
    root.expect(0, &["--env", "shared", "plan", "--detailed-exitcode"]);
    drop(served);
    root.expect(0, &apply);
}

/// What somebody wrote into the journal who wants something made, or what is stale by now.
#[test]
fn a_lock_that_is_none_of_ours_stops_the_run_unless_the_journal_is_to_be_ignored() {
    let root = Root::unprotected();
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    root.expect(0, &apply);
    let store = Store::folder(root.file(".onestream/control")).expect("opens");
    let shared: EnvironmentName = "shared".parse().expect("a name");
    // Of a run that the audit log has: one that it lacks is found there.
    let plan = entries(&root)[0]["plan"].as_str().expect("text").to_owned();
    let planted = [
        Event::RunStarted {
            environments: vec![shared],
        },
        Event::Begun {
            operation: 0,
            address: "shared.group.lock".parse().expect("an address"),
            id: "/subscriptions/s/providers/Microsoft.Authorization/locks/planted".to_owned(),
            body_hash: String::new(),
            intent: Some(Box::new(Intent {
                kind: "lock".to_owned(),
                action: Action::Replace,
                step: Step::Delete,
                late: BTreeMap::new(),
                back: Some(PutBack {
                    operation: 1,
                    desired: serde_json::json!({"properties": {"level": "ReadOnly"}}),
                }),
            })),
        },
    ];
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for event in planted {
        let written = runtime.block_on(store.append(&plan, event));
        written.expect("writes");
    }
    drop(store);
    let refused = root.expect(3, &apply);
    assert!(refused.err.contains("--ignore-journal"), "{}", refused.err);
    let ignoring = root.expect(0, &[&apply[..], &["--ignore-journal"]].concat());
    let told = "shared.group.lock: the journal shows no end of it; left aside, as asked";
    assert!(ignoring.err.contains(told), "{}", ignoring.err);
    // With that run at its end, nobody asks what came before.
    let after = root.expect(0, &apply);
    assert!(!after.err.contains("shared.group.lock"), "{}", after.err);
}

#[test]
fn a_dead_holders_lock_is_taken_over_at_once() {
    let root = Root::unprotected();
    let _served = Served::on(&root, &["--latency", "30ms"]);
    let run = start(&root, &["--env", "shared", "apply", "--auto-approve"]);
    let process = run.id();
    kill_when(run, || !entries(&root).is_empty());
    let status = root.expect(0, &["--format", "json", "lock", "status"]);
    let status: Json = serde_json::from_str(&status.out).expect("JSON");
    let shared = status["locks"].as_array().expect("locks").iter();
    let shared = shared.clone().find(|lock| lock["environment"] == "shared");
    let shared = shared.expect("shared");
    assert_eq!(shared["state"], "abandoned");
    assert_eq!(shared["holder"]["process"], process);
    root.expect(0, &["--env", "shared", "apply", "--auto-approve"]);
    let status = root.expect(0, &["lock", "status"]);
    assert!(status.out.contains("0 of "), "{}", status.out);
}

#[cfg(unix)]
#[test]
fn who_is_asked_to_end_ends_cleanly_and_gives_its_lease_back() {
    let root = Root::unprotected();
    let _served = Served::on(&root, &["--latency", "60ms"]);
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    let terminate = |run: Child| {
        let pid = run.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill").success());
        let ran: Ran = run.wait_with_output().expect("it ends").into();
        assert_eq!(ran.code, 4, "{}\n{}", ran.out, ran.err);
        ran
    };
    let spoken = |arguments: &[&str]| {
        let mut command = root.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    };
    let holder = spoken(&apply);
    while entries(&root).is_empty() {
        std::thread::yield_now();
    }
    let mut waiting = spoken(&[&apply[..], &["--lock-wait", "1h"]].concat());
    let mut said = BufReader::new(waiting.stderr.take().expect("its stderr"));
    let mut line = String::new();
    while !line.contains("shared is locked by ") {
        line.clear();
        assert!(
            said.read_line(&mut line).expect("text") > 0,
            "it ended first"
        );
    }
    terminate(waiting);
    let stopped = terminate(holder);
    assert!(
        stopped.out.contains("the run was stopped"),
        "{}",
        stopped.out
    );
    let status = root.expect(0, &["lock", "status"]);
    assert!(status.out.contains("0 of "), "{}", status.out);
    assert!(!status.out.contains("abandoned"), "{}", status.out);
    root.expect(0, &apply);
}

/// The first round of a run that could not read everything is told though the second is stopped.
#[cfg(unix)]
#[test]
fn who_is_asked_to_end_between_two_rounds_tells_of_the_first() {
    let root = Root::unprotected();
    let served = Served::on(&root, &["--latency", "60ms", "--open-info"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let accounts = "*/providers/Microsoft.Storage/storageAccounts";
    let hidden = serde_json::json!([{"method": "GET", "path": accounts, "status": 403}]);
    runtime.block_on(served.control("PUT", "faults", Some(hidden)));
    let apply = [
        "--format",
        "json",
        "--env",
        "shared",
        "apply",
        "--auto-approve",
    ];
    let mut run = root.command(&apply);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let run = run.expect("the program starts");
    let ended = |entry: &Json| entry["event"]["event"] == "run_ended";
    while !entries(&root).iter().any(ended) {
        std::thread::yield_now();
    }
    signal(&run, "TERM");
    let ran: Ran = run.wait_with_output().expect("it ends").into();
    assert_eq!(ran.code, 4, "{}\n{}", ran.out, ran.err);
    let told = "stopped before the rest was planned";
    assert!(ran.err.contains(told), "{}", ran.err);
    let told: Json = serde_json::from_str(&ran.out).expect("one document");
    assert!(told["version"].is_number(), "{told}");
    let done = told["operations"].as_array().expect("operations");
    assert!(done.len() > 1, "{told}");
}

#[cfg(unix)]
#[test]
fn who_waits_for_a_stopped_process_says_for_which() {
    let root = Root::unprotected();
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    let mut command = root.command(&apply);
    command.env("ONESTREAM_FAILPOINT", "1:stop");
    let stopped = command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut stopped = stopped.spawn().expect("the program starts");
    let mut said = BufReader::new(stopped.stderr.take().expect("its stderr")).lines();
    let at =
        |line: &std::io::Result<String>| line.as_ref().expect("text").starts_with("failpoint 1: ");
    assert!(said.any(|line| at(&line)), "it ended first");
    let mut waiting = root.command(&["--env", "shared", "plan"]);
    let waiting = waiting.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut waiting = waiting.spawn().expect("the program starts");
    let mut told = BufReader::new(waiting.stderr.take().expect("its stderr"));
    let mut line = String::new();
    told.read_line(&mut line).expect("text");
    let process = format!("process {} is using ", stopped.id());
    assert!(line.starts_with(&process), "{line}");
    let pid = stopped.id().to_string();
    let sent = Command::new("kill").args(["-CONT", &pid]).status();
    assert!(sent.expect("kill").success());
    // Whoever has a pipe reads it to its end.
    said.for_each(drop);
    assert!(stopped.wait().expect("it ends").success());
    std::io::copy(&mut told, &mut std::io::sink()).expect("text");
    assert!(waiting.wait().expect("it ends").success());
}

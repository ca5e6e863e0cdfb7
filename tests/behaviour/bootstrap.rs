//! A control store that does not exist yet: the first apply makes it, and only then goes on.
//! The local Azure plays Resource Manager, Azurite the store itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;

use onestream::provision::objects::Objects as _;
use serde_json::{Value as Json, json};

use super::azurite::{ACCOUNT, Azurite};
use super::program::{Ran, Root};
use super::served::Served;
use super::team::{ended, expect, make_container, open_container, start};

const COMMON: &str = "environments/common.toml";
const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const EMPTY: [&str; 2] = ["plan", "--detailed-exitcode"];

/// A root whose control store is in a container that TOML declares, and the container's name.
/// What makes it in Azure Resource Manager leaves Azurite as it was.
fn team(azurite: &Azurite) -> (Root, String) {
    let name = format!("control-{}", uuid::Uuid::new_v4().simple());
    (team_in(azurite, &name), name)
}

fn team_in(azurite: &Azurite, name: &str) -> Root {
    let root = Root::sample();
    root.replace(COMMON, "\"stonestreamcontrol\"", &format!("\"{ACCOUNT}\""));
    root.replace(
        COMMON,
        "[shared.store.containers.control]",
        &format!("[shared.store.containers.{name}]"),
    );
    point(&root, azurite, name);
    root
}

/// Has the control store be in a container.
fn point(root: &Root, azurite: &Azurite, name: &str) {
    root.replace(
        COMMON,
        "store = \"file:.onestream/control\"",
        &format!(
            "store = \"azblob://{ACCOUNT}/{name}\"\nendpoint = \"{}\"\n\
             credential = \"token-file\"\nca = \"ca.pem\"",
            azurite.endpoint()
        ),
    );
    std::fs::copy(azurite.ca(), root.file("ca.pem")).expect("a writable file");
}

fn json(root: &Root, azurite: &Azurite, arguments: &[&str]) -> Json {
    let ran = expect(
        0,
        root,
        azurite,
        &[&["--format", "json"], arguments].concat(),
    );
    serde_json::from_str(&ran.out).expect("one document")
}

/// How often the audit log says that the store was made.
fn told(root: &Root, azurite: &Azurite) -> usize {
    let log = json(root, azurite, &["audit", "log"]);
    let entries = log["entries"].as_array().expect("entries");
    let notes = entries
        .iter()
        .filter_map(|it| it["record"]["note"].as_str());
    notes
        .filter(|note| note.starts_with("made the control store azblob://stonestream/"))
        .count()
}

#[test]
fn the_first_apply_makes_the_store_and_goes_on_in_it() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    make_container(azurite, &name);
    let planned = expect(0, &root, azurite, &["plan"]);
    assert!(
        planned.err.contains(
            "does not exist: where nothing else stands yet, `onestream apply` makes it first"
        ),
        "{}",
        planned.err
    );
    assert!(planned.out.contains("+ shared.store (storage account)"));
    let applied = expect(0, &root, azurite, &APPLY);
    for said in [
        "making the control store",
        "the control store azblob://stonestream/",
    ] {
        assert!(applied.err.contains(said), "{said}\n{}", applied.err);
    }
    // Made once: what the first part made, the second finds as declared.
    let made = applied.out.matches("+ shared.store (storage account)");
    assert_eq!(made.count(), 2, "planned and done: {}", applied.out);
    assert!(!root.file(".onestream/bootstrap").exists());
    assert!(!root.file(".onestream/control").exists());
    expect(0, &root, azurite, &EMPTY);
    expect(0, &root, azurite, &["audit", "verify"]);
    assert_eq!(told(&root, azurite), 1);
    let again = expect(0, &root, azurite, &APPLY);
    assert!(
        !again.err.contains("making the control store"),
        "{}",
        again.err
    );
    assert_eq!(told(&root, azurite), 1);
}

/// The audit log is kept where nothing can be changed, all that is overwritten elsewhere.
#[test]
fn the_audit_log_may_be_in_a_container_of_its_own() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    let audit = format!("{name}-audit");
    root.replace(
        COMMON,
        "[shared.store.containers.audit]",
        &format!("[shared.store.containers.{audit}]"),
    );
    let store = format!("store = \"azblob://{ACCOUNT}/{name}\"\n");
    root.replace(COMMON, &store, &format!("{store}audit = \"{audit}\"\n"));
    for container in [&name, &audit] {
        make_container(azurite, container);
    }
    let shared = ["--env", "shared", "apply", "--auto-approve"];
    expect(0, &root, azurite, &shared);
    expect(0, &root, azurite, &["audit", "verify"]);
    assert_eq!(told(&root, azurite), 1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let held = |container: &str, folder: &str| -> Vec<String> {
        let listed = runtime.block_on(open_container(azurite, container).list(folder));
        let names = listed.expect("listed").into_iter();
        names.map(|name| name.as_str().to_owned()).collect()
    };
    assert_eq!(held(&audit, "audit"), ["audit/000001.jsonl"]);
    assert_eq!(held(&name, "audit"), ["audit/head.json"]);
    assert!(!held(&name, "journal").is_empty());
    for folder in ["journal", "lease", "applied"] {
        assert!(held(&audit, folder).is_empty(), "{folder}");
    }
}

/// Every ninth point at which it can be killed, until the store stands.
#[test]
fn a_bootstrap_that_was_killed_goes_on() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let mut tried = 0;
    for point in (1..).step_by(9) {
        let (root, name) = team(azurite);
        make_container(azurite, &name);
        let mut command = root.command(&["--env", "shared", "apply", "--auto-approve"]);
        command
            .env("ONESTREAM_CONTROL_TOKEN_FILE", azurite.token())
            .env("ONESTREAM_FAILPOINT", point.to_string());
        let killed = Ran::from(command.output().expect("the program starts"));
        assert_ne!(killed.code, 0, "{point}: {}", killed.err);
        if killed.err.lines().any(|line| line.ends_with(" stands")) {
            break;
        }
        tried += 1;
        let apply = ["--env", "shared", "apply", "--auto-approve"];
        let applied = expect(0, &root, azurite, &apply);
        assert!(
            !root.file(".onestream/bootstrap").exists(),
            "{point}: {}",
            applied.err
        );
        let empty = ["--env", "shared", "plan", "--detailed-exitcode"];
        expect(0, &root, azurite, &empty);
        expect(0, &root, azurite, &["audit", "verify"]);
        assert_eq!(told(&root, azurite), 1, "{point}");
    }
    assert!(tried > 8, "{tried}");
    println!("killed at {tried} points");
}

/// Whoever changes TOML can have such a folder from an estate of their own.
#[test]
fn a_folder_that_somebody_put_there_gives_no_right() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    make_container(azurite, &name);
    let shared = ["--env", "shared", "apply", "--auto-approve"];
    expect(0, &root, azurite, &shared);
    let change = |root: &Root| root.replace(COMMON, "owner = \"platform\"", "owner = \"mallory\"");
    let other = team_in(azurite, &name);
    change(&other);
    let mut command = other.command(&shared);
    command
        .env("ONESTREAM_CONTROL_TOKEN_FILE", azurite.token())
        .env("ONESTREAM_FAILPOINT", "20");
    let killed = Ran::from(command.output().expect("the program starts"));
    let folder = ".onestream/bootstrap";
    assert!(other.file(folder).join("audit").exists(), "{}", killed.err);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([other.file(folder), root.file(folder)])
        .status();
    assert!(copied.expect("cp").success());
    change(&root);
    let refused = expect(3, &root, azurite, &shared);
    assert!(
        refused
            .err
            .contains("it needs 1 approval, and there is none"),
        "{}",
        refused.err
    );
    assert!(
        !refused.err.contains("making the control store"),
        "{}",
        refused.err
    );
    expect(0, &root, azurite, &["audit", "verify"]);
    assert_eq!(told(&root, azurite), 1);
}

#[test]
fn no_run_cuts_off_the_store_that_it_is_kept_in() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    make_container(azurite, &name);
    expect(
        0,
        &root,
        azurite,
        &["--env", "shared", "apply", "--auto-approve"],
    );
    let destroy = [
        "--env",
        "shared",
        "destroy",
        "--auto-approve",
        "--allow-destroy",
        "*",
    ];
    let refused = expect(3, &root, azurite, &destroy);
    for told in [
        "shared.store.endpoint: this run is kept in stonestream, which is reached through it",
        "--exclude 'shared.store*'",
    ] {
        assert!(refused.err.contains(told), "{told}\n{}", refused.err);
    }
    // Where the account is reached from anywhere, it is in nobody's way.
    root.replace(
        COMMON,
        "container_soft_delete_days = 90\npublic_network_access = false",
        "container_soft_delete_days = 90\npublic_network_access = true",
    );
    let refused = expect(3, &root, azurite, &destroy);
    assert!(
        !refused.err.contains("is reached through it"),
        "{}",
        refused.err
    );
}

#[test]
fn no_store_is_made_where_other_things_of_ours_stand() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    make_container(azurite, &name);
    let common = root.read(COMMON);
    let real = common.lines().filter(|line| {
        !["endpoint = ", "credential = \"token-file\"", "ca = "]
            .iter()
            .any(|start| line.starts_with(start))
    });
    let before: Vec<&str> = real.collect();
    let before = before.join("\n").replace(
        &format!("store = \"azblob://{ACCOUNT}/{name}\""),
        "store = \"file:.onestream/control\"",
    );
    root.write(COMMON, &before);
    let without = [
        "--exclude",
        "shared.store*",
        "--exclude",
        "shared.network.zone.store*",
    ];
    root.expect(
        0,
        &[
            &["--env", "shared", "apply", "--auto-approve"][..],
            &without,
        ]
        .concat(),
    );
    root.write(COMMON, &common);
    let refused = expect(
        3,
        &root,
        azurite,
        &["--env", "shared", "apply", "--auto-approve"],
    );
    for told in [
        "does not exist, and /subscriptions/",
        "restore it in the portal",
    ] {
        assert!(refused.err.contains(told), "{told}\n{}", refused.err);
    }
    assert!(!root.file(".onestream/bootstrap").exists());
}

#[test]
fn what_azure_does_not_tell_is_never_made() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, _) = team(azurite);
    let served = Served::on(&root, &["--open-info"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let faults = |rules: Json| runtime.block_on(served.control("PUT", "faults", Some(rules)));
    let path = format!("*/storageAccounts/{ACCOUNT}");
    faults(json!([{"method": "GET", "path": path, "status": 403}]));
    let refused = expect(1, &root, azurite, &APPLY);
    assert!(refused.err.contains("ContainerNotFound"), "{}", refused.err);
    assert!(!root.file(".onestream/bootstrap").exists());
    faults(json!([]));
    let seen = runtime.block_on(served.control("GET", "requests", None));
    assert_eq!(seen["by_method"]["PUT"], Json::Null, "{seen}");
}

#[test]
fn an_account_without_its_container_gets_no_empty_one() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let root = Root::unprotected();
    root.replace(COMMON, "\"stonestreamcontrol\"", &format!("\"{ACCOUNT}\""));
    root.expect(0, &["apply", "--auto-approve", "--target", "shared.store"]);
    let name = format!("lost-{}", uuid::Uuid::new_v4().simple());
    root.replace(
        COMMON,
        "[shared.store.containers.control]",
        &format!("[shared.store.containers.control]\n[shared.store.containers.{name}]"),
    );
    point(&root, azurite, &name);
    let lost = expect(1, &root, azurite, &APPLY);
    for told in ["ContainerNotFound", "bring the container back"] {
        assert!(lost.err.contains(told), "{told}\n{}", lost.err);
    }
    assert!(!root.file(".onestream/bootstrap").exists());
}

#[test]
fn only_an_apply_of_all_that_is_declared_makes_a_store() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    expect(0, &root, azurite, &["plan", "--out", "plan.json"]);
    for (arguments, hint) in [
        (
            &["--env", "dev", "apply", "--auto-approve"][..],
            "--env shared, first",
        ),
        (&["apply", "plan.json"], "--target shared.store"),
        (&["destroy", "--auto-approve"], "which makes it"),
    ] {
        let refused = expect(3, &root, azurite, arguments);
        assert!(
            refused.err.contains("does not exist yet"),
            "{}",
            refused.err
        );
        assert!(refused.err.contains(hint), "{hint}\n{}", refused.err);
    }
    make_container(azurite, &name);
    // A program reads one document.
    let made = json(
        &root,
        azurite,
        &["apply", "--auto-approve", "--target", "shared.store"],
    );
    assert_eq!(made["kind"], "outcome", "{made}");
    expect(
        0,
        &root,
        azurite,
        &["--env", "shared", "apply", "--auto-approve"],
    );
}

#[test]
fn a_store_that_is_not_known_everywhere_yet_is_waited_for() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    let apply = ["--env", "shared", "apply", "--auto-approve"];
    let mut run = root.command(&apply);
    run.env("ONESTREAM_CONTROL_TOKEN_FILE", azurite.token());
    let mut run = run
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut said = BufReader::new(run.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("waiting up to 10 minutes for the container to be known") {
        line.clear();
        assert_ne!(
            said.read_line(&mut line).expect("text"),
            0,
            "it ended first"
        );
    }
    make_container(azurite, &name);
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert!(run.wait().expect("it ends").success(), "{rest}");
    expect(
        0,
        &root,
        azurite,
        &["--env", "shared", "plan", "--detailed-exitcode"],
    );
}

#[cfg(unix)]
#[test]
fn two_that_begin_at_once_do_no_harm() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let (root, name) = team(azurite);
    make_container(azurite, &name);
    let _served = Served::on(&root, &["--latency", "20ms"]);
    // Another machine: the same files and the same Azure, with nothing of the first one's own.
    let other = Root::empty();
    for (file, _) in onestream::config::SAMPLES {
        other.write(file, &root.read(file));
    }
    std::fs::copy(azurite.ca(), other.file("ca.pem")).expect("a writable file");
    std::fs::create_dir(other.file(".onestream")).expect("a folder");
    let link = |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to).expect("a link");
    link(
        &root.file(".onestream/emulator"),
        &other.file(".onestream/emulator"),
    );
    let apply = [
        "--env",
        "shared",
        "apply",
        "--auto-approve",
        "--lock-wait",
        "2m",
    ];
    let agents = [
        start(&root, azurite, &apply),
        start(&other, azurite, &apply),
    ];
    for ran in agents.map(ended) {
        assert!(matches!(ran.code, 0 | 3), "{}\n{}", ran.out, ran.err);
    }
    for root in [&root, &other] {
        expect(
            0,
            root,
            azurite,
            &["--env", "shared", "apply", "--auto-approve"],
        );
        assert!(!root.file(".onestream/bootstrap").exists());
    }
    expect(
        0,
        &root,
        azurite,
        &["--env", "shared", "plan", "--detailed-exitcode"],
    );
    expect(0, &root, azurite, &["audit", "verify"]);
}

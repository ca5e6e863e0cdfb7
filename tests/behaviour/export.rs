//! The audit log in Azure Monitor: every entry arrives, whatever is lost, under one id.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use onestream::control::audit::{Export, ExportError, Ledger};
use onestream::control::memory::Memory;
use onestream::provision::audit::{Actor, Record, What};
use onestream::provision::objects::Objects;
use onestream::provision::ports::{Begun, Verdict, Writer as _};
use onestream::remote::azure::{Azure, Cloud, Credential, Settings};
use onestream::resource::{Method, Request};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, Endpoint};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::azurite::Azurite;
use super::estate::Estate;
use super::program::{Ran, Root};
use super::served::Served;
use super::team::{expect, team_on};

const LOG: &str = ".onestream/control/audit/000001.jsonl";
const STREAM: &str = "Custom-OnestreamAudit_CL";
/// Monitoring Metrics Publisher.
const PUBLISHER: &str = "3913510d-42f4-4e42-8a64-420c390055eb";

/// A rule whose stream has the columns that the program documents.
fn rule_body() -> Json {
    let columns: Json =
        serde_json::from_str(include_str!("../../src/control/audit/columns.json")).expect("JSON");
    json!({
        "location": "eastus2",
        "kind": "Direct",
        "properties": {
            "streamDeclarations": {STREAM: columns},
            "destinations": {"logAnalytics": [{"workspaceResourceId": "/w", "name": "w"}]},
            "dataFlows": [{"streams": [STREAM], "destinations": ["w"], "outputStream": STREAM}],
        },
    })
}

/// Makes an object as `azure` may; what Azure answers.
async fn put(azure: &Azure, path: &str, version: &str, body: Json) -> Json {
    let request = Request::arm(Method::Put, path, version).body(body);
    match azure.begin(&request).await.expect(path) {
        Begun::Done(body) => body.unwrap_or_default(),
        Begun::Accepted(pending) => azure
            .finish(&pending)
            .await
            .expect(path)
            .unwrap_or_default(),
    }
}

/// A data collection rule: its id, and what configuration has to say.
struct Rule {
    id: String,
    immutable: String,
    endpoint: String,
}

async fn rule(azure: &Azure) -> Rule {
    let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/rg-monitor");
    put(azure, &group, "2021-04-01", json!({"location": "eastus2"})).await;
    let id = format!("{group}/providers/Microsoft.Insights/dataCollectionRules/audit");
    let made = put(azure, &id, "2023-03-11", rule_body()).await;
    let text = |pointer: &str| {
        let value = made.pointer(pointer).and_then(Json::as_str);
        value.expect("a text").to_owned()
    };
    Rule {
        immutable: text("/properties/immutableId"),
        endpoint: text("/properties/endpoints/logsIngestion"),
        id,
    }
}

/// Lets a principal send to a rule.
async fn allow(azure: &Azure, rule: &Rule, principal: &str) {
    let name = uuid::Uuid::new_v4();
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/{name}",
        rule.id
    );
    let role = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/\
         {PUBLISHER}"
    );
    let body = json!({"properties": {
        "roleDefinitionId": role,
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }});
    put(azure, &path, "2022-04-01", body).await;
}

/// A root whose audit log goes to a rule of a served Azure.
struct Monitored {
    root: Root,
    served: Served,
    owner: Azure,
    rule: Rule,
}

impl Monitored {
    /// Whoever runs the program may not send yet.
    async fn new() -> Self {
        Self::on(Root::unprotected()).await
    }

    /// As [`Self::new`], on this root.
    async fn on(root: Root) -> Self {
        let served = Served::on(&root, &["--open-info"]);
        let info = served.control("GET", "info", None).await;
        let text = |name: &str| info[name].as_str().expect("a text").to_owned();
        let credential = Credential::ClientSecret {
            client_id: text("client_id"),
            secret: text("client_secret").into(),
        };
        let cloud = Cloud::emulator(&served.origin).expect("a loopback origin");
        let settings = Settings::new(cloud, text("tenant"), credential);
        let owner = Azure::connect(settings).expect("a client");
        let rule = rule(&owner).await;
        let export = format!(
            "[control.export]\nendpoint = \"{}\"\nrule = \"{}\"\n\n[tags]\n",
            rule.endpoint, rule.immutable
        );
        root.replace("environments/common.toml", "[tags]\n", &export);
        Self {
            root,
            served,
            owner,
            rule,
        }
    }

    /// Whoever runs the program may send.
    async fn allowed() -> Self {
        let monitored = Self::new().await;
        monitored.allow().await;
        monitored
    }

    async fn allow(&self) {
        let announced = self.root.read(".onestream/emulator/server.json");
        let endpoint: Json = serde_json::from_str(&announced).expect("JSON");
        let endpoint = endpoint.get("endpoint").cloned().unwrap_or(endpoint);
        let endpoint: Endpoint = serde_json::from_value(endpoint).expect("an endpoint");
        allow(&self.owner, &self.rule, &endpoint.deployer.object_id).await;
    }

    /// The rows of each call that was taken.
    async fn calls(&self) -> Vec<Vec<Json>> {
        let taken = self.served.control("GET", "logs", None).await;
        let calls = taken["value"].as_array().expect("a list").iter();
        calls
            .map(|call| {
                assert_eq!(
                    (&call["stream"], &call["rule"]),
                    (&json!(STREAM), &json!(self.rule.immutable))
                );
                call["rows"].as_array().expect("rows").clone()
            })
            .collect()
    }

    /// How often each entry was taken, by its number, with the one id that it has.
    async fn taken(&self) -> BTreeMap<u64, (String, usize)> {
        let mut taken: BTreeMap<u64, (String, usize)> = BTreeMap::new();
        for row in self.calls().await.iter().flatten() {
            let number = row["EntryNumber"].as_u64().expect("a number");
            let id = row["EntryId"].as_str().expect("an id").to_owned();
            let entry = taken.entry(number).or_insert((id.clone(), 0));
            assert_eq!(entry.0, id, "entry {number} has two ids");
            entry.1 += 1;
        }
        taken
    }

    /// Each entry of the log was taken, so often.
    async fn all_taken(&self, times: usize) {
        let log = self.root.expect(0, &["--format", "json", "audit", "log"]);
        let log: Json = serde_json::from_str(&log.out).expect("JSON");
        let entries = log["entries"].as_array().expect("entries").iter();
        let expected: BTreeMap<u64, (String, usize)> = entries
            .map(|entry| {
                let hash = entry["hash"].as_str().expect("a hash").to_owned();
                (entry["number"].as_u64().expect("a number"), (hash, times))
            })
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(self.taken().await, expected);
    }

    fn exporting(&self) -> Command {
        let mut command = self.root.command(&["audit", "export"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A change that a run carries out.
fn change(root: &Root) {
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const EXPORT: [&str; 2] = ["audit", "export"];

#[tokio::test]
async fn every_run_sends_what_it_wrote_and_each_entry_once() {
    let monitored = Monitored::allowed().await;
    let root = &monitored.root;
    let applied = root.expect(0, &APPLY);
    assert!(!applied.err.contains("exported"), "{}", applied.err);
    monitored.all_taken(1).await;
    let nothing = root.expect(0, &EXPORT);
    assert!(
        nothing.out.contains("nothing to send to"),
        "{}",
        nothing.out
    );
    root.expect(0, &["lock", "break", "dev", "--reason", "a test"]);
    change(root);
    root.expect(0, &APPLY);
    monitored.all_taken(1).await;
    // Among them the one that names what nobody had signed of the broken lock.
    assert_eq!(monitored.taken().await.len(), 7);
    let told = root.expect(0, &["--format", "json", "audit", "export"]);
    let told: Json = serde_json::from_str(&told.out).expect("one document");
    assert_eq!(
        (
            &told["kind"],
            &told["entries"],
            &told["up_to"],
            &told["rule"]
        ),
        (
            &json!("audit_export"),
            &json!(0),
            &json!(7),
            &json!(monitored.rule.immutable)
        )
    );
    let calls = monitored.calls().await;
    let first = &calls[0][0];
    assert_eq!(first["Event"], "begun");
    assert_eq!(first["Command"], "apply");
    assert!(first["AddressCount"].as_u64() > Some(100), "{first}");
    assert_eq!(first["PreviousId"], "0".repeat(64));
    assert_eq!(calls[0][1]["PreviousId"], first["EntryId"]);
    assert_eq!(calls[0][1]["Event"], "ended");
}

#[tokio::test]
async fn who_may_not_send_is_told_the_role_and_the_run_is_none_the_worse() {
    let monitored = Monitored::new().await;
    let root = &monitored.root;
    let applied = root.expect(0, &APPLY);
    for told in [
        "warning: the audit log was not exported to its end; the next run goes on:",
        "OperationFailed (403)",
        "`Monitoring Metrics Publisher`",
    ] {
        assert!(applied.err.contains(told), "{told}: {}", applied.err);
    }
    let refused = root.expect(1, &EXPORT);
    assert!(
        refused.err.contains("OperationFailed (403)"),
        "{}",
        refused.err
    );
    assert!(monitored.calls().await.is_empty());
    monitored.allow().await;
    root.expect(0, &EXPORT);
    monitored.all_taken(1).await;
}

#[tokio::test]
async fn what_is_set_wrong_is_told_with_what_helps() {
    let monitored = Monitored::allowed().await;
    let root = &monitored.root;
    root.write(LOG, &log(0, 1, "ci@agent", 1));
    let common = "environments/common.toml";
    let right = root.read(common);
    let other = format!("dcr-{}", "0".repeat(32));
    root.replace(common, &monitored.rule.immutable, &other);
    let unknown = root.expect(1, &EXPORT);
    for told in [
        &format!("NotFound (404): Data collection rule with immutable Id '{other}' not found."),
        "check [control.export] rule and endpoint",
    ] {
        assert!(unknown.err.contains(told), "{told}: {}", unknown.err);
    }
    let stream = "[control.export]\nstream = \"Custom-Other_CL\"\n";
    root.write(common, &right.replace("[control.export]\n", stream));
    let undeclared = root.expect(1, &EXPORT);
    for told in ["InvalidStream (400)", "has to declare the stream"] {
        assert!(undeclared.err.contains(told), "{told}: {}", undeclared.err);
    }
    root.write(common, &right);
    root.expect(0, &EXPORT);
    monitored.all_taken(1).await;
}

#[test]
fn a_log_in_a_container_is_sent_as_well() {
    let Some(azurite) = Azurite::shared() else {
        return;
    };
    let root = team_on(azurite);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let monitored = runtime.block_on(Monitored::on(root));
    runtime.block_on(monitored.allow());
    let root = &monitored.root;
    let shared = ["--env", "shared", "apply", "--auto-approve"];
    expect(0, root, azurite, &shared);
    let nothing = expect(0, root, azurite, &EXPORT);
    assert!(
        nothing.out.contains("nothing to send to"),
        "{}",
        nothing.out
    );
    let taken = runtime.block_on(monitored.taken());
    let times: Vec<_> = taken
        .iter()
        .map(|(number, (_, times))| (*number, *times))
        .collect();
    assert_eq!(times, [(1, 1), (2, 1)]);
}

#[tokio::test]
async fn who_is_killed_before_the_cursor_is_written_sends_again_under_the_same_ids() {
    let monitored = Monitored::new().await;
    let root = &monitored.root;
    root.expect(0, &APPLY);
    monitored.allow().await;
    let killed = monitored
        .exporting()
        .env("ONESTREAM_FAILPOINT", "1")
        .output();
    let killed: Ran = killed.expect("it starts").into();
    assert_eq!(killed.code, -1, "{}", killed.err);
    assert!(
        killed
            .err
            .contains("failpoint 1: before the write of export/"),
        "{}",
        killed.err
    );
    monitored.all_taken(1).await;
    root.expect(0, &EXPORT);
    monitored.all_taken(2).await;
    root.expect(0, &EXPORT);
    monitored.all_taken(2).await;
}

#[tokio::test]
async fn what_may_be_lost_is_sent_again() {
    let monitored = Monitored::new().await;
    let root = &monitored.root;
    root.expect(0, &APPLY);
    monitored.allow().await;
    let faults = json!([
        {"path": "/streams/", "status": 503, "count": 1},
        {"path": "/streams/", "drop": "before", "count": 1},
        {"path": "/streams/", "drop": "after", "count": 1},
    ]);
    monitored
        .served
        .control("PUT", "faults", Some(faults))
        .await;
    root.expect(0, &EXPORT);
    monitored.all_taken(2).await;
}

#[tokio::test]
async fn two_exporters_at_once_lose_nothing() {
    let monitored = Monitored::new().await;
    let root = &monitored.root;
    root.expect(0, &APPLY);
    change(root);
    root.expect(0, &APPLY);
    monitored.allow().await;
    let slow = json!([{"path": "/streams/", "latency": 300}]);
    monitored.served.control("PUT", "faults", Some(slow)).await;
    let both = [(); 2].map(|()| monitored.exporting().spawn().expect("it starts"));
    for one in both {
        let ran: Ran = one.wait_with_output().expect("it ends").into();
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    }
    let taken = monitored.taken().await;
    assert_eq!(taken.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    let before = monitored.calls().await.len();
    root.expect(0, &EXPORT);
    assert_eq!(monitored.calls().await.len(), before);
}

#[tokio::test]
async fn a_log_that_was_replaced_is_not_carried_on_unasked() {
    let monitored = Monitored::allowed().await;
    let root = &monitored.root;
    root.expect(0, &APPLY);
    let written = root.read(LOG);
    root.write(LOG, &log(0, 2, "eve@elsewhere", 1));
    let refused = root.expect(3, &EXPORT);
    for told in [
        "entry 2 was sent last",
        "onestream audit verify",
        "--from-start",
    ] {
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
    }
    let before = monitored.calls().await.len();
    // A run goes on, and says so.
    change(root);
    let applied = root.expect(4, &APPLY);
    assert!(
        applied.err.contains("entry 2 was sent last"),
        "{}",
        applied.err
    );
    assert_eq!(monitored.calls().await.len(), before);
    let again = root.expect(0, &["audit", "export", "--from-start"]);
    assert!(again.out.contains("4 entries sent to"), "{}", again.out);
    // What was sent before stays there: the ids tell that the log is another one.
    root.write(LOG, &written);
    root.expect(3, &EXPORT);
    root.write(LOG, &written.replacen("\"apply\"", "\"plan\"", 1));
    let flawed = root.expect(4, &["audit", "export", "--from-start"]);
    assert!(
        flawed.err.contains("not as it was written"),
        "{}",
        flawed.err
    );
}

#[tokio::test]
async fn an_entry_that_was_damaged_for_a_while_arrives_all_the_same() {
    let monitored = Monitored::new().await;
    let root = &monitored.root;
    root.expect(0, &APPLY);
    monitored.allow().await;
    // The first of that in the log, which is in its first entry.
    let replace = |from: &str, to: &str| root.write(LOG, &root.read(LOG).replacen(from, to, 1));
    let (right, wrong) = (r#""command":"apply""#, r#""command":"plan""#);
    replace(right, wrong);
    let told = "the audit log is not as it was written, and is exported only up to there";
    let held = root.expect(4, &EXPORT);
    assert!(held.out.contains("nothing can be sent to"), "{}", held.out);
    for told in [told, "000001.jsonl:1: it was changed"] {
        assert!(held.err.contains(told), "{told}: {}", held.err);
    }
    // A run that ends meanwhile says so, and does not step over it either.
    change(root);
    let applied = root.expect(4, &APPLY);
    assert!(applied.err.contains(told), "{}", applied.err);
    assert!(monitored.calls().await.is_empty());
    replace(wrong, right);
    root.expect(0, &["audit", "verify"]);
    root.expect(0, &EXPORT);
    assert_eq!(monitored.taken().await.len(), 4);
    monitored.all_taken(1).await;
}

/// A log of entries, each with so many addresses, sealed as the program does.
fn log(from: usize, length: usize, machine: &str, addresses: usize) -> String {
    let (mut log, mut before) = (String::new(), "0".repeat(64));
    let addresses: Vec<String> = (0..addresses)
        .map(|n| format!("prod.grant.{n:05}"))
        .collect();
    for number in from + 1..=from + length {
        let mut line = json!({
            "version": 1,
            "number": number,
            "before": before,
            "record": {
                "at": "2026-07-31T10:15:30.000Z",
                "run": format!("run-{number}"),
                "actor": {"identity": null, "machine": machine},
                "command": "apply",
                "event": {"is": "begun"},
                "environments": ["prod"],
                "addresses": addresses,
            },
        })
        .to_string();
        line.pop();
        let digest = Sha256::digest(line.as_bytes());
        before = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        log.push_str(&format!("{line},\"hash\":\"{before}\"}}\n"));
    }
    log
}

#[tokio::test]
async fn hundreds_of_entries_go_in_several_calls() {
    let monitored = Monitored::allowed().await;
    let root = &monitored.root;
    root.write(LOG, &log(0, 300, "ci@agent", 400));
    let sent = root.expect(0, &EXPORT);
    assert!(sent.out.contains("300 entries sent to"), "{}", sent.out);
    monitored.all_taken(1).await;
    let calls = monitored.calls().await;
    assert!(calls.len() > 1, "{}", calls.len());
    for rows in calls {
        let size = Json::Array(rows).to_string().len();
        assert!(size <= 1_000_000, "{size}");
    }
}

#[test]
fn nothing_is_sent_where_nothing_says_where_or_the_cloud_is_another() {
    let root = Root::sample();
    let refused = root.expect(64, &EXPORT);
    assert!(
        refused.err.contains("set [control.export]"),
        "{}",
        refused.err
    );
    let store = "store = \"file:.onestream/control\"";
    let export = format!(
        "{store}\n[control.export]\nendpoint = \"https://a.ingest.monitor.azure.com\"\n\
         rule = \"dcr-{}\"",
        "0".repeat(32)
    );
    root.replace("environments/common.toml", store, &export);
    let refused = root.expect(64, &EXPORT);
    assert!(
        refused
            .err
            .contains("no ingestion endpoint of the emulator cloud: no token is sent"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn a_throttled_export_waits_as_long_as_azure_asks() {
    let estate = Estate::sample().await.with_patience();
    let azure = &estate.azure;
    let rule = rule(azure).await;
    allow(azure, &rule, estate.deployer()).await;
    let objects: Arc<dyn Objects> = Arc::new(Memory::new());
    let ledger = Ledger::of(&objects);
    let record = Record {
        at: ledger.now(),
        run: "run".to_owned(),
        actor: Actor {
            identity: None,
            machine: "ci@agent".to_owned(),
        },
        command: "apply".to_owned(),
        event: What::Begun,
        environments: Vec::new(),
        addresses: Vec::new(),
        plan: None,
        permits: BTreeMap::new(),
        note: None,
    };
    ledger.append(&record).await.expect("appends");
    let endpoint = rule.endpoint.parse().expect("a URL");
    let collector = azure.ingestion(&endpoint, &rule.immutable, STREAM);
    let collector = collector.expect("of this cloud");
    let export = Export::new(&objects, &rule.immutable, STREAM).expect("names");
    let busy = json!([{"path": "/streams/", "status": 429, "retry_after": 30, "count": 4}]);
    estate.faults(busy).await;
    let before = estate.waited();
    let exported = export.run(&collector, false).await.expect("sent");
    assert_eq!((exported.entries, exported.calls), (1, 1));
    let waited = estate.waited().saturating_sub(before);
    // Less what the calls themselves took.
    assert!(waited > Duration::from_secs(4 * 30 - 5), "{waited:?}");
    // Who is never let in is told so, and nothing is taken for sent.
    ledger.append(&record).await.expect("appends");
    let closed = json!([{"path": "/streams/", "status": 429, "retry_after": 300}]);
    estate.faults(closed).await;
    let refused = export.run(&collector, false).await.expect_err("throttled");
    let ExportError::Collector(failure) = refused else {
        panic!("{refused}");
    };
    assert_eq!(failure.verdict, Verdict::Busy);
    estate.faults(json!([])).await;
    let exported = export.run(&collector, false).await.expect("sent");
    assert_eq!(exported.entries, 1);
    let taken = estate.control("GET", "logs", None).await;
    let calls = taken["value"].as_array().expect("a list");
    assert_eq!(calls.len(), 2, "{taken}");
}

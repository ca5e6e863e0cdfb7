//! Protected environments change when enough people approved exactly that, and never before.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use onestream::control::audit::Ledger;
use onestream::control::{Approvals, Folder, Keys};
use onestream::provision::approval::{Approval, Statement};
use onestream::provision::objects::Objects;
use onestream::provision::signed::Bytes;
use onestream::remote::azure::{
    Azure, Cloud, Credential, LocalIssuer, Settings, SignatureAlgorithm,
};
use onestream_emulator::Endpoint;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use time::format_description::well_known::Rfc3339;
use time::{Duration, UtcDateTime};

use crate::program::Root;
use crate::saved_plans::forge;
use crate::served::Served;

const ADA: &str = "66666666-6666-4666-8666-000000000001";
const NEVER: &str = "2999-01-01T00:00:00Z";

/// A moment so many hours from now, RFC 3339.
fn hence(hours: i64) -> String {
    let then = UtcDateTime::now() + Duration::hours(hours);
    then.format(&Rfc3339).expect("a moment")
}

/// The applied sample with a change of prod, saved as `change.json`.
pub fn changed() -> Root {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    let saved = root.expect(0, &["plan", "--out", "change.json"]);
    let next = "onestream approve change.json; then apply it with: onestream apply change.json";
    assert!(saved.err.contains(next), "{}", saved.err);
    root
}

/// Applying has to be refused for this reason, and to change nothing.
#[track_caller]
pub fn refused(root: &Root, why: &str) {
    let refused = root.expect(3, &["apply", "change.json"]);
    assert!(refused.err.contains(why), "{why}: {}", refused.err);
    let next = "instead: have this plan approved";
    assert!(refused.err.contains(next), "{}", refused.err);
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

fn digest(root: &Root) -> String {
    let file: Json = serde_json::from_str(&root.read("change.json")).expect("a plan");
    file["digest"].as_str().expect("a digest").to_owned()
}

fn objects(root: &Root) -> Arc<dyn Objects> {
    Arc::new(Folder::open(root.file(".onestream/control")).expect("opens"))
}

/// Signs and stores a statement as Ada with her own key, whatever it says.
async fn signs(root: &Root, change: impl FnOnce(&mut Statement)) {
    let endpoint: Endpoint =
        serde_json::from_str(&root.read(".onestream/emulator/server.json")).expect("an endpoint");
    let cloud = Cloud::emulator(&endpoint.origin).expect("a loopback origin");
    let deployer = Credential::ClientSecret {
        client_id: endpoint.deployer.client_id.clone(),
        secret: endpoint.deployer.client_secret.clone().into(),
    };
    let origin = cloud.endpoints().resource_manager.clone();
    let mut settings = Settings::new(cloud, endpoint.tenant.clone(), deployer);
    let client = Azure::connect(settings.clone()).expect("a client");
    let issuer = LocalIssuer::new(client.http().clone(), &origin, endpoint.control_secret);
    settings.credential = issuer.person(ADA);
    let ada = Azure::connect(settings).expect("a client");
    let objects = objects(root);
    let key = Keys::of(&objects)
        .get("kv-onestream-shared", "approver-ada")
        .await;
    let key = key.expect("reads").expect("recorded");
    let mut statement = Statement {
        plan: digest(root),
        environments: vec!["prod".parse().expect("a name")],
        approver: "ada".to_owned(),
        object_id: ADA.to_owned(),
        at: hence(-1),
        expires: hence(8),
        key: key.key.clone(),
    };
    change(&mut statement);
    let sum = Sha256::digest(statement.text().as_bytes());
    let (name, version) = (&key.key.name, &key.key.version);
    let vault = ada.vault(&key.key.vault);
    let signed = vault
        .sign(name, version, SignatureAlgorithm::Es256, &sum)
        .await;
    let signature = Bytes(signed.expect("it is her key").signature);
    let approval = Approval {
        statement,
        signature,
    };
    Approvals::of(&objects).save(&approval).await.expect("kept");
}

#[test]
fn a_protected_change_waits_for_an_approval_and_is_on_record() {
    let root = changed();
    let fresh = root.expect(3, &["apply", "--auto-approve", "--allow-destroy", "*"]);
    assert!(
        fresh.err.contains("onestream approve FILE"),
        "{}",
        fresh.err
    );
    let shown = root.expect(0, &["plan"]);
    assert!(shown.out.contains("prod is protected"), "{}", shown.out);
    refused(&root, "it needs 1 approval, and there is none");
    root.approve("ada", "change.json");
    root.expect(0, &["apply", "change.json"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
    let log = root.expect(0, &["audit", "log", "--format", "json", "--env", "prod"]);
    let log: Json = serde_json::from_str(&log.out).expect("one document");
    let entries = log["entries"].as_array().expect("a list");
    let said: Vec<String> = entries
        .iter()
        .map(|entry| {
            let record = &entry["record"];
            let permit = record["permits"]["prod"]["by"].as_str().unwrap_or("-");
            format!("{} {} {permit}", record["command"], record["event"]["is"])
        })
        .collect();
    assert_eq!(
        said,
        [
            "\"apply\" \"begun\" bootstrap",
            "\"apply\" \"ended\" -",
            "\"apply\" \"refused\" -",
            "\"apply of a saved plan\" \"refused\" -",
            "\"approve\" \"approved\" -",
            "\"apply of a saved plan\" \"begun\" approvals",
            "\"apply of a saved plan\" \"ended\" -",
        ]
    );
    let tried = entries[3]["record"]["event"]["why"][0].as_str();
    assert!(
        tried.is_some_and(|why| why.contains("it needs 1 approval, and there is none")),
        "{tried:?}"
    );
    assert_eq!(entries[4]["record"]["actor"]["identity"]["object_id"], ADA);
    let verified = root.expect(0, &["audit", "verify"]);
    assert!(
        verified
            .out
            .contains("signed by kv-onestream-shared/audit/"),
        "{}",
        verified.out
    );
    let ada = root.expect(0, &["audit", "log", "--actor", ADA, "--since", "1h"]);
    let told = ada.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("approved by ada"), "{told}");
    assert!(!ada.out.contains("begun"), "{}", ada.out);
    let none = root.expect(0, &["audit", "log", "--command", "destroy"]);
    assert!(none.out.contains("No entries"), "{}", none.out);
}

#[test]
fn who_approves_is_named_in_toml_and_did_not_make_the_plan() {
    let root = changed();
    let approve = ["approve", "change.json", "--yes"];
    let stranger = root.expect_as("katherine", 3, &approve);
    assert!(
        stranger.err.contains("does not approve plans"),
        "{}",
        stranger.err
    );
    let pipeline = root.expect(3, &approve);
    assert!(
        pipeline.err.contains("these do: ada, grace"),
        "{}",
        pipeline.err
    );
    forge(&root, "change.json", |plan| {
        plan["author"] = serde_json::json!({"object_id": ADA});
    });
    let own = root.expect_as("ada", 3, &approve);
    assert!(own.err.contains("ada made the plan"), "{}", own.err);
    // Why nobody can approve it goes before who is to be asked.
    root.expect_as("ada", 3, &["approve", "change.json"]);
    let missing = root.expect_as("ada", 1, &["approve", "nope.json"]);
    assert!(missing.err.contains("nope.json"), "{}", missing.err);
    let unasked = root.expect_as("grace", 64, &["approve", "change.json"]);
    assert!(unasked.err.contains("say --yes"), "{}", unasked.err);
    let long = ["approve", "change.json", "--yes", "--expires", "876000h"];
    let long = root.expect_as("ada", 64, &long);
    assert!(long.err.contains("7 days at most"), "{}", long.err);
    refused(&root, "there is none");
}

#[test]
fn as_many_have_to_approve_as_toml_asks_for() {
    let root = changed();
    root.replace("environments/prod.toml", "approvals = 1", "approvals = 2");
    root.approve("ada", "change.json");
    root.approve("ada", "change.json");
    refused(&root, "it needs 2 approvals, and only ada gave one");
    root.approve("grace", "change.json");
    root.expect(0, &["apply", "change.json"]);
    // That prod now asks for two is a change of its own.
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

#[tokio::test]
async fn what_is_expired_self_made_forged_or_for_something_else_does_not_count() {
    let root = changed();
    let _served = Served::on(&root, &[]);
    signs(&root, |it| it.expires = "2026-07-31T18:00:00Z".to_owned()).await;
    refused(&root, "ada's approval expired at 2026-07-31T18:00:00Z");
    signs(&root, |it| it.expires = NEVER.to_owned()).await;
    refused(&root, "is to hold for longer than 7 days");
    signs(&root, |it| {
        it.environments = vec!["dev".parse().expect("a name")]
    })
    .await;
    refused(&root, "it does not speak of prod");
    // In her own name only.
    signs(&root, |it| it.approver = "grace".to_owned()).await;
    refused(&root, "it names kv-onestream-shared/approver-ada/");
    std::fs::remove_dir_all(root.file(".onestream/control/approvals")).expect("removed");
    // A valid one that was changed afterwards.
    signs(&root, |it| it.expires = "2026-07-31T18:00:00Z".to_owned()).await;
    let approvals = Approvals::of(&objects(&root));
    let mut found = approvals.for_plan(&digest(&root)).await.expect("lists");
    let mut forged = found.remove(0).approval.expect("readable");
    forged.statement.expires = NEVER.to_owned();
    approvals.save(&forged).await.expect("kept");
    refused(&root, "it is forged");
    // By the author: the file says so itself, whoever wrote it.
    forge(&root, "change.json", |plan| {
        plan["author"] = serde_json::json!({"object_id": ADA});
    });
    signs(&root, |_| {}).await;
    refused(&root, "ada made the plan");
    // Of another plan.
    root.expect(0, &["plan", "--out", "change.json"]);
    signs(&root, |_| {}).await;
    forge(&root, "change.json", |plan| {
        plan["unchanged"] = serde_json::json!(0)
    });
    refused(&root, "there is none");
    root.expect(0, &["plan", "--out", "change.json"]);
    root.expect(0, &["apply", "change.json"]);
}

#[tokio::test]
async fn a_key_that_was_put_in_the_place_of_another_signs_for_nobody() {
    let root = changed();
    root.approve("ada", "change.json");
    // Whoever writes to the store can put another key there, and sign with it.
    let keys = root.file(".onestream/control/keys/kv-onestream-shared");
    std::fs::remove_file(keys.join("approver-ada.json")).expect("removed");
    refused(&root, "no key of ada is recorded");
    let objects = objects(&root);
    std::fs::copy(
        keys.join("approver-grace.json"),
        keys.join("approver-ada.json"),
    )
    .expect("copied");
    refused(&root, "it is the record of another key");
    std::fs::remove_file(keys.join("approver-ada.json")).expect("removed");
    let grace = Keys::of(&objects)
        .get("kv-onestream-shared", "approver-grace")
        .await;
    let mut planted = grace.expect("reads").expect("recorded");
    planted.key.name = "approver-ada".to_owned();
    Keys::of(&objects).record(&planted).await.expect("kept");
    refused(&root, "is recorded");
    let refused = root.expect_as("ada", 3, &["approve", "change.json", "--yes"]);
    assert!(
        refused.err.contains("is not the key in the vault"),
        "{}",
        refused.err
    );
}

#[test]
fn shared_is_protected_with_the_first_environment() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace(
        "rbac/principals.toml",
        "description = \"say what may go to staging\"",
        "description = \"say what goes to staging\"",
    );
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    assert!(
        refused.err.contains("shared is protected"),
        "{}",
        refused.err
    );
    root.expect(0, &["plan", "--out", "change.json"]);
    root.approve("grace", "change.json");
    root.expect(0, &["apply", "change.json"]);
    // What is not protected goes on as before.
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    root.expect(0, &["apply", "--auto-approve"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_bootstrap_goes_on_as_declared_and_not_otherwise() {
    let root = Root::sample();
    let kill = |root: &Root| {
        let mut command = root.command(&["apply", "--auto-approve", "--parallelism", "1"]);
        let ran = command.env("ONESTREAM_FAILPOINT", "900").output();
        assert!(ran.expect("the program starts").status.code().is_none());
    };
    kill(&root);
    let declared = root.read("environments/prod.toml");
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    assert!(refused.err.contains("prod is protected"), "{}", refused.err);
    root.write("environments/prod.toml", &declared);
    root.expect(0, &["apply", "--auto-approve"]);
    root.expect(0, &["plan", "--detailed-exitcode"]);
    let log = root.expect(0, &["audit", "log"]);
    let told = log.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("an interrupted bootstrap goes on"), "{told}");
    root.expect(0, &["audit", "verify"]);
    // Now it is complete: what comes next is a change.
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    root.expect(3, &["apply", "--auto-approve"]);
}

#[test]
fn toml_alone_lowers_nothing() {
    let root = Root::sample();
    root.replace("environments/prod.toml", "approvals = 1", "approvals = 2");
    root.expect(0, &["apply", "--auto-approve"]);
    root.replace("environments/prod.toml", "approvals = 2", "approvals = 1");
    root.expect(0, &["plan", "--env", "prod", "--out", "change.json"]);
    root.approve("ada", "change.json");
    refused(&root, "it needs 2 approvals, and only ada gave one");
    // Nor does a vault of somebody's own, with keys of the same names, take the place of ours.
    root.replace(
        "environments/common.toml",
        "name = \"kv-onestream-shared\"",
        "name = \"kv-mallory\"",
    );
    root.expect(0, &["plan", "--env", "prod", "--out", "other.json"]);
    let refused = root.expect(3, &["apply", "other.json"]);
    for why in [
        "approved in kv-onestream-shared",
        "and TOML names kv-mallory",
    ] {
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    root.replace(
        "environments/common.toml",
        "name = \"kv-mallory\"",
        "name = \"kv-onestream-shared\"",
    );
    root.approve("grace", "change.json");
    root.expect(0, &["apply", "change.json"]);
    root.expect(0, &["plan", "--env", "prod", "--detailed-exitcode"]);
}

#[cfg(unix)]
#[test]
fn an_approval_is_for_one_time() {
    let root = Root::sample();
    let declared = root.read("environments/prod.toml");
    root.expect(0, &["apply", "--auto-approve"]);
    let more = declared.replace(
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    root.write("environments/prod.toml", &more);
    root.expect(0, &["plan", "--out", "change.json"]);
    let first = digest(&root);
    root.approve("ada", "change.json");
    let mut killed = root.command(&["apply", "change.json"]);
    let killed = killed.env("ONESTREAM_FAILPOINT", "12").output();
    let killed = killed.expect("the program starts").status.code();
    assert_eq!(killed, None, "it was killed");
    // What was interrupted goes on with it.
    root.expect(0, &["apply", "change.json"]);
    root.write("environments/prod.toml", &declared);
    root.expect(0, &["plan", "--out", "back.json"]);
    root.approve("grace", "back.json");
    root.expect(0, &["apply", "back.json"]);
    // The same again is the same plan, and nobody has approved that it be done twice.
    root.write("environments/prod.toml", &more);
    root.expect(0, &["plan", "--out", "change.json"]);
    assert_eq!(digest(&root), first);
    refused(&root, "ada's approval is used up: run ");
    root.approve("ada", "change.json");
    root.expect(0, &["apply", "change.json"]);
}

#[tokio::test]
async fn a_plan_that_is_applied_twice_has_nothing_left_to_do_or_needs_another_approval() {
    let root = changed();
    root.approve("ada", "change.json");
    root.expect(0, &["apply", "change.json"]);
    let entries = || {
        let log = root.expect(0, &["audit", "log", "--format", "json"]);
        let log: Json = serde_json::from_str(&log.out).expect("one document");
        log["entries"].as_array().expect("a list").len()
    };
    let before = entries();
    let again = root.expect(0, &["apply", "change.json"]);
    assert!(again.err.contains("nothing is left to do"), "{}", again.err);
    let told = root.expect(0, &["--format", "json", "apply", "change.json"]);
    let told: Json = serde_json::from_str(&told.out).expect("one document");
    let ends = told["operations"].as_array().expect("a list");
    assert!(!ends.is_empty(), "{told}");
    assert!(ends.iter().all(|it| it["end"] == "already_done"), "{told}");
    assert_eq!(entries(), before, "nothing was refused");
    // Somebody takes it back: to do it once more is another change.
    let served = Served::on(&root, &["--open-info"]);
    let registry = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/\
                    rg-onestream-prod/providers/Microsoft.ContainerRegistry/registries/onestreamprod";
    let back = json!({"properties": {"dataEndpointEnabled": false}});
    served
        .control("PATCH", &format!("objects?id={registry}"), Some(back))
        .await;
    refused(&root, "ada's approval is used up: run ");
    assert_eq!(entries(), before + 1);
}

#[tokio::test]
async fn an_interrupted_bootstrap_that_somebody_wrote_into_the_log_gives_no_right() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let declared = root.read("environments/prod.toml");
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    root.expect(0, &["plan", "--out", "change.json"]);
    root.approve("ada", "change.json");
    root.expect(0, &["apply", "change.json"]);
    // Back to what the bootstrap led to, which needs an approval as any change.
    root.write("environments/prod.toml", &declared);
    let ledger = Ledger::of(&objects(&root));
    let reading = ledger.read().await.expect("reads");
    let mut forged = reading.links[0].record.clone();
    assert!(forged.permits.values().any(|it| it.desired().is_some()));
    // Of a plan of which no journal says that it was completed.
    forged.plan = Some("0".repeat(64));
    forged.run = "pretended".to_owned();
    ledger.append(&forged).await.expect("anybody can");
    let apply = ["apply", "--auto-approve"];
    let refused = root.expect(3, &apply);
    assert!(refused.err.contains("prod is protected"), "{}", refused.err);
    // A run that has a right of its own signs the log, but not what others pretend in it.
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    root.expect(0, &["--env", "dev", "apply", "--auto-approve"]);
    root.expect(0, &["audit", "verify"]);
    let log = root.expect(0, &["audit", "log"]);
    let told = log.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("signed without vouching for entry"), "{told}");
    let refused = root.expect(3, &apply);
    assert!(refused.err.contains("prod is protected"), "{}", refused.err);
}

/// Whoever writes to the store can record a key of their own, and sign the log with it.
#[tokio::test]
async fn a_log_that_is_signed_with_a_planted_key_gives_no_right() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let declared = root.read("environments/prod.toml");
    root.replace(
        "environments/prod.toml",
        "name = \"onestreamprod\"\n",
        "name = \"onestreamprod\"\ndata_endpoint = true\n",
    );
    root.expect(0, &["plan", "--out", "change.json"]);
    root.approve("ada", "change.json");
    root.expect(0, &["apply", "change.json"]);
    root.write("environments/prod.toml", &declared);
    let objects = objects(&root);
    let ledger = Ledger::of(&objects);
    let mut forged = ledger.read().await.expect("reads").links[0].record.clone();
    forged.plan = Some("0".repeat(64));
    forged.run = "pretended".to_owned();
    ledger.append(&forged).await.expect("anybody can");
    let random = SystemRandom::new();
    let own = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let own = EcdsaKeyPair::from_pkcs8(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        own.expect("a key").as_ref(),
    );
    let own = own.expect("a key");
    let keys = Keys::of(&objects);
    let recorded = keys.get("kv-onestream-shared", "audit").await;
    let mut planted = recorded.expect("reads").expect("recorded");
    let point = own.public_key().as_ref();
    planted.x = Bytes(point[1..33].to_vec());
    planted.y = Bytes(point[33..].to_vec());
    let record = ".onestream/control/keys/kv-onestream-shared/audit.json";
    std::fs::remove_file(root.file(record)).expect("removed");
    keys.record(&planted).await.expect("kept");
    let reading = ledger.read().await.expect("reads");
    let head = ledger
        .head(&reading, &planted.key)
        .expect("an end that is not signed");
    let signature = own
        .sign(&random, head.statement().as_bytes())
        .expect("signs");
    let signature = Bytes(signature.as_ref().to_vec());
    ledger.keep(head, signature).await.expect("kept");
    let reading = ledger.read().await.expect("reads");
    assert!(reading.verify(Some(&planted)).is_empty(), "well forged");
    let refused = root.expect(3, &["--env", "prod", "apply", "--auto-approve"]);
    assert!(refused.err.contains("prod is protected"), "{}", refused.err);
    // Nor does a run that has a right of its own sign such a log.
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\ndata_endpoint = true\n",
    );
    let told = root.expect(4, &["--env", "dev", "apply", "--auto-approve"]);
    for said in ["is not signed again", "it records another key than"] {
        assert!(told.err.contains(said), "{said}\n{}", told.err);
    }
}

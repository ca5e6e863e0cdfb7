//! What survives the process, and who may have a data folder.

use super::client::{Azure, registry_id};
use onestream_emulator::{Access, Emulator, Settings, StartError, open};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long a command may wait for another one here.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(folder: &Path) -> Settings {
    Settings {
        data: Some(folder.to_owned()),
        open_info: true,
        ..Settings::default()
    }
}

#[tokio::test]
async fn objects_operations_and_credentials_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let azure = Azure::with(settings(folder.path())).await;
    let group = azure.group("g").await;
    let made = azure
        .put(
            &registry_id(&group, "abcde"),
            json!({"location": "eastus2", "sku": {"name": "Basic"}}),
        )
        .await;
    let origin = azure.emulator.origin().to_owned();
    let deployer = azure.emulator.endpoint().deployer.clone();
    let address = made.header("azure-asyncoperation").replace(&origin, "");
    azure.emulator.stop().await;
    let stored = fs::read_to_string(folder.path().join("state.jsonl")).expect("state");
    let port = origin.rsplit(':').next().expect("a port");
    assert!(
        !stored.contains(&format!(":{port}")),
        "nothing stored holds a port"
    );
    for file in ["state.jsonl", "credentials.json", "lock"] {
        let mode = fs::metadata(folder.path().join(file))
            .expect(file)
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{file}");
    }
    let azure = Azure::with(settings(folder.path())).await;
    assert_eq!(azure.emulator.endpoint().deployer, deployer);
    let first = azure.send("GET", &address, None).await;
    assert_eq!(first.body["status"], "Creating");
    let next = first.header("azure-asyncoperation");
    assert!(next.starts_with(azure.emulator.origin()), "{next}");
    assert_eq!(
        azure.send("GET", next, None).await.body["status"],
        "Succeeded"
    );
}

#[tokio::test]
async fn a_torn_line_is_dropped_and_a_foreign_one_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let azure = Azure::with(settings(folder.path())).await;
    let group = azure.group("g").await;
    azure.emulator.stop().await;
    let path = folder.path().join("state.jsonl");
    let whole = fs::read_to_string(&path).expect("state");
    fs::write(&path, format!("{whole}[{{\"object\":[\"/torn")).expect("written");
    let azure = Azure::with(settings(folder.path())).await;
    assert_eq!(azure.get(&group).await.status, 200);
    azure.emulator.stop().await;
    let broken = format!("{whole}nonsense\n");
    fs::write(&path, &broken).expect("written");
    let error = Emulator::start(settings(folder.path()))
        .await
        .expect_err("it is unreadable");
    assert!(matches!(error, StartError::State(_)), "{error}");
    assert!(error.to_string().contains("state.jsonl:"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("state"), broken);
}

#[tokio::test]
async fn one_folder_has_one_emulator() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Settings {
        announce: true,
        ..settings(folder.path())
    };
    let served = Emulator::start(serving).await.expect("it starts");
    assert!(matches!(
        Emulator::start(settings(folder.path())).await,
        Err(StartError::InUse(_))
    ));
    let access = open(settings(folder.path()), PATIENCE, |_| {
        panic!("nobody waits")
    })
    .await
    .expect("one is there");
    assert!(matches!(&access, Access::Running(endpoint) if endpoint == served.endpoint()));
    let announcement = folder.path().join("server.json");
    assert!(announcement.exists());
    served.stop().await;
    assert!(!announcement.exists());
    fs::write(&announcement, "{}").expect("a stale announcement");
    let access = open(settings(folder.path()), PATIENCE, |_| {
        panic!("nobody waits")
    })
    .await
    .expect("it is free");
    assert!(matches!(access, Access::Started(_)));
    assert!(!announcement.exists());
}

#[tokio::test]
async fn commands_wait_for_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Emulator::start(settings(folder.path()))
        .await
        .expect("it starts");
    let waited = AtomicUsize::new(0);
    let second = open(settings(folder.path()), PATIENCE, |busy| {
        assert_eq!(busy.folder, folder.path());
        assert_eq!(busy.process, Some(std::process::id()));
        waited.fetch_add(1, Ordering::Relaxed);
    });
    let (access, ()) = tokio::join!(second, async {
        while waited.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        first.stop().await;
    });
    assert!(matches!(access, Ok(Access::Started(_))));
    assert_eq!(waited.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = Emulator::start(settings(folder.path()))
        .await
        .expect("it starts");
    let told = AtomicUsize::new(0);
    let second = open(settings(folder.path()), Duration::from_millis(20), |_| {
        told.fetch_add(1, Ordering::Relaxed);
    });
    let error = second.await.expect_err("it gives up");
    assert!(matches!(&error, StartError::InUse(busy) if busy.folder == folder.path()));
    let process = format!("process {} is using ", std::process::id());
    assert!(error.to_string().starts_with(&process), "{error}");
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn ten_thousand_objects_are_there_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut lines = String::from("{\"format\":\"onestream-emulator-state\",\"version\":1}\n");
    for n in 0..10_000 {
        let id =
            format!("/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/g{n:05}");
        let kind = "Microsoft.Resources/resourceGroups";
        let object = json!({"id": id, "kind": kind, "body": {"id": id, "name": format!("g{n:05}"), "type": kind, "location": "eastus2", "tags": {}, "properties": {"provisioningState": "Succeeded"}}});
        lines.push_str(&json!([{"object": [id.to_lowercase(), object]}]).to_string());
        lines.push('\n');
    }
    fs::write(folder.path().join("state.jsonl"), lines).expect("written");
    let azure = Azure::with(settings(folder.path())).await;
    let list = azure
        .get("/subscriptions/22222222-2222-4222-8222-222222222222/resourcegroups")
        .await;
    assert_eq!(list.body["value"].as_array().map(Vec::len), Some(1000));
    assert!(list.body["nextLink"].is_string());
}

#[tokio::test]
async fn idle_connections_do_not_hold_an_emulator_up() {
    let emulator = Emulator::start(Settings::default())
        .await
        .expect("it starts");
    let address = emulator.origin().trim_start_matches("http://").to_owned();
    let client = reqwest::Client::new();
    let info = format!("{}/emulator/info", emulator.origin());
    let reply = client.get(info).send().await.expect("an answer");
    assert_eq!(reply.status(), 403);
    let _silent = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let quickly = Duration::from_secs(2);
    assert!(timeout(quickly, emulator.stop()).await.is_ok());
}

//! Bad input: every problem is listed, nothing is contacted, nothing is lost.

use crate::program::{Ran, Root};

/// Runs `plan` on a broken sample: exit 64, and neither emulator nor control store was touched.
#[track_caller]
fn refused(root: &Root) -> Ran {
    let ran = root.expect(64, &["plan"]);
    assert!(!root.file(".onestream").exists(), "something was contacted");
    ran
}

#[test]
fn every_mistake_is_listed_with_its_place() {
    let root = Root::sample();
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\nadmin_usr = true\nexport = 7\n",
    );
    root.replace(
        "environments/prod.toml",
        "[\"westus2\"]",
        "[\"eastus2\", \"westus9\"]",
    );
    let ran = refused(&root);
    for expected in [
        "admin_usr",
        "admin_user",
        "export",
        "dev.toml",
        "westus9",
        "home region",
        "prod.toml",
    ] {
        assert!(ran.err.contains(expected), "no {expected} in\n{}", ran.err);
    }
}

#[test]
fn a_registry_that_azure_would_refuse_is_refused_here() {
    for (old, new, complaint) in [
        (
            "name = \"onestreamprod\"",
            "name = \"one-stream\"",
            "not a registry name",
        ),
        (
            "name = \"onestreamprod\"",
            "name = \"onestreamdev\"",
            "onestreamdev",
        ),
        (
            "name = \"onestreamprod\"",
            "name = \"onestreamprod\"\nsku = \"Basic\"",
            "Premium",
        ),
        ("[\"westus2\"]", "[\"westus2\", \"westus2\"]", "twice"),
        ("[\"westus2\"]", "[\"atlantis\"]", "not an Azure region"),
    ] {
        let root = Root::sample();
        root.replace("environments/prod.toml", old, new);
        let ran = refused(&root);
        assert!(
            ran.err.contains(complaint),
            "no {complaint} in\n{}",
            ran.err
        );
    }
}

#[test]
fn a_service_that_azure_or_kubernetes_would_refuse_is_refused_here() {
    let root = Root::sample();
    root.replace(
        "environments/common.toml",
        "[services.iam]\nnamespace = \"iam\"",
        "[services.Iam]\nnamespace = \"i_am\"",
    );
    root.replace(
        "environments/common.toml",
        "[services.cls]\nnamespace = \"cls\"",
        "[services.cls]",
    );
    let ran = refused(&root);
    for expected in [
        "`Iam` is not a service name",
        "`i_am` is not a Kubernetes namespace",
        "namespace",
        "common.toml",
    ] {
        assert!(ran.err.contains(expected), "no {expected} in\n{}", ran.err);
    }
}

#[test]
fn a_workspace_that_azure_would_refuse_is_refused_here() {
    let root = Root::sample();
    root.replace(
        "environments/prod.toml",
        "name = \"log-onestream-prod\"",
        "name = \"log\"\ndaily_quota_gb = 0",
    );
    root.replace("environments/prod.toml", "= 365", "= 7");
    let common = root.read("environments/common.toml");
    let shared = "[shared.group]\nname = \"rg-shared\"\n\n[shared.registry]\n\
                  name = \"onestreamshared\"\ndiagnostics = true\n";
    root.write("environments/common.toml", &format!("{common}\n{shared}"));
    let ran = refused(&root);
    for expected in [
        "`log` is not a workspace name",
        "7 days is not a retention",
        "no logs at all",
        "prod.toml",
        "no workspace to log to",
    ] {
        assert!(ran.err.contains(expected), "no {expected} in\n{}", ran.err);
    }
}

#[test]
fn files_that_cannot_be_environments_are_refused() {
    let root = Root::sample();
    root.write("environments/shared.toml", "[group]\nname = \"rg\"\n");
    assert!(refused(&root).err.contains("shared"));

    let root = Root::sample();
    root.write("environments/qa.toml", "this is not TOML");
    assert!(refused(&root).err.contains("qa.toml"));

    #[cfg(unix)]
    {
        let root = Root::sample();
        let elsewhere = Root::sample();
        std::os::unix::fs::symlink(
            elsewhere.file("environments/dev.toml"),
            root.file("environments/qa.toml"),
        )
        .expect("a link");
        refused(&root);
    }
}

#[test]
fn an_unknown_environment_gets_the_near_name() {
    let root = Root::sample();
    let ran = root.expect(64, &["--env", "prd", "plan"]);
    assert!(ran.err.contains("prod"), "{}", ran.err);
}

#[test]
fn a_cloud_that_is_not_there_plans_nothing() {
    let root = Root::sample();
    root.replace(
        "environments/common.toml",
        "cloud = \"emulator\"",
        "cloud = \"custom\"",
    );
    // A port that was free a moment ago: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let mut common = root.read("environments/common.toml");
    common.push_str(&format!(
        "\n[azure.endpoints]\nresource_manager = \"http://127.0.0.1:{port}\"\n\
         authority = \"http://127.0.0.1:{port}\"\ngraph = \"http://127.0.0.1:{port}\"\n\
         vault_suffix = \"vault.localhost:{port}\"\nregistry_suffix = \"azurecr.localhost:{port}\"\n"
    ));
    root.write("environments/common.toml", &common);
    let mut command = root.command(&["plan"]);
    command.env_remove("ONESTREAM_CLOUD");
    for name in [
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
    ] {
        command.env_remove(name);
    }
    command.env("PATH", "");
    let ran: Ran = command.output().expect("the program starts").into();
    assert_eq!(ran.code, 1, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
}

#[test]
fn corrupt_data_is_said_and_kept() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    for folder in [".onestream/emulator", ".onestream/control/applied"] {
        let broken = std::fs::read_dir(root.file(folder))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|e| e == "json" || e == "jsonl" || e == "log")
            })
            .max_by_key(|path| std::fs::metadata(path).map(|m| m.len()).unwrap_or_default())
            .expect("a data file");
        let before = std::fs::read(&broken).expect("readable");
        let mut damaged = before.clone();
        let middle = damaged.len() / 3;
        damaged[middle..middle + 8].copy_from_slice(b"\x00garbage");
        std::fs::write(&broken, &damaged).expect("writable");
        let ran = root.expect(1, &["plan"]);
        let name = broken.file_name().and_then(|n| n.to_str()).expect("a name");
        assert!(
            ran.err.contains(name),
            "{name} is not named in\n{}",
            ran.err
        );
        assert_eq!(
            std::fs::read(&broken).expect("readable"),
            damaged,
            "it was overwritten"
        );
        std::fs::write(&broken, &before).expect("writable");
        root.expect(0, &["plan", "--detailed-exitcode"]);
    }
}

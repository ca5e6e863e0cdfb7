//! Bad input: every problem is listed, nothing is contacted, nothing is lost.

use serde_json::Value as Json;

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

/// The sample in a custom cloud at a port where nobody listens, and that origin.
fn nowhere() -> (Root, String) {
    let root = Root::sample();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let origin = format!("http://127.0.0.1:{port}");
    let mut common = root
        .read("environments/common.toml")
        .replace("cloud = \"emulator\"", "cloud = \"custom\"")
        .replace("11111111-1111", "33333333-3333")
        .replace("22222222-2222", "44444444-4444");
    common.push_str(&format!(
        "\n[azure.endpoints]\nresource_manager = \"{origin}\"\n\
         authority = \"{origin}\"\ngraph = \"{origin}\"\n\
         vault_suffix = \"vault.localhost:{port}\"\nregistry_suffix = \"azurecr.localhost:{port}\"\n"
    ));
    root.write("environments/common.toml", &common);
    (root, origin)
}

/// Runs a command with these variables, and nothing else to sign in with.
fn ran(root: &Root, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = root.command(arguments);
    for name in [
        "ONESTREAM_CLOUD",
        "AZURE_AUTHORITY_HOST",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
    ] {
        command.env_remove(name);
    }
    command.env("PATH", "").envs(variables.iter().copied());
    command.output().expect("the program starts").into()
}

#[test]
fn a_cloud_that_is_not_there_plans_nothing() {
    let (root, origin) = nowhere();
    let ran = ran(&root, &["plan"], &[("AZURE_AUTHORITY_HOST", &origin)]);
    assert_eq!(ran.code, 1, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
    let tried: Vec<&str> = ran.err.lines().map(str::trim_start).collect();
    for name in ["environment: ", "managed-identity: ", "azure-cli: "] {
        assert!(
            tried.iter().any(|line| line.starts_with(name)),
            "no line for {name} in\n{}",
            ran.err
        );
    }
}

#[test]
fn toml_alone_does_not_say_who_gets_the_secret() {
    let (root, origin) = nowhere();
    let secret = [("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hush")];
    let refused = ran(&root, &["plan"], &secret);
    assert_eq!(refused.code, 64, "{}", refused.err);
    assert!(
        refused.err.contains("AZURE_AUTHORITY_HOST"),
        "{}",
        refused.err
    );

    let in_ci = [
        &secret[..],
        &[("CI", "true"), ("AZURE_AUTHORITY_HOST", &origin)],
    ]
    .concat();
    let refused = ran(&root, &["plan"], &in_ci);
    assert_eq!(refused.code, 64, "{}", refused.err);
    assert!(refused.err.contains("--cloud custom"), "{}", refused.err);
    let meant = ran(&root, &["--cloud", "custom", "plan"], &in_ci);
    assert_eq!(meant.code, 1, "{}", meant.err);
    assert!(meant.err.contains("Unreachable"), "{}", meant.err);
}

#[test]
fn a_program_reads_one_document_whatever_happens() {
    let document = |ran: &Ran| -> serde_json::Value {
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}", ran.out))
    };
    let root = Root::sample();
    let unknown = root.expect(64, &["--format", "json", "--env", "prd", "plan"]);
    let said = document(&unknown);
    assert_eq!(said["kind"], "error");
    assert_eq!((&said["version"], &said["exit"]), (&1.into(), &64.into()));
    assert_eq!(said["cloud"], "emulator");
    assert!(unknown.err.contains("prd"), "{}", unknown.err);

    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\nexport = 7\n",
    );
    let said = document(&root.expect(64, &["--format", "json", "validate"]));
    let mistake = &said["mistakes"][0];
    assert_eq!(mistake["file"], "environments/dev.toml");
    assert!(mistake["line"].is_u64() && mistake["column"].is_u64());

    let root = Root::sample();
    let valid = root.expect(0, &["--format", "json", "validate"]);
    assert_eq!(document(&valid)["kind"], "validation");
    assert!(valid.out.lines().count() > 1, "{}", valid.out);
    root.expect(0, &["apply", "--auto-approve"]);
    let refused = root.expect(3, &["--format", "json", "destroy", "--auto-approve"]);
    let said = document(&refused);
    assert!(!said["objections"].as_array().expect("a list").is_empty());
}

#[test]
fn a_reset_sends_nothing_to_a_proxy() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    let mut command = root.command(&["emulator", "reset"]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &address);
    }
    let ran: Ran = command
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .expect("the program starts")
        .into();
    assert_eq!(ran.code, 0, "{}", ran.err);
    proxy.set_nonblocking(true).expect("a socket");
    assert!(proxy.accept().is_err(), "the proxy was asked");
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

#[test]
fn an_emptied_emulator_is_not_silently_started_over() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    root.write(".onestream/emulator/state.jsonl", "");
    let ran = root.expect(1, &["plan"]);
    assert!(ran.err.contains("state.jsonl"), "{}", ran.err);
    assert!(ran.err.contains("emulator reset"), "{}", ran.err);
    root.expect(0, &["emulator", "reset"]);
    root.expect(2, &["plan", "--detailed-exitcode"]);
}

#[test]
fn the_control_store_keeps_out_of_the_emulators_data() {
    let root = Root::sample();
    root.replace(
        "environments/common.toml",
        "file:.onestream/control",
        "file:.onestream/emulator",
    );
    assert!(refused(&root).err.contains("overlaps"));

    #[cfg(unix)]
    {
        let root = Root::sample();
        let elsewhere = Root::empty();
        std::fs::create_dir(root.file(".onestream")).expect("a folder");
        std::os::unix::fs::symlink(elsewhere.path(), root.file(".onestream/control"))
            .expect("a link");
        let ran = root.expect(64, &["plan"]);
        assert!(ran.err.contains("leads out of the root"), "{}", ran.err);
    }
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

#[test]
fn who_may_do_what_is_said_in_words_that_mean_something() {
    for (file, old, new, told) in [
        (
            "matrix",
            "[staging-pipeline]",
            "[stagin-pipeline]",
            ["matrix.toml:9:2", "did you mean `staging-pipeline`?"],
        ),
        (
            "matrix",
            "\"staging.cluster\" = \"deploy\"",
            "\"staging.cluster\" = \"deplyo\"",
            ["matrix.toml:11:21", "did you mean `deploy`?"],
        ),
        (
            "matrix",
            "\"prod.cluster\" = \"deploy\"",
            "\"prod.clutser\" = \"deploy\"",
            ["matrix.toml:15:1", "did you mean `prod.cluster`?"],
        ),
        // Namespaces are the services'.
        (
            "matrix",
            "\"prod.cluster\" = \"deploy\"",
            "\"prod.cluster.namespaces.nobody\" = \"deploy\"",
            ["matrix.toml:15:1", "nothing can be given on"],
        ),
        (
            "capabilities",
            "grants = [{ role = \"image-importer\" }]",
            "grants = [{ role = \"image-importer\", on = \"namespaces\" }]",
            ["capabilities.toml:", "a registry has no namespaces"],
        ),
        (
            "matrix",
            "\"prod.cluster\" = \"deploy\"",
            "\"prod.cluster\" = \"deploy\"\n\"prod.cluster\" = \"deploy\"",
            ["matrix.toml:16:1", "prod.cluster"],
        ),
        // One pipeline that pushes to dev and imports to prod.
        (
            "matrix",
            "\"dev.cluster\" = \"deploy\"",
            "\"dev.cluster\" = \"deploy\"\n\"prod.registry\" = \"import\"",
            [
                "matrix.toml:",
                "who builds images does not bring them to production",
            ],
        ),
        (
            "capabilities",
            "means.actions = [\"Microsoft.ContainerRegistry/registries/pull/read\"]",
            "",
            [
                "capabilities.toml:",
                "nothing says what `pull` may give at most",
            ],
        ),
        (
            "capabilities",
            "[roles.key-verifier]",
            "[roles.key-verifier]\nactions = [\"Microsoft.KeyVault/vaults/write\"]",
            ["capabilities.toml:", "is more than `verify` means"],
        ),
    ] {
        let root = Root::sample();
        root.replace(&format!("rbac/{file}.toml"), old, new);
        let ran = refused(&root);
        let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in told {
            assert!(said.contains(text), "{new}: no {text} in\n{}", ran.err);
        }
    }
}

#[test]
fn a_command_line_that_cannot_be_read_is_a_document_too() {
    let root = Root::empty();
    for line in [
        &["--format", "json", "state", "show", "nope"][..],
        &["lock", "break", "dev", "--format=json"],
    ] {
        let ran = root.expect(64, line);
        let told: Json = serde_json::from_str(&ran.out).expect("one document");
        assert_eq!(
            (&told["kind"], &told["exit"]),
            (&"error".into(), &64.into())
        );
        let message = told["message"].as_str().expect("a text");
        assert!(
            !message.contains("Usage:") && !message.is_empty(),
            "{message}"
        );
        assert!(ran.err.contains("error: "), "{}", ran.err);
    }
    let ran = root.expect(64, &["state", "show", "nope"]);
    assert_eq!(ran.out, "");
}

#[test]
fn too_many_tags_are_reported_at_a_tag() {
    let root = Root::sample();
    let many: String = (0..50).map(|n| format!("t{n:02} = \"\"\n")).collect();
    root.replace(
        "environments/common.toml",
        "[tags]\n",
        &format!("[tags]\n{many}"),
    );
    let ran = root.expect(64, &["validate"]);
    let (_, told) = ran.err.split_once("Azure takes 50").expect("it is said");
    let place = told.lines().nth(1).unwrap_or_default();
    assert!(place.contains("common.toml:"), "{place}");
    assert!(!place.contains(":1:1]"), "{place}");
}

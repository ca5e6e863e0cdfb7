//! Rows and cells: what the words of the matrix mean in each environment.

use super::*;

#[test]
fn the_samples_matrix_is_the_owners() {
    let root = folder(&[]);
    for (path, text) in SAMPLES {
        write(
            root.path(),
            path.trim_start_matches("environments/"),
            text.as_bytes(),
        );
    }
    let configuration = load(root.path(), &["staging".to_owned()]).expect("sound");
    let cells = |environment: &str| -> Vec<String> {
        let environment = configuration
            .environment(&name(environment))
            .expect("there");
        let grants = environment.sections.access.grants.iter();
        grants
            .map(|it| format!("{} {} {}", it.to.name(), it.target, it.capability))
            .collect()
    };
    assert_eq!(
        cells("dev"),
        [
            "approvers registry push-pull",
            "dev-pipeline cluster deploy",
            "dev-pipeline registry push-pull",
            "dev-pipeline vault.key.cosign sign",
            "promotion-engine registry pull",
            "promotion-engine vault.key.cosign verify",
        ]
    );
    assert_eq!(
        cells("staging"),
        [
            "promotion-engine registry import",
            "staging-pipeline cluster deploy",
            "staging-pipeline registry pull",
        ]
    );
    assert_eq!(
        cells("prod"),
        [
            "approvers vault.key.cosign sign",
            "prod-pipeline cluster deploy",
            "prod-pipeline registry pull",
            "promotion-engine registry import",
        ]
    );
    assert_eq!(
        grants(&configuration, "staging"),
        [
            "grant.promotion-engine.registry.import",
            "grant.staging-pipeline.cluster.deploy",
            "grant.staging-pipeline.cluster.deploy.auth",
            "grant.staging-pipeline.cluster.deploy.cls",
            "grant.staging-pipeline.cluster.deploy.iac",
            "grant.staging-pipeline.cluster.deploy.iam",
            "grant.staging-pipeline.cluster.deploy.utility",
            "grant.staging-pipeline.registry.pull",
        ]
    );
    let shared = configuration.environment(&name("shared")).expect("shared");
    let access = &shared.sections.access;
    let principals: Vec<_> = access.principals.keys().collect();
    assert_eq!(
        principals,
        [
            "dev-pipeline",
            "prod-pipeline",
            "promotion-engine",
            "staging-pipeline"
        ]
    );
    assert_eq!(access.people.len(), 2);
    for principal in access.principals.values() {
        let credential = &principal.credentials["azure-devops"];
        assert_eq!(credential.audience, "api://AzureADTokenExchange");
        assert!(credential.subject.is_some());
    }
    for role in access.roles.values() {
        let all = role.actions.iter().chain(&role.data_actions);
        assert!(!all.cloned().collect::<String>().contains('*'));
        assert_eq!(role.subscriptions.len(), 1);
    }
}

#[test]
fn words_are_resolved_into_each_environment() {
    let matrix = "\
[engine]
dev.registry = \"import\"
[auditors]
\"dev.registry\" = \"pull\"
[approvers]
\"dev.registry\" = \"pull\"
";
    let prod = DEV
        .replace("onestreamdev", "onestreamprod")
        .replace("rg-dev", "rg-prod");
    let prod = format!("{prod}[azure]\nsubscription = \"33333333-3333-4333-8333-333333333333\"\n");
    let mut files = files(PRINCIPALS, CAPABILITIES, matrix).to_vec();
    files.push(("prod.toml", &prod));
    let configuration = sound(&files);
    assert!(grants(&configuration, "prod").is_empty());
    let dev = configuration.environment(&name("dev")).expect("dev");
    assert!(dev.sections.access.principals.is_empty());
    let [approvers, auditors, engine] = &dev.sections.access.grants[..] else {
        panic!("three cells: {:?}", dev.sections.access.grants)
    };
    assert_eq!(approvers.to.principal_type(), "Group");
    assert_eq!(
        auditors.to,
        Grantee::People {
            name: "auditors".to_owned(),
            object_id: Some("66666666-6666-4666-8666-00000000000a".to_owned()),
        }
    );
    assert_eq!(
        auditors.parts[0].role,
        Role::BuiltIn {
            id: "7f951dda-4ed3-4680-a7ca-43fe172d538d".to_owned(),
            name: "AcrPull".to_owned(),
        }
    );
    assert_eq!(
        (&engine.target, &engine.parts[0].scope),
        (&Target::Registry, &Scope::Target)
    );
    assert_eq!(engine.parts[0].role, Role::Custom("importer".to_owned()));

    let shared = configuration.environment(&name("shared")).expect("shared");
    let access = &shared.sections.access;
    assert_eq!(
        access.principals["engine"].display_name,
        "sp-onestream-engine"
    );
    assert_eq!(
        access.people["approvers"].display_name,
        "onestream-approvers"
    );
    assert!(matches!(
        &access.people["auditors"].membership,
        Members::Elsewhere(_)
    ));
    let subscriptions: Vec<_> = access.roles["importer"].subscriptions.iter().collect();
    assert_eq!(subscriptions, ["22222222-2222-4222-8222-222222222222"]);
}

#[test]
fn every_word_of_the_matrix_means_something() {
    let matrix = "\
[dev-pipelin]
\"dev.registry\" = \"pull\"

[engine]
\"dev.registry\" = \"pul\"
\"dev.cluster\" = \"deploy\"
\"dev.vault.key.cosign\" = \"sign\"
\"dev.regsitry\" = \"pull\"
\"dve.registry\" = \"pull\"
\"shared.registry\" = 5
\"staging\" = \"pull\"

[strangers]
\"dev.registry\" = \"deploy\"
";
    insta::assert_snapshot!(in_matrix(matrix), @r#"
      x the configuration has 12 mistakes

    Error:
      x no principal or group `dev-pipelin`
       ,-[rbac/matrix.toml:1:2]
     1 | [dev-pipelin]
       :  ^^^^^^^^^^^
     2 | "dev.registry" = "pull"
       `----
      help: did you mean `dev-pipeline`?

    Error:
      x no capability `pul`
       ,-[rbac/matrix.toml:5:18]
     4 | [engine]
     5 | "dev.registry" = "pul"
       :                  ^^^^^
     6 | "dev.cluster" = "deploy"
       `----
      help: did you mean `pull`?

    Error:
      x dev declares no cluster
       ,-[rbac/matrix.toml:6:1]
     5 | "dev.registry" = "pul"
     6 | "dev.cluster" = "deploy"
       : ^^^^^^^^^^^^^
     7 | "dev.vault.key.cosign" = "sign"
       `----
      help: add `[cluster]` to environments/dev.toml

    Error:
      x dev declares no key `cosign`
       ,-[rbac/matrix.toml:7:1]
     6 | "dev.cluster" = "deploy"
     7 | "dev.vault.key.cosign" = "sign"
       : ^^^^^^^^^^^^^^^^^^^^^^
     8 | "dev.regsitry" = "pull"
       `----
      help: add `[vault.keys.cosign]` to environments/dev.toml

    Error:
      x no capability `sign`
       ,-[rbac/matrix.toml:7:26]
     6 | "dev.cluster" = "deploy"
     7 | "dev.vault.key.cosign" = "sign"
       :                          ^^^^^^
     8 | "dev.regsitry" = "pull"
       `----
      help: capabilities are declared in rbac/capabilities.toml

    Error:
      x nothing can be given on `dev.regsitry`
       ,-[rbac/matrix.toml:8:1]
     7 | "dev.vault.key.cosign" = "sign"
     8 | "dev.regsitry" = "pull"
       : ^^^^^^^^^^^^^^
     9 | "dve.registry" = "pull"
       `----
      help: did you mean `dev.registry`?

    Error:
      x no environment `dve`
        ,-[rbac/matrix.toml:9:1]
      8 | "dev.regsitry" = "pull"
      9 | "dve.registry" = "pull"
        : ^^^^^^^^^^^^^^
     10 | "shared.registry" = 5
        `----
      help: did you mean `dev.registry`?

    Error:
      x shared declares no registry
        ,-[rbac/matrix.toml:10:1]
      9 | "dve.registry" = "pull"
     10 | "shared.registry" = 5
        : ^^^^^^^^^^^^^^^^^
     11 | "staging" = "pull"
        `----
      help: add `[shared.registry]` to environments/common.toml

    Error:
      x expected a string, found an integer
        ,-[rbac/matrix.toml:10:21]
      9 | "dve.registry" = "pull"
     10 | "shared.registry" = 5
        :                     ^
     11 | "staging" = "pull"
        `----

    Error:
      x no environment `staging`
        ,-[rbac/matrix.toml:11:1]
     10 | "shared.registry" = 5
     11 | "staging" = "pull"
        : ^^^^^^^^^
     12 |
        `----
      help: write ENVIRONMENT.TARGET, such as "dev.registry"

    Error:
      x no principal or group `strangers`
        ,-[rbac/matrix.toml:13:2]
     12 |
     13 | [strangers]
        :  ^^^^^^^^^
     14 | "dev.registry" = "deploy"
        `----
      help: principals and groups are declared in rbac/principals.toml

    Error:
      x `deploy` is for a cluster, and dev.registry is a registry
        ,-[rbac/matrix.toml:14:18]
     13 | [strangers]
     14 | "dev.registry" = "deploy"
        :                  ^^^^^^^^
        `----
      help: for a registry there are import, pull
    "#);
}

#[test]
fn a_cell_is_given_once() {
    let matrix = "\
[engine]
\"dev.registry\" = \"pull\"
dev.registry = \"import\"
\"dev.registry\" = \"import\"
";
    insta::assert_snapshot!(in_matrix(matrix), @r#"
      x the configuration has 2 mistakes

    Error:
      x `dev.registry` is set a second time
       ,-[rbac/matrix.toml:3:5]
     1 | [engine]
     2 | "dev.registry" = "pull"
       : ^^^^^^^|^^^^^^
       :        `-- first here
     3 | dev.registry = "import"
       :     ^^^^|^^^
       :         `-- again here
     4 | "dev.registry" = "import"
       `----

    Error:
      x `"dev.registry"` is set a second time
       ,-[rbac/matrix.toml:4:1]
     1 | [engine]
     2 | "dev.registry" = "pull"
       : ^^^^^^^|^^^^^^
       :        `-- first here
     3 | dev.registry = "import"
     4 | "dev.registry" = "import"
       : ^^^^^^^|^^^^^^
       :        `-- again here
       `----
    "#);
}

#[test]
fn a_capability_of_namespaces_needs_some() {
    let capabilities = "\
[capabilities.deploy]
target = \"cluster\"
grants = [{ role = \"deployer\", on = \"namespaces\" }]
[roles.deployer]
data_actions = [\"Microsoft.ContainerService/managedClusters/apps/deployments/write\"]
";
    let matrix = "[engine]\n\"dev.cluster\" = \"deploy\"\n";
    let samples = SAMPLES
        .iter()
        .find(|(name, _)| *name == "environments/dev.toml");
    // The sample's services stand in its common.toml.
    let (_, dev) = samples.expect("a sample");
    let dev = dev.replace("[cluster]", "[cluster]\nkubernetes = \"1.36\"");
    let mut files = files(PRINCIPALS, capabilities, matrix);
    files[1] = ("dev.toml", &dev);
    let configuration = sound(&files);
    let warnings: Vec<String> = configuration.warnings.iter().map(|it| render(it)).collect();
    insta::assert_snapshot!(warnings.join("\n\n"), @r#"
      ! dev has no namespace that `deploy` is given in
       ,-[rbac/matrix.toml:2:17]
     1 | [engine]
     2 | "dev.cluster" = "deploy"
       :                 ^^^^^^^^
       `----
      help: add `[services.NAME]` with its `namespace` to environments/dev.toml
    "#);
}

#[test]
fn a_matrix_needs_its_words() {
    let files = [
        ("common.toml", COMMON),
        ("dev.toml", DEV),
        (
            "rbac/matrix.toml",
            "[engine]\n\"dev.registry\" = \"pull\"\n",
        ),
        ("rbac/princpals.toml", ""),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 2 mistakes

    Error:
      x the matrix needs `rbac/capabilities.toml`
       ,-[rbac/matrix.toml:1:2]
     1 | [engine]
       :  ^^^^^^
     2 | "dev.registry" = "pull"
       `----
      help: `onestream init` in an empty folder writes a sample to begin with

    Error:
      x the matrix needs `rbac/principals.toml`
       ,-[rbac/matrix.toml:1:2]
     1 | [engine]
       :  ^^^^^^
     2 | "dev.registry" = "pull"
       `----
      help: `onestream init` in an empty folder writes a sample to begin with

    Warning:
      ! `rbac/princpals.toml` is not read
      help: did you mean `principals.toml`?
    "#);
}

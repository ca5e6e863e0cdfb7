//! What `rbac/` comes to, and what people see who made a mistake in it.

use super::super::{Configuration, SAMPLES, load};
use super::{COMMON, folder, mistakes, name, render, sound, write};
use crate::kinds::{Grantee, Members, Role, Scope, Target};

const DEV: &str = "\
[group]
name = \"rg-dev\"
[registry]
name = \"onestreamdev\"
sku = \"Premium\"
[services.iam]
namespace = \"iam\"
";

const PRINCIPALS: &str = "\
[principals.dev-pipeline]
[principals.engine]
[groups.approvers.members]
ada = \"66666666-6666-4666-8666-000000000001\"
[groups.auditors]
object_id = \"66666666-6666-4666-8666-00000000000A\"
";

const CAPABILITIES: &str = "\
[capabilities.pull]
target = \"registry\"
grants = [{ built_in = \"7f951dda-4ed3-4680-a7ca-43fe172d538d\", name = \"AcrPull\" }]
means.actions = [\"Microsoft.ContainerRegistry/registries/pull/read\"]
[capabilities.import]
target = \"registry\"
grants = [{ role = \"importer\" }]
[capabilities.deploy]
target = \"cluster\"
grants = [{ role = \"importer\" }, { role = \"importer\", on = \"namespaces\" }]
[roles.importer]
actions = [\"Microsoft.ContainerRegistry/registries/importImage/action\"]
";

fn files<'t>(
    principals: &'t str,
    capabilities: &'t str,
    matrix: &'t str,
) -> [(&'static str, &'t str); 5] {
    [
        ("common.toml", COMMON),
        ("dev.toml", DEV),
        ("rbac/principals.toml", principals),
        ("rbac/capabilities.toml", capabilities),
        ("rbac/matrix.toml", matrix),
    ]
}

fn in_matrix(matrix: &str) -> String {
    mistakes(&files(PRINCIPALS, CAPABILITIES, matrix))
}

/// The addresses of an environment's grants.
fn grants(configuration: &Configuration, environment: &str) -> Vec<String> {
    let environment = configuration
        .environment(&name(environment))
        .expect("there");
    let grants = environment.sections.access.grants.iter();
    grants
        .flat_map(|grant| grant.parts.iter().map(|part| grant.path(part)))
        .collect()
}

#[test]
fn without_the_folder_nobody_may_do_anything() {
    let configuration = sound(&[("common.toml", COMMON), ("dev.toml", DEV)]);
    for environment in &configuration.environments {
        assert_eq!(environment.sections.access, Default::default());
    }
    assert!(configuration.warnings.is_empty());
}

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
fn the_digest_covers_who_may_do_what() {
    let digest = |matrix: &str| sound(&files(PRINCIPALS, CAPABILITIES, matrix)).digest;
    let nested = digest("[engine]\ndev.registry = \"pull\"\n");
    assert_eq!(
        nested,
        digest("# quoted\n[engine]\n\"dev.registry\" = \"pull\"\n")
    );
    assert_ne!(nested, digest("[engine]\n\"dev.registry\" = \"import\"\n"));
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
fn principals_are_as_entra_takes_them() {
    let credential = |name: &str, rest: &str| {
        format!(
            "[principals.engine.credentials.{name}]\nissuer = \"https://issuer.example\"\n{rest}\n"
        )
    };
    let principals = format!(
        "[principals.Engine]\n[principals.\"a.b\"]\n[principals.engine]\ndisplay_name = \"\"\n\
         [principals.approvers]\n{}{}{}{}\n\
         [groups.approvers]\n\
         [groups.a]\nobject_id = \"nobody\"\n\
         [groups.b]\nobject_id = \"66666666-6666-4666-8666-00000000000a\"\n\
         [groups.c]\nobject_id = \"66666666-6666-4666-8666-00000000000A\"\n[groups.c.members]\n\
         [groups.d]\nobject_id = \"66666666-6666-4666-8666-00000000000A\"\n\
         [groups.e.members]\nada = \"66666666-6666-4666-8666-000000000001\"\nAda = \"me\"\n\
         eve = \"66666666-6666-4666-8666-000000000001\"\n",
        credential("one", "subject = \"s\""),
        credential("two", "subject = \"s\""),
        credential("no", "subject = \"repo:*\""),
        credential("three", "secret = \"s\"\naudience = \"\"")
            .replace("https://issuer.example", "http://issuer.example"),
    );
    insta::assert_snapshot!(mistakes(&files(&principals, CAPABILITIES, "")), @r#"
      x the configuration has 17 mistakes

    Error:
      x `Engine` does not fit into an address
       ,-[rbac/principals.toml:1:13]
     1 | [principals.Engine]
       :             ^^^^^^
     2 | [principals."a.b"]
       `----
      help: lower-case letters, digits and hyphens, no hyphen first

    Error:
      x `a.b` does not fit into an address
       ,-[rbac/principals.toml:2:13]
     1 | [principals.Engine]
     2 | [principals."a.b"]
       :             ^^^^^
     3 | [principals.engine]
       `----
      help: lower-case letters, digits and hyphens, no hyphen first

    Error:
      x an empty text
       ,-[rbac/principals.toml:4:16]
     3 | [principals.engine]
     4 | display_name = ""
       :                ^^
     5 | [principals.approvers]
       `----

    Error:
      x `one` has the same issuer and subject
        ,-[rbac/principals.toml:11:11]
      7 | issuer = "https://issuer.example"
      8 | subject = "s"
        :           ^|^
        :            `-- because of this
      9 | [principals.engine.credentials.two]
     10 | issuer = "https://issuer.example"
     11 | subject = "s"
        :           ^^^
     12 | [principals.engine.credentials.no]
        `----
      help: Entra takes each pair once on an application

    Error:
      x `no` is too short for a credential's name
        ,-[rbac/principals.toml:12:32]
     11 | subject = "s"
     12 | [principals.engine.credentials.no]
        :                                ^^
     13 | issuer = "https://issuer.example"
        `----
      help: 3 characters or more

    Error:
      x `*` in subject stands for itself
        ,-[rbac/principals.toml:14:11]
     13 | issuer = "https://issuer.example"
     14 | subject = "repo:*"
        :           ^^^^^^^^
     15 | [principals.engine.credentials.three]
        `----
      help: Entra compares letter by letter: write what the token says

    Error:
      x `http://issuer.example` is not an issuer
        ,-[rbac/principals.toml:16:10]
     15 | [principals.engine.credentials.three]
     16 | issuer = "http://issuer.example"
        :          ^^^^^^^^^^^^^^^^^^^^^^^
     17 | secret = "s"
        `----
      help: an https address, such as https://login.microsoftonline.com/TENANT/
            v2.0

    Error:
      x unknown key `secret`
        ,-[rbac/principals.toml:17:1]
     16 | issuer = "http://issuer.example"
     17 | secret = "s"
        : ^^^^^^
     18 | audience = ""
        `----
      help: known here: issuer, subject, audience, description

    Error:
      x an empty text
        ,-[rbac/principals.toml:18:12]
     17 | secret = "s"
     18 | audience = ""
        :            ^^
     19 |
        `----

    Error:
      x `approvers` is a principal's name, too
       ,-[rbac/principals.toml:5:1]
     4 | display_name = ""
     5 | [principals.approvers]
       : ^^^^^^^^^^^|^^^^^^^^^^
       :            `-- because of this
     6 | [principals.engine.credentials.one]
       `----
        ,-[rbac/principals.toml:20:9]
     19 |
     20 | [groups.approvers]
        :         ^^^^^^^^^
     21 | [groups.a]
        `----
      help: each row of the matrix is one of them: rename one

    Error:
      x nothing says who is in the group
        ,-[rbac/principals.toml:20:9]
     19 |
     20 | [groups.approvers]
        :         ^^^^^^^^^
     21 | [groups.a]
        `----
      help: add `object_id` of an existing group, or `[groups.approvers.members]`

    Error:
      x `nobody` is not a GUID
        ,-[rbac/principals.toml:22:13]
     21 | [groups.a]
     22 | object_id = "nobody"
        :             ^^^^^^^^
     23 | [groups.b]
        `----
      help: such as 22222222-2222-4222-8222-222222222222

    Error:
      x a group that somebody else keeps has no members here
        ,-[rbac/principals.toml:27:11]
     25 | [groups.c]
     26 | object_id = "66666666-6666-4666-8666-00000000000A"
        :             ^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^
        :                                `-- because of this
     27 | [groups.c.members]
        :           ^^^^^^^
     28 | [groups.d]
        `----
      help: leave `object_id` out to have the group made, or `members` to refer to
            it

    Error:
      x `b` is this group
        ,-[rbac/principals.toml:29:13]
     23 | [groups.b]
     24 | object_id = "66666666-6666-4666-8666-00000000000a"
        :             ^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^
        :                                `-- because of this
     25 | [groups.c]
     26 | object_id = "66666666-6666-4666-8666-00000000000A"
     27 | [groups.c.members]
     28 | [groups.d]
     29 | object_id = "66666666-6666-4666-8666-00000000000A"
        :             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     30 | [groups.e.members]
        `----
      help: one name for one group

    Error:
      x `Ada` does not fit into an address
        ,-[rbac/principals.toml:32:1]
     31 | ada = "66666666-6666-4666-8666-000000000001"
     32 | Ada = "me"
        : ^^^
     33 | eve = "66666666-6666-4666-8666-000000000001"
        `----
      help: lower-case letters, digits and hyphens, no hyphen first

    Error:
      x `me` is not a GUID
        ,-[rbac/principals.toml:32:7]
     31 | ada = "66666666-6666-4666-8666-000000000001"
     32 | Ada = "me"
        :       ^^^^
     33 | eve = "66666666-6666-4666-8666-000000000001"
        `----
      help: such as 22222222-2222-4222-8222-222222222222

    Error:
      x `ada` has the same object id
        ,-[rbac/principals.toml:33:7]
     30 | [groups.e.members]
     31 | ada = "66666666-6666-4666-8666-000000000001"
        :       ^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^
        :                          `-- because of this
     32 | Ada = "me"
     33 | eve = "66666666-6666-4666-8666-000000000001"
        :       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        `----

    Warning:
      ! without a subject there is no credential yet
        ,-[rbac/principals.toml:15:32]
     14 | subject = "repo:*"
     15 | [principals.engine.credentials.three]
        :                                ^^^^^
     16 | issuer = "http://issuer.example"
        `----
      help: make the service connection as a draft, copy the subject that it shows
            here, apply, then save the connection
    "#);
}

#[test]
fn entra_takes_so_many_credentials() {
    let many = |count: usize| -> String {
        let credentials = (0..count).map(|n| {
            format!("[principals.engine.credentials.c-{n}]\nissuer = \"https://i.example\"\nsubject = \"{n}\"\n")
        });
        credentials.collect()
    };
    sound(&files(&many(20), CAPABILITIES, ""));
    insta::assert_snapshot!(mistakes(&files(&many(21), CAPABILITIES, "")), @r#"
      x the configuration has a mistake

    Error:
      x 21 credentials, where Entra takes 20
       ,-[rbac/principals.toml:1:20]
     1 | [principals.engine.credentials.c-0]
       :                    ^^^^^^^^^^^
     2 | issuer = "https://i.example"
       `----
      help: one principal for each thing that signs in also says who did what
    "#);
}

#[test]
fn what_will_stop_working_is_warned_of() {
    let principals = "\
[principals.engine.credentials.devops]
issuer = \"https://vstoken.dev.azure.com/44444444-4444-4444-8444-444444444444\"
subject = \"sc://onestream/platform/promotion\"
[principals.engine.credentials.draft]
issuer = \"https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0\"
";
    let configuration = sound(&files(principals, CAPABILITIES, ""));
    let warnings: Vec<String> = configuration.warnings.iter().map(|it| render(it)).collect();
    insta::assert_snapshot!(warnings.join("\n\n"), @r#"
      ! this issuer retires on 2027-07-01 in the public cloud
       ,-[rbac/principals.toml:2:10]
     1 | [principals.engine.credentials.devops]
     2 | issuer = "https://vstoken.dev.azure.com/44444444-4444-4444-8444-444444444444"
       :          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     3 | subject = "sc://onestream/platform/promotion"
       `----
      help: convert the service connection and copy its new issuer and subject

      ! without a subject there is no credential yet
       ,-[rbac/principals.toml:4:32]
     3 | subject = "sc://onestream/platform/promotion"
     4 | [principals.engine.credentials.draft]
       :                                ^^^^^
     5 | issuer = "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0"
       `----
      help: make the service connection as a draft, copy the subject that it shows
            here, apply, then save the connection
    "#);
}

#[test]
fn actions_that_no_provider_has_are_warned_of() {
    let capabilities = "\
[capabilities.import]
target = \"registry\"
grants = [{ role = \"importer\" }]
[roles.importer]
actions = [
    \"Microsoft.ContainerRegistry/registries/importImages/action\",
    \"Microsoft.ContainerRegistry/registries/pull/read\",
]
[roles.signer]
actions = [\"Microsoft.KeyVault/vaults/keys/sign/action\"]
";
    let configuration = sound(&files(PRINCIPALS, capabilities, ""));
    let warnings: Vec<String> = configuration.warnings.iter().map(|it| render(it)).collect();
    insta::assert_snapshot!(warnings.join("\n\n"), @r#"
      ! no provider is known to have `Microsoft.ContainerRegistry/registries/
      | importImages/action`
       ,-[rbac/capabilities.toml:6:5]
     5 | actions = [
     6 |     "Microsoft.ContainerRegistry/registries/importImages/action",
       :     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     7 |     "Microsoft.ContainerRegistry/registries/pull/read",
       `----
      help: did you mean `Microsoft.ContainerRegistry/registries/importImage/
            action`?

      ! `Microsoft.KeyVault/vaults/keys/sign/action` belongs in `data_actions`
        ,-[rbac/capabilities.toml:10:12]
      9 | [roles.signer]
     10 | actions = ["Microsoft.KeyVault/vaults/keys/sign/action"]
        :            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        `----
      help: Azure knows it on the other plane only
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
fn capabilities_give_what_they_say() {
    let capabilities = "\
[capabilities.pull]
target = \"regstry\"
grants = [{ built_in = \"AcrPull\" }]
[capabilities.Import]
target = \"registry\"
grants = [
    { role = \"imprter\", on = \"namespaces\" },
    { role = \"importer\", built_in = \"7f951dda-4ed3-4680-a7ca-43fe172d538d\" },
    {},
    { role = \"importer\", name = \"Importer\" },
    { role = \"importer\" },
]
[capabilities.nothing]
target = \"key\"
grants = []
[roles.importer]
display_name = \"Reader\"
actions = [
    \"Microsoft.ContainerRegistry/registries/*\",
    \"registries/read\",
    \"Microsoft.ContainerRegistry/registries/import\",
    \"Microsoft.ContainerRegistry/registries/read\",
    \"microsoft.containerregistry/registries/READ\",
]
[roles.reader]
display_name = \"reader\"
";
    insta::assert_snapshot!(mistakes(&files(PRINCIPALS, capabilities, "")), @r#"
      x the configuration has 19 mistakes

    Error:
      x `regstry` is none of registry, cluster, key
       ,-[rbac/capabilities.toml:2:10]
     1 | [capabilities.pull]
     2 | target = "regstry"
       :          ^^^^^^^^^
     3 | grants = [{ built_in = "AcrPull" }]
       `----
      help: did you mean `registry`?

    Error:
      x a built-in role without its name
       ,-[rbac/capabilities.toml:3:11]
     2 | target = "regstry"
     3 | grants = [{ built_in = "AcrPull" }]
       :           ^^^^^^^^^^^^^^^^^^^^^^^^
     4 | [capabilities.Import]
       `----
      help: add `name`, such as "AcrPull", for who reads this

    Error:
      x `AcrPull` is not a GUID
       ,-[rbac/capabilities.toml:3:24]
     2 | target = "regstry"
     3 | grants = [{ built_in = "AcrPull" }]
       :                        ^^^^^^^^^
     4 | [capabilities.Import]
       `----
      help: such as 22222222-2222-4222-8222-222222222222

    Error:
      x nothing says what `pull` may give at most
       ,-[rbac/capabilities.toml:3:24]
     2 | target = "regstry"
     3 | grants = [{ built_in = "AcrPull" }]
       :                        ^^^^^^^^^
     4 | [capabilities.Import]
       `----
      help: add `means` to [capabilities.pull]: its `actions` and `data_actions`,
            each in full

    Error:
      x `Import` does not fit into an address
       ,-[rbac/capabilities.toml:4:15]
     3 | grants = [{ built_in = "AcrPull" }]
     4 | [capabilities.Import]
       :               ^^^^^^
     5 | target = "registry"
       `----
      help: lower-case letters, digits and hyphens, no hyphen first

    Error:
      x no role `imprter`
       ,-[rbac/capabilities.toml:7:14]
     6 | grants = [
     7 |     { role = "imprter", on = "namespaces" },
       :              ^^^^^^^^^
     8 |     { role = "importer", built_in = "7f951dda-4ed3-4680-a7ca-43fe172d538d" },
       `----
      help: did you mean `importer`?

    Error:
      x a registry has no namespaces
       ,-[rbac/capabilities.toml:7:30]
     6 | grants = [
     7 |     { role = "imprter", on = "namespaces" },
       :                              ^^^^^^^^^^^^
     8 |     { role = "importer", built_in = "7f951dda-4ed3-4680-a7ca-43fe172d538d" },
       `----
      help: they are a cluster's

    Error:
      x two roles in one entry
       ,-[rbac/capabilities.toml:8:14]
     7 |     { role = "imprter", on = "namespaces" },
     8 |     { role = "importer", built_in = "7f951dda-4ed3-4680-a7ca-43fe172d538d" },
       :              ^^^^^^^^^^             ^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^
       :                   |                                    `-- because of this
     9 |     {},
       `----
      help: give each an entry of its own in `grants`

    Error:
      x nothing says what `Import` may give at most
       ,-[rbac/capabilities.toml:8:37]
     7 |     { role = "imprter", on = "namespaces" },
     8 |     { role = "importer", built_in = "7f951dda-4ed3-4680-a7ca-43fe172d538d" },
       :                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     9 |     {},
       `----
      help: add `means` to [capabilities.Import]: its `actions` and
            `data_actions`, each in full

    Error:
      x an entry without a role
        ,-[rbac/capabilities.toml:9:5]
      8 |     { role = "importer", built_in = "7f951dda-4ed3-4680-a7ca-43fe172d538d" },
      9 |     {},
        :     ^^
     10 |     { role = "importer", name = "Importer" },
        `----
      help: `built_in` with a GUID and `name`, or `role`

    Error:
      x `name` is of a built-in role
        ,-[rbac/capabilities.toml:10:33]
      9 |     {},
     10 |     { role = "importer", name = "Importer" },
        :                                 ^^^^^^^^^^
     11 |     { role = "importer" },
        `----
      help: `display_name` of a role stands in `[roles]`

    Error:
      x the same role a second time
        ,-[rbac/capabilities.toml:11:5]
      9 |     {},
     10 |     { role = "importer", name = "Importer" },
        :     ^^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^^
        :                         `-- because of this
     11 |     { role = "importer" },
        :     ^^^^^^^^^^^^^^^^^^^^^
     12 | ]
        `----

    Error:
      x a capability that gives nothing
        ,-[rbac/capabilities.toml:15:10]
     14 | target = "key"
     15 | grants = []
        :          ^^
     16 | [roles.importer]
        `----
      help: name a role, such as { built_in = "GUID", name = "AcrPull" }

    Error:
      x `Microsoft.ContainerRegistry/registries/*` allows more than it says
        ,-[rbac/capabilities.toml:19:5]
     18 | actions = [
     19 |     "Microsoft.ContainerRegistry/registries/*",
        :     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     20 |     "registries/read",
        `----
      help: name each action in full: what `*` covers grows with Azure

    Error:
      x `registries/read` is not an action
        ,-[rbac/capabilities.toml:20:5]
     19 |     "Microsoft.ContainerRegistry/registries/*",
     20 |     "registries/read",
        :     ^^^^^^^^^^^^^^^^^
     21 |     "Microsoft.ContainerRegistry/registries/import",
        `----
      help: such as Microsoft.ContainerRegistry/registries/pull/read: it ends with
            read, write, delete or action

    Error:
      x `Microsoft.ContainerRegistry/registries/import` is not an action
        ,-[rbac/capabilities.toml:21:5]
     20 |     "registries/read",
     21 |     "Microsoft.ContainerRegistry/registries/import",
        :     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     22 |     "Microsoft.ContainerRegistry/registries/read",
        `----
      help: such as Microsoft.ContainerRegistry/registries/pull/read: it ends with
            read, write, delete or action

    Error:
      x `microsoft.containerregistry/registries/READ` a second time
        ,-[rbac/capabilities.toml:23:5]
     21 |     "Microsoft.ContainerRegistry/registries/import",
     22 |     "Microsoft.ContainerRegistry/registries/read",
        :     ^^^^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^^^^^
        :                           `-- because of this
     23 |     "microsoft.containerregistry/registries/READ",
        :     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     24 | ]
        `----

    Error:
      x a role that allows nothing
        ,-[rbac/capabilities.toml:25:8]
     24 | ]
     25 | [roles.reader]
        :        ^^^^^^
     26 | display_name = "reader"
        `----
      help: add `actions` or `data_actions`

    Error:
      x the role `importer` has the same name in Azure
        ,-[rbac/capabilities.toml:26:16]
     16 | [roles.importer]
     17 | display_name = "Reader"
        :                ^^^^|^^^
        :                    `-- because of this
     18 | actions = [
     19 |     "Microsoft.ContainerRegistry/registries/*",
     20 |     "registries/read",
     21 |     "Microsoft.ContainerRegistry/registries/import",
     22 |     "Microsoft.ContainerRegistry/registries/read",
     23 |     "microsoft.containerregistry/registries/READ",
     24 | ]
     25 | [roles.reader]
     26 | display_name = "reader"
        :                ^^^^^^^^
        `----
    "#);
}

#[test]
fn no_mistake_is_the_consequence_of_another() {
    // A faulty environment, a faulty table of principals and a faulty target hide what they say.
    let files = [
        ("common.toml", COMMON),
        (
            "dev.toml",
            "[group]\nname = \"rg-dev\"\n[regsitry]\nname = \"x\"\n",
        ),
        ("prod.toml", "[group\n"),
        ("rbac/principals.toml", "[principls.engine]\n"),
        (
            "rbac/capabilities.toml",
            "[capabilities.sign]\ntarget = \"vault\"\ngrants = [{ role = \"r\" }]\n\
             [roles.r]\nactions = [\"Microsoft.KeyVault/vaults/read\"]\n",
        ),
        (
            "rbac/matrix.toml",
            "[engine]\n\"dev.registry\" = \"sign\"\n\"prod.registry\" = \"sign\"\n",
        ),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 4 mistakes

    Error:
      x unknown key `regsitry`
       ,-[environments/dev.toml:3:2]
     2 | name = "rg-dev"
     3 | [regsitry]
       :  ^^^^^^^^
     4 | name = "x"
       `----
      help: did you mean `registry`?

    Error:
      x unclosed table, expected `]`
       ,-[environments/prod.toml:1:7]
     1 | [group
       :       ^
       `----

    Error:
      x `vault` is none of registry, cluster, key
       ,-[rbac/capabilities.toml:2:10]
     1 | [capabilities.sign]
     2 | target = "vault"
       :          ^^^^^^^
     3 | grants = [{ role = "r" }]
       `----

    Error:
      x unknown key `principls`
       ,-[rbac/principals.toml:1:2]
     1 | [principls.engine]
       :  ^^^^^^^^^
       `----
      help: did you mean `principals`?
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

#[test]
fn a_role_gives_no_more_than_the_word_means() {
    let capabilities = "\
[capabilities.verify]
target = \"key\"
grants = [{ role = \"verifier\" }]
means.data_actions = [
    \"Microsoft.KeyVault/vaults/keys/read\",
    \"Microsoft.KeyVault/vaults/keys/verify/action\",
    \"Microsoft.KeyVault/vaults/keys/*\",
]
[capabilities.pull]
target = \"registry\"
grants = [{ built_in = \"b24988ac-6180-42a0-ab88-20f7382dd24c\", name = \"Contributor\" }]
[roles.verifier]
actions = [\"Microsoft.KeyVault/vaults/read\"]
data_actions = [
    \"microsoft.keyvault/vaults/keys/read\",
    \"Microsoft.KeyVault/vaults/keys/verify/action\",
    \"Microsoft.KeyVault/vaults/keys/sign/action\",
]
";
    insta::assert_snapshot!(mistakes(&files(PRINCIPALS, capabilities, "")), @r#"
      x the configuration has 4 mistakes

    Error:
      x `Microsoft.KeyVault/vaults/keys/*` allows more than it says
       ,-[rbac/capabilities.toml:7:5]
     6 |     "Microsoft.KeyVault/vaults/keys/verify/action",
     7 |     "Microsoft.KeyVault/vaults/keys/*",
       :     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     8 | ]
       `----
      help: name each action in full: what `*` covers grows with Azure

    Error:
      x nothing says what `pull` may give at most
        ,-[rbac/capabilities.toml:11:24]
     10 | target = "registry"
     11 | grants = [{ built_in = "b24988ac-6180-42a0-ab88-20f7382dd24c", name = "Contributor" }]
        :                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     12 | [roles.verifier]
        `----
      help: add `means` to [capabilities.pull]: its `actions` and `data_actions`,
            each in full

    Error:
      x `Microsoft.KeyVault/vaults/read` is more than `verify` means
       ,-[rbac/capabilities.toml:4:1]
     3 | grants = [{ role = "verifier" }]
     4 | means.data_actions = [
       : ^^|^^
       :   `-- because of this
     5 |     "Microsoft.KeyVault/vaults/keys/read",
       `----
        ,-[rbac/capabilities.toml:13:12]
     12 | [roles.verifier]
     13 | actions = ["Microsoft.KeyVault/vaults/read"]
        :            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     14 | data_actions = [
        `----
      help: take it out, or say in `means` what it is needed for

    Error:
      x `Microsoft.KeyVault/vaults/keys/sign/action` is more than `verify` means
       ,-[rbac/capabilities.toml:4:1]
     3 | grants = [{ role = "verifier" }]
     4 | means.data_actions = [
       : ^^|^^
       :   `-- because of this
     5 |     "Microsoft.KeyVault/vaults/keys/read",
       `----
        ,-[rbac/capabilities.toml:17:5]
     16 |     "Microsoft.KeyVault/vaults/keys/verify/action",
     17 |     "Microsoft.KeyVault/vaults/keys/sign/action",
        :     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     18 | ]
        `----
      help: take it out, or say in `means` what it is needed for
    "#);
}

#[test]
fn what_is_kept_apart_is_given_to_nobody() {
    let principals = "\
[principals.engine]
[groups.builders.members]
ada = \"66666666-6666-4666-8666-000000000001\"
[groups.movers.members]
grace = \"66666666-6666-4666-8666-000000000001\"
";
    let capabilities = format!(
        "{CAPABILITIES}\
[[separate]]
reason = \"who reads does not import\"
either = {{ capability = \"pull\" }}
or = {{ capability = \"import\", on = \"prod.*\" }}
[[separate]]
reason = \" \"
either = {{ capability = \"pul\" }}
or = {{ capability = \"import\", on = \"Prod\" }}
"
    );
    let sound_rules = capabilities.split("[[separate]]\nreason = \" \"").next();
    let matrix = "\
[engine]
\"dev.registry\" = \"pull\"
\"prod.registry\" = \"import\"
[builders]
\"dev.registry\" = \"pull\"
[movers]
\"prod.registry\" = \"import\"
";
    let prod = DEV
        .replace("onestreamdev", "onestreamprod")
        .replace("rg-dev", "rg-prod");
    let told = |capabilities: &str, matrix: &str| {
        let mut files = files(principals, capabilities, matrix).to_vec();
        files.push(("prod.toml", &prod));
        mistakes(&files)
    };
    insta::assert_snapshot!(told(&capabilities, ""), @r#"
      x the configuration has 3 mistakes

    Error:
      x an empty text
        ,-[rbac/capabilities.toml:18:10]
     17 | [[separate]]
     18 | reason = " "
        :          ^^^
     19 | either = { capability = "pul" }
        `----

    Error:
      x no capability `pul`
        ,-[rbac/capabilities.toml:19:25]
     18 | reason = " "
     19 | either = { capability = "pul" }
        :                         ^^^^^
     20 | or = { capability = "import", on = "Prod" }
        `----
      help: did you mean `pull`?

    Error:
      x `Prod` selects no address
        ,-[rbac/capabilities.toml:20:36]
     19 | either = { capability = "pul" }
     20 | or = { capability = "import", on = "Prod" }
        :                                    ^^^^^^
        `----
      help: an address, `*` for any part of it, such as "prod.*"
    "#);
    insta::assert_snapshot!(told(sound_rules.expect("rules"), matrix), @r#"
      x the configuration has a mistake

    Error:
      x `engine` would hold `pull` on dev.registry and `import` on prod.registry
       ,-[rbac/matrix.toml:3:19]
     1 | [engine]
     2 | "dev.registry" = "pull"
       :                  ^^^|^^
       :                     `-- because of this
     3 | "prod.registry" = "import"
       :                   ^^^^^^^^
     4 | [builders]
       `----
      help: rbac/capabilities.toml keeps them apart: who reads does not import
    "#);
}

#[test]
fn what_is_allowed_beside_the_matrix_says_who_answers_for_it() {
    let principals = "\
[principals.engine]
[deployers.engine]
object_id = \"nobody\"
roles = [\"Owner\"]
[allowed.break-glass]
principal = \"66666666-6666-4666-8666-000000000001\"
role = \"8e3af657-a8ff-443c-a75c-2fe8c4bcb635\"
scope = \"prod\"
owner = \"\"
reason = \"nobody else gets in\"
until = \"for ever\"
";
    insta::assert_snapshot!(mistakes(&files(principals, CAPABILITIES, "")), @r#"
      x the configuration has 6 mistakes

    Error:
      x `engine` is taken
       ,-[rbac/principals.toml:2:12]
     1 | [principals.engine]
       : ^^^^^^^^^|^^^^^^^^^
       :          `-- because of this
     2 | [deployers.engine]
       :            ^^^^^^
     3 | object_id = "nobody"
       `----
      help: each name means one principal: rename one

    Error:
      x `nobody` is not a GUID
       ,-[rbac/principals.toml:3:13]
     2 | [deployers.engine]
     3 | object_id = "nobody"
       :             ^^^^^^^^
     4 | roles = ["Owner"]
       `----
      help: such as 22222222-2222-4222-8222-222222222222

    Error:
      x `Owner` is not a GUID
       ,-[rbac/principals.toml:4:10]
     3 | object_id = "nobody"
     4 | roles = ["Owner"]
       :          ^^^^^^^
     5 | [allowed.break-glass]
       `----
      help: such as 22222222-2222-4222-8222-222222222222

    Error:
      x `prod` is not the id of anything in Azure
       ,-[rbac/principals.toml:8:9]
     7 | role = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
     8 | scope = "prod"
       :         ^^^^^^
     9 | owner = ""
       `----
      help: such as /subscriptions/GUID; leave it out for a role of the directory

    Error:
      x an empty text
        ,-[rbac/principals.toml:9:9]
      8 | scope = "prod"
      9 | owner = ""
        :         ^^
     10 | reason = "nobody else gets in"
        `----

    Error:
      x `for ever` is not a date
        ,-[rbac/principals.toml:11:9]
     10 | reason = "nobody else gets in"
     11 | until = "for ever"
        :         ^^^^^^^^^^
        `----
      help: such as 2027-03-31: nothing is allowed for good
    "#);
}

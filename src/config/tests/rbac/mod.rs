//! What `rbac/` comes to, and what people see who made a mistake in it.

mod beside;
mod capabilities;
mod matrix;
mod principals;

use super::super::{Configuration, SAMPLES, load};
use super::{COMMON, folder, loaded, mistakes, name, render, sound, write};
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

//! What a word gives: roles, their actions, and no more than it means.

use super::*;

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

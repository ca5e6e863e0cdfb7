//! Mistakes of whole files: syntax, tables, what is inherited, what stands twice.

use super::*;

#[test]
fn syntax_errors_of_a_file_at_once() {
    let dev = "\
[group
name = \"rg-dev\"
[registry]
name = onestreamdev
sku =
replicate_to = [\"westus2\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x unclosed table, expected `]`
       ,-[environments/dev.toml:1:7]
     1 | [group
       :       ^
     2 | name = "rg-dev"
       `----

    Error:
      x string values must be quoted, expected literal string
       ,-[environments/dev.toml:4:8]
     3 | [registry]
     4 | name = onestreamdev
       :        ^^^^^^^^^^^^
     5 | sku =
       `----

    Error:
      x string values must be quoted, expected literal string
       ,-[environments/dev.toml:5:6]
     4 | name = onestreamdev
     5 | sku =
       :      ^
     6 | replicate_to = ["westus2"
       `----

    Error:
      x unclosed array, expected `]`
       ,-[environments/dev.toml:6:26]
     5 | sku =
     6 | replicate_to = ["westus2"
       :                          ^
       `----
    "#);
}

#[test]
fn a_broken_common_file_leaves_the_others_to_be_checked() {
    let files = [
        ("common.toml", "[azure\n"),
        ("dev.toml", "[registry]\nskuu = \"Premium\"\nname = \"-\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 2 mistakes

    Error:
      x unclosed table, expected `]`
       ,-[environments/common.toml:1:7]
     1 | [azure
       :       ^
       `----

    Error:
      x unknown key `skuu`
       ,-[environments/dev.toml:2:1]
     1 | [registry]
     2 | skuu = "Premium"
       : ^^^^
     3 | name = "-"
       `----
      help: did you mean `sku`?
    "#);
}

#[test]
fn duplicates_show_both_places() {
    let dev = "\
[group]
name = \"rg-dev\"
name = \"rg-dev-2\"
[registry]
name = \"onestreamdev\"
[group]
lock = \"ReadOnly\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 2 mistakes

    Error:
      x `name` is set a second time
       ,-[environments/dev.toml:3:1]
     1 | [group]
     2 | name = "rg-dev"
       : ^^|^
       :   `-- first here
     3 | name = "rg-dev-2"
       : ^^|^
       :   `-- again here
     4 | [registry]
       `----

    Error:
      x `group` is set a second time
       ,-[environments/dev.toml:1:2]
     1 | [group]
       :  ^^|^^
       :    `-- first here
     2 | name = "rg-dev"
       `----
       ,-[environments/dev.toml:6:2]
     5 | name = "onestreamdev"
     6 | [group]
       :  ^^|^^
       :    `-- again here
     7 | lock = "ReadOnly"
       `----
    "#);
}

#[test]
fn inherited_mistakes_are_said_once_with_who_inherits_them() {
    let common = format!("{COMMON}[registry]\nreplicate_to = [\"moon\"]\nsku = \"Basic\"\n");
    let files = [
        ("common.toml", &*common),
        (
            "dev.toml",
            "[group]\nname = \"rg-dev\"\n[registry]\nname = \"onestreamdev\"\n",
        ),
        ("prod.toml", "[group]\nname = \"rg-prod\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 4 mistakes

    Error:
      x missing key `name`
        ,-[environments/common.toml:9:2]
      8 | recovery = "westus2"
      9 | [registry]
        :  ^^^^|^^^
        :      `-- in prod
     10 | replicate_to = ["moon"]
        `----

    Error:
      x geo-replication needs sku Premium, not Basic
        ,-[environments/common.toml:10:16]
      9 | [registry]
     10 | replicate_to = ["moon"]
        :                ^^^^|^^^
        :                    `-- in dev, prod
     11 | sku = "Basic"
        `----

    Error:
      x `moon` is not an Azure region
        ,-[environments/common.toml:10:17]
      9 | [registry]
     10 | replicate_to = ["moon"]
        :                 ^^^|^^
        :                    `-- in dev, prod
     11 | sku = "Basic"
        `----
      help: did you mean `eastus`?

    Error:
      x closing public network access needs sku Premium, not Basic
        ,-[environments/common.toml:11:7]
     10 | replicate_to = ["moon"]
     11 | sku = "Basic"
        :       ^^^|^^^
        :          `-- in dev, prod
        `----
    "#);
}

#[test]
fn some_things_are_said_in_common_only() {
    let dev = "\
[azure]
cloud = \"public\"
[control]
store = \"file:elsewhere\"
[shared.group]
name = \"rg-shared\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 3 mistakes

    Error:
      x `azure.cloud` cannot be set here
       ,-[environments/dev.toml:2:1]
     1 | [azure]
     2 | cloud = "public"
       : ^^^^^
     3 | [control]
       `----
      help: it is one for all environments: set it in environments/common.toml

    Error:
      x `control` cannot be set here
       ,-[environments/dev.toml:3:2]
     2 | cloud = "public"
     3 | [control]
       :  ^^^^^^^
     4 | store = "file:elsewhere"
       `----
      help: it is one for all environments: set it in environments/common.toml

    Error:
      x `shared` cannot be set here
       ,-[environments/dev.toml:5:2]
     4 | store = "file:elsewhere"
     5 | [shared.group]
       :  ^^^^^^
     6 | name = "rg-shared"
       `----
      help: `shared` is described in environments/common.toml
    "#);
    let common =
        format!("{COMMON}[shared.azure]\ntenant = \"x\"\n[shared.environment]\norder = 1\n");
    insta::assert_snapshot!(in_common(&common), @r#"
      x the configuration has 2 mistakes

    Error:
      x `azure` cannot be set here
        ,-[environments/common.toml:9:9]
      8 | recovery = "westus2"
      9 | [shared.azure]
        :         ^^^^^
     10 | tenant = "x"
        `----
      help: `shared` lives in the tenant and subscription of `[azure]`

    Error:
      x `environment.order` cannot be set here
        ,-[environments/common.toml:12:1]
     11 | [shared.environment]
     12 | order = 1
        : ^^^^^
        `----
      help: `shared` always comes first

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn what_has_to_be_there() {
    insta::assert_snapshot!(in_common(""), @r#"
      x the configuration has 2 mistakes

    Error:
      x missing key `azure`
       ,-[environments/common.toml:1:1]
       `----
      help: add a table `[azure]`

    Error:
      x missing key `regions`
       ,-[environments/common.toml:1:1]
       `----
      help: add a table `[regions]`

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
    insta::assert_snapshot!(in_common("[azure]\ncloud = \"emulator\"\n[regions]\n"), @r#"
      x the configuration has 4 mistakes

    Error:
      x missing key `subscription`
       ,-[environments/common.toml:1:2]
     1 | [azure]
       :  ^^^^^
     2 | cloud = "emulator"
       `----

    Error:
      x missing key `tenant`
       ,-[environments/common.toml:1:2]
     1 | [azure]
       :  ^^^^^
     2 | cloud = "emulator"
       `----

    Error:
      x missing key `primary`
       ,-[environments/common.toml:3:2]
     2 | cloud = "emulator"
     3 | [regions]
       :  ^^^^^^^
       `----

    Error:
      x missing key `recovery`
       ,-[environments/common.toml:3:2]
     2 | cloud = "emulator"
     3 | [regions]
       :  ^^^^^^^
       `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn tables_are_tables() {
    insta::assert_snapshot!(in_dev("group = 5\nregistry = [1]\ntags = { a = 1 }\nregions = 1979-05-27\n"), @r#"
      x the configuration has 4 mistakes

    Error:
      x expected a table, found an integer
       ,-[environments/dev.toml:1:9]
     1 | group = 5
       :         ^
     2 | registry = [1]
       `----

    Error:
      x expected a table, found an array
       ,-[environments/dev.toml:2:12]
     1 | group = 5
     2 | registry = [1]
       :            ^^^
     3 | tags = { a = 1 }
       `----

    Error:
      x expected a string, found an integer
       ,-[environments/dev.toml:3:14]
     2 | registry = [1]
     3 | tags = { a = 1 }
       :              ^
     4 | regions = 1979-05-27
       `----

    Error:
      x expected a table, found a date or time
       ,-[environments/dev.toml:4:11]
     3 | tags = { a = 1 }
     4 | regions = 1979-05-27
       :           ^^^^^^^^^^
       `----
    "#);
    insta::assert_snapshot!(in_common("azure = []\nregions = \"eastus2\"\nshared = 1\n"), @r#"
      x the configuration has 3 mistakes

    Error:
      x expected a table, found an array
       ,-[environments/common.toml:1:9]
     1 | azure = []
       :         ^^
     2 | regions = "eastus2"
       `----

    Error:
      x expected a table, found a string
       ,-[environments/common.toml:2:11]
     1 | azure = []
     2 | regions = "eastus2"
       :           ^^^^^^^^^
     3 | shared = 1
       `----

    Error:
      x expected a table, found an integer
       ,-[environments/common.toml:3:10]
     2 | regions = "eastus2"
     3 | shared = 1
       :          ^
       `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

//! Single values: names, regions, numbers, ranges.

use super::*;

#[test]
fn names_are_unique_over_environments() {
    let files = [
        ("common.toml", COMMON),
        ("dev.toml", "[group]\nname = \"rg-one\"\n"),
        ("prod.toml", "# prod\n[group]\nname = \"RG-One\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has a mistake

    Error:
      x `rg-one` is taken: names of resource groups are unique over all
      | environments
       ,-[environments/prod.toml:3:8]
     2 | [group]
     3 | name = "RG-One"
       :        ^^^^^^^^
       `----

    Advice:
      > it was first used here
       ,-[environments/dev.toml:2:8]
     1 | [group]
     2 | name = "rg-one"
       :        ^^^^^^^^
       `----
    "#);
    let common = format!("{COMMON}[group]\nname = \"rg-one\"\n");
    let files = [
        ("common.toml", &*common),
        ("dev.toml", ""),
        ("prod.toml", ""),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has a mistake

    Error:
      x `rg-one` is taken: names of resource groups are unique over all
      | environments
        ,-[environments/common.toml:10:8]
      9 | [group]
     10 | name = "rg-one"
        :        ^^^^|^^^
        :            `-- in prod
        `----
    "#);
    let common = format!("{COMMON}[shared.group]\nname = \"rg-one\"\n");
    let files = [
        ("common.toml", &*common),
        ("dev.toml", "[group]\nname = \"rg-one\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has a mistake

    Error:
      x `rg-one` is taken: names of resource groups are unique over all
      | environments
       ,-[environments/dev.toml:2:8]
     1 | [group]
     2 | name = "rg-one"
       :        ^^^^^^^^
       `----

    Advice:
      > it was first used here
        ,-[environments/common.toml:10:8]
      9 | [shared.group]
     10 | name = "rg-one"
        :        ^^^^^^^^
        `----
    "#);
}

#[test]
fn regions_and_tags() {
    let dev = "\
[regions]
primary = \"East US 2\"
[tags]
managed-by = \"me\"
\"a/b\" = \"\"
Team = \"a\"
team = \"b\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x `East US 2` is not an Azure region
       ,-[environments/dev.toml:2:11]
     1 | [regions]
     2 | primary = "East US 2"
       :           ^^^^^^^^^^^
     3 | [tags]
       `----
      help: did you mean `eastus2`?

    Error:
      x the tag `managed-by` is set by onestream itself
       ,-[environments/dev.toml:4:1]
     3 | [tags]
     4 | managed-by = "me"
       : ^^^^^^^^^^
     5 | "a/b" = ""
       `----

    Error:
      x a tag's name cannot have '/': none of <>%&\?/ and no control characters
       ,-[environments/dev.toml:5:1]
     4 | managed-by = "me"
     5 | "a/b" = ""
       : ^^^^^
     6 | Team = "a"
       `----

    Error:
      x the tag `team` differs from another by case only, which Azure ignores
       ,-[environments/dev.toml:7:1]
     6 | Team = "a"
     7 | team = "b"
       : ^^^^
       `----
    "#);
    insta::assert_snapshot!(in_dev("[regions]\nrecovery = \"eastus2\"\n"), @r#"
      x the configuration has a mistake

    Error:
      x the recovery region is the primary region
       ,-[environments/dev.toml:2:12]
     1 | [regions]
     2 | recovery = "eastus2"
       :            ^^^^^^^^^
       `----
      help: name a region that stands when the primary one fails
    "#);
}

#[test]
fn numbers_have_bounds() {
    let dev =
        "[environment]\norder = 99999999999999999999\n[registry]\nretain_untagged_days = 70000\n";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x a number beyond what 64 bits hold
       ,-[environments/dev.toml:2:9]
     1 | [environment]
     2 | order = 99999999999999999999
       :         ^^^^^^^^^^^^^^^^^^^^
     3 | [registry]
       `----

    Error:
      x a registry needs a resource group
       ,-[environments/dev.toml:3:1]
     2 | order = 99999999999999999999
     3 | [registry]
       : ^^^^^^^^^^
     4 | retain_untagged_days = 70000
       `----
      help: add `[group]` with a name

    Error:
      x missing key `name`
       ,-[environments/dev.toml:3:2]
     2 | order = 99999999999999999999
     3 | [registry]
       :  ^^^^^^^^
     4 | retain_untagged_days = 70000
       `----

    Error:
      x expected a whole number from 0 to 65535, found 70000
       ,-[environments/dev.toml:4:24]
     3 | [registry]
     4 | retain_untagged_days = 70000
       :                        ^^^^^
       `----
    "#);
}

#[test]
fn nothing_steers_the_terminal() {
    insta::assert_snapshot!(in_dev("\"\\u001b[31mred\" = 1\n# \u{85}\nname = \"\u{1b}\"\n"), @r#"
      x the configuration has a mistake

    Error:
      x invalid basic string, expected non-double-quote visible characters, `\`
       ,-[environments/dev.toml:3:9]
     2 | #
     3 | name = " "
       :         ^
       `----
    "#);
    insta::assert_snapshot!(in_dev("\"\\u001b[31mred\" = 1\n# \u{85}"), @r#"
      x the configuration has a mistake

    Error:
      x unknown key `\u{1b}[31mred`
       ,-[environments/dev.toml:1:1]
     1 | "\u001b[31mred" = 1
       : ^^^^^^^^^^^^^^^
     2 | #
       `----
      help: known here: azure, regions, tags, environment, group, network,
            registry, vault, cluster, workspace, store, services
    "#);
}

#[test]
fn what_was_meant_is_taken_as_there() {
    let dev = "\
[gruop]
name = \"rg-dev\"
[registry]
nmae = \"onestreamdev\"
public_netwrok_access = true
allowed_ips = [\"10.0.0.1\"]
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 3 mistakes

    Error:
      x unknown key `gruop`
       ,-[environments/dev.toml:1:2]
     1 | [gruop]
       :  ^^^^^
     2 | name = "rg-dev"
       `----
      help: did you mean `group`?

    Error:
      x unknown key `nmae`
       ,-[environments/dev.toml:4:1]
     3 | [registry]
     4 | nmae = "onestreamdev"
       : ^^^^
     5 | public_netwrok_access = true
       `----
      help: did you mean `name`?

    Error:
      x unknown key `public_netwrok_access`
       ,-[environments/dev.toml:5:1]
     4 | nmae = "onestreamdev"
     5 | public_netwrok_access = true
       : ^^^^^^^^^^^^^^^^^^^^^
     6 | allowed_ips = ["10.0.0.1"]
       `----
      help: did you mean `public_network_access`?
    "#);
}

#[test]
fn ranges_that_clash_are_shown_with_both_places() {
    let dev = "\
[group]
name = \"rg\"
[network]
name = \"vnet\"
address_space = [\"10.0.0.0/16\"]
[network.subnets]
endpoints = \"10.0.1.0/24\"
nodes = \"10.0.0.0/22\"
outside = \"10.1.0.0/24\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 2 mistakes

    Error:
      x `10.0.0.0/22` overlaps `10.0.1.0/24` of subnet `endpoints`
       ,-[environments/dev.toml:8:9]
     6 | [network.subnets]
     7 | endpoints = "10.0.1.0/24"
       :             ^^^^^^|^^^^^^
       :                   `-- because of this
     8 | nodes = "10.0.0.0/22"
       :         ^^^^^^^^^^^^^
     9 | outside = "10.1.0.0/24"
       `----

    Error:
      x `10.1.0.0/24` lies outside the network's 10.0.0.0/16
       ,-[environments/dev.toml:9:11]
     4 | name = "vnet"
     5 | address_space = ["10.0.0.0/16"]
       :                 ^^^^^^^|^^^^^^^
       :                        `-- because of this
     6 | [network.subnets]
     7 | endpoints = "10.0.1.0/24"
     8 | nodes = "10.0.0.0/22"
     9 | outside = "10.1.0.0/24"
       :           ^^^^^^^^^^^^^
       `----
    "#);
}

#[test]
fn a_private_endpoint_needs_a_network_and_the_tier_for_it() {
    let dev = "\
[group]
name = \"rg\"
[registry]
name = \"onestreamdev\"
sku = \"Standard\"
public_network_access = true
private_endpoint = true
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 2 mistakes

    Error:
      x a private endpoint needs a network to stand in
       ,-[environments/dev.toml:7:20]
     6 | public_network_access = true
     7 | private_endpoint = true
       :                    ^^^^
       `----
      help: add `[network]`

    Error:
      x a private endpoint needs sku Premium, not Standard
       ,-[environments/dev.toml:7:20]
     6 | public_network_access = true
     7 | private_endpoint = true
       :                    ^^^^
       `----
    "#);
}

#[test]
fn what_a_key_has_against_tags_is_said_at_the_tag() {
    let vault = "[group]\nname = \"rg\"\n[vault]\nname = \"kv-onestream-dev\"\nsku = \"premium\"\n\
                 [vault.keys.k]\ntype = \"EC-HSM\"\n";
    let tags: String = (0..14).map(|at| format!("t{at:02} = \"\"\n")).collect();
    let said = in_dev(&format!("{vault}[tags]\n{tags}"));
    assert!(
        said.contains("a key takes 13 tags, and there are 14"),
        "{said}"
    );
    // The fourteenth stands in line 22.
    assert!(said.contains("[environments/dev.toml:22:7]"), "{said}");
    let long = "x".repeat(257);
    let said = in_dev(&format!("{vault}[tags]\nowner = \"{long}\"\n"));
    assert!(said.contains("[environments/dev.toml:9:9]"), "{said}");
}

#[test]
fn a_key_that_has_expired_is_warned_of_while_it_may_be_used() {
    let dev = |more: &str| {
        format!(
            "\
[group]
name = \"rg-dev\"
[vault]
name = \"kv-dev\"
public_network_access = true
allowed_ips = [\"203.0.113.7\"]
[vault.keys.cosign]
{more}"
        )
    };
    let warned = |more: &str| -> Vec<String> {
        let configuration = sound(&[("common.toml", COMMON), ("dev.toml", &dev(more))]);
        configuration.warnings.iter().map(|it| render(it)).collect()
    };
    insta::assert_snapshot!(warned("expires = \"2020-01-01\"\n").join("\n\n"), @r#"
      ! `2020-01-01` is past: nothing can be signed with this key
       ,-[environments/dev.toml:8:11]
     7 | [vault.keys.cosign]
     8 | expires = "2020-01-01"
       :           ^^^^^^^^^^^^
       `----
      help: say a later day, or sign with a key of another name; `enabled = false`
            says that this one is only kept for what it has signed
    "#);
    let nothing: [String; 0] = [];
    assert_eq!(
        warned("expires = \"2020-01-01\"\nenabled = false\n"),
        nothing
    );
    assert_eq!(warned("expires = \"2999-12-31\"\n"), nothing);
}

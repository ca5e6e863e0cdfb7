//! Who there is: principals, groups, and what Entra takes of them.

use super::*;

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
fn what_stops_in_the_public_cloud_goes_on_elsewhere() {
    let principals = "\
[principals.engine.credentials.devops]
issuer = \"https://vstoken.dev.azure.com/44444444-4444-4444-8444-444444444444\"
subject = \"sc://onestream/platform/promotion\"
";
    for (cloud, warnings) in [("public", 1), ("usgov", 0), ("china", 0)] {
        // Only the local Azure takes the sample's tenant and subscription.
        let common = COMMON.replace("\"emulator\"", &format!("{cloud:?}"));
        let common = common
            .replace("-4111-", "-4112-")
            .replace("-4222-", "-4223-");
        let mut files = files(principals, CAPABILITIES, "");
        files[0].1 = &common;
        assert_eq!(sound(&files).warnings.len(), warnings, "{cloud}");
    }
}

#[test]
fn two_principals_never_trust_the_same_tokens() {
    let principal = |name: &str, issuer: &str, subject: &str, more: &str| {
        format!(
            "[principals.{name}.credentials.azure-devops]\nissuer = \"https://{issuer}\"\n\
             subject = \"{subject}\"\n{more}\n"
        )
    };
    let builder = principal("builder", "issuer.example", "s", "");
    for [issuer, subject, more] in [
        ["issuer.example/", "s", ""],
        ["issuer.example", "S", ""],
        ["issuer.example", "s", "audience = \"api://other\""],
    ] {
        let engine = principal("engine", issuer, subject, more);
        sound(&files(&format!("{builder}{engine}"), CAPABILITIES, ""));
    }
    let spelt_out = "audience = \"api://AzureADTokenExchange\"";
    let engine = principal("engine", "issuer.example", "s", spelt_out);
    let principals = format!("{builder}{engine}");
    insta::assert_snapshot!(mistakes(&files(&principals, CAPABILITIES, "")), @r#"
      x the configuration has a mistake

    Error:
      x `builder` trusts the same tokens
       ,-[rbac/principals.toml:7:11]
     2 | issuer = "https://issuer.example"
     3 | subject = "s"
       :           ^|^
       :            `-- because of this
     4 |
     5 | [principals.engine.credentials.azure-devops]
     6 | issuer = "https://issuer.example"
     7 | subject = "s"
       :           ^^^
     8 | audience = "api://AzureADTokenExchange"
       `----
      help: whoever holds one would be `engine` and `builder` at once: give each a
            service connection of its own
    "#);
}

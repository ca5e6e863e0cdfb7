//! What nobody holds both of, and what is held beside the matrix.

use super::*;

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

#[test]
fn nothing_is_allowed_for_good() {
    let principals = |until: &str| {
        format!(
            "\
[principals.engine]
[allowed.break-glass]
principal = \"66666666-6666-4666-8666-000000000001\"
role = \"8e3af657-a8ff-443c-a75c-2fe8c4bcb635\"
owner = \"platform\"
reason = \"nobody else gets in\"
until = \"{until}\"
"
        )
    };
    insta::assert_snapshot!(mistakes(&files(&principals("9999-12-31"), CAPABILITIES, "")), @r#"
      x the configuration has a mistake

    Error:
      x `9999-12-31` is more than two years away
       ,-[rbac/principals.toml:7:9]
     6 | reason = "nobody else gets in"
     7 | until = "9999-12-31"
       :         ^^^^^^^^^^^^
       `----
      help: nothing is allowed for good: name a nearer day, and move it when it
            comes
    "#);
    let today = time::OffsetDateTime::now_utc().date();
    for (days, faults) in [(-400, false), (0, false), (729, false), (732, true)] {
        let until = today.saturating_add(time::Duration::days(days));
        let principals = principals(&until.to_string());
        let files = files(&principals, CAPABILITIES, "");
        assert_eq!(loaded(&files).is_err(), faults, "{until}");
    }
}

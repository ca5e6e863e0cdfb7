//! What reviewers see of a plan, at 80 columns without colour.

use insta::assert_snapshot;
use serde_json::{Value as Json, json};
use textwrap::core::display_width;

use super::super::testing::{
    STYLE, address, change, desired, empty, every_action, id, in_the_way, operation,
};
use super::super::{Format, Style};
use super::render;
use crate::provision::diff::Rule as Asks;
use crate::provision::guard::{Objection, Permissions, Rule, guard};
use crate::provision::plan::{Action, Mode, Plan, Step, UnmanagedObject};

fn text(plan: &Plan) -> String {
    render(plan, &[], Format::Table, &STYLE)
}

/// What the guard says to a plan that nothing is allowed.
fn objections(plan: &Plan) -> Vec<Objection> {
    guard(plan.clone(), &Permissions::default(), &[])
        .err()
        .unwrap_or_default()
}

#[test]
fn every_action_reads_well() {
    assert_snapshot!(text(&every_action()), @r#"
    Plan for dev, prod, old on emulator: 4 to create, 1 to recover, 1 to adopt,
      1 to update, 1 to replace, 1 to delete, 1 lock to lift; 30 unchanged

    dev
      ↻ dev.cluster (cluster)  it was deleted and can be recovered
      + dev.cluster.pool.system (agent pool)
          it does not exist; made along with dev.cluster
          count 3
      + dev.grant.promotion-engine.registry.pull (role assignment)
          it does not exist
          principalId (known after shared.principal.promotion-engine),
          principalType ServicePrincipal
      + dev.group (resource group)  it does not exist
          eastus2, tags.team platform
      + dev.registry (registry)  it does not exist
          eastus2, sku Premium, publicNetworkAccess Enabled,
          networkRuleSet.defaultAction Deny, networkRuleSet.ipRules [{action:
          "Allow", value: "192.0.2.0/24"}]

    prod (protected)
      ← prod.group (resource group)  it exists without our marker
          id: …/resourceGroups/rg-onestream-prod-with-a-rather-long-name-eastus2
          tags.team: "web" → "platform"
      ~ prod.registry (registry)  4 managed fields differ
          sku.name: "Standard" → "Premium"  changed in TOML
          tags.team: (none) → "platform"
          properties.adminUserEnabled: true → false  changed in Azure, high drift
          properties.policies.retentionPolicy.status: "disabled" → "enabled"
            changed in TOML and in Azure, high drift
      ± prod.registry.lock (lock)
          lifted for prod.registry.replication.westus2, put back afterwards
      ± prod.registry.replication.westus2 (replication)
          Azure takes some of it on create only
          location: "westus3" → "westus2"  forces the replace, changed in TOML

    old
      - old.registry.onestreamold (registry)
          old is not declared any more; loses what cannot be made again
          id: …/resourceGroups/rg-old/registries/onestreamold

    environment  create  recover  adopt  update  replace  delete  lift
    ──────────────────────────────────────────────────────────────────
    dev               4        1      0       0        0       0     0
    prod              0        0      1       1        1       0     1
    old               0        0      0       0        0       1     0
    all               4        1      1       1        1       1     1
    "#);
}

#[test]
fn what_is_in_the_way_is_told_with_what_to_do() {
    let plan = in_the_way();
    assert_snapshot!(render(&plan, &objections(&plan), Format::Table, &STYLE), @r#"
    Plan for prod, staging on emulator: 0 to create, 0 to update, 0 to delete;
      12 unchanged, 1 refused, 1 unreadable

    Refused
      ! prod.registry  location cannot change from "eastus2" to "westus2"
          instead: a registry keeps its home region: add the region to replicate_to,
            or declare a registry of another name there and import the images

    Could not be read, left alone
      ? staging.registry
          AuthorizationFailed (403): The client 'a' with object id 'b' does not have
            authorization to perform action
            'Microsoft.ContainerRegistry/registries/read' over scope
            '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'. [2J
          hint: ask for the Reader role on the subscription
          request id: 2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4

    Not ours, never touched, though it stands where we manage
      …/resourceGroups/rg-prod/registries/other00
      …/resourceGroups/rg-prod/registries/other02
      …/resourceGroups/rg-prod/registries/other03
      …/resourceGroups/rg-prod/registries/other04
      …/resourceGroups/rg-prod/registries/other05
      …/resourceGroups/rg-prod/registries/other06
      …/resourceGroups/rg-prod/registries/other07
      …/resourceGroups/rg-prod/registries/other08
      …/resourceGroups/rg-prod/registries/other09
      …/resourceGroups/rg-prod/registries/other10
      and 3 more

    environment  refused  unreadable
    ────────────────────────────────
    prod               1           0
    staging            0           1
    all                1           1
    "#);
}

#[test]
fn strangers_come_first_and_other_estates_in_one_line_each() {
    let mut plan = empty(&["dev"], 0);
    let subscription = "/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11";
    let mut put = |id: String, estate: Option<&str>, copied_marker: bool| {
        plan.unmanaged.push(UnmanagedObject {
            id,
            arm_type: "any".to_owned(),
            copied_marker,
            estate: estate.map(str::to_owned),
        });
    };
    let roles = format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions");
    for number in 0..7 {
        put(format!("{roles}/{number}"), None, true);
        put(format!("{roles}/two{number}"), Some("two"), false);
        put(
            format!("{subscription}/resourceGroups/rg-two/{number}"),
            Some("two"),
            false,
        );
        put(
            format!("{subscription}/resourceGroups/MC/{number}"),
            None,
            true,
        );
    }
    put(format!("{roles}/three"), Some("three"), false);
    put(
        format!("{subscription}/resourceGroups/rg-dev/evil"),
        None,
        false,
    );
    let text = text(&plan);
    let (_, told) = text.split_once("where we manage\n").expect("some");
    assert_snapshot!(told, @r"
      /subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11/resourceGroups/rg-dev/evil
      estate three  1 object of it
      estate two  14 objects of it
      subscription 7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11  7 copied markers
      …/resourceGroups/MC  7 copied markers
    ");
}

#[test]
fn the_guard_is_heard() {
    let plan = every_action();
    let all = render(&plan, &objections(&plan), Format::Table, &STYLE);
    let said = all
        .split_once("Blocked by the guard\n")
        .expect("it objects")
        .1;
    assert_snapshot!(said, @r#"
      ! prod.group  it exists without our marker
          instead: plan with --adopt to take it over, or declare another name
      ! prod.registry.lock
          the lock would be lifted for prod.registry.replication.westus2, put back
          afterwards
          instead: say --allow-destroy prod.registry.lock if that is meant
      ! old.registry.onestreamold  delete would lose what cannot be made again
          instead: say --allow-destroy old.registry.onestreamold if that is meant
      ! prod.registry.replication.westus2  replace in prod, which is protected
      ! prod.registry.lock  replace in prod, which is protected
          instead: no flag replaces an approval: save the plan (onestream plan --out
            FILE), have it approved (onestream approve FILE), then apply FILE

    environment  create  recover  adopt  update  replace  delete  lift
    ──────────────────────────────────────────────────────────────────
    dev               4        1      0       0        0       0     0
    prod              0        0      1       1        1       0     1
    old               0        0      0       0        0       1     0
    all               4        1      1       1        1       1     1
    "#);
}

#[test]
fn markdown_folds_details_and_escapes_them() {
    let mut plan = every_action();
    plan.operations.truncate(2);
    let mut update = operation(
        "dev.x",
        "odd|kind",
        "/x",
        Action::Update,
        Step::Update,
        "a|b <b>`",
    );
    update.changes = vec![change(
        "tags.a|b",
        json!("`x`"),
        json!("<i>|"),
        Asks::InPlace,
        None,
    )];
    plan.operations.push(update);
    assert_snapshot!(render(&plan, &[], Format::Markdown, &STYLE), @r#"
    ### Plan for dev, prod on emulator

    **2 to create, 1 to update, 0 to delete**; 30 unchanged

    <details><summary><strong>dev</strong>: 2 to create, 1 to update, 0 to delete</summary>

    |  | resource | kind | why | details |
    |---|---|---|---|---|
    | `+` | `dev.group` | resource group | it does not exist | `eastus2`, `tags.team platform` |
    | `+` | `dev.registry` | registry | it does not exist | `eastus2`, `sku Premium`, `publicNetworkAccess Enabled`, `networkRuleSet.defaultAction Deny`, `networkRuleSet.ipRules [{action: "Allow", value: "192.0.2.0/24"}]` |
    | `~` | `dev.x` | odd\|kind | a\|b &lt;b&gt;\` | `tags.a\|b`: `` "`x`" `` → `"<i>\|"` |

    </details>
    "#);
}

#[test]
fn markdown_shows_what_is_in_the_way_first() {
    let mut plan = in_the_way();
    plan.unmanaged.truncate(1);
    assert_snapshot!(render(&plan, &objections(&plan), Format::Markdown, &STYLE), @r#"
    ### Plan for prod, staging on emulator

    **0 to create, 0 to update, 0 to delete**; 12 unchanged, 1 refused, 1 unreadable

    #### ! Refused

    | resource | problem | instead |
    |---|---|---|
    | `prod.registry` | location cannot change from "eastus2" to "westus2" | a registry keeps its home region: add the region to replicate\_to, or declare a registry of another name there and import the images |

    #### ? Could not be read, left alone

    | resource | code | message | hint | request id |
    |---|---|---|---|---|
    | `staging.registry` | `AuthorizationFailed` | The client 'a' with object id 'b' does not have authorization to perform action 'Microsoft.ContainerRegistry/registries/read' over scope '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'. \[2J | ask for the Reader role on the subscription | `2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4` |

    <details><summary>1 not ours, never touched</summary>

    | id |  |
    |---|---|
    | `/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11/resourceGroups/rg-prod/providers/Microsoft.ContainerRegistry/registries/other00` |  |

    </details>
    "#);
}

#[test]
fn nothing_to_do_is_said_in_one_line() {
    assert_eq!(
        text(&empty(&["dev"], 45)),
        "No changes. 45 resources are as declared.\n"
    );
    assert_eq!(
        text(&empty(&["dev"], 1)),
        "No changes. 1 resource is as declared.\n"
    );
    let mut destroy = empty(&["dev"], 0);
    destroy.mode = Mode::Destroy;
    assert_eq!(text(&destroy), "Nothing to destroy.\n");
}

#[test]
fn what_was_not_looked_at_is_said_and_is_not_called_fine() {
    let mut plan = empty(&["dev"], 2);
    plan.left_out = 4;
    let said = "No changes. 2 resources are as declared. 4 not looked at.\n";
    assert_eq!(text(&plan), said);
    plan.unchanged = 0;
    let said = "Nothing was looked at: the selection leaves everything out. 4 not looked at.\n";
    assert_eq!(text(&plan), said);
    let mut plan = every_action();
    plan.left_out = 4;
    for format in [Format::Table, Format::Markdown] {
        let said = render(&plan, &[], format, &STYLE);
        // The headline may be broken over two lines.
        let words: Vec<&str> = said.split_whitespace().collect();
        let said = words.join(" ");
        assert!(said.contains("30 unchanged, 4 not looked at"), "{said}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut long = every_action();
    let mut update = operation(
        "staging.grant.a-principal-with-a-very-long-name.registry.import",
        "role assignment",
        "/x",
        Action::Update,
        Step::Update,
        "one managed field differs",
    );
    let ids = [json!(id("a", "/b")), json!(id("c", "/d"))];
    let [before, after] = ids;
    update.changes = vec![change(
        "properties.scope",
        before,
        after,
        Asks::InPlace,
        None,
    )];
    long.operations.push(update);
    for width in [72, 80, 120] {
        for plan in [&long, &in_the_way()] {
            let style = Style { width, ..STYLE };
            for line in render(plan, &objections(plan), Format::Table, &style).lines() {
                assert!(display_width(line) <= usize::from(width), "{width}: {line}");
            }
        }
    }
}

#[test]
fn shortened_values_still_differ() {
    let mut plan = empty(&["dev"], 0);
    let mut update = operation("dev.x", "x", "/x", Action::Update, Step::Update, "differs");
    let long = |middle: &str| json!(format!("{}{middle}{}", "a".repeat(60), "z".repeat(60)));
    update.changes = vec![change("p", long("1"), long("2"), Asks::InPlace, None)];
    plan.operations.push(update);
    let text = text(&plan);
    assert!(text.contains("a1z") && text.contains("a2z"), "{text}");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plan = every_action();
    let said = objections(&plan);
    let coloured = Style {
        colour: true,
        ..STYLE
    };
    let text = render(&plan, &said, Format::Table, &coloured);
    assert!(text.contains('\u{1b}'));
    let mut bare = String::new();
    let mut escape = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            _ => bare.push(c),
        }
    }
    assert_eq!(bare, render(&plan, &said, Format::Table, &STYLE));
}

#[test]
fn ascii_is_ascii() {
    let style = Style {
        unicode: false,
        ..STYLE
    };
    let text = render(&every_action(), &[], Format::Table, &style);
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn json_holds_the_plan_and_its_counts() {
    let plan = every_action();
    let said = objections(&plan);
    let document: Json =
        serde_json::from_str(&render(&plan, &said, Format::Json, &STYLE)).expect("JSON");
    assert_eq!(document["version"], 1);
    assert_eq!(document["cloud"], "emulator");
    assert_eq!(document["kind"], "plan");
    assert_eq!(document["digest"], crate::provision::plan::digest(&plan));
    assert_eq!(
        document["objections"].as_array().map(Vec::len),
        Some(said.len())
    );
    let read: Plan = serde_json::from_value(document["plan"].clone()).expect("a plan");
    assert_eq!(read, plan);
    insta::assert_json_snapshot!(document["summary"], @r#"
    {
      "adopt": 1,
      "create": 4,
      "delete": 1,
      "environments": {
        "dev": {
          "adopt": 0,
          "create": 4,
          "delete": 0,
          "lift": 0,
          "protected": false,
          "recover": 1,
          "refused": 0,
          "replace": 0,
          "unreadable": 0,
          "update": 0
        },
        "old": {
          "adopt": 0,
          "create": 0,
          "delete": 1,
          "lift": 0,
          "protected": false,
          "recover": 0,
          "refused": 0,
          "replace": 0,
          "unreadable": 0,
          "update": 0
        },
        "prod": {
          "adopt": 1,
          "create": 0,
          "delete": 0,
          "lift": 1,
          "protected": true,
          "recover": 0,
          "refused": 0,
          "replace": 1,
          "unreadable": 0,
          "update": 1
        }
      },
      "left_out": 0,
      "lift": 1,
      "objections": 5,
      "recover": 1,
      "refused": 0,
      "replace": 1,
      "unchanged": 30,
      "unmanaged": 0,
      "unreadable": 0,
      "update": 1,
      "wider_access": []
    }
    "#);
}

#[test]
fn many_tags_are_counted_and_the_marker_is_not() {
    let mut plan = every_action();
    let said = json!({
        "location": "eastus2",
        "tags": {"cost-centre": "1", "owner": "platform", "criticality": "low"},
    });
    let group = id("rg-dev", "");
    plan.operations[0].desired = Some(desired("dev.group", "resource group", &group, said));
    assert!(text(&plan).contains("      eastus2, 3 tags\n"));
}

#[test]
fn a_long_plan_stays_within_a_comment() {
    let mut plan = empty(&["dev"], 0);
    for number in 0..2_000 {
        let at = format!("dev.thing-{number}");
        let reason = "it does not exist";
        plan.operations.push(operation(
            &at,
            "x",
            "/x",
            Action::Create,
            Step::Create,
            reason,
        ));
    }
    let page = render(&plan, &[], Format::Markdown, &STYLE);
    assert!(page.len() < 65_536, "{}", page.len());
    assert!(page.contains("more** left out"));
    assert!(page.contains("</details>"));
}

#[test]
fn refusals_are_not_told_twice() {
    let plan = in_the_way();
    let mut said = objections(&plan);
    assert!(said.iter().any(|objection| objection.rule == Rule::Refused));
    said.push(Objection {
        rule: Rule::Protected,
        address: Some(address("prod.registry")),
        problem: "another".to_owned(),
        instead: "ask".to_owned(),
    });
    let text = render(&plan, &said, Format::Table, &STYLE);
    assert_eq!(text.matches("cannot change from").count(), 1);
    assert!(text.contains("another"));
}

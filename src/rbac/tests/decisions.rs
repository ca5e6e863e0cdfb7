//! One action at a time: what is inherited, nested, excepted, denied, conditional and expired.

use serde_json::{Value as Json, json};

use super::{GROUP, NOW, SIGN, SUBSCRIPTION, Sketch, VAULT, assignment};
use crate::rbac::{
    Access, Action, Assignment, Decision, Doubt, PrincipalType, Schedule, Scope, Tenant,
};

const READ: &str = "Microsoft.KeyVault/vaults/read";
const TOP: &str = "/providers/Microsoft.Management/managementGroups/top";

/// What a decision comes to, in a word.
fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allowed { .. } => "allowed",
        Decision::Possible { .. } => "possible",
        Decision::Denied { .. } => "denied",
        Decision::Nothing { .. } => "nothing",
    }
}

fn control(access: &Access, who: &str, scope: &str, action: &str) -> Decision {
    access.allows(who, &Scope::new(scope), &Action::control(action))
}

fn data(access: &Access, who: &str, scope: &str, action: &str) -> Decision {
    access.allows(who, &Scope::new(scope), &Action::data(action))
}

fn reader() -> Sketch {
    Sketch::default().role("reader", json!({"actions": ["*/read"]}))
}

#[test]
fn grants_reach_down_and_not_up_or_beside() {
    let key = format!("{VAULT}/keys/k");
    for (at, expected) in [
        ("/", "allowed"),
        (SUBSCRIPTION, "allowed"),
        (GROUP, "allowed"),
        (&GROUP.to_uppercase(), "allowed"),
        (&format!("{GROUP}/"), "allowed"),
        (VAULT, "allowed"),
        (&key, "nothing"),
        (&GROUP[..GROUP.len() - 1], "nothing"),
        (&format!("{GROUP}2"), "nothing"),
        ("/subscriptions/2", "nothing"),
    ] {
        let access = reader().gives(at, "reader", "me").access();
        assert_eq!(word(&control(&access, "me", VAULT, READ)), expected, "{at}");
    }
}

#[test]
fn management_groups_hold_their_subscriptions() {
    let mut sketch = reader().gives(TOP, "reader", "me");
    let hierarchy = &mut sketch.tenant.hierarchy;
    hierarchy.put_subscription("11111111-1111-4111-8111-111111111111", "Mid");
    hierarchy.put_group("mid", Some("TOP"));
    hierarchy.put_subscription("2", "other");
    hierarchy.put_group("other", None);
    let access = sketch.access();
    assert_eq!(word(&control(&access, "me", VAULT, READ)), "allowed");
    assert_eq!(
        word(&control(&access, "me", "/subscriptions/2", READ)),
        "nothing"
    );
    let unread = control(&access, "me", "/subscriptions/3", READ);
    let Decision::Possible { by, .. } = unread else {
        panic!("{unread:?}")
    };
    assert_eq!(by[0].doubts, [Doubt::Ancestry(TOP.to_owned())]);
}

#[test]
fn groups_count_through_groups_and_the_way_is_told() {
    let access = reader()
        .gives(GROUP, "reader", "Outer")
        .member("ME", "inner")
        .member("inner", "outer")
        .member("outer", "inner")
        .access();
    let decision = control(&access, "me", VAULT, READ);
    let Decision::Allowed { by } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(by[0].via, ["inner", "outer"]);
    assert_eq!(by[0].scope, Scope::new(GROUP));
    assert_eq!(by[0].role_name.as_deref(), Some("role reader"));
    assert!(by[0].assignment.ends_with("/roleAssignments/a"));
    assert_eq!(word(&control(&access, "inner", VAULT, READ)), "allowed");
    assert_eq!(word(&control(&access, "you", VAULT, READ)), "nothing");
}

#[test]
fn a_group_that_nobody_could_read_may_hold_anybody() {
    let mut sketch = reader().gives(GROUP, "reader", "closed");
    sketch.tenant.memberships.put_unread("closed");
    let decision = control(&sketch.access(), "me", VAULT, READ);
    let Decision::Possible { by, .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(by[0].doubts, [Doubt::Membership("closed".to_owned())]);
}

#[test]
fn exceptions_are_of_one_role_only() {
    let write = "Microsoft.Authorization/roleAssignments/write";
    let sketch = || {
        Sketch::default()
            .role(
                "contributor",
                json!({
                    "actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"],
                }),
            )
            .role("access", json!({"actions": ["Microsoft.Authorization/*"]}))
            .gives(GROUP, "contributor", "me")
    };
    let alone = sketch().access();
    assert_eq!(word(&control(&alone, "me", VAULT, write)), "nothing");
    assert_eq!(word(&control(&alone, "me", VAULT, READ)), "allowed");
    let both = sketch().gives(VAULT, "access", "me").access();
    let decision = control(&both, "me", VAULT, write);
    let Decision::Allowed { by } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(by.len(), 1);
    assert_eq!(by[0].role, "access");
}

#[test]
fn planes_are_apart_and_case_does_not_count() {
    let access = Sketch::default()
        .role(
            "signer",
            json!({
                "dataActions": ["Microsoft.KeyVault/vaults/keys/*"],
                "notDataActions": ["MICROSOFT.KeyVault/vaults/keys/DELETE"],
            }),
        )
        .gives(VAULT, "SIGNER", "me")
        .access();
    let key = format!("{}/KEYS/Cosign", VAULT.to_uppercase());
    assert_eq!(
        word(&data(&access, "ME", &key, &SIGN.to_uppercase())),
        "allowed"
    );
    assert_eq!(word(&control(&access, "me", &key, SIGN)), "nothing");
    let delete = "microsoft.keyvault/vaults/keys/delete";
    assert_eq!(word(&data(&access, "me", &key, delete)), "nothing");
}

#[test]
fn deny_assignments_take_back() {
    let deletes = || json!({"actions": ["*/delete"], "notActions": ["A.B/kept/delete"]});
    for (at, more, expected) in [
        (GROUP, json!({}), "denied"),
        (VAULT, json!({}), "denied"),
        (SUBSCRIPTION, json!({}), "denied"),
        ("/subscriptions/2", json!({}), "allowed"),
        (GROUP, json!({"doNotApplyToChildScopes": true}), "allowed"),
        (VAULT, json!({"doNotApplyToChildScopes": true}), "denied"),
        (GROUP, json!({"principals": [{"id": "ME"}]}), "denied"),
        (GROUP, json!({"principals": [{"id": "you"}]}), "allowed"),
        (
            GROUP,
            json!({"principals": [{"id": "outer", "type": "Group"}]}),
            "denied",
        ),
        (
            GROUP,
            json!({"excludePrincipals": [{"id": "Me"}]}),
            "allowed",
        ),
        (
            GROUP,
            json!({"excludePrincipals": [{"id": "outer"}]}),
            "allowed",
        ),
        (
            GROUP,
            json!({"excludePrincipals": [{"id": "you"}]}),
            "denied",
        ),
        (
            GROUP,
            json!({"excludePrincipals": [{"id": "closed"}]}),
            "possible",
        ),
        (GROUP, json!({"principals": [{"id": "closed"}]}), "possible"),
        (
            GROUP,
            json!({"condition": "@Resource[a] StringEquals 'b'"}),
            "possible",
        ),
        (
            GROUP,
            json!({"condition": "!(ActionMatches{'*/delete'})"}),
            "allowed",
        ),
        (
            GROUP,
            json!({"permissions": [{"dataActions": ["*"]}]}),
            "allowed",
        ),
    ] {
        let mut sketch = Sketch::default()
            .role("owner", json!({"actions": ["*"]}))
            .gives("/", "owner", "me")
            .member("me", "inner")
            .member("inner", "outer")
            .denies("no", at, deletes(), more.clone());
        sketch.tenant.memberships.put_unread("closed");
        let access = sketch.access();
        let decision = control(&access, "me", VAULT, "Microsoft.KeyVault/vaults/delete");
        assert_eq!(word(&decision), expected, "{at} {more}");
        if let Decision::Denied { by, granted } = &decision {
            assert!(by[0].system_protected);
            assert_eq!((by[0].name.as_str(), granted.len()), ("no", 1));
        }
        assert_eq!(
            word(&control(&access, "me", VAULT, "A.B/kept/delete")),
            "allowed"
        );
        assert_eq!(word(&control(&access, "me", VAULT, READ)), "allowed");
    }
}

#[test]
fn what_nothing_grants_is_not_denied() {
    let access = reader()
        .denies("no", "/", json!({"actions": ["*"]}), json!({}))
        .access();
    assert_eq!(
        control(&access, "me", VAULT, READ),
        Decision::Nothing { ruled_out: vec![] }
    );
}

#[test]
fn conditions_are_decided_as_far_as_they_speak_of_actions() {
    let sketch = |condition: &str| {
        Sketch::default()
            .role(
                "keys",
                json!({"dataActions": ["Microsoft.KeyVault/vaults/keys/*"]}),
            )
            .assigned(
                "c",
                VAULT,
                "keys",
                "me",
                json!({
                    "condition": condition, "conditionVersion": "2.0",
                }),
            )
    };
    let named = format!("(!(ActionMatches{{'{SIGN}'}}) OR (@Resource[a:b] StringEquals 'c'))");
    let access = sketch(&named).access();
    let read = "Microsoft.KeyVault/vaults/keys/read";
    assert_eq!(word(&data(&access, "me", VAULT, read)), "allowed");
    let decision = data(&access, "me", VAULT, SIGN);
    let Decision::Possible { by, .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(by[0].doubts, [Doubt::Condition(named.clone())]);
    // Another assignment without a condition makes it certain.
    let both = sketch(&named).gives(VAULT, "keys", "me").access();
    let decision = data(&both, "me", VAULT, SIGN);
    let Decision::Allowed { by } = decision else {
        panic!("{decision:?}")
    };
    assert!(by.len() == 1 && by[0].doubts.is_empty());
    let never = sketch(&format!("!(ActionMatches{{'{SIGN}'}})")).access();
    let decision = data(&never, "me", VAULT, SIGN);
    assert!(matches!(decision, Decision::Nothing { ruled_out } if ruled_out.len() == 1));
    let unreadable = sketch("((").access();
    assert_eq!(word(&data(&unreadable, "me", VAULT, SIGN)), "possible");
    let of_a_role = Sketch::default()
        .role(
            "keys",
            json!({"dataActions": ["*"], "condition": named, "conditionVersion": "2.0"}),
        )
        .gives(VAULT, "keys", "me")
        .access();
    assert_eq!(word(&data(&of_a_role, "me", VAULT, SIGN)), "possible");
    assert_eq!(word(&data(&of_a_role, "me", VAULT, read)), "allowed");
}

#[test]
fn what_is_over_or_not_yet_does_not_count() {
    for (more, expected) in [
        (json!({"endDateTime": "2026-11-01T12:00:00Z"}), "nothing"),
        (json!({"endDateTime": "2026-11-01T12:00:01Z"}), "allowed"),
        (
            json!({"endDateTime": "2026-11-01T13:00:00+02:00"}),
            "nothing",
        ),
        (json!({"startDateTime": "2026-11-01T12:00:01Z"}), "nothing"),
        (
            json!({"startDateTime": "2026-11-01T12:00:00Z", "endDateTime": null}),
            "allowed",
        ),
    ] {
        let access = reader()
            .assigned("a", GROUP, "reader", "me", more.clone())
            .access();
        assert_eq!(
            word(&control(&access, "me", VAULT, READ)),
            expected,
            "{more}"
        );
        let mut sketch = reader().gives(GROUP, "reader", "me");
        let id = sketch.tenant.assignments[0].id.to_uppercase();
        let mut properties = more.clone();
        properties["originRoleAssignmentId"] = Json::from(id);
        let body = json!({"id": "/x", "properties": properties});
        let schedule = Schedule::read(&body).expect("a schedule");
        sketch.tenant.schedules.push(schedule);
        let access = sketch.access();
        assert_eq!(
            word(&control(&access, "me", VAULT, READ)),
            expected,
            "{more}"
        );
    }
}

#[test]
fn what_may_be_activated_is_listed_apart() {
    let eligible = |more: Json| {
        let body = assignment("e", GROUP, "reader", "group", more);
        let mut sketch = reader().member("me", "group");
        let assignment = Assignment::read(&body).expect("an assignment");
        sketch.tenant.eligible.push(assignment);
        sketch.access()
    };
    let access = eligible(json!({"endDateTime": "2027-01-01T00:00:00Z"}));
    assert_eq!(word(&control(&access, "me", VAULT, READ)), "nothing");
    let holdings = access.holdings("me");
    let why = holdings.eligible(&Scope::new(VAULT), &Action::control(READ));
    assert_eq!(why[0].via, ["group"]);
    assert_eq!(holdings.all_eligible().count(), 1);
    let over = eligible(json!({"endDateTime": "2026-01-01T00:00:00Z"}));
    assert_eq!(over.holdings("me").all_eligible().count(), 0);
}

#[test]
fn a_role_that_is_not_known_may_give_anything() {
    let access = Sketch::default().gives(GROUP, "gone", "me").access();
    let decision = control(&access, "me", VAULT, READ);
    let Decision::Possible { by, .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(by[0].doubts, [Doubt::Role("gone".to_owned())]);
}

#[test]
fn an_empty_tenant_allows_nothing() {
    let access = Access::new(Tenant::default(), NOW);
    assert_eq!(word(&control(&access, "me", "/", READ)), "nothing");
}

#[test]
fn principal_types_are_known() {
    for (word, expected) in [
        (json!("user"), PrincipalType::User),
        (json!("ForeignGroup"), PrincipalType::ForeignGroup),
        (json!("Robot"), PrincipalType::Other("Robot".to_owned())),
        (json!(null), PrincipalType::Other(String::new())),
    ] {
        let body = assignment("a", GROUP, "reader", "me", json!({"principalType": word}));
        let assignment = Assignment::read(&body).expect("an assignment");
        assert_eq!(assignment.principal_type, expected);
    }
}

//! Effective permission against declared sets.

use serde_json::{Value as Json, json};

use super::{GROUP, SIGN, Sketch, VAULT};
use crate::rbac::{
    Action, Catalogue, Declared, Difference, Example, Excess, Permission, Plane, Scope,
};

const READ: &str = "Microsoft.KeyVault/vaults/keys/read";

fn catalogue() -> Catalogue {
    let control = [
        "Microsoft.KeyVault/vaults/read",
        "Microsoft.KeyVault/vaults/write",
    ];
    let data = [READ, SIGN, "Microsoft.KeyVault/vaults/keys/encrypt/action"];
    let control = control.map(Action::control).into_iter();
    control.chain(data.map(Action::data)).collect()
}

fn signs() -> Declared {
    Declared::new([Permission::of(&[], &[READ, SIGN])])
}

/// How a role at the vault differs from being able to sign.
fn of_role(permission: Json) -> Difference {
    let access = Sketch::default()
        .role("r", permission)
        .gives(VAULT, "r", "me")
        .access();
    let effective = access.holdings("me").at(&Scope::new(VAULT));
    effective.against(&signs(), &catalogue())
}

#[test]
fn what_is_as_declared_does_not_differ() {
    let exact = json!({"dataActions": [READ.to_uppercase(), SIGN]});
    assert!(of_role(exact).is_empty());
    // Declared with a wildcard, given in full, and the other way round.
    let access = Sketch::default()
        .role(
            "all",
            json!({"actions": ["*"], "notActions": ["A.B/*/write"]}),
        )
        .gives(GROUP, "all", "me")
        .access();
    let effective = access.holdings("me").at(&Scope::new(VAULT));
    let same = Declared::new([Permission {
        not_actions: vec![crate::rbac::Pattern::new("a.b/*/WRITE")],
        ..Permission::of(&["*"], &[])
    }]);
    assert!(effective.against(&same, &catalogue()).is_empty());
    let parts = Declared::new([
        Permission {
            not_actions: vec![crate::rbac::Pattern::new("a.b/*")],
            ..Permission::of(&["*"], &[])
        },
        Permission {
            not_actions: vec![crate::rbac::Pattern::new("A.b/*/write")],
            ..Permission::of(&["a.b/*"], &[])
        },
    ]);
    assert!(effective.against(&parts, &catalogue()).is_empty());
}

#[test]
fn every_action_beyond_is_found_known_or_not() {
    for (permission, plane, pattern, known) in [
        (
            json!({"dataActions": [READ, SIGN, "Microsoft.KeyVault/vaults/keys/encrypt/action"]}),
            Plane::Data,
            "Microsoft.KeyVault/vaults/keys/encrypt/action",
            1,
        ),
        (
            json!({"dataActions": [READ, SIGN, "Microsoft.KeyVault/vaults/keys/new/action"]}),
            Plane::Data,
            "Microsoft.KeyVault/vaults/keys/new/action",
            0,
        ),
        (
            json!({"dataActions": ["Microsoft.KeyVault/vaults/keys/*"]}),
            Plane::Data,
            "Microsoft.KeyVault/vaults/keys/*",
            1,
        ),
        (
            json!({"dataActions": [READ, SIGN, format!("{SIGN}*")]}),
            Plane::Data,
            "Microsoft.KeyVault/vaults/keys/sign/action*",
            0,
        ),
        (
            json!({"dataActions": [READ, SIGN], "actions": ["*/read"]}),
            Plane::Control,
            "*/read",
            1,
        ),
        (
            json!({"dataActions": [READ, SIGN], "actions": [SIGN]}),
            Plane::Control,
            SIGN,
            0,
        ),
        (
            json!({"dataActions": ["*"], "notDataActions": ["Microsoft.KeyVault/vaults/keys/encrypt/action"]}),
            Plane::Data,
            "*",
            0,
        ),
    ] {
        let difference = of_role(permission.clone());
        assert!(difference.gaps.is_empty(), "{permission}");
        let [excess] = difference.excess.as_slice() else {
            panic!("{permission} {difference:?}")
        };
        assert_eq!((excess.plane, excess.pattern.as_str()), (plane, pattern));
        assert_eq!(excess.known.len(), known, "{excess:?}");
        assert!(excess.certain && excess.why.doubts.is_empty());
        assert!(matches!(&excess.example, Example::Action(action)
            if crate::rbac::Pattern::new(pattern).matches(&Action::new(plane, action))));
    }
}

#[test]
fn what_is_missing_is_found() {
    let difference = of_role(json!({"dataActions": [READ]}));
    assert!(difference.excess.is_empty());
    let [gap] = difference.gaps.as_slice() else {
        panic!("{difference:?}")
    };
    assert_eq!(
        (gap.plane, gap.pattern.as_str(), gap.perhaps),
        (Plane::Data, SIGN, false)
    );
    // On the wrong plane it is missing and too much.
    let difference = of_role(json!({"actions": [READ, SIGN]}));
    assert_eq!((difference.excess.len(), difference.gaps.len()), (2, 2));
    // Excepted, and denied.
    let excepted = json!({"dataActions": ["Microsoft.KeyVault/vaults/keys/*"],
        "notDataActions": ["*/sign/*"]});
    assert_eq!(of_role(excepted).gaps.len(), 1);
    let access = Sketch::default()
        .role("r", json!({"dataActions": [READ, SIGN]}))
        .gives(VAULT, "r", "me")
        .denies("no", GROUP, json!({"dataActions": [SIGN]}), json!({}))
        .access();
    let effective = access.holdings("me").at(&Scope::new(VAULT));
    assert_eq!(effective.missing(&signs()).len(), 1);
}

#[test]
fn a_denial_of_the_excess_leaves_none() {
    let sketch = |denied: &str| {
        let access = Sketch::default()
            .role(
                "r",
                json!({"dataActions": ["Microsoft.KeyVault/vaults/keys/*"]}),
            )
            .gives(VAULT, "r", "me")
            .denies(
                "no",
                GROUP,
                json!({
                    "dataActions": [denied],
                    "notDataActions": [READ, SIGN],
                }),
                json!({}),
            )
            .access();
        let effective = access.holdings("me").at(&Scope::new(VAULT));
        effective.against(&signs(), &catalogue())
    };
    assert!(sketch("*").is_empty());
    assert_eq!(sketch("*/action").excess.len(), 1);
}

#[test]
fn what_is_not_known_is_an_excess_and_no_filling() {
    let named = format!("!(ActionMatches{{'{SIGN}'}}) OR @Resource[a] StringEquals 'b'");
    let more = json!({"condition": named, "conditionVersion": "2.0"});
    let access = Sketch::default()
        .role("r", json!({"dataActions": [READ, SIGN]}))
        .assigned("c", VAULT, "r", "me", more)
        .access();
    let effective = access.holdings("me").at(&Scope::new(VAULT));
    let gaps = effective.missing(&signs());
    assert!(gaps.len() == 1 && gaps[0].perhaps && gaps[0].pattern == SIGN);
    let beyond = effective.beyond(&Declared::nothing(), &catalogue());
    let of = |pattern: &str| -> &Excess {
        beyond
            .iter()
            .find(|one| one.pattern == pattern)
            .expect("an excess")
    };
    assert!(of(READ).certain && of(READ).why.doubts.is_empty());
    assert!(!of(SIGN).certain && of(SIGN).why.doubts.len() == 1);
    let unknown = Sketch::default().gives(VAULT, "gone", "me").access();
    let effective = unknown.holdings("me").at(&Scope::new(VAULT));
    let beyond = effective.beyond(&signs(), &catalogue());
    assert!(beyond.iter().all(|one| !one.certain && one.pattern == "*"));
    assert_eq!(beyond.len(), 2);
    assert!(effective.missing(&signs()).iter().all(|gap| gap.perhaps));
}

#[test]
fn known_actions_are_listed_with_their_reasons() {
    let access = Sketch::default()
        .role(
            "r",
            json!({"actions": ["*/read"], "dataActions": ["*/sign/*"]}),
        )
        .gives(VAULT, "r", "me")
        .access();
    let catalogue = catalogue();
    let effective = access.holdings("me").at(&Scope::new(VAULT));
    let actions = effective.actions(&catalogue);
    let names: Vec<&str> = actions.iter().map(|(action, _)| action.name()).collect();
    assert_eq!(names, ["Microsoft.KeyVault/vaults/read", SIGN]);
}

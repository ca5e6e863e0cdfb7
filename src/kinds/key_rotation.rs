//! Rotation policies of keys: whether a vault makes other versions by itself.
//!
//! Reference: `rotationPolicy` of Microsoft.KeyVault `vaults/keys`, and Update Key Rotation Policy of
//! the vault's own API.
//!
//! ## Why
//! Only what rotates is ours: that somebody is told before a version expires stays. What nobody
//! knows counts as rotating. A policy is written by a request of its own, so where more of a key
//! differs it goes first, and the next plan sees to the rest.

use serde_json::{Value as Json, json};

use crate::resource::Value;

/// What a policy has Azure do by itself, as far as it makes other versions.
pub(super) const ROTATIONS: &str = "properties.rotationPolicy.lifetimeActions";

/// What makes other versions of a live key.
pub(super) fn rotations(live: &Json) -> Value {
    Value::from(Json::Array(lifetime_actions(live).0))
}

/// The policy of a live key without what makes other versions.
pub(super) fn without_rotations(live: &Json) -> Json {
    let mut policy = json!({ "lifetimeActions": lifetime_actions(live).1 });
    if let Some(life) = live.pointer("/properties/rotationPolicy/attributes/expiryTime") {
        policy["attributes"] = json!({ "expiryTime": life });
    }
    policy
}

/// What the policy of a live key does: what makes other versions, and what only tells somebody.
fn lifetime_actions(live: &Json) -> (Vec<Json>, Vec<Json>) {
    let actions = live.pointer("/properties/rotationPolicy/lifetimeActions");
    let actions = actions.and_then(Json::as_array).into_iter().flatten();
    let tells = |action: &Json| {
        let word = action.pointer("/action/type").and_then(Json::as_str);
        word.is_some_and(|word| word.eq_ignore_ascii_case("notify"))
    };
    actions.cloned().partition(|action| !tells(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tells_somebody_stays_and_all_else_rotates() {
        let action =
            |word: &str| json!({"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": word}});
        let policy = json!({"lifetimeActions": [action("rotate"), action("Notify"), action("new"), {}],
            "attributes": {"expiryTime": "P90D", "created": 1}});
        let live = json!({"properties": {"rotationPolicy": policy}});
        let rotating = json!([action("rotate"), action("new"), {}]);
        assert_eq!(rotations(&live), Value::from(rotating));
        let left =
            json!({"lifetimeActions": [action("Notify")], "attributes": {"expiryTime": "P90D"}});
        assert_eq!(without_rotations(&live), left);
        assert_eq!(rotations(&json!({})), Value::List(Vec::new()));
        assert_eq!(
            without_rotations(&json!({})),
            json!({"lifetimeActions": []})
        );
    }
}

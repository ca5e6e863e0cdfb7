//! Conditions: how far Azure has come with its last write on an object.

use serde_json::Value as Json;

/// How far Azure has come with its last write on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It is done, or the type does not say.
    Settled,
    /// It came to nothing: what the object says is not what it does.
    Failed,
    /// It is still being carried out.
    Busy,
    /// The object is being deleted.
    Leaving,
}

impl Condition {
    /// By `properties.provisioningState`: ARM's terminal states are `Succeeded`, `Failed` and
    /// `Canceled`, in any case.
    pub fn of(live: &Json) -> Self {
        let state = live.pointer("/properties/provisioningState");
        let state = state.and_then(Json::as_str).unwrap_or_default();
        match state.to_lowercase().as_str() {
            "" | "succeeded" => Self::Settled,
            "failed" | "canceled" => Self::Failed,
            "deleting" => Self::Leaving,
            _ => Self::Busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_state_but_success_is_told() {
        for (state, condition) in [
            (json!("Succeeded"), Condition::Settled),
            (json!(null), Condition::Settled),
            (json!("failed"), Condition::Failed),
            (json!("Canceled"), Condition::Failed),
            (json!("Deleting"), Condition::Leaving),
            (json!("Creating"), Condition::Busy),
            (json!("Accepted"), Condition::Busy),
        ] {
            let live = json!({"properties": {"provisioningState": state}});
            assert_eq!(Condition::of(&live), condition, "{state}");
        }
        assert_eq!(Condition::of(&json!({})), Condition::Settled);
    }
}

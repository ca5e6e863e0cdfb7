//! What management locks keep away.
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources>

use super::error::ArmError;
use crate::state::World;
use axum::http::Method;

/// The type that holds locks.
pub const KIND: &str = "Microsoft.Authorization/locks";

const INFIX: &str = "/providers/microsoft.authorization/locks/";

/// Refuses a request at `scope` that a lock at, above or (for deletions) below it forbids.
pub fn check(world: &World, method: &Method, scope: &str) -> Result<(), ArmError> {
    let deleting = method == Method::DELETE;
    let key = scope.to_ascii_lowercase();
    let mut scopes: Vec<String> = Vec::new();
    for (_, lock) in world.of_kind(KIND) {
        let read_only = lock.text("/properties/level") == Some("ReadOnly");
        let Some(at) = lock.id.to_ascii_lowercase().find(INFIX) else {
            continue;
        };
        let locked = lock.id[..at].to_owned();
        let lower = locked.to_ascii_lowercase();
        let above = within(&key, &lower);
        let below = deleting && within(&lower, &key);
        if (above || below) && (deleting || read_only) && !scopes.contains(&locked) {
            scopes.push(locked);
        }
    }
    if scopes.is_empty() {
        return Ok(());
    }
    let operation = if deleting { "delete" } else { "write" };
    Err(ArmError::gateway(
        409,
        "ScopeLocked",
        format!(
            "The scope '{scope}' cannot perform {operation} operation because following scope(s) are locked: '{}'. Please remove the lock and try again.",
            scopes.join(",")
        ),
    ))
}

/// Whether `key` is `scope` or below it.
pub fn within(key: &str, scope: &str) -> bool {
    key.strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Object, Store};
    use serde_json::{Value, json};

    fn refused(level: &str, lock: &str, method: Method, scope: &str) -> bool {
        let store = Store::in_memory();
        store
            .write(|txn| {
                txn.put(Object {
                    id: format!("{lock}/providers/Microsoft.Authorization/locks/l"),
                    kind: KIND.to_owned(),
                    body: json!({"properties": {"level": level}}),
                    hidden: Value::Null,
                    pending: None,
                });
            })
            .unwrap();
        store.read(|world| check(world, &method, scope).is_err())
    }

    #[test]
    fn locks_reach_down_and_deletions_look_down() {
        let group = "/subscriptions/S/resourceGroups/G";
        let registry = "/subscriptions/s/resourcegroups/g/providers/A.B/xs/x";
        for level in ["CanNotDelete", "ReadOnly"] {
            assert!(refused(level, group, Method::DELETE, registry));
            assert!(refused(level, registry, Method::DELETE, group));
            assert!(!refused(
                level,
                group,
                Method::DELETE,
                "/subscriptions/S/resourceGroups/G2"
            ));
        }
        for method in [Method::PUT, Method::PATCH, Method::POST] {
            assert!(refused("ReadOnly", group, method.clone(), registry));
            assert!(!refused("CanNotDelete", group, method.clone(), registry));
            assert!(!refused("ReadOnly", registry, method, group));
        }
    }
}

//! The time that the directory takes to tell everybody of something new.
//!
//! ## Why
//!
//! Azure's services ask replicas of the directory. A new principal is unknown to role
//! assignments for a while, and lists that are answered from an index lack new objects. How
//! long is counted in tries or, at a realistic pace, on the emulator's clock.

use crate::settings::Pace;
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::principals::IDENTITY;

/// Seconds until role assignments know a new principal.
const PRINCIPAL_SECONDS: i64 = 90;

/// Seconds until lists know a new object.
const LIST_SECONDS: i64 = 60;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replica {
    /// Role assignments, about principals.
    Principals,
    /// Graph's lists, about objects.
    Lists,
}

impl Replica {
    fn word(self) -> &'static str {
        match self {
            Self::Principals => "principals",
            Self::Lists => "lists",
        }
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Principals => PRINCIPAL_SECONDS,
            Self::Lists => LIST_SECONDS,
        }
    }

    fn fact(self, id: &str) -> String {
        format!("directory/{}#{}", self.word(), id.to_ascii_lowercase())
    }
}

/// Notes that an id is new.
pub fn appear(txn: &mut Txn<'_>, replica: Replica, id: &str, now: Moment) {
    let fact = json!({"since": now.seconds(), "tries": 0});
    txn.set_fact(&replica.fact(id), Some(fact));
}

/// Forgets an id that is gone.
pub fn vanish(txn: &mut Txn<'_>, id: &str) {
    for replica in [Replica::Principals, Replica::Lists] {
        let fact = replica.fact(id);
        if txn.world().fact(&fact).is_some() {
            txn.set_fact(&fact, None);
        }
    }
}

/// One try: whether the replica knows an id that exists. The second try finds it, or the
/// first after its time.
pub fn knows(txn: &mut Txn<'_>, replica: Replica, id: &str, pace: Pace, now: Moment) -> bool {
    let fact = replica.fact(id);
    let Some(news) = txn.world().fact(&fact).cloned() else {
        return true;
    };
    let number = |name: &str| news.get(name).and_then(Value::as_i64).unwrap_or_default();
    let tries = number("tries") + 1;
    let known = match pace {
        Pace::Instant => true,
        Pace::Quick => tries >= 2,
        Pace::Realistic => now.seconds() >= number("since") + replica.seconds(),
    };
    let left = (!known).then(|| json!({"since": number("since"), "tries": tries}));
    txn.set_fact(&fact, left);
    known
}

/// The ids that a replica may not know yet.
pub fn news(world: &World, replica: Replica) -> BTreeSet<String> {
    world
        .facts_of(&format!("directory/{}", replica.word()))
        .iter()
        .filter_map(|key| key.split_once('#'))
        .map(|(_, id)| id.to_owned())
        .collect()
}

/// Notes the principal that an ARM object brought with it, if it did not have it before.
pub fn follow(txn: &mut Txn<'_>, old: Option<&Object>, new: &Object, now: Moment) {
    if let Some(id) = principal(new)
        && old.and_then(principal) != Some(id)
    {
        appear(txn, Replica::Principals, id, now);
    }
}

/// Forgets that an object's principal is new when the operation that brought it, `seconds`
/// long, took the directory's time.
pub fn outlast(txn: &mut Txn<'_>, object: &Object, seconds: u32) {
    if i64::from(seconds) < PRINCIPAL_SECONDS {
        return;
    }
    let fact = principal(object).map(|id| Replica::Principals.fact(id));
    if let Some(fact) = fact.filter(|fact| txn.world().fact(fact).is_some()) {
        txn.set_fact(&fact, None);
    }
}

/// The principal that an ARM object brings with it.
fn principal(object: &Object) -> Option<&str> {
    object.text(if object.kind == IDENTITY {
        "/properties/principalId"
    } else {
        "/identity/principalId"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;

    #[test]
    fn the_second_try_or_time_finds_what_is_new() {
        let store = Store::in_memory();
        let at = |seconds| Moment::from(seconds);
        let tries: Vec<bool> = store
            .write(|txn| {
                let replica = Replica::Principals;
                appear(txn, replica, "A", at(0));
                let quick = [
                    knows(txn, replica, "a", Pace::Quick, at(0)),
                    knows(txn, replica, "a", Pace::Quick, at(0)),
                    knows(txn, replica, "a", Pace::Quick, at(0)),
                ];
                appear(txn, replica, "a", at(0));
                let slow = [
                    knows(txn, replica, "a", Pace::Realistic, at(89)),
                    knows(txn, replica, "a", Pace::Realistic, at(90)),
                ];
                quick.into_iter().chain(slow).collect()
            })
            .unwrap();
        assert_eq!(tries, [false, true, true, false, true]);
        assert!(
            store
                .read(|world| news(world, Replica::Principals))
                .is_empty()
        );
    }
}

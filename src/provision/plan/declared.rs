//! Holding a plan that was read against what is declared now: it may make nothing that TOML does
//! not say, nor take away what TOML keeps.
//!
//! ## Why
//! Whoever edits a file can seal it again. Markers tell what is ours to change or delete, but
//! nothing in Azure tells what may be *made*: a grant to a stranger looks like any other. TOML
//! does, and it is reviewed where the plan may not have been.

use std::collections::BTreeSet;

use super::classify::Work;
use super::draft::Draft;
use super::make::{Asked, Mode};
use super::{Action, Operation, Plan, Refusal, Step};
use crate::provision::observe::{Object, Observed, State};
use crate::resource::{Address, Carrier, Outputs, Resource, Value};

/// Operations of a plan that was read which no plan over `asked` could have, each with the reason.
/// What is asked for has to be everything: the plan itself may be about a part of it.
pub fn contradictions(plan: &Plan, asked: &Asked<'_>) -> Vec<Refusal> {
    let asked = &Asked {
        mode: plan.mode,
        adopt: plan.adopt,
        ..*asked
    };
    let mut work = Work::new(asked);
    work.look();
    let kept = work.ids.keys().cloned().collect();
    work.orphans();
    let adopts = plan
        .operations
        .iter()
        .filter(|it| it.action == Action::Adopt);
    let fresh = Fresh {
        asked,
        adopted: adopts.map(|it| it.address.clone()).collect(),
        kept,
        outputs: work.outputs().clone(),
        draft: work.finish(),
    };
    let wrong = plan.operations.iter().filter_map(|operation| {
        Some(Refusal {
            address: operation.address.clone(),
            problem: fresh.wrong(operation)?,
            instead: "plan again: this one was edited, or TOML has changed since".to_owned(),
            changes: Vec::new(),
        })
    });
    wrong.collect()
}

/// What planning says now.
struct Fresh<'a> {
    asked: &'a Asked<'a>,
    /// What the plan that was read takes over.
    adopted: BTreeSet<Address>,
    /// The lower-cased ids of everything that is declared.
    kept: BTreeSet<String>,
    outputs: Outputs,
    draft: Draft,
}

impl Fresh<'_> {
    /// What about an operation is not declared.
    fn wrong(&self, operation: &Operation) -> Option<String> {
        if operation.step == Step::Delete {
            return self.wrong_delete(operation);
        }
        let Some(resource) = self.asked.desired.resources.get(&operation.address) else {
            return Some("no TOML declares it".to_owned());
        };
        let kind = resource.kind.meta().name;
        if kind != operation.kind {
            return Some(format!("TOML declares a {kind} of that name"));
        }
        let object = self.object(resource);
        if !self.same_id(operation, resource, object) {
            return Some(format!("TOML declares it as {}", resource.id));
        }
        let settled = resource.properties.settle(&self.outputs);
        let planned = operation.desired.as_ref()?;
        let making = self.draft.making(&operation.address);
        let fresh = making.and_then(|index| self.draft.operations[index].desired.as_ref());
        let sides = Sides {
            declared: &resource.properties,
            settled: &settled,
            live: object.map_or(NULL, |object| &object.projection),
            fresh: fresh.unwrap_or(NULL),
        };
        if let Some(path) = sides.differs("", planned) {
            return Some(format!("TOML says something else of {path}"));
        }
        if operation.step == Step::Recover && !self.same_remains(operation) {
            return Some("what it would recover is not what was deleted there".to_owned());
        }
        self.unsound(resource)
    }

    /// What planning has against something that a resource stands on, and against the resource: a
    /// plan cannot be about the one without the other.
    fn unsound(&self, resource: &Resource) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![resource.address.clone()];
        while let Some(address) = open.pop() {
            if !seen.insert(address.clone()) {
                continue;
            }
            let refused = self.draft.refusals.iter().find(|it| it.address == address);
            if let Some(refusal) = refused {
                return Some(format!("it needs {address}: {}", refusal.problem));
            }
            let making = self.draft.making(&address);
            let making = making.map(|index| self.draft.operations[index].action);
            if making == Some(Action::Adopt) && !self.adopted.contains(&address) {
                return Some(format!(
                    "it needs {address}, which exists without our marker"
                ));
            }
            if let Some(below) = self.asked.desired.resources.get(&address) {
                open.extend(below.references());
            }
        }
        None
    }

    /// The live object of a declared resource.
    fn object(&self, resource: &Resource) -> Option<&Object> {
        let id = resource.id.settle(&self.outputs);
        let observed: &Observed = self.asked.observed;
        match observed.state(resource.kind, id.known()?) {
            State::Present(object) => Some(object),
            State::Absent | State::Unreadable(_) => None,
        }
    }

    /// Whether an operation writes on the declared id, or on the object that stands for it.
    fn same_id(&self, operation: &Operation, resource: &Resource, live: Option<&Object>) -> bool {
        if operation.id == resource.id {
            return true;
        }
        let Some(id) = operation.id.known() else {
            return false;
        };
        let settled = resource.id.settle(&self.outputs);
        let declared = settled.known().into_iter();
        let standing = live.map(|object| object.id.as_str());
        declared
            .chain(standing)
            .any(|known| known.eq_ignore_ascii_case(id))
    }

    fn same_remains(&self, operation: &Operation) -> bool {
        let Some(id) = operation.id.known() else {
            return false;
        };
        let remains = self.asked.observed.deleted.get(&id.to_lowercase());
        // Where nothing is left any more, it has been recovered, and is judged as it stands.
        remains.is_none_or(|remains| remains.handle == operation.handle)
    }

    fn wrong_delete(&self, operation: &Operation) -> Option<String> {
        let id = operation.id.known()?.to_lowercase();
        if operation.action == Action::Replace {
            let declared = self
                .asked
                .desired
                .resources
                .contains_key(&operation.address);
            return (!declared).then(|| "no TOML declares it".to_owned());
        }
        if self.asked.mode == Mode::Apply && self.kept.contains(&id) {
            return Some("TOML still declares it".to_owned());
        }
        // Of what carries no marker only planning tells whether it was ever ours.
        let object = self.asked.observed.objects.get(&id)?;
        let unmarked = object.kind.meta().carrier == Carrier::Parent;
        let goes = || self.draft.deletes().any(|(going, _)| going == id);
        (unmarked && !goes()).then(|| "it is not known to be ours".to_owned())
    }
}

/// What others say of the value that a plan has at a path.
#[derive(Clone, Copy)]
struct Sides<'a> {
    /// TOML, late values as what they wait for.
    declared: &'a Value,
    /// TOML, with what is known by now.
    settled: &'a Value,
    /// The live object.
    live: &'a Value,
    /// What planning would write now.
    fresh: &'a Value,
}

const NULL: &Value = &Value::Null;

impl<'a> Sides<'a> {
    fn key(self, key: &str) -> Self {
        let at = |value: &'a Value| value.as_map().and_then(|map| map.get(key)).unwrap_or(NULL);
        Self {
            declared: at(self.declared),
            settled: at(self.settled),
            live: at(self.live),
            fresh: at(self.fresh),
        }
    }

    /// The first path at which a planned tree is neither what is declared nor what that has
    /// become since its late values are known.
    fn differs(self, path: &str, planned: &Value) -> Option<String> {
        if planned == self.declared || planned == self.settled {
            return None;
        }
        match (planned, self.declared, self.settled) {
            (Value::Map(map), Value::Map(_) | Value::Null, _) => {
                let declared = self.declared.as_map().into_iter().flatten();
                let keys: BTreeSet<&String> = map.keys().chain(declared.map(|(k, _)| k)).collect();
                keys.into_iter().find_map(|key| {
                    let path = match path {
                        "" => key.clone(),
                        above => format!("{above}.{key}"),
                    };
                    let sides = self.key(key);
                    match map.get(key).unwrap_or(NULL) {
                        // A tag that TOML has dropped is taken away, and no other one.
                        Value::Null if sides.declared == NULL => {
                            let fresh = self.fresh.as_map();
                            let dropped = fresh.and_then(|map| map.get(key)) == Some(NULL);
                            (sides.live != NULL && !dropped).then_some(path)
                        }
                        planned => sides.differs(&path, planned),
                    }
                })
            }
            (Value::List(items), Value::List(declared), Value::List(settled))
                if items.len() == declared.len() && items.len() == settled.len() =>
            {
                let others = declared.iter().zip(settled);
                let mut all = items.iter().zip(others).enumerate();
                all.find_map(|(index, (planned, (declared, settled)))| {
                    let sides = Sides {
                        declared,
                        settled,
                        live: NULL,
                        fresh: NULL,
                    };
                    sides.differs(&format!("{path}[{index}]"), planned)
                })
            }
            _ => Some(path.to_owned()),
        }
    }
}

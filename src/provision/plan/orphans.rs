//! Orphans: objects of ours that nothing declares, and, when destroying, all that we made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::classify::{Work, leaving, unclear};
use super::draft::Draft;
use super::make::{Asked, Mode};
use super::settled::image;
use super::{Action, Operation, Standing, Stay, Step, Unread};
use crate::provision::observe::Object;
use crate::resource::{
    Address, Carrier, Condition, EnvironmentName, ID_TAG, MANAGED_BY_TAG, Ownership, Resource,
    Text, Value, scopes,
};

/// The applied snapshot by lower-cased id.
type Journalled<'a> = BTreeMap<String, (&'a Address, &'a Standing)>;

/// An object of ours that is to go.
struct Leaver<'a> {
    environment: EnvironmentName,
    object: &'a Object,
    applied: Option<&'a Standing>,
}

impl<'a> Work<'a> {
    /// Plans the deletes. To be called when every declared resource has been looked at.
    pub(super) fn orphans(&mut self) {
        let asked = self.asked;
        let journalled: Journalled<'a> = asked
            .applied
            .iter()
            .map(|(address, standing)| (standing.id.to_lowercase(), (address, standing)))
            .collect();
        let mut leavers: BTreeMap<&'a String, Leaver<'a>> = BTreeMap::new();
        for (key, object) in &asked.observed.objects {
            let Some(environment) = self.owner(key, object, &journalled) else {
                continue;
            };
            let stays = object.not_for_us.is_some()
                || self.is_anothers(key, object, &journalled)
                || (asked.mode == Mode::Apply && self.ids.contains_key(key));
            if !stays && asked.selects(&environment) {
                let applied = journalled.get(key).map(|(_, standing)| *standing);
                let leaver = Leaver {
                    environment,
                    object,
                    applied,
                };
                leavers.insert(key, leaver);
            }
        }
        let mut taken = BTreeSet::new();
        for (key, leaver) in &leavers {
            let address = self.address(key, leaver, &journalled, &mut taken);
            // An orphan's path is made of plain characters; were it not, the object is left alone.
            let Some(address) = address else { continue };
            if let Some(why) = leaver.object.kind.keeps() {
                self.ids.insert((*key).clone(), address.clone());
                self.draft.stays.push(Stay {
                    address,
                    kind: leaver.object.kind.meta().name.to_owned(),
                    id: leaver.object.id.clone(),
                    why: why.to_owned(),
                });
            } else if self.goes_with_parent(key, &address, leaver, &leavers) {
                self.ids.insert((*key).clone(), address);
                self.draft.along.insert((*key).clone());
            } else {
                self.delete(key, address, leaver);
            }
        }
    }

    /// Whether a marked object may be another estate's: a search over the tenant finds those of
    /// every estate in it, and `shared` is called so in each. It is ours where it is declared or
    /// was applied from here.
    fn is_anothers(&self, key: &str, object: &Object, journalled: &Journalled<'_>) -> bool {
        object.kind.marked().is_some()
            && !self.ids.contains_key(key)
            && !journalled.contains_key(key)
    }

    /// Whose an object is: by its marker, or by its parent's where we know its name.
    fn owner(
        &self,
        key: &str,
        object: &Object,
        journalled: &Journalled<'_>,
    ) -> Option<EnvironmentName> {
        if let Ownership::Ours(environment) = &object.ownership {
            return Some(environment.clone());
        }
        if object.kind.meta().carrier != Carrier::Parent {
            return None;
        }
        let declared = self.ids.get(key);
        let name = declared.or_else(|| journalled.get(key).map(|(address, _)| *address))?;
        let environment = name.environment();
        let marked = scopes(key).skip(1).any(|above| {
            let parent = self.asked.observed.objects.get(above);
            parent.is_some_and(|parent| parent.ownership == Ownership::Ours(environment.clone()))
        });
        marked.then_some(environment)
    }

    /// The address that an object goes by: the declared one, the applied one, or one made of
    /// its name. Never one of another environment, whose protection is not this one's.
    fn address(
        &self,
        key: &str,
        leaver: &Leaver<'_>,
        journalled: &Journalled<'_>,
        taken: &mut BTreeSet<Address>,
    ) -> Option<Address> {
        let declares = |address: &Address| self.asked.desired.resources.contains_key(address);
        let applied = journalled.get(key).map(|(address, _)| *address);
        let known = self.ids.get(key).or(applied.filter(|a| !declares(a)));
        let known = known.filter(|a| a.environment() == leaver.environment && !taken.contains(*a));
        let address = match known {
            Some(address) => address.clone(),
            None => {
                let object = leaver.object;
                let path = object.kind.orphan_path(&object.id);
                let address = Address::new(&leaver.environment, &path).ok()?;
                if declares(&address) || taken.contains(&address) {
                    let digest = Text::name_uuid(vec![key.into()]);
                    address.child(digest.known()?.get(..8)?).ok()?
                } else {
                    address
                }
            }
        };
        taken.insert(address.clone());
        Some(address)
    }

    /// Whether a child is deleted by deleting its parent.
    fn goes_with_parent(
        &self,
        key: &str,
        address: &Address,
        leaver: &Leaver<'_>,
        leavers: &BTreeMap<&String, Leaver<'_>>,
    ) -> bool {
        let object = leaver.object;
        let declared = self.asked.desired.resources.get(address).cloned();
        let child = declared.unwrap_or_else(|| Resource {
            address: address.clone(),
            kind: object.kind,
            id: object.id.clone().into(),
            properties: leaver.applied.map_or_else(
                || Arc::new(object.projection.clone()),
                |s| Arc::clone(&s.properties),
            ),
            parent: None,
            after: BTreeSet::new(),
            subject: None,
        });
        scopes(key)
            .skip(1)
            .filter_map(|above| leavers.get(&above.to_owned()))
            .any(|parent| parent.object.kind.takes(&child))
    }

    fn delete(&mut self, key: &str, address: Address, leaver: &Leaver<'_>) {
        let Leaver {
            environment,
            object,
            ..
        } = leaver;
        let meta = object.kind.meta();
        let declared = self.ids.contains_key(key);
        if !declared && self.blurred.contains(&(environment.clone(), meta.name)) {
            let name = meta.name;
            let message = format!("whether a {name} is still declared hangs on unread ids");
            let failure = unclear("NeedsUnreadable", message);
            return self.draft.unreadable.push(Unread { address, failure });
        }
        if object.condition == Condition::Leaving {
            let failure = leaving();
            return self.draft.unreadable.push(Unread { address, failure });
        }
        if let Some(instead) = &object.forbids_delete {
            let problem = "it cannot be deleted".to_owned();
            return self.draft.refuse(&address, problem, instead.clone());
        }
        let reason = if self.asked.mode == Mode::Destroy {
            "destroy was asked for".to_owned()
        } else if self.asked.desired.places.contains_key(environment) {
            "no TOML declares it any more".to_owned()
        } else {
            format!("{environment} is not declared any more")
        };
        let resource = self.asked.desired.resources.get(&address);
        // What nothing declares refers to what it mentions (`mentions`): addresses may be others'.
        let references = resource.map(|resource| resource.references().into_iter().collect());
        let operation = Operation {
            kind: meta.name.to_owned(),
            id: object.id.clone().into(),
            action: Action::Delete,
            step: Step::Delete,
            reason,
            changes: Vec::new(),
            desired: None,
            before: Some(marker_image(object)),
            stateful: meta.stateful,
            guards: meta.is_guard,
            access: false,
            widens: None,
            restores: None,
            carries: Vec::new(),
            handle: None,
            references: references.unwrap_or_default(),
            address,
        };
        self.draft.push(operation, object.kind);
    }
}

/// The image of an object that will go: of its tags or words, only our marker.
fn marker_image(object: &Object) -> Value {
    let mut owned = Value::default();
    for mark in [MANAGED_BY_TAG, ID_TAG] {
        match object.kind.meta().carrier {
            Carrier::Tags(path) => owned.set(&format!("{path}.{mark}"), Value::Null),
            Carrier::Words(path) => owned.push(path, Value::from(mark)),
            Carrier::Note(_) | Carrier::Parent => {}
        }
    }
    image(object.kind, &owned, &object.projection)
}

/// Leaves out what lies in something else that stays: that goes without saying.
pub(super) fn outermost(stays: &mut Vec<Stay>) {
    let ids: BTreeSet<String> = stays.iter().map(|stay| stay.id.to_lowercase()).collect();
    stays.retain(|stay| {
        let id = stay.id.to_lowercase();
        !scopes(&id).skip(1).any(|above| ids.contains(above))
    });
    stays.sort();
}

/// Leaves standing what holds something that stays, and refuses to delete what still holds
/// something else that this plan does not delete before it.
pub(super) fn keep_containers(asked: &Asked<'_>, draft: &mut Draft) {
    loop {
        let mut deleted: BTreeSet<String> = draft.deletes().map(|(id, _)| id).collect();
        deleted.extend(draft.along.iter().cloned());
        let live = asked.observed.objects.iter();
        let along: BTreeSet<String> = live
            .filter(|(key, _)| scopes(key).any(|scope| deleted.contains(scope)))
            .flat_map(|(_, object)| &object.takes_along)
            .map(|id| id.to_lowercase())
            .collect();
        let held = draft.deletes().find_map(|(id, index)| {
            let stays = |held: &&String| {
                let held = held.to_lowercase();
                let inside = scopes(&held).take_while(|scope| *scope != id);
                !along.contains(&held) && !inside.into_iter().any(|scope| deleted.contains(scope))
            };
            let contents = asked.observed.contents.get(&id).into_iter().flatten();
            let all: BTreeSet<&String> = contents.chain(below(asked, &id)).collect();
            let strangers: Vec<&String> = all.into_iter().filter(stays).collect();
            let kept = strangers.iter().find(|held| staying(draft, held).is_some());
            let first = (*kept.or(strangers.first())?).clone();
            Some((index, first, strangers.len()))
        });
        let Some((index, first, count)) = held else {
            break;
        };
        if leave_standing(draft, index, &first) {
            continue;
        }
        let more = match count {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let address = draft.operations[index].address.clone();
        draft.forget(&BTreeSet::from([address.clone()]));
        draft.refuse(
            &address,
            format!("it still holds {first}{more}, which this plan does not delete"),
            "move or delete that first: deleting this would take it along".to_owned(),
        );
    }
}

/// What stays, if an id is its own or lies in it.
fn staying<'d>(draft: &'d Draft, held: &str) -> Option<&'d Stay> {
    let held = held.to_lowercase();
    let is_within = |stay: &&Stay| {
        let id = stay.id.to_lowercase();
        scopes(&held).any(|scope| scope == id)
    };
    draft.stays.iter().find(is_within)
}

/// Takes the delete of a container back that holds something that stays; whether it did.
fn leave_standing(draft: &mut Draft, index: usize, held: &str) -> bool {
    let Some(why) = staying(draft, held).map(|stay| format!("it holds {}", stay.address)) else {
        return false;
    };
    let operation = &draft.operations[index];
    let stay = Stay {
        address: operation.address.clone(),
        kind: operation.kind.clone(),
        id: operation.id.to_string(),
        why,
    };
    draft.forget(&BTreeSet::from([stay.address.clone()]));
    draft.stays.push(stay);
    draft.stays.sort();
    true
}

/// The observed objects that would go along with the one of this lower-cased id. A guard makes
/// Azure refuse the delete; what carries no marker is its parent's; what is leaving, leaves.
fn below<'a>(asked: &Asked<'a>, id: &str) -> impl Iterator<Item = &'a String> {
    let start = format!("{id}/");
    let after = asked.observed.objects.range(start.clone()..);
    let inside = after.take_while(move |(key, _)| key.starts_with(&start));
    let stranger = |object: &&Object| {
        let meta = object.kind.meta();
        object.guard.is_none()
            && !meta.is_guard
            && meta.carrier != Carrier::Parent
            && object.condition != Condition::Leaving
    };
    inside
        .map(|(_, object)| object)
        .filter(stranger)
        .map(|object| &object.id)
}

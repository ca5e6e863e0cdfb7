//! Mentions: what live objects refer to, by what Azure says of them.
//!
//! ## Why
//! An address stands for its successor once TOML says another name, group or subscription, so what
//! the applied snapshot holds by address says nothing of the old object. Azure refuses by ids: a
//! subnet stays while an endpoint stands in it, whatever either is called here.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::make::Asked;
use super::{Action, Standing, Step};
use crate::provision::observe::Object;
use crate::resource::{Address, Value, scopes};

/// What a draft deletes, to be found by whatever others call it.
pub(super) struct Mentions {
    /// The deletes by lower-cased id.
    by_id: BTreeMap<String, usize>,
    /// The deletes by lower-cased output; nothing where several objects have the same one.
    by_output: BTreeMap<String, Option<usize>>,
}

impl Mentions {
    pub(super) fn of(asked: &Asked<'_>, draft: &Draft) -> Self {
        let mut found = Self {
            by_id: draft.deletes().collect(),
            by_output: BTreeMap::new(),
        };
        for object in asked.observed.objects.values() {
            let Some(taker) = found.taker(&object.id.to_lowercase()) else {
                continue;
            };
            // Names are chosen by people: there may be many of one.
            let own = object.outputs.iter().filter(|(name, _)| *name != "name");
            for text in own.map(|(_, text)| text.to_lowercase()) {
                let same = found.by_output.entry(text).or_insert(Some(taker));
                if *same != Some(taker) {
                    *same = None;
                }
            }
        }
        found
    }

    /// The delete with which the object of a lower-cased id goes: its own, or that of the nearest
    /// that it lies in.
    fn taker(&self, id: &str) -> Option<usize> {
        scopes(id).find_map(|scope| self.by_id.get(scope).copied())
    }

    /// The deletes of what a live object refers to.
    pub(super) fn by(&self, object: &Object) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        texts(&object.projection, &mut |text| {
            found.extend(self.called(text));
        });
        // An assignment or a membership may say in its id alone whose it is.
        let steps = object.id.to_lowercase();
        let named = steps.split('/').filter_map(|step| self.by_output.get(step));
        found.extend(named.filter_map(|taker| *taker));
        found
    }

    fn called(&self, text: &str) -> Option<usize> {
        let text = text.to_lowercase();
        match self.by_output.get(&text) {
            Some(taker) => *taker,
            None if text.starts_with('/') => self.taker(&text),
            None => None,
        }
    }

    /// The deletes of what a resource referred to when it was last applied, by the ids that stood
    /// at those addresses then.
    pub(super) fn applied(
        &self,
        asked: &Asked<'_>,
        draft: &Draft,
        standing: &Standing,
    ) -> BTreeSet<usize> {
        let delete = |address: &Address| match asked.applied.get(address) {
            Some(then) => self.by_id.get(&then.id.to_lowercase()).copied(),
            None => draft.taking(address),
        };
        standing.references.iter().filter_map(delete).collect()
    }
}

/// Whether a live object refers to that of a lower-cased id, or to what lies in it, from outside.
pub(super) fn refers(object: &Object, id: &str) -> bool {
    let within = |text: &str| scopes(&text.to_lowercase()).any(|scope| scope == id);
    let mut found = false;
    texts(&object.projection, &mut |text| {
        found = found || (text.starts_with('/') && within(text));
    });
    found && !within(&object.id)
}

/// Every text of a value, those that keys are among them.
fn texts(value: &Value, take: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::List(items) => items.iter().for_each(|item| texts(item, take)),
        Value::Map(map) => {
            for (key, value) in map {
                take(key);
                texts(value, take);
            }
        }
        _ => {}
    }
}

/// Has every delete refer to what its object refers to, where that goes, too.
pub(super) fn order_deletes(asked: &Asked<'_>, draft: &mut Draft) {
    if draft.deletes().next().is_none() {
        return;
    }
    let mentions = Mentions::of(asked, draft);
    let mut wanted: BTreeSet<(usize, usize)> = BTreeSet::new();
    for object in asked.observed.objects.values() {
        if let Some(taker) = mentions.taker(&object.id.to_lowercase()) {
            wanted.extend(mentions.by(object).into_iter().map(|last| (taker, last)));
        }
    }
    for standing in asked.applied.values() {
        let first = mentions.by_id.get(&standing.id.to_lowercase());
        if let Some(first) = first.filter(|it| draft.operations[**it].action == Action::Delete) {
            let lasts = mentions.applied(asked, draft, standing);
            wanted.extend(lasts.into_iter().map(|last| (*first, last)));
        }
    }
    let mut waiting = waiting(draft, &mentions);
    for (first, last) in wanted {
        // Whoever may write a field can make objects mention each other: one order has to do.
        if first != last && !leads(&waiting, last, first) {
            waiting.entry(first).or_default().insert(last);
            let address = draft.operations[last].address.clone();
            let references = &mut draft.operations[first].references;
            if !references.contains(&address) {
                references.push(address);
            }
        }
    }
}

/// Deletes by the delete that they wait for.
type Waiting = BTreeMap<usize, BTreeSet<usize>>;

/// What waits for what already: what is referred to, and what something lies in.
fn waiting(draft: &Draft, mentions: &Mentions) -> Waiting {
    let mut waiting = Waiting::new();
    for (id, index) in &mentions.by_id {
        let references = draft.operations[*index].references.iter();
        let referred = references.filter_map(|address| draft.taking(address));
        let within = scopes(id)
            .skip(1)
            .filter_map(|above| mentions.by_id.get(above));
        let lasts: BTreeSet<usize> = referred.chain(within.copied()).collect();
        waiting.insert(*index, lasts);
    }
    waiting
}

fn leads(waiting: &Waiting, from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(here) = open.pop() {
        if here == to {
            return true;
        }
        let next = waiting.get(&here).into_iter().flatten();
        open.extend(next.copied().filter(|next| seen.insert(*next)));
    }
    false
}

/// What goes, each with the updates that let go of it, by what was observed and last applied.
pub(super) fn letting_go(asked: &Asked<'_>, draft: &Draft) -> Vec<(usize, Vec<usize>)> {
    if draft.deletes().next().is_none() {
        return Vec::new();
    }
    let mentions = Mentions::of(asked, draft);
    let mut updates: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, operation) in draft.operations.iter().enumerate() {
        if operation.step != Step::Update {
            continue;
        }
        let id = operation.id.known().map(str::to_lowercase);
        let live = id.and_then(|id| asked.observed.objects.get(&id));
        let mut held = live.map(|live| mentions.by(live)).unwrap_or_default();
        if let Some(standing) = asked.applied.get(&operation.address) {
            held.extend(mentions.applied(asked, draft, standing));
        }
        for delete in held {
            if draft.operations[delete].action == Action::Delete {
                updates.entry(delete).or_default().push(index);
            }
        }
    }
    updates.into_iter().collect()
}

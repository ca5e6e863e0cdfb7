//! Observations: what Azure answered, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::provision::plan::Applied;
use crate::provision::ports::Failure;
use crate::resource::{
    APPROVALS_TAG, ApprovalTerms, Carrier, Condition, EnvironmentName, Guard, Kind, Kinds,
    Ownership, PROTECTED_TAG, Plane, ReadMode, Value, scopes, tag_of,
};

/// What Azure answered, projected to what matters here.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Objects that are declared, marked or in a managed scope, by lower-cased id.
    pub objects: BTreeMap<String, Object>,
    /// Objects of types that we have no kind for, marked or in a managed group.
    pub strays: Vec<Stray>,
    /// What could not be read, by the kind's name and the lower-cased id of the scope, parent or
    /// object.
    pub unreadable: BTreeMap<(&'static str, String), Unreadable>,
    /// Why the search for marked objects failed, by the lower-cased id of the subscription.
    pub unsearched: BTreeMap<String, Failure>,
    /// Why the list of what stands in a managed group failed, by the group's lower-cased id:
    /// somebody else's may be there, and nothing of ours that is not read otherwise.
    pub unlisted: BTreeMap<String, Failure>,
    /// What the containers hold that a plan wants to delete, by their lower-cased id.
    pub contents: BTreeMap<String, Vec<String>>,
    /// What is left of soft-deleted objects, by the lower-cased ids that they had; read only of
    /// kinds of which something declared is missing.
    pub deleted: BTreeMap<String, Remains>,
    /// How many collections were read.
    pub collections_read: usize,
}

/// What Azure keeps of an object that was soft-deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// The id that it had, as Azure spells it.
    pub id: String,
    /// Whose it was.
    pub ownership: Ownership,
    /// By what it is brought back, where that is not its id.
    pub handle: Option<String>,
    /// What others refer to of it, as far as Azure still tells: it comes back as it was.
    pub outputs: BTreeMap<String, String>,
}

/// What is remembered of the environments, whatever TOML says now: by what right they may be
/// changed hangs on it.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// The environments in which something of ours stands; `None` where not everything was read,
    /// since what cannot be seen may stand.
    pub populated: Option<BTreeSet<EnvironmentName>>,
    /// On which terms changes of protected environments are approved: as Azure's tags say it, and
    /// as it was last applied. All of them hold.
    pub terms: BTreeMap<EnvironmentName, Vec<ApprovalTerms>>,
}

/// One live object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its id, as Azure first spelt it.
    pub id: String,
    /// What it is.
    pub kind: &'static dyn Kind,
    /// Its managed fields.
    pub projection: Value,
    /// What others may refer to.
    pub outputs: BTreeMap<String, String>,
    /// Whose it is.
    pub ownership: Ownership,
    /// Whether it lies in a resource group that is ours or declared.
    pub in_managed_scope: bool,
    /// Whose it is, where people cannot manage it: declared or not, it is never written.
    pub not_for_us: Option<String>,
    /// How far Azure has come with its last write on it.
    pub condition: Condition,
    /// The guard that it is, if it is one.
    pub guard: Option<Guard>,
    /// Why it must not be deleted, and what to do instead.
    pub forbids_delete: Option<String>,
    /// Ids of what Azure deletes along with it, though it lies elsewhere.
    pub takes_along: Vec<String>,
}

/// An object of a type that we have no kind for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its id.
    pub id: String,
    /// Its Azure type.
    pub arm_type: String,
    /// Whether its marker was made for another object.
    pub copied_marker: bool,
    /// The other estate that it is of.
    pub estate: Option<String>,
}

/// A collection or object that could not be read: never taken for absent.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// The kind whose objects stay unknown.
    pub kind: &'static dyn Kind,
    /// The lower-cased id of the scope, parent or object.
    pub scope: String,
    /// Why.
    pub failure: Failure,
}

/// What Azure says of one declared resource.
#[derive(Debug, Clone, Copy)]
pub enum State<'a> {
    /// It stands.
    Present(&'a Object),
    /// It does not.
    Absent,
    /// Nobody knows.
    Unreadable(&'a Failure),
}

impl Object {
    /// Whether it remembers that its environment is protected.
    pub fn is_marked_protected(&self) -> bool {
        self.tag(PROTECTED_TAG) == Some("true")
    }

    fn tag(&self, name: &str) -> Option<&str> {
        let Carrier::Tags(path) = self.kind.meta().carrier else {
            return None;
        };
        tag_of(self.projection.at(path)?.as_map()?, name)?.as_str()
    }
}

impl Observed {
    /// What is known of the object of `kind` with this id.
    pub fn state(&self, kind: &dyn Kind, id: &str) -> State<'_> {
        let id = id.to_lowercase();
        if let Some(object) = self.objects.get(&id) {
            return State::Present(object);
        }
        let name = kind.meta().name;
        let blind = scopes(&id).find_map(|scope| self.unreadable.get(&(name, scope.to_owned())));
        blind.map_or(State::Absent, |blind| State::Unreadable(&blind.failure))
    }

    /// Takes everything in a subscription, given as `/subscriptions/ID`, for unknown that was not
    /// seen.
    pub fn hide(&mut self, kinds: Kinds, subscription: &str, failure: &Failure) {
        let scope = subscription.to_lowercase();
        let in_it = kinds
            .iter()
            .filter(|kind| kind.get(&scope).plane == Plane::Arm);
        for kind in in_it {
            let key = (kind.meta().name, scope.clone());
            let unreadable = Unreadable {
                kind,
                scope: scope.clone(),
                failure: failure.clone(),
            };
            self.unreadable.entry(key).or_insert(unreadable);
        }
        self.unsearched
            .entry(scope)
            .or_insert_with(|| failure.clone());
    }

    /// Whether some of Azure could not be read in which something of ours may stand.
    pub fn is_partial(&self) -> bool {
        !(self.unreadable.is_empty() && self.unsearched.is_empty())
    }

    /// What Azure and the applied snapshot remember of the environments.
    pub fn remembered(&self, applied: &Applied) -> Remembered {
        let mut terms: BTreeMap<EnvironmentName, Vec<ApprovalTerms>> = BTreeMap::new();
        for (environment, tag) in self.protections(applied) {
            if let Some(said) = tag.and_then(ApprovalTerms::read) {
                terms.entry(environment).or_default().push(said);
            }
        }
        Remembered {
            populated: (!self.is_partial()).then(|| self.populated()),
            terms,
        }
    }

    /// The environments that are remembered as protected: by a marked object of theirs, or by what
    /// was last applied. Whoever may write tags takes no protection away.
    pub fn protected(&self, applied: &Applied) -> BTreeSet<EnvironmentName> {
        let protections = self.protections(applied);
        protections.map(|(environment, _)| environment).collect()
    }

    /// What says that an environment is protected, each with what it says of approvals.
    fn protections<'a>(
        &'a self,
        applied: &'a Applied,
    ) -> impl Iterator<Item = (EnvironmentName, Option<&'a str>)> {
        let marked = self.objects.values().filter(|o| o.is_marked_protected());
        let marked = marked.filter_map(|object| match &object.ownership {
            Ownership::Ours(environment) => Some((environment.clone(), object.tag(APPROVALS_TAG))),
            Ownership::Elsewhere(_) | Ownership::Copy | Ownership::Foreign => None,
        });
        let written = applied.iter().filter_map(|(address, standing)| {
            let tag = |name| tag_of(standing.properties.at("tags")?.as_map()?, name)?.as_str();
            let protected = tag(PROTECTED_TAG) == Some("true");
            protected.then(|| (address.environment(), tag(APPROVALS_TAG)))
        });
        marked.chain(written)
    }

    /// The environments in which something of ours stands that a destroy would take away. What
    /// stays whatever is destroyed, and what holds nothing else, says nothing of how far anybody
    /// came.
    fn populated(&self) -> BTreeSet<EnvironmentName> {
        let staying = |key: &str| {
            let within = format!("{key}/");
            let inside = self.objects.range(within.clone()..);
            let mut inside = inside
                .take_while(|(key, _)| key.starts_with(&within))
                .map(|(_, object)| object)
                .filter(|object| matches!(object.ownership, Ownership::Ours(_)))
                .peekable();
            inside.peek().is_some() && inside.all(|object| object.kind.keeps().is_some())
        };
        let standing = self.objects.iter().filter_map(|(key, object)| {
            let Ownership::Ours(environment) = &object.ownership else {
                return None;
            };
            let stays = object.kind.keeps().is_some() || staying(key);
            (!stays).then(|| environment.clone())
        });
        standing.collect()
    }

    /// Why it cannot be told which environments Azure remembers as protected: a list over a
    /// subscription of what carries tags that could not be read.
    pub fn protection_unknown(&self) -> Option<&Failure> {
        let tells = |blind: &&Unreadable| {
            let meta = blind.kind.meta();
            let tagged = matches!(meta.carrier, Carrier::Tags(_));
            tagged && matches!(meta.read, ReadMode::List(_))
        };
        self.unreadable
            .values()
            .find(tells)
            .map(|blind| &blind.failure)
    }

    /// Whether nothing at all could be read.
    pub fn is_blind(&self) -> bool {
        self.collections_read == 0 && !self.unreadable.is_empty()
    }
}

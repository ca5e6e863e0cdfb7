//! What a kind is: constant data about one Azure type, and the hooks in which types differ.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use super::{
    Address, Condition, Field, Map, Method, Planned, Question, Request, Resource, Unmanaged, Value,
};

/// Where an object carries its [`Marker`](super::Marker).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// In a map of tags at this path.
    Tags(&'static str),
    /// In a text at this path, as `managed-by=… onestream-id=…` after what it says to people.
    Note(&'static str),
    /// In a list of texts at this path, as the words `managed-by=…` and `onestream-id=…`: the
    /// tags of Microsoft Graph.
    Words(&'static str),
    /// Nowhere: it is ours by a marked parent and a declared or journalled name.
    Parent,
}

/// How the objects of a kind are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// One LIST over each subscription, at this path below `/subscriptions/<id>`.
    List(&'static str),
    /// One LIST below each object of the parent kind.
    ListPerParent {
        /// The parent kind's name.
        parent: &'static str,
        /// The collection below the parent's id, such as `/replications`.
        collection: &'static str,
    },
    /// As [`ReadMode::ListPerParent`], then a GET for each object, since LIST omits managed fields.
    ListThenGet {
        /// The parent kind's name.
        parent: &'static str,
        /// The collection below the parent's id.
        collection: &'static str,
    },
    /// One LIST on each object of several kinds: an extension that stands on any of them.
    Extension {
        /// The names of the kinds that it stands on.
        on: &'static [&'static str],
        /// The collection below the id of each.
        collection: &'static str,
    },
    /// One GET for each declared object: the plane has no useful LIST.
    DataPlane,
}

/// Where a type keeps what was soft-deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// What is deleted is gone.
    Never,
    /// In one list at this path below `/subscriptions/<id>`.
    PerSubscription(&'static str),
    /// In one list for each object of the parent kind of this name.
    PerParent(&'static str),
    /// In one list for the whole tenant.
    Tenant,
}

/// Among what the name of an object is the only one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// What it lives in.
    Within,
    /// All of Azure, or the tenant: there can be another of the name once this one is gone.
    Everywhere,
    /// All of Azure, and for as long as a deleted one can be recovered.
    Kept,
}

/// How an existing object is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateMode {
    /// PUT of the observed body without read-only properties, the managed ones laid over it.
    Put,
    /// PATCH of the changed managed fields (maps such as tags are sent whole, merged).
    Patch,
}

/// Constant data about a kind.
#[derive(Debug)]
pub struct Meta {
    /// Its name in plans and tables, such as `registry`.
    pub name: &'static str,
    /// The Azure type, as Azure spells it.
    pub arm_type: &'static str,
    /// The api-version that all requests name.
    pub api_version: &'static str,
    /// Where the marker stands.
    pub carrier: Carrier,
    /// How it is read.
    pub read: ReadMode,
    /// How it is changed.
    pub update: UpdateMode,
    /// The managed fields: desired always carries all of them; diff, drift and laws run over
    /// exactly this list.
    pub fields: &'static [Field],
    /// Live properties that we leave alone, with the reason.
    pub unmanaged: &'static [Unmanaged],
    /// Server-set paths that a PUT must not send back.
    pub read_only: &'static [&'static str],
    /// Whether deleting it loses what cannot be made again.
    pub stateful: bool,
    /// Whether its objects make Azure refuse requests on others: see [`Kind::guard`].
    pub is_guard: bool,
    /// Names and body paths of what other resources may refer to; `id` and `name` always are.
    pub outputs: &'static [(&'static str, &'static str)],
}

/// Which requests a guard makes Azure refuse, at its scope and below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// Deletes.
    Deletes,
    /// Everything but reads.
    Writes,
}

/// An object that makes Azure refuse requests: a management lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The lower-cased id at and below which it works.
    pub scope: String,
    /// What it blocks.
    pub blocks: Blocks,
}

impl Guard {
    /// Whether the guard stands over the object with `id`.
    pub fn covers(&self, id: &str) -> bool {
        let id = id.to_lowercase();
        id.strip_prefix(&self.scope)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A cell of the access matrix: who may do what on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessCell<'a> {
    /// The row: a principal or a group of people.
    pub who: &'a str,
    /// The column: an address path in the environment.
    pub target: &'a str,
    /// What the cell says.
    pub capability: &'a str,
}

/// One Azure resource type as we manage it: pure translation, no I/O.
///
/// Every method has the meaning that fits ARM; a kind overrides where its type differs.
/// Code elsewhere that wants to ask which kind it has shows that a hook is missing here.
pub trait Kind: Sync + Send {
    /// The constant data.
    fn meta(&self) -> &'static Meta;

    /// The request that reads one object.
    fn get(&self, id: &str) -> Request {
        Request::arm(Method::Get, id, self.meta().api_version)
    }

    /// The request that lists the collection at `path`.
    fn list(&self, path: &str) -> Request {
        Request::arm(Method::Get, path, self.meta().api_version)
    }

    /// The request that finds all objects that carry our mark, for a type that no LIST over a
    /// subscription or a parent covers.
    fn marked(&self) -> Option<Request> {
        None
    }

    /// The request that creates an object from its resolved managed properties; what has no
    /// value is not said.
    fn create(&self, id: &str, desired: &Json) -> Request {
        let body = super::without_nulls(desired.clone());
        Request::arm(Method::Put, id, self.meta().api_version).body(body)
    }

    /// The request that lays `desired` over the live object, leaving what is not ours.
    /// `changed` are the paths that differ.
    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        super::body::update(self.meta(), id, live, desired, changed)
    }

    /// The request that deletes an object.
    fn delete(&self, id: &str) -> Request {
        Request::arm(Method::Delete, id, self.meta().api_version)
    }

    /// Among what an object's name is the only one.
    fn naming(&self) -> Naming {
        Naming::Within
    }

    /// Where soft-deleted objects are listed. It is read only where a declared object is missing.
    fn deleted(&self) -> Deleted {
        Deleted::Never
    }

    /// The request that lists the soft-deleted objects within a path below a subscription or a
    /// parent's id; of the tenant where that is empty.
    fn deleted_list(&self, within: &str) -> Request {
        self.list(within)
    }

    /// What an entry of [`Kind::deleted_list`] was: its id, and its marker where the carrier has
    /// it.
    fn remains(&self, _within: &str, entry: &Json) -> Json {
        entry.clone()
    }

    /// By what Azure knows the entry of [`Kind::deleted_list`], where that is not its id.
    fn handle(&self, _entry: &Json) -> Option<String> {
        None
    }

    /// The request that brings a soft-deleted object back as it was; the engine then updates
    /// what is not as declared. `None` where a create does that. `handle` is what
    /// [`Kind::handle`] took from the entry.
    fn recover(&self, _id: &str, _desired: &Json, _handle: Option<&str>) -> Option<Request> {
        None
    }

    /// Whether Azure answers reads of this type from replicas that lag behind writes.
    fn lags(&self) -> bool {
        false
    }

    /// Whether Azure itself refuses the second of two POSTs that make or recover an object of this
    /// kind, and never makes another one of it. Only then is one of which nobody heard sent again,
    /// after the object was looked for: the first may still take effect. Say where that is written.
    fn refuses_second_post(&self) -> bool {
        false
    }

    /// Whether an object may outlive what it stands on, out of sight, and show again on another
    /// of the same id, or comes with what it lives in: then the create of a declared one writes
    /// over it.
    fn resurfaces(&self) -> bool {
        false
    }

    /// Whether a create of this object carries the create of `child` in its own body.
    fn embeds(&self, _child: &Resource) -> bool {
        false
    }

    /// Whether deleting this object is how `child`, which lives in it, is deleted.
    fn takes(&self, child: &Resource) -> bool {
        self.embeds(child)
    }

    /// Puts an embedded child, named `name`, into the body of a create.
    fn embed(&self, _body: &mut Json, _name: &str, _child: &Json) {}

    /// The guard that a live object is, if it is one.
    fn guard(&self, _id: &str, _live: &Json) -> Option<Guard> {
        None
    }

    /// Why replacing or deleting the live object is refused whatever flags are given, and what
    /// to do instead.
    fn forbids_delete(&self, _live: &Json) -> Option<String> {
        None
    }

    /// Why no plan ever deletes an object of this kind, not even one that TOML drops or that a
    /// destroy is about, and what to do instead: it stays, and so does what it lies in.
    fn keeps(&self) -> Option<&'static str> {
        None
    }

    /// Why Azure would refuse to make the managed field at `path` `after`, where that hangs on
    /// more of the live object than the field itself, and what to do instead. `live` is what
    /// [`Kind::project`] made of it.
    fn refuses(&self, _path: &str, _after: &Value, _live: &Value) -> Option<String> {
        None
    }

    /// What to do instead where Azure keeps the managed field at `path` as it is on an object that
    /// others stand in or refer to. `after` are all managed fields as they would be.
    fn fixed_in_use(&self, _path: &str, _after: &Value, _live: &Value) -> Option<&'static str> {
        None
    }

    /// What Azure can be asked about a planned create or update before anything is sent, so that
    /// what it would refuse is told with the plan, and not halfway through an apply.
    fn question(&self, _planned: &Planned<'_>) -> Option<Question> {
        None
    }

    /// How far Azure has come with its last write on the live object.
    fn condition(&self, live: &Json) -> Condition {
        Condition::of(live)
    }

    /// The request that lists what would be deleted along with the object and is not below it
    /// in the plan: a group is deleted only when nothing is left in it.
    fn contents(&self, _id: &str) -> Option<Request> {
        None
    }

    /// Writes that share a lane are sent one at a time: Azure refuses them side by side.
    /// `properties` are the managed fields that a write asks for, or finds where it deletes.
    fn lane(&self, _id: &str, _properties: &Json) -> Option<String> {
        None
    }

    /// Ids of what Azure made for a live object and deletes along with it, wherever it lies: the
    /// network interface of a private endpoint. What a container holds of these is in nobody's
    /// way.
    fn takes_along(&self, _live: &Json) -> Vec<String> {
        Vec::new()
    }

    /// The managed fields of a live body. A kind overrides it where Azure adds to the members of
    /// a list what is not ours.
    fn project(&self, live: &Json) -> Value {
        self.meta().project(live)
    }

    /// Whose a listed body is, where people cannot manage it: the home region in a registry's
    /// list of replications is the registry's own. `parent` holds the managed fields of the object
    /// that it was listed below.
    fn unmanageable(&self, _id: &str, _body: &Json, _parent: Option<&Value>) -> Option<String> {
        None
    }

    /// The id of a body that was listed or read at `within`.
    fn id_of(&self, _within: &str, body: &Json) -> Option<String> {
        body.get("id")?.as_str().map(str::to_owned)
    }

    /// By what the live object `body` with `id` is matched with a declared one, and what its
    /// marker is made of: the lower-cased id, unless something else tells what is the same.
    fn key_of(&self, id: &str, _body: &Json) -> String {
        id.to_lowercase()
    }

    /// Whether an id is one of this type.
    fn is_id(&self, id: &str) -> bool {
        super::arm_type_of(id)
            .is_some_and(|arm_type| arm_type.eq_ignore_ascii_case(self.meta().arm_type))
    }

    /// Whether an object is nothing but access: deleting it only takes some away from somebody.
    fn is_access(&self) -> bool {
        false
    }

    /// Whether an object that got a new name stands under it before the old one goes.
    fn renews(&self) -> bool {
        !self.is_access()
    }

    /// What somebody could do, in words, once the managed fields of the object at `address` are
    /// `after`, that nobody of that name could while they are `before`, or while it does not
    /// stand. `onto_new` says that what it stands on is made by the same plan.
    fn widens(
        &self,
        _address: &Address,
        _before: Option<&Value>,
        _after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        None
    }

    /// To whom an object with these managed fields gives access: an object id, perhaps late.
    fn holder<'v>(&self, _properties: &'v Value) -> Option<&'v Value> {
        None
    }

    /// The cell of the access matrix that the object at an address is part of.
    fn access<'a>(&self, _address: &'a Address) -> Option<AccessCell<'a>> {
        None
    }

    /// A name for a live object that no TOML declares, as an address path under its environment.
    fn orphan_path(&self, id: &str) -> String {
        super::body::orphan_path(self.meta().name, id)
    }
}

impl fmt::Debug for dyn Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meta().name)
    }
}

impl Meta {
    /// The managed field at `path`.
    pub fn field(&self, path: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.path == path)
    }

    /// The managed fields of a live body, all of them, what is absent as what absence means.
    pub fn project(&self, body: &Json) -> Value {
        let mut projection = Value::Map(Map::default());
        for field in self.fields {
            let value = match super::at(body, field.path) {
                None | Some(Json::Null) => field.absent.value(),
                Some(json) => Value::from(json.clone()),
            };
            projection.set(field.path, value);
        }
        projection
    }

    /// Fills in the default of every managed field that `properties` does not say.
    pub fn materialise(&self, properties: &mut Value) {
        for field in self.fields {
            if properties
                .at(field.path)
                .is_none_or(|value| *value == Value::Null)
            {
                properties.set(field.path, field.default.value());
            }
        }
    }

    /// The outputs of a live body.
    pub fn read_outputs(&self, id: &str, body: &Json) -> BTreeMap<String, String> {
        let mut outputs = BTreeMap::from([
            ("id".to_owned(), id.to_owned()),
            (
                "name".to_owned(),
                id.rsplit('/').next().unwrap_or(id).to_owned(),
            ),
        ]);
        for (name, path) in self.outputs {
            if let Some(text) = super::at(body, path).and_then(Json::as_str) {
                outputs.insert((*name).to_owned(), text.to_owned());
            }
        }
        outputs
    }
}

/// The kinds that a plan may speak of. A kind stands after those that its objects live in and
/// those whose outputs make its ids.
#[derive(Debug, Clone, Copy)]
pub struct Kinds(pub &'static [&'static dyn Kind]);

impl Kinds {
    /// The kind of this name.
    pub fn named(self, name: &str) -> Option<&'static dyn Kind> {
        self.0.iter().copied().find(|kind| kind.meta().name == name)
    }

    /// All of them, in table order.
    pub fn iter(self) -> impl Iterator<Item = &'static dyn Kind> {
        self.0.iter().copied()
    }
}

//! What a type must tell so that ARM's common machinery can serve it.

use super::api_version::{ApiVersion, Since};
use super::context::Context;
use super::error::{ArmError, Source};
use super::locks::within;
use super::pattern::Pattern;
use super::read;
use crate::server::Answer;
use crate::state::{Failure, Moment, Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Constant facts about a type.
#[derive(Debug)]
pub struct Meta {
    /// The canonical type, e.g. `Microsoft.ContainerRegistry/registries`.
    pub kind: &'static str,
    /// Versions that Azure lists for it, newest first. Others are accepted too.
    pub api_versions: &'static [&'static str],
    pub placement: Placement,
    pub location: Located,
    /// ARM knows it: it is in `/resources` and its 404 comes from the gateway.
    pub tracked: bool,
    /// Since when answers carry `systemData`.
    pub system_data: Option<Since>,
    /// Whether locks keep away from it (locks themselves).
    pub lockable: bool,
    /// Top-level members of its PUT body besides those that ARM allows everywhere.
    pub members: &'static [&'static str],
}

/// Where objects of a type live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In a resource group, or below an object in one.
    Group,
    /// At any scope; the id keeps the caller's spelling of it.
    Extension,
    /// Below a location of a subscription (`…/locations/L/…`).
    Location {
        /// Whether the path may leave the location out, as lists over all of them do.
        optional: bool,
    },
}

/// What a type does with `location`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// Needs one, and it never changes.
    Regional,
    /// Always `global`.
    Global,
    /// Has none.
    Nowhere,
}

/// An object being addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The id that a new object gets.
    pub id: String,
    /// The id in lower case.
    pub key: String,
    /// Names of all levels, outermost first.
    pub names: Vec<String>,
    /// Key of the parent object, for nested types.
    pub parent: Option<String>,
    /// What comes before `/providers/`, as sent.
    pub scope: String,
    /// `Namespace/type/name/…` as the caller wrote it.
    pub spelled: String,
}

impl Target {
    pub fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }
}

/// A body that will be stored, and how the write is answered.
#[derive(Debug)]
pub struct Written {
    pub status: u16,
    /// Everything but `id`, `name`, `type` and `systemData`.
    pub body: Map<String, Value>,
    pub hidden: Value,
    /// The operation that the write starts.
    pub started: Option<Started>,
}

/// An operation that a write starts, with the word that it says until it is done.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    pub pattern: &'static Pattern,
    pub word: &'static str,
}

/// How a DELETE goes.
#[derive(Debug)]
pub enum Deleted {
    /// Gone at once, with this status.
    Now(u16),
    /// Gone at once, with this status and the object as it was.
    Shown(u16),
    /// Gone when the operation ends; `shown` answers with the object as `Deleting`.
    Later {
        pattern: &'static Pattern,
        shown: bool,
    },
}

/// A POST or GET on an object that is neither reading nor writing it.
pub struct Action {
    pub name: &'static str,
    pub method: Method,
    pub run: fn(&Context<'_>, &mut Txn<'_>, &Object) -> Result<Answer, ArmError>,
}

/// One ARM type. The machinery in `arm` does ids, locks, groups, operations, storage and
/// paging; a type says what its provider accepts, adds, refuses and shows.
pub trait ResourceType: Sync {
    fn meta(&self) -> &'static Meta;

    /// Where an addressed object really is, for types that several addresses lead to.
    fn place(&self, target: Target) -> Target {
        target
    }

    /// The object that a path means; types that know some without storing them look there.
    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        world.object(&target.key).cloned()
    }

    /// Whether an extension may hang on `scope`.
    fn hangs_on(&self, cx: &Context<'_>, world: &World, scope: &str) -> Result<(), ArmError> {
        read::extended(cx, world, scope)
    }

    /// Changes that a PUT makes even if it is then refused.
    fn prepare(
        &self,
        _cx: &Context<'_>,
        _txn: &mut Txn<'_>,
        _target: &Target,
        _sent: &Map<String, Value>,
    ) {
    }

    /// PUT; `old` is what stands there. By default there is none.
    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PUT", self.meta().kind))
    }

    /// PATCH of what stands there. By default there is none.
    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PATCH", self.meta().kind))
    }

    /// A PUT that changes something else instead of making an object here.
    fn redirected(
        &self,
        _cx: &Context<'_>,
        _txn: &mut Txn<'_>,
        _target: &Target,
    ) -> Option<Result<Answer, ArmError>> {
        None
    }

    /// DELETE of what stands there.
    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Now(200))
    }

    /// What a DELETE of something absent answers.
    fn delete_absent(&self) -> u16 {
        204
    }

    /// The object as this api-version shows it.
    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        object.body.clone()
    }

    /// The object as this request shows it; by default as [`Self::view`] does.
    fn show(&self, cx: &Context<'_>, object: &Object, world: &World) -> Value {
        self.view(object, world, &cx.api)
    }

    /// The object as a LIST shows it.
    fn listed(&self, cx: &Context<'_>, object: &Object, world: &World) -> Value {
        self.show(cx, object, world)
    }

    /// LIST at `scope`, a lower-case id, for types whose lists are not what is stored below
    /// it.
    fn list(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        None
    }

    /// Whether its time is over, so that nobody sees it any more.
    fn over(&self, _object: &Object, _now: Moment) -> bool {
        false
    }

    /// What it leaves behind, right before it goes: by its own DELETE or with its group.
    fn leaving(&self, _txn: &mut Txn<'_>, _object: &Object, _now: Moment) {}

    /// Whether it stays where it is when what it hangs on goes.
    fn outlives(&self) -> bool {
        false
    }

    /// Whether references to objects that are not here are accepted: for types that are
    /// played only as far as others need them, somebody may have made them elsewhere.
    fn taken_for_granted(&self) -> bool {
        false
    }

    /// Further changes when a DELETE was accepted, before anything goes.
    fn deleting(&self, _cx: &Context<'_>, _txn: &mut Txn<'_>, _object: &Object) {}

    /// Key of the object at and below which writes take turns: one at a time.
    fn turns(&self, _target: &Target) -> Option<String> {
        None
    }

    /// Keys of other objects whose own operations a write waits for too.
    fn waits_for(&self, _target: &Target) -> Vec<String> {
        Vec::new()
    }

    /// Whether a DELETE ends what runs instead of waiting for its turn.
    fn preempts(&self) -> bool {
        false
    }

    /// Further changes when ARM itself changed the tags.
    fn retagged(&self, _txn: &mut Txn<'_>, _object: &Object) {}

    /// Keys of other objects whose running operations a PUT of this body looks at; asking
    /// counts as a try for those.
    fn leans_on(&self, _sent: &Map<String, Value>) -> Vec<String> {
        Vec::new()
    }

    /// How a write is refused whose turn it is not; `running` is polled at that address.
    fn busy(&self, _target: &Target, running: &str) -> ArmError {
        ArmError::new(
            Source::Provider,
            409,
            "AnotherOperationInProgress",
            format!(
                "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: {running}."
            ),
        )
    }

    /// The last word on the answer to a read or write of an object.
    fn answered(&self, _cx: &Context<'_>, _world: &World, _object: &Object, _answer: &mut Answer) {}

    /// Whether a LIST at `scope` shows the object at `key` (both in lower case).
    fn lists(&self, key: &str, scope: &str) -> bool {
        within(key, scope)
    }

    /// The provider's own 404, for types that ARM does not track.
    fn not_found(&self, target: &Target) -> ArmError {
        ArmError::resource_not_found(&target.spelled, None)
    }

    /// What the object looks like once its operation has succeeded.
    fn settle(&self, object: &mut Object, _now: Moment) {
        set_state(object, "Succeeded");
    }

    /// Further changes right after an object was stored.
    fn stored(&self, _cx: &Context<'_>, _txn: &mut Txn<'_>, _object: &Object) {}

    /// Ends an operation that an action started.
    fn finish(
        &self,
        _txn: &mut Txn<'_>,
        _object: &Object,
        _order: &Value,
        _now: Moment,
    ) -> Result<(), Failure> {
        Ok(())
    }

    fn actions(&self) -> &'static [Action] {
        &[]
    }
}

/// Sets `properties.provisioningState`.
pub fn set_state(object: &mut Object, state: &str) {
    if let Some(properties) = object
        .body
        .get_mut("properties")
        .and_then(Value::as_object_mut)
    {
        properties.insert("provisioningState".to_owned(), json!(state));
    }
}

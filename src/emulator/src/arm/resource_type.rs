//! What a type must tell so that ARM's common machinery can serve it.

use super::api_version::{ApiVersion, Since};
use super::context::Context;
use super::error::ArmError;
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
}

/// What a type does with `location`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// Needs one, and it never changes.
    Regional,
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

    /// PUT; `old` is what stands there.
    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError>;

    /// PATCH of what stands there.
    fn patch(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError>;

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

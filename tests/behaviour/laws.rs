//! Laws over every kind: a new kind is covered by standing in the table and in the sample.

use onestream::kinds::KINDS;
use onestream::provision::plan::{Action, Mode};
use onestream::resource::{
    Address, Carrier, Change, Compare, Deleted, Field, ID_TAG, Kind, MANAGED_BY_TAG, ReadMode,
    UpdateMode, Value,
};
use serde_json::{Value as Json, json};

use crate::estate::{Estate, at, imagined, one_of_each, patch};

#[tokio::test]
async fn the_sample_holds_every_kind() {
    let estate = Estate::sample().await;
    let each = one_of_each(&estate.desired);
    for kind in KINDS.iter() {
        assert!(
            each.contains_key(kind.meta().name),
            "the sample has no {}",
            kind.meta().name
        );
    }
}

#[tokio::test]
async fn what_is_sent_says_what_is_declared() {
    let estate = Estate::sample().await;
    let outputs = imagined(&estate.desired);
    for resource in estate.desired.resources.values() {
        let desired = resource.properties.resolve(&outputs).expect("known");
        let id = resource.id.resolve(&outputs).expect("known");
        let body = resource.kind.create(&id, &desired).body.expect("a body");
        let meta = resource.kind.meta();
        for field in meta.fields {
            let sent = at(&body, field.path).cloned().map(Value::from);
            let wanted = at(&desired, field.path).cloned().map(Value::from);
            let wanted = wanted.unwrap_or_default();
            // A field may be left out only where Azure's default is what is wanted.
            let sent = sent.unwrap_or_else(|| field.absent.value());
            assert!(
                field.same(&wanted, &sent),
                "{}: {} is sent as {sent}",
                resource.address,
                field.path
            );
        }
        for field in meta.fields {
            assert!(
                resource.properties.at(field.path).is_some(),
                "{} lacks {}",
                resource.address,
                field.path
            );
        }
    }
}

#[tokio::test]
async fn the_plan_after_an_apply_is_empty_and_so_after_destroy_and_apply() {
    let estate = Estate::sample().await;
    for _ in 0..2 {
        estate.apply().await;
        estate.is_as_declared().await;
        let plan = estate.plan(Mode::Destroy).await;
        assert_eq!(plan.refusals, []);
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{:#?}", outcome.ends);
        let left = estate.observe().await;
        let left: Vec<&String> = left
            .objects
            .iter()
            .filter(|(key, _)| !is_exempt(&estate, key))
            .map(|(key, _)| key)
            .collect();
        assert!(left.is_empty(), "{left:#?}");
        // What stays is told, and is nothing that one could still carry out.
        let again = estate.plan(Mode::Destroy).await;
        assert!(again.is_empty(), "{:#?}", again.operations);
        let said: Vec<&str> = again.stays.iter().map(|it| it.address.as_str()).collect();
        assert_eq!(said, ["shared.group", "shared.store"]);
    }
}

/// What a destroy leaves standing: the control store, which holds the journal of that very destroy
/// and the audit log of who asked for it, and the group that the store is in, which could go with
/// it only.
fn is_exempt(estate: &Estate, key: &str) -> bool {
    let stays = estate.desired.resources.values().filter_map(|resource| {
        let id = resource.id.known()?.to_lowercase();
        resource.kind.keeps().map(|_| id)
    });
    let mut stays = stays.peekable();
    assert!(stays.peek().is_some(), "the sample has no control store");
    stays.any(|id| id == key || (id.starts_with(&format!("{key}/")) && is_group(key)))
}

fn is_group(key: &str) -> bool {
    KINDS
        .named("resource group")
        .is_some_and(|kind| kind.is_id(key))
}

#[tokio::test]
async fn every_managed_field_flipped_is_found_and_repaired_or_refused() {
    let estate = Estate::sample().await;
    estate.apply().await;
    for (kind, address) in one_of_each(&estate.desired) {
        let kind = KINDS.named(kind).expect("a kind");
        let id = estate.id(&address);
        for field in kind.meta().fields {
            let before = estate.object(&id).await;
            let (path, flipped) = flip(field, &before);
            estate.tamper(&id, patch(&path, flipped)).await;
            let plan = estate.plan(Mode::Apply).await;
            let what = format!("{address}: {path}");
            let declared = &estate.desired.resources[&address].properties;
            let wanted = declared.at(field.path).cloned().unwrap_or_default();
            // Something of ours stands in every subnet.
            let live = kind.project(&estate.object(&id).await);
            let fixed = kind.fixed_in_use(field.path, declared, &live);
            match fixed.map_or(field.change_to(&wanted), Change::Refuse) {
                Change::Refuse(instead) => {
                    let refusal = plan
                        .refusals
                        .iter()
                        .find(|refusal| refusal.address == address);
                    assert_eq!(refusal.expect(&what).instead, instead, "{what}");
                    estate.plant(&id, before.clone()).await;
                }
                Change::InPlace | Change::Keep(_) | Change::Raise(_) | Change::Replace => {
                    let found = plan.operations.iter().any(|operation| {
                        operation.address == address
                            && operation
                                .changes
                                .iter()
                                .any(|change| change.path.starts_with(field.path))
                    });
                    assert!(found, "{what} is not found: {:#?}", plan.operations);
                    let outcome = estate.carry_out(plan).await;
                    assert!(outcome.is_complete(), "{what}: {:#?}", outcome.ends);
                }
            }
            estate.is_as_declared().await;
        }
    }
}

#[tokio::test]
async fn what_azure_has_not_brought_to_a_good_end_is_never_as_declared() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let state = "properties.provisioningState";
    for (kind, address) in one_of_each(&estate.desired) {
        let id = estate.id(&address);
        let before = estate.object(&id).await;
        // Extensions such as locks are written at once: Azure has nothing to say of them.
        if at(&before, state).is_none() {
            assert!(
                !KINDS
                    .named(kind)
                    .expect("a kind")
                    .meta()
                    .read_only
                    .contains(&state)
            );
            continue;
        }
        for busy in ["Creating", "Updating", "Deleting"] {
            estate.tamper(&id, patch(state, json!(busy))).await;
            let plan = estate.plan(Mode::Apply).await;
            assert!(plan.is_partial(), "{address}: {busy}");
            assert_eq!(plan.operations, [], "{address}: {busy}");
        }
        for failed in ["Failed", "Canceled"] {
            estate.tamper(&id, patch(state, json!(failed))).await;
            let plan = estate.plan(Mode::Apply).await;
            // What lies in it may have failed with it, as a cluster's pools do.
            let within = |other: &Address| {
                let parent = estate.desired.resources[other].parent.as_ref();
                *other == address || parent == Some(&address)
            };
            assert!(plan.operations.iter().any(|o| o.address == address));
            for operation in &plan.operations {
                assert_eq!(operation.action, Action::Update, "{operation:#?}");
                assert!(within(&operation.address), "{address}: {operation:#?}");
            }
            let outcome = estate.carry_out(plan).await;
            assert!(outcome.is_complete(), "{address}: {:#?}", outcome.ends);
            assert_eq!(
                at(&estate.object(&id).await, state),
                Some(&json!("Succeeded"))
            );
            estate.is_as_declared().await;
        }
    }
}

/// Another value for a field of a live body, and the path at which it stands.
fn flip(field: &Field, body: &Json) -> (String, Json) {
    let live = at(body, field.path).cloned();
    let live = live.unwrap_or_else(|| {
        field
            .absent
            .value()
            .resolve(&Default::default())
            .expect("known")
    });
    let other = match (&live, field.compare) {
        (Json::Object(map), Compare::OwnKeys) => {
            let marker = |key: &&String| *key == MANAGED_BY_TAG || *key == ID_TAG;
            let key = map
                .keys()
                .find(|key| !marker(key))
                .expect("a tag beside the marker");
            return (format!("{}.{key}", field.path), json!("flipped"));
        }
        (_, Compare::Region) => json!("northeurope"),
        (Json::Array(items), Compare::Switches(keys)) => {
            let mut more = items.clone();
            more.push(json!({"enabled": true, keys[0]: "flipped"}));
            Json::Array(more)
        }
        (Json::Array(words), Compare::OwnWords) => {
            let marks = [MANAGED_BY_TAG, ID_TAG].map(|mark| format!("{mark}="));
            let is_mark = |word: &&Json| {
                let word = word.as_str().unwrap_or_default();
                marks.iter().any(|mark| word.starts_with(mark))
            };
            json!(words.iter().filter(is_mark).collect::<Vec<_>>())
        }
        (Json::Bool(flag), _) => json!(!flag),
        (Json::Number(number), _) => json!(number.as_i64().unwrap_or_default() + 1),
        (Json::Array(items), _) => {
            let mut more = items.clone();
            more.push(match items.first() {
                Some(Json::String(_)) => json!("flipped"),
                _ => json!({"action": "Allow", "value": "203.0.113.7"}),
            });
            Json::Array(more)
        }
        _ => json!("flipped"),
    };
    (field.path.to_owned(), other)
}

#[tokio::test]
async fn an_update_leaves_what_is_not_ours() {
    let estate = Estate::sample().await;
    estate.apply().await;
    for (kind, address) in one_of_each(&estate.desired) {
        let kind = KINDS.named(kind).expect("a kind");
        let id = estate.id(&address);
        if let Carrier::Tags(path) = kind.meta().carrier {
            estate
                .tamper(&id, patch(path, json!({"theirs": "kept"})))
                .await;
        }
        let live = estate.object(&id).await;
        let fields = kind.meta().fields.iter();
        // A range that is in use is refused instead: something of ours stands in every subnet.
        let (nothing, before) = (Value::default(), kind.project(&live));
        let mut changeable = fields.filter(|field| {
            let fixed = kind.fixed_in_use(field.path, &nothing, &before);
            field.change == Change::InPlace && fixed.is_none()
        });
        // Some say all that they are by their id.
        let Some(changeable) = changeable.next() else {
            continue;
        };
        let (path, flipped) = flip(changeable, &live);
        estate.tamper(&id, patch(&path, flipped)).await;
        let plan = estate.plan(Mode::Apply).await;
        let actions: Vec<Action> = plan
            .operations
            .iter()
            .map(|operation| operation.action)
            .collect();
        assert_eq!(actions, [Action::Update], "{address}");
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{address}: {:#?}", outcome.ends);
        let after = estate.object(&id).await;
        if let Carrier::Tags(path) = kind.meta().carrier {
            assert_eq!(
                at(&after, path).and_then(|tags| tags.get("theirs")),
                Some(&json!("kept")),
                "{address}"
            );
        }
        for unmanaged in kind.meta().unmanaged {
            let (before, after) = (at(&live, unmanaged.path), at(&after, unmanaged.path));
            assert_eq!(
                steady(before),
                steady(after),
                "{address}: {}",
                unmanaged.path
            );
        }
        estate.is_as_declared().await;
    }
}

/// A live value without what Azure itself stamps on every write.
fn steady(value: Option<&Json>) -> Option<Json> {
    let mut value = value.cloned()?;
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| !key.starts_with("lastUpdated"));
    }
    Some(value)
}

#[tokio::test]
async fn a_copied_marker_is_never_a_delete() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let mut planted = Vec::new();
    for (kind, address) in one_of_each(&estate.desired) {
        let kind = KINDS.named(kind).expect("a kind");
        // What no list shows is neither seen nor touched.
        let unlisted = kind.meta().read == ReadMode::DataPlane && kind.marked().is_none();
        if kind.meta().carrier == Carrier::Parent || unlisted {
            continue;
        }
        planted.push(estate.plant_copy(&estate.id(&address)).await);
    }
    for mode in [Mode::Apply, Mode::Destroy] {
        let plan = estate.plan(mode).await;
        for copy in &planted {
            let touched = plan
                .operations
                .iter()
                .find(|operation| operation.id.known() == Some(copy));
            assert!(touched.is_none(), "{touched:#?}");
            let seen = plan
                .unmanaged
                .iter()
                .find(|object| object.id.eq_ignore_ascii_case(copy));
            assert!(
                seen.is_some_and(|object| object.copied_marker),
                "{copy} is not reported"
            );
        }
    }
}

/// A merge patch that takes the marker away, where the kind carries one.
fn lost_marker(kind: &dyn Kind) -> Option<Json> {
    match kind.meta().carrier {
        Carrier::Tags(path) => Some(patch(path, json!({ ID_TAG: null, MANAGED_BY_TAG: null }))),
        Carrier::Note(path) => Some(patch(path, json!("made by hand"))),
        Carrier::Words(path) => Some(patch(path, json!(["made-by-hand"]))),
        Carrier::Parent => None,
    }
}

#[tokio::test]
async fn an_object_without_our_marker_is_adopted_only_when_asked() {
    let estate = Estate::sample().await;
    estate.apply().await;
    for (kind, address) in one_of_each(&estate.desired) {
        let id = estate.id(&address);
        let Some(lost) = lost_marker(KINDS.named(kind).expect("a kind")) else {
            continue;
        };
        estate.tamper(&id, lost).await;
        let plan = estate.plan(Mode::Apply).await;
        let adopted: Vec<_> = plan
            .operations
            .iter()
            .map(|o| (o.action, &o.address))
            .collect();
        assert_eq!(adopted, [(Action::Adopt, &address)]);
        let unasked = onestream::provision::plan::Plan {
            adopt: false,
            ..plan.clone()
        };
        let objections = onestream::provision::guard::guard(unasked, &Default::default(), &[]);
        assert!(
            objections.is_err(),
            "{address} would be taken over silently"
        );
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{address}: {:#?}", outcome.ends);
        estate.is_as_declared().await;
    }
}

/// The kinds that Azure keeps for a while after a delete, each with one declared address.
fn recoverable(estate: &Estate) -> Vec<(&'static dyn Kind, Address)> {
    let each = one_of_each(&estate.desired).into_iter();
    each.filter_map(|(kind, address)| Some((KINDS.named(kind)?, address)))
        .filter(|(kind, _)| kind.deleted() != Deleted::Never)
        .collect()
}

/// Where a kind's soft-deleted objects are listed, as a path that faults know.
fn graves(kind: &dyn Kind) -> String {
    match kind.deleted() {
        Deleted::PerSubscription(path) => format!("*{path}"),
        Deleted::PerParent(_) | Deleted::Tenant | Deleted::Never => kind.deleted_list("").path,
    }
}

#[tokio::test]
async fn what_was_soft_deleted_is_recovered_and_then_as_declared() {
    let estate = Estate::sample().await;
    estate.apply().await;
    for (kind, address) in recoverable(&estate) {
        let id = estate.id(&address);
        let changeable = kind
            .meta()
            .fields
            .iter()
            .find(|field| field.change == Change::InPlace && field.path != "tags");
        if let Some(field) = changeable {
            let (path, flipped) = flip(field, &estate.object(&id).await);
            estate.tamper(&id, patch(&path, flipped)).await;
        }
        if let Carrier::Tags(path) = kind.meta().carrier {
            let theirs = patch(path, json!({"theirs": "kept"}));
            estate.tamper(&id, theirs).await;
        }
        estate.send(&kind.delete(&id)).await;
        let plan = estate.plan(Mode::Apply).await;
        let action = plan.operations.iter().find(|o| o.address == address);
        assert_eq!(action.map(|o| o.action), Some(Action::Recover), "{address}");
        let outcome = estate.carry_out(plan).await;
        assert!(outcome.is_complete(), "{address}: {:#?}", outcome.ends);
        estate.is_as_declared().await;
        if let Carrier::Tags(path) = kind.meta().carrier {
            let after = estate.object(&id).await;
            let theirs = at(&after, path).and_then(|tags| tags.get("theirs"));
            assert_eq!(theirs, Some(&json!("kept")), "{address}");
        }
    }
}

#[tokio::test]
async fn a_recovery_cut_short_is_completed_by_the_same_plan() {
    let all = recoverable(&Estate::sample().await);
    for (kind, address) in all {
        // What one deletes may take others along, so each has an estate of its own.
        let estate = Estate::sample().await;
        estate.apply().await;
        let id = estate.id(&address);
        let fields = kind.meta().fields.iter();
        let mut changeable =
            fields.filter(|field| field.change == Change::InPlace && field.path != "tags");
        let field = changeable.next().expect("a field that changes in place");
        let (path, flipped) = flip(field, &estate.object(&id).await);
        estate.tamper(&id, patch(&path, flipped)).await;
        estate.send(&kind.delete(&id)).await;
        let plan = estate.plan(Mode::Apply).await;
        let method = match kind.meta().update {
            UpdateMode::Put => "PUT",
            UpdateMode::Patch => "PATCH",
        };
        let name = id.rsplit('/').next().expect("a name");
        let rule = json!([{"method": method, "path": format!("*/{name}*"), "status": 403}]);
        estate.faults(rule).await;
        let outcome = estate.carry_out(plan.clone()).await;
        assert!(!outcome.is_complete(), "{address} was not updated");
        estate.faults(json!([])).await;
        let outcome = estate.carry_on(plan).await;
        assert!(outcome.is_complete(), "{address}: {:#?}", outcome.ends);
        estate.is_as_declared().await;
    }
}

#[tokio::test]
async fn what_somebody_else_soft_deleted_is_refused_and_what_is_unread_left_alone() {
    let all = recoverable(&Estate::sample().await);
    for (kind, address) in all {
        // What one deletes may take others along, so each has an estate of its own.
        let estate = Estate::sample().await;
        estate.apply().await;
        let id = estate.id(&address);
        if let Some(lost) = lost_marker(kind) {
            estate.tamper(&id, lost).await;
        }
        estate.send(&kind.delete(&id)).await;
        let plan = estate.plan(Mode::Apply).await;
        assert!(
            plan.refusals.iter().any(|r| r.address == address),
            "{address}: {:#?}",
            plan.operations
        );
        let rule = json!([{"method": "GET", "path": graves(kind), "status": 403}]);
        estate.faults(rule).await;
        let plan = estate.plan(Mode::Apply).await;
        assert!(plan.operations.iter().all(|o| o.address != address));
        assert!(
            plan.unreadable.iter().any(|u| u.address == address),
            "{address}: {:#?}",
            plan.unreadable
        );
        estate.faults(json!([])).await;
    }
}

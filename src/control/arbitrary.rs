//! Random events and JSON for the property tests of the store.

use std::ops::Range;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::provision::plan::{Action, Step};
use crate::provision::ports::{Event, Failure, Intent, Pending, Poll, PutBack, Verdict};
use crate::resource::{Address, EnvironmentName, Method, Plane, Request};

/// The digest of a plan.
pub(super) const PLAN: &str = "00112233445566778899aabbccddeeff";

/// Waits for a future outside an async test.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// JSON without fractions: serde_json reads some of them back a last digit off.
pub(super) fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Json::from),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<Json>()),
        ]
    })
}

/// Between so many and so many events.
pub(super) fn events(count: Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    vec(event(), count)
}

/// Any event.
pub(super) fn event() -> impl Strategy<Value = Event> {
    let number = any::<usize>;
    prop_oneof![
        vec(environment(), 0..4).prop_map(|environments| Event::RunStarted { environments }),
        (
            (number(), address(), any::<String>(), "[0-9a-f]{64}"),
            option::of(intent())
        )
            .prop_map(
                |((operation, address, id, body_hash), intent)| Event::Begun {
                    operation,
                    address,
                    id,
                    body_hash,
                    intent: intent.map(Box::new),
                }
            ),
        (number(), pending())
            .prop_map(|(operation, pending)| Event::Accepted { operation, pending }),
        (
            number(),
            address(),
            btree_map(any::<String>(), any::<String>(), 0..4)
        )
            .prop_map(|(operation, address, outputs)| Event::Done {
                operation,
                address,
                outputs
            }),
        (number(), address(), failure()).prop_map(|(operation, address, failure)| Event::Failed {
            operation,
            address,
            failure
        }),
        any::<bool>().prop_map(|complete| Event::RunEnded { complete }),
    ]
}

fn intent() -> impl Strategy<Value = Intent> {
    let outputs = || btree_map(any::<String>(), any::<String>(), 0..3);
    let action = prop::sample::select(vec![Action::Create, Action::Replace, Action::Delete]);
    let step = prop::sample::select(vec![Step::Create, Step::Update, Step::Delete]);
    let back = (any::<usize>(), json());
    (
        (any::<String>(), action, step),
        btree_map(address(), outputs(), 0..3),
        option::of(back.prop_map(|(operation, desired)| PutBack { operation, desired })),
    )
        .prop_map(|((kind, action, step), late, back)| Intent {
            kind,
            action,
            step,
            late,
            back,
        })
}

fn environment() -> impl Strategy<Value = EnvironmentName> {
    "[a-z0-9][a-z0-9-]{0,8}".prop_map(|name| name.parse().expect("a name"))
}

fn address() -> impl Strategy<Value = Address> {
    "[a-z][a-z0-9-]{0,8}(\\.[a-z0-9][a-z0-9-]{0,8}){1,3}"
        .prop_map(|address| address.parse().expect("an address"))
}

fn plane() -> impl Strategy<Value = Plane> {
    prop_oneof![
        Just(Plane::Arm),
        Just(Plane::Graph),
        any::<String>().prop_map(Plane::Vault),
        any::<String>().prop_map(|name| Plane::Ingestion(name.into())),
        any::<String>().prop_map(|id| Plane::Cluster(id.into())),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let pairs = || vec(any::<(String, String)>(), 0..3);
    let method = prop::sample::select(vec![
        Method::Get,
        Method::Head,
        Method::Put,
        Method::Patch,
        Method::Post,
        Method::Delete,
    ]);
    // A null body and none are stored alike, and sent alike.
    let body = option::of(json().prop_filter("a body", |body| !body.is_null()));
    (
        (plane(), method, any::<String>()),
        (option::of(any::<String>()), pairs(), pairs()),
        (body, any::<bool>()),
    )
        .prop_map(
            |((plane, method, path), (api_version, query, headers), (body, idempotent))| Request {
                plane,
                method,
                path,
                api_version,
                query,
                headers,
                body,
                idempotent,
            },
        )
}

fn pending() -> impl Strategy<Value = Pending> {
    let poll = prop::sample::select(vec![
        Poll::StatusDocument,
        Poll::Location,
        Poll::ProvisioningState,
    ]);
    let wait = option::of(any::<u32>().prop_map(|seconds| Duration::from_secs(seconds.into())));
    (plane(), poll, any::<String>(), option::of(request()), wait).prop_map(
        |(plane, poll, target, object, retry_after)| Pending {
            plane,
            poll,
            target,
            object,
            retry_after,
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    let verdict = prop::sample::select(vec![
        Verdict::Unknown,
        Verdict::Busy,
        Verdict::Denied,
        Verdict::NotFound,
        Verdict::Conflict,
        Verdict::Fatal,
    ]);
    let text = any::<String>;
    (
        (verdict, option::of(any::<u16>())),
        (text(), text()),
        (option::of(text()), option::of(text())),
    )
        .prop_map(
            |((verdict, status), (code, message), (hint, request_id))| Failure {
                verdict,
                status,
                code,
                message,
                hint,
                request_id,
            },
        )
}

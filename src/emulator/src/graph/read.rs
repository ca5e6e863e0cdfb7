//! GET of one directory object or of a collection.
//! <https://learn.microsoft.com/graph/query-parameters>

use super::address::Key;
use super::entity::Entity;
use super::error::GraphError;
use super::filter::Filter;
use super::links;
use super::request::{Request, typed, with_context};
use super::rights::Right;
use super::view;
use crate::entra::replication::{self, Replica};
use crate::server::Answer;
use crate::state::{Object, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Items on a page, and the most that may be asked for.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

/// `GET /collection/id`
pub fn one(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
) -> Result<Answer, GraphError> {
    request.read(|world| {
        let object = request.find(world, entity, key, Right::Read)?;
        let body = view::of(request.azure, world, &object);
        let mut shown = view::selected(entity, request.call.parameter("$select"), body);
        expand(request, world, &object, &mut shown)?;
        Ok(request.entity_answer(200, entity, shown))
    })
}

/// `GET /collection`
pub fn list(request: &Request<'_>, entity: &'static Entity) -> Result<Answer, GraphError> {
    request.demand(Right::Read, entity)?;
    let filter = filter(request)?;
    let behind = match filter.as_ref().is_some_and(Filter::by_key) && !request.eventual() {
        true => BTreeSet::new(),
        false => unknown_yet(request, entity)?,
    };
    request.read(|world| {
        let objects = world
            .of_kind(entity.kind)
            .map(|(_, object)| object)
            .filter(|object| !object.text("/id").is_some_and(|id| behind.contains(id)))
            .filter(|object| request.rights.allow(Right::Read, entity, Some(object)));
        let found = objects
            .map(|object| (object, view::of(request.azure, world, object)))
            .filter(|(_, body)| filter.as_ref().is_none_or(|filter| filter.holds(body)));
        let found = found.collect();
        page(request, world, entity, found)
    })
}

/// `GET /collection/$count`
pub fn count(request: &Request<'_>, entity: &'static Entity) -> Result<Answer, GraphError> {
    request.demand(Right::Read, entity)?;
    if !request.eventual() {
        return Err(GraphError::bad(
            "$count is not currently supported without the ConsistencyLevel header set to eventual.",
        ));
    }
    let filter = filter(request)?;
    request.read(|world| {
        let count = world
            .of_kind(entity.kind)
            .map(|(_, object)| view::of(request.azure, world, object))
            .filter(|body| filter.as_ref().is_none_or(|filter| filter.holds(body)))
            .count();
        Ok(Answer::json(200, json!(count)))
    })
}

fn filter(request: &Request<'_>) -> Result<Option<Filter>, GraphError> {
    if request.call.parameter("$search").is_some() {
        return Err(GraphError::unsupported(
            "This emulator does not play $search.",
        ));
    }
    let Some(text) = request.call.parameter("$filter") else {
        return Ok(None);
    };
    let filter = Filter::parse(text)
        .ok_or_else(|| GraphError::bad("Invalid filter clause: the expression cannot be read."))?;
    let counted = request
        .call
        .parameter("$count")
        .is_some_and(|count| count.eq_ignore_ascii_case("true"))
        || request.call.path.ends_with("/$count");
    if filter.advanced() && !(request.eventual() && counted) {
        return Err(GraphError::unsupported("Unsupported Query."));
    }
    Ok(Some(filter))
}

/// Ids of new objects that the index does not list yet; being asked is a try.
fn unknown_yet(
    request: &Request<'_>,
    entity: &'static Entity,
) -> Result<BTreeSet<String>, GraphError> {
    let news: Vec<String> = request.read(|world| {
        Ok(replication::news(world, Replica::Lists)
            .into_iter()
            .filter(|id| crate::entra::principals::object(world, entity.kind, id).is_some())
            .collect())
    })?;
    if news.is_empty() {
        return Ok(BTreeSet::new());
    }
    request.write(|txn| {
        let pace = request.azure.settings.pace;
        Ok(news
            .into_iter()
            .filter(|id| !replication::knows(txn, Replica::Lists, id, pace, request.now))
            .collect())
    })
}

fn page(
    request: &Request<'_>,
    world: &World,
    entity: &'static Entity,
    mut found: Vec<(&Arc<Object>, Value)>,
) -> Result<Answer, GraphError> {
    if let Some(order) = request.call.parameter("$orderby") {
        sort(&mut found, order);
    }
    let total = found.len();
    let (from, size) = window(request)?;
    let mut value = Vec::new();
    for (object, body) in found.into_iter().skip(from).take(size) {
        let mut shown = view::selected(entity, request.call.parameter("$select"), body);
        expand(request, world, object, &mut shown)?;
        value.push(shown);
    }
    let mut body = Map::new();
    if request.eventual()
        && request
            .call
            .parameter("$count")
            .is_some_and(|count| count.eq_ignore_ascii_case("true"))
    {
        body.insert("@odata.count".to_owned(), json!(total));
    }
    if from + value.len() < total {
        let next = next_link(request, from + value.len());
        body.insert("@odata.nextLink".to_owned(), json!(next));
    }
    body.insert("value".to_owned(), Value::Array(value));
    let context = match request.call.parameter("$select") {
        Some(select) => request.context(&format!("{}({select})", entity.segment)),
        None => request.context(entity.segment),
    };
    Ok(Answer::json(
        200,
        with_context(context, Value::Object(body)),
    ))
}

fn sort(found: &mut [(&Arc<Object>, Value)], order: &str) {
    let mut words = order.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    let down = words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("desc"));
    let text = |body: &Value| {
        body.get(&name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    found.sort_by(|(_, a), (_, b)| {
        let order = text(a).cmp(&text(b));
        if down { order.reverse() } else { order }
    });
}

/// Where the page starts and how many items it has.
fn window(request: &Request<'_>) -> Result<(usize, usize), GraphError> {
    let from = match request.call.parameter("$skiptoken") {
        None => 0,
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| {
                GraphError::new(400, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request.")
            })?,
    };
    let size = match request.call.parameter("$top") {
        None => request.azure.settings.page_size.unwrap_or(PAGE),
        Some(top) => top
            .parse()
            .ok()
            .filter(|top| (1..=LARGEST_PAGE).contains(top))
            .ok_or_else(|| {
                GraphError::bad(format!(
                    "Invalid page size specified: '{top}'. Must be between 1 and {LARGEST_PAGE} inclusive."
                ))
            })?,
    };
    Ok((from, size.max(1)))
}

fn next_link(request: &Request<'_>, from: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &request.call.query {
        if !name.eq_ignore_ascii_case("$skiptoken") {
            query.append_pair(name, value);
        }
    }
    query.append_pair("$skiptoken", &URL_SAFE_NO_PAD.encode(from.to_string()));
    let path = request.call.target.split('?').next().unwrap_or_default();
    format!("{}{path}?{}", request.call.origin, query.finish())
}

/// Adds what `$expand` asks for: owners or members.
fn expand(
    request: &Request<'_>,
    world: &World,
    object: &Object,
    shown: &mut Value,
) -> Result<(), GraphError> {
    let Some(names) = request.call.parameter("$expand") else {
        return Ok(());
    };
    for name in names.split(',') {
        let name = name.split('(').next().unwrap_or_default().trim();
        let list = links::list_named(name)
            .ok_or_else(|| GraphError::bad(format!("Could not find a property named '{name}'.")))?;
        let ids = crate::entra::principals::ids(object, list).map(ToOwned::to_owned);
        shown[list] = json!(request.objects(world, ids));
    }
    Ok(())
}

/// `GET /directoryObjects/id`
pub fn any(request: &Request<'_>, id: &str) -> Result<Answer, GraphError> {
    request.read(|world| {
        let (entity, object) = super::request::any_object(request.azure, world, id)
            .ok_or_else(|| GraphError::not_found(id))?;
        if !request.rights.allow(Right::Read, entity, Some(&object)) {
            return Err(GraphError::denied());
        }
        let body = view::default(entity, view::of(request.azure, world, &object));
        let context = request.context("directoryObjects/$entity");
        Ok(Answer::json(
            200,
            with_context(context, typed(entity, body)),
        ))
    })
}

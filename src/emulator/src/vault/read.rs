//! Reading keys: one, all, their versions, and the deleted ones; page by page.

use super::fault::VaultError;
use super::key::{Deleted, Key};
use super::request::Request;
use super::{show, store};
use crate::server::Answer;
use crate::state::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Items on a page, and the most that a caller may ask for.
const PAGE: usize = 25;

/// A live key that callers can see.
pub fn visible(request: &Request<'_>, world: &World, name: &str) -> Option<Key> {
    let pace = request.azure.settings.pace;
    store::live(world, &request.vault, name)
        .filter(|key| key.lag.is_none_or(|lag| lag.over(pace, request.now)))
}

/// A deleted key that callers can see.
pub fn visible_deleted(request: &Request<'_>, world: &World, name: &str) -> Option<Deleted> {
    let pace = request.azure.settings.pace;
    store::deleted(world, &request.vault, name, request.now)
        .filter(|deleted| deleted.lag.over(pace, request.now))
}

/// `GET /keys/N` and `GET /keys/N/V`
pub fn one(request: &Request<'_>, name: &str, version: &str) -> Result<Answer, VaultError> {
    looked_at(request, Some(name))?;
    let key = request.read(|world| visible(request, world, name));
    key.as_ref()
        .and_then(|key| {
            Some(Answer::json(
                200,
                show::bundle(request, key, key.version(version)?),
            ))
        })
        .ok_or_else(|| match version {
            "" => VaultError::key_not_found(name),
            version => VaultError::key_not_found(&format!("{name}/{version}")),
        })
}

/// `GET /keys`
pub fn all(request: &Request<'_>) -> Result<Answer, VaultError> {
    looked_at(request, None)?;
    let pace = request.azure.settings.pace;
    let mut keys = request.read(|world| store::all_live(world, &request.vault));
    keys.retain(|key| key.lag.is_none_or(|lag| lag.over(pace, request.now)));
    let items = keys.iter().map(|key| {
        let shown = show::item(request, key, key.current(), "");
        (key.name.to_ascii_lowercase(), shown)
    });
    page(request, items.collect())
}

/// `GET /keys/N/versions`: an unknown key has none.
pub fn versions(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    looked_at(request, Some(name))?;
    let key = request.read(|world| visible(request, world, name));
    let mut items: Vec<(String, Value)> = key
        .iter()
        .flat_map(|key| {
            key.versions.iter().map(|version| {
                let shown = show::item(request, key, version, &version.id);
                (version.id.clone(), shown)
            })
        })
        .collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    page(request, items)
}

/// `GET /deletedkeys/N`
pub fn deleted(request: &Request<'_>, name: &str) -> Result<Answer, VaultError> {
    looked_at(request, Some(name))?;
    request
        .read(|world| visible_deleted(request, world, name))
        .map(|deleted| Answer::json(200, show::deleted_bundle(request, &deleted)))
        .ok_or_else(|| VaultError::deleted_not_found(name))
}

/// `GET /deletedkeys`
pub fn all_deleted(request: &Request<'_>) -> Result<Answer, VaultError> {
    looked_at(request, None)?;
    let pace = request.azure.settings.pace;
    let mut keys = request.read(|world| store::all_deleted(world, &request.vault, request.now));
    keys.retain(|deleted| deleted.lag.over(pace, request.now));
    let items = keys.iter().map(|deleted| {
        let shown = show::deleted_item(request, deleted);
        (deleted.key.name.to_ascii_lowercase(), shown)
    });
    page(request, items.collect())
}

/// Counts a look at what is not visible yet.
fn looked_at(request: &Request<'_>, name: Option<&str>) -> Result<(), VaultError> {
    let (vault, pace, now) = (&request.vault, request.azure.settings.pace, request.now);
    if !request.read(|world| store::waiting(world, vault, pace, now)) {
        return Ok(());
    }
    request.write(|txn| {
        store::look(txn, vault, name, pace, now);
        Ok(())
    })
}

/// One page of items, which are sorted by their key, with the address of the next one.
fn page(request: &Request<'_>, items: Vec<(String, Value)>) -> Result<Answer, VaultError> {
    let call = request.call;
    let asked = match call.parameter("maxresults") {
        None => None,
        Some(text) => Some(
            text.parse::<usize>()
                .ok()
                .filter(|size| (1..=PAGE).contains(size))
                .ok_or_else(|| {
                    VaultError::bad(format!(
                        "Invalid maxresults value: {text}. It must be between 1 and {PAGE}."
                    ))
                })?,
        ),
    };
    let size = asked
        .or(request.azure.settings.page_size)
        .unwrap_or(PAGE)
        .max(1);
    let after = match call.parameter("$skiptoken") {
        None => None,
        Some(text) => {
            Some(marker(text).ok_or_else(|| VaultError::bad("Invalid continuation token."))?)
        }
    };
    let mut rest = items
        .into_iter()
        .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after))
        .peekable();
    let mut value = Vec::new();
    let mut last = String::new();
    while value.len() < size
        && let Some((key, item)) = rest.next()
    {
        last = key;
        value.push(item);
    }
    let next = rest.peek().map(|_| next_link(request, &last, asked));
    Ok(Answer::json(200, json!({"value": value, "nextLink": next})))
}

fn marker(token: &str) -> Option<String> {
    let text = URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&text).ok()?;
    Some(token.get("NextMarker")?.as_str()?.to_owned())
}

fn next_link(request: &Request<'_>, last: &str, size: Option<usize>) -> String {
    let call = request.call;
    let token = json!({"NextMarker": last, "TargetLocation": 0}).to_string();
    let mut link = format!(
        "{}{}?api-version={}&$skiptoken={}",
        call.origin,
        call.path,
        call.parameter("api-version").unwrap_or("7.6"),
        URL_SAFE_NO_PAD.encode(token)
    );
    if let Some(size) = size {
        link.push_str(&format!("&maxresults={size}"));
    }
    link
}

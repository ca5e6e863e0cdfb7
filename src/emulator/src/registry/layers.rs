//! Blobs and their uploads: in one piece, in chunks, or mounted from another repository.

use super::blobs::Misfit;
use super::fault::Fault;
use super::reference::{digest_of, is_digest, repository_name};
use super::request::Request;
use super::scope::Scope;
use super::store::{Blob, Shelf};
use crate::server::Answer;
use axum::body::Bytes;
use serde_json::json;

const ANY_TYPE: &str = "application/octet-stream";

/// The bytes of a blob that a repository has.
pub fn bytes(request: &Request<'_>, name: &str, digest: &str) -> Option<Bytes> {
    let shelf = Shelf::of(&request.registry);
    let blob = request.read(|world| shelf.blob(world, name, digest))?;
    match blob.text {
        Some(text) => Some(Bytes::from(text)),
        None => request.azure.blobs.get(digest),
    }
}

/// `GET` and `HEAD /v2/NAME/blobs/DIGEST`, all of it or a range.
pub fn get(request: &Request<'_>, name: &str, digest: &str) -> Result<Answer, Fault> {
    known_digest(digest)?;
    let bytes = bytes(request, name, digest).ok_or_else(|| Fault::blob_unknown(digest))?;
    let length = bytes.len();
    let answer = match request.call.header("range").map(|text| range(text, length)) {
        None => Answer::content(200, ANY_TYPE, bytes),
        Some(Some((from, to))) => Answer::content(206, ANY_TYPE, bytes.slice(from..=to))
            .with("content-range", format!("bytes {from}-{to}/{length}")),
        Some(None) => Answer::empty(416).with("content-range", format!("bytes */{length}")),
    };
    Ok(answer
        .with("docker-content-digest", digest)
        .with("accept-ranges", "bytes")
        .with("etag", format!("\"{digest}\"")))
}

/// First and last byte of `bytes=A-B`, `bytes=A-` or `bytes=-N`.
fn range(text: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = length.checked_sub(1)?;
    let (from, to) = match (from, to) {
        ("", count) => (length.saturating_sub(count.parse().ok()?), last),
        (from, "") => (from.parse().ok()?, last),
        (from, to) => (from.parse().ok()?, to.parse::<usize>().ok()?.min(last)),
    };
    (from <= to).then_some((from, to))
}

fn known_digest(digest: &str) -> Result<(), Fault> {
    if is_digest(digest) {
        Ok(())
    } else {
        Err(Fault::digest_invalid(digest))
    }
}

/// `DELETE /v2/NAME/blobs/DIGEST`
pub fn delete(request: &Request<'_>, name: &str, digest: &str) -> Result<Answer, Fault> {
    known_digest(digest)?;
    let shelf = Shelf::of(&request.registry);
    request.write(|txn| {
        if shelf.blob(txn.world(), name, digest).is_none() {
            return Err(Fault::blob_unknown(digest));
        }
        if !shelf.writable(txn.world(), name) {
            return Err(Fault::disallowed());
        }
        shelf.put_blob(txn, name, digest, None);
        Ok(Answer::empty(202).with("docker-content-digest", digest))
    })
}

/// Where an upload is at home.
fn place(request: &Request<'_>, name: &str) -> String {
    format!("{}/{name}", request.registry.key())
}

/// `POST /v2/NAME/blobs/uploads/`
pub fn begin(request: &Request<'_>, name: &str) -> Result<Answer, Fault> {
    let call = request.call;
    let shelf = Shelf::of(&request.registry);
    if !request.read(|world| shelf.writable(world, name)) {
        return Err(Fault::disallowed());
    }
    if let Some(digest) = call.parameter("mount")
        && let Some(answer) = mount(request, name, digest)?
    {
        return Ok(answer);
    }
    if let Some(digest) = call.parameter("digest") {
        return keep(request, name, digest, &call.body);
    }
    let id = request.azure.uploads.begin(&place(request, name));
    Ok(under_way(202, name, &id, 0))
}

/// A blob of another repository that the caller may pull; otherwise it is to be uploaded.
fn mount(request: &Request<'_>, name: &str, digest: &str) -> Result<Option<Answer>, Fault> {
    let Some(from) = request
        .call
        .parameter("from")
        .filter(|f| repository_name(f))
    else {
        return Ok(None);
    };
    if !Scope::repository(from, &["pull"]).covered_by(&request.held) {
        return Ok(None);
    }
    let shelf = Shelf::of(&request.registry);
    request.write(|txn| {
        let Some(blob) = shelf.blob(txn.world(), from, digest) else {
            return Ok(None);
        };
        shelf.put_blob(txn, name, digest, Some(&blob));
        Ok(Some(kept(name, digest)))
    })
}

fn under_way(status: u16, name: &str, id: &str, length: usize) -> Answer {
    Answer::empty(status)
        .with("location", format!("/v2/{name}/blobs/uploads/{id}"))
        .with("docker-upload-uuid", id)
        .with("range", format!("0-{}", length.saturating_sub(1)))
}

fn kept(name: &str, digest: &str) -> Answer {
    Answer::empty(201)
        .with("location", format!("/v2/{name}/blobs/{digest}"))
        .with("docker-content-digest", digest)
}

/// `GET` of an upload
pub fn status(request: &Request<'_>, name: &str, id: &str) -> Result<Answer, Fault> {
    let uploads = &request.azure.uploads;
    let length = uploads
        .length(&place(request, name), id)
        .ok_or_else(Fault::upload_unknown)?;
    Ok(under_way(204, name, id, length))
}

/// `PATCH` of an upload: the next chunk.
pub fn append(request: &Request<'_>, name: &str, id: &str) -> Result<Answer, Fault> {
    let length = add(request, name, id)?;
    Ok(under_way(202, name, id, length))
}

fn add(request: &Request<'_>, name: &str, id: &str) -> Result<usize, Fault> {
    let call = request.call;
    let from = match call.header("content-range") {
        None => None,
        Some(text) => Some(chunk(text, call.body.len()).ok_or_else(out_of_range)?),
    };
    request
        .azure
        .uploads
        .append(&place(request, name), id, from, &call.body)
        .map_err(|misfit| match misfit {
            Misfit::Unknown => Fault::upload_unknown(),
            Misfit::Gap { .. } => out_of_range(),
        })
}

/// Where a chunk begins, by its `Content-Range`, which must fit its length.
fn chunk(text: &str, length: usize) -> Option<usize> {
    let text = text.trim_start_matches("bytes ");
    let (from, to) = text.split('/').next()?.split_once('-')?;
    let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
    (to.checked_sub(from)?.checked_add(1)? == length).then_some(from)
}

fn out_of_range() -> Fault {
    Fault::new(
        416,
        "RANGE_INVALID",
        "invalid content range",
        serde_json::Value::Null,
    )
}

/// `PUT` of an upload: the last chunk, if there is one, and the digest of the whole.
pub fn finish(request: &Request<'_>, name: &str, id: &str) -> Result<Answer, Fault> {
    let digest = request
        .call
        .parameter("digest")
        .ok_or_else(|| Fault::digest_invalid(""))?;
    if !request.call.body.is_empty() {
        add(request, name, id)?;
    }
    let bytes = request
        .azure
        .uploads
        .take(&place(request, name), id)
        .ok_or_else(Fault::upload_unknown)?;
    keep(request, name, digest, &bytes)
}

/// Keeps bytes that must have that digest and links them to a repository.
fn keep(request: &Request<'_>, name: &str, digest: &str, bytes: &Bytes) -> Result<Answer, Fault> {
    if digest_of(bytes) != digest {
        return Err(Fault {
            detail: json!({"digest": digest, "actual": digest_of(bytes)}),
            ..Fault::digest_invalid(digest)
        });
    }
    let shelf = Shelf::of(&request.registry);
    // The bytes first: a link without bytes would be a hole.
    request.azure.blobs.put(bytes).map_err(|error| {
        tracing::error!(%error, "a blob could not be kept");
        Fault::unwritten()
    })?;
    request.write(|txn| {
        let blob = Blob {
            size: bytes.len(),
            text: None,
        };
        shelf.put_blob(txn, name, digest, Some(&blob));
        Ok(kept(name, digest))
    })
}

/// `DELETE` of an upload
pub fn cancel(request: &Request<'_>, name: &str, id: &str) -> Result<Answer, Fault> {
    let place = place(request, name);
    match request.azure.uploads.take(&place, id) {
        Some(_) => Ok(Answer::empty(204)),
        None => Err(Fault::upload_unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=1-2", 4), Some((1, 2)));
        assert_eq!(range("bytes=1-", 4), Some((1, 3)));
        assert_eq!(range("bytes=-2", 4), Some((2, 3)));
        assert_eq!(range("bytes=4-", 4), None);
        assert_eq!(range("bytes=0-", 0), None);
        assert_eq!(chunk("2-4", 3), Some(2));
        assert_eq!(chunk("bytes 2-4/9", 3), Some(2));
        assert_eq!(chunk("2-4", 2), None);
        assert_eq!(chunk("4-2", 3), None);
    }
}

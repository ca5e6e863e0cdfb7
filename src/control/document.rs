//! Documents: objects that hold one sealed line and are replaced as a whole.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chain::Chain;
use super::disk::{corrupt, refused};
use crate::provision::objects::{Expected, ObjectName, Objects, Tag};
use crate::provision::ports::StoreError;

/// Where an object is, for people.
pub(super) fn place(objects: &dyn Objects, name: &ObjectName) -> String {
    format!("{}/{name}", objects.place())
}

/// A document with its tag; `None` where there is none.
pub(super) async fn load<T: DeserializeOwned>(
    objects: &dyn Objects,
    name: &ObjectName,
) -> Result<Option<(T, Tag)>, StoreError> {
    let Some(stored) = objects.read(name).await? else {
        return Ok(None);
    };
    let wrong = |problem: String| corrupt(&place(objects, name), None, problem);
    let line = stored.bytes.strip_suffix(b"\n");
    let line = line.ok_or_else(|| wrong("it was cut off".to_owned()))?;
    let content = Chain::default().open(line);
    let content = content.map_err(|problem| wrong(problem.to_string()))?;
    Ok(Some((content, stored.tag)))
}

/// Puts a document in its place, where what is expected holds.
pub(super) async fn save<T: Serialize + DeserializeOwned>(
    objects: &dyn Objects,
    name: &ObjectName,
    content: &T,
    expected: &Expected,
) -> Result<(), StoreError> {
    let line = Chain::default().seal(content);
    let line = line.map_err(|problem| refused(&place(objects, name), problem))? + "\n";
    objects.put(name, line.as_bytes(), expected, None).await?;
    Ok(())
}

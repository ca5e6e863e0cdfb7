//! Bytes that nothing refers to any more: they go when an emulator starts.

use crate::azure::Azure;
use std::collections::BTreeSet;
use std::io;

/// Removes the blobs that no repository has. Deletions leave bytes in place, because
/// snapshots may bring back what refers to them; snapshots end with the process.
pub fn sweep(azure: &Azure) -> io::Result<()> {
    let linked: BTreeSet<String> = azure.store.read(|world| {
        world
            .facts()
            .filter(|(key, _)| key.contains("#blob/"))
            .filter_map(|(key, _)| key.rsplit_once('@'))
            .map(|(_, digest)| digest.to_owned())
            .collect()
    });
    azure.blobs.keep(&linked)
}

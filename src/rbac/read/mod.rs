//! Reading access control: what has to be known beside TOML, by a bounded number of requests.
//!
//! An [`Estate`] and a [`Reader`] in, a [`Reading`] out: some lists for each subscription, some
//! requests for each object of ours, and some, in batches, for each principal that comes into
//! question; never any for each assignment. Whatever cannot be read is an [`Unknown`] in the
//! result, and never taken for empty; whatever a cloud or tenant does not have is a remark.

mod authorization;
mod clusters;
mod connections;
mod directory;
mod facts;
mod fetch;
mod names;
mod own;
mod resources;

pub use connections::Connection;
pub use facts::{
    ClusterFacts, Federated, Hides, KeyFacts, OwnIdentity, Principal, PrincipalSort, Reading,
    RegistryFacts, Secret, Unknown, VaultFacts,
};
pub use names::{Misled, Wrong};

use super::estate::Estate;
use crate::provision::ports::Reader;

/// Reads everything that the estate's access is judged by.
pub async fn read(reader: &dyn Reader, estate: &Estate) -> Reading {
    let mut reading = Reading::default();
    let (authorization, (resources, bindings), names) = futures::join!(
        authorization::read(reader, estate),
        async {
            let resources = resources::read(reader, estate).await;
            let bindings = clusters::read(reader, &resources.asked).await;
            (resources, bindings)
        },
        names::read(reader, estate)
    );
    authorization.put(&mut reading);
    resources.put(&mut reading);
    bindings.put(estate, &mut reading);
    reading.misled = names.misled;
    reading.unknown.extend(names.unknown);
    directory::read(reader, estate, &mut reading).await;
    reading
}

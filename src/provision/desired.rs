//! Desired: every resource that the configuration declares, by address.

use std::collections::BTreeMap;

use thiserror::Error;

use super::plan::Applied;
use crate::kinds::{self, Sections};
use crate::resource::{
    Address, AddressError, DEFAULT_ESTATE, EnvironmentName, Place, Resource, Text, digest,
};

/// What TOML asks for, complete: every managed field of every resource.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The resources.
    pub resources: BTreeMap<Address, Resource>,
    /// Where each environment stands.
    pub places: BTreeMap<EnvironmentName, Place>,
}

/// Why declarations do not add up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DesiredError {
    /// A declared name cannot stand in an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Two declarations want the same address.
    #[error("{0} is declared twice")]
    SameAddress(Address),
    /// Two addresses want the same Azure object.
    #[error("{first} and {second} both declare {id}")]
    SameObject {
        /// The one that came first.
        first: Address,
        /// The other.
        second: Address,
        /// The id that both want.
        id: String,
    },
    /// A resource refers to one that nothing declares.
    #[error("{from} refers to {to}, which nothing declares")]
    Dangling {
        /// Who refers.
        from: Address,
        /// To what.
        to: Address,
    },
}

/// Everything that `environments` declare.
///
/// # Errors
/// [`DesiredError`] where declarations collide or refer to nothing.
pub fn build<'a>(
    environments: impl IntoIterator<Item = (&'a Place, &'a Sections)>,
) -> Result<Desired, DesiredError> {
    let mut resources = Vec::new();
    let mut places = Vec::new();
    for (place, sections) in environments {
        for entry in kinds::TABLE {
            resources.extend((entry.declare)(place, sections)?);
        }
        places.push(place.clone());
    }
    Desired::of(places, resources)
}

impl Desired {
    /// What the environments are called together.
    pub fn estate(&self) -> &str {
        let first = self.places.values().next();
        first.map_or(DEFAULT_ESTATE, |place| &place.estate)
    }

    /// The resources as a whole: no address, id or reference may be ambiguous.
    ///
    /// # Errors
    /// [`DesiredError`] where they collide or refer to nothing.
    pub fn of(
        places: impl IntoIterator<Item = Place>,
        resources: impl IntoIterator<Item = Resource>,
    ) -> Result<Self, DesiredError> {
        let mut desired = Self::default();
        let mut ids = BTreeMap::new();
        for place in places {
            desired.places.insert(place.environment.clone(), place);
        }
        for resource in resources {
            let address = resource.address.clone();
            // Late ids are the same when they wait for the same things in the same way.
            let id = match &resource.id {
                Text::Known(id) => Text::Known(id.to_lowercase()),
                late @ Text::Late(_) => late.clone(),
            };
            if let Some(first) = ids.insert(id, address.clone())
                && first != address
            {
                return Err(DesiredError::SameObject {
                    first,
                    second: address,
                    id: resource.id.to_string(),
                });
            }
            if desired
                .resources
                .insert(address.clone(), resource)
                .is_some()
            {
                return Err(DesiredError::SameAddress(address));
            }
        }
        for resource in desired.resources.values() {
            for to in resource.references() {
                if !desired.resources.contains_key(&to) {
                    return Err(DesiredError::Dangling {
                        from: resource.address.clone(),
                        to,
                    });
                }
            }
        }
        Ok(desired)
    }

    /// The SHA-256, hexadecimal, of what is declared in one environment, late values as what they
    /// wait for.
    pub fn digest(&self, environment: &EnvironmentName) -> String {
        let mine = self.resources.values();
        let mine = mine.filter(|it| it.address.environment() == *environment);
        let said: Vec<_> = mine
            .map(|it| (&it.address, it.kind.meta().name, &it.id, &it.properties))
            .collect();
        let json = serde_json::to_vec(&said)
            .expect("resources hold texts, numbers, lists and maps with text keys");
        digest::hex(json)
    }

    /// The subscriptions that the environments live in, each once, sorted.
    pub fn subscriptions(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .places
            .values()
            .map(|place| place.subscription.clone())
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// The same, and those of everything that the applied snapshot knows: an environment that
    /// moved or vanished may have left something behind there.
    pub fn subscriptions_with(&self, applied: &Applied) -> Vec<String> {
        let mut all = self.subscriptions();
        for standing in applied.values() {
            let mut steps = standing.id.split('/').skip(1);
            let is_arm = steps
                .next()
                .is_some_and(|step| step.eq_ignore_ascii_case("subscriptions"));
            if is_arm
                && let Some(id) = steps.next()
                && !all.iter().any(|known| known.eq_ignore_ascii_case(id))
            {
                all.push(id.to_owned());
            }
        }
        all.sort();
        all
    }
}

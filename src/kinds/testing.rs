//! A place and a group for the kinds' own tests.

use super::GroupSection;
use crate::resource::Place;

/// The environment `dev` in one subscription.
pub fn place() -> Place {
    Place {
        environment: "dev".parse().expect("a name"),
        tenant: "11111111-1111-4111-8111-111111111111".to_owned(),
        subscription: "22222222-2222-4222-8222-222222222222".to_owned(),
        primary: "eastus2".to_owned(),
        recovery: "westus2".to_owned(),
        tags: Default::default(),
        order: 1,
        protected: false,
    }
}

/// Its resource group.
pub fn group() -> GroupSection {
    GroupSection {
        name: "rg-onestream-dev".to_owned(),
        lock: None,
    }
}

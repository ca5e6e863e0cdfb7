//! A place, a group and a cluster for the kinds' own tests.

use super::{GroupSection, Sections};
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

/// An environment with a network and the least cluster, to which `more` is added.
pub fn cluster(more: &str) -> Sections {
    let text = format!(
        "[network]\nname = \"vnet\"\naddress_space = [\"10.10.0.0/16\"]\n\
         [network.subnets]\nnodes = \"10.10.0.0/20\"\nendpoints = \"10.10.16.0/24\"\n\
         [cluster]\nname = \"aks-dev\"\nkubernetes = \"1.36\"\n{more}"
    );
    let mut sections: Sections = toml::from_str(&text).expect("sections");
    sections.group = Some(group());
    sections
}

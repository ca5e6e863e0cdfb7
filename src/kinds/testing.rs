//! Places and sections for the kinds' own tests.

use super::access::{Access, Credential, Members, People, Principal};
use super::{GroupSection, Sections};
use crate::resource::{DEFAULT_ESTATE, Place};

/// The environment `dev` in one subscription.
pub fn place() -> Place {
    Place {
        estate: DEFAULT_ESTATE.to_owned(),
        environment: "dev".parse().expect("a name"),
        tenant: "11111111-1111-4111-8111-111111111111".to_owned(),
        subscription: "22222222-2222-4222-8222-222222222222".to_owned(),
        primary: "eastus2".to_owned(),
        recovery: "westus2".to_owned(),
        tags: Default::default(),
        order: 1,
        protected: false,
        approval: None,
    }
}

/// Its resource group.
pub fn group() -> GroupSection {
    GroupSection {
        name: "rg-onestream-dev".to_owned(),
        lock: None,
    }
}

/// The object id of a person.
pub const ADA: &str = "66666666-6666-4666-8666-000000000001";

/// The environment `shared`.
pub fn shared() -> Place {
    Place {
        estate: DEFAULT_ESTATE.to_owned(),
        environment: crate::resource::EnvironmentName::shared(),
        ..place()
    }
}

/// A principal with a credential and one whose subject nobody knows; a group of ours with one
/// member, and one that somebody else keeps.
pub fn with_access() -> Sections {
    let credential = |subject: Option<&str>| Credential {
        issuer: "https://issuer.example".to_owned(),
        subject: subject.map(str::to_owned),
        audience: "api://AzureADTokenExchange".to_owned(),
        description: None,
    };
    let engine = Principal {
        display_name: "sp-onestream-engine".to_owned(),
        description: Some("moves images".to_owned()),
        credentials: [
            ("devops".to_owned(), credential(Some("sc"))),
            ("draft".to_owned(), credential(None)),
        ]
        .into(),
    };
    let people = |membership| People {
        display_name: "people".to_owned(),
        description: None,
        membership,
    };
    let ours = Members::Ours([("ada".to_owned(), ADA.to_owned())].into());
    Sections {
        access: Access {
            principals: [("engine".to_owned(), engine)].into(),
            people: [
                ("approvers".to_owned(), people(ours)),
                (
                    "auditors".to_owned(),
                    people(Members::Elsewhere(ADA.to_owned())),
                ),
            ]
            .into(),
            ..Access::default()
        },
        ..Sections::default()
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

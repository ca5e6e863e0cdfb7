//! Bodies from Microsoft's own models, as the trees that the engine works on.

use serde::Serialize;
use serde_json::Value as Json;

/// The model as JSON without nulls: the models write some absent dates as null.
pub(super) fn typed(model: &impl Serialize) -> Json {
    let json = serde_json::to_value(model)
        .expect("the models hold texts, numbers, lists and maps with text keys only");
    crate::resource::without_nulls(json)
}

#[cfg(test)]
mod tests {
    use azure_mgmt_containerregistry::package_2023_11_preview::models;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::kinds::registry::Registry;
    use crate::kinds::replication::Replication;
    use crate::kinds::{KINDS, Sections, TABLE, testing};
    use crate::resource::{Kind, Outputs, Resource};

    /// What the wire's version has and the models' does not: all that may be lost on the way.
    const NEWER: &[&str] = &["/properties/roleAssignmentMode"];

    /// What is said reads into Microsoft's model and comes out as it was, but for what is newer.
    #[track_caller]
    fn is_in<M: DeserializeOwned + Serialize>(sent: &Json) {
        let model: M = serde_json::from_value(sent.clone()).expect("it reads into the model");
        let mut known = crate::resource::without_nulls(sent.clone());
        for newer in NEWER {
            let (parent, key) = newer.rsplit_once('/').expect("a pointer");
            if let Some(map) = known.pointer_mut(parent).and_then(Json::as_object_mut) {
                map.remove(key);
            }
        }
        // The models write no empty list where an absent one means the same.
        let rules = known.pointer_mut("/properties/networkRuleSet");
        if let Some(rules) = rules.and_then(Json::as_object_mut) {
            rules.retain(|_, value| *value != serde_json::json!([]));
        }
        assert_eq!(typed(&model), known);
    }

    fn declared(registry: &str) -> Vec<Resource> {
        let sections: Sections =
            toml::from_str(&format!("[group]\nname = \"rg\"\n[registry]\n{registry}"))
                .expect("sections");
        let mut place = testing::place();
        place.tags = [("owner".to_owned(), "platform".to_owned())].into();
        let kinds = TABLE.iter();
        let all = kinds.flat_map(|entry| (entry.declare)(&place, &sections).expect("addresses"));
        all.collect()
    }

    const NAME: &str = "name = \"onestreamdev\"\n";
    const REGISTRIES: &[&str] = &[
        "sku = \"Premium\"\nreplicate_to = [\"westus2\"]\n",
        "sku = \"Basic\"\npublic_network_access = true\nadmin_user = true\n",
        "sku = \"Standard\"\npublic_network_access = true\nanonymous_pull = true\n",
        "sku = \"Premium\"\npublic_network_access = true\nallowed_ips = [\"10.0.0.0/8\"]\n\
         data_endpoint = true\nexport = true\nretain_untagged_days = 30\n",
        "sku = \"Premium\"\nexport = false\n",
    ];

    #[test]
    fn what_is_sent_of_registries_is_in_microsofts_models() {
        let mut seen = std::collections::BTreeSet::new();
        for text in REGISTRIES {
            for resource in declared(&format!("{NAME}{text}")) {
                let desired = resource.properties.resolve(&Outputs::default());
                let Ok(desired) = desired else { continue };
                let create = resource
                    .kind
                    .create("/id", &desired)
                    .body
                    .unwrap_or_default();
                let meta = resource.kind.meta();
                let paths: Vec<&str> = meta.fields.iter().map(|field| field.path).collect();
                let changed = |path: &&str| *path != "location";
                let changed: Vec<&str> = paths.into_iter().filter(changed).collect();
                let update = resource.kind.update("/id", &Json::Null, &desired, &changed);
                let update = update.body.unwrap_or_default();
                if meta.name == Registry.meta().name {
                    is_in::<models::Registry>(&create);
                    is_in::<models::RegistryUpdateParameters>(&update);
                } else if meta.name == Replication.meta().name {
                    is_in::<models::Replication>(&create);
                    is_in::<models::ReplicationUpdateParameters>(&update);
                } else {
                    continue;
                }
                seen.insert(meta.name);
            }
        }
        assert_eq!(seen.len(), 2, "{seen:?}");
    }

    #[test]
    fn what_may_be_lost_is_a_managed_field() {
        let managed = |path: &str| KINDS.iter().any(|kind| kind.meta().field(path).is_some());
        for newer in NEWER {
            let path = newer.trim_start_matches('/').replace('/', ".");
            assert!(managed(&path), "{path}");
        }
    }
}

//! The sample files: sound, and described by the schemas.

use serde_json::Value as Json;

use super::super::{
    ControlStore, SAMPLES, capabilities_schema, common_schema, environment_schema, load,
    matrix_schema, principals_schema,
};
use super::{COMMON, name, render, sound};

fn samples() -> Vec<(&'static str, &'static str)> {
    SAMPLES
        .iter()
        .map(|(path, text)| (path.trim_start_matches("environments/"), *text))
        .collect()
}

#[test]
fn samples_have_no_mistakes_and_come_in_order() {
    let samples = sound(&samples());
    assert!(samples.warnings.is_empty(), "{:?}", samples.warnings);
    let names: Vec<_> = samples
        .environments
        .iter()
        .map(|it| it.name().as_str())
        .collect();
    assert_eq!(names, ["shared", "dev", "staging", "prod"]);
    assert_eq!(samples.selected.len(), 4);

    let prod = samples.environment(&name("prod")).expect("prod");
    assert!(prod.place.protected);
    assert_eq!(prod.place.tags["organisation"], "onestream");
    assert_eq!(prod.place.tags["criticality"], "high");
    let registry = prod.sections.registry.as_ref().expect("a registry");
    assert_eq!(registry.name, "onestreamprod");
    assert_eq!(registry.replicate_to, ["westus2"]);
    assert!(!registry.public_network_access && !registry.admin_user);
    let network = prod.sections.network.as_ref().expect("a network");
    assert_eq!(network.subnets["endpoints"], "10.30.16.0/24");

    let shared = samples.environment(&name("shared")).expect("shared");
    let vault = shared.sections.vault.as_ref().expect("a vault");
    let keys: Vec<&str> = vault.keys.keys().map(String::as_str).collect();
    assert_eq!(keys, ["approver-ada", "approver-grace", "audit"]);
    assert!(shared.sections.registry.is_none());
    // Protected as soon as prod is.
    assert!(shared.place.protected && shared.approvals == 1);
    assert_eq!(shared.place.tags["organisation"], "onestream");
    assert_eq!(
        samples.control.store,
        ControlStore::Folder(".onestream/control".into())
    );
}

#[test]
fn shared_inherits_its_place_and_gives_nothing() {
    let common = format!(
        "{COMMON}[tags]\na = \"1\"\n[shared.tags]\nb = \"2\"\n[shared.group]\nname = \"rg-shared\"\n\
         [shared.environment]\nprotected = true\n"
    );
    let dev = "[azure]\nsubscription = \"33333333-3333-4333-8333-33333333333A\"\n";
    let configuration = sound(&[("common.toml", &common), ("dev.toml", dev)]);
    let shared = configuration.environment(&name("shared")).expect("shared");
    assert_eq!(shared.place.tags.len(), 2);
    assert_eq!(shared.place.primary, "eastus2");
    assert!(shared.place.protected && shared.sections.group.is_some());
    assert!(shared.file.ends_with("environments/common.toml"));
    let dev = configuration.environment(&name("dev")).expect("dev");
    assert_eq!(dev.place.tags.len(), 1);
    assert!(!dev.place.protected && dev.sections.group.is_none());
    assert_eq!(
        dev.place.subscription,
        "33333333-3333-4333-8333-33333333333a"
    );
    assert!(dev.file.ends_with("environments/dev.toml"));
}

#[test]
fn asking_for_some_selects_them() {
    let root = super::folder(&samples());
    let some = load(root.path(), &["prod".to_owned(), "dev".to_owned()]).expect("sound");
    let names: Vec<_> = some.selected.iter().map(|it| it.as_str()).collect();
    assert_eq!(names, ["dev", "prod"]);
    assert_eq!(some.environments.len(), 4);
    let errors = load(root.path(), &["prd".to_owned()]).expect_err("unknown");
    insta::assert_snapshot!(render(&errors), @r#"
      x the configuration has a mistake

    Error:
      x no environment `prd`
      help: did you mean `prod`?
    "#);
}

#[test]
fn environments_without_an_order_come_last_by_name() {
    let first = "[environment]\norder = 1\n";
    let files = [
        ("common.toml", COMMON),
        ("b.toml", ""),
        ("a.toml", ""),
        ("z.toml", first),
    ];
    let configuration = sound(&files);
    let names: Vec<_> = configuration
        .environments
        .iter()
        .map(|it| it.name().as_str())
        .collect();
    assert_eq!(names, ["shared", "z", "a", "b"]);
}

#[test]
fn the_digest_is_of_what_is_said_and_not_of_how() {
    let digest =
        |common: &str, dev: &str| sound(&[("common.toml", common), ("dev.toml", dev)]).digest;
    let plain = digest(COMMON, "[group]\nname = \"rg\"\nlock = \"ReadOnly\"\n");
    assert_eq!(plain.len(), 64);
    let otherwise = format!("# as before\r\n{COMMON}[group]\nlock = \"ReadOnly\"\n");
    assert_eq!(plain, digest(&otherwise, "group.name = 'rg'"));
    assert_ne!(plain, digest(&otherwise, "group.name = 'rg2'"));
    let elsewhere = COMMON.replace("22222222-2222", "44444444-4444");
    assert_ne!(
        plain,
        digest(&elsewhere, "[group]\nname = \"rg\"\nlock = \"ReadOnly\"\n")
    );
}

/// Every key of a file that its schema does not know.
fn strangers(path: &str, value: &toml::Value, schema: &Json, found: &mut Vec<String>) {
    let toml::Value::Table(table) = value else {
        return;
    };
    for (key, value) in table {
        let path = format!("{path}.{key}");
        let choices = schema["anyOf"].as_array().into_iter().flatten();
        let known = std::iter::once(schema).chain(choices).find_map(|schema| {
            match &schema["properties"][key] {
                Json::Null => Some(&schema["additionalProperties"]).filter(|any| any.is_object()),
                known => Some(known),
            }
        });
        match known {
            Some(schema) => strangers(&path, value, schema, found),
            None => found.push(path),
        }
    }
}

#[test]
fn schemas_know_every_key_of_the_samples() {
    let (common, environment) = (common_schema(), environment_schema());
    let (principals, capabilities) = (principals_schema(), capabilities_schema());
    let matrix = matrix_schema();
    let mut found = Vec::new();
    for (path, text) in SAMPLES {
        let schema = match *path {
            "environments/common.toml" => &common,
            "rbac/principals.toml" => &principals,
            "rbac/capabilities.toml" => &capabilities,
            "rbac/matrix.toml" => &matrix,
            _ => &environment,
        };
        let value: toml::Value = toml::from_str(text).expect("TOML");
        strangers(path, &value, schema, &mut found);
    }
    assert!(found.is_empty(), "{found:?}");

    let stranger: toml::Value = toml::from_str("[registry]\nnmae = 1\n").expect("TOML");
    strangers("", &stranger, &environment, &mut found);
    let stranger: toml::Value =
        toml::from_str("[principals.p.credentials.c]\nisuer = ''\n").expect("TOML");
    strangers("", &stranger, &principals, &mut found);
    let cell: toml::Value = toml::from_str("[p]\n'dev.registry' = 'pull'\n").expect("TOML");
    strangers("", &cell, &matrix, &mut found);
    assert_eq!(
        found,
        [".registry.nmae", ".principals.p.credentials.c.isuer"]
    );
    assert!(capabilities.to_string().contains("\"cluster\""));
}

#[test]
fn schemas_are_good_for_editors() {
    let (common, environment) = (common_schema(), environment_schema());
    for schema in [&common, &environment] {
        assert_eq!(schema["additionalProperties"], false);
        assert!(!schema.to_string().contains("\"required\""));
        let registry = &schema["properties"]["registry"];
        assert_eq!(registry["title"], "[registry]");
        assert!(registry.to_string().contains("\"Premium\""), "{registry:#}");
        assert!(registry.to_string().contains("5 to 50 letters and digits"));
    }
    let common = &common["properties"];
    assert!(common["azure"].to_string().contains("workload-identity"));
    assert!(common["shared"]["properties"]["registry"].is_object());
    assert!(common["shared"]["properties"]["azure"].is_null());
    assert!(environment["properties"]["control"].is_null());
    assert!(environment["properties"]["azure"]["properties"]["cloud"].is_null());
}

#[test]
fn a_later_stage_can_point_at_lines() {
    let dev = "[group]\nname = \"rg\"\n";
    let configuration = sound(&[("common.toml", COMMON), ("dev.toml", dev)]);
    let problem = crate::resource::Problem::at("group.name", "this group is on fire").help("run");
    let mistake = configuration.sources.explain(&name("dev"), problem);
    assert_eq!(mistake.advice(), Some("run"));
    let location = mistake.location().expect("a place");
    assert_eq!((location.line, location.column), (2, 8));
    assert_eq!(location.file, "environments/dev.toml");
    let path = ["group", "name"].map(str::to_owned);
    let location = configuration
        .sources
        .location(&name("dev"), &path)
        .expect("a place");
    assert_eq!((location.line, location.column), (2, 1));
}

//! JSON Schemas of the TOML files, for editors.
//!
//! ## Why
//! Draft 7 with everything inlined, since the TOML language servers know no later draft. In
//! `environments/` no key is required: each may stand in the other of the two files, and only both
//! together are checked.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json};

use super::rbac::{CapabilitiesFile, MatrixFile, PrincipalsFile};
use super::tables::{CommonTables, EnvironmentTables};
use crate::kinds::Sections;

/// The JSON Schema of `environments/NAME.toml`.
pub fn environment_schema() -> Json {
    file::<EnvironmentTables>()
}

/// The JSON Schema of `environments/common.toml`.
pub fn common_schema() -> Json {
    let mut shared = environment_schema();
    let properties = tables(&mut shared);
    properties.remove("azure");
    if let Some(environment) = properties.get_mut("environment") {
        tables(environment).remove("order");
    }
    put(&mut shared, "title", "[shared]".into());
    let about = "The environment of what belongs to no single one. It inherits tenant, \
                 subscription, regions and tags; no environment inherits from it.";
    put(&mut shared, "description", about.into());
    if let Json::Object(shared) = &mut shared {
        shared.remove("$schema");
    }
    let mut common = file::<CommonTables>();
    tables(&mut common).insert("shared".to_owned(), shared);
    common
}

/// The JSON Schema of `rbac/principals.toml`.
pub fn principals_schema() -> Json {
    generate::<PrincipalsFile>()
}

/// The JSON Schema of `rbac/capabilities.toml`.
pub fn capabilities_schema() -> Json {
    generate::<CapabilitiesFile>()
}

/// The JSON Schema of `rbac/matrix.toml`.
pub fn matrix_schema() -> Json {
    generate::<MatrixFile>()
}

fn file<T: schemars::JsonSchema>() -> Json {
    let mut schema = generate::<T>();
    let sections = tables(&mut generate::<Sections>()).clone();
    tables(&mut schema).extend(sections);
    for (name, table) in tables(&mut schema).iter_mut() {
        put(table, "title", format!("[{name}]").into());
    }
    strip_required(&mut schema);
    schema
}

fn generate<T: schemars::JsonSchema>() -> Json {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn put(schema: &mut Json, key: &str, value: Json) {
    if let Json::Object(schema) = schema {
        schema.insert(key.to_owned(), value);
    }
}

/// The properties of a table's schema.
fn tables(schema: &mut Json) -> &mut Map<String, Json> {
    if !schema["properties"].is_object() {
        schema["properties"] = Json::Object(Map::new());
    }
    schema["properties"]
        .as_object_mut()
        .expect("an object was put there if there was none")
}

fn strip_required(schema: &mut Json) {
    match schema {
        Json::Object(fields) => {
            // A key named `required` would be a schema, not a list.
            if fields.get("required").is_some_and(Json::is_array) {
                fields.remove("required");
            }
            fields.values_mut().for_each(strip_required);
        }
        Json::Array(items) => items.iter_mut().for_each(strip_required),
        _ => {}
    }
}

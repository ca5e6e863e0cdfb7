//! The field tables held against Azure's specifications: what can be written there is managed, or
//! left out with a reason. The specifications lie beside the checkout; where they do not, a line says
//! that nothing was tested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::KINDS;
use crate::resource::Meta;

/// Where each type is specified: the file, below `resource-manager`'s parent, and the definition of
/// what a PUT takes.
const SPECIFIED: &[(&str, &str, &str)] = &[
    (
        "Microsoft.Authorization/roleAssignments",
        "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01/authorization-RoleAssignmentsCalls.json",
        "RoleAssignmentCreateParameters",
    ),
    (
        "Microsoft.Authorization/roleDefinitions",
        "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01/authorization-RoleDefinitionsCalls.json",
        "RoleDefinition",
    ),
    (
        "Microsoft.Authorization/locks",
        "resources/resource-manager/Microsoft.Authorization/stable/2020-05-01/locks.json",
        "ManagementLockObject",
    ),
    (
        "Microsoft.ContainerRegistry/registries",
        "containerregistry/resource-manager/Microsoft.ContainerRegistry/preview/2023-11-01-preview/containerregistry.json",
        "Registry",
    ),
    (
        "Microsoft.ContainerRegistry/registries/replications",
        "containerregistry/resource-manager/Microsoft.ContainerRegistry/preview/2023-11-01-preview/containerregistry.json",
        "Replication",
    ),
    (
        "Microsoft.ContainerService/managedClusters",
        "containerservice/resource-manager/Microsoft.ContainerService/aks/stable/2024-02-01/managedClusters.json",
        "ManagedCluster",
    ),
    (
        "Microsoft.ContainerService/managedClusters/agentPools",
        "containerservice/resource-manager/Microsoft.ContainerService/aks/stable/2024-02-01/managedClusters.json",
        "AgentPool",
    ),
    (
        "Microsoft.Insights/diagnosticSettings",
        "monitor/resource-manager/Microsoft.Insights/preview/2021-05-01-preview/diagnosticsSettings_API.json",
        "DiagnosticSettingsResource",
    ),
    (
        "Microsoft.KeyVault/vaults",
        "keyvault/resource-manager/Microsoft.KeyVault/stable/2023-07-01/keyvault.json",
        "VaultCreateOrUpdateParameters",
    ),
    (
        "Microsoft.KeyVault/vaults/keys",
        "keyvault/resource-manager/Microsoft.KeyVault/stable/2023-07-01/keys.json",
        "KeyCreateParameters",
    ),
    (
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "msi/resource-manager/Microsoft.ManagedIdentity/stable/2023-01-31/ManagedIdentity.json",
        "Identity",
    ),
    (
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        "msi/resource-manager/Microsoft.ManagedIdentity/stable/2023-01-31/ManagedIdentity.json",
        "FederatedIdentityCredential",
    ),
    (
        "Microsoft.Network/privateDnsZones",
        "privatedns/resource-manager/Microsoft.Network/stable/2020-06-01/privatedns.json",
        "PrivateZone",
    ),
    (
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "privatedns/resource-manager/Microsoft.Network/stable/2020-06-01/privatedns.json",
        "VirtualNetworkLink",
    ),
    (
        "Microsoft.Network/privateEndpoints",
        "network/resource-manager/Microsoft.Network/stable/2023-09-01/privateEndpoint.json",
        "PrivateEndpoint",
    ),
    (
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
        "network/resource-manager/Microsoft.Network/stable/2023-09-01/privateEndpoint.json",
        "PrivateDnsZoneGroup",
    ),
    (
        "Microsoft.Network/virtualNetworks",
        "network/resource-manager/Microsoft.Network/stable/2023-09-01/virtualNetwork.json",
        "VirtualNetwork",
    ),
    (
        "Microsoft.Network/virtualNetworks/subnets",
        "network/resource-manager/Microsoft.Network/stable/2023-09-01/virtualNetwork.json",
        "Subnet",
    ),
    (
        "Microsoft.OperationalInsights/workspaces",
        "operationalinsights/resource-manager/Microsoft.OperationalInsights/stable/2023-09-01/Workspaces.json",
        "Workspace",
    ),
    (
        "Microsoft.Resources/resourceGroups",
        "resources/resource-manager/Microsoft.Resources/stable/2021-04-01/resources.json",
        "ResourceGroup",
    ),
];

/// Types whose specification does not lie there; those of Microsoft Graph have none of this form.
const UNSPECIFIED: &[&str] = &["Microsoft.Storage/", "microsoft.graph."];

/// What every object has and nobody declares in a body.
const ENVELOPE: &[&str] = &["id", "name", "type", "etag", "kind", "systemData"];

/// Specification files that have been read.
#[derive(Default)]
struct Library(BTreeMap<PathBuf, Json>);

/// A definition, with the file that it stands in and the references that led to it.
#[derive(Clone)]
struct Schema {
    file: PathBuf,
    json: Json,
    through: BTreeSet<(PathBuf, String)>,
}

impl Library {
    fn read(&mut self, file: &Path) -> &Json {
        self.0.entry(file.to_owned()).or_insert_with(|| {
            let text = std::fs::read_to_string(file).expect("a readable specification");
            serde_json::from_str(&text).expect("JSON")
        })
    }

    /// The definition itself, behind its references; nothing where they lead in a ring.
    fn resolve(&mut self, mut schema: Schema) -> Option<Schema> {
        while let Some(reference) = schema.json.get("$ref").and_then(Json::as_str) {
            let (file, pointer) = reference.split_once('#').expect("a pointer");
            if !file.is_empty() {
                let folder = schema.file.parent().expect("a folder");
                schema.file = folder.join(file).canonicalize().expect("it is there");
            }
            let step = (schema.file.clone(), pointer.to_owned());
            if !schema.through.insert(step) {
                return None;
            }
            let document = self.read(&schema.file);
            schema.json = document.pointer(pointer).expect("a definition").clone();
        }
        Some(schema)
    }

    /// The members of an object, those of what it extends among them.
    fn members(&mut self, schema: &Schema) -> BTreeMap<String, Schema> {
        let mut members = BTreeMap::new();
        let within = |json: &Json| Schema {
            json: json.clone(),
            ..schema.clone()
        };
        for base in schema.json["allOf"].as_array().into_iter().flatten() {
            if let Some(base) = self.resolve(within(base)) {
                members.extend(self.members(&base));
            }
        }
        let own = schema.json["properties"].as_object().into_iter().flatten();
        members.extend(own.map(|(name, json)| (name.clone(), within(json))));
        members
    }

    /// What of a body can be written and neither is managed nor left out, as dotted paths.
    fn lacking(&mut self, meta: &Meta, path: &str, schema: Schema, found: &mut Vec<String>) {
        let read_only = |json: &Json| json["readOnly"] == Json::Bool(true);
        let here = read_only(&schema.json);
        let Some(schema) = self
            .resolve(schema)
            .filter(|it| !here && !read_only(&it.json))
        else {
            return;
        };
        if is_listed(meta, path) {
            return;
        }
        let members = match schema.json["type"].as_str() {
            Some("array") => BTreeMap::new(),
            _ => self.members(&schema),
        };
        // What refers to another object says its id; the rest of that object is its own business.
        let refers = members.contains_key("id") && is_listed(meta, &format!("{path}.id"));
        if refers || (members.is_empty() && is_map(&schema.json) && is_begun(meta, path)) {
            return;
        }
        if members.is_empty() && schema.json["type"] != "object" || is_map(&schema.json) {
            found.push(path.to_owned());
        }
        for (name, member) in members {
            match path {
                "" if ENVELOPE.contains(&name.as_str()) => {}
                "" => self.lacking(meta, &name, member, found),
                _ => self.lacking(meta, &format!("{path}.{name}"), member, found),
            }
        }
    }
}

/// Whether the keys of an object are anybody's.
fn is_map(schema: &Json) -> bool {
    schema["additionalProperties"].is_object()
}

/// Whether the path, or what it stands in, is managed, left out or the server's.
fn is_listed(meta: &Meta, path: &str) -> bool {
    let fields = meta.fields.iter().map(|field| field.path);
    let left_out = meta.unmanaged.iter().map(|it| it.path);
    let mut all = fields.chain(left_out).chain(meta.read_only.iter().copied());
    all.any(|it| {
        let rest = path.strip_prefix(it);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Whether some of the keys of a map are listed: no specification says which there are.
fn is_begun(meta: &Meta, path: &str) -> bool {
    let below = format!("{path}.");
    let mut fields = meta.fields.iter();
    fields.any(|field| field.path.starts_with(&below))
}

#[test]
fn what_can_be_written_is_managed_or_left_out_with_a_reason() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = root.join("../shared/azure/specs/specification");
    let Ok(root) = root.canonicalize() else {
        eprintln!("SKIPPED: nothing at {}", root.display());
        return;
    };
    let mut library = Library::default();
    let mut lacking = BTreeMap::new();
    for (arm_type, file, definition) in SPECIFIED {
        let kinds = KINDS
            .iter()
            .filter(|kind| kind.meta().arm_type == *arm_type);
        for kind in kinds {
            let schema = Schema {
                file: root.join(file),
                json: serde_json::json!({ "$ref": format!("#/definitions/{definition}") }),
                through: BTreeSet::new(),
            };
            let mut found = Vec::new();
            library.lacking(kind.meta(), "", schema, &mut found);
            if !found.is_empty() {
                lacking.insert(kind.meta().name, found);
            }
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

#[test]
fn every_type_has_its_specification_or_is_known_to_have_none() {
    for meta in KINDS.iter().map(|kind| kind.meta()) {
        let specified = SPECIFIED.iter().any(|(it, ..)| *it == meta.arm_type);
        let known = UNSPECIFIED.iter().any(|it| meta.arm_type.starts_with(it));
        assert!(specified != known, "{}", meta.arm_type);
    }
}

#[test]
fn what_is_left_out_is_not_managed_and_has_a_reason() {
    for meta in KINDS.iter().map(|kind| kind.meta()) {
        for left_out in meta.unmanaged {
            assert!(
                left_out.reason.len() > 10,
                "{}: {}",
                meta.name,
                left_out.path
            );
            let managed = meta.field(left_out.path);
            assert!(managed.is_none(), "{}: {}", meta.name, left_out.path);
        }
    }
}

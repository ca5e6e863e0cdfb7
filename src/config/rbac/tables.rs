//! The TOML tables of `rbac/`, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kinds::{Probe, TargetType};

/// Who there is: what pipelines sign in as, and groups of people.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rbac/principals.toml")]
pub(in crate::config) struct PrincipalsFile {
    /// What pipelines sign in as: an application each, without a secret.
    #[serde(default)]
    pub principals: BTreeMap<String, PrincipalTable>,
    /// Groups of people.
    #[serde(default)]
    pub groups: BTreeMap<String, GroupTable>,
    /// Who runs `apply`: identities that are not made here.
    #[serde(default)]
    pub deployers: BTreeMap<String, DeployerTable>,
    /// Grants beside the matrix that somebody answers for, until a day.
    #[serde(default)]
    pub allowed: BTreeMap<String, AllowanceTable>,
}

/// `[principals.NAME]`: an application and its service principal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PrincipalTable {
    /// What people see. `sp-onestream-NAME` when absent.
    #[schemars(length(min = 1, max = 120))]
    pub display_name: Option<String>,
    /// What it is for.
    #[schemars(length(max = 900))]
    pub description: Option<String>,
    /// Whose tokens stand for it: at most 20.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialTable>,
}

/// `[principals.NAME.credentials.CRED]`: a federated credential.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct CredentialTable {
    /// The issuer of the tokens, to the letter. For a service connection of Azure DevOps it stands
    /// on the connection's page, such as https://login.microsoftonline.com/TENANT/v2.0.
    #[schemars(length(max = 600), extend("format" = "uri"))]
    pub issuer: String,
    /// Their subject, to the letter. For a service connection it is known only once the connection
    /// exists; leave it out until then.
    #[schemars(length(max = 600))]
    pub subject: Option<String>,
    /// Their audience. `api://AzureADTokenExchange` when absent.
    #[schemars(length(max = 600))]
    pub audience: Option<String>,
    /// What it is for.
    #[schemars(length(max = 600))]
    pub description: Option<String>,
}

/// `[groups.NAME]`: a security group, ours with its members or somebody else's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct GroupTable {
    /// What people see. `onestream-NAME` when absent.
    #[schemars(length(min = 1, max = 256))]
    pub display_name: Option<String>,
    /// What it is for.
    #[schemars(length(max = 900))]
    pub description: Option<String>,
    /// The object id of a group that somebody else keeps; it is only referred to.
    #[schemars(extend("format" = "uuid"))]
    pub object_id: Option<String>,
    /// Who is in a group of ours: people's object ids by name.
    pub members: Option<BTreeMap<String, String>>,
    /// Whether its members approve plans for protected environments. Each of them gets a key in
    /// the shared vault, with which nobody else can sign.
    #[serde(default)]
    pub approves: bool,
}

/// `[deployers.NAME]`: an identity that runs `apply`, which is made elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DeployerTable {
    /// The object id of its service principal or user.
    #[schemars(extend("format" = "uuid"))]
    pub object_id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The GUIDs of the roles that it holds on every subscription.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The application roles of Microsoft Graph that it holds, such as Group.ReadWrite.All.
    #[serde(default)]
    pub graph: Vec<String>,
    /// The object ids of those who own it: they could act as it.
    #[serde(default)]
    pub owners: Vec<String>,
}

/// `[allowed.NAME]`: a grant beside the matrix.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AllowanceTable {
    /// The object id of who holds it.
    #[schemars(extend("format" = "uuid"))]
    pub principal: String,
    /// The GUID of its role: one of Azure's, or the template of a directory role.
    #[schemars(extend("format" = "uuid"))]
    pub role: String,
    /// The id of where it is held, such as /subscriptions/GUID; the directory when absent.
    pub scope: Option<String>,
    /// Who answers for it.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// Why it is needed.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// The last day on which it is, such as 2027-03-31; at most two years away.
    #[schemars(extend("format" = "date"))]
    pub until: String,
}

/// What the words of the matrix mean.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rbac/capabilities.toml")]
pub(in crate::config) struct CapabilitiesFile {
    /// What a cell of the matrix can say.
    #[serde(default)]
    pub capabilities: BTreeMap<String, CapabilityTable>,
    /// Roles that Azure does not have built in.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleTable>,
    /// What nobody may hold both of.
    #[serde(default)]
    pub separate: Vec<SeparateTable>,
}

/// `[capabilities.NAME]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct CapabilityTable {
    /// What it can be given on.
    pub target: TargetType,
    /// The roles that it comes to.
    #[schemars(length(min = 1))]
    pub grants: Vec<GrantTable>,
    /// All that it may give, each action in full: a role that gives more is a mistake. Needed
    /// where a role is one of Azure's own, which Azure may change.
    pub means: Option<MeaningTable>,
    /// What works for whoever is given it, and for nobody else: `rbac prove` tries it.
    pub probes: Option<Vec<Probe>>,
    /// What it is for.
    #[expect(dead_code, reason = "people read it, in the file")]
    pub description: Option<String>,
}

/// `means` of a capability.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MeaningTable {
    /// Actions of the control plane, each in full: no `*`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Actions of the data plane, each in full: no `*`.
    #[serde(default)]
    pub data_actions: Vec<String>,
}

/// `[[separate]]`: two things that nobody may hold both of.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SeparateTable {
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// One of them.
    pub either: SideTable,
    /// The other.
    pub or: SideTable,
}

/// One side of `[[separate]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SideTable {
    /// The capability.
    pub capability: String,
    /// On what: addresses, such as "prod.*"; anything when absent.
    pub on: Option<String>,
}

/// A role that a capability comes to: one of Azure's own, or one of `[roles]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct GrantTable {
    /// The name of one of `[roles]`.
    pub role: Option<String>,
    /// The GUID of one of Azure's own roles.
    #[schemars(extend("format" = "uuid"))]
    pub built_in: Option<String>,
    /// The name of one of Azure's own roles, for people.
    pub name: Option<String>,
    /// Where it is assigned.
    #[serde(default)]
    pub on: On,
}

/// Where on its target a role is assigned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum On {
    /// On all of it.
    #[default]
    Target,
    /// In the Kubernetes namespace of each service of the environment.
    Namespaces,
}

/// `[roles.NAME]`: a role that Azure does not have built in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RoleTable {
    /// What people see, unique in the tenant. `onestream-NAME` when absent.
    #[schemars(length(min = 1, max = 128))]
    pub display_name: Option<String>,
    /// What it is for.
    #[schemars(length(max = 900))]
    pub description: Option<String>,
    /// Actions of the control plane, each in full: no `*`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Actions of the data plane, each in full: no `*`.
    #[serde(default)]
    pub data_actions: Vec<String>,
}

/// Who may do what. A row is a principal or a group, a key the address of what the cell is on,
/// such as `"dev.registry"`, a value a capability. A missing cell is no access.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(title = "rbac/matrix.toml")]
pub(in crate::config) struct MatrixFile(
    #[expect(
        dead_code,
        reason = "cells are read from the tree, which knows where they stand"
    )]
    BTreeMap<String, BTreeMap<String, String>>,
);

//! Azure Monitor: Log Analytics workspaces, with those that are deleted and can come back,
//! diagnostic settings of other resources, and data collection rules.

mod categories;
mod collection_rule;
mod deleted_workspace;
mod diagnostic_setting;
mod sinks;
mod workspace;
mod workspace_actions;
mod workspace_fields;

pub use collection_rule::{CollectionRule, answers_at, immutable};
pub use deleted_workspace::DeletedWorkspace;
pub use diagnostic_setting::DiagnosticSetting;
pub use workspace::Workspace;

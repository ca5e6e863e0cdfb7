//! Azure Monitor: Log Analytics workspaces, with those that are deleted and can come back,
//! and diagnostic settings of other resources.

mod categories;
mod deleted_workspace;
mod diagnostic_setting;
mod sinks;
mod workspace;
mod workspace_actions;
mod workspace_fields;

pub use deleted_workspace::DeletedWorkspace;
pub use diagnostic_setting::DiagnosticSetting;
pub use workspace::Workspace;

//! JSON documents: one per run, pretty-printed, with a version.

use serde::Serialize;

/// The version of every JSON document of this layer.
pub(super) const VERSION: u32 = 1;

/// A document as text, with a line break at its end.
pub(super) fn document(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("documents hold texts, numbers, lists and maps with text keys only");
    text.push('\n');
    text
}

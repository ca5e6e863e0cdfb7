//! Access control once more, as simply as it can be said, for the tests to compare with.

use serde_json::Value as Json;

/// Whether one permission, as JSON, gives an action: the first list less the second.
pub fn gives(permission: &Json, data: bool, action: &str) -> bool {
    let (given, taken) = if data {
        ("dataActions", "notDataActions")
    } else {
        ("actions", "notActions")
    };
    let any = |list: &str| {
        let patterns = permission[list].as_array().into_iter().flatten();
        patterns
            .filter_map(Json::as_str)
            .any(|pattern| fits(pattern, action))
    };
    any(given) && !any(taken)
}

/// Whether an action fits a pattern.
pub fn fits(pattern: &str, action: &str) -> bool {
    let action: Vec<char> = action.to_lowercase().chars().collect();
    let pattern = pattern.to_lowercase();
    let wide: Vec<char> = pattern.chars().collect();
    // Below a type a star between slashes may be left out with one of them.
    let parts: Vec<&str> = pattern.split("/*/").collect();
    let narrow: Vec<char> = match parts.split_first() {
        Some((first, rest)) if !rest.is_empty() && first.contains('/') => {
            format!("{first}/{}", rest.join("/*/")).chars().collect()
        }
        _ => wide.clone(),
    };
    consumes(&wide, &action) || consumes(&narrow, &action)
}

fn consumes(pattern: &[char], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some('*'), _) => {
            consumes(&pattern[1..], text) || (!text.is_empty() && consumes(pattern, &text[1..]))
        }
        (Some(p), Some(t)) => p == t && consumes(&pattern[1..], &text[1..]),
        _ => false,
    }
}

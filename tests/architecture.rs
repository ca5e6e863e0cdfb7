//! Holds the layer table and the size caps of `src/README.md` against the source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which layers of the library a layer may import, beside itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("resource", &[]),
    ("kinds", &["resource"]),
    ("config", &["resource", "kinds"]),
    ("provision", &["resource", "kinds", "config"]),
    ("rbac", &["resource", "kinds", "config", "provision"]),
    ("proof", &["resource", "kinds", "provision"]),
    ("control", &["resource", "provision"]),
    ("remote", &["resource", "provision", "proof"]),
    (
        "report",
        &["resource", "kinds", "config", "provision", "rbac", "proof"],
    ),
];

/// Lines of a file without its tests.
const LONGEST_FILE: usize = 500;

/// Words that name no concept: a module called so collects whatever has no home.
const NO_HOMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "misc",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("a readable file");
                found.insert(path, text);
            }
        }
    }
    found
}

/// A file's own code: what stands before its inline test module.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
}

/// The layer of the library that a file belongs to; none for the binary and the emulator.
fn layer(path: &Path) -> Option<String> {
    let below = path.strip_prefix(root().join("src")).ok()?;
    let first = below.components().next()?.as_os_str().to_str()?;
    MAY_IMPORT
        .iter()
        .any(|(name, _)| *name == first)
        .then(|| first.to_owned())
}

fn is_test_code(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default();
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    in_tests
        || matches!(
            name,
            "tests.rs" | "testing.rs" | "arbitrary.rs" | "contract.rs"
        )
}

/// How many modules a file's own lies below the root of its crate.
fn depth(path: &Path) -> usize {
    let below = path.strip_prefix(root().join("src")).expect("below src");
    let is_folder = path.file_name().is_some_and(|name| name == "mod.rs");
    below.components().count() - usize::from(is_folder)
}

/// The layers that a text names as `crate::layer` or `onestream::layer`, or by as many `super` as
/// lead to the root of the crate from a module that lies `depth` below it.
fn imports(text: &str, depth: usize) -> BTreeSet<String> {
    let mut found = Vec::new();
    for (prefix, below) in [("crate::", 0), ("onestream::", 0), ("super::", depth)] {
        for (at, _) in text.match_indices(prefix) {
            let climbed = usize::from(prefix == "super::");
            // The second `super` of a path is what the first goes on with.
            let goes_on = text[..at].ends_with("super::");
            if !goes_on {
                let rest = &text[at + prefix.len()..];
                found.extend(at_root(rest, below.saturating_sub(climbed)));
            }
        }
    }
    let layers = found.into_iter().filter(|name| {
        let mut layers = MAY_IMPORT.iter();
        layers.any(|(layer, _)| layer == name)
    });
    layers.map(str::to_owned).collect()
}

/// The names at the root of the crate that a path goes on with, from a module that lies `depth`
/// below it.
fn at_root(rest: &str, depth: usize) -> Vec<&str> {
    let each = members(rest).into_iter();
    let names = each.flat_map(|member| match member.strip_prefix("super::") {
        Some(rest) => at_root(rest, depth.saturating_sub(1)),
        None if depth == 0 => vec![name(member)],
        None => Vec::new(),
    });
    names.collect()
}

/// What a path goes on with: one path, or those of a group in braces.
fn members(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest];
    };
    let mut members = vec![group.trim_start()];
    let mut depth = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => members.push(group[at + 1..].trim_start()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    members
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn layers_import_only_what_the_table_allows() {
    let mut violations = Vec::new();
    for (path, text) in sources(&root().join("src")) {
        let Some(own) = layer(&path).filter(|_| !is_test_code(&path)) else {
            continue;
        };
        let allowed = MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == own)
            .expect("a known layer")
            .1;
        for import in imports(without_tests(&text), depth(&path)) {
            if import != own && !allowed.contains(&import.as_str()) {
                violations.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn the_table_knows_every_layer() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    let declared: BTreeSet<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let listed: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    assert_eq!(declared, listed);
}

#[test]
fn only_the_command_line_names_the_emulator() {
    let mut violations = Vec::new();
    for (path, text) in sources(&root().join("src")) {
        let below = path.strip_prefix(root().join("src")).expect("below src");
        let free = below.starts_with("cli") || below.starts_with("emulator");
        if !free && without_tests(&text).contains("onestream_emulator") {
            violations.push(path.display().to_string());
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn the_emulator_depends_on_nothing_of_ours() {
    let manifest =
        std::fs::read_to_string(root().join("src/emulator/Cargo.toml")).expect("a manifest");
    assert!(
        !manifest.contains("path ="),
        "the emulator must not depend on the program"
    );
    for (path, text) in sources(&root().join("src/emulator/src")) {
        assert!(
            !text.contains("use onestream::"),
            "{} imports the program",
            path.display()
        );
    }
}

/// The local Azure knows nothing of the program, so each has a list of Azure's operations.
#[test]
fn both_lists_of_operations_say_the_same() {
    let list = |path: &str| std::fs::read_to_string(root().join(path)).expect("a list");
    assert_eq!(
        list("src/config/rbac/operations.txt"),
        list("src/emulator/src/types/operations.txt")
    );
}

#[test]
fn files_open_with_their_sentence_and_stay_short() {
    let mut violations = Vec::new();
    for (path, text) in sources(&root().join("src")) {
        if !text.starts_with("//!") && !text.starts_with("#![doc") {
            violations.push(format!("{} does not say what it is", path.display()));
        }
        let lines = without_tests(&text).lines().count();
        if lines > LONGEST_FILE && !is_test_code(&path) {
            violations.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn nothing_is_called_after_nothing() {
    for path in sources(&root().join("src")).keys() {
        for part in path.strip_prefix(root()).expect("below the root").iter() {
            let name = part.to_str().unwrap_or_default().trim_end_matches(".rs");
            assert!(!NO_HOMES.contains(&name), "{}", path.display());
        }
    }
}

#[test]
fn every_finding_of_these_tests_can_be_found() {
    let planted = "use crate::{kinds, provision::plan};\nuse crate::config::load;";
    let expected = ["kinds", "provision", "config"].map(str::to_owned);
    assert_eq!(imports(planted, 1), BTreeSet::from(expected));
    let nested = "use crate::{kinds::{A, remote, b::{C, D}}, resource::E}; use report;";
    let expected = ["kinds", "resource"].map(str::to_owned);
    assert_eq!(imports(nested, 1), BTreeSet::from(expected));
    let after = "use crate::{\n    kinds::{A, B},\n    control,\n};";
    let expected = ["kinds", "control"].map(str::to_owned);
    assert_eq!(imports(after, 1), BTreeSet::from(expected));
    let tested = "a\n#[cfg(test)]\nmod tests {\n    use crate::remote;\n}";
    assert!(imports(without_tests(tested), 1).is_empty());
    for (climbing, depth) in [
        ("use super::remote::X;", 1),
        ("pub use self::super::{report::A, remote};", 1),
        ("fn f(x: super::super::remote::X) {}", 2),
        ("use super::{a, super::{b, remote::X}};", 2),
    ] {
        assert!(imports(climbing, depth).contains("remote"), "{climbing}");
        assert!(
            !imports(climbing, depth + 1).contains("remote"),
            "{climbing}"
        );
    }
    for (file, expected) in [
        ("kinds/mod.rs", 1),
        ("kinds/a.rs", 2),
        ("remote/b/mod.rs", 2),
    ] {
        assert_eq!(depth(&root().join("src").join(file)), expected, "{file}");
    }
}

//! Tests of the whole layer: folders in, configurations or rendered mistakes out.

mod clusters;
mod files;
mod mistakes;
mod never_panics;
mod rbac;
mod samples;
mod signers;

use std::fs;
use std::path::Path;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use tempfile::TempDir;

use super::{ConfigErrors, Configuration, load};
use crate::resource::EnvironmentName;

/// The least that `common.toml` can be.
const COMMON: &str = "\
[azure]
cloud = \"emulator\"
tenant = \"11111111-1111-4111-8111-111111111111\"
subscription = \"22222222-2222-4222-8222-222222222222\"

[regions]
primary = \"eastus2\"
recovery = \"westus2\"
";

/// A root folder with these files, in `environments/` where the name does not say otherwise.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(root.path().join("environments")).expect("a new folder");
    for (name, text) in files {
        write(root.path(), name, text.as_bytes());
    }
    root
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = match name.strip_prefix("rbac/") {
        Some(name) => root.join("rbac").join(name),
        None => root.join("environments").join(name),
    };
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn loaded(files: &[(&str, &str)]) -> Result<Configuration, ConfigErrors> {
    load(folder(files).path(), &[])
}

fn sound(files: &[(&str, &str)]) -> Configuration {
    loaded(files).unwrap_or_else(|errors| panic!("{}", render(&errors)))
}

/// The mistakes as a terminal of 80 columns without colours shows them.
fn mistakes(files: &[(&str, &str)]) -> String {
    render(&loaded(files).expect_err("mistakes"))
}

fn render(diagnostic: &dyn Diagnostic) -> String {
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::none())
        .with_width(80)
        .with_links(false)
        .render_report(&mut text, diagnostic)
        .expect("a report");
    assert!(!text.contains("Failed to read contents"), "{text}");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn name(name: &str) -> EnvironmentName {
    name.parse().expect("a name")
}

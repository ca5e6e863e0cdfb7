//! The commands that contact nothing: `init`, `validate`, `schema`, `completions`, `man`.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use onestream::config;
use serde_json::json;

use super::arguments::{Arguments, Global, OutputFormat, SchemaOf};
use super::failure::{self, Exit, Failure};
use super::output::Output;
use super::wiring;

/// Runs `init`: the sample files, none of which may exist.
pub fn init(dir: &Path, output: &Output) -> Result<Exit, Failure> {
    let there: Vec<String> = config::SAMPLES
        .iter()
        .map(|(name, _)| dir.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() {
        let verb = if there.len() == 1 { "exists" } else { "exist" };
        return Err(
            Failure::usage(format!("{} {verb} already", there.join(", ")))
                .hint("nothing was written; choose another folder"),
        );
    }
    for (name, text) in config::SAMPLES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // create_new: a file that appears in between is not overwritten either.
        std::fs::File::create_new(&path)?.write_all(text.as_bytes())?;
        output.result(&path.display().to_string())?;
    }
    let ignored = dir.join(".gitignore");
    if !ignored.exists() {
        std::fs::write(&ignored, ".onestream/\n")?;
        output.result(&ignored.display().to_string())?;
    }
    let root = match dir {
        here if here == Path::new(".") => String::new(),
        dir => format!(" --root {}", dir.display()),
    };
    output.remark(format!("next: onestream{root} plan"));
    Ok(Exit::Clean)
}

/// Runs `validate`.
pub fn validate(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let declared = wiring::declared(global, output)?;
    let (count, environments) = (declared.desired.resources.len(), &declared.desired.places);
    let names: Vec<&str> = environments.keys().map(|name| name.as_str()).collect();
    let warnings = declared.configuration.warnings.iter().map(failure::mistake);
    match output.asked() {
        OutputFormat::Json => output.result(&format!(
            "{:#}",
            json!({
                "version": 1,
                "kind": "validation",
                "cloud": declared.configuration.azure.cloud.to_string(),
                "environments": names,
                "resources": count,
                "digest": declared.configuration.digest,
                "warnings": warnings.collect::<Vec<_>>(),
            })
        ))?,
        _ => output.result(&format!("valid: {count} resources in {}", names.join(", ")))?,
    }
    Ok(Exit::Clean)
}

/// Runs `schema`.
pub fn schema(of: SchemaOf, output: &Output) -> Result<Exit, Failure> {
    let schema = match of {
        SchemaOf::Environment => config::environment_schema(),
        SchemaOf::Common => config::common_schema(),
        SchemaOf::Principals => config::principals_schema(),
        SchemaOf::Capabilities => config::capabilities_schema(),
        SchemaOf::Matrix => config::matrix_schema(),
    };
    output.result(&format!("{schema:#}"))?;
    Ok(Exit::Clean)
}

/// Runs `completions`.
pub fn completions(shell: clap_complete::Shell, output: &Output) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "onestream", &mut script);
    output.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}

/// Runs `man`: the main page to stdout, or every page into a folder.
pub fn man(dir: Option<&Path>, output: &Output) -> Result<Exit, Failure> {
    let command = Arguments::command();
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            clap_mangen::generate_to(command, dir)?;
            output.remark(format!("pages written to {}", dir.display()));
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            output.result(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Clean)
}

//! The commands that contact nothing: `init`, `validate`, `schema`, `completions`, `man`.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use onestream::config;
use onestream::report::{self, Format};
use serde_json::json;

use super::arguments::{Arguments, Global, SchemaOf};
use super::failure::{self, Exit, Failure};
use super::output::{Form, Output};
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
    let format = output.format()?;
    let mut written = Vec::new();
    for (name, text) in config::SAMPLES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // create_new: a file that appears in between is not overwritten either.
        std::fs::File::create_new(&path)?.write_all(text.as_bytes())?;
        written.push(path.display().to_string());
    }
    let ignored = dir.join(".gitignore");
    if !ignored.exists() {
        std::fs::write(&ignored, ".onestream/\n")?;
        written.push(ignored.display().to_string());
    }
    output.result(&match format {
        Format::Json => format!(
            "{:#}",
            json!({"version": 1, "kind": "init", "cloud": null, "written": written})
        ),
        Format::Table | Format::Markdown => written.join("\n"),
    })?;
    let root = match dir {
        here if here == Path::new(".") => String::new(),
        dir => format!(" --root {}", dir.display()),
    };
    output.remark(format!("next: onestream{root} plan"));
    Ok(Exit::Clean)
}

/// Runs `validate`.
pub fn validate(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let form = output.form()?;
    let declared = wiring::declared(global, output)?;
    let (count, environments) = (declared.desired.resources.len(), &declared.desired.places);
    let names: Vec<&str> = environments.keys().map(|name| name.as_str()).collect();
    let warnings = declared.configuration.warnings.iter().map(failure::mistake);
    let cloud = declared.configuration.azure.cloud.to_string();
    let text = match form {
        Form::Exchange(format) => {
            report::configuration::checked(&declared.configuration.warnings).render(format)
        }
        Form::Own(Format::Json) => format!(
            "{:#}",
            json!({
                "version": 1,
                "kind": "validation",
                "cloud": cloud,
                "environments": names,
                "resources": count,
                "digest": declared.configuration.digest,
                "warnings": warnings.collect::<Vec<_>>(),
            })
        ),
        Form::Own(Format::Table | Format::Markdown) => {
            format!("valid: {count} resources in {}", names.join(", "))
        }
    };
    output.result(&text)?;
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

//! `audit export`, and the export at the end of every run that writes: the audit log to Azure Monitor.

use std::sync::Arc;
use std::time::Duration;

use onestream::config::{Configuration, ExportSettings};
use onestream::control::audit::{Export, ExportError, Exported};
use onestream::provision::objects::Objects;
use onestream::remote::azure::Azure;
use onestream::report::audit::{self, Delivery};

use super::arguments::Global;
use super::connect;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::wiring::{self, Declared};

/// How long the end of a run waits for Azure Monitor.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `audit export`.
pub async fn run(
    global: &Global,
    declared: &Declared,
    objects: &Arc<dyn Objects>,
    from_start: bool,
    output: &Output,
) -> Result<Exit, Failure> {
    let choice = wiring::choice(global, &declared.configuration)?;
    let Some(settings) = &declared.configuration.control.export else {
        return Err(
            Failure::usage("nothing says where the audit log is to be sent")
                .hint("set [control.export] endpoint and rule in environments/common.toml"),
        );
    };
    let objects = wiring::pointed(objects)?;
    let person = global.person.as_deref();
    let connect::Connected {
        azure, connection, ..
    } = connect::connect(&declared.configuration, choice, person, output).await?;
    let sent = send(settings, &azure, &objects, from_start).await;
    connection.close().await;
    let exported = sent?;
    let delivery = Delivery {
        entries: exported.entries,
        calls: exported.calls,
        up_to: exported.up_to.as_ref().map(|(number, _)| *number),
        hash: exported.up_to.as_ref().map(|(_, hash)| hash.clone()),
        rule: settings.rule.clone(),
        stream: settings.stream.clone(),
        flaws: exported.flaws.iter().map(ToString::to_string).collect(),
    };
    let (format, style) = (output.format()?, output.style());
    output.result(&audit::delivered(&delivery, choice.name(), format, &style))?;
    match held_up(&exported) {
        None => Ok(Exit::Clean),
        Some(why) => {
            output.remark(&why);
            Ok(Exit::Incomplete)
        }
    }
}

/// Why the end of the log does not count as sent.
fn held_up(exported: &Exported) -> Option<String> {
    let first = exported.flaws.first()?;
    Some(format!(
        "warning: the audit log is not as it was written, and is exported only up to there, until it \
         is put back: {first} (`onestream audit verify` tells all; `onestream audit export \
         --from-start` sends whatever can be read)"
    ))
}

/// Sends what a run has written, and what earlier ones could not. Where that fails, or the log is
/// not as it was written, it is said, and the run's exit code stays as it is.
pub async fn at_end(
    configuration: &Configuration,
    azure: &Azure,
    objects: &Arc<dyn Objects>,
    output: &Output,
) {
    let Some(settings) = &configuration.control.export else {
        return;
    };
    let sending = tokio::time::timeout(PATIENCE, send(settings, azure, objects, false));
    let failure = match sending.await {
        Ok(Ok(exported)) => {
            if let Some(why) = held_up(&exported) {
                output.remark(&why);
            }
            return;
        }
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(
            Exit::Failed,
            format!("Azure Monitor took longer than {} s", PATIENCE.as_secs()),
        ),
    };
    told(&failure, output);
}

/// Says why the log was not exported at the end of a run.
pub fn told(failure: &Failure, output: &Output) {
    output.remark("warning: the audit log was not exported to its end; the next run goes on:");
    output.tell(failure);
}

async fn send(
    settings: &ExportSettings,
    azure: &Azure,
    objects: &Arc<dyn Objects>,
    from_start: bool,
) -> Result<Exported, Failure> {
    let ExportSettings {
        endpoint,
        rule,
        stream,
    } = settings;
    let collector = azure.ingestion(endpoint, rule, stream);
    let collector = collector.map_err(|failure| Failure {
        exit: Exit::Usage,
        ..failure.into()
    })?;
    let export = Export::new(objects, rule, stream)?;
    let exported = export.run(&collector, from_start).await;
    exported.map_err(|error| match error {
        ExportError::Store(error) => error.into(),
        ExportError::Collector(failure) => failure.into(),
        ExportError::Replaced { .. } => Failure::of(Exit::Refused, &error).hint(
            "`onestream audit verify` says whether the log is as it was signed; `onestream audit \
             export --from-start` sends all of it again",
        ),
    })
}

//! `emulator serve` and `emulator reset`: the local Azure as a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use onestream::config::Configuration;
use onestream_emulator::{Access, Busy, Endpoint, Pace, Settings, StartError, discard, open};

use super::arguments::{EmulatorCommand, Global, ServeArguments};
use super::failure::{Exit, Failure};
use super::interrupt;
use super::output::Output;
use super::span::Span;
use super::wiring;

/// How long a command waits for another one that has the data to itself.
pub const TURN: Duration = Duration::from_secs(300);
/// How long an emulator in another process may take to empty itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the local Azure of a root folder keeps its data.
fn data(root: &Path) -> PathBuf {
    root.join(".onestream").join("emulator")
}

/// The local Azure that plays what a configuration speaks of.
pub fn settings(configuration: &Configuration) -> Settings {
    let mut subscriptions = vec![configuration.azure.subscription.clone()];
    for environment in &configuration.environments {
        if !subscriptions.contains(&environment.place.subscription) {
            subscriptions.push(environment.place.subscription.clone());
        }
    }
    Settings {
        data: Some(data(&configuration.root)),
        tenant: configuration.azure.tenant.clone(),
        subscriptions,
        people: configuration
            .people()
            .map(|(object_id, name)| (object_id.to_owned(), name.to_owned()))
            .collect(),
        ..Settings::default()
    }
}

/// Runs `emulator`.
pub async fn run(
    global: &Global,
    command: &EmulatorCommand,
    output: &Output,
) -> Result<Exit, Failure> {
    match command {
        EmulatorCommand::Serve(arguments) => serve(global, arguments, output).await,
        EmulatorCommand::Reset => reset(global, output).await,
    }
}

async fn serve(
    global: &Global,
    arguments: &ServeArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let mut settings = match wiring::declared(global, output) {
        Ok(declared) => settings(&declared.configuration),
        // Served on a folder without configuration, it plays the default tenant.
        Err(_) if !global.root.join("environments").exists() => Settings {
            data: Some(data(&global.root)),
            ..Settings::default()
        },
        Err(failure) => return Err(failure),
    };
    if let Some(data) = &arguments.data {
        settings.data = Some(data.clone());
    }
    settings.port = arguments.port;
    settings.latency = arguments.latency.map_or(Duration::ZERO, |Span(span)| span);
    settings.open_info = arguments.open_info;
    settings.any_kubernetes = arguments.any_kubernetes;
    settings.assume_existing = arguments.assume_existing;
    settings.outside = arguments.outside;
    settings.tls.clone_from(&arguments.tls);
    settings.announce = true;
    if arguments.realistic {
        settings.pace = Pace::Realistic;
    }
    let access = open(settings, TURN, |busy| {
        output.remark(format!("{busy}; waiting for it"));
    })
    .await
    .map_err(failure)?;
    let emulator = match access {
        Access::Started(emulator) => emulator,
        Access::Running(endpoint) => {
            return Err(Failure::new(
                Exit::Failed,
                format!(
                    "an emulator serves this data already, at {}",
                    endpoint.origin
                ),
            ));
        }
    };
    let endpoint = emulator.endpoint();
    let trusted = arguments.tls.as_ref().map_or_else(String::new, |folder| {
        format!("  CA to trust       {}\n", folder.join("ca.pem").display())
    });
    output.result(&format!(
        "LOCAL EMULATOR, not Azure\n  Resource Manager  {0}\n  token endpoint    \
         {0}/{1}/oauth2/v2.0/token\n  tenant            {1}\n  subscription      {2}\n{trusted}",
        endpoint.origin, endpoint.tenant, endpoint.subscription
    ))?;
    if arguments.open_info {
        output.remark("open: GET /emulator/info hands out a principal that owns everything");
    }
    output.remark("Ctrl-C ends it");
    interrupt::signal().await;
    emulator.stop().await;
    Ok(Exit::Clean)
}

async fn reset(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let folder = data(&global.root);
    if !folder.exists() {
        output.remark("there is nothing to reset");
        return Ok(Exit::Clean);
    }
    let settings = Settings {
        data: Some(folder.clone()),
        ..Settings::default()
    };
    let access = open(settings, TURN, |busy| {
        output.remark(format!("{busy}; waiting for it"));
    })
    .await;
    match access {
        Ok(Access::Started(emulator)) => {
            let done = emulator.reset();
            emulator.stop().await;
            done?;
        }
        Ok(Access::Running(endpoint)) => reset_there(&endpoint)
            .await
            .map_err(|error| Failure::of(Exit::Failed, &error))?,
        Err(StartError::State(problem)) => {
            output.remark(format!("unreadable, and removed: {problem}"));
            discard(&folder).map_err(failure)?;
        }
        Err(error) => return Err(failure(error)),
    }
    output.remark("the local emulator holds nothing now");
    Ok(Exit::Clean)
}

/// Asks the emulator of another process. Its secret goes to this machine only.
async fn reset_there(endpoint: &Endpoint) -> reqwest::Result<()> {
    let mut client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE);
    if let Some(ca) = &endpoint.ca {
        client = client.tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes())?]);
    }
    client
        .build()?
        .post(format!("{}/emulator/reset", endpoint.origin))
        .header("x-emulator-secret", &endpoint.control_secret)
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

/// Why the local Azure does not start, and what helps.
pub fn failure(error: StartError) -> Failure {
    let failure = Failure::of(Exit::Failed, &error);
    match error {
        StartError::State(_) => {
            failure.hint("`onestream emulator reset` starts it afresh: what it held is lost")
        }
        StartError::InUse(Busy { process, .. }) => failure.hint(match process {
            Some(process) => format!(
                "end it, or continue it where it was stopped (`kill -CONT {process}`); commands \
                 share one emulator where `onestream emulator serve` runs"
            ),
            None => "end it, and run again".to_owned(),
        }),
        StartError::Io { .. } | StartError::Port { .. } => failure,
    }
}

//! Runs an emulator in the foreground, for measuring it before a command does.

use clap::Parser;
use onestream_emulator::{Emulator, Pace, Settings};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 picks one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Folder that keeps the state
    #[arg(long)]
    data: Option<PathBuf>,
    /// Milliseconds added to every request
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Operations take as long as Azure's
    #[arg(long)]
    realistic: bool,
    /// Open the control endpoints
    #[arg(long)]
    open_info: bool,
    /// Callers are outside every private network
    #[arg(long)]
    outside: bool,
    /// Items per page of every list
    #[arg(long)]
    page_size: Option<usize>,
    /// Take Kubernetes versions that are not supported (any more)
    #[arg(long)]
    any_kubernetes: bool,
    /// Take resource groups and targets of private endpoints for existing
    #[arg(long)]
    assume_existing: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let emulator = Emulator::start(Settings {
        data: options.data,
        port: options.port,
        latency: Duration::from_millis(options.latency),
        pace: if options.realistic {
            Pace::Realistic
        } else {
            Pace::Quick
        },
        open_info: options.open_info,
        page_size: options.page_size,
        outside: options.outside,
        any_kubernetes: options.any_kubernetes,
        assume_existing: options.assume_existing,
        announce: true,
        ..Settings::default()
    })
    .await?;
    println!("{}", emulator.origin());
    let asked = tokio::signal::ctrl_c().await;
    emulator.stop().await;
    Ok(asked?)
}

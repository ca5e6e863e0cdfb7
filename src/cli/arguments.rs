//! What can be typed: commands, flags and their meaning.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use onestream::config::CloudChoice;
use onestream::resource::{Address, EnvironmentName, Pattern};

use super::span::{Since, Span};

/// Plans, applies and watches the Azure side of a signed-container supply chain.
#[derive(Debug, Parser)]
#[command(
    name = "onestream",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The table that `--help` ends with; `failure.rs` holds the same one as code.
const EXIT_CODES: &str = "\
Exit codes:
  0   done, or clean
  1   failed, or nothing could be read
  2   changes are pending (plan --detailed-exitcode), or findings (rbac)
  3   refused: guard, stale plan, missing approval
  4   incomplete: some of it unreadable, part applied, or stopped by Ctrl-C
  64  usage or configuration
  130 ended by a second Ctrl-C";

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The folder that holds environments/.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
    /// Only this environment; may be given several times. All, and shared, when absent.
    #[arg(
        long = "env",
        global = true,
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub environments: Vec<String>,
    /// The cloud to talk to, instead of the one in common.toml.
    #[arg(long, global = true, env = "ONESTREAM_CLOUD", value_name = "CLOUD")]
    pub cloud: Option<CloudChoice>,
    /// The person to sign in as on the local Azure: a name in rbac/principals.toml, an object id
    /// or a sign-in name.
    #[arg(
        long = "as",
        global = true,
        env = "ONESTREAM_AS",
        value_name = "PERSON",
        hide_env_values = true
    )]
    pub person: Option<String>,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Table)]
    pub format: OutputFormat,
    /// Whether to colour what is printed.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// How results are printed. Not every command has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// One document, for programs.
    Json,
    /// For pull requests.
    Markdown,
    /// For code scanning; of `validate`, `rbac check` and `rbac prove`.
    Sarif,
    /// For test reports; of `validate`, `rbac check` and `rbac prove`.
    Junit,
    /// Graphviz; for `graph`.
    Dot,
    /// Mermaid, as Markdown renders it; for `graph`.
    Mermaid,
    /// A picture; for `graph`.
    Svg,
}

/// Whether to colour what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write sample environments into a folder.
    Init {
        /// Where to; nothing that exists is overwritten.
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Check the configuration; contacts nothing.
    Validate,
    /// Print the JSON Schema of the TOML files, for editors.
    Schema {
        /// Of which file.
        #[arg(value_enum, default_value_t = SchemaOf::Environment)]
        of: SchemaOf,
    },
    /// Show what would change.
    Plan(PlanArguments),
    /// Show a saved plan.
    Show {
        /// The file that `plan --out` wrote.
        file: PathBuf,
    },
    /// Make Azure as declared.
    Apply(ApplyArguments),
    /// Approve a saved plan for protected environments, with the key that is yours alone.
    Approve(ApproveArguments),
    /// Delete everything of ours.
    Destroy(DestroyArguments),
    /// Draw the dependency graph: --format dot, mermaid or svg.
    Graph,
    /// Show what stands in Azure, live.
    State {
        /// What to show.
        #[command(subcommand)]
        command: StateCommand,
    },
    /// Show, verify or export who did what.
    Audit {
        /// What to do with the audit log.
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Show who may do what, and what differs from rbac/.
    Rbac {
        /// What to do.
        #[command(subcommand)]
        command: RbacCommand,
    },
    /// Show who may write which environment, or take a lease away.
    Lock {
        /// What to do.
        #[command(subcommand)]
        command: LockCommand,
    },
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual, or write one page per command.
    Man {
        /// The folder for the pages.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Run or reset the local Azure.
    #[cfg(feature = "emulator")]
    Emulator {
        /// What to do with it.
        #[command(subcommand)]
        command: EmulatorCommand,
    },
}

/// What a plan is asked for.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Save the plan to this file, for review and `apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Plan the deletion of everything of ours.
    #[arg(long)]
    pub destroy: bool,
    /// Which part.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// Exit with 2 when changes are pending.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Which part of the estate is meant.
#[derive(Debug, Args)]
pub struct SelectionArguments {
    /// Only this address (globs work), and what it needs.
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<Pattern>,
    /// Not this address (globs work), nor what needs it.
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<Pattern>,
    /// Take over declared objects that exist without our marker.
    #[arg(long)]
    pub adopt: bool,
}

/// How a plan is carried out.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Do not ask. Replaces no approval.
    #[arg(long)]
    pub auto_approve: bool,
    /// How many operations run at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallelism: u16,
    /// Allow deleting this address (globs work), or lifting this lock.
    #[arg(long, value_name = "ADDRESS")]
    pub allow_destroy: Vec<Pattern>,
    /// Allow more access in a protected environment.
    #[arg(long)]
    pub allow_wider_access: bool,
    /// How long to wait for a lease that somebody else holds, such as 90s or 5m.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub lock_wait: Duration,
    /// Leave aside the journals of earlier runs, readable or not, and go by what Azure says.
    #[arg(long)]
    pub ignore_journal: bool,
}

/// What to do with the leases.
#[derive(Debug, Subcommand)]
pub enum LockCommand {
    /// Who holds which environment, since when, doing what.
    Status,
    /// Take the lease of an environment away from whoever holds it.
    Break {
        /// The environment.
        environment: EnvironmentName,
        /// Why; it is recorded.
        #[arg(long, value_name = "TEXT", value_parser = said)]
        reason: String,
    },
}

/// A text that says something.
fn said(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("say why"),
        text => Ok(text.to_owned()),
    }
}

/// A time such as 90s, 5m or 1h.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 90s, 5m or 1h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

/// What an apply is asked for.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// A saved plan: applied exactly, or refused.
    #[arg(conflicts_with_all = ["target", "exclude", "adopt"])]
    pub file: Option<PathBuf>,
    /// Take away this one role assignment, which nobody declared, and nothing else. Needs no
    /// approval.
    #[arg(
        long,
        value_name = "ASSIGNMENT_ID",
        conflicts_with_all = ["file", "target", "exclude", "adopt", "allow_destroy", "allow_wider_access"]
    )]
    pub revoke_excess: Option<String>,
    /// Which part.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// How.
    #[command(flatten)]
    pub run: RunArguments,
}

/// What is approved.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// The saved plan.
    pub file: PathBuf,
    /// How long the approval holds; 7d at most.
    #[arg(long, value_name = "TIME", default_value = "8h")]
    pub expires: Span,
    /// Do not ask: the plan has been read.
    #[arg(long)]
    pub yes: bool,
}

/// What a destroy is asked for.
#[derive(Debug, Args)]
pub struct DestroyArguments {
    /// Only this address (globs work), and what it needs.
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<Pattern>,
    /// Not this address (globs work), nor what needs it.
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<Pattern>,
    /// How.
    #[command(flatten)]
    pub run: RunArguments,
}

/// Of which file a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// environments/NAME.toml
    Environment,
    /// environments/common.toml
    Common,
    /// rbac/principals.toml
    Principals,
    /// rbac/capabilities.toml
    Capabilities,
    /// rbac/matrix.toml
    Matrix,
}

/// What of the live state is shown.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Every address and what stands there.
    List,
    /// One object.
    Show {
        /// Which one.
        address: Address,
    },
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show its entries, oldest first.
    Log(AuditLogArguments),
    /// Find changed, removed, reordered or missing entries.
    Verify {
        /// Trust the recorded key without holding it against the vault; contacts nothing.
        #[arg(long)]
        offline: bool,
    },
    /// Send what was not sent yet to Azure Monitor, as [control.export] says.
    Export {
        /// Send all of it again, from the first entry on.
        #[arg(long)]
        from_start: bool,
    },
}

/// Which entries of the audit log are shown; --env narrows them to environments.
#[derive(Debug, Args)]
pub struct AuditLogArguments {
    /// From when on: 24h, 7d, a day (2026-07-31) or an RFC 3339 time.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// By whom: part of a name, an object id or a machine.
    #[arg(long, value_name = "TEXT")]
    pub actor: Option<String>,
    /// Of which command, such as apply or approve.
    #[arg(long = "command", value_name = "COMMAND")]
    pub of: Option<String>,
}

/// What of access control is shown.
#[derive(Debug, Subcommand)]
pub enum RbacCommand {
    /// Hold what is declared against what each principal may do, and what it could obtain.
    Matrix,
    /// Find whatever is more, less or other than rbac/ says.
    Check,
    /// Say what gives or denies somebody something, and how to take it away.
    Explain(ExplainArguments),
    /// Measure who may do what, by real calls with each principal's own token.
    Prove(ProveArguments),
}

/// What is to be explained.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A row of rbac/matrix.toml, or the object id of anybody.
    pub principal: String,
    /// On what: the address of a registry, a cluster or a key.
    pub address: Address,
    /// Which action, such as Microsoft.ContainerRegistry/registries/pull/read, or a word that stands
    /// for some: a capability or a probe of rbac/capabilities.toml. All when absent.
    pub action: Option<String>,
}

/// Whose access is measured.
#[derive(Debug, Args)]
pub struct ProveArguments {
    /// Only this one: a row of rbac/matrix.toml, or ROW/PERSON. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub principal: Vec<String>,
}

/// What to do with the local Azure.
#[cfg(feature = "emulator")]
#[derive(Debug, Subcommand)]
pub enum EmulatorCommand {
    /// Serve it until Ctrl-C, to commands and other clients.
    Serve(ServeArguments),
    /// Forget everything that it holds.
    Reset,
}

/// How the local Azure is served.
#[cfg(feature = "emulator")]
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The port on 127.0.0.1; 0 picks one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Where it keeps its data; <root>/.onestream/emulator when absent.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Added to every request, such as 20ms.
    #[arg(long, value_name = "SPAN")]
    pub latency: Option<Span>,
    /// Operations take as long as in Azure.
    #[arg(long)]
    pub realistic: bool,
    /// Serve https. The certificate authority to trust is put into this folder as ca.pem, anew at
    /// each start.
    #[arg(long, value_name = "DIR")]
    pub tls: Option<PathBuf>,
    /// Callers are outside every private network: vaults without public access refuse them.
    #[arg(long)]
    pub outside: bool,
    /// Open the control endpoints, and hand out a principal that owns everything.
    #[arg(long)]
    pub open_info: bool,
    /// Take Kubernetes versions that are not supported, for traffic from other times.
    #[arg(long)]
    pub any_kubernetes: bool,
    /// Take what requests lean on for existing where nobody made it (resource groups, targets of
    /// private endpoints), for traffic that begins after they were made. Azure refuses both.
    #[arg(long)]
    pub assume_existing: bool,
}

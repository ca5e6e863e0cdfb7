//! The words of the audit chain: who did what to which environments, when, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::apply::{End, Outcome};
use super::plan::Plan;
use super::ports::Failure;
use crate::resource::EnvironmentName;

/// Who is signed in to Azure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The object id in Entra, lower-cased: what counts.
    pub object_id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who is signed in to Azure; nobody where Azure's token does not tell.
    pub identity: Option<Identity>,
    /// The account and the machine, as the machine itself says.
    pub machine: String,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// When, RFC 3339, UTC.
    pub at: String,
    /// The run that it is part of.
    pub run: String,
    /// Who did it.
    pub actor: Actor,
    /// The command, such as `apply`.
    pub command: String,
    /// What happened.
    pub event: What,
    /// The environments that it is about.
    pub environments: Vec<EnvironmentName>,
    /// The addresses that the plan changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The digest of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// By what right the protected ones of the environments are changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub permits: BTreeMap<EnvironmentName, Permit>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", deny_unknown_fields)]
pub enum What {
    /// A run is about to write.
    Begun,
    /// A run was refused before it wrote anything.
    Refused {
        /// What stood against it.
        why: Vec<String>,
    },
    /// Before a run: locks that an interrupted one had lifted are about to be put back.
    Resumed,
    /// A run came to its end.
    Ended {
        /// How many operations were carried out.
        done: usize,
        /// The addresses whose operations failed.
        failed: Vec<String>,
        /// How many operations were not tried.
        skipped: usize,
        /// Whether all that was declared stands.
        complete: bool,
    },
    /// Somebody is about to take the lease of an environment away from its holder.
    LockBreakAsked {
        /// Why.
        reason: String,
    },
    /// The lease was taken away from its holder.
    LockBroken {
        /// Why.
        reason: String,
    },
    /// The lease was not taken away.
    LockNotBroken {
        /// Why not.
        why: String,
    },
    /// Before entries are signed, in logs of before [`What::FoundUnsigned`]: runs that claim a
    /// bootstrap, but did not have their claim signed themselves.
    Disowned {
        /// The runs.
        runs: Vec<String>,
    },
    /// Before entries are signed: those that another than the run which signs has written, or so
    /// they say. Nobody vouches for them, and a bootstrap that they claim does not go on.
    FoundUnsigned {
        /// The entries.
        entries: Vec<Span>,
    },
    /// A person approved a plan.
    Approved {
        /// The approver, by the name in `rbac/principals.toml`.
        approver: String,
        /// Until when.
        expires: String,
    },
}

/// Entries of the chain that follow one another, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// Entries that nobody vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// The entries.
    #[serde(flatten)]
    pub entries: Span,
    /// The signed entry that says so; nothing while they are still to be signed.
    pub found_by: Option<u64>,
}

/// By what right a protected environment is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
pub enum Permit {
    /// These people approved the plan.
    Approvals {
        /// Their names.
        approvers: Vec<String>,
    },
    /// Without an approval: it takes away one grant that nobody declared, and nothing else.
    Excess,
    /// Without an approval: nothing of ours stood there.
    Bootstrap {
        /// The digest of what is declared there.
        desired: String,
    },
    /// Without an approval: the same bootstrap goes on that was interrupted.
    Continuation {
        /// The digest of what is declared there.
        desired: String,
    },
}

/// Takes entries of the audit chain and keeps them elsewhere.
#[async_trait]
pub trait Collector: Send + Sync {
    /// Takes rows, each an object of columns; none of them is lost once this returns. Rows that
    /// were taken before are kept twice.
    ///
    /// # Errors
    /// [`Failure`] when they were refused, or may not have been taken.
    async fn take(&self, rows: Vec<Json>) -> Result<(), Failure>;
}

impl Span {
    /// The spans that make up these numbers, which are sorted.
    pub fn of(numbers: impl IntoIterator<Item = u64>) -> Vec<Self> {
        let mut spans: Vec<Self> = Vec::new();
        for number in numbers {
            match spans.last_mut() {
                Some(span) if span.last.checked_add(1) == Some(number) => span.last = number,
                _ => spans.push(Self {
                    first: number,
                    last: number,
                }),
            }
        }
        spans
    }

    /// Whether an entry is among them.
    pub fn contains(&self, number: u64) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

impl Doubt {
    /// How many entries these are of, altogether.
    pub fn count(all: &[Self]) -> u64 {
        let lengths = all.iter().map(|it| it.entries.last - it.entries.first + 1);
        lengths.sum()
    }
}

impl Permit {
    /// What a bootstrap is to lead to; nothing where people approved.
    pub fn desired(&self) -> Option<&str> {
        match self {
            Self::Approvals { .. } | Self::Excess => None,
            Self::Bootstrap { desired } | Self::Continuation { desired } => Some(desired),
        }
    }
}

impl What {
    /// How a run of a plan ended.
    pub fn ended(plan: &Plan, outcome: &Outcome) -> Self {
        let ends = || plan.operations.iter().zip(&outcome.ends);
        let count = |wanted: fn(&End) -> bool| ends().filter(|(_, end)| wanted(end)).count();
        let failed = ends().filter(|(_, end)| matches!(end, End::Failed(_)));
        Self::Ended {
            done: count(|end| matches!(end, End::Done | End::AlreadyDone)),
            failed: failed
                .map(|(operation, _)| operation.address.to_string())
                .collect(),
            skipped: count(|end| matches!(end, End::Skipped(_))),
            complete: outcome.is_complete() && !plan.is_partial(),
        }
    }
}

/// The addresses that a plan changes, each once, sorted.
pub fn addresses(plan: &Plan) -> Vec<String> {
    let mut all: Vec<String> = plan.visible().map(|it| it.address.to_string()).collect();
    all.sort();
    all.dedup();
    all
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.object_id),
            None => f.write_str(&self.object_id),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Some(identity) => write!(f, "{identity} on {}", self.machine),
            None => f.write_str(&self.machine),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "entry {}", self.first),
            false => write!(f, "entries {} to {}", self.first, self.last),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { first, last } = self.entries;
        let (are, were, them) = match first == last {
            true => ("is", "was", "it"),
            false => ("are", "were", "them"),
        };
        write!(f, "{} ", self.entries)?;
        match self.found_by {
            Some(_) => write!(f, "{were} found unsigned by a later run")?,
            None => write!(f, "{are} not signed yet")?,
        }
        write!(
            f,
            ": whoever could write to the store may have written {them}"
        )
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun => f.write_str("begun"),
            Self::Refused { why } => write!(f, "refused: {}", why.join("; ")),
            Self::Resumed => f.write_str("lifted locks are put back"),
            Self::Ended {
                done,
                failed,
                skipped,
                complete,
            } => {
                write!(f, "ended: {done} done")?;
                if !failed.is_empty() {
                    write!(f, ", {} failed", failed.len())?;
                }
                if *skipped > 0 {
                    write!(f, ", {skipped} skipped")?;
                }
                if !complete {
                    f.write_str(", incomplete")?;
                }
                Ok(())
            }
            Self::LockBreakAsked { reason } => write!(f, "lock is to be broken: {reason}"),
            Self::LockBroken { reason } => write!(f, "lock broken: {reason}"),
            Self::LockNotBroken { why } => write!(f, "lock not broken: {why}"),
            Self::Disowned { runs } => {
                let runs = runs.join(", ");
                write!(f, "signed without vouching for the bootstrap of {runs}")
            }
            Self::FoundUnsigned { entries } => {
                let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
                write!(f, "signed without vouching for {}", entries.join(", "))
            }
            Self::Approved { approver, expires } => {
                write!(f, "approved by {approver} until {expires}")
            }
        }
    }
}

impl fmt::Display for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approvals { approvers } => write!(f, "approved by {}", approvers.join(", ")),
            Self::Excess => f.write_str("no approval: only a grant goes that nobody declared"),
            Self::Bootstrap { .. } => f.write_str("no approval: nothing stood there"),
            Self::Continuation { .. } => {
                f.write_str("no approval: an interrupted bootstrap goes on")
            }
        }
    }
}

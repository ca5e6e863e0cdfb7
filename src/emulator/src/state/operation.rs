//! A long-running operation as it is stored: how it is polled, when it ends, what then.

use crate::settings::Pace;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Moment;

/// A running or finished long-running operation. Its key is its poll path in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The poll path as it is handed out, without query.
    pub path: String,
    /// The last segment of [`Self::path`].
    pub name: String,
    /// The api-version that the poll address carries.
    pub api_version: String,
    /// Key of the object that is being worked on.
    pub target: String,
    /// What polls answer.
    pub polling: Polling,
    /// A second address, which `Location` leads to beside `Azure-AsyncOperation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultAddress>,
    /// What ends it.
    pub effect: Effect,
    /// The word for "not finished yet", e.g. `Creating`.
    pub word: String,
    /// Seconds that Azure asks clients to wait between polls; absent where it asks for
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Start, in seconds since 1970.
    pub started: i64,
    /// End, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// Seconds that it takes at [`Pace::Realistic`].
    pub seconds: u32,
    /// Polls and reads so far.
    #[serde(default)]
    pub tries: u32,
    /// Where it stands.
    #[serde(default)]
    pub outcome: Outcome,
}

/// Where an operation stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    #[default]
    Running,
    /// Will never finish (a fault asked for it).
    Stuck,
    /// Will fail when its time has come.
    Failing(Failure),
    Succeeded,
    Failed(Failure),
}

/// Why an operation failed, as its status tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// How an operation is polled; the patterns that Azure's providers were seen to use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Polling {
    /// `Azure-AsyncOperation`: 200 with `{"status"}`, the header issued again each time.
    Status {
        /// Status code while it runs: 200, or 201 as private endpoint connections do.
        running: u16,
        /// Adds the target's id and the operation's name to the body.
        #[serde(default)]
        named: bool,
    },
    /// `Location`: 202 with the header until it is done.
    Result {
        /// Says `{"status"}` in the body, as importImage does; otherwise bodies are empty.
        #[serde(default)]
        told: bool,
        /// Status code when it is done.
        done: u16,
    },
    /// `Azure-AsyncOperation`: a bare `{"status"}`.
    Plain {
        /// Status code while it runs.
        running: u16,
        /// Whether polls carry the address again while it runs.
        again: bool,
    },
    /// `Azure-AsyncOperation`: 200 with name, status and times, no header again.
    Timed,
    /// `Location`: 202 and 200, with the status and its times in the body, as Key Vault
    /// purges vaults.
    Dated,
    /// `Location` with `monitor=true`: an empty 202, then 200 with the object itself, as Storage
    /// makes accounts.
    Made,
    /// By reading the object itself, which tells its state. `header` carries the object's
    /// address, where the provider sends any.
    Object {
        #[serde(default)]
        header: Option<OwnAddress>,
    },
}

/// A header that leads to the object that is being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OwnAddress {
    AsyncOperation,
    Location,
}

/// Where an operation tells only that it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultAddress {
    /// The path as it is handed out, without query.
    pub path: String,
    /// Status code when it is done.
    pub done: u16,
}

/// What happens to the target when the operation succeeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It is there; its type says how it looks then.
    Settle,
    /// It goes, with everything below it.
    Remove,
    /// Its type does something with this.
    Act(Value),
}

impl Operation {
    /// Whether one more try at `now` ends it.
    pub fn due(&self, pace: Pace, now: Moment) -> bool {
        match self.outcome {
            Outcome::Running | Outcome::Failing(_) => match pace {
                Pace::Instant => true,
                Pace::Quick => self.tries >= 2,
                Pace::Realistic => now.seconds() >= self.started + i64::from(self.seconds),
            },
            Outcome::Stuck | Outcome::Succeeded | Outcome::Failed(_) => false,
        }
    }

    /// The target's id in its own case, for operations that are polled below it.
    pub fn target_id(&self) -> &str {
        self.path
            .rsplitn(3, '/')
            .nth(2)
            .unwrap_or(self.path.as_str())
    }

    pub fn finished(&self) -> bool {
        matches!(self.outcome, Outcome::Succeeded | Outcome::Failed(_))
    }
}

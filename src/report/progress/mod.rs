//! Progress: the events of an apply as lines, moving on a terminal, time-stamped elsewhere.
//!
//! [`Terminal`] and [`Plain`] implement [`Observer`](crate::provision::ports::Observer). Both
//! draw on stderr and never on stdout, where results go. Neither can fail a run: a line that
//! cannot be written is lost.

mod plain;
mod subject;
mod terminal;

#[cfg(test)]
mod tests;

pub use plain::Plain;
pub use terminal::Terminal;

/// What a run says when it was asked to end.
fn stopping(in_flight: usize) -> String {
    format!("stopping: {in_flight} in flight will be finished; Ctrl-C again ends at once")
}

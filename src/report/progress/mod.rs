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

//! Live state: what stands in Azure of what is declared, as a list or one object in full.
//!
//! [`Live`] is what was asked and answered; the diff that says `differs` is the one of plan and
//! drift. Objects that carry our mark and that nothing declares are listed too. What could not
//! be read is `unreadable`, never `absent`.

mod list;
mod look;
mod show;

#[cfg(test)]
mod tests;

pub use list::list;
pub use look::Live;
pub use show::show;

//! Access control: the matrix, what was found, and why somebody may do something.

mod beside;
mod check;
mod checked;
mod explain;
mod matrix;
mod matrix_document;
mod unread;

pub use check::check;
pub use checked::checked;
pub use explain::explain;
pub use matrix::matrix;

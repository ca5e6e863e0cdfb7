//! HTTP in, HTTP out: requests become [`Call`]s, are recorded, delayed and disturbed as
//! the control endpoints asked, go to the service that their host and path mean, and
//! come back as [`Answer`]s. Knows nothing of ARM.

mod answer;
mod call;
mod headers;
mod hosts;
mod listen;
mod targets;

pub use answer::Answer;
pub use call::Call;
pub use listen::serve;

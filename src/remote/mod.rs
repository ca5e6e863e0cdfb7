//! The world outside: implements the ports of [`crate::provision::ports`] on real services.
//!
//! It turns a [`Request`](crate::resource::Request) into HTTP and an answer into a body or a
//! [`Failure`](crate::provision::ports::Failure). Invariants: a bearer token goes to the
//! configured hosts only; what could not be read is a failure, never an absence; a request
//! whose fate is unknown is sent again only if that is harmless. It must not know a kind, a
//! plan or an environment, nor decide what is to be changed.

pub mod azure;

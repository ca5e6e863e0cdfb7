//! Registries over HTTP, as clients of ACR meet them.

mod client;
mod images;
mod imports;
mod locks;
mod logins;
mod referrers;
mod roles;

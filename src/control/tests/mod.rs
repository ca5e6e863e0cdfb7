//! Whole runs on a store in memory: several agents, a cloud that fails and lies, and sudden deaths.

mod agents;
mod weather;

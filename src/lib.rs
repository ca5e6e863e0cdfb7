//! onestream.

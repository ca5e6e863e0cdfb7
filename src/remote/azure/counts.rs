//! Counts requests, so that a test can hold the client to its bound.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::resource::Method;

/// How many requests were sent, tries counted one by one.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; 6]);

impl Counts {
    pub(super) fn add(&self, method: Method) {
        self.0[Self::place(method)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> RequestCounts {
        let of = |method| self.0[Self::place(method)].load(Ordering::Relaxed);
        RequestCounts {
            get: of(Method::Get),
            head: of(Method::Head),
            put: of(Method::Put),
            patch: of(Method::Patch),
            post: of(Method::Post),
            delete: of(Method::Delete),
        }
    }

    fn place(method: Method) -> usize {
        match method {
            Method::Get => 0,
            Method::Head => 1,
            Method::Put => 2,
            Method::Patch => 3,
            Method::Post => 4,
            Method::Delete => 5,
        }
    }
}

/// How many requests a client has sent, by method, each try counted. Requests for tokens are
/// not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestCounts {
    /// GET.
    pub get: u64,
    /// HEAD.
    pub head: u64,
    /// PUT.
    pub put: u64,
    /// PATCH.
    pub patch: u64,
    /// POST.
    pub post: u64,
    /// DELETE.
    pub delete: u64,
}

impl RequestCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.get + self.head + self.put + self.patch + self.post + self.delete
    }

    /// Those that can change something.
    pub fn writes(&self) -> u64 {
        self.put + self.patch + self.post + self.delete
    }
}

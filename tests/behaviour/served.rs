//! `emulator serve` as a process of its own, and its control endpoints.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value as Json;

use crate::program::Root;

/// `emulator serve` of a root, ended when dropped.
pub struct Served {
    child: Child,
    /// Where it answers.
    pub origin: String,
}

impl Served {
    /// Serves the data of a root.
    pub fn on(root: &Root, flags: &[&str]) -> Self {
        let mut arguments = vec!["emulator", "serve"];
        arguments.extend(flags);
        let mut child = root
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout")).lines();
        let origin = lines
            .find_map(|line| {
                let line = line.expect("a line");
                line.trim()
                    .strip_prefix("Resource Manager")
                    .map(|origin| origin.trim().to_owned())
            })
            .expect("its origin");
        Self { child, origin }
    }

    /// Calls a control endpoint, which `--open-info` has opened; null for an empty answer.
    pub async fn control(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("{}/emulator/{path}", self.origin);
        let mut request = reqwest::Client::new().request(method, url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        match text.as_str() {
            "" => Json::Null,
            text => serde_json::from_str(text).expect("JSON"),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours to end");
        self.child.wait().expect("it ends");
    }
}

//! A run goes on to its known end though nobody listens to what it says on stderr.

#![cfg(unix)]

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::program::Root;

/// A stderr that takes nothing; none where this system has none.
fn full() -> Option<Stdio> {
    let full = File::options().write(true).open("/dev/full").ok();
    if full.is_none() {
        // Not through the test's captured output: it has to be seen.
        let text = "\n!!! LEFT OUT: no /dev/full here, so a full stderr is not tested\n\n";
        std::io::stderr().write_all(text.as_bytes()).ok();
    }
    full.map(Stdio::from)
}

/// A pipe of which nobody reads the other end any more.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn code(command: &mut Command, stderr: Stdio) -> Option<i32> {
    let ran = command.stdout(Stdio::null()).stderr(stderr).status();
    ran.expect("the program starts").code()
}

#[test]
fn a_run_ends_as_ever_where_stderr_takes_nothing() {
    let stderrs = [full as fn() -> Option<Stdio>, || Some(closed())];
    for stderr in stderrs {
        let (Some(first), Some(second), Some(third)) = (stderr(), stderr(), stderr()) else {
            continue;
        };
        let root = Root::sample();
        let mut killed = root.command(&["apply", "--auto-approve"]);
        let killed = code(killed.env("ONESTREAM_FAILPOINT", "300"), first);
        assert_eq!(killed, None, "it was killed");
        // What it had begun is seen to, which is said on stderr.
        let apply = &mut root.command(&["apply", "--auto-approve"]);
        assert_eq!(code(apply.env("ONESTREAM_LOG", "debug"), second), Some(0));
        root.expect(0, &["plan", "--detailed-exitcode"]);
        let unknown = &mut root.command(&["--env", "nope", "plan"]);
        assert_eq!(code(unknown, third), Some(64));
    }
}

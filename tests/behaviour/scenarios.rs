//! Scenarios: a folder with commands and the transcript that they have to give.
//!
//! `tests/scenarios/<name>/commands` holds one command a line: `onestream …`,
//! `replace FILE | OLD | NEW`, `remove PATH`; files below `input/` lie over the sample.
//! The transcript beside it is an insta snapshot.

use std::fmt::Write;
use std::path::Path;

use crate::program::Root;

#[test]
fn transcripts_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("the scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "there are no scenarios");
    for scenario in names {
        let transcript = play(&scenario);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&scenario);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        // What differs from run to run: times, durations, ids that Azure chooses.
        settings.add_filter(r"\d\d:\d\d:\d\d", "[time]");
        settings.add_filter(r"\d+\.\d+ s\b", "[duration]");
        // Names of grants are made of the ids of principals, which the directory chooses.
        settings.add_filter(r"\b[0-9a-f]{3}…[0-9a-f]{4}\b", "[guid]");
        settings.bind(|| insta::assert_snapshot!("transcript", transcript));
    }
}

fn play(scenario: &Path) -> String {
    let root = Root::sample();
    overlay(&scenario.join("input"), root.path());
    let commands = std::fs::read_to_string(scenario.join("commands")).expect("commands");
    let mut transcript = String::new();
    for line in commands
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        writeln!(transcript, "$ {line}").expect("a string takes text");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "onestream" => {
                let ran = root.run(&rest.split_whitespace().collect::<Vec<_>>());
                let place = root.path().to_str().expect("UTF-8");
                for text in [&ran.err, &ran.out] {
                    transcript.push_str(&text.replace(place, "ROOT"));
                }
                writeln!(transcript, "[exit {}]\n", ran.code).expect("a string takes text");
            }
            "replace" => {
                let parts: Vec<&str> = rest.split(" | ").collect();
                let [file, old, new] = parts[..] else {
                    panic!("replace FILE | OLD | NEW: {line}")
                };
                root.replace(file, &old.replace("\\n", "\n"), &new.replace("\\n", "\n"));
            }
            "remove" => {
                let path = root.file(rest);
                if path.is_dir() {
                    std::fs::remove_dir_all(path).expect("a removable folder");
                } else {
                    std::fs::remove_file(path).expect("a removable file");
                }
            }
            _ => panic!("no such scenario command: {line}"),
        }
    }
    transcript
}

fn overlay(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            overlay(&path, &target);
        } else {
            std::fs::copy(&path, target).expect("a copy");
        }
    }
}

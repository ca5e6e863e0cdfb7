//! JUnit's XML, as Azure Pipelines, GitHub and GitLab read test results.
//! <https://learn.microsoft.com/azure/devops/pipelines/tasks/reference/publish-test-results-v2>

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::checked::{Check, Checked, Issue, Level};
use super::layout;

/// What was checked as test suites, one a group, with a case for each check. What is wrong is a
/// failure, what could not be looked at an error; less than wrong is told by a case that passes.
pub(super) fn render(checked: &Checked) -> String {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    written(checked, &mut out).expect("memory takes what is written");
    let mut text = String::from_utf8(out.into_inner()).expect("only text was written");
    text.push('\n');
    text
}

fn written(checked: &Checked, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in &checked.checks {
        suites.entry(&check.group).or_default().push(check);
    }
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<&Check> = checked.checks.iter().collect();
    let root = out.create_element("testsuites");
    root.with_attributes(counted(&named(checked), &all).iter().map(pair))
        .write_inner_content(|out| {
            for (group, checks) in &suites {
                suite(group, checks, out)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn named(checked: &Checked) -> String {
    match &checked.cloud {
        Some(cloud) => format!("onestream {} on {cloud}", checked.title),
        None => format!("onestream {}", checked.title),
    }
}

type Attribute = (&'static str, String);

fn pair(attribute: &Attribute) -> (&str, &str) {
    (attribute.0, &attribute.1)
}

fn counted(name: &str, checks: &[&Check]) -> Vec<Attribute> {
    let with = |ends: Ending| checks.iter().filter(|check| ending(check) == ends).count();
    vec![
        ("name", plain(name)),
        ("tests", checks.len().to_string()),
        ("failures", with(Ending::Failure).to_string()),
        ("errors", with(Ending::Error).to_string()),
    ]
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Passed,
    Error,
    Failure,
}

/// What is wrong beats what is not known.
fn ending(check: &Check) -> Ending {
    let endings = check.issues.iter().map(comes_to);
    endings.max().unwrap_or(Ending::Passed)
}

fn comes_to(issue: &Issue) -> Ending {
    match (issue.level, issue.fails) {
        (Level::Unknown, _) => Ending::Error,
        (_, true) => Ending::Failure,
        (_, false) => Ending::Passed,
    }
}

fn suite(group: &str, checks: &[&Check], out: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let element = out.create_element("testsuite");
    element
        .with_attributes(counted(group, checks).iter().map(pair))
        .write_inner_content(|out| {
            for check in checks {
                case(check, out)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn case(check: &Check, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let (group, name) = (plain(&check.group), plain(&check.name));
    let element = out
        .create_element("testcase")
        .with_attributes([("classname", group.as_str()), ("name", name.as_str())]);
    let mut issues: Vec<&Issue> = check.issues.iter().collect();
    issues.sort_by_key(|issue| std::cmp::Reverse(comes_to(issue)));
    let lines: Vec<String> = issues.into_iter().map(told).collect();
    let text = lines.join("\n");
    let inner = match ending(check) {
        Ending::Passed if check.issues.is_empty() => {
            element.write_empty()?;
            return Ok(());
        }
        Ending::Passed => "system-out",
        Ending::Failure => "failure",
        Ending::Error => "error",
    };
    element.write_inner_content(|out| {
        let inner = out.create_element(inner);
        let inner = match ending(check) {
            Ending::Passed => inner,
            _ => inner.with_attributes([("message", lines[0].as_str())]),
        };
        inner.write_text_content(BytesText::new(&text))?;
        Ok(())
    })?;
    Ok(())
}

fn told(issue: &Issue) -> String {
    let mut text = String::new();
    if let Some(place) = &issue.place
        && let Some((line, column)) = place.at
    {
        let file = plain(&place.file);
        text.push_str(&format!("{file}:{line}:{column}: "));
    }
    text.push_str(&format!("{}: ", issue.rule));
    if let Some(about) = &issue.about {
        text.push_str(&format!("{}: ", plain(about)));
    }
    text.push_str(&plain(&issue.message));
    if let Some(instead) = &issue.instead {
        text.push_str(&format!("; instead: {}", plain(instead)));
    }
    text
}

/// As one line of what XML can hold.
fn plain(text: &str) -> String {
    layout::plain(&text.replace(['\u{fffe}', '\u{ffff}'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checked::{Exchange, Place};
    use quick_xml::Reader;

    fn checked() -> Checked {
        let odd = Issue {
            place: Some(Place {
                file: "a.toml".to_owned(),
                at: Some((3, 5)),
            }),
            ..Issue::odd("o", "odd")
        };
        let wrong = Issue {
            about: Some("dev/\u{1b}[31mregistry".to_owned()),
            instead: Some("write \"b\" & c".to_owned()),
            ..Issue::wrong("w", Level::Note, "x]]> <y>\u{0}\u{fffe}\nnext")
        };
        let unknown = || Issue::unknown("u", "who knows");
        Checked {
            title: "test".to_owned(),
            cloud: Some("emulator".to_owned()),
            rules: Vec::new(),
            checks: vec![
                Check::new("two", "holds"),
                Check::new("one", "odd").found([odd]),
                Check::new("two", "both").found([unknown(), wrong]),
                Check::new("two", "unknown").found([unknown()]),
            ],
        }
    }

    #[test]
    fn each_check_is_a_case_that_passes_fails_or_is_an_error() {
        assert_eq!(
            checked().render(Exchange::Junit),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="onestream test on emulator" tests="4" failures="1" errors="1">
  <testsuite name="one" tests="1" failures="0" errors="0">
    <testcase classname="one" name="odd">
      <system-out>a.toml:3:5: o: odd</system-out>
    </testcase>
  </testsuite>
  <testsuite name="two" tests="3" failures="1" errors="1">
    <testcase classname="two" name="holds"/>
    <testcase classname="two" name="both">
      <failure message="w: dev/ [31mregistry: x]]&gt; &lt;y&gt; next; instead: write &quot;b&quot; &amp; c">w: dev/ [31mregistry: x]]&gt; &lt;y&gt; next; instead: write &quot;b&quot; &amp; c
u: who knows</failure>
    </testcase>
    <testcase classname="two" name="unknown">
      <error message="u: who knows">u: who knows</error>
    </testcase>
  </testsuite>
</testsuites>
"#
        );
    }

    #[test]
    fn whatever_is_told_it_is_xml() {
        let text = checked().render(Exchange::Junit);
        let mut reader = Reader::from_str(&text);
        while reader.read_event().expect("XML") != Event::Eof {}
    }
}

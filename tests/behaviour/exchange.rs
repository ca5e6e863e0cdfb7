//! Results of checks for other programs: SARIF and JUnit.

use serde_json::Value as Json;

use crate::program::Root;

fn sarif(text: &str) -> Json {
    let document: Json = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(document["version"], "2.1.0");
    document["runs"][0].clone()
}

/// `(ruleId, file, line)` of each result.
fn results(run: &Json) -> Vec<(String, String, Option<u64>)> {
    let results = run["results"].as_array().expect("results").iter();
    let told = results.map(|result| {
        let place = &result["locations"][0]["physicalLocation"];
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        (
            text(&result["ruleId"]),
            text(&place["artifactLocation"]["uri"]),
            place["region"]["startLine"].as_u64(),
        )
    });
    told.collect()
}

#[test]
fn mistakes_are_results_at_their_lines() {
    let root = Root::sample();
    let valid = sarif(&root.expect(0, &["--format", "sarif", "validate"]).out);
    assert_eq!(results(&valid), []);
    root.replace(
        "environments/dev.toml",
        "[registry]\n",
        "[registry]\nexport = 7\n",
    );
    let line = root
        .read("environments/dev.toml")
        .lines()
        .position(|line| line == "export = 7")
        .expect("the line");
    let wrong = sarif(&root.expect(64, &["--format", "sarif", "validate"]).out);
    assert_eq!(
        results(&wrong),
        [(
            "configuration".to_owned(),
            "environments/dev.toml".to_owned(),
            Some(line as u64 + 1)
        )]
    );
    let junit = root.expect(64, &["--format", "junit", "validate"]).out;
    let expected = "<testcase classname=\"configuration\" name=\"environments/dev.toml\">";
    assert!(junit.contains(expected), "{junit}");
    assert!(junit.contains("tests=\"1\" failures=\"1\""), "{junit}");
}

#[test]
fn access_that_is_not_as_declared_is_a_result_and_fails_a_case() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let clean = sarif(&root.expect(0, &["--format", "sarif", "rbac", "check"]).out);
    assert_eq!(results(&clean), []);
    assert_eq!(clean["invocations"][0]["executionSuccessful"], true);
    root.replace(
        "rbac/matrix.toml",
        "[staging-pipeline]\n",
        "[staging-pipeline]\n\"dev.registry\" = \"pull\"\n",
    );
    let missing = sarif(&root.expect(2, &["--format", "sarif", "rbac", "check"]).out);
    let expected = (
        "missing-grant".to_owned(),
        "rbac/matrix.toml".to_owned(),
        Some(1),
    );
    assert_eq!(results(&missing), [expected]);
    let checked = root.expect(2, &["--format", "junit", "rbac", "check"]).out;
    for expected in [
        "failures=\"1\" errors=\"0\"",
        "<testcase classname=\"access\" name=\"could-obtain\"/>",
        "<failure message=\"missing-grant: ",
    ] {
        assert!(checked.contains(expected), "no {expected} in\n{checked}");
    }
    let asked = [
        "--format",
        "junit",
        "rbac",
        "prove",
        "--principal",
        "staging-pipeline",
    ];
    let proved = root.expect(2, &asked).out;
    let expected = "<failure message=\"missing: dev.registry: staging-pipeline cannot ";
    assert!(proved.contains(expected), "no {expected} in\n{proved}");
}

#[test]
fn what_could_not_be_read_is_passed_by_no_case() {
    let root = Root::sample();
    root.expect(0, &["apply", "--auto-approve"]);
    let checked = root.expect_as("ada", 4, &["--format", "junit", "rbac", "check"]);
    assert!(!checked.out.contains("/>\n"), "{}", checked.out);
    let run = sarif(
        &root
            .expect_as("ada", 4, &["--format", "sarif", "rbac", "check"])
            .out,
    );
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn other_commands_refuse_these_formats_in_them() {
    let root = Root::sample();
    let refused = root.expect(64, &["--format", "sarif", "plan"]);
    let run = sarif(&refused.out);
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert!(refused.err.contains("rbac prove"), "{}", refused.err);
    assert!(!root.file(".onestream").exists(), "something was contacted");
}

//! What may be in `environments/`, and what is said of the rest.

use std::fs;

use super::super::load;
use super::{COMMON, folder, loaded, mistakes, render, sound, write};

#[test]
fn a_folder_has_to_be_there() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let errors = load(&root.path().join("nowhere"), &[]).expect_err("no folder");
    let text = render(&errors).replace(&root.path().display().to_string(), "ROOT");
    insta::assert_snapshot!(text, @r#"
      x the configuration has a mistake

    Error:
      x no folder `environments` in `ROOT/nowhere`
      help: `onestream init` writes sample files to begin with; --root names
            another folder
    "#);
    insta::assert_snapshot!(mistakes(&[]), @r#"
      x the configuration has a mistake

    Error:
      x `environments` holds no TOML file
      help: `onestream init` writes sample files to begin with
    "#);
    insta::assert_snapshot!(mistakes(&[("dev.toml", "[group]\nname = \"rg-dev\"\nlokc = 1\n")]), @r#"
      x the configuration has 2 mistakes

    Error:
      x no `environments/common.toml`
      help: `onestream init` writes sample files to begin with

    Error:
      x unknown key `lokc`
       ,-[environments/dev.toml:3:1]
     2 | name = "rg-dev"
     3 | lokc = 1
       : ^^^^
       `----
      help: did you mean `lock`?
    "#);
}

#[test]
fn files_are_named_after_environments() {
    let files = [
        ("common.toml", COMMON),
        ("shared.toml", ""),
        ("Prod.toml", ""),
        ("a b.toml", ""),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 3 mistakes

    Error:
      x `environments/Prod.toml` is not named as an environment is
      help: lower-case letters, digits and hyphens, such as dev.toml

    Error:
      x `environments/a b.toml` is not named as an environment is
      help: lower-case letters, digits and hyphens, such as dev.toml

    Error:
      x `environments/shared.toml` cannot be
      help: what belongs to no single environment is described in common.toml,
            under `[shared]`
    "#);
}

#[test]
fn strays_are_warned_of() {
    let files = [
        ("common.toml", COMMON),
        ("dev.tml", ""),
        (".dev.toml.swp", ""),
        (".hidden.toml", "not TOML"),
        ("README.md", ""),
    ];
    let configuration = sound(&files);
    let warnings: Vec<String> = configuration.warnings.iter().map(|it| render(it)).collect();
    insta::assert_snapshot!(warnings.join("\n\n"), @r#"
    ! `environments/dev.tml` is not read
    help: an environment is a file NAME.toml

    ! no environment beside `shared`
    help: add one as environments/NAME.toml
    "#);
}

#[test]
fn windows_files_are_like_others() {
    let root = folder(&[]);
    let common = format!("\u{feff}{}", COMMON.replace('\n', "\r\n"));
    write(root.path(), "common.toml", common.as_bytes());
    write(root.path(), "dev.toml", b"[group]\r\nname = \"rg-dev\"\r\n");
    load(root.path(), &[]).expect("no mistake");
    write(
        root.path(),
        "dev.toml",
        "\u{feff}[group]\r\nnmae = 'ä'\r\n".as_bytes(),
    );
    let errors = load(root.path(), &[]).expect_err("a mistake");
    insta::assert_snapshot!(render(&errors), @r#"
      x the configuration has a mistake

    Error:
      x unknown key `nmae`
       ,-[environments/dev.toml:2:1]
     1 | [group]
     2 | nmae = 'ä'
       : ^^^^
       `----
      help: did you mean `name`?
    "#);
}

#[test]
fn other_encodings_are_shown() {
    let root = folder(&[("common.toml", COMMON)]);
    write(
        root.path(),
        "dev.toml",
        b"[group]\nname = \"rg-\xe4\" # Latin-1\n",
    );
    write(root.path(), "prod.toml", b"\xff\xfe[\0g\0");
    let errors = load(root.path(), &[]).expect_err("a mistake");
    insta::assert_snapshot!(render(&errors), @r#"
      x the configuration has 2 mistakes

    Error:
      x this is not UTF-8 text
       ,-[environments/dev.toml:2:12]
     1 | [group]
     2 | name = "rg-�" # Latin-1
       :            ^
       `----
      help: save the file as UTF-8

    Error:
      x this is not UTF-8 text
       ,-[environments/prod.toml:1:1]
     1 | ��[ g
       : ^
       `----
      help: save the file as UTF-8
    "#);
}

#[test]
fn a_folder_is_not_a_file() {
    let root = folder(&[("common.toml", COMMON)]);
    fs::create_dir(root.path().join("environments/dev.toml")).expect("a new folder");
    let errors = load(root.path(), &["dev".to_owned()]).expect_err("a mistake");
    insta::assert_snapshot!(render(&errors), @r#"
      x the configuration has a mistake

    Error:
      x `environments/dev.toml` is not a file
    "#);
}

#[cfg(unix)]
#[test]
fn links_stay_inside() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().expect("a temporary folder");
    fs::write(outside.path().join("secret"), "password = 1").expect("a file");
    let root = folder(&[("common.toml", COMMON), ("dev.toml", "")]);
    let environments = root.path().join("environments");
    symlink("dev.toml", environments.join("staging.toml")).expect("a link");
    load(root.path(), &[]).expect("a link inside is no mistake");
    symlink(
        outside.path().join("secret"),
        environments.join("prod.toml"),
    )
    .expect("a link");
    symlink("nowhere", environments.join("qa.toml")).expect("a link");
    let errors = load(root.path(), &[]).expect_err("mistakes");
    insta::assert_snapshot!(render(&errors), @r#"
      x the configuration has 2 mistakes

    Error:
      x `environments/prod.toml` leads out of the root folder
      help: keep the file itself in the folder

    Error:
      x cannot read `environments/qa.toml`
      `-> No such file or directory (os error 2)
    "#);

    let root = tempfile::tempdir().expect("a temporary folder");
    let elsewhere = folder(&[("common.toml", COMMON)]);
    symlink(
        elsewhere.path().join("environments"),
        root.path().join("environments"),
    )
    .expect("a link");
    let errors = load(root.path(), &[]).expect_err("a mistake");
    insta::assert_snapshot!(render(&errors), @r#"
      x the configuration has a mistake

    Error:
      x `environments/common.toml` leads out of the root folder
      help: keep the file itself in the folder
    "#);
}

#[test]
fn no_environment_is_odd_but_possible() {
    let configuration = loaded(&[("common.toml", COMMON)]).expect("sound");
    assert_eq!(configuration.environments.len(), 1);
    insta::assert_snapshot!(render(&configuration.warnings[0]), @r#"
    ! no environment beside `shared`
    help: add one as environments/NAME.toml
    "#);
}

//! `rbac/principals.toml`: what is wrong with it, and what it comes to.
//!
//! Reference: Microsoft Graph `application`, `federatedIdentityCredential`, `group`.

use std::collections::BTreeMap;

use url::Url;

use super::super::checked::Complaint;
use super::allowed;
use super::tables::{CredentialTable, GroupTable, PrincipalTable, PrincipalsFile};
use super::text;
use crate::kinds::{Credential, Members, People, Principal};
use crate::resource::Problem;

/// The audience of tokens that are exchanged, in every cloud that does not say otherwise.
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// How many federated credentials Entra takes on an application.
const MOST_CREDENTIALS: usize = 20;
/// The longest issuer, subject, audience and description that Entra takes.
const LONGEST_TEXT: usize = 600;
/// The host of the issuer that Azure DevOps had before it took Entra's.
const LEGACY_ISSUER: &str = "vstoken.dev.azure.com";
/// Graph takes 1024 characters, and our mark stands behind them.
const LONGEST_DESCRIPTION: usize = 900;
/// A group's `mailNickname` holds 64 characters, of which `onestream-` takes ten.
const LONGEST_NAME: usize = 54;
/// The shortest name of a federated credential.
const SHORTEST_CREDENTIAL: usize = 3;

/// Everything that Entra would refuse, and what would lead to two objects where one was meant.
pub(super) fn check(file: &PrincipalsFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, table) in &file.principals {
        let path = ["principals", name];
        complaints.extend(text::name(&path, LONGEST_NAME));
        check_texts(
            &path,
            &table.display_name,
            &table.description,
            &mut complaints,
        );
        check_credentials(&path, table, &mut complaints);
    }
    complaints.extend(shared_tokens(file));
    let mut elsewhere = BTreeMap::new();
    for (name, table) in &file.groups {
        let path = ["groups", name];
        complaints.extend(text::name(&path, LONGEST_NAME));
        if file.principals.contains_key(name) {
            let message = format!("`{name}` is a principal's name, too");
            let clash = Problem::below(path, message)
                .help("each row of the matrix is one of them: rename one")
                .clashing(["principals", name.as_str()]);
            complaints.push(Complaint::of_key(clash));
        }
        check_texts(
            &path,
            &table.display_name,
            &table.description,
            &mut complaints,
        );
        check_group(&path, table, &mut elsewhere, &mut complaints);
    }
    complaints.extend(allowed::check(file));
    complaints
}

fn check_texts(
    path: &[&str; 2],
    display_name: &Option<String>,
    description: &Option<String>,
    complaints: &mut Vec<Complaint>,
) {
    let [table, name] = *path;
    let longest_name = if table == "groups" { 256 } else { 120 };
    for (key, value, shortest, longest) in [
        ("display_name", display_name, 1, longest_name),
        ("description", description, 0, LONGEST_DESCRIPTION),
    ] {
        let value = value.as_deref();
        complaints.extend(text::length(&[table, name, key], value, shortest, longest));
    }
}

fn check_credentials(path: &[&str; 2], table: &PrincipalTable, complaints: &mut Vec<Complaint>) {
    let below = |rest: &[&str]| -> Vec<String> {
        let steps = path.iter().chain(&["credentials"]).chain(rest);
        steps.map(|step| (*step).to_owned()).collect()
    };
    let count = table.credentials.len();
    if count > MOST_CREDENTIALS {
        let message = format!("{count} credentials, where Entra takes {MOST_CREDENTIALS}");
        let problem = Problem::below(below(&[]), message)
            .help("one principal for each thing that signs in also says who did what");
        complaints.push(Complaint::of_key(problem));
    }
    let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (name, credential) in &table.credentials {
        complaints.extend(text::name(&below(&[name]), LONGEST_NAME));
        if name.len() < SHORTEST_CREDENTIAL {
            let message = format!("`{name}` is too short for a credential's name");
            let problem = Problem::below(below(&[name]), message)
                .help(format!("{SHORTEST_CREDENTIAL} characters or more"));
            complaints.push(Complaint::of_key(problem));
        }
        check_credential(credential, &|key| below(&[name, key]), complaints);
        let Some(subject) = &credential.subject else {
            continue;
        };
        if let Some(first) = seen.insert((&credential.issuer, subject), name) {
            let message = format!("`{first}` has the same issuer and subject");
            let problem = Problem::below(below(&[name, "subject"]), message)
                .help("Entra takes each pair once on an application")
                .clashing(below(&[first, "subject"]));
            complaints.push(problem.into());
        }
    }
}

/// Credentials of two principals that take the same tokens. Whoever holds one would be both, which
/// the matrix and what it keeps apart know nothing of. Entra compares letter by letter, and so does
/// this.
fn shared_tokens(file: &PrincipalsFile) -> Vec<Complaint> {
    let mut seen: BTreeMap<(&str, &str, &str), [&str; 2]> = BTreeMap::new();
    let mut complaints = Vec::new();
    for (principal, table) in &file.principals {
        for (name, credential) in &table.credentials {
            let Some(subject) = &credential.subject else {
                continue;
            };
            let audience = credential.audience.as_deref().unwrap_or(AUDIENCE);
            let tokens = (credential.issuer.as_str(), subject.as_str(), audience);
            let [first, its] = *seen.entry(tokens).or_insert([principal, name]);
            if first != principal {
                let message = format!("`{first}` trusts the same tokens");
                let path = |of, name| ["principals", of, "credentials", name, "subject"];
                let problem = Problem::below(path(principal, name), message)
                    .help(format!(
                        "whoever holds one would be `{principal}` and `{first}` at once: give each a \
                         service connection of its own"
                    ))
                    .clashing(path(first, its));
                complaints.push(problem.into());
            }
        }
    }
    complaints
}

fn check_credential(
    credential: &CredentialTable,
    path: &dyn Fn(&str) -> Vec<String>,
    complaints: &mut Vec<Complaint>,
) {
    let texts = [
        ("issuer", Some(&credential.issuer), 1),
        ("subject", credential.subject.as_ref(), 1),
        ("audience", credential.audience.as_ref(), 1),
        ("description", credential.description.as_ref(), 0),
    ];
    for (key, value, shortest) in texts {
        let value = value.map(String::as_str);
        complaints.extend(text::length(&path(key), value, shortest, LONGEST_TEXT));
        if key != "description" && value.is_some_and(|value| value.contains('*')) {
            let message = format!("`*` in {key} stands for itself");
            let problem = Problem::below(path(key), message)
                .help("Entra compares letter by letter: write what the token says");
            complaints.push(problem.into());
        }
    }
    let issuer = &credential.issuer;
    let plain = !issuer.contains(char::is_whitespace);
    let url = Url::parse(issuer)
        .ok()
        .filter(|url| plain && url.scheme() == "https");
    if url.is_none_or(|url| url.query().is_some() || url.fragment().is_some()) {
        let message = format!("`{issuer}` is not an issuer");
        let problem = Problem::below(path("issuer"), message)
            .help("an https address, such as https://login.microsoftonline.com/TENANT/v2.0");
        complaints.push(problem.into());
    }
}

fn check_group(
    path: &[&str; 2],
    table: &GroupTable,
    elsewhere: &mut BTreeMap<String, String>,
    complaints: &mut Vec<Complaint>,
) {
    let [groups, name] = *path;
    match (&table.object_id, &table.members) {
        (Some(id), None) => {
            complaints.extend(text::guid(&[groups, name, "object_id"], id));
            if let Some(first) = elsewhere.insert(id.to_lowercase(), name.to_owned()) {
                let problem = Problem::below(
                    [groups, name, "object_id"],
                    format!("`{first}` is this group"),
                )
                .help("one name for one group")
                .clashing([groups, &first, "object_id"]);
                complaints.push(problem.into());
            }
        }
        (None, Some(members)) => check_members(path, members, complaints),
        (Some(_), Some(_)) => {
            let message = "a group that somebody else keeps has no members here";
            let problem = Problem::below([groups, name, "members"], message)
                .help("leave `object_id` out to have the group made, or `members` to refer to it")
                .clashing([groups, name, "object_id"]);
            complaints.push(Complaint::of_key(problem));
        }
        (None, None) => {
            let problem = Problem::below([groups, name], "nothing says who is in the group").help(
                format!("add `object_id` of an existing group, or `[groups.{name}.members]`"),
            );
            complaints.push(Complaint::of_key(problem));
        }
    }
}

fn check_members(
    path: &[&str; 2],
    members: &BTreeMap<String, String>,
    complaints: &mut Vec<Complaint>,
) {
    let [groups, group] = *path;
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (person, id) in members {
        let path = [groups, group, "members", person];
        complaints.extend(text::name(&path, LONGEST_NAME));
        complaints.extend(text::guid(&path, id));
        if let Some(first) = seen.insert(id.to_lowercase(), person) {
            let problem = Problem::below(path, format!("`{first}` has the same object id"))
                .clashing([groups, group, "members", first]);
            complaints.push(problem.into());
        }
    }
}

/// What is odd about the file, but may be meant. `elsewhere` says that it is about another cloud
/// than the public one.
pub(super) fn oddities(file: &PrincipalsFile, elsewhere: bool) -> Vec<Complaint> {
    let mut odd = Vec::new();
    for (principal, table) in &file.principals {
        for (name, credential) in &table.credentials {
            let path = ["principals", principal, "credentials", name];
            if credential.subject.is_none() {
                let problem = Problem::below(path, "without a subject there is no credential yet")
                    .help(
                        "make the service connection as a draft, copy the subject that it shows \
                         here, apply, then save the connection",
                    );
                odd.push(Complaint::of_key(problem));
            }
            let host = Url::parse(&credential.issuer);
            if !elsewhere && host.is_ok_and(|url| url.host_str() == Some(LEGACY_ISSUER)) {
                let path = path.into_iter().chain(["issuer"]);
                let message = "this issuer retires on 2027-07-01 in the public cloud";
                let problem = Problem::below(path, message)
                    .help("convert the service connection and copy its new issuer and subject");
                odd.push(problem.into());
            }
        }
    }
    odd
}

/// The principals that the file declares.
pub(super) fn principals(file: &PrincipalsFile, estate: &str) -> BTreeMap<String, Principal> {
    let principal = |(name, table): (&String, &PrincipalTable)| {
        let credentials = table.credentials.iter();
        let principal = Principal {
            display_name: text::or(&table.display_name, || format!("sp-{estate}-{name}")),
            description: table.description.clone(),
            credentials: credentials
                .map(|(name, table)| (name.clone(), credential(table)))
                .collect(),
        };
        (name.clone(), principal)
    };
    file.principals.iter().map(principal).collect()
}

fn credential(table: &CredentialTable) -> Credential {
    Credential {
        issuer: table.issuer.clone(),
        subject: table.subject.clone(),
        audience: text::or(&table.audience, || AUDIENCE.to_owned()),
        description: table.description.clone(),
    }
}

/// The groups that the file declares.
pub(super) fn people(file: &PrincipalsFile, estate: &str) -> BTreeMap<String, People> {
    let people = |(name, table): (&String, &GroupTable)| {
        let membership = match &table.object_id {
            Some(id) => Members::Elsewhere(id.to_lowercase()),
            None => {
                let members = table.members.iter().flatten();
                let members = members.map(|(person, id)| (person.clone(), id.to_lowercase()));
                Members::Ours(members.collect())
            }
        };
        let people = People {
            display_name: text::or(&table.display_name, || format!("{estate}-{name}")),
            description: table.description.clone(),
            membership,
        };
        (name.clone(), people)
    };
    file.groups.iter().map(people).collect()
}

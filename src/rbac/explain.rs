//! Why somebody may do something, or may not: which assignments, by which way, and how to end it.

use serde::Serialize;

use super::action::{Action, Plane};
use super::audit::Audit;
use super::condition::Circumstances;
use super::decision::{Against, Decision, Doubt, Why};
use super::denial::Denial;
use super::estate::Column;
use super::excess::excess;
use super::obtain::{Obtained, obtain};
use super::question::{Asked, Question};
use super::scope::Scope;

/// What is said about somebody and something.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// What people call whom it is about.
    pub principal: String,
    /// The object id.
    pub id: String,
    /// What it is about.
    pub address: String,
    /// The word that was asked about, with what it stands for; `None` for an action or everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Question>,
    /// The answers, scope by scope.
    pub answers: Vec<Answer>,
    /// What may be activated there, whatever was asked about.
    pub eligible: Vec<Reason>,
    /// What more could be obtained there, step by step.
    pub obtainable: Vec<Way>,
}

/// What is said about one scope, and one action if one was asked about.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The scope.
    pub scope: String,
    /// The same in the words of TOML.
    pub place: String,
    /// The action and its plane; `None` where everything was asked about.
    pub action: Option<(String, String)>,
    /// The verdict on the action.
    pub verdict: Option<Verdict>,
    /// What gives it, or may.
    pub by: Vec<Reason>,
    /// What takes it back, or may.
    pub against: Vec<Objection>,
}

/// Whether an action may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may.
    Allowed,
    /// Nobody can tell.
    Possible,
    /// It is given, and taken back.
    Denied,
    /// Nothing gives it.
    NotGiven,
}

/// A role assignment that bears on the question.
#[derive(Debug, Clone, Serialize)]
pub struct Reason {
    /// Its id.
    pub assignment: String,
    /// What people call the role.
    pub role: String,
    /// What the role gives, where everything was asked about.
    pub gives: Vec<String>,
    /// Where it was made.
    pub scope: String,
    /// The same in the words of TOML.
    pub place: String,
    /// The groups through which it holds, from the one that the principal is in.
    pub via: Vec<String>,
    /// Where TOML says it; `None` for what it does not say.
    pub declared: Option<String>,
    /// Why it is not certain that it counts.
    pub doubts: Vec<String>,
    /// How to take it away.
    pub take_away: String,
}

/// A deny assignment, or a setting like one, that bears on the question.
#[derive(Debug, Clone, Serialize)]
pub struct Objection {
    /// What it is.
    pub sort: &'static str,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it was made.
    pub scope: String,
    /// The groups through which it holds.
    pub via: Vec<String>,
    /// Why it is not certain that it counts.
    pub doubts: Vec<String>,
}

/// A way to more.
#[derive(Debug, Clone, Serialize)]
pub struct Way {
    /// What it leads to.
    pub power: String,
    /// Whether each step is certain.
    pub certain: bool,
    /// The steps.
    pub steps: Vec<String>,
}

/// What is to be said about somebody on something.
pub fn explain(
    audit: &Audit<'_>,
    id: &str,
    address: &str,
    scope: &Scope,
    question: Option<&Question>,
) -> Explanation {
    let column = audit.estate.columns.iter().find(|it| it.scope == *scope);
    let scopes = column.map_or_else(|| vec![scope.clone()], |column| audit.scopes(column));
    let mut answers = Vec::new();
    for (at, scope) in scopes.iter().enumerate() {
        answers.extend(match question {
            Some(question) => {
                let all = question.actions.iter();
                all.flat_map(|one| asked(audit, id, scope, one)).collect()
            }
            None if at == 0 => vec![everything(audit, id, scope, &Scope::root())],
            // What holds at the target holds in it, and was said.
            None => {
                let inside = everything(audit, id, scope, scope);
                let says = !(inside.by.is_empty() && inside.against.is_empty());
                says.then_some(inside).into_iter().collect()
            }
        });
    }
    // The same answer everywhere in the target is given once.
    answers.dedup_by(|next, first| {
        let same = |a: &Answer, b: &Answer| {
            let ids = |answer: &Answer| -> Vec<String> {
                answer.by.iter().map(|it| it.assignment.clone()).collect()
            };
            a.verdict == b.verdict && a.action == b.action && ids(a) == ids(b)
        };
        same(next, first) && next.against.is_empty() && first.against.is_empty()
    });
    let holdings = audit.live.holdings(id);
    let eligible = holdings.eligible_at(scope);
    let eligible = eligible
        .iter()
        .map(|why| reason(audit, id, why, gives(audit, why)));
    Explanation {
        eligible: eligible.collect(),
        principal: audit.name(id),
        id: id.to_owned(),
        address: address.to_owned(),
        asked: question.filter(|one| one.word.is_some()).cloned(),
        answers,
        obtainable: column.map_or_else(Vec::new, |column| ways(audit, id, column)),
    }
}

/// The answer about one action, on the planes that something speaks of it.
fn asked(audit: &Audit<'_>, id: &str, scope: &Scope, asked: &Asked) -> Vec<Answer> {
    let effective = audit.live.holdings(id).at(scope);
    let beside = Circumstances::default();
    let planes = [Plane::Control, Plane::Data];
    let planes = planes.into_iter();
    let planes = planes.filter(|plane| asked.plane.is_none_or(|known| known == *plane));
    let decided: Vec<(Plane, Decision)> = planes
        .map(|plane| {
            let action = Action::new(plane, &asked.action);
            (plane, effective.decide(&action, &beside))
        })
        .collect();
    let speaks = |decision: &Decision| match decision {
        Decision::Nothing { ruled_out } => !ruled_out.is_empty(),
        _ => true,
    };
    let any = decided.iter().any(|(_, decision)| speaks(decision));
    decided
        .into_iter()
        .enumerate()
        .filter(|(at, (_, decision))| speaks(decision) || (!any && *at == 0))
        .map(|(_, (plane, decision))| {
            let plane = match any || asked.plane.is_some() {
                true => plane.to_string(),
                false => "action or data action".to_owned(),
            };
            answer(audit, id, scope, (asked.action.clone(), plane), decision)
        })
        .collect()
}

fn answer(
    audit: &Audit<'_>,
    id: &str,
    scope: &Scope,
    action: (String, String),
    decision: Decision,
) -> Answer {
    let (verdict, by, against) = match decision {
        Decision::Allowed { by } => (Verdict::Allowed, by, Vec::new()),
        Decision::Possible { by, against } => (Verdict::Possible, by, against),
        Decision::Denied { by, granted } => (Verdict::Denied, granted, by),
        Decision::Nothing { ruled_out } => (Verdict::NotGiven, ruled_out, Vec::new()),
    };
    Answer {
        scope: scope.id().to_owned(),
        place: audit.place(scope),
        action: Some(action),
        verdict: Some(verdict),
        by: by
            .iter()
            .map(|why| reason(audit, id, why, Vec::new()))
            .collect(),
        against: against.iter().map(|one| objection(audit, one)).collect(),
    }
}

/// Every assignment that reaches a scope and was made at or below another.
fn everything(audit: &Audit<'_>, id: &str, scope: &Scope, below: &Scope) -> Answer {
    let holdings = audit.live.holdings(id);
    let effective = holdings.at(scope);
    let by: Vec<Reason> = effective
        .reasons()
        .into_iter()
        .filter(|why| why.scope.continues(below))
        .map(|why| reason(audit, id, &why, gives(audit, &why)))
        .collect();
    let against: Vec<Objection> = effective
        .objections()
        .iter()
        .filter(|one| one.scope.continues(below))
        .map(|one| objection(audit, one))
        .collect();
    Answer {
        scope: scope.id().to_owned(),
        place: audit.place(scope),
        action: None,
        verdict: None,
        by,
        against,
    }
}

/// What a role gives, as it says it.
fn gives(audit: &Audit<'_>, why: &Why) -> Vec<String> {
    let role = audit.live.tenant().roles.get(&why.role);
    let permissions = role.into_iter().flat_map(|role| &role.permissions);
    let gives = permissions.flat_map(|one| one.actions.iter().chain(&one.data_actions));
    gives.map(|pattern| pattern.text().to_owned()).collect()
}

fn reason(audit: &Audit<'_>, id: &str, why: &Why, gives: Vec<String>) -> Reason {
    let tenant = audit.live.tenant();
    let mut assignments = tenant.assignments.iter().chain(&tenant.eligible);
    let assignment = assignments.find(|one| one.id.eq_ignore_ascii_case(&why.assignment));
    let grant = assignment.and_then(|assignment| {
        audit.estate.grants.iter().find(|grant| {
            grant.scope == assignment.scope
                && grant.role == assignment.role
                && grant.principal.as_deref() == Some(&assignment.principal)
        })
    });
    let allowed = assignment.is_some_and(|one| audit.is_allowed(one));
    let azures = assignment.is_some_and(|one| audit.is_azures(one));
    let declared = match grant {
        Some(grant) => Some(grant.address.to_string()),
        None if azures => Some(format!("what AKS gives {}", audit.name(id))),
        None => allowed.then(|| "rbac/principals.toml".to_owned()),
    };
    let mut take_away = match grant.map(|grant| (&grant.address, &grant.cell)) {
        Some((address, Some((who, target, capability)))) => format!(
            "take \"{}.{target}\" = \"{capability}\" out of [{who}] in rbac/matrix.toml and apply",
            address.environment()
        ),
        Some((address, None)) => format!("{address} is needed by what it is of: delete that"),
        None if azures => "turn off the add-on that acts by it".to_owned(),
        None if allowed => format!(
            "take it out of rbac/principals.toml, then delete the assignment {}",
            why.assignment
        ),
        None => match assignment.and_then(|one| one.native.as_ref()) {
            Some(binding) if binding.edited.is_some() => format!("`{}`", binding.removal()),
            Some(binding) => format!("`{}`, or take it out of {binding}", binding.removal()),
            None if excess(audit, &why.assignment).is_ok() => {
                format!("`onestream apply --revoke-excess {}`", why.assignment)
            }
            None => format!("have {} removed", why.assignment),
        },
    };
    if let Some(group) = why.via.first() {
        let (who, group) = (audit.name(id), audit.name(group));
        take_away.push_str(&format!("; or take {who} out of {group}"));
    }
    Reason {
        assignment: why.assignment.clone(),
        role: why
            .role_name
            .clone()
            .unwrap_or_else(|| format!("role {}", why.role)),
        gives,
        scope: why.scope.id().to_owned(),
        place: audit.place(&why.scope),
        via: why.via.iter().map(|group| audit.name(group)).collect(),
        declared,
        doubts: doubts(&why.doubts),
        take_away,
    }
}

fn objection(audit: &Audit<'_>, one: &Against) -> Objection {
    Objection {
        sort: match Denial::is_mode(&one.id) {
            true => "setting",
            false => "deny assignment",
        },
        id: one.id.clone(),
        name: one.name.clone(),
        scope: one.scope.id().to_owned(),
        via: one.via.iter().map(|group| audit.name(group)).collect(),
        doubts: doubts(&one.doubts),
    }
}

fn doubts(all: &[Doubt]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

/// What more than is declared could be obtained on a column.
fn ways(audit: &Audit<'_>, id: &str, column: &Column) -> Vec<Way> {
    let ground = audit.as_it_is();
    let obtainable = obtain(&ground, id);
    let mut found: Vec<Obtained> = Vec::new();
    for scope in std::iter::once(&column.scope).chain(&column.inside) {
        let declared = audit.declared_at(id, scope);
        for one in obtainable.beyond(&ground, scope, &declared) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found.iter().map(|one| way(audit, one)).collect()
}

/// A way in words.
pub fn way(audit: &Audit<'_>, one: &Obtained) -> Way {
    let steps = one.path.iter();
    Way {
        power: audit.in_names(&one.power.to_string()),
        certain: one.certain,
        steps: steps
            .map(|link| audit.in_names(&format!("{} ({}), to {}", link.step, link.detail, link.to)))
            .collect(),
    }
}

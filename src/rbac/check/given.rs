//! What a grant gives beyond what its holder is meant to have, in words.

use std::collections::BTreeMap;

use crate::kinds::TargetType;
use crate::rbac::access::{Access, Tenant};
use crate::rbac::action::Action;
use crate::rbac::assignment::Assignment;
use crate::rbac::audit::Audit;
use crate::rbac::compare::Declared;
use crate::rbac::estate::Column;
use crate::rbac::notable;
use crate::rbac::obtain::{Directory, Ground, STEPS, obtain};
use crate::rbac::role::RoleDefinition;
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;
use crate::resource::Severity;

/// How many resources or actions an explanation names.
const NAMED: usize = 4;

/// What a grant gives on our columns beyond what its holder is meant to have.
pub(super) struct Given {
    /// What it lets somebody do, and on which columns.
    does: BTreeMap<&'static str, Vec<String>>,
    pub(super) severity: Severity,
    pub(super) perhaps: bool,
    /// Whether nobody knows what the role gives.
    obscure: bool,
    /// Whether it gives something beyond that no word is known for.
    more: bool,
    /// What it opens that leads on, by steps.
    opens: BTreeMap<&'static str, Vec<String>>,
}

impl Given {
    pub(super) fn by(
        audit: &Audit<'_>,
        assignment: &Assignment,
        role: Option<&RoleDefinition>,
    ) -> Self {
        let mut given = Self {
            does: BTreeMap::new(),
            severity: Severity::Low,
            perhaps: false,
            obscure: role.is_none(),
            more: false,
            opens: BTreeMap::new(),
        };
        let Some(role) = role else {
            given.severity = Severity::Critical;
            return given;
        };
        let gives = Declared::new(role.permissions.iter().cloned());
        let meant = audit.declared.holdings(&assignment.principal);
        for column in &audit.estate.columns {
            for (scope, reaches) in reached(audit, assignment, column) {
                let declared = meant.at(&scope).declared();
                given.perhaps |= reaches == Truth::Unknown;
                given.take(
                    column.of_type,
                    &column.address.to_string(),
                    &gives,
                    &declared,
                );
                given.more |= role.permissions.iter().any(|one| declared.lacks(one));
            }
        }
        if given.does.is_empty() && !given.more {
            // It bears on something of ours that is no column.
            let declared = meant.at(&assignment.scope).declared();
            given.more = role.permissions.iter().any(|one| declared.lacks(one));
        }
        if given.more {
            given.severity = given.severity.max(beyond_words(role));
        }
        // Where the worst is said already, ways to it add nothing.
        if given.severity < Severity::Critical {
            given.look_further(audit, assignment, role);
        }
        given
    }

    /// Notes what somebody could obtain who held this and nothing else, in one step.
    fn look_further(&mut self, audit: &Audit<'_>, assignment: &Assignment, role: &RoleDefinition) {
        let tenant = Tenant {
            roles: std::iter::once(role.clone()).collect(),
            assignments: vec![assignment.clone()],
            accounts: audit.live.tenant().accounts.clone(),
            denials: audit.live.tenant().denials.clone(),
            hierarchy: audit.live.tenant().hierarchy.clone(),
            ..Tenant::default()
        };
        let alone = Ground {
            access: &Access::new(tenant, audit.now),
            directory: &Directory::default(),
            resources: &audit.reading.resources,
        };
        let meant = obtain(&audit.as_declared(), &assignment.principal);
        for one in obtain(&alone, &assignment.principal).iter() {
            let [link] = &one.path[..] else {
                continue;
            };
            let step = STEPS.iter().find(|step| step.name == link.step);
            if !step.is_some_and(|step| step.by_rights) || meant.get(&one.power).is_some() {
                continue;
            }
            let severity = match one.certain {
                true => Severity::Critical,
                false => Severity::High,
            };
            self.severity = self.severity.max(severity);
            let details = self.opens.entry(link.step).or_default();
            let detail = audit.in_names(&link.detail);
            if !details.contains(&detail) {
                details.push(detail);
            }
        }
    }

    fn take(&mut self, of_type: TargetType, column: &str, gives: &Declared, declared: &Declared) {
        for one in notable::on(of_type) {
            let action = Action::new(one.plane, one.action);
            if gives.has(&action) && !declared.has(&action) {
                let columns = self.does.entry(one.does).or_default();
                if !columns.iter().any(|known| known == column) {
                    columns.push(column.to_owned());
                }
                self.severity = self.severity.max(one.severity);
            }
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.does.is_empty() && self.opens.is_empty() && !self.more && !self.obscure
    }

    pub(super) fn said(&self) -> String {
        if self.obscure {
            return ": what that role gives cannot be read".to_owned();
        }
        if self.is_nothing() {
            return ": nothing beyond what is declared, but declared nowhere".to_owned();
        }
        if self.does.is_empty() {
            return format!(": more than is declared there{}", self.leading_on());
        }
        let mut by_columns: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
        for one in notable::NOTABLE {
            if let Some(columns) = self.does.get(one.does) {
                let does = by_columns.entry(columns).or_default();
                if !does.contains(&one.does) {
                    does.push(one.does);
                }
            }
        }
        let told = by_columns
            .iter()
            .map(|(columns, does)| format!("{} on {}", some(does), some(columns)));
        let told = told.collect::<Vec<_>>().join("; ");
        format!(": lets it {told}{}", self.leading_on())
    }

    /// What it opens, in words.
    fn leading_on(&self) -> String {
        let told = self.opens.iter().map(|(step, details)| {
            let more = match details.len() {
                0 | 1 => String::new(),
                all => format!(" and {} more", all - 1),
            };
            let first = details.first().map(String::as_str).unwrap_or_default();
            format!("{step} ({first}{more})")
        });
        match told.collect::<Vec<_>>().join(", ") {
            told if told.is_empty() => told,
            told => format!(", and a way to still more: {told}"),
        }
    }
}

/// The scopes of a column that an assignment reaches, or may.
fn reached(audit: &Audit<'_>, assignment: &Assignment, column: &Column) -> Vec<(Scope, Truth)> {
    let hierarchy = &audit.live.tenant().hierarchy;
    if assignment.scope.continues(&column.scope) {
        return vec![(assignment.scope.clone(), Truth::True)];
    }
    let reaches = hierarchy.holds(&assignment.scope, &column.scope);
    if reaches == Truth::False {
        return Vec::new();
    }
    let scopes = std::iter::once(&column.scope).chain(&column.inside);
    scopes.map(|scope| (scope.clone(), reaches)).collect()
}

/// How bad it is to hold a role of which no word is known.
fn beyond_words(role: &RoleDefinition) -> Severity {
    let all = role.permissions.iter();
    let mut patterns = all.flat_map(|one| one.actions.iter().chain(&one.data_actions));
    match patterns.all(|pattern| pattern.text().to_ascii_lowercase().ends_with("/read")) {
        true => Severity::Medium,
        false => Severity::High,
    }
}

/// The first few of a list.
fn some(all: &[impl AsRef<str>]) -> String {
    let named: Vec<&str> = all.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = all.len().saturating_sub(NAMED);
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

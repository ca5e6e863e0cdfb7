//! One environment: its effective tables to its place and what it declares.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::azure::guid;
use super::checked::{self, Complaint};
use super::configuration::Environment;
use super::decode::{Fault, Missing, Other, decode};
use super::tables::{EnvironmentTables, RegionsTable};
use super::tags;
use super::tree::{Node, Spot};
use crate::kinds::{self, Sections, TakenName, Target};
use crate::resource::{DEFAULT_ESTATE, EnvironmentName, Place, Problem};

/// What an environment's tables come to.
#[derive(Debug)]
pub(super) struct Reading {
    /// The environment, with made-up parts where something is wrong; `None` where too much is.
    pub environment: Option<Environment>,
    /// What a capability can be given on here; `None` where faults hide that.
    pub targets: Option<Vec<Target>>,
    /// Names in it that nothing else may have, and where it says them.
    pub taken: Vec<(TakenName, Spot)>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What is odd.
    pub warnings: Vec<Fault>,
}

/// Reads the effective tables of the environment `name`, whose own file is `file`.
pub(super) fn read(
    name: &EnvironmentName,
    file: PathBuf,
    tree: &Node,
    missing: Missing,
) -> Reading {
    let mut faults = Vec::new();
    let mut settings_tree = tree.clone();
    let mut sections_tree = settings_tree.split_off(Sections::TABLES);
    let settings = decode(&mut settings_tree, missing, Sections::TABLES, &mut faults);
    for fault in &faults {
        if let Some(table) = &fault.neighbour {
            sections_tree.put_hole(std::slice::from_ref(table), fault.spot);
        }
    }
    let sections = decode(&mut sections_tree, missing, &[], &mut faults);
    if let Some(settings) = &settings {
        faults.extend(checked::check(&settings_tree, settings, check_settings));
    }
    let (Some(settings), Some(sections)) = (settings, sections) else {
        return Reading {
            environment: None,
            targets: None,
            taken: Vec::new(),
            faults,
            warnings: Vec::new(),
        };
    };
    let environment = settings.value.environment(name, file, &sections.value);
    // While keys may stand in a file that cannot be read, a kind cannot know what is missing.
    let whole = missing == Missing::Report;
    // A kind may have something against the tags, too.
    let all = sections_tree.overlaid_by(&settings_tree);
    faults.extend(checked::check(&all, &sections, |sections| {
        let kinds = kinds::TABLE.iter().filter(|_| whole);
        kinds
            .flat_map(|entry| (entry.check)(&environment.place, sections))
            .collect::<Vec<Problem>>()
    }));
    let now = OffsetDateTime::now_utc();
    let warnings = checked::check(&all, &sections, |sections| kinds::oddities(sections, now));
    let taken = taken(&sections_tree, &sections.value);
    let certain = whole && matches!(sections.other, Other::Same);
    Reading {
        environment: Some(environment),
        targets: certain.then(|| sections.value.targets()),
        taken,
        faults,
        warnings,
    }
}

fn taken(tree: &Node, sections: &Sections) -> Vec<(TakenName, Spot)> {
    let located = sections.taken_names().into_iter().map(|taken| {
        let place = tree.locate(&Problem::at(taken.path, "").path);
        (taken, place)
    });
    located
        .filter(|(_, place)| !place.hole)
        .map(|(taken, place)| (taken, place.value))
        .collect()
}

impl EnvironmentTables {
    fn environment(
        &self,
        name: &EnvironmentName,
        file: PathBuf,
        sections: &Sections,
    ) -> Environment {
        Environment {
            place: Place {
                environment: name.clone(),
                estate: self
                    .azure
                    .estate
                    .clone()
                    .unwrap_or_else(|| DEFAULT_ESTATE.to_owned()),
                tenant: self.azure.tenant.to_lowercase(),
                subscription: self.azure.subscription.to_lowercase(),
                primary: self.regions.primary.clone(),
                recovery: self.regions.recovery.clone(),
                tags: self.tags.clone(),
                order: self.environment.order.unwrap_or(u32::MAX),
                protected: self.environment.protected,
                approval: None,
            },
            sections: sections.clone(),
            file,
            description: self.environment.description.clone(),
            approvals: self.environment.approvals.map_or(0, |count| count as usize),
        }
    }
}

fn check_settings(tables: &EnvironmentTables) -> Vec<Complaint> {
    let mut problems = Vec::new();
    guid("azure.tenant", &tables.azure.tenant, &mut problems);
    guid(
        "azure.subscription",
        &tables.azure.subscription,
        &mut problems,
    );
    problems.extend(check_estate(tables.azure.estate.as_deref()));
    problems.extend(check_regions(&tables.regions));
    let environment = &tables.environment;
    if environment.protected && environment.approvals == Some(0) {
        let message = "a protected environment without approvals is not protected";
        problems.push(
            Problem::at("environment.approvals", message)
                .help("say at least 1, or protected = false"),
        );
    }
    let mut complaints: Vec<Complaint> = problems.into_iter().map(Into::into).collect();
    complaints.extend(tags::check(&tables.tags));
    complaints
}

/// It stands in names of roles, groups and applications, beside a name of TOML's.
fn check_estate(estate: Option<&str>) -> Option<Problem> {
    let estate = estate?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = (1..=24).contains(&estate.len())
        && estate.starts_with(|c: char| c.is_ascii_lowercase())
        && !estate.ends_with('-')
        && estate.chars().all(plain);
    (!sound).then(|| {
        let message = format!("`{estate}` cannot name an estate");
        Problem::at("azure.estate", message)
            .help("1 to 24 lower-case letters, digits and hyphens, a letter first")
    })
}

fn check_regions(regions: &RegionsTable) -> Vec<Problem> {
    let path = |key: &str| vec!["regions".to_owned(), key.to_owned()];
    let mut problems: Vec<Problem> = [
        ("primary", &regions.primary),
        ("recovery", &regions.recovery),
    ]
    .into_iter()
    .filter_map(|(key, region)| kinds::check_region(path(key), region))
    .collect();
    if regions.primary == regions.recovery {
        problems.push(
            Problem::at(
                "regions.recovery",
                "the recovery region is the primary region",
            )
            .help("name a region that stands when the primary one fails"),
        );
    }
    problems
}

//! The matrix: declared against effective and obtainable, row by row and column by column.

use std::collections::BTreeMap;

use super::audit::Audit;
use super::catalogue::Catalogue;
use super::check::{Holder, holders};
use super::compare::{Excess, Gap};
use super::estate::{Column, Row, RowSort};
use super::obtain::{Obtainable, Obtained, obtain};
use super::read::PrincipalSort;
use super::scope::Scope;

/// The matrix of an estate.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// The columns.
    pub columns: Vec<&'a Column>,
    /// The rows, with a cell for each column.
    pub rows: Vec<(&'a Row, Vec<Cell>)>,
    /// Who holds what no cell shows, the worst first.
    pub beside: Vec<Holder>,
}

/// What somebody may do on something, against what is declared.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// What the cell of `matrix.toml` says; empty for a missing one.
    pub capabilities: Vec<String>,
    /// What of it is missing, and where.
    pub missing: Vec<(Scope, Gap)>,
    /// What goes beyond it, and where.
    pub more: Vec<(Scope, Excess)>,
    /// What beyond it could be obtained.
    pub obtainable: Vec<Obtained>,
    /// Whether some of what decides could not be read.
    pub unknown: bool,
    /// Whether anything at all could not be read.
    pub partial: bool,
    /// Whether anything is declared for it at all, by whatever way.
    pub declared: bool,
}

/// What is said of a cell in one sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing is declared, and there is nothing.
    Nothing,
    /// It is as declared.
    AsDeclared,
    /// Something declared is missing.
    Missing,
    /// There is more than declared.
    More,
    /// More could be obtained.
    Obtainable,
    /// Nobody knows.
    Unknown,
}

impl Cell {
    /// What is to be said of it; never nothing.
    pub fn marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (is, mark) in [
            (self.is_unknown(), Mark::Unknown),
            (!self.missing.is_empty(), Mark::Missing),
            (self.has_more(), Mark::More),
            (self.could_obtain(), Mark::Obtainable),
        ] {
            if is {
                marks.push(mark);
            }
        }
        if marks.is_empty() {
            marks.push(match self.declared {
                true => Mark::AsDeclared,
                false => Mark::Nothing,
            });
        }
        marks
    }

    /// Whether it differs from what is declared, as far as anybody knows.
    pub fn differs(&self) -> bool {
        !self.missing.is_empty() || self.has_more() || self.could_obtain()
    }

    /// Whether some of what decides is not known.
    pub fn is_unknown(&self) -> bool {
        self.unknown
            || self.more.iter().any(|(_, one)| one.is_unread())
            || self.obtainable.iter().any(|one| self.is_unread(one))
    }

    /// Whether a way may not be open at all: it is uncertain, and something could not be read.
    pub fn is_unread(&self, way: &Obtained) -> bool {
        self.partial && !way.certain
    }

    fn could_obtain(&self) -> bool {
        !self.obtainable.iter().all(|one| self.is_unread(one))
    }

    fn has_more(&self) -> bool {
        !self.more.iter().all(|(_, one)| one.is_unread())
    }
}

impl<'a> Matrix<'a> {
    /// The matrix of an audit.
    pub fn of(audit: &Audit<'a>) -> Self {
        let estate = audit.estate;
        let scopes: Vec<Vec<Scope>> = estate.columns.iter().map(|it| audit.scopes(it)).collect();
        let rows = estate.rows.iter().map(|row| {
            let obtainable = row.id.as_ref().filter(|_| row.sort != RowSort::Deployer);
            let obtainable = obtainable.map(|id| obtain(&audit.as_it_is(), id));
            let columns = estate.columns.iter().zip(&scopes);
            let cells = columns.map(|(column, scopes)| {
                let mut cell = cell(audit, row, column, scopes);
                // Where nobody knows what is held, all sorts of things may be obtained.
                if let Some(obtainable) = obtainable.as_ref().filter(|_| !cell.unknown) {
                    cell.obtainable = beyond(audit, row, column, obtainable);
                }
                cell.partial = audit.reading.is_partial();
                // What is known holds, and there may be more.
                cell.unknown |= audit.reading.is_dim_at(&column.scope);
                cell
            });
            (row, cells.collect())
        });
        Self {
            columns: estate.columns.iter().collect(),
            rows: rows.collect(),
            beside: holders(audit),
        }
    }

    /// Whether any cell differs from what is declared, or somebody holds anything beside them.
    pub fn differs(&self) -> bool {
        !self.beside.is_empty() || self.cells().any(Cell::differs)
    }

    /// Whether some of what decides about a cell is not known.
    pub fn is_unknown(&self) -> bool {
        self.cells().any(Cell::is_unknown)
    }

    /// How many cells bear each mark.
    pub fn count(&self) -> BTreeMap<Mark, usize> {
        let mut count = BTreeMap::new();
        for mark in self.cells().flat_map(Cell::marks) {
            *count.entry(mark).or_default() += 1;
        }
        count
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|(_, cells)| cells)
    }
}

/// What holds now.
fn cell(audit: &Audit<'_>, row: &Row, column: &Column, scopes: &[Scope]) -> Cell {
    let capabilities = audit.estate.capabilities(row, column);
    let mut cell = Cell {
        capabilities: capabilities.into_iter().map(str::to_owned).collect(),
        unknown: audit.reading.is_blind_at(&column.scope),
        ..Cell::default()
    };
    cell.declared = !cell.capabilities.is_empty();
    if cell.unknown {
        return cell;
    }
    let gone = |id: &&String| {
        let known = audit.reading.principals.get(*id);
        known.is_some_and(|one| one.sort == PrincipalSort::Gone)
    };
    // What somebody held who is gone, nobody holds.
    let Some(id) = row.id.as_ref().filter(|id| !gone(id)) else {
        return Cell {
            missing: missing_of_nobody(audit, row, column),
            ..cell
        };
    };
    let holdings = audit.live.holdings(id);
    let meant = audit.declared.holdings(id);
    for scope in scopes {
        let (effective, declared) = (holdings.at(scope), meant.at(scope).declared());
        cell.declared |= !declared.is_empty();
        let gaps = effective.missing(&declared).into_iter();
        cell.missing.extend(gaps.map(|gap| (scope.clone(), gap)));
        let excess = effective.beyond(&declared, &Catalogue::default());
        let excess = excess.into_iter().map(|one| (scope.clone(), one));
        cell.more.extend(excess);
    }
    cell
}

/// What is missing to somebody who does not exist: everything.
fn missing_of_nobody(audit: &Audit<'_>, row: &Row, column: &Column) -> Vec<(Scope, Gap)> {
    let grants = audit.estate.grants.iter().filter(|grant| {
        let on_column = grant.scope.continues(&column.scope);
        let cell = grant.cell.as_ref();
        on_column && cell.is_some_and(|(who, ..)| *who == row.name)
    });
    let roles = &audit.declared.tenant().roles;
    let gaps = grants.flat_map(|grant| {
        let permissions = roles
            .get(&grant.role)
            .map(|role| role.permissions.as_slice());
        let gaps = Gap::of_all(permissions.unwrap_or_default());
        gaps.into_iter().map(|gap| (grant.scope.clone(), gap))
    });
    gaps.collect()
}

/// What could be obtained beyond what holds now and what is declared.
fn beyond(audit: &Audit<'_>, row: &Row, column: &Column, obtainable: &Obtainable) -> Vec<Obtained> {
    let Some(id) = &row.id else {
        return Vec::new();
    };
    let ground = audit.as_it_is();
    let mut found: Vec<Obtained> = Vec::new();
    for scope in std::iter::once(&column.scope).chain(&column.inside) {
        let declared = audit.declared_at(id, scope);
        for one in obtainable.beyond(&ground, scope, &declared) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

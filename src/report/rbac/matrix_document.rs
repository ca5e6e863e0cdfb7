//! The matrix for programs.

use serde::Serialize;

use super::super::json::{VERSION, document};
use super::matrix::word;
use super::{beside, unread};
use crate::rbac::audit::Audit;
use crate::rbac::cells::{Cell, Matrix};
use crate::rbac::check::Holder;
use crate::rbac::estate::{Column, RowSort};
use crate::rbac::explain::{Way, way};
use crate::rbac::{Example, Plane};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    complete: bool,
    columns: Vec<ColumnLine<'a>>,
    rows: Vec<RowLine<'a>>,
    /// Who holds what no cell shows.
    beside: &'a [Holder],
    unread: Vec<unread::Unread<'a>>,
    remarks: Vec<String>,
}

#[derive(Serialize)]
struct ColumnLine<'a> {
    address: &'a str,
    sort: String,
    id: &'a str,
}

#[derive(Serialize)]
struct RowLine<'a> {
    name: &'a str,
    sort: &'static str,
    id: Option<&'a str>,
    cells: Vec<CellLine<'a>>,
}

#[derive(Serialize)]
struct CellLine<'a> {
    on: &'a str,
    declared: &'a [String],
    marks: Vec<&'static str>,
    missing: Vec<GapLine<'a>>,
    more: Vec<ExcessLine<'a>>,
    obtainable: Vec<Way>,
}

#[derive(Serialize)]
struct GapLine<'a> {
    scope: &'a str,
    plane: String,
    action: &'a str,
    perhaps: bool,
}

#[derive(Serialize)]
struct ExcessLine<'a> {
    scope: &'a str,
    plane: String,
    pattern: &'a str,
    example: Option<&'a str>,
    certain: bool,
    role: &'a str,
    role_name: Option<&'a str>,
    assignment: &'a str,
    via: Vec<String>,
}

fn plane(plane: Plane) -> String {
    plane.to_string()
}

fn cell_line<'a>(audit: &Audit<'_>, column: &'a Column, cell: &'a Cell) -> CellLine<'a> {
    let missing = cell.missing.iter().map(|(scope, gap)| GapLine {
        scope: scope.id(),
        plane: plane(gap.plane),
        action: &gap.pattern,
        perhaps: gap.perhaps,
    });
    let more = cell.more.iter().map(|(scope, excess)| ExcessLine {
        scope: scope.id(),
        plane: plane(excess.plane),
        pattern: &excess.pattern,
        example: match &excess.example {
            Example::Action(action) => Some(action),
            Example::NotShown => None,
        },
        certain: excess.certain,
        role: &excess.why.role,
        role_name: excess.why.role_name.as_deref(),
        assignment: &excess.why.assignment,
        via: excess.why.via.iter().map(|id| audit.name(id)).collect(),
    });
    CellLine {
        on: column.address.as_str(),
        declared: &cell.capabilities,
        marks: cell.marks().into_iter().map(word).collect(),
        missing: missing.collect(),
        more: more.collect(),
        obtainable: cell.obtainable.iter().map(|one| way(audit, one)).collect(),
    }
}

pub(super) fn json(cloud: &str, audit: &Audit<'_>, matrix: &Matrix<'_>) -> String {
    let columns = matrix.columns.iter().map(|column| ColumnLine {
        address: column.address.as_str(),
        sort: column.of_type.to_string(),
        id: column.scope.id(),
    });
    let rows = matrix.rows.iter().map(|(row, cells)| {
        let cells = matrix.columns.iter().zip(cells);
        RowLine {
            name: &row.name,
            sort: match row.sort {
                RowSort::Principal => "principal",
                RowSort::People => "group",
                RowSort::Deployer => "deployer",
            },
            id: row.id.as_deref(),
            cells: cells
                .map(|(column, cell)| cell_line(audit, column, cell))
                .collect(),
        }
    });
    document(&Document {
        version: VERSION,
        cloud,
        kind: "rbac_matrix",
        complete: !audit.reading.is_partial() && !matrix.is_unknown(),
        columns: columns.collect(),
        rows: rows.collect(),
        beside: &matrix.beside,
        unread: unread::json(audit.reading),
        remarks: beside::remarks(audit),
    })
}

//! Layered layout: each node right of what it waits for, long edges led through gaps.
//!
//! ## Why
//! Graphviz would draw it better, but is not there in a pipeline's image. Longest-path layers
//! with barycentre ordering (Sugiyama's method) are enough for graphs of some hundred nodes.

use std::collections::BTreeMap;

use super::drawing::Drawing;

/// How often orders are improved, back and forth.
const SWEEPS: usize = 8;

/// A place in the grid: a node, or a gap that a long edge passes through.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    /// Its column.
    pub(super) layer: usize,
    /// The environment whose band it lies in, by number.
    pub(super) band: usize,
    /// Its row, counted from the top of the drawing; halves where a column is centred.
    pub(super) row: f64,
}

/// The grid.
#[derive(Debug)]
pub(super) struct Layout {
    /// The nodes by number, then the gaps.
    pub(super) cells: Vec<Cell>,
    /// The cells that each edge runs through, its ends included.
    pub(super) routes: Vec<Vec<usize>>,
    /// First row and number of rows of each band.
    pub(super) bands: Vec<(usize, usize)>,
    /// How many columns there are.
    pub(super) layers: usize,
}

/// Lays a drawing out.
pub(super) fn lay_out(drawing: &Drawing<'_>) -> Layout {
    let layer_of = longest_paths(drawing);
    let mut cells: Vec<Cell> = layer_of
        .iter()
        .map(|layer| Cell {
            layer: *layer,
            band: 0,
            row: 0.0,
        })
        .collect();
    for (band, members) in drawing.groups.values().enumerate() {
        for number in members {
            cells[*number].band = band;
        }
    }
    let routes = route(drawing, &mut cells);
    let layers = layer_of.iter().max().map_or(0, |last| last + 1);
    let mut grid = Grid::of(&cells, drawing.groups.len(), layers);
    let bands = grid.place(&mut cells);
    for sweep in 0..SWEEPS {
        grid.sweep(&mut cells, &routes, sweep % 2 == 0);
    }
    Layout {
        cells,
        routes,
        bands,
        layers,
    }
}

/// The length of the longest path that leads to each node.
fn longest_paths(drawing: &Drawing<'_>) -> Vec<usize> {
    let mut layers = vec![0; drawing.nodes.len()];
    // Without cycles, the longest path settles after as many rounds as there are nodes.
    for _ in &drawing.nodes {
        let mut settled = true;
        for (first, then) in &drawing.edges {
            if layers[*then] <= layers[*first] {
                layers[*then] = layers[*first] + 1;
                settled = false;
            }
        }
        if settled {
            break;
        }
    }
    layers
}

/// Adds the gaps of edges that skip layers. Edges of one node into one band share them.
fn route(drawing: &Drawing<'_>, cells: &mut Vec<Cell>) -> Vec<Vec<usize>> {
    let mut gaps: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
    let mut routes = Vec::new();
    for &(first, then) in &drawing.edges {
        let band = cells[then].band;
        let mut route = vec![first];
        for layer in cells[first].layer + 1..cells[then].layer {
            let gap = *gaps.entry((first, layer, band)).or_insert_with(|| {
                cells.push(Cell {
                    layer,
                    band,
                    row: 0.0,
                });
                cells.len() - 1
            });
            route.push(gap);
        }
        route.push(then);
        routes.push(route);
    }
    routes
}

/// The cells of each band and layer, from top to bottom.
struct Grid {
    columns: Vec<Vec<Vec<usize>>>,
    tops: Vec<usize>,
    heights: Vec<usize>,
}

impl Grid {
    fn of(cells: &[Cell], bands: usize, layers: usize) -> Self {
        let mut columns = vec![vec![Vec::new(); layers]; bands];
        for (number, cell) in cells.iter().enumerate() {
            columns[cell.band][cell.layer].push(number);
        }
        let heights: Vec<usize> = columns
            .iter()
            .map(|band| band.iter().map(Vec::len).max().unwrap_or(0))
            .collect();
        let tops = heights
            .iter()
            .scan(0, |next, height| {
                let top = *next;
                *next += height;
                Some(top)
            })
            .collect();
        Self {
            columns,
            tops,
            heights,
        }
    }

    /// Gives every cell a row; first row and height of each band.
    fn place(&self, cells: &mut [Cell]) -> Vec<(usize, usize)> {
        for band in 0..self.columns.len() {
            for layer in 0..self.columns[band].len() {
                self.place_column(cells, band, layer);
            }
        }
        self.tops
            .iter()
            .copied()
            .zip(self.heights.iter().copied())
            .collect()
    }

    fn place_column(&self, cells: &mut [Cell], band: usize, layer: usize) {
        let column = &self.columns[band][layer];
        let slack = (self.heights[band] - column.len()) as f64 / 2.0;
        for (at, number) in column.iter().enumerate() {
            cells[*number].row = self.tops[band] as f64 + slack + at as f64;
        }
    }

    /// Orders each column by the mean row of its neighbours on one side.
    fn sweep(&mut self, cells: &mut [Cell], routes: &[Vec<usize>], forwards: bool) {
        let mut beside: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for step in routes.iter().flat_map(|route| route.windows(2)) {
            let (from, to) = if forwards {
                (step[1], step[0])
            } else {
                (step[0], step[1])
            };
            beside.entry(from).or_default().push(to);
        }
        let layers = self.columns.first().map_or(0, Vec::len);
        let order: Vec<usize> = if forwards {
            (0..layers).collect()
        } else {
            (0..layers).rev().collect()
        };
        for layer in order {
            for band in 0..self.columns.len() {
                let mean = |number: &usize| match beside.get(number) {
                    Some(others) => {
                        let sum: f64 = others.iter().map(|other| cells[*other].row).sum();
                        sum / others.len() as f64
                    }
                    None => cells[*number].row,
                };
                let mut keyed: Vec<(f64, usize)> = self.columns[band][layer]
                    .iter()
                    .map(|number| (mean(number), *number))
                    .collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                self.columns[band][layer] = keyed.into_iter().map(|(_, number)| number).collect();
                self.place_column(cells, band, layer);
            }
        }
    }
}

//! Graphs: what has to stand before what, as DOT, Mermaid or a picture.
//!
//! A [`Dag`] becomes a drawing of nodes, grouped by environment, and edges that lead from what
//! stands first to what refers to it. The order of nodes and edges is that of their addresses,
//! so that the same configuration gives the same bytes.

mod dot;
mod drawing;
mod layers;
mod mermaid;
mod svg;

#[cfg(test)]
mod tests;

pub use drawing::GraphFormat;

use crate::provision::graph::Dag;

/// The dependency graph of what is declared, in a format.
pub fn render(dag: &Dag, format: GraphFormat) -> String {
    let drawing = drawing::Drawing::of(dag);
    match format {
        GraphFormat::Dot => dot::render(&drawing),
        GraphFormat::Mermaid => mermaid::render(&drawing),
        GraphFormat::Svg => svg::render(&drawing),
    }
}

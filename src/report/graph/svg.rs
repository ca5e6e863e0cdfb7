//! A graph as a picture that needs no program to be seen: SVG, no script, no foreign font.

use std::fmt::{self, Write};

use super::drawing::Drawing;
use super::layers::{Layout, lay_out};

/// Width of a character of the labels, in pixels.
const CHARACTER: f64 = 7.3;
/// Height of a box.
const BOX: f64 = 24.0;
/// From one row to the next.
const ROW: f64 = 34.0;
/// From one column to the next, beside the boxes.
const GAP: f64 = 56.0;
/// Around bands and drawing.
const MARGIN: f64 = 16.0;
/// The height of a band's title.
const TITLE: f64 = 26.0;

const STYLE: &str = "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
fill:#1f2328}.e{font-weight:bold;fill:#57606a}.b{fill:#f6f8fa;stroke:#d0d7de}\
.n{fill:#fff;stroke:#0969da}.l{fill:none;stroke:#57606a;stroke-opacity:.7}";

pub(super) fn render(drawing: &Drawing<'_>) -> String {
    let picture = Picture::of(drawing);
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _never = picture.write(&mut text);
    text
}

/// A drawing with pixels.
struct Picture<'a> {
    drawing: &'a Drawing<'a>,
    layout: Layout,
    /// Left edge and width of each column.
    columns: Vec<(f64, f64)>,
}

impl<'a> Picture<'a> {
    fn of(drawing: &'a Drawing<'a>) -> Self {
        let layout = lay_out(drawing);
        let mut widths = vec![0_f64; layout.layers];
        for (number, address) in drawing.nodes.iter().enumerate() {
            let width = &mut widths[layout.cells[number].layer];
            *width = width.max(label_width(address.path()));
        }
        let mut left = 2.0 * MARGIN;
        let columns = widths
            .into_iter()
            .map(|width| {
                let column = (left, width);
                left += width + GAP;
                column
            })
            .collect();
        Self {
            drawing,
            layout,
            columns,
        }
    }

    fn width(&self) -> f64 {
        let right = self
            .columns
            .last()
            .map_or(0.0, |(left, width)| left + width);
        right + 2.0 * MARGIN
    }

    /// The top edge of a band.
    fn top(&self, band: usize) -> f64 {
        let above = self.layout.bands.get(band).map_or(0, |(first, _)| *first);
        let titles = band as f64;
        MARGIN + above as f64 * ROW + titles * (TITLE + 2.0 * MARGIN)
    }

    fn height(&self) -> f64 {
        let rows: usize = self.layout.bands.iter().map(|(_, rows)| rows).sum();
        let titles = self.layout.bands.len() as f64;
        MARGIN + rows as f64 * ROW + titles * (TITLE + 2.0 * MARGIN)
    }

    /// The middle of a cell's left edge and of its right edge.
    fn ends(&self, cell: usize) -> ((f64, f64), (f64, f64)) {
        let place = &self.layout.cells[cell];
        let (left, column) = self.columns[place.layer];
        let width = match self.drawing.nodes.get(cell) {
            Some(address) => label_width(address.path()),
            None => column,
        };
        let first = self.layout.bands[place.band].0 as f64;
        let y = self.top(place.band) + TITLE + (place.row - first) * ROW + ROW / 2.0;
        ((left, y), (left + width, y))
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let (width, height) = (self.width(), self.height());
        writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">"
        )?;
        writeln!(text, "<title>{}</title>", escaped(&self.title()))?;
        writeln!(text, "<style>{STYLE}</style>")?;
        text.push_str(
            "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#57606a\"/></marker></defs>\n",
        );
        text.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        self.bands(text)?;
        for route in &self.layout.routes {
            self.edge(text, route)?;
        }
        for number in 0..self.drawing.nodes.len() {
            self.node(text, number)?;
        }
        text.push_str("</svg>\n");
        Ok(())
    }

    fn title(&self) -> String {
        let names: Vec<&str> = self.drawing.groups.keys().map(|e| e.as_str()).collect();
        format!(
            "Resources of {} and what each waits for: {} resources, {} references",
            names.join(", "),
            self.drawing.nodes.len(),
            self.drawing.edges.len()
        )
    }

    fn bands(&self, text: &mut String) -> fmt::Result {
        let width = self.width() - 2.0 * MARGIN;
        for (band, environment) in self.drawing.groups.keys().enumerate() {
            let (x, y) = (MARGIN, self.top(band));
            let height = TITLE + self.layout.bands[band].1 as f64 * ROW + MARGIN / 2.0;
            writeln!(
                text,
                "<rect class=\"b\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\"/>\
                 <text class=\"e\" x=\"{:.0}\" y=\"{:.0}\">{}</text>",
                x + MARGIN,
                y + 18.0,
                escaped(environment.as_str())
            )?;
        }
        Ok(())
    }

    fn node(&self, text: &mut String, number: usize) -> fmt::Result {
        let address = self.drawing.nodes[number];
        let ((x, y), (right, _)) = self.ends(number);
        writeln!(
            text,
            "<g><title>{}</title><rect class=\"n\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BOX:.0}\" rx=\"5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            escaped(address.as_str()),
            y - BOX / 2.0,
            right - x,
            x + 10.0,
            y + 4.0,
            escaped(address.path())
        )
    }

    /// A curve from box to box, level where it passes through a gap.
    fn edge(&self, text: &mut String, route: &[usize]) -> fmt::Result {
        let Some((first, rest)) = route.split_first() else {
            return Ok(());
        };
        let (mut x, mut y) = self.ends(*first).1;
        write!(
            text,
            "<path class=\"l\" marker-end=\"url(#a)\" d=\"M{x:.1} {y:.1}"
        )?;
        for cell in rest {
            let ((left, level), (right, _)) = self.ends(*cell);
            // A short box in a wide column is left level, so that no curve runs over its neighbours.
            let place = &self.layout.cells[*cell];
            let start = left - GAP;
            if start > x {
                write!(text, "L{start:.1} {y:.1}")?;
                x = start;
            }
            let middle = (x + left) / 2.0;
            write!(
                text,
                "C{middle:.1} {y:.1} {middle:.1} {level:.1} {left:.1} {level:.1}"
            )?;
            if *cell >= self.drawing.nodes.len() {
                let (column, width) = self.columns[place.layer];
                write!(text, "L{:.1} {level:.1}", column + width)?;
            }
            (x, y) = (right, level);
        }
        text.push_str("\"/>\n");
        Ok(())
    }
}

fn label_width(label: &str) -> f64 {
    label.chars().count() as f64 * CHARACTER + 20.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

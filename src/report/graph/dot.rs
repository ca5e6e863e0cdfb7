//! A graph in DOT, a cluster per environment.

use std::fmt::Write;

use super::drawing::Drawing;

pub(super) fn render(drawing: &Drawing<'_>) -> String {
    let mut text = String::from(
        "digraph onestream {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
    );
    // Writing to a `String` cannot fail.
    let _never = write(drawing, &mut text);
    text.push_str("}\n");
    text
}

fn write(drawing: &Drawing<'_>, text: &mut String) -> std::fmt::Result {
    for (environment, members) in &drawing.groups {
        let name = environment.as_str();
        writeln!(text, "  subgraph {} {{", quoted(&format!("cluster_{name}")))?;
        writeln!(text, "    label={};", quoted(name))?;
        for number in members {
            let address = drawing.nodes[*number];
            let (id, label) = (quoted(address.as_str()), quoted(address.path()));
            writeln!(text, "    {id} [label={label}];")?;
        }
        text.push_str("  }\n");
    }
    for (first, then) in &drawing.edges {
        let [first, then] = [first, then].map(|number| quoted(drawing.nodes[*number].as_str()));
        writeln!(text, "  {first} -> {then};")?;
    }
    Ok(())
}

/// A DOT string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

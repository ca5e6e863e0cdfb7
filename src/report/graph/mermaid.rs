//! A graph in Mermaid, a subgraph per environment.

use std::fmt::Write;

use super::drawing::Drawing;

pub(super) fn render(drawing: &Drawing<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    // Writing to a `String` cannot fail.
    let _never = write(drawing, &mut text);
    text
}

fn write(drawing: &Drawing<'_>, text: &mut String) -> std::fmt::Result {
    // Numbered ids: words such as `end` would end a subgraph.
    for (at, (environment, members)) in drawing.groups.iter().enumerate() {
        writeln!(
            text,
            "  subgraph e{at}[\"{}\"]",
            escaped(environment.as_str())
        )?;
        for number in members {
            let label = escaped(drawing.nodes[*number].path());
            writeln!(text, "    n{number}[\"{label}\"]")?;
        }
        text.push_str("  end\n");
    }
    for (first, then) in &drawing.edges {
        writeln!(text, "  n{first} --> n{then}")?;
    }
    Ok(())
}

/// Text between Mermaid's quotes: entity codes for what would end it.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
}

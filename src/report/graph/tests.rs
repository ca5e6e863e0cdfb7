//! Graphs in every format, and the laws of the layout.

use insta::assert_snapshot;

use super::super::testing::{declared, desired_chain};
use super::drawing::Drawing;
use super::layers::lay_out;
use super::{GraphFormat, render};

#[test]
fn dot_clusters_by_environment() {
    let (_, dag) = declared();
    assert_snapshot!(render(&dag, GraphFormat::Dot), @r#"
    digraph onestream {
      rankdir=LR;
      node [shape=box, style=rounded, fontname="sans-serif"];
      subgraph "cluster_dev" {
        label="dev";
        "dev.group" [label="group"];
        "dev.registry" [label="registry"];
        "dev.registry.lock" [label="registry.lock"];
        "dev.registry.replication.westus2" [label="registry.replication.westus2"];
      }
      subgraph "cluster_prod" {
        label="prod";
        "prod.group" [label="group"];
        "prod.registry" [label="registry"];
        "prod.registry.lock" [label="registry.lock"];
        "prod.registry.replication.westus2" [label="registry.replication.westus2"];
      }
      "dev.group" -> "dev.registry";
      "dev.group" -> "dev.registry.replication.westus2";
      "dev.registry" -> "dev.registry.lock";
      "dev.registry" -> "dev.registry.replication.westus2";
      "prod.group" -> "prod.registry";
      "prod.group" -> "prod.registry.replication.westus2";
      "prod.registry" -> "prod.registry.lock";
      "prod.registry" -> "prod.registry.replication.westus2";
    }
    "#);
}

#[test]
fn mermaid_groups_by_environment() {
    let (_, dag) = declared();
    assert_snapshot!(render(&dag, GraphFormat::Mermaid), @r#"
    flowchart LR
      subgraph e0["dev"]
        n0["group"]
        n1["registry"]
        n2["registry.lock"]
        n3["registry.replication.westus2"]
      end
      subgraph e1["prod"]
        n4["group"]
        n5["registry"]
        n6["registry.lock"]
        n7["registry.replication.westus2"]
      end
      n0 --> n1
      n0 --> n3
      n1 --> n2
      n1 --> n3
      n4 --> n5
      n4 --> n7
      n5 --> n6
      n5 --> n7
    "#);
}

#[test]
fn a_picture_names_every_node_and_runs_nothing() {
    let (_, dag) = declared();
    let svg = render(&dag, GraphFormat::Svg);
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    assert!(svg.contains(
        "<title>Resources of dev, prod and what each waits for: 8 resources, 8 references</title>"
    ));
    for address in dag.order() {
        assert!(
            svg.contains(&format!("<title>{address}</title>")),
            "{address}"
        );
    }
    assert_eq!(svg.matches("marker-end").count(), dag.edges().len());
    assert!(!svg.contains("<script") && !svg.contains("href"));
}

#[test]
fn nothing_stands_left_of_what_it_waits_for_nor_on_anything() {
    for width in [1, 3, 7] {
        let (_, dag) = desired_chain(40, width);
        let drawing = Drawing::of(&dag);
        let layout = lay_out(&drawing);
        for (first, then) in &drawing.edges {
            assert!(layout.cells[*first].layer < layout.cells[*then].layer);
        }
        for (number, cell) in layout.cells.iter().enumerate() {
            for other in &layout.cells[..number] {
                let apart = cell.layer != other.layer || (cell.row - other.row).abs() >= 1.0;
                assert!(apart, "{cell:?} {other:?}");
            }
            let (first, rows) = layout.bands[cell.band];
            assert!(cell.row >= first as f64 && cell.row < (first + rows) as f64);
        }
        for route in &layout.routes {
            for step in route.windows(2) {
                assert_eq!(layout.cells[step[0]].layer + 1, layout.cells[step[1]].layer);
            }
        }
    }
}

#[test]
fn an_empty_graph_is_still_a_graph() {
    let (_, dag) = desired_chain(0, 1);
    for format in [GraphFormat::Dot, GraphFormat::Mermaid, GraphFormat::Svg] {
        assert!(!render(&dag, format).is_empty());
    }
}

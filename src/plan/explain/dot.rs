//! The graph of factors for Graphviz.

use std::fmt::{self, Display, Formatter};

use super::{Explanation, Kind};

impl Explanation {
    /// The graph in the language of Graphviz: shared nodes have a thick border, kept ones are
    /// filled.
    pub fn dot(&self) -> String {
        Dot(self).to_string()
    }

    fn write_dot(&self, dot: &mut Formatter<'_>) -> fmt::Result {
        writeln!(dot, "digraph {} {{", quoted(&self.pipeline))?;
        writeln!(dot, "  rankdir=LR;")?;
        writeln!(dot, "  node [fontname=\"sans-serif\", fontsize=11, fillcolor=\"#e8f0f8\"];")?;
        for (id, node) in self.nodes.iter().enumerate() {
            let shape = match node.kind {
                Kind::Field => "cylinder",
                Kind::Constant => "plaintext",
                Kind::Elementwise => "ellipse",
                Kind::TimeSeries => "box",
                Kind::CrossSection => "hexagon",
            };
            let style = if node.rows > 0 { "filled" } else { "solid" };
            let width = if node.uses > 1 && node.kind != Kind::Constant { 2.5 } else { 1.0 };
            let rows = match node.rows {
                0 => String::new(),
                rows => format!("\n{rows} rows"),
            };
            let label = quoted(&format!("{}{rows}", node.label));
            let tooltip = quoted(&node.text);
            writeln!(
                dot,
                "  n{id} [label={label}, shape={shape}, style={style}, penwidth={width:.1}, \
                 tooltip={tooltip}];"
            )?;
            for argument in &node.arguments {
                writeln!(dot, "  n{argument} -> n{id};")?;
            }
        }
        for (number, factor) in self.factors.iter().enumerate() {
            let label = quoted(&factor.name);
            writeln!(dot, "  f{number} [label={label}, shape=note];")?;
            writeln!(dot, "  n{} -> f{number};", factor.node)?;
        }
        writeln!(dot, "}}")
    }
}

struct Dot<'a>(&'a Explanation);

impl Display for Dot<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.write_dot(f)
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

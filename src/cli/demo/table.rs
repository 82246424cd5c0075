//! The table at the end of the demo: fault injected, what became of it, accounted for.

use super::ledger::Verdict;

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// The table for a terminal of this width; `coloured` adds escape sequences.
pub fn table(verdicts: &[Verdict], width: usize, coloured: bool) -> String {
    let paint = |style: &'static str| if coloured { style } else { "" };
    let plain = paint(PLAIN);
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let name = widest(&mut verdicts.iter().map(|v| v.name.chars().count())).max(14);
    let longest = widest(&mut verdicts.iter().map(|v| v.subject.chars().count()));
    let width = width.clamp(72, 160);
    // What is left after the mark, the name and the gaps, shared by the two columns of text.
    let room = width - name - 8;
    let subject = longest.min(room * 2 / 5);
    let became = room - subject;
    let mut out = String::new();
    let rule = format!("{}{}{plain}\n", paint(DIM), "─".repeat(width));
    let title = format!("   {:<name$}  {:<subject$}  what became of it", "fault injected", "where");
    out.push_str(&format!("{}{title}{plain}\n{rule}", paint(BOLD)));
    for verdict in verdicts {
        let where_lines = wrap(std::iter::once(verdict.subject.as_str()), subject);
        let became_lines = wrap(verdict.became.iter().map(String::as_str), became);
        for line in 0..where_lines.len().max(became_lines.len()) {
            let text = |lines: &[String]| lines.get(line).cloned().unwrap_or_default();
            let (mark, colour) = if verdict.accounted { ("✓", GREEN) } else { ("✗", RED) };
            let (mark, title) = if line == 0 { (mark, verdict.name) } else { (" ", "") };
            let row = format!(
                " {}{mark}{plain} {title:<name$}  {}{:<subject$}{plain}  {}",
                paint(colour),
                paint(DIM),
                text(&where_lines),
                text(&became_lines)
            );
            out.push_str(row.trim_end());
            out.push('\n');
        }
    }
    let good = verdicts.iter().filter(|verdict| verdict.accounted).count();
    let (sum, colour) = match verdicts.len() {
        all if all == good => (format!("all {all} faults accounted for"), GREEN),
        all => (format!("{good} of {all} faults accounted for"), RED),
    };
    out.push_str(&format!("{rule} {}{sum}{plain}\n", paint(colour)));
    out
}

/// Parts joined by arrows, broken into lines at spaces.
fn wrap<'a>(parts: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let text = parts.collect::<Vec<_>>().join(" → ");
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        let used = line.chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if used > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(accounted: bool) -> Verdict {
        Verdict {
            name: "broken JSON",
            subject: "AAPL 2017-10-17, cut off in the middle".to_owned(),
            became: vec!["dead letter: malformed".to_owned(), "nothing else changed".to_owned()],
            accounted,
        }
    }

    #[test]
    fn says_whether_all_is_accounted_for() {
        let good = table(&[verdict(true)], 72, false);
        assert!(good.ends_with("all 1 faults accounted for\n"), "{good}");
        assert!(!good.contains('\u{1b}') && table(&[verdict(true)], 72, true).contains(GREEN));
        let bad = table(&[verdict(true), verdict(false)], 72, false);
        assert!(bad.contains("1 of 2 faults accounted for"), "{bad}");
        assert!(bad.contains(" ✗ broken JSON"), "{bad}");
    }

    #[test]
    fn fits_the_width_and_loses_no_word() {
        for width in [72, 90, 160] {
            let text = table(&[verdict(true)], width, false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            for word in
                "AAPL 2017-10-17, cut off in the middle malformed → nothing changed".split(' ')
            {
                assert!(text.contains(word), "{word} in\n{text}");
            }
        }
    }
}

//! Which session a time belongs to: what operators of sessions read beside their arguments.

use super::Panel;
use super::layout::Layout;
use crate::formula::NodeId;
use crate::model::Time;

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The number of the session of a time; sessions begin so many minutes after midnight UTC.
fn number(time: Time, begins: u16) -> f64 {
    let since = time.nanos().saturating_sub(i64::from(begins) * MINUTE);
    since.div_euclid(DAY) as f64
}

impl Layout {
    /// The node that holds the number of the session.
    pub(super) fn session_node(&mut self, begins: u16) -> NodeId {
        let known = self.sessions.iter().find(|(known, _)| *known == begins);
        if let Some((_, node)) = known {
            return *node;
        }
        let node = self.push_shared(&format!("session {begins}"));
        self.sessions.push((begins, node));
        node
    }
}

impl Panel {
    /// Writes the number of its session into the row of a time, `back` rows before the newest. It
    /// follows from the time alone and never changes.
    pub(super) fn number_session(&mut self, back: usize, time: Time) {
        for (begins, node) in &self.layout.sessions {
            let row = self.store.histories[*node].row_mut(back, self.store.width);
            row.fill(number(time, *begins));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_day_from_when_it_begins() {
        let number = |text: &str, begins| number(Time::parse(text).expect("a time"), begins);
        assert_eq!(number("1970-01-01T00:00:00Z", 0), 0.0);
        assert_eq!(number("1969-12-31T23:59:59.999Z", 0), -1.0);
        assert_eq!(
            number("2024-03-01T21:59:59Z", 22 * 60),
            number("2024-02-29T22:00:00Z", 22 * 60)
        );
        assert_ne!(
            number("2024-03-01T22:00:00Z", 22 * 60),
            number("2024-03-01T21:59:59Z", 22 * 60)
        );
        assert!(super::number(Time::MIN, 22 * 60) < super::number(Time::MAX, 0));
    }
}

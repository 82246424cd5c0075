//! The live screen of the demo, drawn from its state.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Sparkline};

use super::log::{Entry, Tone};
use super::state::{Alarm, DemoState};
use super::text::{clock, thousands};

const ACCENT: Color = Color::Cyan;
/// Wider than this is left free: lines of numbers far apart are hard to read.
const WIDEST: u16 = 140;

const fn dim() -> Style {
    Style::new().fg(Color::DarkGray)
}

const fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// Draws everything; made for 80x24 and more, and still whole on less.
pub fn draw(frame: &mut Frame<'_>, state: &DemoState) {
    let whole = frame.area();
    let area = Rect { width: whole.width.min(WIDEST), ..whole };
    let rows =
        [Constraint::Length(2), Constraint::Length(6), Constraint::Length(8), Constraint::Min(3)];
    let [head, counters, middle, log] = Layout::vertical(rows).areas(area);
    header(frame, head, state);
    let thirds = [Constraint::Ratio(1, 3), Constraint::Ratio(1, 3), Constraint::Ratio(1, 3)];
    let [input, output, quality] = Layout::horizontal(thirds).areas(counters);
    draw_input(frame, input, state);
    draw_output(frame, output, state);
    draw_quality(frame, quality, state);
    let [board, alarms] =
        Layout::horizontal([Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)]).areas(middle);
    draw_board(frame, board, state);
    draw_alarms(frame, alarms, state);
    draw_log(frame, log, state);
}

fn panel(title: &str) -> Block<'_> {
    let title = Span::styled(format!(" {title} "), Style::new().fg(ACCENT));
    Block::bordered().border_type(BorderType::Rounded).border_style(dim()).title(title)
}

/// Where the demo stands: in time, in days, on a bar.
fn header(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let [first, second] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    let left = Line::from(vec![
        Span::styled(" weir demo ", strong().fg(ACCENT)),
        Span::styled("S&P 500 bars → Kafka → timely/differential → Kafka", dim()),
    ]);
    let seconds = |at: Duration| format!("{}:{:02}", at.as_secs() / 60, at.as_secs() % 60);
    let right =
        format!("{} / {} ", seconds(state.now.min(state.duration)), seconds(state.duration));
    frame.render_widget(left, first);
    frame.render_widget(Line::styled(right, strong()).right_aligned(), first);

    let days = state.day_count().max(1);
    let day = format!(" {}  day {:>3} of {days} ", state.date(), (state.day + 1).min(days));
    let room = usize::from(second.width).saturating_sub(day.chars().count() + 2);
    let done = (room * (state.day + 1) / days).min(room);
    let bar = Line::from(vec![
        Span::raw(" "),
        Span::styled("━".repeat(done), Style::new().fg(ACCENT)),
        Span::styled("─".repeat(room - done), dim()),
        Span::raw(day),
    ]);
    frame.render_widget(bar, second);
}

/// A label on the left, a value on the right.
fn pair(label: &str, value: String, style: Style, width: u16) -> Line<'static> {
    let used = label.chars().count() + value.chars().count() + 2;
    let gap = usize::from(width).saturating_sub(used);
    Line::from(vec![
        Span::styled(format!(" {label}{}", " ".repeat(gap)), Style::new()),
        Span::styled(value, style),
        Span::raw(" "),
    ])
}

fn draw_input(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let block = panel("in");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let lines = [Constraint::Length(2), Constraint::Min(0)];
    let [text, pulse] = Layout::vertical(lines).areas(inner);
    let rows = vec![
        pair("rows", thousands(state.rows_in), strong(), inner.width),
        pair("rows per second", thousands(state.rate()), strong(), inner.width),
    ];
    frame.render_widget(Paragraph::new(rows), text);
    let pulse_area =
        Rect { x: pulse.x.saturating_add(1), width: pulse.width.saturating_sub(2), ..pulse };
    let data = state.pulse(usize::from(pulse_area.width));
    // A little air above, so that a steady pace does not look like a full block.
    let top = data.iter().max().map_or(1, |most| most * 5 / 4);
    let line = Sparkline::default().data(data).max(top).style(Style::new().fg(ACCENT));
    frame.render_widget(line, pulse_area);
}

fn draw_output(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let block = panel("out");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let latency = state.latency_ms();
    let shown = |of: Option<f64>| of.map_or("-".to_owned(), |ms| format!("{ms:.0} ms"));
    let rows = vec![
        pair("factor cells", thousands(state.cells_out), strong(), inner.width),
        pair("rows revised", thousands(state.revisions), strong(), inner.width),
        pair("latency p50", shown(latency.map(|l| l.0)), strong(), inner.width),
        pair("latency p99", shown(latency.map(|l| l.1)), strong(), inner.width),
    ];
    frame.render_widget(Paragraph::new(rows), inner);
}

fn draw_quality(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let block = panel("quality");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let open = state.findings_open();
    let warn = |some: bool| if some { strong().fg(Color::Yellow) } else { strong() };
    let history = format!("{} of {}", state.retracted, state.opened);
    let rows = vec![
        pair("findings open", open.to_string(), warn(open > 0), inner.width),
        pair("retracted", history, strong(), inner.width),
        pair("rows quarantined", state.quarantined.to_string(), strong(), inner.width),
        pair("dead letters", state.dead_letters.to_string(), strong(), inner.width),
    ];
    frame.render_widget(Paragraph::new(rows), inner);
}

/// Top and bottom of the factor, each with a bar as long as its value.
fn draw_board(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let ranking = state.ranking();
    let title = match &ranking {
        Some((day, _)) => format!("{}, {day}", state.factor),
        None => state.factor.clone(),
    };
    let block = panel(&title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some((_, values)) = ranking else {
        let text = format!(" waiting for the first day with {}", state.factor);
        frame.render_widget(Paragraph::new(text).style(dim()), inner);
        return;
    };
    let count = usize::from(inner.height.saturating_sub(1)).min(5).min(values.len() / 2);
    let (top, bottom) = (&values[..count], &values[values.len() - count..]);
    let largest =
        top.iter().chain(bottom).map(|(_, value)| value.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let halves = [Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)];
    let [left, right] = Layout::horizontal(halves).areas(inner);
    let mut lists = [(left, "top", Color::Green), (right, "bottom", Color::Red)].into_iter();
    for values in [top.iter().collect::<Vec<_>>(), bottom.iter().rev().collect()] {
        let Some((area, name, colour)) = lists.next() else { return };
        let mut lines = vec![Line::styled(format!(" {name}"), dim())];
        for (symbol, value) in values {
            let text = format!(" {symbol:<6}{value:>+8.4} ");
            let room = usize::from(area.width).saturating_sub(text.chars().count() + 1);
            // Bars of two or three signs say nothing.
            let room = if room < 5 { 0 } else { room };
            let length = (value.abs() / largest * room as f64).round() as usize;
            lines.push(Line::from(vec![
                Span::raw(text),
                Span::styled("▪".repeat(length.min(room)), Style::new().fg(colour)),
            ]));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }
}

fn draw_alarms(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let block = panel("alerts");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let mut lines = Vec::new();
    for alarm in &state.alarms {
        let (sign, style, said) = said_of(alarm);
        let gap = usize::from(inner.width)
            .saturating_sub(alarm.name.chars().count() + said.chars().count() + 5);
        lines.push(Line::from(vec![
            Span::styled(format!(" {sign} "), style),
            Span::styled(alarm.name.clone(), strong()),
            Span::raw(" ".repeat(gap)),
            Span::styled(said, style),
        ]));
        let detail = alarm.firing.clone().unwrap_or_else(|| alarm.when.clone());
        lines.push(Line::styled(format!("   {detail}"), dim()));
    }
    if !state.brokers.is_empty() {
        lines.resize(usize::from(inner.height).saturating_sub(1).max(lines.len()), Line::raw(""));
        lines.push(Line::styled(format!(" broker {}", state.brokers), dim()));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn said_of(alarm: &Alarm) -> (&'static str, Style, String) {
    match (&alarm.firing, &alarm.ended) {
        (Some(_), _) => ("●", strong().fg(Color::Red), "FIRING".to_owned()),
        (None, Some(reason)) => {
            let times = if alarm.fired > 1 { format!(" x{}", alarm.fired) } else { String::new() };
            ("●", Style::new().fg(Color::Green), format!("fired{times}, {reason}"))
        }
        (None, None) => ("○", dim(), "quiet".to_owned()),
    }
}

fn draw_log(frame: &mut Frame<'_>, area: Rect, state: &DemoState) {
    let block = panel("events");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let count = usize::from(inner.height);
    let mut newest: Vec<&Entry> = state.log().rev().take(count).collect();
    newest.reverse();
    let lines: Vec<Line<'_>> = newest.into_iter().map(line_of).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line_of(entry: &Entry) -> Line<'_> {
    let colour = colour(entry.tone);
    let label =
        if entry.tone == Tone::Fault { colour.add_modifier(Modifier::BOLD) } else { colour };
    Line::from(vec![
        Span::styled(format!(" {:>6} ", clock(entry.at)), dim()),
        Span::styled(format!("{:<8} ", entry.label), label),
        Span::styled(entry.text.as_str(), Style::new()),
    ])
}

const fn colour(tone: Tone) -> Style {
    match tone {
        Tone::Fault => Style::new().fg(Color::Magenta),
        Tone::Found => Style::new().fg(Color::Yellow),
        Tone::Mended => Style::new().fg(Color::Green),
        Tone::Alarm => Style::new().fg(Color::Red),
        Tone::Note => Style::new().fg(Color::DarkGray),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::Scenario;
    use super::super::testing::{play, rules};
    use super::*;

    fn state(until_ms: Option<i64>) -> DemoState {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let mut state =
            DemoState::new(&scenario, "momentum_5", &rules(&scenario), "127.0.0.1:9092");
        play(&scenario, until_ms, &mut |at, event, _| {
            state.apply(Duration::from_millis(at.unsigned_abs()), event);
        });
        state
    }

    fn screen(state: &DemoState, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    #[test]
    fn shows_all_that_matters_on_a_small_screen() {
        let state = state(Some(14_000));
        let text = screen(&state, 80, 24).join("\n");
        for part in [
            "weir demo",
            "0:13 / 0:20",
            "2018-0",
            "rows",
            "rows per second",
            "factor cells",
            "latency p50",
            "15 ms",
            "findings open",
            "dead letters",
            "momentum_5, 2018-",
            "top",
            "bottom",
            "feed_silent",
            "FIRING",
            "dirty_feed",
            "quiet",
            "127.0.0.1:9092",
            "fault",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn is_whole_on_any_screen_at_any_time() {
        for until in [0, 300, 20_000] {
            let state = state(Some(until));
            for (width, height) in [(1, 1), (20, 5), (80, 24), (100, 40), (240, 60)] {
                screen(&state, width, height);
            }
        }
    }

    #[test]
    fn counts_what_was_sent_and_read() {
        let state = state(None);
        assert_eq!(state.rows_in, 14_415);
        assert_eq!((state.opened, state.retracted, state.findings_open()), (11, 10, 1));
        assert_eq!((state.dead_letters, state.quarantined), (3, 2));
        assert!(state.revisions > 20 && state.cells_out > 14_000);
        assert!(state.alarms.iter().all(|alarm| alarm.fired == 1 && alarm.firing.is_none()));
        assert_eq!(state.alarms[1].ended.as_deref(), Some("retracted"));
        assert_eq!(state.latency_ms().map(|(p50, _)| p50.round() as i64), Some(15));
        assert!(state.rate() > 0);
    }
}

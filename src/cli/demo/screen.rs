//! The demo's terminal: opened, drawn to, and given back as it was.

use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};

use super::{DemoState, view};

/// See the module.
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    pub(super) fn open() -> anyhow::Result<Screen> {
        Ok(Screen(ratatui::try_init()?))
    }

    /// Draws the state. False when the person at the terminal wants to leave.
    pub(super) fn draw(&mut self, state: &DemoState) -> anyhow::Result<bool> {
        self.0.draw(|frame| view::draw(frame, state))?;
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()? {
                let interrupt =
                    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                if interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    pub(super) fn close(self) {
        ratatui::restore();
    }
}

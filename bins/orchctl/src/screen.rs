//! Standard output of what is watched: lines that stay, and on a terminal a block below them that is redrawn
//! in place. One write per change, no alternate screen: what was last drawn stays.

use std::io::{self, IsTerminal as _, Write as _};

use orchd_http::dto::State;

use crate::env::variable;
use crate::view::{self, Dress};

/// The width of what says nothing about its own.
const WIDTH: usize = 80;

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: bool,
    dress: Dress,
    /// Lines of the block as it was last drawn.
    drawn: Vec<String>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        // A terminal that can not move its cursor gets lines.
        let terminal = io::stdout().is_terminal() && variable("TERM").is_none_or(|term| term != "dumb");
        let colour = terminal && variable("NO_COLOR").is_none();
        Self { terminal, dress: if colour { Dress::Colour } else { Dress::Plain }, drawn: Vec::new() }
    }

    pub(crate) const fn dress(&self) -> Dress {
        self.dress
    }

    /// A line that stays.
    pub(crate) fn say(&mut self, line: &str) {
        let block = std::mem::take(&mut self.drawn);
        let mut text = erase(block.len());
        text.push_str(line);
        text.push('\n');
        self.write(&text, block);
    }

    /// Facts that stay, and the block below them.
    pub(crate) fn show(&mut self, facts: &[String], state: &State) {
        let block = if self.terminal { view::block(state, self.width(), self.dress) } else { Vec::new() };
        if facts.is_empty() && block == self.drawn {
            return;
        }
        let mut text = erase(self.drawn.len());
        for fact in facts {
            text.push_str(fact);
            text.push('\n');
        }
        self.write(&text, block);
    }

    /// The block is left as it is; what follows comes below it.
    pub(crate) fn leave(&mut self) {
        self.drawn.clear();
    }

    fn write(&mut self, text: &str, block: Vec<String>) {
        let mut text = text.to_owned();
        for line in &block {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = block;
        let mut out = io::stdout().lock();
        // A reader that went away (`| head`) is no reason to leave the work half done.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn width(&self) -> usize {
        let said = variable("COLUMNS").and_then(|text| text.parse().ok());
        let asked = || {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            Some(usize::from(size.ws_col))
        };
        said.or_else(asked).filter(|columns| *columns >= 20).unwrap_or(WIDTH)
    }
}

/// Takes the cursor to the start of the last `lines` lines and clears from there.
fn erase(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\r\x1b[J") }
}

//! How answers look: aligned tables and lines for people, JSON for programs. Pure but for the printing itself.

use std::io::Write as _;

use serde::Serialize;

use crate::exit::Exit;

/// Where answers go.
pub(crate) struct Out {
    /// Data as JSON.
    pub(crate) json: bool,
}

impl Out {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// One line. A reader that went away is no failure of ours.
    pub(crate) fn line(&self, text: &str) {
        // A closed pipe has nobody to tell.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Text as it is, without a line's end.
    pub(crate) fn text(&self, text: &str) {
        let mut out = std::io::stdout();
        // A closed pipe has nobody to tell.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Data as JSON.
    pub(crate) fn data(&self, data: &impl Serialize) -> Result<(), Exit> {
        let text = serde_json::to_string_pretty(data)
            .map_err(|e| Exit::failed(format!("can not be printed: {e}")))?;
        self.line(&text);
        Ok(())
    }

    /// An aligned table; the last column is not padded.
    pub(crate) fn table(&self, head: &[&str], rows: Vec<Vec<String>>) {
        for line in table(head, &rows) {
            self.line(&line);
        }
    }
}

fn table(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|h| h.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(head.to_vec())).chain(body).collect()
}

/// A span of milliseconds for people.
pub(crate) fn span(ms: i64) -> String {
    orchd_core::time::Span(ms).to_string()
}

/// Text cut to `max` characters.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(max.saturating_sub(1)).collect::<String>())
    }
}

//! The credentials of a run, taken out of what is shown of it. Masked first and cut afterwards: a cut through a
//! credential would leave a part of it that nothing recognises. Texts in, texts out; where they are shown is the
//! caller's.

use std::borrow::Cow;
use std::io;

use crate::log;
use crate::run_dir::RunDir;

/// Shorter "secrets" would mask ordinary words.
pub(crate) const SECRET_MIN: usize = 6;

/// Texts that are shown nowhere.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all = Self::default();
        all.add(secrets);
        all
    }

    pub(crate) fn add(&mut self, secrets: impl IntoIterator<Item = String>) {
        self.0.extend(secrets.into_iter().filter(|secret| secret.len() >= SECRET_MIN));
        // Longest first: a secret that contains another is masked whole.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text without them.
    pub(crate) fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret) {
                text = text.replace(secret, "***").into();
            }
        }
        text
    }

    /// The last `cap` bytes or less of a file of the run, without them.
    pub(crate) fn tail(&self, dir: &RunDir, name: &str, cap: u64) -> io::Result<String> {
        // The end of a secret that began before what is read is shorter than the longest of them.
        let margin = self.0.first().map_or(0, |longest| longest.len() - 1);
        let tail = log::tail(dir, name, cap.saturating_add(margin as u64))?;
        let from = if tail.before == 0 { 0 } else { self.boundary(&tail.text, margin) };
        Ok(self.masked(&tail.text[from..]).into_owned())
    }

    /// The first place from `at` on that lies in no secret.
    fn boundary(&self, text: &str, at: usize) -> usize {
        let mut at = text.ceil_char_boundary(at.min(text.len()));
        let around = |at: usize| {
            let all = self.0.iter().flat_map(|secret| text.match_indices(secret.as_str()));
            all.map(|(begin, found)| (begin, begin + found.len()))
                .find(|&(begin, end)| begin < at && at < end)
                .map(|(_, end)| end)
        };
        while let Some(end) = around(at) {
            at = end;
        }
        at
    }
}

#[cfg(test)]
mod tests;

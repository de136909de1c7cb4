//! Output cut into lines as it arrives, in bounded memory: a line beyond the cap is dropped and counted, however long
//! it goes on. Bytes in, bytes out; what a line means is the dialect's.

/// The longest line that is read. Results of tools may be large; none of a program's own events comes near it.
pub(crate) const LINE_CAP: usize = 4 * 1024 * 1024;

/// Cuts lines out of pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    line: Vec<u8>,
    too_long: bool,
    dropped: u64,
}

impl Splitter {
    /// Calls `see` with each line that the piece completes, without its end.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut see: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|&b| b == b'\n') {
            self.take(&bytes[..end]);
            self.complete(&mut see);
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    /// The last line, if the output did not end with a line's end.
    pub(crate) fn rest(&mut self, mut see: impl FnMut(&[u8])) {
        if self.too_long || !self.line.is_empty() {
            self.complete(&mut see);
        }
    }

    /// Lines that were too long.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn take(&mut self, part: &[u8]) {
        if self.too_long || part.len() > LINE_CAP - self.line.len() {
            self.too_long = true;
            // Its memory too: the next line is a short one again.
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn complete(&mut self, see: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.too_long) {
            self.dropped += 1;
        } else {
            see(&self.line);
        }
        self.line.clear();
    }
}

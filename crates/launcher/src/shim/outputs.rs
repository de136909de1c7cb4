//! The two output files of a run: made before it starts, written by the run alone, kept bounded while they grow. The
//! shim holds them open, so that nothing the run does to their names matters to it.

use std::fs::File;
use std::io;

use super::note;
use crate::log;
use crate::run_dir::RunDir;
use crate::spec::RunSpec;

pub(super) struct Outputs {
    both: [Output; 2],
}

/// How much was written, and whether it is too much.
pub(super) struct Written {
    /// Bytes of standard output and of standard error.
    pub(super) totals: [u64; 2],
    pub(super) is_too_much: bool,
}

impl Outputs {
    pub(super) fn make(dir: &RunDir) -> io::Result<Self> {
        let output = |name| dir.output(name).map(|file| Output { file, is_whole: false });
        Ok(Self { both: [output(RunDir::STDOUT)?, output(RunDir::STDERR)?] })
    }

    /// Standard output and standard error for a child.
    pub(super) fn for_child(&self) -> io::Result<(File, File)> {
        Ok((self.both[0].file.try_clone()?, self.both[1].file.try_clone()?))
    }

    /// Looks how long they are, and drops what is too long.
    pub(super) fn look(&mut self, spec: &RunSpec) -> Written {
        let [out, err] = &mut self.both;
        let (out, err) = (out.look(spec), err.look(spec));
        Written { totals: [out.0, err.0], is_too_much: out.1 || err.1 }
    }
}

struct Output {
    file: File,
    /// The file system cannot drop anything from it.
    is_whole: bool,
}

impl Output {
    fn look(&mut self, spec: &RunSpec) -> (u64, bool) {
        let total = self.file.metadata().map_or(0, |meta| meta.len());
        if !self.is_whole {
            match log::rotate(&self.file, spec.keep) {
                Ok(true) => {}
                Ok(false) => self.is_whole = true,
                Err(error) => {
                    note(&format!("the middle of an output could not be dropped: {error}"));
                    self.is_whole = true;
                }
            }
        }
        let ceiling = if self.is_whole {
            spec.output_ceiling.min(RunSpec::WHOLE_OUTPUT_CEILING)
        } else {
            spec.output_ceiling
        };
        (total, total > ceiling)
    }
}

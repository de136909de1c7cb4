//! Readers of files in a run's directory: results, specs and identities of any version, logs of any content.

use std::cell::OnceCell;
use std::fs;

use orchd_core::id::RunId;
use orchd_launcher::{RunDir, RunResult, RunSpec, log as output};

thread_local! {
    /// One directory per thread, filled anew by each input; removed when the thread ends.
    static PLACE: OnceCell<(tempfile::TempDir, RunDir)> = const { OnceCell::new() };
}

fn with(names: &[&str], bytes: &[u8], read: impl FnOnce(&RunDir)) {
    PLACE.with(|place| {
        let (_, dir) = place.get_or_init(|| {
            // Where there is memory for files, nothing waits for a disk.
            let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
            let made = made.expect("a fuzzer's host has room for temporary files");
            let dir = RunDir::create(made.path().join("run")).expect("a fresh directory is ours");
            (made, dir)
        });
        for name in names {
            fs::write(dir.file(name), bytes).expect("a fuzzer's host has room for temporary files");
        }
        read(dir);
    });
}

pub(super) fn run_dir(bytes: &[u8]) {
    with(&[RunDir::RESULT, RunDir::SPEC, RunDir::SHIM], bytes, |dir| {
        let run: RunId = "00000000-0000-0001-0000-000000000001"
            .parse()
            .expect("five groups of hexadecimal digits are an id");
        let read = RunResult::read(dir, run);
        // Whoever alters a byte of the body can not hit its digest.
        if let Ok(result) = read {
            assert_eq!(result.run, run);
        }
        if let Ok(spec) = RunSpec::read(dir) {
            spec.secrets();
        }
        drop(dir.identity());
    });
}

pub(super) fn log(bytes: &[u8]) {
    with(&[RunDir::STDOUT], bytes, |dir| {
        let mut seen = 0;
        let lines = output::lines(dir, RunDir::STDOUT, 4096, |line| seen += line.len());
        lines.expect("a log of any bytes is read");
        let tail = output::tail(dir, RunDir::STDOUT, 100).expect("a log of any bytes is read");
        assert!(tail.text.len() <= 400, "a tail of 100 bytes became {}", tail.text.len());
        let (mut at, mut read) = (0, 0);
        loop {
            let chunk = output::chunk(dir, RunDir::STDOUT, at, 1000).expect("a log of any bytes is read");
            read += chunk.bytes.len();
            at = chunk.next;
            if chunk.eof {
                break;
            }
        }
        assert_eq!(read, bytes.len(), "chunks give all bytes once");
    });
}

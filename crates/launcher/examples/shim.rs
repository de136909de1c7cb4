//! The program the tests of this crate use where orchd uses itself: `shim` is the hidden subcommand,
//! `launch <dir> <spec file>` starts a run as orchd does and leaves at once, without waiting for it.

use std::process::exit;

use orchd_launcher::{Launcher, RunDir, RunSpec, shim_main};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["shim"] => exit(shim_main()),
        ["launch", dir, spec] => launch(dir, spec),
        _ => {
            eprintln!("usage: shim | launch <run directory> <spec file>");
            exit(64)
        }
    }
}

fn launch(dir: &str, spec: &str) {
    let text = std::fs::read(spec).expect("the specification is readable");
    let spec: RunSpec = serde_json::from_slice(&text).expect("the specification is one");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let dir = RunDir::create(dir).expect("the run's directory can be made");
        let launcher = Launcher::new("/proc/self/exe", vec!["shim".to_owned()]);
        let running = launcher.start(&dir, &spec).await.expect("the run starts");
        println!("started {}", running.run());
        // As after `kill -9`: no destructor runs.
        exit(0);
    });
}

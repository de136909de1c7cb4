//! The program the tests of this crate use where orchd uses itself: `runner-shim shim`.

use std::process::exit;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["shim"] => exit(orchd_launcher::shim_main()),
        _ => {
            eprintln!("usage: runner-shim shim");
            exit(64)
        }
    }
}

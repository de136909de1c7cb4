//! Prints a generated reference page: `cargo run -p orchd-core --example docs_ref holds > docs/ref/holds.md`.
//! The test `holds::reference_pages_are_current` compares the committed pages with these.

use orchd_core::render::reference;

fn main() -> std::process::ExitCode {
    let page = std::env::args().nth(1);
    match page.as_deref() {
        Some("holds") => print!("{}", reference::holds()),
        Some("errors") => print!("{}", reference::errors()),
        Some(_) | None => {
            eprintln!("usage: docs_ref holds|errors");
            return std::process::ExitCode::FAILURE;
        }
    }
    std::process::ExitCode::SUCCESS
}

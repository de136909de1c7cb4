//! Prints the table of bad agents as markdown, as the documentation shows it; the tests run every row for real.

#[expect(dead_code, reason = "what is only named here, the tests run")]
#[path = "../tests/it/bad_agents/table.rs"]
mod table;

fn main() {
    print!("{}", table::markdown());
}

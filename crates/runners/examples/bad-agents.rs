//! Prints docs/ref/bad-agents.md: `cargo run -p orchd-runners --example bad-agents > docs/ref/bad-agents.md`. The test
//! `bad_agents::the_page_is_current` compares the committed page with this.

#[path = "../tests/it/bad_agents/page.rs"]
mod page;
#[expect(dead_code, reason = "what a row is run with, the tests use")]
#[path = "../tests/it/bad_agents/table.rs"]
mod table;

fn main() {
    print!("{}", page::page());
}

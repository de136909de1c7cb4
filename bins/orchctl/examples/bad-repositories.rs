//! Prints docs/ref/bad-repositories.md: `cargo run -p orchctl --example bad-repositories > docs/ref/bad-repositories.md`.
//! The test `bad_repos::the_page_is_current` compares the committed page with this.

#[path = "../tests/it/bad_repos/page.rs"]
mod page;
#[expect(dead_code, reason = "what a row is made by, the tests use")]
#[path = "../tests/it/bad_repos/table.rs"]
mod table;

fn main() {
    print!("{}", page::page());
}

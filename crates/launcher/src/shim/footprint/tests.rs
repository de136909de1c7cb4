//! Only what nobody wrote to is given back, and the program goes on.

use super::*;

#[test]
fn only_a_files_own_content_is_given_back() {
    let line = |mode: &str, offset: &str, path: &str| {
        unwritten(&format!("1000-3000 {mode} {offset} fe:00 12 {path}")).is_some()
    };
    assert!(line("r-xp", "0002f000", "/bin/x"));
    assert!(line("r--p", "00000000", "/bin/x"));
    assert!(!line("r--p", "0011f000", "/bin/x"), "tables the loader has relocated");
    assert!(!line("rw-p", "0011f000", "/bin/x"));
    assert!(!line("rwxp", "00000000", "/bin/x"));
    assert!(!line("r-xp", "00000000", "[vdso]"));
    assert!(!line("r-xs", "00000000", "/bin/x"));
}

#[test]
fn the_program_goes_on_and_keeps_what_it_wrote() {
    let before: Vec<String> = (0..1000).map(|n| format!("{n:>5}")).collect();
    for _ in 0..20 {
        shrink();
        assert_eq!(
            before.iter().map(|text| text.trim().parse::<usize>().unwrap_or(0)).sum::<usize>(),
            499_500
        );
    }
}

//! the project's own tasks: check, test, ci, tidy, sim, mutants, bench.

fn main() {}

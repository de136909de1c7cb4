//! the command line.

fn main() {}

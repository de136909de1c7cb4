//! the server.

fn main() {}

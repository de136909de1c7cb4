//! the built-in board and forge.

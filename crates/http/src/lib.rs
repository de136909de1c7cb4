//! the API over a socket.

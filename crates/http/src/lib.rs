//! The API under `/api/v1`: what programs may ask and say, served over whatever socket the daemon listens on,
//! and its client. Handlers translate; they decide nothing and know no store.

pub mod api;
mod audit;
pub mod client;
mod convert;
pub mod dto;
pub mod session;

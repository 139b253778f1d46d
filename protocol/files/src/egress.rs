//! Where one may connect to fetch what somebody else names: not to oneself, not to one's own network, and not to
//! something that different readers of the address understand differently.
//!
//! [`Target::parse`] judges an address before its name is resolved; [`is_public`] each IP address that the name has,
//! and the connection must then go to that very address. Redirects are addresses like the first.

mod address;
mod form;
mod ports;
mod target;

pub use address::is_public;
pub use target::{Host, Refused, Scheme, Target};

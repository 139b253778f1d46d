//! The echo network: the smallest complete [`drawbridge_bridge::Network`].
//!
//! It needs no server, so a gateway can be tried with an XMPP server alone. It is the template for authors of bridges:
//! each file is one part that every bridge has. And it is the test double of the gateway's tests: an [`EchoWorld`] is
//! the far side, and [`FarUser`] plays it.
//!
//! One logs in with any name (`alice` becomes `alice@echo`) and has these contacts:
//!
//! | contact | what it does with a message |
//! | --- | --- |
//! | `echo@echo` | has read it and repeats it |
//! | `slow@echo` | has read it, types for five seconds, and repeats it |
//! | `silent@echo` | nothing, not even read it |
//! | `refuser@echo` | refuses it for good |
//! | `flaky@echo` | refuses the first attempt for a second, then repeats it |
//!
//! Whoever repeats messages does the same with what is done to them: they correct and retract their repetition, and
//! react with the same sign.
//!
//! The far side lives in memory: the contacts forget everything when the process ends. What must outlive it, which
//! transaction ids were used, is in the login's own directory ([`sent`]). Nothing is encrypted and nothing says so.

mod contacts;
mod facets;
mod far_user;
mod login;
mod network;
pub mod sent;
mod session;
mod talk;
mod world;

pub use far_user::{Annotated, FarUser, Received};
pub use network::EchoNetwork;
pub use world::EchoWorld;

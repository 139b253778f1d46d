//! Drawbridge, the keeper: it owns every socket, file and timer, and is the only one that knows both shores.

#![recursion_limit = "256"]

pub mod accounts;
pub mod address;
pub mod cli;
pub mod commands;
pub mod component;
pub mod config;
pub mod control;
pub mod crossing;
pub mod doctor;
pub mod files;
pub mod from_xmpp;
pub mod keeper;
pub mod log;
pub mod memory;
pub mod message;
pub mod networks;
pub mod run;
pub mod secure;
pub mod shutdown;
pub mod store;
pub mod to_xmpp;
pub mod turns;
pub mod xml;
pub mod xmpp;

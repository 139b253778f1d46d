//! Files on their way between the user's server and the network: fetched, opened, sealed anew, put down. Each is whole in memory
//! on its way and on no disk.

#[cfg(test)]
pub(crate) mod host;
pub mod names;
mod upload;
mod web;

pub use upload::{UploadError, Uploads, Wanted, upload};
pub use web::{Web, WebError};

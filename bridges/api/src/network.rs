//! A network, before anybody logs in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ContactId, Error, FlowId, LoginProcess, LoginRecord, Place, Session};

/// One configured network. Its methods do no I/O.
pub trait Network: Send + Sync {
    /// What it is called, on both sides.
    fn descriptor(&self) -> Descriptor;

    /// The ways to log in, best first.
    fn login_flows(&self) -> Vec<LoginFlow>;

    /// Begins to log `who` in. The files of the login live in `place` from now on.
    ///
    /// # Errors
    /// [`Error::BadInput`] if there is no such flow.
    fn begin_login(&self, who: &UserRef, flow: &FlowId, place: Place) -> Result<Box<dyn LoginProcess>, Error>;

    /// Opens a login that was granted before. Connects to nothing yet: [`Session::run`] does.
    ///
    /// # Errors
    /// [`Error::LoggedOut`] if the record or its files cannot be used any more.
    fn open(&self, login: LoginRecord, place: Place) -> Result<Arc<dyn Session>, Error>;

    /// Reads what people type or paste for a person (an id, a link, a gateway address), if it can be one.
    fn parse_contact(&self, text: &str) -> Option<ContactId>;

    /// A contact's id as name and server; `None` if it is not a legal id of this network.
    fn split(&self, id: &ContactId) -> Option<ContactName>;

    /// The inverse of [`Network::split`]: for every legal id, `join(split(id)) == id`.
    fn join(&self, name: &ContactName) -> Option<ContactId>;
}

/// What a network is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Stable, lower case, used in configuration and in the database: `matrix`.
    pub id: &'static str,
    /// For people: `Matrix`.
    pub name: &'static str,
    /// The type of the disco identity `gateway/…` (XEP-0100).
    pub gateway_type: &'static str,
    /// How people write a contact's id there: `@bob:example.org`.
    pub contact_example: &'static str,
}

/// One way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginFlow {
    /// Which.
    pub id: FlowId,
    /// For people.
    pub name: String,
}

/// Who asks; opaque to the network, stable for one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserRef(pub String);

/// A contact's id in two parts, unescaped, exactly as the network writes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContactName {
    /// `bob`.
    pub name: String,
    /// `example.org`; `None` where the network has no servers.
    pub server: Option<String>,
}

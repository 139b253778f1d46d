//! Matrix, before anybody logs in.

use std::sync::Arc;

use drawbridge_bridge::{
    ContactId, ContactName, Descriptor, Error, FlowId, LoginFlow, LoginProcess, LoginRecord, Network, Place, Session,
    UserRef,
};

use crate::contact_id;
use crate::login::PasswordLogin;
use crate::session::MatrixSession;

const PASSWORD: &str = "password";

/// The Matrix network. Holds nothing: each login has its own device and files.
#[derive(Debug, Clone, Copy)]
pub struct MatrixNetwork(());

impl MatrixNetwork {
    /// The network. Installs ring as the process's TLS provider if none is installed.
    pub fn new() -> Self {
        // Losing the race to another installer is as good as winning it.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Self(())
    }
}

impl Default for MatrixNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl Network for MatrixNetwork {
    fn descriptor(&self) -> Descriptor {
        Descriptor { id: "matrix", name: "Matrix", gateway_type: "matrix", contact_example: "@bob:example.org" }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        vec![LoginFlow { id: FlowId::new(PASSWORD), name: "Password".to_owned() }]
    }

    fn begin_login(&self, _who: &UserRef, flow: &FlowId, place: Place) -> Result<Box<dyn LoginProcess>, Error> {
        match flow.as_str() {
            PASSWORD => Ok(Box::new(PasswordLogin::new(&place))),
            _ => Err(Error::BadInput("There is no such way to log in to Matrix.".to_owned())),
        }
    }

    fn open(&self, login: LoginRecord, place: Place) -> Result<Arc<dyn Session>, Error> {
        Ok(Arc::new(MatrixSession::open(login, &place)?))
    }

    fn parse_contact(&self, text: &str) -> Option<ContactId> {
        contact_id::parse(text)
    }

    fn split(&self, id: &ContactId) -> Option<ContactName> {
        contact_id::split(id)
    }

    fn join(&self, name: &ContactName) -> Option<ContactId> {
        contact_id::join(name)
    }
}

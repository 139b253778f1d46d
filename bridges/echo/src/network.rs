//! The network before anybody logs in.

use std::sync::Arc;

use drawbridge_bridge::{
    ContactId, ContactName, Descriptor, Error, FlowId, LoginFlow, LoginProcess, LoginRecord, Network, Place, Session,
    UserRef,
};

use crate::{EchoWorld, contacts, login::NameLogin, session::EchoSession};

const NAME_FLOW: &str = "name";

/// The echo network, a door to one [`EchoWorld`].
#[derive(Clone, Default)]
pub struct EchoNetwork {
    world: EchoWorld,
}

impl EchoNetwork {
    /// A door to `world`. Networks of the same world are what a restarted process would make.
    pub fn new(world: EchoWorld) -> Self {
        Self { world }
    }
}

impl Network for EchoNetwork {
    fn descriptor(&self) -> Descriptor {
        Descriptor { id: "echo", name: "Echo", gateway_type: "echo", contact_example: "echo@echo" }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        vec![LoginFlow { id: FlowId::new(NAME_FLOW), name: "Any name".into() }]
    }

    fn begin_login(&self, who: &UserRef, flow: &FlowId, _place: Place) -> Result<Box<dyn LoginProcess>, Error> {
        if flow.as_str() != NAME_FLOW {
            return Err(Error::BadInput(format!("there is no way to log in called \"{flow}\"")));
        }
        Ok(Box::new(NameLogin::new(self.world.clone(), who.clone())))
    }

    fn open(&self, login: LoginRecord, place: Place) -> Result<Arc<dyn Session>, Error> {
        Ok(Arc::new(EchoSession::open(self.world.clone(), login, &place)?))
    }

    fn parse_contact(&self, text: &str) -> Option<ContactId> {
        contacts::parse(text)
    }

    fn split(&self, id: &ContactId) -> Option<ContactName> {
        contacts::split(id)
    }

    fn join(&self, name: &ContactName) -> Option<ContactId> {
        contacts::join(name)
    }
}

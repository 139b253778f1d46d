//! One half-open ESession (XEP-0116, sections 4.2 to 4.5). Every step that has an exponentiation runs on a blocking
//! thread and takes the machine with it; its [`Outcome`] brings the next one back.

use esession::{
    AwaitCompletion, AwaitIdentity, AwaitResponse, Binding, Credentials, Established, Initiator, Policy, Responder,
};
use esession::{Error, namespaces};
use getrandom::SysRng;
use jid::FullJid;
use minidom::Element;
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::limiter::Permit;

/// A negotiation with one client.
pub struct Negotiation {
    /// The `thread` of all its messages.
    pub thread: String,
    /// When it began, for eviction.
    pub since: Instant,
    /// Where it stands.
    pub stage: Stage,
    /// Its place among the half-open ones.
    pub permit: Permit,
}

/// Where a negotiation stands.
pub enum Stage {
    /// A blocking thread works on it.
    Working,
    /// We asked; form B is awaited.
    AwaitResponse(AwaitResponse),
    /// We answered; form A2 is awaited.
    AwaitIdentity(AwaitIdentity),
    /// We identified ourselves; form B2 is awaited.
    AwaitCompletion(AwaitCompletion),
}

/// What a blocking thread brings back.
pub struct Outcome {
    /// With which client.
    pub resource: FullJid,
    /// In which thread, to tell a later negotiation apart.
    pub thread: String,
    /// How it went.
    pub result: Result<Progress, Error>,
}

/// One step further.
pub enum Progress {
    /// Send this and wait.
    Waiting(Box<Stage>, Element),
    /// The session stands; send this, if there is something to send.
    Done(Box<Established>, Option<Element>),
}

/// A step to be worked on: everything it needs.
pub enum Work {
    /// Message 1.
    Begin(Policy, Binding),
    /// Message 1 arrived.
    Respond(Policy, Binding, Element),
    /// Message 2 arrived.
    Response(AwaitResponse, Element, Credentials),
    /// Message 3 arrived.
    Identity(AwaitIdentity, Element, Credentials),
    /// Message 4 arrived. Has no exponentiation, so it need not leave the async thread.
    Completion(AwaitCompletion, Element),
}

impl Work {
    /// Does it. May take milliseconds: see the module's words.
    ///
    /// # Errors
    /// The machine's; the negotiation is over then.
    pub fn run(self) -> Result<Progress, Error> {
        let rng = &mut UnwrapErr(SysRng);
        match self {
            Self::Begin(policy, binding) => {
                let (machine, form) = Initiator::begin(&policy, &binding, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitResponse(machine)), namespaces::feature(form)))
            }
            Self::Respond(policy, binding, form_a) => {
                let (machine, form) = Responder::respond(&policy, &form_a, &binding, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitIdentity(machine)), namespaces::feature(form)))
            }
            Self::Response(machine, form_b, credentials) => {
                let (machine, form) = machine.handle_response(&form_b, credentials, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitCompletion(machine)), namespaces::feature(form)))
            }
            Self::Identity(machine, form_a2, credentials) => {
                let (established, form) = machine.handle_identity(&form_a2, credentials, rng)?;
                Ok(Progress::Done(Box::new(established), Some(namespaces::init(form))))
            }
            Self::Completion(machine, form_b2) => {
                Ok(Progress::Done(Box::new(machine.handle_completion(&form_b2)?), None))
            }
        }
    }
}

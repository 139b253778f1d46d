//! One half-open ESession (XEP-0116, sections 4.2 to 4.7). Every step that has an exponentiation runs on a blocking
//! thread and takes the machine with it; its [`Outcome`] brings the next one back.

use esession::{
    Agreed, AwaitCompletion, AwaitIdentity, AwaitResponse, AwaitSignature, AwaitSignedResponse, Binding, ChainOutcome,
    Credentials, Error, Established, Flow, Initiator, Policy, PublicKey, Responder, RetainedSecret, Session,
    SignedSession, namespaces,
};
use getrandom::SysRng;
use jid::FullJid;
use minidom::Element;
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::comparison::Comparison;
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
    /// We asked for three messages; form B is awaited.
    AwaitSignedResponse(AwaitSignedResponse),
    /// We answered with our signature; form A2 is awaited.
    AwaitSignature(AwaitSignature),
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
    Done(Box<Finished>, Option<Element>),
}

/// A finished negotiation, of either flow.
pub struct Finished {
    /// The encrypted session.
    pub session: Session,
    /// What was agreed.
    pub agreed: Agreed,
    /// What people compare.
    pub comparison: Comparison,
    /// What the client has signed with.
    pub key: Option<PublicKey>,
    /// What four messages make of the retained secrets.
    pub chained: Option<Chained>,
}

/// What four messages make of the retained secrets.
pub struct Chained {
    /// What became of the chain.
    pub chain: ChainOutcome,
    /// A verified chain with the gateway vouches for the client, or a code that the host has made does.
    pub vouched: bool,
    /// The next secret of the chain.
    pub secret: RetainedSecret,
}

impl From<Established> for Finished {
    fn from(established: Established) -> Self {
        let Established { session, agreed, sas, peer_key: key, chain, vouched, new_secret: secret } = established;
        // Passwords here are codes that nobody can guess, see `pairing`.
        let proved = vouched || agreed.password;
        let secret = RetainedSecret::new(0, secret.value().clone(), secret.is_verified() || proved);
        let chained = Some(Chained { chain, vouched: proved, secret });
        Self { session, agreed, comparison: Comparison::Strings(sas), key, chained }
    }
}

impl From<SignedSession> for Finished {
    fn from(SignedSession { session, agreed, peer_key, code }: SignedSession) -> Self {
        Self { session, agreed, comparison: Comparison::Keys(code), key: Some(peer_key), chained: None }
    }
}

/// A step to be worked on: everything it needs.
pub enum Work {
    /// Message 1.
    Begin(Flow, Policy, Binding),
    /// Message 1 of four arrived.
    Respond(Policy, Binding, Element),
    /// Message 1 of three arrived.
    RespondSigned(Policy, Binding, Element, Credentials),
    /// Message 2 arrived.
    Response(AwaitResponse, Element, Credentials),
    /// Message 3 arrived.
    Identity(AwaitIdentity, Element, Credentials),
    /// Message 4 arrived. Has no exponentiation, so it need not leave the async thread.
    Completion(AwaitCompletion, Element),
    /// Message 2 of three arrived.
    SignedResponse(AwaitSignedResponse, Element, Credentials),
    /// Message 3 of three arrived. Its signature is checked in no time, so it need not leave the async thread.
    Signature(AwaitSignature, Element),
}

impl Work {
    /// Does it. May take milliseconds: see the module's words.
    ///
    /// # Errors
    /// The machine's; the negotiation is over then.
    pub fn run(self) -> Result<Progress, Error> {
        let rng = &mut UnwrapErr(SysRng);
        match self {
            Self::Begin(Flow::ThreeMessage, policy, binding) => {
                let (machine, form) = Initiator::begin_signed(&policy, &binding, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitSignedResponse(machine)), namespaces::feature(form)))
            }
            Self::Begin(Flow::FourMessage | Flow::Offline, policy, binding) => {
                let (machine, form) = Initiator::begin(&policy, &binding, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitResponse(machine)), namespaces::feature(form)))
            }
            Self::Respond(policy, binding, form_a) => {
                let (machine, form) = Responder::respond(&policy, &form_a, &binding, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitIdentity(machine)), namespaces::feature(form)))
            }
            Self::RespondSigned(policy, binding, form_a, credentials) => {
                let (machine, form) = Responder::respond_signed(&policy, &form_a, &binding, credentials, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitSignature(machine)), namespaces::feature(form)))
            }
            Self::Response(machine, form_b, credentials) => {
                let (machine, form) = machine.handle_response(&form_b, credentials, rng)?;
                Ok(Progress::Waiting(Box::new(Stage::AwaitCompletion(machine)), namespaces::feature(form)))
            }
            Self::Identity(machine, form_a2, credentials) => {
                let (established, form) = machine.handle_identity(&form_a2, credentials, rng)?;
                Ok(Progress::Done(Box::new(established.into()), Some(namespaces::init(form))))
            }
            Self::Completion(machine, form_b2) => {
                Ok(Progress::Done(Box::new(machine.handle_completion(&form_b2)?.into()), None))
            }
            Self::SignedResponse(machine, form_b, credentials) => {
                let (signed, form) = machine.handle_response(&form_b, &credentials)?;
                Ok(Progress::Done(Box::new(signed.into()), Some(namespaces::feature(form))))
            }
            Self::Signature(machine, form_a2) => {
                Ok(Progress::Done(Box::new(machine.handle_identity(&form_a2)?.into()), None))
            }
        }
    }
}

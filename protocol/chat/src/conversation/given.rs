//! What the user was given for a peer, by another way than this one. It serves for one session, whose chain goes on from there.

use esession::{RetainedSecret, Secret};
use zeroize::Zeroizing;

use super::Conversation;
use crate::effects::Cx;
use crate::event::Event;

/// A code must be too long to be found by trying, also at home.
const CODE_DIGITS: usize = 20;

/// What the peer must have as well.
pub(super) enum Given {
    /// A code that a host has made. It vouches for who has it.
    Code(RetainedSecret),
    /// What people have agreed on: the other shared secret of XEP-0116. Without it there is no session; but what people
    /// choose can be searched by who was in between once, so it vouches for nobody.
    Password(Secret),
}

impl Given {
    /// As it was shown, with or without hyphens.
    fn code(text: &str) -> Option<Self> {
        let digits = text.bytes().filter(u8::is_ascii_alphanumeric).map(|digit| digit.to_ascii_lowercase());
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(digits.collect());
        (digits.len() >= CODE_DIGITS).then(|| Self::Code(RetainedSecret::new(0, Secret::new(&digits), true)))
    }

    pub(super) fn voucher(&self) -> Option<&RetainedSecret> {
        match self {
            Self::Code(code) => Some(code),
            Self::Password(_) => None,
        }
    }

    pub(super) fn other_secret(&self) -> Option<&Secret> {
        match self {
            Self::Code(_) => None,
            Self::Password(password) => Some(password),
        }
    }
}

impl Conversation {
    /// The user was given a code for this peer: a session that both have it for needs no comparing.
    pub(crate) fn pair(&mut self, code: &str, cx: &mut Cx<'_>) {
        let Some(code) = Given::code(code) else {
            let words = "this is no pairing code: those have 25 letters and digits, so that nobody can try them all";
            return cx.tell(Event::own_error(None, "bad-command", words));
        };
        self.given = Some(code);
        self.begin(cx);
    }

    /// The user has agreed with the peer on a password for the next session; without one, on none.
    pub(crate) fn set_password(&mut self, password: Option<&str>, cx: &mut Cx<'_>) {
        self.given.take_if(|given| given.other_secret().is_some());
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            self.given = Some(Given::Password(Secret::new(password.as_bytes())));
            self.refusals = 0;
            self.begin(cx);
        }
    }

    /// Whether a session must have a password.
    pub(super) fn wants_password(&self) -> bool {
        self.given.as_ref().is_some_and(|given| given.other_secret().is_some())
    }
}

//! Presence: ours, and that of others (RFC 6121 sections 3 and 4).

use jid::Jid;
use minidom::Element;
use minidom::element::ElementBuilder;

use crate::disco;
use crate::effects::Cx;
use crate::event::Event;
use crate::stanza::{self, CLIENT, Failure, child_text, text};

const NICK: &str = "http://jabber.org/protocol/nick";

/// What we show of ourselves.
#[derive(Default)]
pub(crate) struct Shown {
    show: Option<String>,
    status: Option<String>,
    /// Whether everybody may read the status.
    clear: bool,
}

impl Shown {
    /// Changes what is shown.
    pub(crate) fn set(&mut self, show: Option<String>, status: Option<String>, clear: bool) -> Result<(), Box<Event>> {
        self.show = match show.as_deref() {
            None | Some("available") => None,
            Some("away" | "chat" | "dnd" | "xa") => show,
            Some(other) => {
                let text = format!("{other:?} is none of available, away, chat, dnd, xa");
                return Err(Box::new(Event::own_error(None, "bad-command", text)));
            }
        };
        (self.status, self.clear) = (status, clear);
        Ok(())
    }

    /// The presence to send, which tells what we can do (XEP-0115); to one, or to all who see it.
    pub(crate) fn to_stanza(&self, to: Option<&Jid>) -> ElementBuilder {
        stanza::presence(to, None)
            .append_all(self.show.as_deref().map(|show| text("show", CLIENT, show)))
            .append_all(self.status.as_deref().filter(|_| self.clear).map(|status| text("status", CLIENT, status)))
            .append_all(disco::caps())
    }

    /// What is said in sessions only.
    pub(crate) fn words(&self) -> Option<&str> {
        self.status.as_deref().filter(|_| !self.clear)
    }
}

/// Somebody's presence. `accepts` if a request of theirs is to be granted at once; `sealed` is what they say of themselves in
/// a session.
pub(crate) fn handle(presence: &Element, from: &Jid, accepts: bool, sealed: Option<String>, cx: &mut Cx<'_>) {
    let nick = child_text(presence, "nick", NICK);
    let status = child_text(presence, "status", CLIENT);
    let sender = from.to_string();
    let show = match presence.attr("type") {
        None => child_text(presence, "show", CLIENT).unwrap_or_else(|| "available".to_owned()),
        Some("subscribe") => {
            if accepts {
                let to = Jid::from(from.to_bare());
                cx.send(stanza::presence(Some(&to), Some("subscribed")).build());
                cx.send(stanza::presence(Some(&to), Some("subscribe")).build());
            }
            return cx.tell(Event::Subscribe { from: sender, nick, accepted: accepts });
        }
        Some("error") => {
            let Failure { condition, text, .. } = Failure::read(presence);
            let id = presence.attr("id").map(str::to_owned);
            return cx.tell(Event::Error { id, condition, text, from: Some(sender), encrypted: false });
        }
        Some("probe") => return,
        Some(other) => other.to_owned(),
    };
    let encrypted = sealed.is_some();
    cx.tell(Event::Presence { from: sender, show, status: sealed.or(status), nick, encrypted });
}

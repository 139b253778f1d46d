//! Presence: ours, and that of others (RFC 6121 sections 3 and 4).

use jid::Jid;
use minidom::Element;

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
}

impl Shown {
    /// Changes what is shown.
    pub(crate) fn set(&mut self, show: Option<String>, status: Option<String>) -> Result<(), Box<Event>> {
        self.show = match show.as_deref() {
            None | Some("available") => None,
            Some("away" | "chat" | "dnd" | "xa") => show,
            Some(other) => {
                let text = format!("{other:?} is none of available, away, chat, dnd, xa");
                return Err(Box::new(Event::own_error(None, "bad-command", text)));
            }
        };
        self.status = status;
        Ok(())
    }

    /// The presence to send, which tells what we can do (XEP-0115).
    pub(crate) fn to_stanza(&self) -> Element {
        stanza::presence(None, None)
            .append_all(self.show.as_deref().map(|show| text("show", CLIENT, show)))
            .append_all(self.status.as_deref().map(|status| text("status", CLIENT, status)))
            .append_all(disco::caps())
            .build()
    }
}

/// Somebody's presence. `accepts` if a request of theirs is to be granted at once.
pub(crate) fn handle(presence: &Element, from: &Jid, accepts: bool, cx: &mut Cx<'_>) {
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
            return cx.tell(Event::Error { id, condition, text, from: Some(sender) });
        }
        Some("probe") => return,
        Some(other) => other.to_owned(),
    };
    cx.tell(Event::Presence { from: sender, show, status, nick });
}

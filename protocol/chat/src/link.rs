//! The link to the server: tokio-xmpp's resilient client stream, which reconnects, and resumes where the server can
//! (XEP-0198).

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use jid::{FullJid, Jid};
use minidom::Element;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_xmpp::Stanza;
use tokio_xmpp::stanzastream::{Event, StanzaStream, StreamEvent};
use tokio_xmpp::xmlstream::Timeouts;
use zeroize::Zeroizing;

use crate::connector::{Connector, Security};
use crate::tap::Notice;

/// How many stanzas may wait in tokio-xmpp.
const QUEUE: usize = 64;
/// How long closing may take.
const CLOSING: Duration = Duration::from_secs(3);

/// Where and how to connect.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// `host:port`; without it the domain of the account is looked up.
    pub(crate) address: Option<String>,
    /// How the stream is protected.
    pub(crate) security: Security,
}

/// What happened on the link.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The stream is up.
    Online {
        /// Our JID.
        jid: FullJid,
        /// Whether nothing was lost.
        resumed: bool,
    },
    /// The stream is down, or not up yet; it is tried again.
    Offline(Option<String>),
    /// A stanza came in.
    Stanza(Element),
    /// An element went by.
    Trace {
        /// Whether it came in.
        incoming: bool,
        /// The element.
        xml: String,
    },
    /// A stanza was too deep or too long to be read; this is how it begins.
    Refused(String),
    /// It makes no sense to try again.
    Over(String),
}

/// The link.
pub(crate) struct Link {
    stream: StanzaStream,
    notices: UnboundedReceiver<Notice>,
    jid: Option<FullJid>,
    online: bool,
    /// What was sent while the stream was suspended.
    backlog: VecDeque<Stanza>,
}

impl Link {
    /// Starts to connect. Must be called within a tokio runtime.
    #[must_use]
    pub(crate) fn connect(account: Jid, password: &Zeroizing<String>, server: Server, wants_trace: bool) -> Self {
        let (sender, notices) = unbounded_channel();
        let Server { address, security } = server;
        let connector = Connector { server: address, security, notices: sender, wants_elements: wants_trace };
        // tokio-xmpp keeps a copy of the password that it does not wipe
        let stream =
            StanzaStream::new_c2s(connector, account, password.as_str().to_owned(), Timeouts::default(), QUEUE);
        Self { stream, notices, jid: None, online: false, backlog: VecDeque::new() }
    }

    /// The next thing that happens. Cancel safe.
    pub(crate) async fn next(&mut self) -> Happening {
        loop {
            let happening = tokio::select! {
                // what the transport noticed came before what the stream made of it
                biased;
                Some(notice) = self.notices.recv() => Self::handle_notice(notice),
                event = self.stream.next() => match event {
                    Some(event) => self.handle_event(event).await,
                    None => return Happening::Over("the stream has ended".to_owned()),
                },
            };
            if let Some(happening) = happening {
                return happening;
            }
        }
    }

    /// Sends a stanza, or keeps it until the stream is resumed.
    ///
    /// # Errors
    /// Says in words why this is no stanza.
    pub(crate) async fn send(&mut self, element: Element) -> Result<(), String> {
        let stanza = to_stanza(element)?;
        if self.online {
            self.stream.send(Box::new(stanza)).await;
        } else {
            self.backlog.push_back(stanza);
        }
        Ok(())
    }

    /// Closes the stream properly, if that does not take too long.
    pub(crate) async fn close(self) {
        if self.online {
            let _ = tokio::time::timeout(CLOSING, self.stream.close()).await;
        }
    }

    fn handle_notice(notice: Notice) -> Option<Happening> {
        Some(match notice {
            Notice::Element { incoming, xml } => Happening::Trace { incoming, xml },
            Notice::Refused(head) => Happening::Refused(head),
            Notice::NotConnected(reason) => Happening::Offline(Some(reason)),
            Notice::LoginFailed(condition) => {
                Happening::Over(format!("the server does not accept the account or password ({condition})"))
            }
            Notice::Impossible(reason) => Happening::Over(reason),
        })
    }

    async fn handle_event(&mut self, event: Event) -> Option<Happening> {
        match event {
            Event::Stanza(stanza) => Some(Happening::Stanza(to_element(stanza))),
            Event::Stream(StreamEvent::Suspended) => {
                self.online = false;
                Some(Happening::Offline(None))
            }
            Event::Stream(StreamEvent::Reset { bound_jid, .. }) => {
                let jid = bound_jid.try_into_full().ok()?;
                self.jid = Some(jid.clone());
                self.online = true;
                // it was meant for a session of the old stream
                self.backlog.clear();
                Some(Happening::Online { jid, resumed: false })
            }
            Event::Stream(StreamEvent::Resumed) => {
                self.online = true;
                for stanza in std::mem::take(&mut self.backlog) {
                    self.stream.send(Box::new(stanza)).await;
                }
                self.jid.clone().map(|jid| Happening::Online { jid, resumed: true })
            }
        }
    }
}

fn to_stanza(element: Element) -> Result<Stanza, String> {
    use tokio_xmpp::parsers::{iq::Iq, message::Message, presence::Presence};
    match element.name() {
        "message" => Message::try_from(element).map(Stanza::Message).map_err(|error| error.to_string()),
        "presence" => Presence::try_from(element).map(Stanza::Presence).map_err(|error| error.to_string()),
        "iq" => Iq::try_from(element).map(Stanza::Iq).map_err(|error| error.to_string()),
        other => Err(format!("<{other}/> is not a stanza")),
    }
}

fn to_element(stanza: Stanza) -> Element {
    match stanza {
        Stanza::Message(message) => message.into(),
        Stanza::Presence(presence) => presence.into(),
        Stanza::Iq(iq) => iq.into(),
    }
}

//! The transport under the XMPP stream: passes octets through the [`Scanner`], both ways.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;

use crate::prompt_ack::PromptAck;
use crate::trace;
use crate::wire::{Piece, Scanner};

/// What the transport noticed.
#[derive(Debug)]
pub(crate) enum Notice {
    /// An element went by. Only if they are wanted.
    Element {
        /// Whether it came in.
        incoming: bool,
        /// The element, with passwords hidden.
        xml: String,
    },
    /// A stanza was taken out of the stream; this is how it begins.
    Refused(String),
    /// The server does not take the password (RFC 6120 section 6.4.5).
    LoginFailed(String),
    /// There is no connection yet, because of this; it is tried again.
    NotConnected(String),
    /// It will never work.
    Impossible(String),
}

/// Any transport.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A transport with a scanner on each way.
pub(crate) struct Tap {
    transport: Box<dyn Transport>,
    ack: PromptAck,
    incoming: Scanner,
    outgoing: Scanner,
    /// Whole elements that came in and were not read yet.
    readable: VecDeque<u8>,
    notices: UnboundedSender<Notice>,
    wants_elements: bool,
}

impl Tap {
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        ack: PromptAck,
        notices: UnboundedSender<Notice>,
        wants_elements: bool,
    ) -> Self {
        let (incoming, outgoing) = (Scanner::default(), Scanner::default());
        Self { transport, ack, incoming, outgoing, readable: VecDeque::new(), notices, wants_elements }
    }

    fn take_in(&mut self, octets: &[u8]) {
        let (readable, notices, wants_elements) = (&mut self.readable, &self.notices, self.wants_elements);
        self.incoming.feed(octets, |piece| {
            let notice = match piece {
                Piece::Frame(octets) => {
                    readable.extend(octets);
                    None
                }
                Piece::Element(octets) => {
                    let failure = login_failure(&octets).map(Notice::LoginFailed);
                    let element = || wants_elements.then(|| element(true, &octets));
                    let notice = failure.or_else(element);
                    readable.extend(completed(octets));
                    notice
                }
                Piece::Refused(octets) => Some(Notice::Refused(String::from_utf8_lossy(&octets).into_owned())),
            };
            // nobody listens any more when the program ends
            let _ = notice.map(|notice| notices.send(notice));
        });
    }

    fn give_out(&mut self, octets: &[u8]) {
        if self.wants_elements {
            let notices = &self.notices;
            self.outgoing.feed(octets, |piece| {
                if let Piece::Element(octets) | Piece::Refused(octets) = piece {
                    let _ = notices.send(element(false, &octets));
                }
            });
        }
    }
}

fn element(incoming: bool, octets: &[u8]) -> Notice {
    Notice::Element { incoming, xml: trace::presentable(octets) }
}

/// A server that has forgotten the stream says `<failed/>` without `h`, as it may (XEP-0198 section 5). xmpp-parsers 0.23
/// requires the attribute, and tokio-xmpp would reconnect for ever; with a count of 0 it binds anew.
fn completed(octets: Vec<u8>) -> Vec<u8> {
    let refusal = String::from_utf8_lossy(octets.get(..400).unwrap_or(&octets)).into_owned();
    match refusal.strip_prefix("<failed") {
        Some(rest) if rest.contains("urn:xmpp:sm:3") && !rest.contains(" h=") => {
            [b"<failed h='0'", octets.get("<failed".len()..).unwrap_or_default()].concat()
        }
        _ => octets,
    }
}

/// The condition, if this is the server's answer to a wrong password.
fn login_failure(octets: &[u8]) -> Option<String> {
    let xml = String::from_utf8_lossy(octets.get(..400).unwrap_or(octets));
    let rest = xml.strip_prefix("<failure")?;
    let conditions = ["not-authorized", "credentials-expired", "account-disabled", "temporary-auth-failure"];
    let condition = conditions.into_iter().find(|condition| rest.contains(&format!("<{condition}")));
    Some(condition.unwrap_or("refused").to_owned())
}

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        while tap.readable.is_empty() {
            let mut octets = [0_u8; 8192];
            let mut read = ReadBuf::new(&mut octets);
            ready!(Pin::new(&mut tap.transport).poll_read(cx, &mut read))?;
            tap.ack.after_reading();
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            tap.take_in(read.filled());
        }
        let count = buffer.remaining().min(tap.readable.len());
        let octets: Vec<u8> = tap.readable.drain(..count).collect();
        buffer.put_slice(&octets);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        let count = ready!(Pin::new(&mut tap.transport).poll_write(cx, octets))?;
        tap.give_out(octets.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_stream_is_told_in_a_way_that_is_understood() {
        let failed = b"<failed xmlns='urn:xmpp:sm:3'><item-not-found/></failed>".to_vec();
        assert_eq!(completed(failed), b"<failed h='0' xmlns='urn:xmpp:sm:3'><item-not-found/></failed>");
        let whole = b"<failed xmlns='urn:xmpp:sm:3' h='7'/>".to_vec();
        assert_eq!(completed(whole.clone()), whole);
        let message = b"<message><body><failed xmlns='urn:xmpp:sm:3'/></body></message>".to_vec();
        assert_eq!(completed(message.clone()), message);
    }

    #[test]
    fn a_wrong_password_is_recognised_by_its_condition() {
        let failure = b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
        assert_eq!(login_failure(failure).as_deref(), Some("not-authorized"));
        assert_eq!(login_failure(b"<message><failure/></message>"), None);
    }
}

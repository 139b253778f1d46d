//! Octets to frames: the stream's header, whole stanzas, stanzas refused, the stream's end.

use std::time::Duration;

use minidom::Element;
use rxml::bytes::BytesMut;
use rxml::error::EndOrError;
use rxml::{Options, Parse, RawParser, WithOptions};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::fault::Fault;
use crate::xml::forest::{Forest, Measure, Parsed};
use crate::xml::{Excess, Limits, STREAMS};

/// Octets asked of the socket at once.
const CHUNK: usize = 32 * 1024;
/// The longest attribute and name. Above any limit that servers have for whole stanzas; more ends the stream.
const TOKEN: usize = 1024 * 1024;

/// What the stream brought.
#[derive(Debug)]
pub(super) enum Frame {
    /// The server's stream header, with the id of the stream.
    Header(String),
    /// A child of the stream.
    Child(Element),
    /// A child over the limits: its head.
    Refused(Element, Excess),
    /// Nothing came, for so many silences in a row.
    Silence(u32),
}

/// Reads frames off a socket. Dropping the future of [`Framer::next`] loses nothing.
pub(super) struct Framer<R> {
    socket: R,
    buffer: BytesMut,
    parser: RawParser,
    forest: Forest,
    silence: Duration,
    silences: u32,
}

impl<R: AsyncRead + Unpin> Framer<R> {
    /// Begins a new document. After `silence` without an octet, [`Frame::Silence`] is returned.
    pub(super) fn new(socket: R, limits: Limits, silence: Duration) -> Self {
        let max_token_length = TOKEN.max(limits.max_stanza.saturating_mul(2));
        let options = Options { max_token_length, ..Options::default() };
        Self {
            socket,
            buffer: BytesMut::with_capacity(CHUNK),
            parser: RawParser::with_options(options),
            forest: Forest::new(limits, Measure::EachChild),
            silence,
            silences: 0,
        }
    }

    /// The next frame.
    ///
    /// # Errors
    /// The stream cannot be read any further.
    pub(super) async fn next(&mut self) -> Result<Frame, Fault> {
        loop {
            if let Some(frame) = self.parse()? {
                return Ok(frame);
            }
            self.buffer.reserve(CHUNK);
            match tokio::time::timeout(self.silence, self.socket.read_buf(&mut self.buffer)).await {
                Ok(Ok(0)) | Ok(Err(_)) => return Err(Fault::Cut),
                Ok(Ok(_)) => self.silences = 0,
                Err(_) => {
                    self.silences += 1;
                    return Ok(Frame::Silence(self.silences));
                }
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Frame>, Fault> {
        loop {
            let event = match self.parser.parse_buf(&mut self.buffer, false) {
                Ok(Some(event)) => event,
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(_)) => return Err(Fault::Malformed),
            };
            match self.forest.feed(event)? {
                Some(Parsed::Root(root)) if root.is("stream", STREAMS) => {
                    return Ok(Some(Frame::Header(root.attr("id").unwrap_or_default().to_owned())));
                }
                Some(Parsed::Root(_)) => return Err(Fault::Malformed),
                Some(Parsed::Child(child)) => return Ok(Some(Frame::Child(child))),
                Some(Parsed::Refused(head, excess)) => return Ok(Some(Frame::Refused(head, excess))),
                Some(Parsed::Text(text)) if !text.trim_ascii().is_empty() => return Err(Fault::Malformed),
                Some(Parsed::End) => return Err(Fault::Closed),
                Some(Parsed::Text(_)) | None => {}
            }
        }
    }
}

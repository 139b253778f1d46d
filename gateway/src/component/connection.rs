//! One authenticated connection: a reader that always drains the socket, and a writer.

use std::sync::Arc;

use drawbridge_bridge::CancellationToken;
use jid::{BareJid, Jid};
use minidom::Element;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::connect::{Reading, Writing};
use super::fault::Fault;
use super::framer::Frame;
use super::outgoing::{self, Queued};
use super::supervision::Pace;
use super::tally::Tally;
use super::{Incoming, RESERVED, Refused, answer};
use crate::xml::{CLIENT, Excess, STREAMS};

/// Errors of our own that may wait to be written. The reader never waits for the writer.
const ANSWERS: usize = 1024;
/// Octets written at once.
const BATCH: usize = 64 * 1024;
/// XEP-0199.
const PING: &str = "urn:xmpp:ping";

/// What all connections of a link share.
pub(super) struct Shared {
    pub(super) domain: BareJid,
    pub(super) max_stanza: usize,
    pub(super) pace: Pace,
    pub(super) incoming: mpsc::Sender<Incoming>,
    pub(super) tally: Arc<Tally>,
    pub(super) stop: CancellationToken,
}

/// Serves a connection until it ends, and says why it did. On stop it ends well: what is queued is written first.
pub(super) async fn serve(
    shared: &Shared,
    mut reading: Reading,
    mut writing: Writing,
    queue: &mut mpsc::Receiver<Queued>,
) -> Fault {
    let (answers, mut answered) = mpsc::channel(ANSWERS);
    let mut reader = Reader { shared, answers, ping: None };
    let fault = tokio::select! {
        fault = reader.run(&mut reading) => fault,
        fault = write(shared, &mut writing, queue, &mut answered) => fault,
    };
    match fault {
        Fault::Stopped => {
            // The server may have more for us until it has read our end (RFC 6120, section 4.4).
            let _ = tokio::time::timeout(shared.pace.close, reader.run(&mut reading)).await;
        }
        Fault::Cut | Fault::Stalled => {}
        _ => {
            let farewell = async {
                let _ = writing.write_all(b"</stream:stream>").await;
                let _ = writing.shutdown().await;
            };
            let _ = tokio::time::timeout(shared.pace.close, farewell).await;
        }
    }
    fault
}

/// Writes what is queued, and a space when nothing is, so that the death of the other end shows.
async fn write(
    shared: &Shared,
    socket: &mut Writing,
    queue: &mut mpsc::Receiver<Queued>,
    answers: &mut mpsc::Receiver<String>,
) -> Fault {
    loop {
        let mut batch = Batch::default();
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = shared.incoming.closed() => break,
            Some(queued) = queue.recv() => batch.add(queued),
            Some(answer) = answers.recv() => batch.add_answer(&answer),
            () = tokio::time::sleep(shared.pace.keepalive) => batch.text.push(' '),
        }
        batch.fill(queue, answers);
        if let Err(fault) = batch.write(shared, socket).await {
            return fault;
        }
    }
    let farewell = async {
        loop {
            let mut batch = Batch::default();
            batch.fill(queue, answers);
            if batch.text.is_empty() {
                break;
            }
            batch.write(shared, socket).await?;
        }
        socket.write_all(b"</stream:stream>").await.map_err(|_| Fault::Cut)
    };
    match tokio::time::timeout(shared.pace.close, farewell).await {
        Ok(Ok(())) => Fault::Stopped,
        Ok(Err(fault)) => fault,
        Err(_) => Fault::Stalled,
    }
}

/// Stanzas that go to the socket in one piece.
#[derive(Default)]
struct Batch {
    text: String,
    stanzas: Vec<Queued>,
    answers: usize,
}

impl Batch {
    fn add(&mut self, queued: Queued) {
        self.text.push_str(&queued.text);
        self.stanzas.push(queued);
    }

    fn add_answer(&mut self, answer: &str) {
        self.text.push_str(answer);
        self.answers += 1;
    }

    /// Takes what else is ready.
    fn fill(&mut self, queue: &mut mpsc::Receiver<Queued>, answers: &mut mpsc::Receiver<String>) {
        while self.text.len() < BATCH {
            match (queue.try_recv(), answers.try_recv()) {
                (Err(_), Err(_)) => break,
                (queued, answer) => {
                    queued.into_iter().for_each(|queued| self.add(queued));
                    answer.into_iter().for_each(|answer| self.add_answer(&answer));
                }
            }
        }
    }

    async fn write(self, shared: &Shared, socket: &mut Writing) -> Result<(), Fault> {
        let stopped = async {
            shared.stop.cancelled().await;
            tokio::time::sleep(shared.pace.close).await;
        };
        tokio::select! {
            written = socket.write_all(self.text.as_bytes()) => written.map_err(|_| Fault::Cut)?,
            () = tokio::time::sleep(shared.pace.stall) => return Err(Fault::Stalled),
            () = stopped => return Err(Fault::Stalled),
        }
        (0..self.answers + self.stanzas.len()).for_each(|_| shared.tally.sent.increment());
        for queued in self.stanzas {
            let _ = queued.written.send(()); // a sender that went away does not want to know
        }
        Ok(())
    }
}

struct Reader<'a> {
    shared: &'a Shared,
    answers: mpsc::Sender<String>,
    /// The id of the ping that is under way.
    ping: Option<String>,
}

impl Reader<'_> {
    async fn run(&mut self, reading: &mut Reading) -> Fault {
        loop {
            match reading.next().await {
                Ok(Frame::Child(child)) if child.is("error", STREAMS) => return Fault::from_stream_error(&child),
                Ok(Frame::Child(child)) => self.take(child),
                Ok(Frame::Refused(head, excess)) => self.refuse(&head, excess),
                Ok(Frame::Silence(1)) => self.ping(),
                Ok(Frame::Silence(_)) => return Fault::Silent,
                Ok(Frame::Header(_)) => return Fault::Malformed,
                Err(fault) => return fault,
            }
        }
    }

    fn take(&mut self, stanza: Element) {
        if self.is_our_ping(&stanza) {
            return;
        }
        if !self.is_for_us(&stanza) {
            self.shared.tally.misaddressed.increment();
            return;
        }
        if self.shared.incoming.capacity() <= RESERVED {
            self.shared.tally.overflowed.increment();
            self.answer(answer::overload(&stanza));
            return;
        }
        self.shared.tally.received.increment();
        let _ = self.shared.incoming.try_send(Incoming::Stanza(stanza)); // there is a place, and only we fill it
    }

    fn refuse(&mut self, head: &Element, excess: Excess) {
        self.shared.tally.refused.increment();
        if !self.is_for_us(head) {
            self.shared.tally.misaddressed.increment();
            return;
        }
        let answered = self.answer(answer::refusal(head, excess));
        if self.shared.incoming.capacity() > RESERVED {
            let text = |name: &str| head.attr(name).map(str::to_owned);
            let _ = self.shared.incoming.try_send(Incoming::Refused(Refused {
                excess,
                kind: head.name().to_owned(),
                from: text("from"),
                to: text("to"),
                id: text("id"),
                stanza_type: text("type"),
                answered,
            }));
        }
    }

    /// A server routes only what is addressed to us; one that does not must not make us act for others.
    fn is_for_us(&self, stanza: &Element) -> bool {
        let to = stanza.attr("to").and_then(|to| Jid::new(to).ok());
        stanza.has_ns(CLIENT)
            && matches!(stanza.name(), "message" | "presence" | "iq")
            && to.is_some_and(|to| to.domain() == self.shared.domain.domain())
    }

    /// Queues an error that is due; whether it was due and there was a place.
    fn answer(&mut self, answer: Option<Element>) -> bool {
        let Some(answer) = answer else { return false };
        let text = outgoing::write(answer, &self.shared.domain, self.shared.max_stanza).ok();
        let queued = text.is_some_and(|text| self.answers.try_send(text).is_ok());
        if !queued {
            self.shared.tally.unanswered.increment();
        }
        queued
    }

    /// Asks ourselves, through the server: that works with every server, whatever its own domain is.
    fn ping(&mut self) {
        let id = format!("link-{:016x}", getrandom::u64().unwrap_or_default());
        let mut iq = Element::bare("iq", CLIENT);
        for (name, value) in
            [("type", "get"), ("from", self.shared.domain.as_str()), ("to", self.shared.domain.as_str()), ("id", &id)]
        {
            let _ = answer::set(&mut iq, name, value);
        }
        iq.append_child(Element::bare("ping", PING));
        self.ping = Some(id);
        self.answer(Some(iq));
    }

    fn is_our_ping(&self, stanza: &Element) -> bool {
        let ours = Some(self.shared.domain.as_str());
        self.ping.is_some()
            && stanza.name() == "iq"
            && stanza.attr("id") == self.ping.as_deref()
            && stanza.attr("from") == ours
            && stanza.attr("to") == ours
    }
}

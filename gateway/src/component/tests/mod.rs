//! The link against a scripted server on loopback.

mod handshake;
mod hostile;
mod pressure;
mod sending;

use std::time::Duration;

use drawbridge_bridge::{CancellationToken, Secret};
use jid::BareJid;
use minidom::Element;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::supervision::{self, Pace};
use super::*;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
    xmlns:stream='http://etherx.jabber.org/streams' id='s1' from='gw.example.org'>";
/// SHA-1 of `s1` and `secret`.
const DIGEST: &str = "3d1121b21f6287dc58010ebe9a95fa84ee2483d4";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn quick() -> Pace {
    Pace {
        first: Duration::from_millis(10),
        most: Duration::from_millis(40),
        close: Duration::from_millis(500),
        ..Pace::default()
    }
}

/// A server with nothing but a script.
struct Server(TcpListener);

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn config(&self) -> LinkConfig {
        LinkConfig {
            jid: BareJid::new("gw.example.org").unwrap(),
            server: self.0.local_addr().unwrap().to_string(),
            secret: Secret::new("secret"),
            limits: Limits::default(),
        }
    }

    fn open(&self, pace: Pace) -> (Link, CancellationToken) {
        let stop = CancellationToken::new();
        (supervision::open(self.config(), stop.clone(), pace), stop)
    }

    /// Takes the next connection, up to the component's stream header.
    async fn greet(&self) -> Peer {
        let (socket, _) = within(self.0.accept()).await.unwrap();
        let mut peer = Peer { socket, heard: String::new() };
        let header = peer.hear("to='gw.example.org'>").await;
        assert!(header.starts_with("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'"), "{header}");
        peer
    }

    /// Takes the next connection and lets it in.
    async fn accept(&self) -> Peer {
        let mut peer = self.greet().await;
        peer.say(HEADER).await;
        assert_eq!(peer.hear("</handshake>").await, format!("<handshake>{DIGEST}</handshake>"));
        peer.say("<handshake/>").await;
        peer
    }
}

/// The server's end of one connection.
struct Peer {
    socket: TcpStream,
    heard: String,
}

impl Peer {
    async fn say(&mut self, text: impl AsRef<[u8]>) {
        within(self.socket.write_all(text.as_ref())).await.unwrap();
    }

    /// What comes up to and with `end`, the spaces that keep the connection alive left out.
    async fn hear(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.heard.find(end) {
                let rest = self.heard.split_off(at + end.len());
                return std::mem::replace(&mut self.heard, rest).trim_start().to_owned();
            }
            let mut octets = vec![0; 65536];
            let read = within(self.socket.read(&mut octets)).await.unwrap();
            assert_ne!(read, 0, "closed before {end:?}, after {:?}", self.heard);
            self.heard.push_str(std::str::from_utf8(&octets[..read]).unwrap());
        }
    }

    /// Reads on until the component closes; what came.
    async fn hear_the_end(mut self) -> String {
        let mut rest = Vec::new();
        within(self.socket.read_to_end(&mut rest)).await.unwrap();
        self.heard + std::str::from_utf8(&rest).unwrap()
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

impl Link {
    async fn next(&mut self) -> Incoming {
        within(self.incoming.recv()).await.expect("the link ended")
    }

    async fn next_stanza(&mut self) -> Element {
        match self.next().await {
            Incoming::Stanza(stanza) => stanza,
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, state: LinkState) {
        within(self.outgoing.watch().wait_for(|now| *now == state)).await.unwrap();
    }
}

fn stanza(xml: &str) -> Element {
    xml.replacen(['>'], " xmlns='jabber:client'>", 1).parse().unwrap()
}

fn message(body: &str) -> Element {
    let mut message = stanza("<message from='bob%m.org@gw.example.org' to='alice@example.org'></message>");
    message.append_child(Element::bare("body", crate::xml::CLIENT)).append_text(body);
    message
}

//! A socket, and the handshake on it (XEP-0114, section 3).

use jid::BareJid;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, UnixStream, lookup_host};

use super::LinkConfig;
use super::fault::Fault;
use super::framer::{Frame, Framer};
use super::prompt_ack::PromptAck;
use super::supervision::Pace;
use crate::xml::{CLIENT, STREAMS};

/// The reading half, whatever the socket is.
pub(super) type Reading = Framer<Box<dyn AsyncRead + Send + Unpin>>;
/// The writing half.
pub(super) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// Connects and authenticates.
pub(super) async fn connect(config: &LinkConfig, pace: &Pace) -> Result<(Reading, Writing), Fault> {
    let attempt = async {
        let (read, mut write) = socket(&config.server).await?;
        let mut reading = Framer::new(read, config.limits, pace.silence);
        handshake(config, &mut reading, &mut write).await?;
        Ok((reading, write))
    };
    tokio::time::timeout(pace.connect, attempt).await.unwrap_or(Err(Fault::Unreachable))
}

async fn socket(server: &str) -> Result<(Box<dyn AsyncRead + Send + Unpin>, Writing), Fault> {
    if let Some(path) = server.strip_prefix("unix:") {
        let (read, write) = UnixStream::connect(path).await.map_err(|_| Fault::Unreachable)?.into_split();
        return Ok((Box::new(read), Box::new(write)));
    }
    for address in lookup_host(server).await.map_err(|_| Fault::Unreachable)? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let Ok(socket) = socket else { continue };
        let prepared = socket.set_keepalive(true).and_then(|()| socket.set_nodelay(true));
        let Ok(()) = prepared else { continue };
        if let Ok(stream) = socket.connect(address).await {
            if !address.ip().is_loopback() {
                tracing::warn!("the component protocol is in clear, and the server is not on this host");
            }
            let (read, write) = stream.into_split();
            return Ok((Box::new(PromptAck(read)), Box::new(write)));
        }
    }
    Err(Fault::Unreachable)
}

async fn handshake(config: &LinkConfig, reading: &mut Reading, write: &mut Writing) -> Result<(), Fault> {
    send(write, &header(&config.jid)).await?;
    let id = loop {
        if let Frame::Header(id) = reading.next().await? {
            break id;
        }
    };
    let mut hash = Sha1::new();
    hash.update(id.as_bytes());
    hash.update(config.secret.expose());
    let digest: String = hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect();
    send(write, &format!("<handshake>{digest}</handshake>")).await?;
    loop {
        match reading.next().await? {
            Frame::Child(child) if child.is("handshake", CLIENT) => return Ok(()),
            Frame::Child(child) if child.is("error", STREAMS) => return Err(Fault::from_stream_error(&child)),
            Frame::Child(_) | Frame::Refused(..) => return Err(Fault::Malformed),
            Frame::Header(_) | Frame::Silence(_) => {}
        }
    }
}

fn header(domain: &BareJid) -> String {
    // A domain that is a JID has no character that XML would want escaped.
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS}' to='{domain}'>"
    )
}

async fn send(write: &mut Writing, text: &str) -> Result<(), Fault> {
    write.write_all(text.as_bytes()).await.map_err(|_| Fault::Cut)
}

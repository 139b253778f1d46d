//! How to reach the server: found by DNS or given, with TLS or, on loopback only, without.

use std::borrow::Cow;
use std::fmt;
use std::io;

use sasl::common::ChannelBinding;
use tokio::io::BufStream;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio_xmpp::Error;
use tokio_xmpp::connect::{DnsConfig, ServerConnector, starttls::starttls, tls_common::establish_tls_connection};
use tokio_xmpp::jid::Jid;
use tokio_xmpp::xmlstream::{PendingFeaturesRecv, StreamHeader, Timeouts, initiate_stream};

use crate::prompt_ack::PromptAck;
use crate::tap::{Notice, Tap, Transport};

/// How the stream is protected on its way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// STARTTLS, required (RFC 6120 section 5).
    StartTls,
    /// TLS from the first octet (XEP-0368).
    DirectTls,
    /// Nothing; refused unless the server is on this machine.
    Plain,
}

/// Connects, again and again.
#[derive(Clone)]
pub(crate) struct Connector {
    /// `host:port`; without it the domain is looked up.
    pub(crate) server: Option<String>,
    pub(crate) security: Security,
    pub(crate) notices: UnboundedSender<Notice>,
    pub(crate) wants_elements: bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("server", &self.server)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl ServerConnector for Connector {
    type Stream = BufStream<Tap>;

    async fn connect(
        &self,
        jid: &Jid,
        ns: &'static str,
        timeouts: Timeouts,
    ) -> Result<(PendingFeaturesRecv<Self::Stream>, ChannelBinding), Error> {
        let connected = self.open(jid, ns, timeouts).await;
        let (transport, ack, binding) =
            connected.inspect_err(|error| self.tell(Notice::NotConnected(error.to_string())))?;
        let tap = Tap::new(transport, ack, self.notices.clone(), self.wants_elements);
        let stream = initiate_stream(BufStream::new(tap), ns, header(jid), timeouts).await;
        let stream = stream.inspect_err(|error| self.tell(Notice::NotConnected(error.to_string())))?;
        Ok((stream, binding))
    }
}

impl Connector {
    async fn open(
        &self,
        jid: &Jid,
        ns: &'static str,
        timeouts: Timeouts,
    ) -> Result<(Box<dyn Transport>, PromptAck, ChannelBinding), Error> {
        let domain = jid.domain().as_str();
        let socket = self.dial(domain).await?;
        socket.set_nodelay(true)?;
        let (socket, ack) = PromptAck::on(socket)?;
        match self.security {
            Security::Plain => {
                if !socket.peer_addr()?.ip().is_loopback() {
                    let text = "--insecure-plaintext is for servers on this machine only";
                    self.tell(Notice::Impossible(text.to_owned()));
                    return Err(io::Error::other(text).into());
                }
                Ok((Box::new(socket), ack, ChannelBinding::None))
            }
            Security::DirectTls => {
                let (tls, binding) = establish_tls_connection(socket, domain).await?;
                Ok((Box::new(tls), ack, binding))
            }
            Security::StartTls => {
                let stream = initiate_stream(BufStream::new(socket), ns, header(jid), timeouts).await?;
                let (features, stream) = stream.recv_features().await?;
                if !features.can_starttls() {
                    return Err(io::Error::other("the server does not offer TLS").into());
                }
                let (tls, binding) = starttls(stream, domain).await?;
                Ok((Box::new(tls), ack, binding))
            }
        }
    }

    async fn dial(&self, domain: &str) -> Result<TcpStream, Error> {
        match &self.server {
            Some(server) => Ok(TcpStream::connect(server).await?),
            None if self.security == Security::DirectTls => DnsConfig::srv_xmpps(domain).resolve().await,
            None => DnsConfig::srv_default_client(domain).resolve().await,
        }
    }

    fn tell(&self, notice: Notice) {
        // nobody listens any more when the program ends
        let _ = self.notices.send(notice);
    }
}

fn header(jid: &Jid) -> StreamHeader<'_> {
    StreamHeader { to: Some(Cow::Borrowed(jid.domain().as_str())), from: None, id: None }
}

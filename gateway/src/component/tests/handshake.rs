use super::*;

#[tokio::test]
async fn the_secret_proves_itself_and_stanzas_pass() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    assert!(!link.outgoing.is_up());
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    assert!(link.outgoing.is_up());

    peer.say("<message from='alice@example.org/x' to='bob%m.org@gw.example.org' id='1'><body>hi</body></message>")
        .await;
    let received = link.next_stanza().await;
    assert!(received.is("message", "jabber:client"));
    assert_eq!(received.get_child("body", "jabber:client").unwrap().text(), "hi");

    link.outgoing.send(message("ho")).await.unwrap();
    assert_eq!(
        peer.hear("</message>").await,
        "<message from='bob%m.org@gw.example.org' to='alice@example.org'><body>ho</body></message>"
    );
    assert_eq!(
        (link.outgoing.counts().connections, link.outgoing.counts().received, link.outgoing.counts().sent),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_unix_socket_is_a_server_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prosody.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let config = LinkConfig { server: format!("unix:{}", path.display()), ..Server::start().await.config() };
    let mut link = supervision::open(config, CancellationToken::new(), quick());
    let (mut socket, _) = within(listener.accept()).await.unwrap();
    socket.write_all(format!("{HEADER}<handshake/>").as_bytes()).await.unwrap();
    assert_eq!(link.next().await, Incoming::Up);
}

#[tokio::test]
async fn a_refused_link_says_why_and_tries_again() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    for (condition, fault) in [
        ("not-authorized", Fault::NotAuthorized),
        ("host-unknown", Fault::HostUnknown),
        ("conflict", Fault::Conflict),
        ("conflict", Fault::Conflict),
        ("system-shutdown", Fault::StreamError("system-shutdown")),
        ("something-new", Fault::StreamError("undefined-condition")),
    ] {
        let mut peer = server.greet().await;
        peer.say(HEADER).await;
        peer.say(format!(
            "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        ))
        .await;
        link.until(LinkState::Down(fault)).await;
        assert_eq!(link.outgoing.send(message("x")).await, Err(SendError::Down));
    }
    let _peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
}

#[tokio::test]
async fn an_answer_that_is_no_handshake_is_none() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    for answer in ["<message/>", "<handshake xmlns='urn:x'/>", "<a>", "</stream:stream>", "garbage", "\u{0}"] {
        let mut peer = server.greet().await;
        peer.say(format!("{HEADER}{answer}")).await;
        drop(peer);
    }
    for header in ["<html>", "<stream xmlns='jabber:client'>", "HTTP/1.1 400 Bad Request\r\n\r\n", "<stream:stream>"] {
        let mut peer = server.greet().await;
        peer.say(header).await;
        link.until(LinkState::Down(Fault::Malformed)).await;
    }
    let _peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    assert_eq!(link.outgoing.counts().connections, 1);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let server = Server::start().await;
    let (link, _stop) = server.open(Pace { connect: Duration::from_millis(50), ..quick() });
    let _silent = server.greet().await;
    link.until(LinkState::Down(Fault::Unreachable)).await;
    let _next = server.accept().await;
    link.until(LinkState::Up).await;
}

#[tokio::test]
async fn a_cut_connection_comes_back_even_through_conflict() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    for _ in 0..3 {
        let peer = server.accept().await;
        assert_eq!(link.next().await, Incoming::Up);
        drop(peer);
        assert_eq!(link.next().await, Incoming::Down);
        let mut refusing = server.greet().await;
        refusing.say(HEADER).await;
        refusing.hear("</handshake>").await;
        refusing
            .say("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
            .await;
        link.until(LinkState::Down(Fault::Conflict)).await;
    }
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    peer.say("<iq type='get' to='gw.example.org' from='a@b' id='1'><query xmlns='urn:x'/></iq>").await;
    assert_eq!(link.next_stanza().await.attr("id"), Some("1"));
}

#[tokio::test]
async fn the_log_tells_what_happens_and_names_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let server = Server::start().await;
    let (mut link, stop) = server.open(quick());
    let mut refusing = server.greet().await;
    refusing
        .say(format!("{HEADER}<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"))
        .await;
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let deep = ["<a>canary".repeat(99), "</a>".repeat(99)].concat();
    peer.say(format!("<message from='canary@canary' to='gw.example.org' id='canary'>{deep}</message>")).await;
    assert!(matches!(link.next().await, Incoming::Refused(_)));
    link.outgoing.send(message("canary")).await.unwrap();
    peer.say("<canary>").await;
    drop(peer);
    assert_eq!(link.next().await, Incoming::Down);
    stop.cancel();
    link.until(LinkState::Stopped).await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for told in ["the component link is up", "the component link is down", "still lives", "was cut"] {
        assert!(text.contains(told), "{told} is missing in {text}");
    }
    for secret in ["canary", "example", "secret", DIGEST] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

use super::*;

#[tokio::test]
async fn senders_are_told_when_nobody_takes_their_stanzas() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    link.until(LinkState::Up).await;
    // Up takes a place of those reserved.
    let stanzas: String =
        (0..INCOMING - 1).map(|n| format!("<message from='a@b' to='gw.example.org' id='{n}'/>")).collect();
    peer.say(stanzas).await;
    peer.say(
        "<message from='a@b/1' to='gw.example.org' id='m'><body/></message>\
         <message from='a@b/1' to='gw.example.org' id='e' type='error'/>\
         <presence from='a@b/1' to='gw.example.org' id='p'/>\
         <iq from='a@b/1' to='x@gw.example.org' id='r' type='result'/>\
         <iq from='a@b/1' to='x@gw.example.org' id='q' type='set'/>",
    )
    .await;
    let error = "<error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    assert_eq!(
        peer.hear("</message>").await,
        format!("<message from='gw.example.org' id='m' to='a@b/1' type='error'>{error}</message>")
    );
    assert_eq!(
        peer.hear("</iq>").await,
        format!("<iq from='x@gw.example.org' id='q' to='a@b/1' type='error'>{error}</iq>")
    );
    assert_eq!(link.outgoing.counts().overflowed, 5);

    // What was in time is all there, in order, and there is room again.
    assert_eq!(link.next().await, Incoming::Up);
    for n in 0..INCOMING - 1 {
        assert_eq!(link.next_stanza().await.attr("id"), Some(&*n.to_string()));
    }
    peer.say("<message from='a@b' to='gw.example.org' id='late'/>").await;
    assert_eq!(link.next_stanza().await.attr("id"), Some("late"));
}

#[tokio::test]
async fn news_of_the_link_finds_a_place_in_a_full_queue() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    link.until(LinkState::Up).await;
    peer.say("<presence from='a@b' to='gw.example.org'/>".repeat(INCOMING + 100)).await;
    drop(peer);
    let _peer = server.accept().await;
    link.until(LinkState::Up).await;
    let mut news = Vec::new();
    while news.len() < 3 {
        match link.next().await {
            Incoming::Stanza(_) => {}
            other => news.push(other),
        }
    }
    assert_eq!(news, [Incoming::Up, Incoming::Down, Incoming::Up]);
}

#[tokio::test]
async fn the_socket_is_drained_while_nobody_reads_either_end() {
    let server = Server::start().await;
    let (link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    link.until(LinkState::Up).await;
    // 60 MB in, each of them answered, and the server reads no answer.
    let message = format!("<message from='a@b' to='gw.example.org' id='1'><body>{}</body></message>", "x".repeat(2000));
    let many = message.repeat(1000);
    for _ in 0..30 {
        peer.say(&many).await;
    }
    within(async {
        while link.outgoing.counts().overflowed + link.outgoing.counts().received < 30_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(link.outgoing.counts().received <= INCOMING as u64);
}

#[tokio::test]
async fn a_quiet_connection_is_kept_alive_and_asked() {
    let server = Server::start().await;
    let pace = Pace { silence: Duration::from_millis(200), keepalive: Duration::from_millis(20), ..quick() };
    let (mut link, _stop) = server.open(pace);
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let mut spaces = [0; 2];
    within(peer.socket.read_exact(&mut spaces)).await.unwrap();
    assert_eq!(&spaces, b"  ");
    for _ in 0..3 {
        let ping = peer.hear("</iq>").await;
        let element: Element = ping.replacen("<iq", "<iq xmlns='jabber:component:accept'", 1).parse().unwrap();
        assert_eq!((element.attr("from"), element.attr("to")), (Some("gw.example.org"), Some("gw.example.org")));
        assert_eq!(element.attr("type"), Some("get"));
        peer.say(&ping).await; // a server routes it back to us
    }
    peer.say("<message from='a@b' to='gw.example.org' id='1'/>").await;
    assert_eq!(link.next_stanza().await.attr("id"), Some("1"), "our own ping was handed over");

    // Without a word from the server, the connection is dead.
    assert_eq!(link.next().await, Incoming::Down);
    assert_eq!(*link.outgoing.watch().borrow(), LinkState::Down(Fault::Silent));
    let _again = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
}

#[tokio::test]
async fn a_server_that_stops_reading_is_left() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(Pace { stall: Duration::from_millis(200), ..quick() });
    let _deaf = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let body = "x".repeat(400_000);
    let sends = (0..64).map(|_| {
        let (outgoing, message) = (link.outgoing.clone(), message(&body));
        tokio::spawn(async move { outgoing.send(message).await })
    });
    let sends: Vec<_> = sends.collect();
    assert_eq!(link.next().await, Incoming::Down);
    let mut results = Vec::new();
    for send in sends {
        results.push(within(send).await.unwrap());
    }
    assert_eq!(results.last(), Some(&Err(SendError::Down)), "every sender knows");
}

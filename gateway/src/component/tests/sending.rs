use proptest::prelude::*;

use super::*;
use crate::xml;

#[tokio::test]
async fn what_a_server_would_close_the_stream_for_is_not_sent() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    for foreign in [
        "<message to='a@b'></message>",
        "<message from='example.org' to='a@b'></message>",
        "<message from='x@example.org' to='a@b'></message>",
        "<message from='x@sub.gw.example.org' to='a@b'></message>",
        "<message from='gw.example.org.evil' to='a@b'></message>",
        "<message from='x@other/gw.example.org' to='a@b'></message>",
        "<message from='' to='a@b'></message>",
        "<message from='@gw.example.org' to='a@b'></message>",
        "<handshake from='gw.example.org'></handshake>",
        "<body from='gw.example.org'></body>",
    ] {
        assert_eq!(link.outgoing.send(stanza(foreign)).await, Err(SendError::Foreign), "{foreign}");
    }
    let other_namespace = Element::builder("message", "urn:x").build();
    assert_eq!(link.outgoing.send(other_namespace).await, Err(SendError::Foreign));
    assert_eq!(link.outgoing.send(message(&"x".repeat(600_000))).await, Err(SendError::TooLarge));
    assert_eq!(link.outgoing.send(message(&"&".repeat(110_000))).await, Err(SendError::TooLarge));

    link.outgoing.send(stanza("<presence from='X@GW.Example.org/Home' to='a@b'></presence>")).await.unwrap();
    assert_eq!(peer.hear("/>").await, "<presence from='x@gw.example.org/Home' to='a@b'/>");
}

#[tokio::test]
async fn poison_does_not_leave_the_house() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    link.outgoing.send(message("\u{0}\u{1}\u{fffe}]]><!-- --><?pi?></message>")).await.unwrap();
    assert_eq!(
        peer.hear("</message>").await,
        "<message from='bob%m.org@gw.example.org' to='alice@example.org'><body>\u{fffd}\u{fffd}\u{fffd}]]&gt;\
         &lt;!-- --&gt;&lt;?pi?&gt;&lt;/message&gt;</body></message>"
    );
}

#[tokio::test]
async fn stanzas_keep_their_order() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let outgoing = link.outgoing.clone();
    let sender = tokio::spawn(async move {
        for n in 0..2000 {
            outgoing.send(message(&n.to_string())).await.unwrap();
        }
    });
    for n in 0..2000 {
        assert!(peer.hear("</message>").await.contains(&format!("<body>{n}</body>")));
    }
    sender.await.unwrap();
    assert_eq!(link.outgoing.counts().sent, 2000);
}

#[tokio::test]
async fn a_stop_sends_what_is_queued_and_ends_the_stream() {
    let server = Server::start().await;
    let (mut link, stop) = server.open(quick());
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let sends: Vec<_> = (0..500)
        .map(|n| {
            let outgoing = link.outgoing.clone();
            tokio::spawn(async move { outgoing.send(message(&format!("{n}{}", "x".repeat(4000)))).await })
        })
        .collect();
    peer.hear("<message").await;
    stop.cancel();
    // Until the server has closed as well, its last words arrive.
    let all = {
        let mut all = peer.hear("</stream:stream>").await;
        peer.say("<message from='a@b' to='gw.example.org' id='last'/></stream:stream>").await;
        all.push_str(&peer.hear_the_end().await);
        all
    };
    let mut written = 0;
    for send in sends {
        written += usize::from(within(send).await.unwrap().is_ok());
    }
    assert_eq!(all.matches("</message>").count(), written, "a send that succeeded was written, the others were not");
    assert!(written > 0);
    assert!(all.ends_with("</stream:stream>"));
    assert_eq!(link.next_stanza().await.attr("id"), Some("last"));
    assert_eq!(link.next().await, Incoming::Down);
    assert_eq!(within(link.incoming.recv()).await, None);
    assert_eq!(*link.outgoing.watch().borrow(), LinkState::Stopped);
    assert_eq!(link.outgoing.send(message("x")).await, Err(SendError::Down));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_dead_server() {
    let server = Server::start().await;
    let (mut link, stop) = server.open(quick());
    let _deaf = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let sends = (0..40).map(|_| link.outgoing.send(message(&"x".repeat(400_000))));
    let (_, ()) = tokio::join!(futures::future::join_all(sends), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
        link.until(LinkState::Stopped).await;
    });
}

#[tokio::test]
async fn a_link_that_nobody_reads_from_ends() {
    let server = Server::start().await;
    let (link, _stop) = server.open(quick());
    let peer = server.accept().await;
    link.until(LinkState::Up).await;
    let Link { outgoing, incoming } = link;
    drop(incoming);
    assert!(peer.hear_the_end().await.ends_with("</stream:stream>"));
    within(outgoing.watch().wait_for(|state| *state == LinkState::Stopped)).await.unwrap();
}

#[tokio::test]
async fn a_test_sees_what_is_sent() {
    let (outgoing, mut sent) = Outgoing::for_test();
    assert!(outgoing.is_up());
    outgoing.send(message("x")).await.unwrap();
    assert_eq!(sent.recv().await, Some(message("x")));
    drop(sent);
    assert_eq!(outgoing.send(message("x")).await, Err(SendError::Down));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_people_write_is_one_stanza_on_the_wire(to in any::<String>(), id in any::<String>(), body in any::<String>()) {
        let mut message = message(&body);
        answer::set(&mut message, "to", &to).unwrap();
        answer::set(&mut message, "id", &id).unwrap();
        let domain = BareJid::new("gw.example.org").unwrap();
        let text = outgoing::write(message, &domain, 500_000).unwrap();
        let wrapped = format!("<x xmlns='urn:x'>{}</x>", text.replacen("<message", "<message xmlns='jabber:client'", 1));
        let parsed = xml::fragment(&wrapped, Limits::default());
        let parsed = parsed.unwrap();
        prop_assert_eq!(parsed[0].nodes().count(), 1);
        let message = parsed[0].children().next().unwrap();
        let filtered = |text: &str| text.replace(|c: char| (c < ' ' && !"\t\r\n".contains(c)) || "\u{fffe}\u{ffff}".contains(c), "\u{fffd}");
        prop_assert_eq!(message.attr("to"), Some(&*filtered(&to)));
        prop_assert_eq!(message.attr("id"), Some(&*filtered(&id)));
        prop_assert_eq!(message.children().next().unwrap().text(), filtered(&body));
        prop_assert_eq!(message.attrs().len(), 3);
    }
}

use super::*;

const FROM: &str = "from='mallory@example.net/x' to='bob%m.org@gw.example.org' id='m1'";

/// Says something to a link that lives on threads with small stacks; what came of it, and what the link answered.
/// The stanza behind it must arrive.
fn say(text: String) -> (Vec<Incoming>, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(2 * 1024 * 1024)
        .enable_all()
        .build()
        .unwrap();
    let story = async {
        let server = Server::start().await;
        let (mut link, stop) = server.open(quick());
        let mut peer = server.accept().await;
        assert_eq!(link.next().await, Incoming::Up);
        peer.say(text).await;
        peer.say("<message from='alice@example.org' to='gw.example.org' id='behind'/>").await;
        let mut came = Vec::new();
        loop {
            match link.next().await {
                Incoming::Stanza(stanza) if stanza.attr("id") == Some("behind") => break,
                other => came.push(other),
            }
        }
        stop.cancel();
        (came, peer.hear_the_end().await)
    };
    runtime.block_on(async { tokio::spawn(story).await.unwrap() })
}

fn refused(kind: &str, stanza_type: Option<&str>, excess: Excess, answered: bool) -> Vec<Incoming> {
    vec![Incoming::Refused(Refused {
        excess,
        kind: kind.to_owned(),
        from: Some("mallory@example.net/x".to_owned()),
        to: Some("bob%m.org@gw.example.org".to_owned()),
        id: Some("m1".to_owned()),
        stanza_type: stanza_type.map(str::to_owned),
        answered,
    })]
}

fn error(kind: &str, condition: &str, text: &str) -> String {
    format!(
        "<{kind} from='bob%m.org@gw.example.org' id='m1' to='mallory@example.net/x' type='error'><error type='modify'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{text}</text></error></{kind}></stream:stream>"
    )
}

#[test]
fn seventy_thousand_levels_are_too_deep() {
    let deep = |stanza: &str| {
        format!(
            "<{stanza}>{}{}</{}>",
            "<a>".repeat(70_000),
            "</a>".repeat(70_000),
            &stanza[..stanza.find(' ').unwrap()]
        )
    };
    let (came, answer) = say(deep(&format!("message {FROM}")));
    assert_eq!(came, refused("message", None, Excess::TooDeep, true));
    assert_eq!(answer, error("message", "not-acceptable", "too deep"));

    let (came, answer) = say(deep(&format!("iq type='get' {FROM}")));
    assert_eq!(came, refused("iq", Some("get"), Excess::TooDeep, true));
    assert_eq!(answer, error("iq", "not-acceptable", "too deep"));

    for (stanza, stanza_type) in
        [("presence", None), ("iq", Some("result")), ("iq", Some("error")), ("message", Some("error"))]
    {
        let attribute = stanza_type.map(|kind| format!("type='{kind}' ")).unwrap_or_default();
        let (came, answer) = say(deep(&format!("{stanza} {attribute}{FROM}")));
        assert_eq!(came, refused(stanza, stanza_type, Excess::TooDeep, false));
        assert_eq!(answer, "</stream:stream>");
    }
}

#[test]
fn sixty_four_levels_are_not() {
    let levels = |count: usize| format!("<message {FROM}>{}{}</message>", "<a>".repeat(count), "</a>".repeat(count));
    let (came, _) = say(levels(63));
    assert!(matches!(&came[..], [Incoming::Stanza(_)]));
    let (came, _) = say(levels(64));
    assert!(matches!(&came[..], [Incoming::Refused(_)]));
}

#[test]
fn a_stanza_over_the_limit_is_skipped_wherever_it_swells() {
    let x = |octets: usize| "x".repeat(octets);
    for stanza in [
        format!("<message {FROM}><body>{}</body></message>", x(600_000)),
        format!("<message {FROM}><body a='{}'/></message>", x(600_000)),
        format!("<message {FROM} a='{}'/>", x(600_000)),
        format!("<message a='{}' {FROM}><body/></message>", x(600_000)),
        format!("<message {FROM}><{}/></message>", x(600_000)),
        format!("<message {FROM}>{}</message>", "<b/>".repeat(150_000)),
        format!("<message {FROM}>{}</message>", "<b/>".repeat(50_000)), // small on the wire, not in memory
        format!("<message {FROM}><a xmlns='{}'>{}</a></message>", x(100_000), "<b/>".repeat(50)),
        format!("<message {FROM}><a {}/></message>", (0..60_000).map(|n| format!("a{n}='' ")).collect::<String>()),
        format!(
            "<message {FROM}><a {}/></message>",
            [
                (0..30_000).map(|n| format!("xmlns:a{n}='u' ")).collect(),
                x(1),
                "='".to_owned(),
                x(200_000),
                "'".to_owned()
            ]
            .concat()
        ),
        format!("<message {FROM}><body>{}</body></message>", "&amp;".repeat(150_000)),
    ] {
        let (came, answer) = say(stanza.clone());
        assert_eq!(came, refused("message", None, Excess::TooLarge, true), "{}", &stanza[..120]);
        assert_eq!(answer, error("message", "policy-violation", "too large"));
    }
}

#[test]
fn long_values_below_the_limit_pass() {
    for stanza in [
        format!("<message {FROM}><body>{}</body></message>", "x".repeat(200_000)),
        format!("<message {FROM}><body>{}</body></message>", "\u{1F600}<![CDATA[<]]>&amp;".repeat(8_000)),
        format!("<message {FROM}><body a='{}'/></message>", "x".repeat(200_000)),
    ] {
        let (came, _) = say(stanza);
        let [Incoming::Stanza(stanza)] = &came[..] else { panic!("{came:?}") };
        let body = stanza.get_child("body", "jabber:client").unwrap();
        let text = body.text();
        assert!(
            text == "x".repeat(200_000)
                || text == "\u{1F600}<&".repeat(8_000)
                || body.attr("a") == Some(&*"x".repeat(200_000))
        );
    }
}

#[test]
fn a_senseless_stanza_is_passed_on_for_others_to_judge() {
    let (came, _) = say(format!("<presence {FROM}><priority>abc</priority></presence>"));
    let [Incoming::Stanza(presence)] = &came[..] else { panic!("{came:?}") };
    assert!(xmpp_parsers::presence::Presence::try_from(presence.clone()).is_err());
}

#[test]
fn what_is_not_for_us_is_dropped() {
    for stanza in [
        "<message from='a@b' to='c@other.example.org'/>",
        "<message from='a@b'/>",
        "<message from='a@b' to='@'/>",
        "<message xmlns='urn:x' from='a@b' to='gw.example.org'/>",
        "<handshake/>",
        "<stream:features/>",
        "<iq2 from='a@b' to='gw.example.org'/>",
        "<message from='a@b' to='sub.gw.example.org'/>",
    ] {
        assert_eq!(say(stanza.to_owned()), (vec![], "</stream:stream>".to_owned()), "{stanza}");
    }
}

#[test]
fn no_answer_goes_to_an_impossible_address() {
    let deep = ["<a>".repeat(70), "</a>".repeat(70)].concat();
    for head in
        ["to='gw.example.org' id='1'".to_owned(), format!("to='gw.example.org' from='a@b' id='{}'", "i".repeat(4000))]
    {
        let (came, answer) = say(format!("<message {head}>{deep}</message>"));
        assert!(matches!(&came[..], [Incoming::Refused(Refused { answered: false, .. })]), "{came:?}");
        assert_eq!(answer, "</stream:stream>");
    }
}

#[tokio::test]
async fn what_xmpp_forbids_ends_the_stream_and_the_link_comes_back() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let malformed: [&[u8]; 14] = [
        b"<!DOCTYPE a>",
        b"<message><!DOCTYPE a [<!ENTITY b 'c'>]></message>",
        b"<?pi x?>",
        b"<!-- x -->",
        b"<message><!-- x --></message>",
        b"<message>\xff</message>",
        b"<message>\xc0\xaf</message>",
        b"<message>\xed\xa0\x80</message>",
        b"<message>\x01</message>",
        b"<message>&x;</message>",
        b"<message></iq>",
        b"<message a='1' a='2'/>",
        b"<x:message/>",
        b"text<message/>",
    ];
    let ended: [(&[u8], Fault); 3] = [
        (b"</stream:stream>", Fault::Closed),
        (
            b"<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            Fault::StreamError("reset"),
        ),
        (b"<stream:error/>", Fault::StreamError("undefined-condition")),
    ];
    for (octets, expected) in malformed.into_iter().map(|octets| (octets, Fault::Malformed)).chain(ended) {
        let mut peer = server.accept().await;
        assert_eq!(link.next().await, Incoming::Up);
        peer.say(octets).await;
        assert_eq!(link.next().await, Incoming::Down, "{}", String::from_utf8_lossy(octets));
        assert_eq!(*link.outgoing.watch().borrow(), LinkState::Down(expected), "{}", String::from_utf8_lossy(octets));
        assert_eq!(peer.hear_the_end().await, "</stream:stream>");
    }
}

#[tokio::test]
async fn a_stanza_without_end_is_not_read_for_ever() {
    let server = Server::start().await;
    let (mut link, _stop) = server.open(quick());
    let mut peer = server.accept().await;
    assert_eq!(link.next().await, Incoming::Up);
    let chunk = format!("<a>{}</a>", "x".repeat(60_000)).repeat(10);
    peer.say("<message to='gw.example.org'>").await;
    let flood = async { while peer.socket.write_all(chunk.as_bytes()).await.is_ok() {} };
    within(flood).await;
    assert_eq!(link.next().await, Incoming::Down);
    assert_eq!(*link.outgoing.watch().borrow(), LinkState::Down(Fault::Flood));
}

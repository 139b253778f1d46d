//! What comes from an attacker who has an account like everybody else.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use drawbridge_tests::{World, clients::ChatAccount};

const SOON: Duration = Duration::from_secs(30);
/// Seven octets a level: just inside the 512 KiB that our Prosody takes of a client.
const DEPTH: usize = 70_000;

#[test]
fn a_stanza_of_seventy_thousand_levels_is_noticed_by_nobody_else() {
    let mut world = World::echo("").unwrap();
    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.secure().unwrap();
    alice.deliver("before", "before").unwrap();
    let gateway = world.gateway.process.id();
    let mallory = world.account("mallory").unwrap();

    for (round, target) in [World::ECHO, world.component()].into_iter().enumerate() {
        let mut wire = Wire::log_in(&mallory);
        let deep = ["<a>".repeat(DEPTH), "</a>".repeat(DEPTH)].concat();
        // Without a body: Prosody's own archive would fail at it.
        wire.say(&format!("<message to='{target}' type='chat' id='deep{round}'>{deep}</message>"));
        let answer = wire.hear("</message>");
        let told = ["type='error'", "not-acceptable", &format!("id='deep{round}'")];
        assert!(told.iter().all(|part| answer.contains(part)), "the sender is told, of this stanza: {answer}");

        let word = format!("meanwhile {round}");
        alice.deliver(&word, &word).unwrap();
        alice.hear(&word, SOON).unwrap();
    }

    assert!(world.gateway.process.is_running(), "the gateway is gone");
    assert_eq!(world.gateway.process.id(), gateway, "the gateway is the same process");
    let log = std::fs::read_to_string(world.gateway.process.log()).unwrap();
    assert_eq!(log.matches("the component link is up").count(), 1, "the link to the XMPP server never broke");
    let lost: Vec<_> = alice.take_events().into_iter().filter(|event| event["state"] == "failed").collect();
    assert!(lost.is_empty(), "Alice's session did not break: {lost:?}");
}

/// A client of plain XML on a socket.
struct Wire(TcpStream);

impl Wire {
    fn log_in(account: &ChatAccount) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", account.port)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut wire = Self(stream);
        let (name, domain) = account.jid.split_once('@').unwrap();
        let header = format!(
            "<stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        wire.say(&header);
        wire.hear("</stream:features>");
        let plain = BASE64_STANDARD.encode(format!("\0{name}\0{}", account.password));
        wire.say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"));
        wire.hear("<success");
        wire.say(&header);
        wire.hear("</stream:features>");
        wire.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        wire.hear("</bind>");
        wire
    }

    /// Writes from another thread: a server that answers while we write must not stop us both.
    fn say(&mut self, xml: &str) {
        let (mut stream, xml) = (self.0.try_clone().unwrap(), xml.to_owned());
        thread::spawn(move || stream.write_all(xml.as_bytes()));
    }

    fn hear(&mut self, end: &str) -> String {
        let (mut heard, mut buffer) = (String::new(), [0; 4096]);
        while !heard.contains(end) {
            let read = self.0.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "closed after {heard:?}");
            heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        heard
    }
}

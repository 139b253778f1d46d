//! Prosody as the stories use it: plain XML on a socket, no library in between.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use drawbridge_tests::servers::{Prosody, ProsodySettings, XmppServer};
use tempfile::TempDir;

const DOMAIN: &str = "xmpp.test";

fn start(dir: &TempDir) -> Prosody {
    let settings = ProsodySettings { domain: DOMAIN.into(), components: Vec::new(), takes_files: false, trace: true };
    Prosody::start(dir.path(), &settings).unwrap()
}

struct Wire(TcpStream);

impl Wire {
    fn open(prosody: &Prosody) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", prosody.client_port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        Self(stream)
    }

    fn say(&mut self, xml: &str) {
        self.0.write_all(xml.as_bytes()).unwrap();
    }

    /// All that comes until it contains `end`; the error is the silence.
    fn hear(&mut self, end: &str) -> Result<String, ErrorKind> {
        let (mut heard, mut buffer) = (String::new(), [0; 4096]);
        while !heard.contains(end) {
            let read = self.0.read(&mut buffer).map_err(|error| error.kind())?;
            assert_ne!(read, 0, "closed after {heard:?}");
            heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        Ok(heard)
    }

    fn header(&mut self) -> Result<String, ErrorKind> {
        self.say(&format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        ));
        self.hear("</stream:features>")
    }

    fn log_in(&mut self, name: &str, password: &str) -> String {
        let plain = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
        self.say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"));
        self.hear(">").unwrap()
    }
}

#[test]
fn an_account_gets_in_with_its_password_and_with_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let prosody = start(&dir);
    assert_eq!(prosody.add_user("alice", "wonderland").unwrap(), "alice@xmpp.test");

    let mut wire = Wire::open(&prosody);
    let features = wire.header().unwrap();
    assert!(features.contains("<mechanism>SCRAM-SHA-1</mechanism>"), "{features}");
    assert!(features.contains("<mechanism>PLAIN</mechanism>"), "{features}");
    let refusal = wire.log_in("alice", "looking glass");
    assert!(refusal.starts_with("<failure"), "{refusal}");
    assert!(wire.log_in("alice", "wonderland").starts_with("<success"));
}

#[test]
fn prosody_freezes_thaws_and_comes_back_with_its_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let mut prosody = start(&dir);
    prosody.add_user("alice", "wonderland").unwrap();

    prosody.process.pause();
    let mut wire = Wire::open(&prosody);
    assert_eq!(wire.header(), Err(ErrorKind::WouldBlock));
    prosody.process.resume();
    wire.hear("</stream:features>").unwrap();

    prosody.process.kill();
    assert!(TcpStream::connect(("127.0.0.1", prosody.client_port())).is_err());

    prosody.process.restart().unwrap();
    let mut wire = Wire::open(&prosody);
    wire.header().unwrap();
    assert!(wire.log_in("alice", "wonderland").starts_with("<success"));
}

//! What any octets may do: nothing. The target of `../fuzz` calls this; here the corpus that it found is played again.

use minidom::Element;
use xmpp_files::egress::{Host, Refused, Scheme, Target, is_public};
use xmpp_files::{Shared, Source, aesgcm, read, read_all, to_message};

/// Any octets: as an address, as a body, as the children of a message, and as what was fetched.
pub(crate) fn files(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    address(text);
    own(text);
    if let Ok(shared) = aesgcm::read(text) {
        assert!(aesgcm::is_one(text) && read(&[], Some(text), false).as_ref() == Some(&shared));
        again(&shared);
        let _ = shared.open(data.to_vec());
    }
    // How deep it may be is the caller's business.
    let shallow = text.matches('<').count() < 400;
    let Some(message) = text.parse::<Element>().ok().filter(|_| shallow) else { return };
    let body = message.children().find(|child| child.name() == "body").map(Element::text);
    for shared in read_all(&message.children().collect::<Vec<_>>(), body.as_deref(), true) {
        let is_https = shared.source.url().starts_with("https://");
        assert!(is_https || matches!(shared.source, Source::Clear { .. }));
        assert!(shared.caption.as_ref().is_none_or(|said| !said.is_empty() && !aesgcm::is_one(said)));
        assert!(shared.name.as_ref().is_none_or(|name| !name.contains(['/', '\\', '\n']) && name.len() <= 255));
        if is_https {
            again(&shared);
        }
        let _ = shared.open(data.to_vec());
    }
}

/// What was taken is taken in the same way in its normal form, and is nobody's own.
fn address(text: &str) {
    let Ok(target) = Target::parse(text, true) else { return };
    assert!(target.path.starts_with('/') && !target.url.contains('#'));
    match &target.host {
        Host::Address(address) => assert!(is_public(*address)),
        Host::Name(name) => assert!(name.is_ascii() && name.contains('.') && *name == name.to_ascii_lowercase()),
    }
    // The normal form can be longer than the limit: what is not ASCII becomes so.
    if target.url.len() <= Target::MAX_URL {
        assert_eq!(Target::parse(&target.url, true), Ok(target));
    }
}

/// The first line, if there are more, as the user's own host: what is not for everybody is taken there, and nowhere else.
/// No address has a line break, so that what else is made of the octets is as it was.
fn own(text: &str) {
    let (host, url) = text.split_once('\n').unwrap_or(("localhost", text));
    let is_normal = host.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
    let is_there = is_normal && url.starts_with(&format!("https://{host}/"));
    for allow_http in [false, true] {
        let public = Target::parse(url, allow_http);
        assert_eq!(Target::parse_own(url, allow_http, &[]), public);
        let target = match Target::parse_own(url, allow_http, &["upload.example.org", host]) {
            Ok(target) => target,
            Err(refused) => {
                assert_eq!(public, Err(refused));
                assert!(!is_there || refused != Refused::NotPublic);
                continue;
            }
        };
        match public {
            Ok(public) => assert_eq!(target, public),
            Err(refused) => {
                assert!(matches!(refused, Refused::NotPublic | Refused::Port), "{refused}");
                assert!([host, "upload.example.org"].contains(&target.host.to_string().as_str()));
            }
        }
        assert!(target.scheme == Scheme::Https || allow_http);
        if target.url.len() <= Target::MAX_URL {
            assert_eq!(Target::parse_own(&target.url, allow_http, &[host, "upload.example.org"]), Ok(target));
        }
    }
}

/// What is written of what was read is the same file.
fn again(shared: &Shared) {
    if shared.source.url().len() > Target::MAX_URL {
        return;
    }
    let (body, children) = to_message(shared);
    let again = read(&children.iter().collect::<Vec<_>>(), body.as_ref().map(|body| body.as_str()), false).unwrap();
    // A file without a name has that of its address.
    let name = shared.name.clone().or(again.name.clone());
    assert!(again == Shared { name, ..shared.clone() });
}

#[test]
fn what_the_fuzzer_found_does_nothing() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/files");
    let mut played = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        files(&std::fs::read(file.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 50, "{played}");
}

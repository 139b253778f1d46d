//! Files cross, sealed anew, and their keys go nowhere else.

use ::omemo::{Dialect, Envelope};
use drawbridge_bridge::{Attachment, Caption, FileContent, FileInfo, Plaintext};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use xmpp_files::{Cipher, Shared, Source, aesgcm, encrypt, sfs, to_message};

use super::phone::*;
use super::*;
use crate::files::host::{Host, Reply};
use crate::xmpp::element::{Build, element, stanza as iq};

const PICTURE: &[u8] = b"\x89PNG no picture at all";
const UPLOAD: &str = "upload.example.org";

/// Alice, whose server has a place for files, and whose phone the contact knows.
async fn acquainted_with_files(dialect: Dialect, config: &str) -> (World, [Phone; 1], Host) {
    let host = Host::new().await;
    let web = crate::files::Web::trusting(
        &crate::config::FilesConfig { own_hosts: vec!["localhost".into()], ..Default::default() },
        Some(host.certificate.clone()),
    );
    let mut world = World::with_alice_and_web(&format!("[files]\n{config}"), web).await;
    world.has_no_devices = false;
    let mut phones = [Phone::new(dialect, 7)];
    phones[0].meet(&mut world).await;
    let first = phones[0].seal(Some("hello"));
    world.takes(&stanza_with("m1", &[first], "")).await;
    settle(&mut world, &mut phones).await;
    (world, phones, host)
}

/// A file that the user's client has sealed and put on the host.
fn put(host: &Host, path: &str, octets: &[u8]) -> Shared {
    let (sealed, key) = encrypt(octets.to_vec().into(), Cipher::Aes256Gcm, &mut UnwrapErr(SysRng)).unwrap();
    host.has(path, Reply::File(sealed));
    Shared::new(Source::Encrypted { url: host.url(path), key, hashes: Vec::new() })
}

/// The next message with words for the phone; questions about devices and places for files are answered on the way.
async fn hears(world: &mut World, phones: &mut [Phone], host: &Host) -> (String, Element) {
    loop {
        let stanza = world.until(|stanza| ["iq", "message"].contains(&stanza.name())).await;
        if answers(world, phones, &stanza).await || gives_place(world, host, &stanza).await {
            continue;
        }
        if let Some(Some(words)) = phones[0].open(&stanza) {
            return (words, stanza);
        }
    }
}

/// Answers as a server with an upload service does (XEP-0363).
async fn gives_place(world: &World, host: &Host, stanza: &Element) -> bool {
    let Some(payload) = stanza.children().next().filter(|_| stanza.attr("type") == Some("get")) else { return false };
    let answer = match (stanza.attr("to").unwrap(), payload.name(), payload.ns().as_str()) {
        ("example.org", "query", ns::DISCO_ITEMS) => {
            element("query", ns::DISCO_ITEMS).with_child(element("item", ns::DISCO_ITEMS).with("jid", UPLOAD))
        }
        (UPLOAD, "query", ns::DISCO_INFO) => {
            element("query", ns::DISCO_INFO).with_child(element("feature", ns::DISCO_INFO).with("var", ns::UPLOAD))
        }
        (UPLOAD, "request", ns::UPLOAD) => {
            let url = host.url(&format!("/{}", payload.attr("filename").unwrap()));
            let url = |name| element(name, ns::UPLOAD).with("url", url.clone());
            element("slot", ns::UPLOAD).with_child(url("put")).with_child(url("get"))
        }
        _ => return false,
    };
    let [from, to] = ["from", "to"].map(|side| jid::Jid::new(stanza.attr(side).unwrap()).unwrap());
    let answer = iq("iq", &to, &from).with("type", "result").with("id", stanza.attr("id").unwrap()).with_child(answer);
    world.takes(&text(&answer)).await;
    true
}

async fn far_file(world: &World) -> (Attachment, Vec<u8>) {
    world.eventually(|world| world.far().received().iter().any(|got| got.file.is_some())).await;
    let file = world.far().received().into_iter().find_map(|got| got.file).unwrap();
    let octets = world.far().file(&file.handle).unwrap().expose().to_vec();
    (*file, octets)
}

fn picture(caption: Option<&str>) -> (FileInfo, Option<Caption>, FileContent) {
    let name = Plaintext::new("../c\u{e4}t.png");
    let info = FileInfo { name, media_type: "image/png".into(), size: None, dimensions: Some((3, 2)), duration: None };
    (info, caption.map(|it| Caption(Plaintext::new(it))), FileContent::new(PICTURE.to_vec().into()))
}

fn children(envelope: &str) -> Vec<Element> {
    Envelope::read(&envelope.parse().unwrap(), SILENT, ALICE).unwrap().content
}

#[tokio::test]
async fn an_aesgcm_url_becomes_a_file_of_the_network_and_its_key_goes_nowhere() {
    let (world, mut phones, host) = acquainted_with_files(Dialect::Axolotl, "").await;
    let shared = put(&host, "/cat.png", PICTURE);
    let sealed = phones[0].seal(Some(&to_message(&shared).0.unwrap()));
    world.takes(&stanza_with("m2", &[sealed], "")).await;
    let (file, octets) = far_file(&world).await;
    assert_eq!((file.info.name.expose(), file.info.media_type.as_str()), ("cat.png", "image/png"));
    assert_eq!((octets.as_slice(), file.info.size), (PICTURE, Some(22)));
    assert!(!world.far().received().iter().any(|got| got.text.expose().contains("aesgcm")));
}

#[tokio::test]
async fn a_file_of_stateless_sharing_crosses_with_its_name_and_what_is_said_of_it() {
    let (world, mut phones, host) = acquainted_with_files(Dialect::Omemo2, "").await;
    let mut shared = put(&host, "/1f3", PICTURE);
    shared.name = Some("cat.png".into());
    shared.media_type = Some("image/png".into());
    (shared.size, shared.width, shared.height) = (Some(22), Some(3), Some(2));
    shared.caption = Some("my cat".into());
    let (body, beside) = to_message(&shared);
    let body = element("body", ns::CLIENT).with_text(&body.unwrap());
    let xml: String = [body].iter().chain(&beside).map(text).collect();
    let sealed = phones[0].seal_content(&xml);
    world.takes(&stanza_with("m2", &[sealed], "")).await;
    let (file, octets) = far_file(&world).await;
    assert_eq!((file.info.name.expose(), file.info.dimensions), ("cat.png", Some((3, 2))));
    assert_eq!((file.caption, octets.as_slice()), (Some(Caption(Plaintext::new("my cat"))), PICTURE));
}

#[tokio::test]
async fn the_contacts_file_lies_sealed_at_the_users_server_with_its_key_in_what_is_sealed() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones, host) = acquainted_with_files(dialect, "").await;
        let (info, caption, content) = picture(Some("my cat"));
        world.far().shares(&silent(), info, caption, content);
        world.far().says(&silent(), "behind it");
        let (said, outer) = hears(&mut world, &mut phones, &host).await;
        let shared = match dialect {
            Dialect::Axolotl => aesgcm::read(&said).unwrap(),
            Dialect::Omemo2 => {
                let children = children(&said);
                let body = children.iter().find(|child| child.is("body", ns::CLIENT)).unwrap().text();
                assert!(aesgcm::is_one(&body), "for clients that know that alone");
                let sharing = children.iter().find(|child| child.is("file-sharing", sfs::SFS)).unwrap();
                let shared = sfs::read(sharing).unwrap();
                assert_eq!(
                    (shared.name.as_deref(), shared.width, shared.size),
                    (Some("c\u{e4}t.png"), Some(3), Some(22))
                );
                shared
            }
        };
        let path = shared.source.url().strip_prefix(&host.url("")).unwrap().to_owned();
        assert!(
            path.ends_with(".png") && !path.contains("t.png.") && path.len() > 20,
            "a name that says nothing: {path}"
        );
        let sealed = host.file(&path).unwrap();
        assert!(!sealed.windows(8).any(|octets| PICTURE.starts_with(octets)), "it is sealed");
        assert_eq!(shared.open(sealed).unwrap().as_slice(), PICTURE);
        assert!(!text(&outer).contains("aesgcm") && !text(&outer).contains("file-sharing"), "{}", text(&outer));
        // In its order, each as a message.
        assert!(hears(&mut world, &mut phones, &host).await.0.contains("my cat"));
        assert!(hears(&mut world, &mut phones, &host).await.0.contains("behind it"));
    }
}

#[tokio::test]
async fn what_cannot_be_had_or_is_another_file_is_refused_by_name() {
    let (mut world, mut phones, host) = acquainted_with_files(Dialect::Axolotl, "max_size = 1000").await;
    let altered = put(&host, "/altered", PICTURE);
    host.has("/altered", Reply::File(vec![0; 40]));
    let (long, gone) = (put(&host, "/long", &[7; 1100]), put(&host, "/gone", PICTURE));
    host.has("/gone", Reply::Status(404));
    let mut private = altered.clone();
    private.source = match private.source {
        Source::Encrypted { key, hashes, .. } => {
            Source::Encrypted { url: "https://192.168.0.1/cat.png".into(), key, hashes }
        }
        clear => clear,
    };
    let url = |shared: &Shared| match &shared.source {
        Source::Encrypted { url, key, .. } => aesgcm::url(url, key).unwrap().to_string(),
        Source::Clear { url } => url.clone(),
    };
    for (id, body, expected, says) in [
        ("a", url(&altered), "not-acceptable", "not the one"),
        ("b", url(&long), "policy-violation", "longer than 1032 octets"),
        ("c", url(&gone), "not-acceptable", "status 404"),
        ("d", url(&private), "not-acceptable", "not in the public Internet"),
        ("e", format!("look: {}", url(&gone)), "not-acceptable", "key in it"),
        ("f", format!("> ({})\nnice", url(&gone)), "not-acceptable", "key in it"),
    ] {
        let sealed = phones[0].seal(Some(&body));
        world.takes(&stanza_with(id, &[sealed], "")).await;
        let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
        assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), (expected, Some(id)));
        assert!(text(&refusal).contains(says), "{}", text(&refusal));
    }
    assert_eq!(contact_has(&world, 1).await, ["hello"], "nothing of it went out");
    let words = phones[0].seal(Some("what comes behind goes on"));
    world.takes(&stanza_with("g", &[words], "")).await;
    contact_has(&world, 2).await;
}

/// What XML cannot hold would stop everything behind it.
#[tokio::test]
async fn a_file_that_calls_itself_something_impossible_comes_all_the_same() {
    let (mut world, mut phones, host) = acquainted_with_files(Dialect::Omemo2, "").await;
    let (info, _, content) = picture(None);
    let (name, media_type) = (Plaintext::new("c\u{1}a\u{ffff}t"), "image/\u{1}png".to_owned());
    world.far().shares(&silent(), FileInfo { name, media_type, ..info }, None, content);
    world.far().says(&silent(), "behind it");
    let said = hears(&mut world, &mut phones, &host).await.0;
    let sharing = children(&said).into_iter().find(|child| child.is("file-sharing", sfs::SFS)).unwrap();
    let shared = sfs::read(&sharing).unwrap();
    let kind = (shared.name.as_deref(), shared.media_type.as_deref());
    assert_eq!(kind, (Some("cat"), Some("application/octet-stream")));
    assert!(hears(&mut world, &mut phones, &host).await.0.contains("behind it"));
}

#[tokio::test]
async fn a_file_that_cannot_be_put_down_is_told_in_words() {
    let (mut world, mut phones, host) = acquainted_with_files(Dialect::Axolotl, "max_size = 10").await;
    let (info, caption, content) = picture(Some("my cat"));
    world.far().shares(&silent(), info, caption, content);
    let said = hears(&mut world, &mut phones, &host).await.0;
    assert_eq!(said, "shared a file: ../c\u{e4}t.png [It stays there: it is longer than 10 octets.]");
    assert_eq!(hears(&mut world, &mut phones, &host).await.0, "my cat");
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn in_clear_a_file_is_an_address_with_nothing_to_hide() {
    let host = Host::new().await;
    let config = crate::config::FilesConfig { own_hosts: vec!["localhost".into()], ..Default::default() };
    let web = crate::files::Web::trusting(&config, Some(host.certificate.clone()));
    let mut world = World::with_alice_and_web("", web).await;
    host.has("/cat.png", Reply::File(PICTURE.to_vec()));
    // Of different lengths, which are the ids.
    let oob = |url: &str| {
        let xml = format!("<body>{url}</body><x xmlns='jabber:x:oob'><url>{url}</url></x>");
        format!("<message from='{ALICE}/phone' to='{SILENT}' id='{}' type='chat'>{xml}</message>", url.len())
    };
    world.takes(&oob(&host.url("/cat.png"))).await;
    assert_eq!(far_file(&world).await.1, PICTURE);
    // What cannot be fetched goes as the address that it is.
    world.takes(&oob(&host.url("/nothing-there"))).await;
    world
        .eventually(|world| world.far().received().iter().any(|got| got.text.expose() == host.url("/nothing-there")))
        .await;

    let (info, _, content) = picture(None);
    world.far().shares(&silent(), info, None, content);
    let shared = loop {
        let stanza = world.until(|stanza| ["iq", "message"].contains(&stanza.name())).await;
        if !gives_place(&world, &host, &stanza).await && stanza.has_child("x", ns::OOB) {
            break stanza;
        }
    };
    let url = shared.get_child("x", ns::OOB).unwrap().get_child("url", ns::OOB).unwrap().text();
    assert_eq!(body(&shared), Some(url.clone()));
    assert_eq!(host.file(url.strip_prefix(&host.url("")).unwrap()).unwrap(), PICTURE);
}

/// A file and what was said beside it are two messages here, and one there.
#[tokio::test]
async fn a_caption_is_corrected_by_itself_and_taken_back_with_its_file() {
    let (mut world, mut phones, host) = acquainted_with_files(Dialect::Omemo2, "").await;
    let (info, caption, content) = picture(Some("my cat"));
    let remote = world.far().shares(&silent(), info, caption, content);
    let (_, file) = hears(&mut world, &mut phones, &host).await;
    let (said, caption) = hears(&mut world, &mut phones, &host).await;
    assert!(said.contains("my cat"));
    let [file, caption] = [file, caption].map(|stanza| stanza.attr("id").unwrap().to_owned());
    world.far().annotates(&silent(), related::edit(&remote, "your cat"));
    let (said, _) = hears(&mut world, &mut phones, &host).await;
    assert!(said.contains("your cat"));
    assert_eq!(about(&said, "replace"), caption);
    world.far().annotates(&silent(), related::retract(&remote));
    let mut gone = Vec::new();
    for _ in 0..2 {
        gone.push(about(&hears(&mut world, &mut phones, &host).await.0, "retract"));
    }
    assert_eq!(gone, [file, caption]);
}

#[tokio::test]
async fn a_file_that_was_decrypted_late_is_taken_back_with_its_caption_and_what_stood_for_it() {
    let (mut world, mut phones, host) = acquainted_with_files(Dialect::Omemo2, "").await;
    let remote = world.far().says_undecryptable(&silent());
    let (said, notice) = hears(&mut world, &mut phones, &host).await;
    assert!(said.contains("cannot be decrypted yet"), "{said}");
    let (info, caption, content) = picture(Some("my cat"));
    world.far().decrypts_file(&silent(), &remote, info, caption, content);
    let (_, file) = hears(&mut world, &mut phones, &host).await;
    let (said, caption) = hears(&mut world, &mut phones, &host).await;
    assert!(said.contains("my cat"));
    let shown = [notice, file, caption].map(|stanza| stanza.attr("id").unwrap().to_owned());
    world.far().annotates(&silent(), related::edit(&remote, "your cat"));
    assert_eq!(about(&hears(&mut world, &mut phones, &host).await.0, "replace"), shown[2]);
    world.far().annotates(&silent(), related::retract(&remote));
    let mut gone = Vec::new();
    for _ in 0..3 {
        gone.push(about(&hears(&mut world, &mut phones, &host).await.0, "retract"));
    }
    assert_eq!(gone, shown);
}

/// Which message a child of this name is about.
fn about(said: &str, name: &str) -> String {
    let about = children(said).into_iter().find(|child| child.name() == name).unwrap();
    about.attr("id").unwrap().to_owned()
}

//! What the examples of the specifications share.

use xmpp_files::{Algorithm, Cipher, Disposition, Source, read_all};

use crate::world::{URL, message, parts};

/// XEP-0447, "Sharing summit.jpg with juliet@shakespeare.lit", as it is printed.
const SUMMIT: &str = "
  <file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'>
    <file xmlns='urn:xmpp:file:metadata:0'>
      <media-type>image/jpeg</media-type>
      <name>summit.jpg</name>
      <size>3032449</size>
      <width>4096</width>
      <height>2160</height>
      <hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>
      <hash xmlns='urn:xmpp:hashes:2' algo='id-blake2b256'>2AfMGH8O7UNPTvUVAM9aK13mpCY=</hash>
      <desc>Photo from the summit.</desc>
      <thumbnail xmlns='urn:xmpp:thumbs:1' uri='cid:sha1+ffd7c8d28e9c5e82afea41f97108c6b4@bob.xmpp.org' media-type='image/png' width='128' height='96'/>
    </file>
    <sources>
      <url-data xmlns='http://jabber.org/protocol/url-data' target='https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg' />
      <jinglepub xmlns='urn:xmpp:jinglepub:1' from='romeo@montague.lit/resource' id='9559976B-3FBF-4E7E-B457-2DAA225972BB'>
        <description xmlns='urn:xmpp:jingle:apps:file-transfer:5' />
      </jinglepub>
    </sources>
  </file-sharing>";

/// XEP-0448, "Sharing summit.jpg with juliet@shakespeare.lit using encryption", as it is printed.
const ENCRYPTED: &str = "
  <file-sharing xmlns='urn:xmpp:sfs:0'>
    <file xmlns='urn:xmpp:file:metadata:0'>
      <media-type>image/jpeg</media-type>
      <name>summit.jpg</name>
      <size>3032449</size>
      <dimension>4096x2160</dimension>
      <hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>
      <hash xmlns='urn:xmpp:hashes:2' algo='id-blake2b256'>2AfMGH8O7UNPTvUVAM9aK13mpCY=</hash>
      <desc>Photo from the summit.</desc>
      <thumbnail xmlns='urn:xmpp:thumbs:1' uri='cid:sha1+ffd7c8d28e9c5e82afea41f97108c6b4@bob.xmpp.org' media-type='image/png' width='128' height='96'/>
    </file>
    <sources>
      <encrypted xmlns='urn:xmpp:esfs:0' cipher='urn:xmpp:ciphers:aes-256-gcm-nopadding:0'>
        <key>SuRJ2agVm/pQbJQlPq/B23Xt1YOOJCcEGJA5HrcYOGQ=</key>
        <iv>T8RDMBaiqn6Ci4Nw</iv>
        <hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>BgKI2gp2kNCRsARNvhFmw5kFf9BBo2pTbV2D8XHTMWI=</hash>
        <hash xmlns='urn:xmpp:hashes:2' algo='id-blake2b256'>id4cnqqy9/ssfCkM4vYSkiXXrlE=</hash>
        <sources xmlns='urn:xmpp:sfs:0'>
          <url-data xmlns='http://jabber.org/protocol/url-data' target='https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/encrypted.jpg' />
        </sources>
      </encrypted>
      <jinglepub xmlns='urn:xmpp:jinglepub:1' from='romeo@montague.lit/resource' id='9559976B-3FBF-4E7E-B457-2DAA225972BB'>
        <description xmlns='urn:xmpp:jingle:apps:file-transfer:5' />
      </jinglepub>
    </sources>
  </file-sharing>";

/// XEP-0447, what is beside the file for clients that know none.
const FALLBACK: &str = "
  <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>
  <body>https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg</body>
  <x xmlns='jabber:x:oob'><url>https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg</url></x>";

#[test]
fn romeo_shares_a_photo() {
    let shared = message(SUMMIT).unwrap();
    assert_eq!(shared.source, Source::Clear { url: URL.to_owned() });
    assert_eq!((shared.name.as_deref(), shared.media_type.as_deref()), (Some("summit.jpg"), Some("image/jpeg")));
    assert_eq!((shared.size, shared.width, shared.height), (Some(3_032_449), Some(4096), Some(2160)));
    assert_eq!(shared.description.as_deref(), Some("Photo from the summit."));
    assert_eq!((shared.disposition, &shared.caption), (Some(Disposition::Inline), &None));
    // The other hash is of a kind that is not known here.
    let [hash] = shared.hashes.as_slice() else { panic!("{:?}", shared.hashes) };
    assert_eq!(hash.algorithm(), Algorithm::Sha3_256);
    assert_eq!(hex::encode(hash.value()), "d976ab9b04e53710c0324bf29a5a17dd2e7e55bca536b26dfe5e50c8f6be6285");
    assert_eq!(message(&format!("{SUMMIT}{FALLBACK}")), Some(shared));
}

#[test]
fn romeo_shares_it_encrypted() {
    let shared = message(ENCRYPTED).unwrap();
    let Source::Encrypted { url, key, hashes } = &shared.source else { panic!("{shared:?}") };
    assert_eq!(url, &URL.replace("summit", "encrypted"));
    assert_eq!(key.cipher(), Cipher::Aes256Gcm);
    assert_eq!(hex::encode(key.expose()), "4ae449d9a8159bfa506c94253eafc1db75edd5838e2427041890391eb7183864");
    assert_eq!(hex::encode(key.iv()), "4fc4433016a2aa7e828b8370");
    assert_eq!(hashes.iter().map(xmpp_files::Hash::algorithm).collect::<Vec<_>>(), [Algorithm::Sha3_256]);
    assert_eq!((shared.name.as_deref(), shared.size, shared.width), (Some("summit.jpg"), Some(3_032_449), None));
}

#[test]
fn an_encrypted_source_comes_before_a_clear_one() {
    let clear = "<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='https://a.example.org/clear'/>";
    let both = message(&ENCRYPTED.replacen("<sources>", clear, 1)).unwrap();
    assert_eq!(both, message(ENCRYPTED).unwrap());
    // One that cannot be read does not keep the other from being used.
    let broken = ENCRYPTED.replacen("<sources>", clear, 1).replace("aes-256-gcm", "rot-13");
    assert_eq!(message(&broken).unwrap().source.url(), "https://a.example.org/clear");
}

#[test]
fn a_file_whose_source_is_not_there_yet_is_none_until_it_is() {
    let start = SUMMIT.find("<sources>").unwrap();
    let end = SUMMIT.find("</sources>").unwrap() + "</sources>".len();
    let pending = format!("{}{}", &SUMMIT[..start], &SUMMIT[end..]);
    assert_eq!(message(&pending), None);
    // The message that attaches the source is one with out of band data to us.
    let attached = format!(
        "<attach-to id='sharing-a-file' xmlns='urn:xmpp:message-attaching:1'/><sources xmlns='urn:xmpp:sfs:0'>\
         <url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/></sources>{FALLBACK}"
    );
    let shared = message(&attached).unwrap();
    assert_eq!((shared.source.url(), shared.name.as_deref()), (URL, Some("summit.jpg")));
}

#[test]
fn several_files_come_in_their_order_with_the_words_at_the_first() {
    let second = SUMMIT.replace("summit.jpg", "second.jpg");
    let (children, body) = parts(&format!("<body>Two of them</body>{SUMMIT}{second}"));
    let files = read_all(&children.iter().collect::<Vec<_>>(), body.as_deref(), false);
    let names: Vec<_> = files.iter().map(|file| (file.name.as_deref().unwrap(), file.caption.as_deref())).collect();
    assert_eq!(names, [("summit.jpg", Some("Two of them")), ("second.jpg", None)]);
}

#[test]
fn out_of_band_data_is_a_file_if_the_body_says_nothing_else() {
    let oob = |body: &str, url: &str| format!("<body>{body}</body><x xmlns='jabber:x:oob'><url>{url}</url></x>");
    let shared = message(&oob(URL, URL)).unwrap();
    assert_eq!((shared.source.url(), shared.name.as_deref()), (URL, Some("summit.jpg")));
    assert_eq!((shared.size, shared.media_type, shared.caption), (None, None, None));
    assert!(message(&oob(&format!(" {URL}\n"), &format!("\n{URL} "))).is_some());
    // XEP-0066, "Sender Communicates a URI": a link beside words is a link.
    let license = "http://www.jabber.org/images/psa-license.jpg";
    assert_eq!(message(&oob("Yeah, but do you have a license to Jabber?", license)), None);
    assert_eq!(message(&oob(URL, &format!("{URL}#1"))), None);
    assert_eq!(message(&format!("<x xmlns='jabber:x:oob'><url>{URL}</url></x>")), None);
    assert_eq!(message(&format!("<body>{URL}</body>")), None);
    // In clear only where that was allowed, and then for out of band data alone.
    let (children, body) = parts(&oob(license, license));
    let read = |allowed| xmpp_files::read(&children.iter().collect::<Vec<_>>(), body.as_deref(), allowed);
    assert_eq!((read(false), read(true).unwrap().name.as_deref()), (None, Some("psa-license.jpg")));
    let (children, _) = parts(&SUMMIT.replace("https:", "http:"));
    assert_eq!(xmpp_files::read(&children.iter().collect::<Vec<_>>(), None, true), None);
}

#[test]
fn what_comes_first_counts() {
    let aesgcm = format!("aesgcm{}#{}", URL.strip_prefix("https").unwrap(), "ab".repeat(44));
    let aesgcm = format!("<body>{aesgcm}</body><x xmlns='jabber:x:oob'><url>{aesgcm}</url></x>");
    let is_encrypted = |children: &str| matches!(message(children).unwrap().source, Source::Encrypted { .. });
    assert!(is_encrypted(&aesgcm));
    assert!(!is_encrypted(&format!("{aesgcm}{SUMMIT}")));
    // A malformed element leaves the rest.
    assert!(is_encrypted(&format!("{aesgcm}{}", SUMMIT.replace("<size>", "<size>-"))));
    let broken = format!("{FALLBACK}{}", SUMMIT.replace("target=", "at="));
    assert_eq!(message(&broken).unwrap().source.url(), URL);
}

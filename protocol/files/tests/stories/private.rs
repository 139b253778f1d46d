//! What a log may know: nothing that opens, finds or names a file.

use xmpp_files::egress::Target;
use xmpp_files::{Cipher, Hash, Shared, Source};

use crate::world::{URL, encrypted, key};

#[test]
fn nothing_of_a_file_is_printed() {
    let shared = Shared {
        name: Some("diagnosis.pdf".to_owned()),
        description: Some("secret".to_owned()),
        caption: Some("secret".to_owned()),
        size: Some(3),
        hashes: vec![Hash::of(xmpp_files::Algorithm::Sha256, b"abc")],
        ..encrypted(key(Cipher::Aes256Gcm))
    };
    let printed = "Shared { source: Encrypted { key: Key { cipher: Aes256Gcm, .. }, .. }, size: Some(3), .. }";
    assert_eq!(format!("{shared:?}"), printed);
    assert_eq!(format!("{:?}", Source::Clear { url: URL.to_owned() }), "Clear { .. }");
    let target = Target::parse(URL, false).unwrap();
    let printed = "Target { scheme: Https, host: Name(\"download.montague.lit\"), port: 443, .. }";
    assert_eq!(format!("{target:?}"), printed);
}

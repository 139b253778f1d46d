//! What a device says of other devices.

use minidom::Element;
use omemo::ratchet::{Identity, PublicKey};
use omemo::trust_message::{self, Decision, KeyId, MAX_DECISIONS};
use omemo::{Dialect, Error};

use crate::dice::Dice;

/// The example of XEP-0434, section 4.
const EXAMPLE: &str = "<trust-message xmlns='urn:xmpp:tm:1' usage='urn:xmpp:atm:1' encryption='urn:xmpp:omemo:2'>
  <key-owner jid='alice@example.org'>
    <trust>aFABnX7Q/rbTgjBySYzrT2FsYCVYb49mbca5yB734KQ=</trust>
    <trust>IhpPjiKLchgrAG5cpSfTvdzPjZ5v6vTOluHEUehkgCA=</trust>
  </key-owner>
  <key-owner jid='bob@example.com'>
    <trust>YjVI04NcbTPvXLaA95RO84HPcSvyOgEZ2r5cTyUs0C8=</trust>
    <distrust>tCP1CI3pqSTVGzFYFyPYUMfMZ9Ck/msmfD0wH/VtJBM=</distrust>
    <distrust>2fhJtrgoMJxfLI3084/YkYh9paqiSiLFDVL2m0qAgX4=</distrust>
  </key-owner>
</trust-message>";

fn read(xml: &str) -> Result<Vec<Decision>, Error> {
    trust_message::read(&xml.parse::<Element>().unwrap())
}

#[test]
fn the_example_is_read_as_its_uri_has_it() {
    let decisions = read(EXAMPLE).unwrap();
    let of = |owner: &'static str| {
        decisions.iter().filter(move |it| it.owner == owner).map(|it| (it.trusted, it.key.to_string()))
    };
    // The same keys as in section 9.1.
    let expected = [
        (true, "623548d3835c6d33ef5cb680f7944ef381cf712bf23a0119dabe5c4f252cd02f"),
        (false, "b423f5088de9a924d51b31581723d850c7cc67d0a4fe6b267c3d301ff56d2413"),
        (false, "d9f849b6b828309c5f2c8df4f38fd891887da5aaa24a22c50d52f69b4a80817e"),
    ];
    assert!(of("bob@example.com").eq(expected.map(|(trusted, key)| (trusted, key.to_owned()))), "{decisions:?}");
    assert_eq!(of("alice@example.org").map(|(trusted, _)| trusted).collect::<Vec<_>>(), [true, true]);
}

#[test]
fn what_is_of_another_use_or_no_key_is_refused_by_name() {
    let refused = |from: &str, to: &str| read(&EXAMPLE.replacen(from, to, 1)).unwrap_err();
    for (from, to) in [("atm:1", "atm:0"), (" usage='urn:xmpp:atm:1'", ""), ("omemo:2", "ox:0")] {
        assert_eq!(refused(from, to), Error::Malformed("use of a trust message"));
    }
    for (from, to) in [("urn:xmpp:tm:1", "urn:xmpp:tm:0"), ("<trust-message", "<trust")] {
        let ends = if to == "<trust" { "</trust>" } else { "</trust-message>" };
        let xml = EXAMPLE.replacen(from, to, 1).replacen("</trust-message>", ends, 1);
        assert_eq!(read(&xml).unwrap_err(), Error::Malformed("trust message"));
    }
    assert_eq!(refused(" jid='bob@example.com'", ""), Error::Malformed("key-owner"));
    assert_eq!(refused("aFABnX7Q/rb", "aFABnX7Q/"), Error::Malformed("base64"));
    assert_eq!(refused("aFABnX7Q/rbT", "aFABnX7Q"), Error::Malformed("key identifier"));
    let key = "<trust>aFABnX7Q/rbTgjBySYzrT2FsYCVYb49mbca5yB734KQ=</trust>";
    let [most, more] = [0, 1].map(|more| read(&EXAMPLE.replacen(key, &key.repeat(MAX_DECISIONS - 4 + more), 1)));
    assert_eq!((most.unwrap().len(), more), (MAX_DECISIONS, Err(Error::Malformed("number of decisions"))));
}

#[test]
fn a_key_is_known_in_both_of_its_forms() {
    for round in 0..20 {
        let identity = Identity::generate(&mut Dice(round));
        let curve = identity.public(Dialect::Axolotl).curve().unwrap();
        let edwards = KeyId::of(&identity);
        assert_ne!(edwards.0, curve.0);
        assert!(edwards.identities().contains(&curve) && KeyId(curve.0).identities().contains(&curve));
        let other = Identity::generate(&mut Dice(round + 100)).public(Dialect::Axolotl).curve().unwrap();
        assert!(!edwards.identities().contains(&other) && !KeyId(other.0).identities().contains(&curve));
    }
    // No point of the curve.
    assert_eq!(KeyId([2; 32]).identities(), [PublicKey([2; 32])]);
}

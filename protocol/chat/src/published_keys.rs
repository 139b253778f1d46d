//! Public keys that accounts give out (XEP-0189): ours, and those of peers.

use esession::{PublicKey, PublishedKey};
use jid::BareJid;
use minidom::Element;

use crate::effects::Cx;
use crate::event::{Event, KeyInfo};
use crate::stanza;

/// How long our key counts, in seconds from now: a bit more than a year. It is published anew at every login.
const LIFETIME: u64 = 400 * 24 * 3600;

/// Our own key, as it is given out.
pub(crate) fn own(cx: &Cx<'_>) -> Option<Element> {
    let (key, jid) = (cx.book.keys().own()?, cx.me()?.to_string());
    let (begin, end) = (cx.now.unix, cx.now.unix + LIFETIME);
    PublishedKey { key: key.public().clone(), jid, begin, end }.to_element().ok()
}

/// Remembers what a peer's server gives out. What is not this peer's, or out of date, is passed over.
pub(crate) fn learn(peer: &BareJid, answer: &Element, cx: &mut Cx<'_>) {
    for key in found(peer, answer, cx.now.unix) {
        cx.book.keys_mut().learn(peer, &key);
        cx.save();
    }
}

/// Tells what is known of a peer's keys.
pub(crate) fn tell(peer: &BareJid, cx: &mut Cx<'_>) {
    let keys = cx.book.keys();
    let own = keys.own().map(|key| key.public().fingerprint_text());
    let info = |(key, standing): &(PublicKey, crate::KeyStanding)| KeyInfo {
        fingerprint: key.fingerprint_text(),
        standing: standing.name(),
    };
    let keys = keys.standings(peer).iter().map(info).collect();
    cx.tell(Event::Keys { with: peer.to_string(), own, keys });
}

fn found(peer: &BareJid, answer: &Element, now: u64) -> Vec<PublicKey> {
    let published = stanza::payloads(answer).filter_map(|payload| PublishedKey::from_element(payload).ok());
    published.filter(|key| key.is_of(peer.as_str(), now)).map(|key| key.key).collect()
}

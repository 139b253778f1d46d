//! Two devices and a network that loses, doubles, delays and changes what they say; ends that are stopped and started again,
//! that lose everything, and that begin anew whenever they like. Against a list of what was said.

use std::collections::HashSet;

use omemo_ratchet::{Device, Dialect, Error, Sealed};
use proptest::prelude::*;
use prost::Message;

use crate::world::End;

/// What happens next; of two ends, at one of them.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It says something.
    Say,
    /// It hears one of the last things that were said to it, which may come again.
    Hear { back: usize, again: bool },
    /// It hears one with an octet changed.
    HearForged { back: usize, at: usize },
    /// It is stopped, and started again with what it has stored: after every step, so without a loss.
    Restart,
    /// It begins a session by what the peer has published.
    Begin,
    /// It loses all of its sessions.
    Wiped,
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let back = 0..12_usize;
    let step = prop_oneof![
        8 => Just(Step::Say),
        16 => (back.clone(), prop::bool::weighted(0.1)).prop_map(|(back, again)| Step::Hear { back, again }),
        2 => (back, any::<usize>()).prop_map(|(back, at)| Step::HearForged { back, at }),
        1 => Just(Step::Restart),
        1 => Just(Step::Begin),
        1 => Just(Step::Wiped),
    ];
    prop::collection::vec((any::<bool>(), step), 1..400)
}

/// What was said to one end and has not come, or comes again; with what came already.
#[derive(Default)]
struct Inbox {
    underway: Vec<(String, Sealed)>,
    heard: HashSet<String>,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_heard_that_was_not_said_or_twice_and_no_key_serves_twice(steps in steps(), second in any::<bool>()) {
        let dialect = if second { Dialect::Omemo2 } else { Dialect::Axolotl };
        let mut ends = End::pair(dialect);
        let mut inboxes = [Inbox::default(), Inbox::default()];
        let mut keys = HashSet::new();
        for (number, (at_second, step)) in steps.into_iter().enumerate() {
            let [(own, inbox), (peer, peers_inbox)] = {
                let [first, other] = &mut ends;
                let [inbox, others] = &mut inboxes;
                if at_second { [(other, others), (first, inbox)] } else { [(first, inbox), (other, others)] }
            };
            match step {
                Step::Say => {
                    if own.device.session().is_none() {
                        own.begin(&replenished(peer).bundle());
                    }
                    let text = format!("words {number}");
                    let sealed = own.seal(&text);
                    prop_assert!(keys.insert(key_of(dialect, &sealed)), "a key of a chain has served twice");
                    peers_inbox.underway.push((text, sealed));
                }
                Step::Hear { back, again } => {
                    let Some(at) = inbox.underway.len().checked_sub(back + 1) else { continue };
                    let (text, sealed) =
                        if again { inbox.underway[at].clone() } else { inbox.underway.remove(at) };
                    let before = own.device.clone();
                    match own.open(&sealed) {
                        Ok(heard) => {
                            prop_assert_eq!(&heard, &text);
                            prop_assert!(inbox.heard.insert(heard), "twice");
                        }
                        // A session that one end has lost, or a prekey that another session has used.
                        Err(error) => {
                            let known = [Error::NoSession, Error::UnknownPrekey, Error::DecryptFailed, Error::Replayed];
                            prop_assert!(known.contains(&error), "{:?}", error);
                            prop_assert_eq!(&own.device, &before);
                        }
                    }
                }
                Step::HearForged { back, at } => {
                    let Some(which) = inbox.underway.len().checked_sub(back + 1) else { continue };
                    let (text, mut sealed) = inbox.underway[which].clone();
                    let (before, at) = (own.device.clone(), at % sealed.octets.len());
                    sealed.octets[at] ^= 1 << (at % 8);
                    match own.open(&sealed) {
                        // What a key exchange says besides its message counts once only.
                        Ok(heard) => {
                            prop_assert!(sealed.is_key_exchange && heard == text, "forged");
                            prop_assert!(inbox.heard.insert(heard), "twice");
                        }
                        Err(_) => prop_assert_eq!(&own.device, &before),
                    }
                }
                Step::Restart => own.device = Device::from_state(&own.device.to_state()).unwrap(),
                Step::Begin => own.begin(&replenished(peer).bundle()),
                Step::Wiped => own.device = Device::default(),
            }
        }
        // Whatever has happened: who begins anew is heard.
        let [first, other] = &mut ends;
        first.begin(&replenished(other).bundle());
        let sealed = first.seal("at last");
        prop_assert_eq!(other.open(&sealed).unwrap(), "at last");
        let sealed = other.seal("yes");
        prop_assert_eq!(first.open(&sealed).unwrap(), "yes");
    }

    #[test]
    fn no_octets_are_a_panic(octets in prop::collection::vec(any::<u8>(), 0..200), exchange in any::<bool>()) {
        for dialect in Dialect::ALL {
            let [mut alice, _] = crate::world::acquainted(dialect);
            let before = alice.device.clone();
            let sealed = Sealed { octets: octets.clone(), is_key_exchange: exchange };
            prop_assert!(alice.open(&sealed).is_err());
            prop_assert_eq!(alice.device, before);
            prop_assert!(Device::from_state(&octets).is_err());
        }
    }
}

/// With prekeys enough.
fn replenished(end: &mut End) -> &mut End {
    let fresh = End::new(end.dialect);
    let next = end.prekeys.last().map_or(1, |(id, _)| id + 1);
    let more = fresh.prekeys.into_iter().map(|(id, pair)| (next + id, pair));
    let missing = 10 - end.prekeys.len();
    end.prekeys.extend(more.take(missing));
    end
}

/// Which key of which chain a message was encrypted with, as it says itself.
fn key_of(dialect: Dialect, sealed: &Sealed) -> (Vec<u8>, u32) {
    #[derive(Clone, PartialEq, Message)]
    struct Axolotl {
        #[prost(bytes = "vec", tag = "1")]
        key: Vec<u8>,
        #[prost(uint32, tag = "2")]
        number: u32,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Authenticated {
        #[prost(bytes = "vec", tag = "2")]
        message: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Omemo2 {
        #[prost(uint32, tag = "1")]
        number: u32,
        #[prost(bytes = "vec", tag = "3")]
        key: Vec<u8>,
    }
    let octets = if sealed.is_key_exchange {
        omemo_ratchet::KeyExchange::read(dialect, &sealed.octets).unwrap().message
    } else {
        sealed.octets.clone()
    };
    match dialect {
        Dialect::Axolotl => {
            let message = Axolotl::decode(&octets[1..octets.len() - 8]).unwrap();
            (message.key, message.number)
        }
        Dialect::Omemo2 => {
            let message = Authenticated::decode(octets.as_slice()).unwrap().message;
            let message = Omemo2::decode(message.as_slice()).unwrap();
            (message.key, message.number)
        }
    }
}

//! Small questions that anybody may ask of any of our JIDs: ping (XEP-0199), version (XEP-0092), time (XEP-0202),
//! last activity (XEP-0012).

use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use minidom::Element;

use super::element::{Build, element};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::Peer;

/// An empty result.
pub fn ping(iq: &Element) -> Element {
    answer(iq)
}

/// Name and version of this program; not of the system it runs on.
pub fn version(iq: &Element) -> Element {
    let query = element("query", ns::VERSION)
        .with_child(element("name", ns::VERSION).with_text("Drawbridge"))
        .with_child(element("version", ns::VERSION).with_text(env!("CARGO_PKG_VERSION")));
    answer(iq).with_child(query)
}

/// The time, in UTC whatever the zone of the host.
pub fn time(iq: &Element) -> Element {
    let now = DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true);
    let time = element("time", ns::TIME)
        .with_child(element("tzo", ns::TIME).with_text("+00:00"))
        .with_child(element("utc", ns::TIME).with_text(&now));
    answer(iq).with_child(time)
}

/// How long the gateway has been up (section 6). Of a contact nothing is known.
pub fn last(iq: &Element, peer: &Peer) -> Element {
    if *peer != Peer::Gateway {
        return refusal(iq, Condition::ServiceUnavailable, "");
    }
    answer(iq).with_child(element("query", ns::LAST).with("seconds", since().elapsed().as_secs().to_string()))
}

/// Begins to count the time that [`last`] tells.
pub fn begin() {
    since();
}

fn since() -> &'static Instant {
    static SINCE: OnceLock<Instant> = OnceLock::new();
    SINCE.get_or_init(Instant::now)
}

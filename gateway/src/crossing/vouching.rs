//! What one of the user's devices says of their others (XEP-0434, XEP-0450): verified once, it vouches for them.

use ::omemo::trust_message::{self, Decision};
use minidom::Element;

use super::conversation::Conversation;
use crate::store::omemo::{self as rows, Known, Trust};

impl Conversation {
    /// What is said of devices of the user; of others' nobody here asks (XEP-0450).
    pub(super) fn vouched(&self, content: &[Element]) -> Vec<Decision> {
        let said = content.iter().find_map(|child| trust_message::read(child).ok()).unwrap_or_default();
        said.into_iter().filter(|decision| decision.owner == self.them().as_str()).collect()
    }

    pub(super) async fn known_devices(&self) -> Vec<Known> {
        let user = self.user.id;
        self.keeper.store.call(move |db, _| rows::known(db, user)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read which devices are known");
            Vec::new()
        })
    }

    /// Tells what has become of the devices that stood so before.
    pub(super) async fn tell_trust(&mut self, before: Vec<Known>) {
        for Known { device, trust, .. } in self.known_devices().await {
            if trust == Trust::Blind || before.iter().any(|known| known.device == device && known.trust == trust) {
                continue;
            }
            let becomes = if trust == Trust::Verified { "is trusted from now on" } else { "is not trusted any more" };
            self.notice(format!(
                "Notice: your device number {device} {becomes}, because a verified device of yours says so. \"drawbridge users \
                 devices\" on the host shows and changes it."
            ));
            self.keeper.crossings.devices_changed(self.them());
        }
    }
}

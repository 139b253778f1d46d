//! Sessions with who is not there (XEP-0187): before Alice leaves she publishes what Bob needs for message 2 of three, and he
//! writes to her in a session of his own that only he speaks in.

mod receiver;
mod replays;
mod sender;

use minidom::Element;

use crate::binding::Binding;
use crate::datetime;
use crate::error::{Error, Misuse};
use crate::form::{Form, FormWriter, decode, encode};
use crate::group::{Group, KeyPair};
use crate::hybrid::HybridKeys;
use crate::normal::Normal;
use crate::offer::{Flow, Kept, Offer};
use crate::policy::Policy;
use crate::primitives::expansion::Expansion;
use crate::primitives::{CryptoRng, random};
use crate::public_key::{PublicKey, SigningKey};
use crate::secret::Secret;
use crate::suite::Profile;

pub use receiver::{OfflineReceiver, Said};
pub use replays::Replays;
pub use sender::OfflineSender;

/// What Alice has published, and what she must keep for it. Both halves are to be stored, the seed sealed; whoever has it
/// reads what was written to her, and when it is erased nobody does.
#[derive(Clone)]
pub struct Published {
    form: Element,
    seed: Secret,
}

impl Published {
    /// Options for who wants to write while this end is away, until `expires` (seconds since 1970), signed by each of
    /// `keys`. With `match_resource` only to that resource of Alice, and then in messages only. One exponentiation per group.
    ///
    /// # Errors
    /// [`Misuse::Policy`]; [`Misuse::SigningKey`] without any key.
    pub fn make(
        policy: &Policy,
        expires: u64,
        match_resource: Option<&str>,
        keys: &[SigningKey],
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        policy.check()?;
        let seed = Secret::new(random::<32>(rng).as_slice());
        let kept = kept(&seed, &policy.groups, policy.hybrid, &Binding::default())?;
        let nonce = random::<16>(rng);
        let mut form = Offer::write_options(policy, nonce.as_slice(), &kept, match_resource.is_some())?;
        form.typed("expires", "hidden", &[datetime::write(expires)]);
        if let Some(resource) = match_resource {
            form.typed("match_resource", "text-single", &[resource]);
        }
        let signed = Normal::of(form.element())?;
        let sign = |key: &SigningKey| Ok(encode(&key.sign(signed.spelled(Profile::Xep).as_bytes())?));
        let signs = keys.iter().map(sign).collect::<Result<Vec<_>, Error>>()?;
        if signs.is_empty() {
            return Err(Error::Misuse(Misuse::SigningKey));
        }
        form.typed("signs", "hidden", &signs);
        Ok(Self { form: form.element().clone(), seed })
    }

    /// As it was stored.
    #[must_use]
    pub fn restore(form: Element, seed: Secret) -> Self {
        Self { form, seed }
    }

    /// The form to publish, in the node [`OFFLINE`](crate::namespaces::OFFLINE) or [`ESESSION`](crate::namespaces::ESESSION).
    #[must_use]
    pub fn form(&self) -> &Element {
        &self.form
    }

    /// 32 octets, for a sealed store.
    #[must_use]
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// When it ends, in seconds since 1970.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        Options::read(&self.form).ok().map(|options| options.expires)
    }

    /// Whether Bob's form answers these options.
    #[must_use]
    pub fn expects(&self, form_b: &Element) -> bool {
        Options::read(&self.form).is_ok_and(|options| Form::is_addressed(form_b, "submit", &options.offer.nonce))
    }

    /// What belongs to the group that was chosen.
    fn kept(&self, group: Group, binding: &Binding) -> Result<Kept, Error> {
        let hybrid = self.form.children().any(|field| field.attr("var") == Some(crate::hybrid::FIELD));
        kept(&self.seed, &[group], hybrid, binding)
    }
}

/// The private values that follow from a seed, and their public ones.
fn kept(seed: &Secret, groups: &[Group], hybrid: bool, binding: &Binding) -> Result<Kept, Error> {
    let pair = |group: &Group| KeyPair::generate(*group, &mut Expansion::new(seed, group.name()));
    let keys = groups.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    let hybrid = hybrid.then(|| HybridKeys::generate(&mut Expansion::new(seed, crate::hybrid::FIELD)));
    Ok(Kept { keys, hybrid, binding: binding.clone() })
}

/// Published options, read.
pub(crate) struct Options {
    pub(crate) offer: Offer,
    pub(crate) expires: u64,
    pub(crate) match_resource: Option<String>,
    signs: Vec<Vec<u8>>,
    /// What is signed.
    signed: Normal,
}

impl Options {
    pub(crate) fn read(form: &Element) -> Result<Self, Error> {
        let offer = Offer::read(form, Flow::Offline)?;
        let expires = datetime::read(offer.form.one("expires")?).ok_or_else(|| Error::BadField("expires".into()))?;
        let match_resource =
            offer.form.field("match_resource").map(|_| offer.form.one("match_resource")).transpose()?;
        let match_resource = match_resource.map(str::to_owned);
        let signs = offer.form.field("signs").map(|field| field.values.as_slice()).unwrap_or_default();
        let signs: Option<Vec<_>> = signs.iter().map(|sign| decode(sign)).collect();
        let signs = signs.ok_or_else(|| Error::BadField("signs".into()))?;
        let mut unsigned = FormWriter::new("form").element().clone();
        unsigned.take_nodes();
        for field in form.children().filter(|field| field.attr("var") != Some("signs")) {
            unsigned.append_child(field.clone());
        }
        Ok(Self { signed: Normal::of(&unsigned)?, offer, expires, match_resource, signs })
    }

    /// Which of these keys has signed.
    pub(crate) fn signer<'a>(&self, keys: &'a [PublicKey]) -> Option<&'a PublicKey> {
        let signed = self.signed.spelled(Profile::Xep).as_bytes();
        keys.iter().find(|key| self.signs.iter().any(|sign| key.verify(signed, sign)))
    }
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Published(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0116 section 4.1; whoever breaks the weakest group must not get at the others (esessions.md, W14).
    #[test]
    fn each_group_has_a_value_of_its_own_and_each_seed_others() {
        let values = |octet| {
            let groups = [Group::Modp14, Group::Modp15, Group::Modp16];
            let kept = kept(&Secret::new(&[octet; 32]), &groups, false, &Binding::default()).unwrap();
            kept.keys.iter().map(|pair| pair.private().expose().to_vec()).collect::<Vec<_>>()
        };
        let (first, second) = (values(1), values(2));
        let all: std::collections::BTreeSet<_> = first.iter().chain(&second).collect();
        assert_eq!(all.len(), 6);
        assert_eq!(first, values(1));
    }
}

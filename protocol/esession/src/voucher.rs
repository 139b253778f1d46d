//! Verifying once: a chain that was verified elsewhere vouches for a session between two further names.
//!
//! Both ends derive a secret from it ([`RetainedSecret::derive`]). Form A announces what Alice has, form B which of them Bob has
//! too, and that one goes into K as another shared secret. Nobody else sees whether there is any.

use crate::established::Role;
use crate::options::Hash;
use crate::primitives::{CryptoRng, constant_time_eq, hmac, random};
use crate::secret::{RetainedSecret, Secret};

/// The private field of both forms.
pub(crate) const FIELD: &str = "x-vouchers";
/// So many are announced, some of them perhaps nothing but noise.
const ANNOUNCED: usize = 4;

/// What the verified ones of these chains vouch with for a session between these two names, in whatever order.
pub(crate) fn vouchers(chains: &[RetainedSecret], names: [&str; 2]) -> Vec<Secret> {
    let [first, second] = if names[0] <= names[1] { names } else { [names[1], names[0]] };
    let context = [first.as_bytes(), b"\0", second.as_bytes()].concat();
    chains.iter().filter_map(|chain| chain.derive("voucher", &context)).take(ANNOUNCED).collect()
}

/// What Alice says in form A.
pub(crate) fn announce(vouchers: &[Secret], nonce: &[u8], rng: &mut dyn CryptoRng) -> Vec<Vec<u8>> {
    let mut values: Vec<_> = vouchers.iter().map(|voucher| mark(voucher, Role::Initiator, nonce)).collect();
    values.resize_with(ANNOUNCED.max(values.len()), || noise(rng));
    values
}

/// What Bob says in form B.
pub(crate) fn answer(voucher: Option<&Secret>, nonce: &[u8], noise: &[u8]) -> Vec<u8> {
    voucher.map_or_else(|| noise.to_vec(), |voucher| mark(voucher, Role::Responder, nonce))
}

/// Which voucher the peer with this role and ESession ID has as well.
pub(crate) fn find<'a>(vouchers: &'a [Secret], said: &[Vec<u8>], peer: Role, nonce: &[u8]) -> Option<&'a Secret> {
    let marks = |voucher: &&Secret| {
        let mark = mark(voucher, peer, nonce);
        said.iter().fold(false, |found, value| found | constant_time_eq(value, &mark))
    };
    vouchers.iter().find(marks)
}

/// Octets in place of a voucher.
pub(crate) fn noise(rng: &mut dyn CryptoRng) -> Vec<u8> {
    random::<32>(rng).to_vec()
}

fn mark(voucher: &Secret, by: Role, nonce: &[u8]) -> Vec<u8> {
    let who: &[u8] = match by {
        Role::Initiator => b"Initiator Voucher",
        Role::Responder => b"Responder Voucher",
    };
    hmac(Hash::Sha256, voucher.expose(), &[who, nonce]).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_the_two_names_in_the_order_of_the_alphabet() {
        let chain = RetainedSecret::new(0, Secret::new(&[7; 32]), true);
        let expected = chain.derive("voucher", b"alice\0bob");
        for names in [["alice", "bob"], ["bob", "alice"]] {
            assert_eq!(
                vouchers(std::slice::from_ref(&chain), names).pop().as_ref().map(Secret::expose),
                expected.as_ref().map(Secret::expose)
            );
        }
    }
}

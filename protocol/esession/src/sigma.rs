//! The proof of identity of either end, SIGMA-R (XEP-0116 sections 4.4 to 4.6): mac, ID and M.

use crate::counter::{Counter, blocks};
use crate::error::Error;
use crate::primitives::constant_time_eq;
use crate::schedule::DirectionKeys;
use crate::suite::Suite;

/// What an end vouches for. Its public key would follow `public`; there is none yet.
pub(crate) struct Claim<'a> {
    /// ESession ID of the one who is to be convinced.
    pub(crate) verifier_nonce: &'a [u8],
    /// ESession ID of the one who proves.
    pub(crate) prover_nonce: &'a [u8],
    /// mpi of the prover's Diffie-Hellman value.
    pub(crate) public: &'a [u8],
    /// The prover's first form, normalized.
    pub(crate) form: &'a str,
    /// The prover's completion form, normalized.
    pub(crate) completion: &'a str,
}

/// ID and M, as the fields `identity` and `mac` carry them.
pub(crate) struct Proof {
    pub(crate) identity: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

/// mac_X = HMAC(KS_X, N_verifier | N_prover | mpi(public) | form | completion)
fn sigma_mac(claim: &Claim<'_>, keys: &DirectionKeys, suite: Suite) -> Vec<u8> {
    let Claim { verifier_nonce, prover_nonce, public, form, completion } = claim;
    let parts = [verifier_nonce, prover_nonce, public, form.as_bytes(), completion.as_bytes()];
    suite.hmac(&keys.sigma, &parts).to_vec()
}

/// Makes the proof and steps the prover's counter over it.
pub(crate) fn prove(claim: &Claim<'_>, keys: &DirectionKeys, suite: Suite, counter: &mut Counter) -> Proof {
    let mut identity = sigma_mac(claim, keys, suite);
    suite.crypt(&keys.stanza.cipher, *counter, &mut identity);
    let mac = suite.hmac(&keys.stanza.mac, &[&counter.mpi(), &identity]).to_vec();
    *counter = counter.after(blocks(identity.len()));
    Proof { identity, mac }
}

/// Verifies M, decrypts ID, verifies mac; steps the prover's counter over it.
pub(crate) fn verify(
    claim: &Claim<'_>,
    proof: &Proof,
    keys: &DirectionKeys,
    suite: Suite,
    counter: &mut Counter,
) -> Result<(), Error> {
    let authentic = counter
        .spellings()
        .iter()
        .any(|c| constant_time_eq(&suite.hmac(&keys.stanza.mac, &[c, &proof.identity]), &proof.mac));
    if !authentic {
        return Err(Error::DecryptFailed);
    }
    let mut plain = proof.identity.clone();
    suite.crypt(&keys.stanza.cipher, *counter, &mut plain);
    if !constant_time_eq(&plain, &sigma_mac(claim, keys, suite)) {
        return Err(Error::DecryptFailed);
    }
    *counter = counter.after(blocks(proof.identity.len()));
    Ok(())
}

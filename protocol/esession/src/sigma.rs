//! The proof of identity of either end, SIGMA-R (XEP-0116 sections 4.4 to 4.6): mac, ID and M.

use crate::counter::{Counter, blocks};
use crate::error::Error;
use crate::options::Cipher;
use crate::primitives::{aes_ctr, constant_time_eq, hmac_sha256};
use crate::schedule::DirectionKeys;

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
fn sigma_mac(claim: &Claim<'_>, keys: &DirectionKeys) -> Vec<u8> {
    let Claim { verifier_nonce, prover_nonce, public, form, completion } = claim;
    let parts = [verifier_nonce, prover_nonce, public, form.as_bytes(), completion.as_bytes()];
    hmac_sha256(keys.sigma.expose(), &parts).to_vec()
}

/// Makes the proof and steps the prover's counter over it.
pub(crate) fn prove(claim: &Claim<'_>, keys: &DirectionKeys, cipher: Cipher, counter: &mut Counter) -> Proof {
    let mut identity = sigma_mac(claim, keys);
    aes_ctr(cipher, keys.stanza.cipher.expose(), counter.0, &mut identity);
    let mac = hmac_sha256(keys.stanza.mac.expose(), &[&counter.mpi(), &identity]).to_vec();
    *counter = counter.after(blocks(identity.len()));
    Proof { identity, mac }
}

/// Verifies M, decrypts ID, verifies mac; steps the prover's counter over it.
pub(crate) fn verify(
    claim: &Claim<'_>,
    proof: &Proof,
    keys: &DirectionKeys,
    cipher: Cipher,
    counter: &mut Counter,
) -> Result<(), Error> {
    let authentic = counter
        .spellings()
        .iter()
        .any(|c| constant_time_eq(hmac_sha256(keys.stanza.mac.expose(), &[c, &proof.identity]).as_slice(), &proof.mac));
    if !authentic {
        return Err(Error::DecryptFailed);
    }
    let mut plain = proof.identity.clone();
    aes_ctr(cipher, keys.stanza.cipher.expose(), counter.0, &mut plain);
    if !constant_time_eq(&plain, &sigma_mac(claim, keys)) {
        return Err(Error::DecryptFailed);
    }
    *counter = counter.after(blocks(proof.identity.len()));
    Ok(())
}

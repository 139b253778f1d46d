//! Names that tell nothing of what they name, and are the same at every try.

use sha2::{Digest, Sha256};

/// 32 hexadecimal digits, of SHA-256 over each part after its length.
pub(super) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|octet| format!("{octet:02x}")).collect()
}

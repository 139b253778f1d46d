//! A file as a message.

use minidom::Element;
use zeroize::Zeroizing;

use crate::key::Cipher;
use crate::shared::{Shared, Source};
use crate::{aesgcm, fallback, oob, sfs};

/// The file alone, for clients that know stateless file sharing (XEP-0447): with its key, if it is encrypted.
#[must_use]
pub fn to_children(shared: &Shared) -> Vec<Element> {
    vec![sfs::to_element(shared)]
}

/// A whole message, for clients that know stateless file sharing and for those that do not: a body, if there is one,
/// and what belongs beside it. All of it holds the key, if the file is encrypted.
///
/// The body ends in the file's URL, marked as a fallback, after what is said. It is the URL alone if nothing is said:
/// then clients that know only out of band data (XEP-0066), or only `aesgcm:` URLs (XEP-0454), have the file as well;
/// beside a caption they have a link. Ciphers that `aesgcm:` does not know have no fallback.
#[must_use]
pub fn to_message(shared: &Shared) -> (Option<Zeroizing<String>>, Vec<Element>) {
    let mut children = to_children(shared);
    let said = shared.caption.as_deref();
    let url = match &shared.source {
        Source::Clear { url } => Some(Zeroizing::new(url.clone())),
        Source::Encrypted { url, key, .. } if key.cipher() == Cipher::Aes256Gcm && said.is_none() => {
            aesgcm::url(url, key).ok()
        }
        Source::Encrypted { .. } => None,
    };
    let body = match (said, url) {
        (Some(said), Some(url)) => {
            let body = format!("{said}\n{}", *url);
            children.push(fallback::to_element(&body, said.chars().count()));
            Zeroizing::new(body)
        }
        (None, Some(url)) => {
            children.push(fallback::to_element(&url, 0));
            if matches!(shared.source, Source::Clear { .. }) {
                children.push(oob::to_element(&url));
            }
            url
        }
        (said, None) => return (said.map(|said| Zeroizing::new(said.to_owned())), children),
    };
    (Some(body), children)
}

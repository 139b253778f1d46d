//! What a message shares, in whichever way it says so.

use minidom::Element;

use crate::fallback;
use crate::shared::Shared;
use crate::{aesgcm, oob, sfs};

/// Files beyond these are not looked at, in one message.
const MAX_FILES: usize = 20;

/// The file that a message shares, of its children and its body; see [`read_all`] for more of them.
///
/// Stateless file sharing counts before an `aesgcm:` URL, and that before out of band data; what is malformed does not
/// count. `http:` is for out of band data only, and only if `allow_http`. Whether one connects to where the file is, is
/// for [`egress`](crate::egress) to say: here an address may be anywhere.
///
/// If this is nothing, the message may still be an `aesgcm:` URL that is none: see [`aesgcm::is_one`].
#[must_use]
pub fn read(children: &[&Element], body: Option<&str>, allow_http: bool) -> Option<Shared> {
    read_all(children, body, allow_http).into_iter().next()
}

/// All files that a message shares (XEP-0447 section 4.2), in their order; what was said beside them is the caption of
/// the first.
#[must_use]
pub fn read_all(children: &[&Element], body: Option<&str>, allow_http: bool) -> Vec<Shared> {
    let sharings = || children.iter().filter(|child| child.is("file-sharing", sfs::SFS)).take(MAX_FILES);
    let mut files: Vec<Shared> = sharings().filter_map(|element| sfs::read(element).ok()).collect();
    if let Some(first) = files.first_mut() {
        let urls: Vec<String> = sharings().flat_map(|element| sfs::urls(element)).collect();
        first.caption = body.and_then(|body| fallback::caption(children, body, &urls));
        return files;
    }
    let in_body = body.and_then(|body| aesgcm::read(body).ok());
    let beside = || children.iter().find_map(|child| oob::read(child, body, allow_http).ok());
    in_body.or_else(beside).into_iter().collect()
}

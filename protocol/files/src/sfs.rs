//! Stateless file sharing (XEP-0447) and its encryption (XEP-0448), as elements.

use minidom::Element;
use rxml::xml_ncname;

use crate::egress::Target;
use crate::error::Error;
use crate::hash::Hash;
use crate::key::{Cipher, Key};
use crate::metadata::{self, METADATA};
use crate::name;
use crate::shared::{Disposition, Shared, Source};
use crate::xml::{self, with};

/// The namespace of stateless file sharing.
pub const SFS: &str = "urn:xmpp:sfs:0";
/// Encrypted file sharing (XEP-0448).
pub const ESFS: &str = "urn:xmpp:esfs:0";
const URL_DATA: &str = "http://jabber.org/protocol/url-data";
/// Sources beyond these are not looked at, in each list.
const MAX_SOURCES: usize = 10;

/// The file of an element `file-sharing`, without a caption. Encrypted sources come before others, and of each kind the
/// first that can be used counts; sources of other kinds and in other schemes than `https:` are left out (section 5).
///
/// # Errors
/// [`Error::Malformed`]: it is another element, or lacks something. `"sources"`: it has none that can be used; the
/// sender may attach some later (section 3.3).
pub fn read(element: &Element) -> Result<Shared, Error> {
    if !element.is("file-sharing", SFS) {
        return Err(Error::Malformed("file-sharing"));
    }
    let file = xml::only(element, "file", METADATA)?;
    let (source, from_url) = source(xml::only(element, "sources", SFS)?)?;
    let mut shared = Shared::new(source);
    metadata::read(file, &mut shared)?;
    shared.name = shared.name.or(from_url);
    shared.disposition = match element.attr("disposition") {
        Some("inline") => Some(Disposition::Inline),
        Some("attachment") => Some(Disposition::Attachment),
        _ => None,
    };
    Ok(shared)
}

/// As an element `file-sharing`. Beside an encrypted file there must be a size and a hash (XEP-0448 section 3.1).
#[must_use]
pub fn to_element(shared: &Shared) -> Element {
    let mut sources = Element::bare("sources", SFS);
    sources.append_child(match &shared.source {
        Source::Clear { url } => url_data(url),
        Source::Encrypted { url, key, hashes } => {
            let mut encrypted = with(Element::bare("encrypted", ESFS), xml_ncname!("cipher"), key.cipher().name());
            encrypted.append_child(xml::base64("key", ESFS, key.expose()));
            encrypted.append_child(xml::base64("iv", ESFS, key.iv()));
            for hash in hashes {
                encrypted.append_child(hash.to_element());
            }
            let mut within = Element::bare("sources", SFS);
            within.append_child(url_data(url));
            encrypted.append_child(within);
            encrypted
        }
    });
    let mut element = Element::bare("file-sharing", SFS);
    if let Some(disposition) = shared.disposition {
        let disposition = if disposition == Disposition::Inline { "inline" } else { "attachment" };
        element = with(element, xml_ncname!("disposition"), disposition);
    }
    element.append_child(metadata::to_element(shared));
    element.append_child(sources);
    element
}

/// All addresses that an element names, as they are written: a body that is one of them is a fallback.
pub(crate) fn urls(element: &Element) -> Vec<String> {
    let lists = element.children().filter(|child| child.is("sources", SFS));
    let targets = lists.flat_map(Element::children).take(MAX_SOURCES).filter_map(|source| source.attr("target"));
    targets.map(str::to_owned).collect()
}

/// The best source, and the name that a clear one's URL gives.
fn source(sources: &Element) -> Result<(Source, Option<String>), Error> {
    let all = || sources.children().take(MAX_SOURCES);
    let mut encrypted = all().filter(|source| source.is("encrypted", ESFS)).map(encrypted_source);
    if let Some(source) = encrypted.find_map(Result::ok) {
        return Ok((source, None));
    }
    let target = target(sources)?;
    let name = name::of_url(&target);
    Ok((Source::Clear { url: target.url }, name))
}

fn encrypted_source(element: &Element) -> Result<Source, Error> {
    let cipher = element.attr("cipher").and_then(Cipher::read).ok_or(Error::Malformed("cipher"))?;
    let secret = xml::octets(xml::only(element, "key", ESFS)?, "key")?;
    let iv = xml::octets(xml::only(element, "iv", ESFS)?, "iv")?;
    let key = Key::new(cipher, &secret, &iv)?;
    let hashes = Hash::read_all(element)?;
    let target = target(xml::only(element, "sources", SFS)?)?;
    Ok(Source::Encrypted { url: target.url, key, hashes })
}

/// The first address that can be used.
fn target(sources: &Element) -> Result<Target, Error> {
    let urls = sources.children().take(MAX_SOURCES).filter(|source| source.is("url-data", URL_DATA));
    let mut targets = urls.map(|source| Target::read(source.attr("target").unwrap_or_default(), false));
    match targets.next() {
        None => Err(Error::Malformed("sources")),
        Some(Ok(target)) => Ok(target),
        Some(Err(refused)) => targets.find_map(Result::ok).ok_or(Error::Address(refused)),
    }
}

fn url_data(url: &str) -> Element {
    with(Element::bare("url-data", URL_DATA), xml_ncname!("target"), url)
}

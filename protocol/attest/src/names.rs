//! The JIDs in a certificate: `id-on-xmppAddr` (RFC 6120 section 13.7.1.4) and `xmpp:` addresses (RFC 5122). The name of the
//! subject is for people, and counts for nothing.

use x509_cert::Certificate;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const XMPP_ADDR: &str = "1.3.6.1.5.5.7.8.5";

/// Whether it names this bare JID, in its normalized form.
pub(crate) fn names(certificate: &Certificate, jid: &str) -> bool {
    let Ok(Some((_, SubjectAltName(names)))) = certificate.tbs_certificate().get_extension::<SubjectAltName>() else {
        return false;
    };
    names.iter().any(|name| match name {
        GeneralName::OtherName(other) if other.type_id.to_string() == XMPP_ADDR => {
            Utf8StringRef::try_from(&other.value).is_ok_and(|named| named.as_str() == jid)
        }
        // Nothing in it is to be decoded: an address with percent signs is not taken for another one.
        GeneralName::UniformResourceIdentifier(uri) => uri.as_str().strip_prefix("xmpp:") == Some(jid),
        _ => false,
    })
}

//! The form of a URL, stricter than the URL standard: what that mends is refused, so that nobody mends it in another
//! way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Url;

use super::target::{Host, Refused, Scheme, Target};

/// Octets of the longest name (RFC 1035 section 2.3.4), and of a label.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

pub(super) fn read(url: &str, allow_http: bool) -> Result<Target, Refused> {
    if url.len() > Target::MAX_URL {
        return Err(Refused::TooLong);
    }
    // The standard drops tabs and line breaks, trims spaces, and takes a backslash for a slash.
    if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Refused::Character);
    }
    let (scheme, rest) = url.split_once("://").ok_or(Refused::Scheme)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => Scheme::Https,
        "http" if allow_http => Scheme::Http,
        _ => return Err(Refused::Scheme),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Refused::Credentials);
    }
    let (host, port) = split(authority)?;
    let host = read_host(host)?;
    let port = match port {
        Some(port) => read_port(port)?,
        None if scheme == Scheme::Https => 443,
        None => 80,
    };
    // What connects reads it with this crate, too; both must agree.
    let mut parsed = Url::parse(url).map_err(|_| Refused::Host)?;
    parsed.set_fragment(None);
    let agreed = match parsed.host().ok_or(Refused::Host)? {
        url::Host::Domain(name) => Host::Name(name.to_owned()),
        url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
        url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address)),
    };
    if agreed != host || parsed.port_or_known_default() != Some(port) {
        return Err(Refused::Host);
    }
    let path = parsed[url::Position::BeforePath..].to_owned();
    Ok(Target { scheme, host, port, path, url: parsed.into() })
}

/// Host and port, each as it is written.
fn split(authority: &str) -> Result<(&str, Option<&str>), Refused> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(Refused::Host)? + 1;
        let (host, rest) = authority.split_at(end);
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(Refused::Host)?) };
        return Ok((host, port));
    }
    Ok(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))))
}

fn read_port(port: &str) -> Result<u16, Refused> {
    if port.is_empty() || port.starts_with('0') || !port.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Refused::Port);
    }
    port.parse().map_err(|_| Refused::Port)
}

fn read_host(host: &str) -> Result<Host, Refused> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return Ok(Host::Address(IpAddr::V6(address.parse::<Ipv6Addr>().map_err(|_| Refused::Host)?)));
    }
    // Upload services write names in ASCII (XEP-0363 section 4, RFC 3986). What IDNA makes of others can be an IP
    // address.
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > MAX_NAME || !host.split('.').all(is_label) {
        return Err(Refused::Host);
    }
    let host = host.to_ascii_lowercase();
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|octet| octet.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()));
    if is_number {
        // The standard library takes four decimal numbers without leading zeros, and nothing else.
        return host.parse::<Ipv4Addr>().map(|v4| Host::Address(IpAddr::V4(v4))).map_err(|_| Refused::OddAddress);
    }
    Ok(Host::Name(host))
}

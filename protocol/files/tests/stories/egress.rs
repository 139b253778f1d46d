//! Where one does not connect: what others have used to reach a server's own network, and what readers understand
//! differently.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use xmpp_files::egress::Refused::{self, Character, Credentials, NotPublic, OddAddress, Port, TooLong};
use xmpp_files::egress::{Host, Scheme, Target, is_public};

/// Refused, and why. Redirects are judged by the same table.
const HOSTILE: [(&str, Refused); 138] = [
    // Not the web.
    ("", Refused::Scheme),
    ("file:///etc/passwd", Refused::Scheme),
    ("FILE:///etc/passwd", Refused::Scheme),
    ("file://localhost/etc/passwd", Refused::Scheme),
    ("ftp://a.example.org/f", Refused::Scheme),
    ("gopher://a.example.org:70/_x", Refused::Scheme),
    ("dict://a.example.org:11211/stats", Refused::Scheme),
    ("data:text/plain,x", Refused::Scheme),
    ("javascript:alert(1)", Refused::Scheme),
    ("blob:https://a.org/f", Refused::Scheme),
    ("view-source:https://a.org/f", Refused::Scheme),
    ("jar:https://a.org/f!/", Refused::Scheme),
    ("ws://a.example.org/", Refused::Scheme),
    ("http://a.example.org/", Refused::Scheme),
    ("//a.example.org/", Refused::Scheme),
    ("a.example.org/f", Refused::Scheme),
    // What the URL standard mends.
    ("https:a.example.org/", Refused::Scheme),
    ("https:/a.example.org/", Refused::Scheme),
    ("https:///a.example.org/", Refused::Host),
    ("https:\\\\a.example.org/", Character),
    ("https://a.example.org\\@b.example.org/", Character),
    ("https://a.example.org\\.b.example.org/", Character),
    (" https://a.example.org/", Character),
    ("https://a.example.org/ ", Character),
    ("https://a.example.org/a b", Character),
    ("https://a.exa\tmple.org/", Character),
    ("ht\ntps://a.example.org/", Character),
    ("https://a.example.org/\r\nHost: b", Character),
    ("https://a.example.org/\0", Character),
    ("https://a.example.org/\u{85}", Character),
    ("https://a.example.org/\u{2028}", Character),
    ("https://a.example.org/\u{3000}", Character),
    ("\u{feff}https://a.example.org/", Refused::Scheme),
    // Who is meant?
    ("https://user@a.example.org/", Credentials),
    ("https://user:pass@a.example.org/", Credentials),
    ("https://@a.example.org/", Credentials),
    ("https://:@a.example.org/", Credentials),
    ("https://a.example.org@127.0.0.1/", Credentials),
    ("https://a.example.org:443@127.0.0.1/", Credentials),
    ("https://127.0.0.1:443#@a.example.org/", NotPublic),
    ("https://127.0.0.1?@a.example.org/", NotPublic),
    ("https://a.example.org%40127.0.0.1/", Refused::Host),
    // No names.
    ("https://", Refused::Host),
    ("https://?q", Refused::Host),
    ("https://#f", Refused::Host),
    ("https://:443/", Refused::Host),
    ("https://./", Refused::Host),
    ("https://.a.org/", Refused::Host),
    ("https://a..org/", Refused::Host),
    ("https://a.org./", Refused::Host),
    ("https://127.0.0.1./", Refused::Host),
    ("https://localhost./", Refused::Host),
    ("https://-a.org/", Refused::Host),
    ("https://a-.org/", Refused::Host),
    ("https://a_b.org/", Refused::Host),
    ("https://*.a.org/", Refused::Host),
    ("https://a.org,b.org/", Refused::Host),
    ("https://a%2eorg/", Refused::Host),
    ("https://%31%32%37.0.0.1/", Refused::Host),
    ("https://127.0.0.1%00.a.org/", Refused::Host),
    ("https://a.org%2f.b.org/", Refused::Host),
    ("https://1.0.0.127.in-addr.arpa/", NotPublic),
    // What IDNA makes of them is 127.0.0.1, localhost, or somebody else's name.
    ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", Refused::Host),
    ("https://127\u{3002}0\u{3002}0\u{3002}1/", Refused::Host),
    ("https://\u{2460}\u{2461}\u{2466}.0.0.1/", Refused::Host),
    ("https://\u{24db}ocalhost/", Refused::Host),
    ("https://local\u{ad}host/", Refused::Host),
    ("https://loc\u{200b}alhost/", Refused::Host),
    ("https://ex\u{430}mple.org/", Refused::Host),
    ("https://b\u{fc}cher.example.org/", Refused::Host),
    ("https://a.org\u{2100}.b.org/", Refused::Host),
    ("https://xn--/", Refused::Host),
    ("https://xn--a.org/", Refused::Host),
    ("https://xn--localhost.org/", Refused::Host),
    ("https://a.xn--ls8h\u{1f4a9}.org/", Refused::Host),
    // IP addresses as other readers read them.
    ("https://0/", OddAddress),
    ("https://127.1/", OddAddress),
    ("https://127.0.1/", OddAddress),
    ("https://2130706433/", OddAddress),
    ("https://017700000001/", OddAddress),
    ("https://0177.0.0.1/", OddAddress),
    ("https://127.0.0.01/", OddAddress),
    ("https://0x7f000001/", OddAddress),
    ("https://0x7f.0.0.1/", OddAddress),
    ("https://0X7F.0.0.1/", OddAddress),
    ("https://127.0.0.0x1/", OddAddress),
    ("https://0x/", OddAddress),
    ("https://127.0.0.1.1/", OddAddress),
    ("https://256.0.0.1/", OddAddress),
    ("https://425.510.425.510/", OddAddress),
    ("https://169.254.43518/", OddAddress),
    ("https://2852039166/", OddAddress),
    ("https://a.org.0x7f000001/", OddAddress),
    ("https://8.8.2056/", OddAddress),
    // One's own.
    ("https://127.0.0.1/", NotPublic),
    ("https://127.255.255.254:8443/", NotPublic),
    ("https://0.0.0.0/", NotPublic),
    ("https://10.0.0.1/", NotPublic),
    ("https://172.16.0.1/", NotPublic),
    ("https://192.168.1.1/", NotPublic),
    ("https://100.100.100.200/latest/meta-data/", NotPublic),
    ("https://169.254.169.254/latest/meta-data/", NotPublic),
    ("https://168.63.129.16/machine", NotPublic),
    ("https://192.0.0.192/opc/v2/", NotPublic),
    ("https://255.255.255.255/", NotPublic),
    ("https://[::]/", NotPublic),
    ("https://[::1]/", NotPublic),
    ("https://[0000:0000:0000:0000:0000:0000:0000:0001]/", NotPublic),
    ("https://[::ffff:127.0.0.1]/", NotPublic),
    ("https://[::ffff:7f00:1]/", NotPublic),
    ("https://[::127.0.0.1]/", NotPublic),
    ("https://[64:ff9b::169.254.169.254]/", NotPublic),
    ("https://[2002:7f00:1::]/", NotPublic),
    ("https://[2001:0:7f00:1::]/", NotPublic),
    ("https://[fe80::1]/", NotPublic),
    ("https://[fd00:ec2::254]/latest/meta-data/", NotPublic),
    ("https://localhost/", NotPublic),
    ("https://LOCALHOST/", NotPublic),
    ("https://a.localhost/", NotPublic),
    ("https://localhost.localdomain/", NotPublic),
    ("https://metadata/", NotPublic),
    ("https://metadata.google.internal/computeMetadata/v1/", NotPublic),
    ("https://router.lan/", NotPublic),
    ("https://printer.local/", NotPublic),
    ("https://nas.home.arpa/", NotPublic),
    // What is no IPv6 address.
    ("https://[::1/", Refused::Host),
    ("https://[::1]a.org/", Refused::Host),
    ("https://[fe80::1%25eth0]/", Refused::Host),
    ("https://[v1.127]/", Refused::Host),
    ("https://[127.0.0.1]/", Refused::Host),
    ("https://::1/", Refused::Host),
    // Other protocols.
    ("https://a.example.org:22/", Port),
    ("https://a.example.org:25/", Port),
    ("https://a.example.org:5222/", Port),
    ("https://a.example.org:6379/", Port),
    ("https://a.example.org:/", Port),
    ("https://a.example.org:0443/", Port),
    ("https://a.example.org:65979/", Port),
];

#[test]
fn nobody_is_led_into_ones_own_network() {
    for (url, refused) in HOSTILE {
        assert_eq!(Target::parse(url, false).unwrap_err(), refused, "{url:?}");
        // In clear they are no better.
        let clear = url.replacen("https:", "http:", 1);
        let expected = if url == "http://a.example.org/" { Ok(80) } else { Err(refused) };
        assert_eq!(Target::parse(&clear, true).map(|target| target.port), expected, "{clear:?}");
    }
    for (port, refused) in
        [("0", Port), ("-1", Port), ("+443", Port), ("4 43", Character), ("80a", Port), ("443:443", Port)]
    {
        assert_eq!(Target::parse(&format!("https://a.org:{port}/"), false).unwrap_err(), refused, "{port}");
    }
    let long = |octets: usize| Target::parse(&format!("https://a.org/{}", "a".repeat(octets - 14)), false).map(|_| ());
    assert_eq!((long(Target::MAX_URL), long(Target::MAX_URL + 1)), (Ok(()), Err(TooLong)));
    let label = |octets| Target::parse(&format!("https://{}.org/", "a".repeat(octets)), false).map(|_| ());
    assert_eq!((label(63), label(64)), (Ok(()), Err(Refused::Host)));
    let name = |labels, more| format!("https://{}{}.org/", "abcdefghi.".repeat(labels), "a".repeat(more));
    let read = |name: String| Target::parse(&name, false).map(|_| ());
    assert_eq!((read(name(24, 9)), read(name(24, 10))), (Ok(()), Err(Refused::Host)));
}

#[test]
fn where_files_are_one_may_connect() {
    for (url, host, port, path) in [
        ("https://upload.example.org/a/b.jpg", "upload.example.org", 443, "/a/b.jpg"),
        ("HTTPS://Upload.Example.ORG", "upload.example.org", 443, "/"),
        ("https://upload.example.org:443/f", "upload.example.org", 443, "/f"),
        ("https://upload.example.org:5281/f?token=a%2Fb#key", "upload.example.org", 5281, "/f?token=a%2Fb"),
        ("https://upload.example.org?a=@b", "upload.example.org", 443, "/?a=@b"),
        ("https://upload.example.org/../a/./b//c", "upload.example.org", 443, "/a/b//c"),
        ("https://upload.example.org/tr\u{e8}s.jpg", "upload.example.org", 443, "/tr%C3%A8s.jpg"),
        ("https://upload.example.org/https://127.0.0.1/", "upload.example.org", 443, "/https://127.0.0.1/"),
        ("https://xn--bcher-kva.example.org/", "xn--bcher-kva.example.org", 443, "/"),
        ("https://r3---sn-a.example.org/", "r3---sn-a.example.org", 443, "/"),
        ("https://1and1.de/", "1and1.de", 443, "/"),
        ("https://127.0.0.1.example.org/", "127.0.0.1.example.org", 443, "/"),
        ("https://9.9.9.9/f", "9.9.9.9", 443, "/f"),
        ("https://[2620:fe::9]:8443/f", "2620:fe::9", 8443, "/f"),
    ] {
        let target = Target::parse(url, false).unwrap();
        let is_name = !host.contains(':') && host != "9.9.9.9";
        let expected = if is_name { Host::Name(host.to_owned()) } else { Host::Address(host.parse().unwrap()) };
        assert_eq!((&target.host, target.port, target.path.as_str()), (&expected, port, path), "{url}");
        assert_eq!((target.host.to_string().as_str(), target.scheme), (host, Scheme::Https));
        // In its normal form it is the same.
        assert_eq!(Target::parse(&target.url, false).as_ref(), Ok(&target));
        assert!(!target.url.contains('#') && target.url.ends_with(path));
    }
    assert_eq!(Target::parse("http://a.org:8080/", true).unwrap().scheme, Scheme::Http);
}

#[test]
fn the_users_own_server_may_be_anywhere() {
    let own = ["localhost", "192.168.1.2", "fd00::2"];
    for url in ["https://localhost:5281/f", "https://192.168.1.2:22/f", "https://[fd00:0:0::2]/", "https://a.org/"] {
        assert_eq!(Target::parse_own(url, false, &own).map(|_| ()), Ok(()), "{url}");
    }
    for (url, refused) in [
        ("https://192.168.1.3/f", NotPublic),
        ("https://a.localhost/f", NotPublic),
        ("https://0xc0a80102/f", OddAddress),
        ("https://u@localhost/f", Credentials),
        ("http://localhost/f", Refused::Scheme),
        ("https://a.org:22/f", Port),
    ] {
        assert_eq!(Target::parse_own(url, false, &own).unwrap_err(), refused, "{url}");
    }
    assert!(Target::parse_own("http://localhost/f", true, &own).is_ok());
}

#[test]
fn what_is_everybodys_and_what_is_not() {
    // First and last of each network, and their neighbours.
    let table = "
        0.0.0.0 - 0.255.255.255 - 1.0.0.0 + 9.255.255.255 + 10.0.0.0 - 10.255.255.255 - 11.0.0.0 + 100.63.255.255 +
        100.64.0.0 - 100.127.255.255 - 100.128.0.0 + 126.255.255.255 + 127.0.0.0 - 127.255.255.255 - 128.0.0.0 +
        168.63.129.15 + 168.63.129.16 - 168.63.129.17 + 169.253.255.255 + 169.254.0.0 - 169.254.169.254 -
        169.254.255.255 - 169.255.0.0 + 172.15.255.255 + 172.16.0.0 - 172.31.255.255 - 172.32.0.0 +
        191.255.255.255 + 192.0.0.0 - 192.0.0.255 - 192.0.1.0 + 192.0.2.0 - 192.0.2.255 - 192.0.3.0 + 192.31.196.1 -
        192.52.193.1 - 192.88.98.255 + 192.88.99.0 - 192.88.99.255 - 192.88.100.0 + 192.167.255.255 + 192.168.0.0 -
        192.168.255.255 - 192.169.0.0 + 192.175.48.1 - 198.17.255.255 + 198.18.0.0 - 198.19.255.255 - 198.20.0.0 +
        198.51.99.255 + 198.51.100.0 - 198.51.100.255 - 198.51.101.0 + 203.0.112.255 + 203.0.113.0 - 203.0.113.255 -
        203.0.114.0 + 223.255.255.255 + 224.0.0.0 - 224.0.0.251 - 239.255.255.255 - 240.0.0.0 - 255.255.255.255 -
        :: - ::1 - ::2 - ::8.8.8.8 - ::ffff:8.8.8.8 + ::ffff:127.0.0.1 - ::ffff:10.0.0.1 - ::ffff:0:8.8.8.8 -
        64:ff9b::8.8.8.8 + 64:ff9b::127.0.0.1 - 64:ff9b::192.168.0.1 - 64:ff9b:1::8.8.8.8 -
        64:ff9b:0:0:0:1:808:808 - 100::1 - 1fff:ffff::1 - 2000::1 + 2001::1 - 2001:0:808:808:: - 2001:2::1 -
        2001:10::1 - 2001:20::1 - 2001:1ff:ffff::1 - 2001:200::1 + 2001:db7:ffff::1 + 2001:db8::1 -
        2001:db8:ffff::1 - 2001:db9::1 + 2001:4860:4860::8888 + 2002:808:808::1 - 2002:7f00:1:: - 2003::1 +
        2606:4700::1111 + 2620:4f:8000::1 - 2620:fe::fe + 3ffe::1 + 3fff::1 - 3fff:fff::1 - 3fff:1000::1 + 4000::1 -
        5f00::1 - fc00::1 - fd00:ec2::254 - fd20:ce::254 - fe80::1 - fec0::1 - ff02::1 - ff0e::1 -";
    let words: Vec<&str> = table.split_whitespace().collect();
    assert!(words.len() >= 2 * 110, "{}", words.len());
    for pair in words.chunks(2) {
        assert_eq!(is_public(pair[0].parse().unwrap()), pair[1] == "+", "{}", pair[0]);
    }
}

proptest! {
    #[test]
    fn what_the_standard_library_calls_special_is_not_public(bits: u32, network in 0..12_usize) {
        // One in a special network, more often than chance would have it.
        let networks =
            [0, 10 << 24, 127 << 24, 0xa9fe_0000, 0xac10_0000, 0xc0a8_0000, 0xe000_0000, 0xf000_0000, 0xc000_0200];
        let address = Ipv4Addr::from_bits(networks.get(network).map_or(bits, |network| network | bits & 0xffff));
        let special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_broadcast()
            || address.is_documentation() || address.is_multicast() || address.is_unspecified();
        let is_open = is_public(IpAddr::V4(address));
        prop_assert!(!(special && is_open));
        // However it is written.
        prop_assert_eq!(is_public(IpAddr::V6(address.to_ipv6_mapped())), is_open);
        prop_assert_eq!(is_public(format!("64:ff9b::{address}").parse().unwrap()), is_open);
        let compatible: IpAddr = format!("::{address}").parse().unwrap();
        prop_assert!(!is_public(compatible));
        prop_assert_eq!(Target::parse(&format!("https://{address}/"), false).is_ok(), is_open);
        prop_assert_eq!(Target::parse(&format!("https://{}/", address.to_bits()), false), Err(OddAddress));
    }

    #[test]
    fn whatever_is_taken_is_taken_in_one_way_only(url in "(https?|HTTPS)://[a-c0-9.@:%/\\\\?#\\[\\]xX_\u{e9}-]{0,20}") {
        if let Ok(target) = Target::parse(&url, true) {
            prop_assert_eq!(Target::parse(&target.url, true), Ok(target.clone()));
            prop_assert!(target.path.starts_with('/') && !target.url.contains(['@', '#']) || target.path.contains('@'));
        }
    }
}

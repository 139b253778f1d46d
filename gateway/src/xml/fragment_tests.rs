use super::FragmentError::*;
use super::*;

const SMALL: Limits = Limits { max_depth: 8, max_stanza: 4096 };

fn refused(text: &str) -> FragmentError {
    fragment(text, SMALL).unwrap_err()
}

#[test]
fn content_comes_out_as_children_of_a_stanza() {
    let parsed = fragment(
        "<body>h\u{e9}llo &amp; &#x1F600; <![CDATA[<raw>]]></body>  <active xmlns='http://jabber.org/protocol/chatstates'/>\r\n\t",
        SMALL,
    );
    let [body, active] = &parsed.unwrap()[..] else { panic!() };
    assert!(body.is("body", CLIENT));
    assert_eq!(body.text(), "h\u{e9}llo & \u{1F600} <raw>");
    assert!(active.is("active", "http://jabber.org/protocol/chatstates"));
}

#[test]
fn nothing_but_padding_is_nothing() {
    assert_eq!(fragment("", SMALL), Ok(vec![]));
    assert_eq!(fragment(" \t\r\n ", SMALL), Ok(vec![]));
}

#[test]
fn a_forwarded_stanza_may_be_inside_something() {
    let parsed = fragment(
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><thread/></message></forwarded>",
        SMALL,
    );
    assert_eq!(parsed.unwrap().len(), 1);
}

#[test]
fn limits_are_inclusive() {
    let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(fragment(&deep(8), SMALL).is_ok());
    assert_eq!(refused(&deep(9)), TooDeep);
    let long = |octets: usize| format!("<a>{}</a>", "x".repeat(octets - 7));
    assert!(fragment(&long(4096), SMALL).is_ok());
    assert_eq!(refused(&long(4097)), TooLarge);
}

#[test]
fn hostile_content_is_refused_for_what_it_is() {
    let cases: &[(&str, FragmentError)] = &[
        // Out of the fragment.
        ("</message><message to='victim@example.org'><body>x</body>", Malformed),
        ("</fragment>", Escapes),
        ("</fragment><fragment>", Escapes),
        ("</fragment><fragment xmlns='jabber:client'>", Escapes),
        ("<body>x</body></fragment><message/><fragment>", Escapes),
        ("</fragment >", Escapes),
        (" </fragment><body/>", Escapes),
        ("<fragment></fragment></fragment>", Escapes),
        ("<body></body></body>", Malformed),
        ("</body>", Malformed),
        ("</>", Malformed),
        ("</stream:stream>", Malformed),
        // Not to its end.
        ("<body>", Unclosed),
        ("<body", Unclosed),
        ("<body ", Unclosed),
        ("<body a='", Unclosed),
        ("<body a", Unclosed),
        ("<fragment>", Unclosed),
        ("<fragment", Unclosed),
        ("<", Unclosed),
        ("</fragment", Unclosed),
        ("<![CDATA[", Unclosed),
        ("<body/", Unclosed),
        ("&am", Unclosed),
        // Not XML.
        ("<body></bodY>", Malformed),
        ("<a><b></a></b>", Malformed),
        ("<a b=1/>", Malformed),
        ("<a b/>", Malformed),
        ("<a b='1' b='2'/>", Malformed),
        ("<a b='<'/>", Malformed),
        ("<a b='1'c='2'/>", Malformed),
        ("< body/>", Malformed),
        ("<1/>", Malformed),
        ("<a:b:c/>", Malformed),
        ("<:a/>", Malformed),
        ("<body>&nbsp;</body>", Malformed),
        ("<body>&lol9;</body>", Malformed),
        ("<body>&#0;</body>", Malformed),
        ("<body>&#xB;</body>", Malformed),
        ("<body>&#xFFFE;</body>", Malformed),
        ("<body>&#xD800;</body>", Malformed),
        ("<body>&#x110000;</body>", Malformed),
        ("<body>\u{0}</body>", Malformed),
        ("<body>\u{8}</body>", Malformed),
        ("<body>\u{FFFF}</body>", Malformed),
        ("<body>]]></body>", Malformed),
        ("\u{FEFF}<body/>", Text),
        // Namespaces.
        ("<x:body/>", Malformed),
        ("<body x:a='1'/>", Malformed),
        ("<a xmlns:x=''/>", Malformed),
        ("<a xmlns:xml='urn:x'/>", Malformed),
        ("<a xmlns:xmlns='urn:x'/>", Malformed),
        ("<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>", Malformed),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", Malformed),
        ("<a xmlns:x='http://www.w3.org/2000/xmlns/'/>", Malformed),
        ("<a xmlns='urn:a' xmlns='urn:b'/>", Malformed),
        ("<a xmlns:p='urn:x' xmlns:q='urn:x' p:a='1' q:a='2'/>", Malformed),
        // What XMPP forbids.
        ("<?xml version='1.0'?><body/>", Restricted),
        ("<?php x?>", Restricted),
        ("<body><?pi?></body>", Restricted),
        ("<!-- x --><body/>", Restricted),
        ("<body><!-- x --></body>", Restricted),
        ("<!DOCTYPE a><body/>", Restricted),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><body>&b;</body>", Restricted),
        ("<body><!DOCTYPE a></body>", Restricted),
        ("<!ENTITY a SYSTEM 'file:///etc/passwd'>", Restricted),
        ("<![INCLUDE[<body/>]]>", Restricted),
        // Text that belongs to no element.
        ("hello", Text),
        ("<body/>x", Text),
        ("x<body/>", Text),
        ("<body/>&#160;", Text),
        ("<body/>\u{a0}", Text),
        ("<body/>\u{200b}<body/>", Text),
        ("<![CDATA[x]]>", Text),
        ("&lt;body/>", Text),
        // The stream, stanzas, and what stays outside of the encryption.
        ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", Stream),
        ("<a><error xmlns='http://etherx.jabber.org/streams'/></a>", Stream),
        ("<features xmlns='http://etherx.jabber.org/streams'/>", Stream),
        ("<stream:error/>", Malformed),
        ("<message from='admin@example.org'/>", Stanza),
        ("<presence type='unsubscribe'/>", Stanza),
        ("<iq type='set'/>", Stanza),
        ("<message xmlns='jabber:server'/>", Stanza),
        ("<iq xmlns='jabber:component:accept'/>", Stanza),
        ("<x:message xmlns:x='jabber:client'/>", Stanza),
        ("<body/><message/>", Stanza),
        ("<thread>t</thread>", Outer),
        ("<body/><error type='cancel'/>", Outer),
        ("<x:thread xmlns:x='jabber:client'>t</x:thread>", Outer),
        ("<thread xmlns='jabber:component:accept'>t</thread>", Outer),
        ("<c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'/>", Encrypted),
        ("<body/><x:c xmlns:x='http://www.xmpp.org/extensions/xep-0200.html#ns'/>", Encrypted),
        ("<a><b><c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'/></b></a>", Encrypted),
        (
            "<a><b xmlns='jabber:client'><c xmlns='http&#58;//www.xmpp.org/extensions/xep-0200.html#ns'/></b></a>",
            Encrypted,
        ),
        // Too much.
        ("<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>", TooDeep),
        ("<b/><a><a><a><a><a><a><a><a><a>", TooDeep),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let got = fragment(text, SMALL);
        if got != Err(*expected) {
            wrong.push(format!("{text}: {got:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 60);
}

#[test]
fn a_bomb_stays_small_on_a_small_stack() {
    let bomb = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(|| {
        let limits = Limits::default();
        assert_eq!(fragment(&"<a>".repeat(160_000), limits), Err(TooDeep));
        let closed = format!("{}{}", "<a>".repeat(70_000), "</a>".repeat(70_000));
        assert_eq!(fragment(&closed, limits), Err(TooDeep));
        // Each child would own a copy of the long name.
        let name = format!("<a xmlns='{}'>{}</a>", "u".repeat(100_000), "<b/>".repeat(90_000));
        assert_eq!(fragment(&name, limits), Err(TooLarge));
        assert_eq!(fragment(&"<b/>".repeat(120_000), limits), Err(TooLarge));
        let attributes: String = (0..40_000).map(|n| format!(" a{n}=''")).collect();
        assert_eq!(fragment(&format!("<b{attributes}/>"), limits), Err(TooLarge));
    });
    bomb.unwrap().join().unwrap();
}

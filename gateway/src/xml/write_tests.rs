use minidom::Element;
use proptest::prelude::*;
use rxml::{Namespace, NcName};

use super::*;

fn attribute(element: &mut Element, namespace: &str, name: &str, value: &str) {
    element.attrs_mut().insert(
        Namespace::from(namespace.to_owned()),
        NcName::try_from(name).unwrap(),
        value.to_owned(),
    );
}

/// What a value must come back as.
fn replaced(value: &str) -> String {
    let illegal = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{FFFE}' || c == '\u{FFFF}';
    value.chars().map(|c| if illegal(c) { '\u{FFFD}' } else { c }).collect()
}

#[test]
fn what_is_written_is_plain() {
    let mut message = Element::bare("message", CLIENT);
    attribute(&mut message, "", "to", "o'neill@example.org");
    attribute(&mut message, "http://www.w3.org/XML/1998/namespace", "lang", "en");
    let mut body = Element::bare("body", CLIENT);
    body.append_text_node("a<b>&\"\u{1}\r");
    message.append_child(body);
    let mut forwarded = Element::bare("forwarded", "urn:xmpp:forward:0");
    forwarded.append_child(Element::bare("message", CLIENT));
    message.append_child(forwarded);
    assert_eq!(
        serialize(&[message]),
        "<message to='o&apos;neill@example.org' xml:lang='en'><body>a&lt;b&gt;&amp;&quot;\u{FFFD}&#13;</body>\
         <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded></message>"
    );
}

#[test]
fn names_cannot_break_out() {
    let mut element = Element::bare("a/><b x='", "urn:x");
    attribute(&mut element, "", "xmlns", "jabber:client");
    attribute(&mut element, "http://www.w3.org/2000/xmlns/", "stream", STREAMS);
    attribute(&mut element, "", "\u{e9}", "not every parser takes this name");
    attribute(&mut element, "urn:y", "n0", "kept");
    assert_eq!(serialize(&[element]), "<a___b_x__ xmlns='urn:x' xmlns:n0='urn:y' n0:n0='kept'/>");
    for (name, namespace, expected) in [
        ("", "", "<_ xmlns=''/>"),
        ("1", CLIENT, "<_1/>"),
        ("stream:stream", CLIENT, "<stream_stream/>"),
        ("foo", "http://www.w3.org/XML/1998/namespace", "<xml:foo/>"),
        ("foo", "http://www.w3.org/2000/xmlns/", "<foo xmlns=''/>"),
        ("foo", "'/><x\u{1}", "<foo xmlns='&apos;/&gt;&lt;x\u{FFFD}'/>"),
    ] {
        assert_eq!(serialize(&[Element::bare(name, namespace)]), expected);
    }
}

/// Text with more of what hurts than chance would bring.
fn nasty() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        any::<char>(),
        prop::sample::select("<>&'\"]\t\n\r\u{0}\u{1}\u{b}\u{7f}\u{85}\u{2028}\u{d7ff}\u{e000}\u{feff}\u{fffd}\u{fffe}\u{ffff}\u{1fffe}\u{10ffff}".chars().collect::<Vec<_>>()),
        prop::sample::select("]]></body><!--?>&#0;CDATA[".chars().collect::<Vec<_>>()),
    ];
    prop::collection::vec(c, 0..40).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_value_comes_back_as_one_stanza(id in nasty(), to in nasty(), lang in nasty(), foreign in nasty(), body in nasty(), tail in nasty(), namespace in nasty()) {
        prop_assume!(!namespace.is_empty());
        let mut outer = Element::bare("outer", "urn:drawbridge:outer");
        attribute(&mut outer, "", "id", &id);
        attribute(&mut outer, "", "to", &to);
        attribute(&mut outer, "http://www.w3.org/XML/1998/namespace", "lang", &lang);
        attribute(&mut outer, &namespace, "foreign", &foreign);
        let mut inner = Element::bare("body", CLIENT);
        inner.append_text_node(body.as_str());
        outer.append_child(inner);
        outer.append_text_node(tail.as_str());
        outer.append_child(Element::bare("x", namespace.as_str()));

        let text = serialize(std::slice::from_ref(&outer));
        let parsed = fragment(&text, Limits::default());
        let [back] = &parsed.unwrap()[..] else { panic!("not one element: {text}") };
        prop_assert_eq!(back.attr("id"), Some(&*replaced(&id)));
        prop_assert_eq!(back.attr("to"), Some(&*replaced(&to)));
        prop_assert_eq!(back.attr_ns("http://www.w3.org/XML/1998/namespace", "lang"), Some(&*replaced(&lang)));
        let namespace = replaced(&namespace);
        prop_assert_eq!(back.attr_ns(namespace.as_str(), "foreign"), Some(&*replaced(&foreign)));
        prop_assert_eq!(back.attrs().len(), 4);
        prop_assert_eq!(back.get_child("body", CLIENT).unwrap().text(), replaced(&body));
        prop_assert_eq!(back.text(), replaced(&tail));
        prop_assert!(back.has_child("x", namespace.as_str()));
        prop_assert_eq!(back.children().count(), 2);
    }
}

//! What MACs cover of a form: its fields in canonical XML (XEP-0116, section 8; esessions.md, section 11).

use esession::{Profile, dangerous::normalize};

fn spelled(fields: &str, profile: Profile) -> String {
    normalize(&format!("<x xmlns='jabber:x:data'>{fields}</x>").parse().unwrap(), profile).unwrap()
}

#[test]
fn attributes_are_sorted_and_quoted_and_what_is_empty_has_two_tags() {
    let field = "<field var='ver' type='hidden' label='a'><value>1.0</value><required/></field>";
    let ours = r#"<field label="a" type="hidden" var="ver"><value>1.0</value><required></required></field>"#;
    assert_eq!(spelled(field, Profile::Xep), ours);
    assert_eq!(spelled(field, Profile::Gajim), ours.replace("<required></required>", "<required />"));
}

#[test]
fn what_has_a_meaning_in_xml_is_escaped() {
    let field = "<field var='&amp;&lt;>&quot;&#9;&#10;&#13;&apos;'><value>&amp;&lt;&gt;&quot;&#9;&#13;</value></field>";
    let ours = "<field var=\"&amp;&lt;>&quot;&#x9;&#xA;&#xD;'\"><value>&amp;&lt;&gt;\"\t&#xD;</value></field>";
    assert_eq!(spelled(field, Profile::Xep), ours);
}

#[test]
fn white_space_counts_in_a_value_and_not_between_elements() {
    let field = "<field var='a'>\n <value> 1 </value>\n</field>";
    assert_eq!(spelled(field, Profile::Xep), r#"<field var="a"><value> 1 </value></field>"#);
    // Old Gajim keeps it.
    assert_eq!(spelled(field, Profile::Gajim), "<field var=\"a\">\n <value> 1 </value>\n</field>");
}

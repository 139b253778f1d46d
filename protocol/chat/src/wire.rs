//! The octets of a stream, cut at the boundaries of its elements: to show them as they are, and to keep elements away from
//! the XML library that would bring it down (it builds and drops trees recursively, without a limit on the depth).

/// Elements within each other in one stanza.
const MAX_DEPTH: usize = 96;
/// Octets of one stanza.
const MAX_SIZE: usize = 2 * 1024 * 1024;
/// How much of a refused stanza is kept, to tell what it was.
const REFUSED_HEAD: usize = 200;

/// A part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The stream's own tags, declarations, white space.
    Frame(Vec<u8>),
    /// A whole child of the stream element: a stanza, or a part of the login.
    Element(Vec<u8>),
    /// The beginning of a stanza that was too deep or too long.
    Refused(Vec<u8>),
}

/// Finds the elements. Knows just enough of XML for that: well-formedness is checked by the parser behind it.
#[derive(Default)]
pub(crate) struct Scanner {
    place: Place,
    /// Elements that are open, with the stream's own.
    depth: usize,
    /// Of the piece at hand.
    octets: Vec<u8>,
    refused: bool,
    /// Where in `octets` the present tag begins.
    tag: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Text,
    /// Just after `<`.
    Opening,
    StartTag {
        quote: Option<u8>,
        slash: bool,
    },
    EndTag,
    /// `<?…?>`
    Instruction,
    /// `<!…`, which XMPP forbids but for CDATA sections.
    Section,
}

impl Scanner {
    /// Takes the next octets and hands on every piece that is complete.
    pub(crate) fn feed(&mut self, octets: &[u8], mut found: impl FnMut(Piece)) {
        for octet in octets {
            self.step(*octet, &mut found);
        }
        if self.depth <= 1 && self.place == Place::Text {
            self.hand_on(Piece::Frame, &mut found);
        }
    }

    fn step(&mut self, octet: u8, found: &mut impl FnMut(Piece)) {
        if self.place == Place::Text && octet == b'<' {
            if self.depth <= 1 {
                self.hand_on(Piece::Frame, found);
            }
            self.tag = self.octets.len();
        }
        if !self.refused || self.octets.len() < REFUSED_HEAD {
            self.octets.push(octet);
        }
        self.refused |= self.depth > MAX_DEPTH || self.octets.len() > MAX_SIZE;
        self.place = match (self.place, octet) {
            (Place::Text, b'<') => Place::Opening,
            (Place::Text, _) => Place::Text,
            (Place::Opening, b'/') => Place::EndTag,
            (Place::Opening, b'?') => Place::Instruction,
            (Place::Opening, b'!') => Place::Section,
            (Place::Opening, _) => Place::StartTag { quote: None, slash: false },
            (Place::StartTag { quote: None, slash }, b'>') => {
                self.started(slash, found);
                Place::Text
            }
            (Place::StartTag { quote: None, .. }, b'"' | b'\'') => Place::StartTag { quote: Some(octet), slash: false },
            (Place::StartTag { quote: None, .. }, _) => Place::StartTag { quote: None, slash: octet == b'/' },
            (Place::StartTag { quote: Some(quote), .. }, _) if quote == octet => {
                Place::StartTag { quote: None, slash: false }
            }
            (Place::EndTag, b'>') => {
                self.ended(found);
                Place::Text
            }
            (Place::Instruction, b'>') => {
                // an XML declaration begins the stream anew (RFC 6120 section 4.3.3)
                self.depth = if self.depth <= 1 { 0 } else { self.depth };
                Place::Text
            }
            (Place::Section, b'>')
                if self.octets.ends_with(b"]]>") || self.octets.ends_with(b"-->") || self.refused =>
            {
                Place::Text
            }
            (place, _) => place,
        };
    }

    fn started(&mut self, is_empty: bool, found: &mut impl FnMut(Piece)) {
        let tag = self.octets.get(self.tag..).unwrap_or_default();
        if self.depth == 0 || (self.depth == 1 && tag.starts_with(b"<stream:stream")) {
            self.depth = 1;
            return self.hand_on(Piece::Frame, found);
        }
        match (is_empty, self.depth) {
            (true, 1) => self.complete(found),
            (true, _) => {}
            (false, _) => self.depth += 1,
        }
    }

    fn ended(&mut self, found: &mut impl FnMut(Piece)) {
        self.depth = self.depth.saturating_sub(1);
        match self.depth {
            0 => self.hand_on(Piece::Frame, found),
            1 => self.complete(found),
            _ => {}
        }
    }

    fn complete(&mut self, found: &mut impl FnMut(Piece)) {
        let piece = if std::mem::take(&mut self.refused) { Piece::Refused } else { Piece::Element };
        self.hand_on(piece, found);
    }

    fn hand_on(&mut self, piece: fn(Vec<u8>) -> Piece, found: &mut impl FnMut(Piece)) {
        if !self.octets.is_empty() {
            found(piece(std::mem::take(&mut self.octets)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(chunks: &[&str]) -> Vec<Piece> {
        let mut scanner = Scanner::default();
        let mut pieces = Vec::new();
        chunks.iter().for_each(|chunk| scanner.feed(chunk.as_bytes(), |piece| pieces.push(piece)));
        pieces
    }

    fn elements(chunks: &[&str]) -> Vec<String> {
        let elements = pieces(chunks).into_iter().filter_map(|piece| match piece {
            Piece::Element(octets) => Some(String::from_utf8(octets).unwrap()),
            _ => None,
        });
        elements.collect()
    }

    const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0'>";

    #[test]
    fn stanzas_come_out_whole_wherever_the_octets_are_cut() {
        let stanzas = ["<a x='>\"/'><b/>t</a>", "<c/>", "<d y=\"/>\" />", "<e><![CDATA[</e>]]></e>"];
        let stream = format!("{HEADER}{} \n {}{}{}", stanzas[0], stanzas[1], stanzas[2], stanzas[3]);
        assert_eq!(elements(&[&stream]), stanzas);
        for cut in 0..stream.len() {
            assert_eq!(elements(&[&stream[..cut], &stream[cut..]]), stanzas);
        }
    }

    #[test]
    fn nothing_is_lost_or_changed() {
        let stream = format!("{HEADER}<success/>{HEADER}<a>1</a> <b/></stream:stream>");
        let octets: Vec<u8> = pieces(&[&stream])
            .into_iter()
            .flat_map(|piece| match piece {
                Piece::Frame(octets) | Piece::Element(octets) | Piece::Refused(octets) => octets,
            })
            .collect();
        assert_eq!(String::from_utf8(octets).unwrap(), stream);
        assert_eq!(elements(&[&stream]), ["<success/>", "<a>1</a>", "<b/>"]);
    }

    #[test]
    fn a_deep_stanza_is_taken_out_and_the_next_one_is_whole() {
        let deep = format!("<message from='eve'>{}{}</message>", "<a>".repeat(70_000), "</a>".repeat(70_000));
        let all = pieces(&[HEADER, &deep, "<next/>"]);
        let [.., Piece::Refused(head), Piece::Element(next)] = all.as_slice() else { panic!("{}", all.len()) };
        assert!(head.starts_with(b"<message from='eve'>") && head.len() <= MAX_DEPTH * 3 + REFUSED_HEAD);
        assert_eq!(next, b"<next/>");
        assert!(!all.iter().any(|piece| matches!(piece, Piece::Element(octets) if octets.len() > 100)));
    }

    #[test]
    fn a_long_stanza_is_taken_out() {
        let long = format!("<message><body>{}</body></message><next/>", "x".repeat(MAX_SIZE));
        let all = pieces(&[HEADER, &long]);
        assert!(matches!(all.as_slice(), [.., Piece::Refused(_), Piece::Element(next)] if next == b"<next/>"));
    }
}

//! The lines of a message as they are put together, with what the blocks around them put before each.

use super::marks::{self, Run};
use crate::styling::Style;

/// Blocks in blocks beyond this add nothing to their lines.
const DEEPEST: usize = 32;

const FENCE: &str = "```";

pub(super) struct Page {
    text: String,
    line: Vec<Run>,
    blocks: Vec<Block>,
    /// An empty line is due before the next one, within so many blocks.
    gap: Option<usize>,
    /// Something but empty lines has been written.
    says: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Quotation,
    /// With the number of the next item, if it has numbers.
    List(Option<i64>),
    /// With what marks its first line, until that is written.
    Item(Option<String>),
}

struct Block {
    kind: Option<Kind>,
    empty: bool,
    /// Its last line is in a quotation inside it, which another one would continue.
    ends_in_quotation: bool,
}

impl Page {
    pub(super) fn new() -> Self {
        Self { text: String::new(), line: Vec::new(), blocks: vec![Block::new(None)], gap: None, says: false }
    }

    /// What there is to read, if anything.
    pub(super) fn finish(mut self) -> Option<String> {
        self.end_line();
        self.says.then(|| self.text.trim_matches('\n').to_owned())
    }

    /// Text in a line: whitespace collapses. Control characters have no place in XML.
    pub(super) fn push(&mut self, text: &str, styles: &[Style]) {
        for character in text.chars() {
            match character {
                ' ' | '\t' | '\n' | '\r' | '\x0c' => {
                    if self.line.last().is_some_and(|run| !run.text.ends_with(' ')) {
                        self.push_character(' ', styles);
                    }
                }
                character if character.is_control() => {}
                character => self.push_character(character, styles),
            }
        }
    }

    fn push_character(&mut self, character: char, styles: &[Style]) {
        match self.line.last_mut() {
            Some(run) if run.styles == styles => run.text.push(character),
            _ => self.line.push(Run { text: character.into(), styles: styles.to_vec() }),
        }
    }

    /// Takes back so many characters of the line.
    pub(super) fn take_back(&mut self, characters: usize) {
        for _ in 0..characters {
            let Some(run) = self.line.last_mut() else { return };
            run.text.pop();
            if run.text.is_empty() {
                self.line.pop();
            }
        }
    }

    /// Ends the line if there is one.
    pub(super) fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.break_line();
        }
    }

    /// Ends the line, which may be empty.
    pub(super) fn break_line(&mut self) {
        let line = marks::line(&self.line);
        self.line.clear();
        self.write_line(line.trim_matches(' '));
    }

    /// Ends the line, and leaves an empty one if others are before it in the same block.
    pub(super) fn end_paragraph(&mut self) {
        self.end_line();
        if self.blocks.last().is_some_and(|block| !block.empty) {
            self.gap = Some(self.blocks.len());
        }
    }

    pub(super) fn open(&mut self, mut kind: Kind) {
        self.end_line();
        match &mut kind {
            Kind::Quotation if self.blocks.last().is_some_and(|block| block.ends_in_quotation) => {
                self.end_paragraph();
            }
            Kind::Item(marker) => {
                self.close(&Kind::Item(None));
                *marker = Some(self.next_marker());
            }
            _ => {}
        }
        if self.blocks.len() < DEEPEST {
            self.blocks.push(Block::new(Some(kind)));
        }
    }

    fn next_marker(&mut self) -> String {
        match self.blocks.last_mut().and_then(|block| block.kind.as_mut()) {
            Some(Kind::List(Some(next))) => {
                let marker = format!("{next}. ");
                *next = next.saturating_add(1);
                marker
            }
            _ => "- ".to_owned(),
        }
    }

    /// Closes the innermost block of the kind, and all in it. An item is only closed in its own list.
    pub(super) fn close(&mut self, kind: &Kind) {
        self.end_line();
        let is = |block: &Block, kind: &Kind| {
            block.kind.as_ref().is_some_and(|other| std::mem::discriminant(other) == std::mem::discriminant(kind))
        };
        let Some(position) = self.blocks.iter().rposition(|block| is(block, kind)) else { return };
        if let Kind::Item(_) = kind
            && self.blocks.iter().skip(position).any(|block| is(block, &Kind::List(None)))
        {
            return;
        }
        let showed = self.blocks.get(position).is_some_and(|block| !block.empty);
        self.blocks.truncate(position);
        self.gap = self.gap.filter(|depth| *depth <= position);
        if let Some(parent) = self.blocks.last_mut() {
            parent.ends_in_quotation |= showed && *kind == Kind::Quotation;
        }
    }

    /// A block of code. Lists do not indent it, or its fences would not begin their lines (XEP-0393, 6.1.2).
    pub(super) fn write_code(&mut self, language: &str, code: &str) {
        self.end_line();
        if code.trim().is_empty() {
            return;
        }
        if self.blocks.iter().any(|block| matches!(block.kind, Some(Kind::Item(Some(_))))) {
            self.write_line("");
        }
        self.write_gap();
        let prefix = "> ".repeat(self.blocks.iter().filter(|block| block.kind == Some(Kind::Quotation)).count());
        self.write(&prefix, &format!("{FENCE}{language}"));
        for line in code.strip_suffix('\n').unwrap_or(code).split('\n') {
            // A line of only the fence would end the block.
            self.write(&prefix, if line == FENCE { "``` " } else { line });
        }
        self.write(&prefix, FENCE);
    }

    fn write_line(&mut self, line: &str) {
        self.write_gap();
        let prefix = self.blocks.iter_mut().map(|block| match &mut block.kind {
            Some(Kind::Quotation) => "> ".to_owned(),
            Some(Kind::Item(marker)) => marker.take().unwrap_or_else(|| "  ".to_owned()),
            Some(Kind::List(_)) | None => String::new(),
        });
        let prefix: String = prefix.collect();
        self.write(&prefix, line);
    }

    fn write_gap(&mut self) {
        let Some(depth) = self.gap.take() else { return };
        let prefix = self.blocks.iter().take(depth).map(|block| match block.kind {
            Some(Kind::Quotation) => "> ",
            Some(Kind::Item(_)) => "  ",
            Some(Kind::List(_)) | None => "",
        });
        let prefix: String = prefix.collect();
        self.text.push_str(prefix.trim_end());
        self.text.push('\n');
    }

    fn write(&mut self, prefix: &str, line: &str) {
        self.text.push_str(if line.is_empty() { prefix.trim_end() } else { prefix });
        self.text.push_str(line);
        self.text.push('\n');
        self.says |= !line.trim().is_empty();
        for block in &mut self.blocks {
            block.empty = false;
            block.ends_in_quotation = false;
        }
    }
}

impl Block {
    fn new(kind: Option<Kind>) -> Self {
        Self { kind, empty: true, ends_in_quotation: false }
    }
}

//! HTML as Matrix has it (1.18, "m.room.message msgtypes"), to text as Message Styling (XEP-0393 1.1.1) writes it.
//!
//! The HTML is hostile. Only the tokens of html5ever are used, not its tree: a tree takes a call for each level to
//! drop, and tags that are closed in the wrong order make it grow without bound.

mod elements;
mod marks;
mod page;
#[cfg(test)]
mod tests;

use crate::styling::Style;
use elements::{address, attribute, image, is_block, is_heading, kind, language, style};
use html5ever::LocalName;
use html5ever::tokenizer::states::{Rawtext, ScriptData};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use page::{Kind, Page};
use std::cell::RefCell;

/// An event has no more octets than this (Matrix 1.18, "Size limits").
const LONGEST: usize = 65_536;

/// A longer tag is refused, for the tokenizer compares each attribute with all before it.
const LONGEST_TAG: usize = 4_096;

/// The tokenizer is given so many octets at a time: one that says nothing for long is inside a tag.
const PIECE: usize = 512;

/// As deep as the specification lets elements nest; what is deeper still shows its text.
const DEEPEST: usize = 100;

/// The text with its styles as marks; `None` if there is nothing to read in it.
pub(crate) fn to_styled(html: &str) -> Option<String> {
    if html.len() > LONGEST {
        return None;
    }
    let tokenizer = Tokenizer::new(Reader(RefCell::new(State::new())), TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut rest = html;
    let mut silent = 0_usize;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at_checked(rest.floor_char_boundary(PIECE)).unwrap_or((rest, ""));
        input.push_back(piece.into());
        let _ = tokenizer.feed(&input);
        let heard = std::mem::take(&mut tokenizer.sink.0.borrow_mut().heard);
        silent = if heard { 0 } else { silent.saturating_add(piece.len()) };
        if silent > LONGEST_TAG {
            return None;
        }
        rest = after;
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

struct Reader(RefCell<State>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        state.heard |= !matches!(token, Token::ParseError(_));
        match token {
            Token::CharacterTokens(text) => state.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                state.start(&tag);
                match &*tag.name {
                    "script" => return TokenSinkResult::RawData(ScriptData),
                    "style" => return TokenSinkResult::RawData(Rawtext),
                    _ => {}
                }
            }
            Token::TagToken(tag) => state.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

struct State {
    page: Page,
    /// The elements that style what is in them, and are still open.
    styling: Vec<(LocalName, Style)>,
    link: Option<Link>,
    /// The cells so far of the row of a table: all of it is one line.
    row: Option<usize>,
    preformatted: Option<Preformatted>,
    /// An element that is left out, and how many of its name are open.
    skipped: Option<(LocalName, usize)>,
    /// A token has come.
    heard: bool,
}

struct Link {
    address: String,
    text: String,
}

struct Preformatted {
    language: String,
    code: String,
    /// Nothing has followed the tag yet: HTML drops a newline there.
    fresh: bool,
}

impl State {
    fn new() -> Self {
        Self {
            page: Page::new(),
            styling: Vec::new(),
            link: None,
            row: None,
            preformatted: None,
            skipped: None,
            heard: false,
        }
    }

    fn finish(mut self) -> Option<String> {
        self.end_preformatted();
        self.end_link();
        self.page.finish()
    }

    fn text(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        if let Some(preformatted) = &mut self.preformatted {
            let fresh = std::mem::take(&mut preformatted.fresh);
            let text = text.strip_prefix('\n').filter(|_| fresh).unwrap_or(text);
            let is_text = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
            preformatted.code.extend(text.chars().filter(is_text));
            return;
        }
        if let Some(link) = &mut self.link {
            link.text.push_str(text);
        }
        let mut styles = Vec::new();
        for (_, style) in &self.styling {
            if !styles.contains(style) {
                styles.push(*style);
            }
        }
        self.page.push(text, &styles);
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((skipped, open)) = &mut self.skipped {
            *open = open.saturating_add(usize::from(*skipped == tag.name));
            return;
        }
        if let "script" | "style" | "mx-reply" = name {
            self.skipped = Some((tag.name.clone(), 1));
            return;
        }
        if let Some(preformatted) = &mut self.preformatted {
            preformatted.fresh = false;
            match name {
                "code" => language(tag).clone_into(&mut preformatted.language),
                "br" => preformatted.code.push('\n'),
                "img" => self.text(image(tag)),
                _ => {}
            }
            return;
        }
        if is_block(name) {
            self.end_line();
        }
        if let Some(style) = style(name)
            && self.styling.len() < DEEPEST
        {
            self.styling.push((tag.name.clone(), style));
        }
        match name {
            "br" => self.break_line(),
            "p" => self.end_paragraph(),
            "hr" => {
                self.page.push("---", &[]);
                self.end_line();
            }
            "pre" if self.row.is_none() => {
                self.preformatted = Some(Preformatted { language: String::new(), code: String::new(), fresh: true });
            }
            "tr" => {
                self.end_row();
                self.row = Some(0);
            }
            "td" | "th" => self.start_cell(),
            "a" => self.start_link(tag),
            "img" => self.text(image(tag)),
            "span" | "div" => self.start_special(tag),
            _ => {}
        }
        if self.row.is_none()
            && let Some(kind) = kind(tag)
        {
            self.page.open(kind);
        }
    }

    fn end(&mut self, name: &LocalName) {
        if let Some((skipped, open)) = &mut self.skipped {
            *open = open.saturating_sub(usize::from(skipped == name));
            if *open > 0 {
                return;
            }
            self.skipped = None;
        }
        if self.preformatted.is_some() {
            if &**name == "pre" {
                self.end_preformatted();
            }
            return;
        }
        if is_block(name) {
            self.end_line();
        }
        let ends = |open: &str| open == &**name || is_heading(open) && is_heading(name);
        if let Some(position) = self.styling.iter().rposition(|(open, _)| ends(open)) {
            self.styling.remove(position);
        }
        match &**name {
            "p" => self.end_paragraph(),
            "tr" | "table" => self.end_row(),
            "a" => self.end_link(),
            "blockquote" => self.close(&Kind::Quotation),
            "ul" | "ol" => self.close(&Kind::List(None)),
            "li" => self.close(&Kind::Item(None)),
            _ => {}
        }
    }

    fn end_line(&mut self) {
        match self.row {
            Some(_) => self.page.push(" ", &[]),
            None => self.page.end_line(),
        }
    }

    fn break_line(&mut self) {
        if let Some(link) = &mut self.link {
            link.text.push('\n');
        }
        match self.row {
            Some(_) => self.page.push(" ", &[]),
            None => self.page.break_line(),
        }
    }

    fn end_paragraph(&mut self) {
        match self.row {
            Some(_) => self.page.push(" ", &[]),
            None => self.page.end_paragraph(),
        }
    }

    fn close(&mut self, kind: &Kind) {
        if self.row.is_none() {
            self.page.close(kind);
        }
    }

    fn start_cell(&mut self) {
        if let Some(cells) = &mut self.row {
            if *cells > 0 {
                self.page.push(" | ", &[]);
            }
            *cells = cells.saturating_add(1);
        }
    }

    fn end_row(&mut self) {
        self.row = None;
        self.page.end_line();
    }

    fn end_preformatted(&mut self) {
        if let Some(Preformatted { language, code, .. }) = self.preformatted.take() {
            self.page.write_code(&language, &code);
        }
    }

    /// Spoilers and formulas (Matrix 1.18, "Spoiler messages" and "Mathematical messages").
    fn start_special(&mut self, tag: &Tag) {
        if let Some(formula) = attribute(tag, "data-mx-maths") {
            self.text(formula);
            self.skipped = Some((tag.name.clone(), 1));
        } else if let Some(reason) = attribute(tag, "data-mx-spoiler") {
            match reason.trim() {
                "" => self.text("[spoiler] "),
                reason => self.text(&format!("[spoiler: {reason}] ")),
            }
        }
    }

    fn start_link(&mut self, tag: &Tag) {
        self.end_link();
        self.link = address(tag).map(|address| Link { address: address.to_owned(), text: String::new() });
    }

    /// The address is put behind the text, or in its place where it says no more.
    fn end_link(&mut self) {
        let Some(Link { address, text }) = self.link.take() else { return };
        let without = |scheme: &str| address.strip_prefix(scheme).map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        if text.trim().is_empty() {
            self.page.push(&address, &[]);
        } else if without("https://").or_else(|| without("http://")) == Some(text.strip_suffix('/').unwrap_or(&text)) {
            self.page.take_back(text.chars().count());
            self.page.push(&address, &[]);
        } else if text.trim() != address && without("mailto:") != Some(text.trim()) {
            self.page.push(&format!(" <{address}>"), &[]);
        }
    }
}

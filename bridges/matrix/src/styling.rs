//! Text as Message Styling (XEP-0393 1.1.1) writes it, to HTML as Matrix has it (1.18, "m.room.message msgtypes").

#[cfg(test)]
mod tests;

/// Deeper quotations are plain text: each level costs another pass over its lines.
const DEEPEST_QUOTATION: usize = 16;

const FENCE: &str = "```";

/// The styles of spans (XEP-0393, 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Strong,
    Emphasis,
    Strike,
    Preformatted,
}

/// The text in HTML, without the styling directives; `None` if nothing in it is styled.
pub(crate) fn to_html(text: &str) -> Option<String> {
    if !text.contains(|character| character == '>' || Style::of(character).is_some()) {
        return None;
    }
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let mut writer = Writer { html: String::new(), styled: false };
    writer.blocks(&lines, 0);
    writer.styled.then_some(writer.html)
}

impl Style {
    pub(crate) fn of(directive: char) -> Option<Self> {
        [Self::Strong, Self::Emphasis, Self::Strike, Self::Preformatted]
            .into_iter()
            .find(|style| style.directive() == directive)
    }

    pub(crate) fn directive(self) -> char {
        match self {
            Self::Strong => '*',
            Self::Emphasis => '_',
            Self::Strike => '~',
            Self::Preformatted => '`',
        }
    }

    fn element(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Emphasis => "em",
            Self::Strike => "del",
            Self::Preformatted => "code",
        }
    }
}

/// What a span holds, given the text behind its opening directive, and what follows its closing directive: the first
/// one that is not behind whitespace (XEP-0393, 6.2).
pub(crate) fn closed(text: &str, style: Style) -> Option<(&str, &str)> {
    let mut previous = style.directive();
    for (position, character) in text.char_indices() {
        if character == style.directive() && !previous.is_whitespace() {
            let (content, rest) = text.split_at_checked(position)?;
            return Some((content, rest.strip_prefix(character)?));
        }
        previous = character;
    }
    None
}

/// What may stand behind a fence as the name of a language.
pub(crate) fn is_language(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || "_+#-".contains(character))
}

/// One block and how many lines it takes (XEP-0393, 6.1).
enum Block<'a> {
    Plain(usize),
    Preformatted { info: &'a str, code: &'a [&'a str], lines: usize },
    Quotation(Vec<&'a str>),
}

impl<'a> Block<'a> {
    /// What would show nothing, an empty fence or quotation, stays as it was written.
    fn first(lines: &'a [&'a str], depth: usize) -> Option<Self> {
        let (line, after) = lines.split_first()?;
        if let Some(info) = line.strip_prefix(FENCE) {
            let info = info.trim();
            let code = after.split(|line| *line == FENCE).next().unwrap_or_default();
            let lines = lines.len().min(code.len().saturating_add(2));
            let shows = code.iter().any(|line| !line.trim().is_empty()) || !(info.is_empty() || is_language(info));
            return Some(if shows { Self::Preformatted { info, code, lines } } else { Self::Plain(lines) });
        }
        if depth < DEEPEST_QUOTATION && line.starts_with('>') {
            let quoted = lines.iter().map_while(|line| line.strip_prefix('>'));
            let quoted: Vec<&str> = quoted.map(|line| line.strip_prefix(char::is_whitespace).unwrap_or(line)).collect();
            let shows = |line: &&str| line.contains(|character: char| character != '>' && !character.is_whitespace());
            return Some(if quoted.iter().any(shows) { Self::Quotation(quoted) } else { Self::Plain(quoted.len()) });
        }
        Some(Self::Plain(1))
    }

    fn lines(&self) -> usize {
        match self {
            Self::Plain(lines) | Self::Preformatted { lines, .. } => *lines,
            Self::Quotation(quoted) => quoted.len(),
        }
    }
}

struct Writer {
    html: String,
    styled: bool,
}

impl Writer {
    fn blocks(&mut self, mut lines: &[&str], depth: usize) {
        // The line before, if it was a plain one: it is not ended yet.
        let mut previous: Option<&str> = None;
        while let Some(block) = Block::first(lines, depth) {
            let (taken, rest) = lines.split_at_checked(block.lines()).unwrap_or((lines, &[]));
            lines = rest;
            if let Block::Plain(_) = block {
                for line in taken {
                    if previous.is_some() {
                        self.html.push_str("<br>");
                    }
                    self.spans(line);
                    previous = Some(line);
                }
                continue;
            }
            self.end_blank(previous.take());
            self.styled = true;
            match block {
                Block::Preformatted { info, code, .. } => self.preformatted(info, code),
                Block::Quotation(quoted) => {
                    self.html.push_str("<blockquote>");
                    self.blocks(&quoted, depth.saturating_add(1));
                    self.html.push_str("</blockquote>");
                }
                Block::Plain(_) => {}
            }
        }
        self.end_blank(previous);
    }

    /// The edge of a block ends a line, but a blank one shows only if it ends itself.
    fn end_blank(&mut self, line: Option<&str>) {
        if line.is_some_and(|line| line.trim().is_empty()) {
            self.html.push_str("<br>");
        }
    }

    /// XEP-0393 ignores what follows the fence. People write code there, so all but the name of a language is code.
    fn preformatted(&mut self, info: &str, code: &[&str]) {
        if is_language(info) {
            self.html.push_str("<pre><code class=\"language-");
            self.text(info);
            self.html.push_str("\">");
        } else {
            self.html.push_str("<pre><code>");
        }
        let first = (!info.is_empty() && !is_language(info)).then_some(info);
        for line in first.iter().chain(code) {
            self.text(line);
            self.html.push('\n');
        }
        self.html.push_str("</code></pre>");
    }

    /// The spans of a line, or of what is inside a span: where that begins follows a different opening directive.
    fn spans(&mut self, text: &str) {
        let mut rest = text;
        let mut previous = None;
        // The styles that nothing in the rest closes, so that the search is made once.
        let mut unclosed = Vec::new();
        while let Some(character) = rest.chars().next() {
            let after = rest.strip_prefix(character).unwrap_or_default();
            let style = Style::of(character).filter(|style| {
                previous.is_none_or(char::is_whitespace)
                    && !after.starts_with(char::is_whitespace)
                    && !unclosed.contains(style)
            });
            previous = Some(character);
            rest = after;
            let Some(style) = style else {
                self.character(character);
                continue;
            };
            match closed(after, style) {
                Some(("", after)) => {
                    // Nothing between them: neither directive is valid.
                    self.character(character);
                    self.character(character);
                    rest = after;
                }
                Some((content, after)) => {
                    self.span(style, content);
                    rest = after;
                }
                None => {
                    self.character(character);
                    unclosed.push(style);
                }
            }
        }
    }

    fn span(&mut self, style: Style, content: &str) {
        self.styled = true;
        self.html.push('<');
        self.html.push_str(style.element());
        self.html.push('>');
        match style {
            Style::Preformatted => self.text(content),
            // At most four deep: the content has no span of the same style, or the first would have ended there.
            _ => self.spans(content),
        }
        self.html.push_str("</");
        self.html.push_str(style.element());
        self.html.push('>');
    }

    fn text(&mut self, text: &str) {
        text.chars().for_each(|character| self.character(character));
    }

    fn character(&mut self, character: char) {
        match character {
            '&' => self.html.push_str("&amp;"),
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '"' => self.html.push_str("&quot;"),
            other => self.html.push(other),
        }
    }
}

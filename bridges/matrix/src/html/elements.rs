//! What the elements and attributes of Matrix HTML mean. Their values are hostile.

use super::page::Kind;
use crate::styling::{Style, is_language};
use html5ever::tokenizer::Tag;

pub(super) fn style(element: &str) -> Option<Style> {
    match element {
        "b" | "strong" => Some(Style::Strong),
        "i" | "em" => Some(Style::Emphasis),
        "del" | "s" | "strike" => Some(Style::Strike),
        "code" => Some(Style::Preformatted),
        _ => is_heading(element).then_some(Style::Strong),
    }
}

pub(super) fn is_heading(element: &str) -> bool {
    matches!(element, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Whether it has lines of its own.
pub(super) fn is_block(element: &str) -> bool {
    let others = [
        "div",
        "hr",
        "pre",
        "table",
        "caption",
        "details",
        "summary",
        "dl",
        "dt",
        "dd",
        "section",
        "article",
        "figure",
        "figcaption",
        "center",
    ];
    is_heading(element) || others.contains(&element)
}

/// The block that an element is, if its lines begin with something.
pub(super) fn kind(tag: &Tag) -> Option<Kind> {
    match &*tag.name {
        "blockquote" => Some(Kind::Quotation),
        "ul" => Some(Kind::List(None)),
        "ol" => {
            Some(Kind::List(Some(attribute(tag, "start").and_then(|start| start.trim().parse().ok()).unwrap_or(1))))
        }
        "li" => Some(Kind::Item(None)),
        _ => None,
    }
}

pub(super) fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// The language of code, which is a class of it.
pub(super) fn language(tag: &Tag) -> &str {
    let classes = attribute(tag, "class").unwrap_or_default().split_ascii_whitespace();
    let mut languages = classes.filter_map(|class| class.strip_prefix("language-"));
    languages.find(|language| is_language(language)).unwrap_or_default()
}

/// What is said of an image.
pub(super) fn image(tag: &Tag) -> &str {
    let texts = ["alt", "title"].into_iter().filter_map(|name| attribute(tag, name));
    texts.map(str::trim).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Where a link leads, if that is to be shown: a mention says all with its text.
pub(super) fn address(tag: &Tag) -> Option<&str> {
    let address = attribute(tag, "href")?.trim();
    let (scheme, _) = address.split_once(':')?;
    let schemes = ["https", "http", "ftp", "mailto", "magnet", "matrix"];
    let mentions = ["https://matrix.to/#/@", "https://matrix.to/#/%40", "matrix:u/"];
    let shown = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && !mentions.iter().any(|mention| address.starts_with(mention))
        && !address.contains(|character: char| {
            character.is_whitespace() || character.is_control() || matches!(character, '<' | '>')
        });
    shown.then_some(address)
}

//! Pieces of a line, each with its styles, to one line as XEP-0393 writes it.

use crate::styling::{Style, closed};

/// Text of one style; the styles are in the order in which they began.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) styles: Vec<Style>,
}

/// The line, with marks where they are styling directives (XEP-0393, 6.2) and without them where they would be text.
pub(super) fn line(runs: &[Run]) -> String {
    pieces(runs, &mut Vec::new(), true)
}

/// `opens` says whether a directive at the very beginning is one.
fn pieces(runs: &[Run], within: &mut Vec<Style>, opens: bool) -> String {
    let mut line = String::new();
    let mut rest = runs;
    while let Some((run, after)) = rest.split_first() {
        let Some((style, length)) = outermost(rest, within) else {
            line.push_str(&run.text);
            rest = after;
            continue;
        };
        let (inside, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let opens = if line.is_empty() { opens } else { line.ends_with(char::is_whitespace) };
        within.push(style);
        line.push_str(&span(inside, style, within, opens));
        within.pop();
        rest = after;
    }
    line
}

/// The style that goes on for longest, so that the others are inside it, and for how many runs. A preformatted span
/// holds no others.
fn outermost(runs: &[Run], within: &[Style]) -> Option<(Style, usize)> {
    if within.contains(&Style::Preformatted) {
        return None;
    }
    let styles = runs.first()?.styles.iter().copied().filter(|style| !within.contains(style));
    styles
        .map(|style| (style, runs.iter().take_while(|run| run.styles.contains(&style)).count()))
        .rev()
        .max_by_key(|(style, length)| (*length, *style != Style::Preformatted))
}

fn span(inside: &[Run], style: Style, within: &mut Vec<Style>, opens: bool) -> String {
    let content = pieces(inside, within, true);
    let text = content.trim();
    let (before, behind) = content.split_once(text).unwrap_or_default();
    if !text.is_empty() && (opens || !before.is_empty()) && closed(text, style).is_none() {
        let directive = style.directive();
        return format!("{before}{directive}{text}{directive}{behind}");
    }
    // What is inside does not follow an opening directive then.
    pieces(inside, within, opens)
}

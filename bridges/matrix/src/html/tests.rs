use super::*;
use crate::styling::to_html;
use std::time::{Duration, Instant};

fn styled(html: &str) -> String {
    to_styled(html).unwrap_or_else(|| panic!("nothing in {html:?}"))
}

#[test]
fn styles_are_marks() {
    assert_eq!(styled("<b>a</b> <strong>b</strong> <i>c</i> <em>d</em>"), "*a* *b* _c_ _d_");
    assert_eq!(styled("<del>a</del> <s>b</s> <strike>c</strike> <code>d</code>"), "~a~ ~b~ ~c~ `d`");
    assert_eq!(styled("<b>a <i>b</i></b> <code>x <b>*y*</b></code>"), "*a _b_* `x *y*`");
    assert_eq!(styled("<code><b>x</b></code> <i><b>y</b></i>"), "*`x`* _*y*_");
    assert_eq!(styled("<u>a</u><sup>2</sup> <font color=red>b</font> &lt;&amp;&eacute;"), "a2 b <&é");
    assert_eq!(styled("<b>a<br>b</b><br>c"), "*a*\n*b*\nc");
}

#[test]
fn marks_that_would_not_parse_are_left_out() {
    assert_eq!(styled("foo<b>bar</b> x"), "foobar x");
    assert_eq!(styled("<b>foo</b>bar"), "*foo*bar");
    assert_eq!(styled("a<b> x </b>b"), "a *x* b");
    assert_eq!(styled("a<b></b> <i> </i>b"), "a b");
    assert_eq!(styled("<b>a*b</b> <b>2 * 3</b> <code>a`b</code>"), "a*b *2 * 3* a`b");
    assert_eq!(styled("<b>a</b><i>b</i>"), "*a*b");
    assert_eq!(styled("x<b><i>y</i></b> <b>*<i>z</i></b>"), "xy *z");
    assert_eq!(styled("<b>x</i>y</b> <i>a<b>b</i>c</b>"), "*xy* _ab_c");
    assert_eq!(styled("*not bold* &gt; _"), "*not bold* > _");
}

#[test]
fn whitespace_collapses_outside_pre() {
    assert_eq!(styled("\n a \n\t b <b> c</b>\n<br />\n d &nbsp;e "), "a b *c*\nd \u{a0}e");
    assert_eq!(styled("<pre>\n a\n\n  b</pre>"), "```\n a\n\n  b\n```");
    assert_eq!(styled("a&#1;&#x7f;b"), "ab");
}

#[test]
fn paragraphs_are_an_empty_line_apart() {
    assert_eq!(styled("<p>a</p>\n<p>b<br>c</p><div>d</div><div>e</div>"), "a\n\nb\nc\n\nd\ne");
    assert_eq!(styled("<p>a<p>b"), "a\n\nb");
    assert_eq!(styled("<h1>T</h1><h2>x <b>y</b></h3>z"), "*T*\n*x y*\nz");
    assert_eq!(styled("a<hr>b<p></p>"), "a\n---\nb");
    assert_eq!(styled("<br><br>a<br><br>"), "a");
}

#[test]
fn quotations_begin_each_line() {
    assert_eq!(styled("<blockquote>\n<p>a</p>\n<p>b</p>\n</blockquote>\n<p>c</p>"), "> a\n>\n> b\n\nc");
    assert_eq!(styled("<blockquote><blockquote>a</blockquote>b<br>c</blockquote>d"), "> > a\n> b\n> c\nd");
    assert_eq!(styled("<blockquote>a</blockquote><blockquote>b</blockquote>"), "> a\n\n> b");
    assert_eq!(styled("<p>x</p><blockquote><p>a</p></blockquote>b"), "x\n\n> a\nb");
    assert_eq!(styled("<blockquote><pre><code>a\n\nb</code></pre></blockquote>"), "> ```\n> a\n>\n> b\n> ```");
}

#[test]
fn code_is_a_block_of_its_own() {
    let html = "a<pre><code class=\"x language-rust\">fn a() {}\n*\n</code></pre>b";
    assert_eq!(styled(html), "a\n```rust\nfn a() {}\n*\n```\nb");
    assert_eq!(styled("<pre><code class=\"language-a b\">x</code></pre>"), "```a\nx\n```");
    assert_eq!(styled("<pre><code class=\"language-`\">x<br>y</code></pre>"), "```\nx\ny\n```");
    assert_eq!(styled("<pre>a\n```\nb"), "```\na\n``` \nb\n```");
    assert_eq!(to_styled("<pre><code>\n</code></pre>"), None);
}

#[test]
fn lists_are_marked_and_indented() {
    assert_eq!(styled("a<ul>\n<li>b</li>\n<li><p>c</p></li></ul>d"), "a\n- b\n- c\nd");
    assert_eq!(styled("<ol start=\"9\"><li>a<li>b<ul><li>c<br>d</ul><li>e</ol>"), "9. a\n10. b\n  - c\n    d\n11. e");
    assert_eq!(styled("<ol start=x><li>a</ol><li>b"), "1. a\n- b");
    assert_eq!(styled("<ol start=9223372036854775807><li>a<li>b</ol>").lines().count(), 2);
    assert_eq!(styled("<ul><li>a<pre>b</pre>c<li><pre>d</pre></ul>"), "- a\n```\nb\n```\n  c\n-\n```\nd\n```");
    assert_eq!(styled("<blockquote><ul><li>a</blockquote>b"), "> - a\nb");
}

#[test]
fn links_show_where_they_lead() {
    assert_eq!(styled("<a href=\"https://a.b/c\">see <b>it</b></a>!"), "see *it* <https://a.b/c>!");
    assert_eq!(
        styled("<a href='https://a.b/'>a.b</a> <a href='https://a.b'>https://a.b</a>"),
        "https://a.b/ https://a.b"
    );
    assert_eq!(styled("<a href='mailto:a@b.c'>a@b.c</a> <a href=\"https://a.b\"></a>"), "a@b.c https://a.b");
    assert_eq!(styled("<a href='https://matrix.to/#/@a:b'>Al</a> <a href='matrix:u/a:b'>Bo</a>"), "Al Bo");
    assert_eq!(styled("<a href='https://matrix.to/#/%23r:b'>#r:b</a>"), "#r:b <https://matrix.to/#/%23r:b>");
    assert_eq!(
        styled("<a href='javascript:x'>a</a> <a>b</a> <a href='/c'>c</a> <a href='https://a b'>d</a>"),
        "a b c d"
    );
    assert_eq!(styled("<b>x <a href='https://a.b'>t</a> y</b>"), "*x t* <https://a.b> *y*");
}

#[test]
fn what_has_no_text_of_its_own_is_told() {
    assert_eq!(styled("a <img alt=':cat:' title='x'> <img title='dog'> <img src='mxc://a/b'>b"), "a :cat: dog b");
    assert_eq!(
        styled("<span data-mx-spoiler>a</span> <span data-mx-spoiler='plot'>b</span>"),
        "[spoiler] a [spoiler: plot] b"
    );
    assert_eq!(styled("<span data-mx-maths='x^2'><img alt='no'><span>no</span></span> b"), "x^2 b");
    assert_eq!(styled("a<div data-mx-maths='y'><code>no</code></div>b"), "a\ny\nb");
    assert_eq!(
        styled("<table><thead><tr>\n<th>a</th>\n<th>b</th></tr></thead><tr><td><p>1</p><td>2<br>3</table>x"),
        "a | b\n1 | 2 3\nx"
    );
}

#[test]
fn fallbacks_scripts_and_comments_are_dropped() {
    assert_eq!(styled("<mx-reply><blockquote>a<mx-reply></mx-reply></blockquote></mx-reply>b"), "b");
    assert_eq!(styled("<script>'</b>' <b>x</b></script><style>p {}</style><!-- c -->a"), "a");
    for html in ["", " \n", "<b> </b>", "<!-- a", "<mx-reply>a", "<img>", "<blockquote><br></blockquote>", "<hr"] {
        assert_eq!(to_styled(html), None, "{html:?}");
    }
}

#[test]
fn styled_text_comes_back_as_it_was() {
    for text in [
        "*a*",
        "_a_",
        "~a~",
        "`a`",
        "*a* b",
        "a *b*",
        "*_a_*",
        "_*a*_",
        "~_*a*_~",
        "*`a`*",
        "*a _b_ c*",
        "_a *b*_",
        "*a*\nb",
        "*a*\n\nb",
        "a\n*b*\n*c*",
        "> a",
        "> a\nb",
        "> a\n\nb",
        "a\n> b",
        "a\n\n> b\n\nc",
        "> > a\n> b\nc",
        "> *a*\n> b",
        "> a\n>\n> b",
        "```\na\n```",
        "```rust\nfn a() {}\n\n  b\n```",
        "a\n```\n*b*\n```\nc",
        "> ```c\n> a\n> ```\n> b",
        "```\na\n```\n> b",
        "<b> *&amp;* \"",
        "*a*b*",
        "* a *b*",
        "`*a*` ~b~",
        "*a* > b",
        "```\n\na\n```",
        "> a\n> >\n> b",
        "*a* ** _b_",
        "*a * b*",
        "- *a*\n- b",
        "1. _a_",
    ] {
        assert_eq!(to_html(text).and_then(|html| to_styled(&html)).as_deref(), Some(text));
    }
}

/// Deterministic, so that a failure can be repeated (xorshift).
struct Random(u64);

impl Random {
    fn pick<'a>(&mut self, from: &[&'a str], most: usize) -> String {
        let count = self.below(most);
        (0..count).filter_map(|_| from.get(self.below(from.len())).copied()).collect::<Vec<&'a str>>().concat()
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn is_balanced(html: &str) -> bool {
    let mut open = Vec::new();
    for piece in html.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            None if tag != "br" => open.push(tag.split(' ').next().unwrap_or_default()),
            _ => {}
        }
    }
    open.is_empty()
}

#[test]
fn random_text_keeps_its_characters() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let plain = |text: &str| text.replace(|character| "*_~`> \n".contains(character), "");
    for _ in 0..2_000 {
        let text = random.pick(&["*", "_", "~", "`", ">", " ", "\n", "<", "a", "&", "b", "```", "\n> "], 60);
        let Some(html) = to_html(&text) else { continue };
        assert!(is_balanced(&html), "{text:?} gave {html:?}");
        assert_eq!(plain(&to_styled(&html).unwrap_or_default()), plain(&text), "{text:?} gave {html:?}");
    }
}

#[test]
fn random_html_is_no_trouble() {
    let mut random = Random(7);
    let names =
        "b i code pre blockquote ul ol li p div h1 table tr td a span br hr img mx-reply script style".split(' ');
    let mut pieces: Vec<String> = names.flat_map(|name| [format!("<{name}>"), format!("</{name}>")]).collect();
    let others = [
        "x",
        " ",
        "\n",
        "*",
        "`",
        "&lt",
        "<",
        "<!--",
        "-->",
        "é",
        "<a href='https://x'>",
        "<a href=\"https://",
        "<span data-mx-maths=y>",
        "<span data-mx-spoiler=z>",
        "<ol start=-5>",
        "\"",
        "\0",
    ];
    pieces.extend(others.map(ToOwned::to_owned));
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    for _ in 0..5_000 {
        let html = random.pick(&pieces, 60);
        if let Some(text) = to_styled(&html) {
            assert!(!text.is_empty() && !text.starts_with('\n') && !text.ends_with('\n'), "{html:?} gave {text:?}");
            let _ = to_html(&text);
        }
    }
}

#[test]
fn deep_and_hostile_html_takes_neither_stack_nor_time() {
    let attributes = |count: usize| (0..count).map(|n| format!("{n:x}")).collect::<Vec<_>>().join(" ");
    assert_eq!(to_styled(&format!("<b {}>x", attributes(12_000))), None);
    let soup: Vec<(&str, String)> = vec![
        ("b", format!("{}x{}", "<b>".repeat(10_000), "</b>".repeat(5_000))),
        ("blockquote", "<blockquote>".repeat(5_000) + "x"),
        ("lines", "<blockquote>".repeat(2_000) + "x<br>".repeat(8_000).as_str()),
        ("lists", "<ul><li>".repeat(8_000) + "x"),
        ("closing", "<i>".repeat(10_000) + "</b>".repeat(8_000).as_str() + "x"),
        ("formatting", "<b a=1><i b=2>".repeat(2_000) + "<p>x".repeat(9_000).as_str()),
        ("runs", "<b>a</b><i>b</i>".repeat(4_000)),
        ("nested runs", "<b>a<i>b<s>*_~`</s></i></b>".repeat(2_300)),
        ("links", "<a href=https://a>a".repeat(3_000)),
        ("tables", "<table><tr><td>".repeat(4_000) + "x"),
        ("attributes", format!("<b {}>x", attributes(900)).repeat(15)),
        ("spaces", "<b> </b>".repeat(8_000) + "x"),
        ("entities", "&".repeat(60_000)),
    ];
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
        for (name, html) in soup {
            let started = Instant::now();
            assert!(to_styled(&html).is_some(), "{name}");
            assert!(started.elapsed() < Duration::from_secs(2), "{name} took {:?}", started.elapsed());
        }
    });
    thread.unwrap().join().unwrap();
    assert_eq!(to_styled(&"a".repeat(LONGEST + 1)), None);
}

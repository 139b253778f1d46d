use super::*;
use std::time::{Duration, Instant};

fn html(text: &str) -> String {
    to_html(text).unwrap_or_else(|| panic!("{text:?} is not styled"))
}

#[test]
fn spans_are_elements_without_their_directives() {
    assert_eq!(html("*strong span*"), "<strong>strong span</strong>");
    assert_eq!(html("plain _emphasis_ plain"), "plain <em>emphasis</em> plain");
    assert_eq!(html("`pre` plain *strong*"), "<code>pre</code> plain <strong>strong</strong>");
    assert_eq!(html("*strong*plain*"), "<strong>strong</strong>plain*");
    assert_eq!(html("* plain *strong*"), "* plain <strong>strong</strong>");
    assert_eq!(html("Everyone ~dis~likes cake."), "Everyone <del>dis</del>likes cake.");
    assert_eq!(html("Two spans, both *alike in dignity*"), "Two spans, both <strong>alike in dignity</strong>");
    assert_eq!(html("a *2 * 3* b"), "a <strong>2 * 3</strong> b");
    assert_eq!(html("a\u{a0}*b*"), "a\u{a0}<strong>b</strong>");
}

#[test]
fn what_breaks_the_rules_of_spans_is_plain() {
    for text in [
        "not strong*",
        "*not strong",
        "*not \n strong*",
        "*not *strong",
        "**",
        "***",
        "****",
        "a ** b",
        "mid*word*",
        "* a*",
        "*a *",
        "(*a*)",
        "*_not_",
        "a < b & c",
        "",
        "\n",
        "snake_case_name",
    ] {
        assert_eq!(to_html(text), None, "{text:?}");
    }
    assert_eq!(html("** *a*"), "** <strong>a</strong>");
}

#[test]
fn spans_hold_other_spans_and_preformatted_ones_none() {
    assert_eq!(html("*_a_*"), "<strong><em>a</em></strong>");
    assert_eq!(html("~a *b _c_* d~"), "<del>a <strong>b <em>c</em></strong> d</del>");
    assert_eq!(html("This is `*monospace*`"), "This is <code>*monospace*</code>");
    assert_eq!(html("*`monospace and bold`*"), "<strong><code>monospace and bold</code></strong>");
    assert_eq!(html("*a _b* c_"), "<strong>a _b</strong> c_");
    assert_eq!(html("*a*_b_"), "<strong>a</strong>_b_");
}

#[test]
fn html_in_the_text_is_escaped() {
    assert_eq!(html("*<b>* & \"x\""), "<strong>&lt;b&gt;</strong> &amp; &quot;x&quot;");
    assert_eq!(html("```\n<i>&\n```"), "<pre><code>&lt;i&gt;&amp;\n</code></pre>");
    assert_eq!(html("`\"<`"), "<code>&quot;&lt;</code>");
}

#[test]
fn lines_end_with_br_except_beside_blocks() {
    assert_eq!(html("*a*\nb\n\nc\n"), "<strong>a</strong><br>b<br><br>c");
    assert_eq!(html("a\n> b\nc"), "a<blockquote>b</blockquote>c");
    assert_eq!(html("a\n\n> b\n\nc"), "a<br><br><blockquote>b</blockquote><br>c");
}

#[test]
fn a_fence_begins_preformatted_text() {
    assert_eq!(html("```\n*a*\n> b\n```\nc"), "<pre><code>*a*\n&gt; b\n</code></pre>c");
    assert_eq!(html("```c++\nx;\n```"), "<pre><code class=\"language-c++\">x;\n</code></pre>");
    assert_eq!(html("``` objective-c \nx"), "<pre><code class=\"language-objective-c\">x\n</code></pre>");
    assert_eq!(html("```\na\n\n``` \n````"), "<pre><code>a\n\n``` \n````\n</code></pre>");
    assert_eq!(html("```a\"b\nx\n```"), "<pre><code>a&quot;b\nx\n</code></pre>");
    assert_eq!(html("```let x = 1;```"), "<pre><code>let x = 1;```\n</code></pre>");
    assert_eq!(html("> ```\n> a\nb"), "<blockquote><pre><code>a\n</code></pre></blockquote>b");
}

#[test]
fn quotations_nest_and_hold_blocks() {
    assert_eq!(html(">> That.\n> Said."), "<blockquote><blockquote>That.</blockquote>Said.</blockquote>");
    assert_eq!(html(">  *a*\n>b\n>\n"), "<blockquote> <strong>a</strong><br>b<br><br></blockquote>");
    let deep = format!("{}a", ">".repeat(18));
    let expected = format!("{}&gt;&gt;a{}", "<blockquote>".repeat(16), "</blockquote>".repeat(16));
    assert_eq!(html(&deep), expected);
}

#[test]
fn blocks_with_nothing_in_them_stay_text() {
    for text in ["```", "```\n```", "```rust\n \n```", ">", "> \n>>", "a\n```\n\n```\nb"] {
        assert_eq!(to_html(text), None, "{text:?}");
    }
    assert_eq!(html("```\n```\n*a*"), "```<br>```<br><strong>a</strong>");
    assert_eq!(html("> a\n> >\n> b"), "<blockquote>a<br>&gt;<br>b</blockquote>");
}

#[test]
fn hostile_text_takes_no_time() {
    for unit in ["*", ">", "> ", "*a ", "*a _b ~c `d ", "```\n", "> ```\n", "*_~`", ">\n", "*a* ", "`", "a* *", "_*a"] {
        let text = unit.repeat(36_000 / unit.len());
        let started = Instant::now();
        let _ = to_html(&text);
        assert!(started.elapsed() < Duration::from_secs(1), "{unit:?} took {:?}", started.elapsed());
    }
}

//! Forms, whoever fills them in.

use drawbridge_bridge::Secret;
use proptest::prelude::*;

use crate::commands::{Answers, Choice, Dialogue, Failure, Form, Kind, MAX_ANSWER, Question};

fn form() -> Form {
    let sizes = vec![Choice::new("s", "small"), Choice::new("l", "large")];
    Form::new(
        "Order.",
        [
            Question::new("name", "Name", Kind::Text),
            Question::new("secret", "Secret", Kind::Hidden),
            Question::new("size", "Size", Kind::OneOf(sizes)).or("s"),
            Question::new("note", "Note", Kind::Text).optional(),
        ],
    )
}

fn answers(given: &[(&str, &str)]) -> Answers {
    Answers { values: given.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect() }
}

#[test]
fn defaults_are_filled_in_and_what_was_not_asked_is_dropped() {
    let accepted = form().accept(answers(&[("name", "a"), ("secret", " b "), ("other", "c")])).unwrap();
    assert_eq!(accepted.text("size"), Some("s"));
    assert_eq!(accepted.values["secret"].expose(), b" b ", "spaces of a password stay");
    assert_eq!(accepted.values.keys().collect::<Vec<_>>(), ["name", "secret", "size"]);
}

#[test]
fn wrong_answers_are_named_and_never_repeated() {
    let refused = |given: &[(&str, &str)]| form().accept(answers(given)).unwrap_err();
    assert_eq!(refused(&[("secret", "b")]), Failure::Again("Name is needed.".into()));
    let long = "x".repeat(MAX_ANSWER + 1);
    let too_long = Failure::Again("Secret is too long: at most 4096 octets.".into());
    assert_eq!(refused(&[("name", "a"), ("secret", &long)]), too_long);
    let no_choice = Failure::Again("Size: choose one of s, l.".into());
    assert_eq!(refused(&[("name", "a"), ("secret", "b"), ("size", "canary")]), no_choice);
}

#[test]
fn octets_that_are_no_text_are_refused() {
    let mut given = answers(&[("secret", "b")]);
    given.values.insert("name".into(), Secret::new(vec![0xff, 0xfe]));
    assert_eq!(form().accept(given).unwrap_err(), Failure::Again("Name is not text.".into()));
}

#[test]
fn a_dialogue_asks_one_after_the_other() {
    let mut dialogue = Dialogue::new(form(), &Answers::default());
    for (prompt, answer) in [
        ("Name:", " alice "),
        ("Secret:", "-"),
        ("Size\n  s: small\n  l: large\nWrite one of s, l (or - for s):", "-"),
        ("Note (or - to leave it empty):", "-"),
    ] {
        assert_eq!(dialogue.question().unwrap().prompt(), prompt);
        dialogue.answer(answer).unwrap();
    }
    assert!(dialogue.question().is_none());
    let answers = form().accept(dialogue.into_answers()).unwrap();
    assert_eq!(answers.text("name"), Some("alice"));
    assert_eq!(answers.text("secret"), Some("-"), "a dash may be a password");
    assert_eq!(answers.text("size"), Some("s"));
    assert!(!answers.values.contains_key("note"));
}

#[test]
fn a_dialogue_does_not_ask_what_is_known() {
    let mut dialogue = Dialogue::new(form(), &answers(&[("name", "alice")]));
    assert_eq!(dialogue.question().unwrap().name, "secret");
    dialogue.answer("b").unwrap();
    assert!(dialogue.question().is_none(), "who gave answers with the command is not asked what has a default");
}

proptest! {
    #[test]
    fn no_answer_breaks_a_dialogue(texts in proptest::collection::vec(".{0,40}", 0..12)) {
        let mut dialogue = Dialogue::new(form(), &Answers::default());
        for text in &texts {
            let _ = dialogue.answer(text);
        }
        if dialogue.question().is_none() {
            prop_assert!(form().accept(dialogue.into_answers()).is_ok());
        }
    }
}

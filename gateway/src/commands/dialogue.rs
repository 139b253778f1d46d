//! A form as questions one after the other.

use drawbridge_bridge::Secret;

use super::form::values;
use super::{Answers, Form, Kind, Question};

/// What a person writes to leave a question as it is.
const NOTHING: &str = "-";

/// A form that is being filled in, question by question.
#[derive(Debug)]
pub struct Dialogue {
    form: Form,
    answers: Answers,
    next: usize,
}

impl Dialogue {
    /// Begins. What `known` answers is not asked; if it answers anything, neither is what has a default.
    pub fn new(form: Form, known: &Answers) -> Self {
        let hurried = form.questions.iter().any(|question| known.values.contains_key(&question.name));
        let mut this = Self { form, answers: Answers::default(), next: 0 };
        for question in &this.form.questions {
            let given = known.values.get(&question.name).cloned();
            let may_skip = given.is_some() || (hurried && (question.default.is_some() || !question.required));
            match question.accept(given) {
                Ok(Some(answer)) if may_skip => drop(this.answers.values.insert(question.name.clone(), answer)),
                Ok(None) if may_skip => drop(this.answers.values.insert(question.name.clone(), Secret::default())),
                _ => {}
            }
        }
        this.skip_answered();
        this
    }

    /// The question that waits for its answer. `None` once all are answered.
    pub fn question(&self) -> Option<&Question> {
        self.form.questions.get(self.next)
    }

    /// Answers it. Empty, or a dash, takes what there is already.
    ///
    /// # Errors
    /// What is wrong with the answer; the question stands.
    pub fn answer(&mut self, text: &str) -> Result<(), String> {
        let Some(question) = self.form.questions.get(self.next) else { return Ok(()) };
        let leaves = question.kind != Kind::Hidden || !question.required;
        let given = match text.trim() {
            "" => None,
            NOTHING if leaves => None,
            // Spaces may be part of a password.
            _ if question.kind == Kind::Hidden => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
            trimmed => Some(Secret::new(trimmed)),
        };
        let accepted = question.accept(given)?;
        self.answers.values.insert(question.name.clone(), accepted.unwrap_or_default());
        self.skip_answered();
        Ok(())
    }

    /// The same form once more, with what was answered in view as what there is already.
    pub fn again(mut form: Form, answered: &Answers) -> Self {
        for question in form.questions.iter_mut().filter(|question| question.kind != Kind::Hidden) {
            if let Some(answer) = answered.text(&question.name) {
                question.default = Some(answer.to_owned());
            }
        }
        Self::new(form, &Answers::default())
    }

    /// All answers.
    pub fn into_answers(self) -> Answers {
        self.answers
    }

    fn skip_answered(&mut self) {
        while self.question().is_some_and(|question| self.answers.values.contains_key(&question.name)) {
            self.next += 1;
        }
    }
}

impl Question {
    /// The question in words, with what may be answered.
    pub fn prompt(&self) -> String {
        let mut text = self.label.clone();
        if let Kind::OneOf(choices) = &self.kind {
            for choice in choices {
                if choice.value.eq_ignore_ascii_case(&choice.label) {
                    continue;
                }
                text.push_str(&format!("\n  {}: {}", choice.value, choice.label));
            }
            text.push_str(&format!("\nWrite one of {}", values(choices)));
        }
        match (&self.default, self.required) {
            (Some(default), _) => text.push_str(&format!(" (or {NOTHING} for {default})")),
            (None, false) => text.push_str(&format!(" (or {NOTHING} to leave it empty)")),
            (None, true) => {}
        }
        text.push(':');
        text
    }
}

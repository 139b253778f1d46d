//! What a command asks, and what the person answers.

use drawbridge_bridge::{Field, FieldKind, Secret};
use serde::{Deserialize, Serialize};

use super::{Answers, Failure};

/// The longest answer in octets.
pub const MAX_ANSWER: usize = 4096;

/// Questions that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Words above them.
    pub instructions: String,
    /// In this order.
    pub questions: Vec<Question>,
}

/// One thing to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Key of the answer, also the `var` of the form field.
    pub name: String,
    /// For people.
    pub label: String,
    /// How to ask.
    pub kind: Kind,
    /// Taken if nothing is entered.
    pub default: Option<String>,
    /// Whether there must be an answer.
    pub required: bool,
}

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// In view.
    Text,
    /// Hidden while typed: a password or key.
    Hidden,
    /// One of these.
    OneOf(Vec<Choice>),
}

/// One possible answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is answered.
    pub value: String,
    /// For people.
    pub label: String,
}

impl Form {
    /// A form of these questions.
    pub fn new(instructions: impl Into<String>, questions: impl Into<Vec<Question>>) -> Self {
        Self { instructions: instructions.into(), questions: questions.into() }
    }

    /// Whether something secret is asked.
    pub fn asks_secret(&self) -> bool {
        self.questions.iter().any(|question| question.kind == Kind::Hidden)
    }

    /// The answers as the command may rely on them: defaults filled in, required ones there, choices among those
    /// offered, nothing over [`MAX_ANSWER`], nothing that was not asked.
    ///
    /// # Errors
    /// [`Failure::Again`], which names the question.
    pub fn accept(&self, mut given: Answers) -> Result<Answers, Failure> {
        let mut accepted = Answers::default();
        for question in &self.questions {
            if let Some(answer) = question.accept(given.values.remove(&question.name)).map_err(Failure::Again)? {
                accepted.values.insert(question.name.clone(), answer);
            }
        }
        Ok(accepted)
    }
}

impl Question {
    /// A question that must be answered.
    pub fn new(name: &str, label: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), label: label.into(), kind, default: None, required: true }
    }

    /// May stay empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Has this answer unless another is given.
    pub fn or(mut self, default: impl Into<String>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// One answer, checked. `None` if it stays empty.
    ///
    /// # Errors
    /// What is wrong, for people. Never repeats the answer.
    pub fn accept(&self, given: Option<Secret>) -> Result<Option<Secret>, String> {
        let given = given.filter(|answer| !answer.expose().is_empty());
        let Some(answer) = given.or_else(|| self.default.clone().map(Secret::new)) else {
            return if self.required { Err(format!("{} is needed.", self.label)) } else { Ok(None) };
        };
        if answer.expose().len() > MAX_ANSWER {
            return Err(format!("{} is too long: at most {MAX_ANSWER} octets.", self.label));
        }
        let Some(text) = answer.expose_text() else {
            return Err(format!("{} is not text.", self.label));
        };
        match &self.kind {
            Kind::Text | Kind::Hidden => Ok(Some(answer)),
            Kind::OneOf(choices) => {
                let word = text.trim().to_lowercase();
                match choices.iter().find(|choice| choice.value.to_lowercase() == word) {
                    Some(choice) => Ok(Some(Secret::new(choice.value.clone()))),
                    None => Err(format!("{}: choose one of {}.", self.label, values(choices))),
                }
            }
        }
    }
}

/// The possible answers, for people.
pub(super) fn values(choices: &[Choice]) -> String {
    choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join(", ")
}

impl Choice {
    /// A possible answer.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

impl From<Field> for Question {
    fn from(field: Field) -> Self {
        let kind = match field.kind {
            FieldKind::Text => Kind::Text,
            FieldKind::Password => Kind::Hidden,
        };
        Self { name: field.name, label: field.label, kind, default: field.default, required: field.required }
    }
}

/// A question that only `yes` answers.
pub(super) fn confirmation(instructions: String) -> Form {
    let yes = Kind::OneOf(vec![Choice::new("yes", "Yes"), Choice::new("no", "No")]);
    Form::new(instructions, [Question::new("confirm", "Go on", yes)])
}

/// Whether a [`confirmation`] was answered with yes.
pub(super) fn confirmed(answers: &Answers) -> bool {
    answers.text("confirm") == Some("yes")
}

//! What people compare, to know that nobody is in between.

use esession::{Sas, SasMethod};

/// What people compare of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Short authentication strings (XEP-0116, section 11).
    Strings(Sas),
    /// A code over the keys of both ends, where both have signed.
    Keys(String),
}

impl Comparison {
    /// What is to be compared.
    pub fn code(&self) -> String {
        match self {
            Self::Strings(sas) => sas.code(),
            Self::Keys(code) => code.clone(),
        }
    }

    /// Whether it is a short code that nobody in between can search for (esessions.md, W1).
    pub fn is_committed(&self) -> bool {
        matches!(self, Self::Strings(sas) if sas.method == SasMethod::Committed28x5)
    }

    /// Whether this is what somebody typed: in any case, with or without hyphens and spaces. The short code of an old client
    /// is never enough: sas28x5 can be searched for by somebody in the middle.
    pub fn is(&self, typed: &str) -> bool {
        let typed = digits(typed);
        match self {
            Self::Strings(sas) => digits(&sas.code()) == typed || digits(&sas.long) == typed,
            Self::Keys(code) => digits(code) == typed,
        }
    }
}

fn digits(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(method: SasMethod) -> Comparison {
        Comparison::Strings(Sas { method, short: "ac9de".to_owned(), long: "acdefghikmopqruv".to_owned() })
    }

    #[test]
    fn people_type_codes_as_they_like() {
        assert!(strings(SasMethod::Committed28x5).is("AC9DE"));
        assert!(strings(SasMethod::Committed28x5).is("acde-fghi-kmop-qruv"));
        assert!(Comparison::Keys("00ff-12ab".to_owned()).is(" 00FF 12AB"));
        assert!(!Comparison::Keys("00ff-12ab".to_owned()).is("00ff"));
    }

    #[test]
    fn the_short_code_of_an_old_client_proves_nothing() {
        assert!(!strings(SasMethod::Sas28x5).is("ac9de"));
        assert!(strings(SasMethod::Sas28x5).is("acdefghikmopqruv"));
    }
}

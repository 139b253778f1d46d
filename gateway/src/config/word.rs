//! Settings that are one word of a few.

/// An enum whose variants are words of the configuration. A wrong word is refused with the list of right ones.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word in the configuration.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                match text.as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("\"{text}\" is not one of {}", [$($word),+].join(", "))),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.word().into()
            }
        }
    };
}

pub(super) use words;

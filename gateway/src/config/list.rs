//! Lists: an array in the file, words separated by commas in the environment.

use serde::{Deserialize, Deserializer};

/// Reads either form.
pub(super) fn deserialize<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String, Error: std::fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a list, as [\"one\", \"two\"]")]
    enum Written {
        Array(Vec<Item>),
        Words(String),
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Item {
        Text(String),
        Number(i64),
    }

    let items = match Written::deserialize(from)? {
        Written::Array(items) => items,
        Written::Words(words) => words
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| Item::Text(word.into()))
            .collect(),
    };
    items
        .into_iter()
        .map(|item| match item {
            Item::Text(text) => text,
            Item::Number(number) => number.to_string(),
        })
        .map(|text| T::try_from(text).map_err(serde::de::Error::custom))
        .collect()
}

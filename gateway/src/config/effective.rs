//! The configuration as it is in force, for `drawbridge check`.

use serde_json::{Map, Value};

use super::Config;

impl Config {
    /// As TOML, defaults filled in, secrets hidden. Keys that are not set are left out.
    pub fn effective(&self) -> String {
        let mut text = String::new();
        if let Ok(Value::Object(whole)) = serde_json::to_value(self) {
            write_table(&mut text, "", &whole);
        }
        text
    }
}

/// Values first, then the tables below them, as TOML wants. JSON's scalars and arrays of scalars are TOML's.
fn write_table(text: &mut String, path: &str, table: &Map<String, Value>) {
    for (key, value) in table.iter().filter(|(_, value)| !value.is_null() && !is_table(value)) {
        text.push_str(&format!("{key} = {value}\n"));
    }
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Object(inner) => {
                text.push_str(&format!("\n[{path}]\n"));
                write_table(text, &path, inner);
            }
            Value::Array(items) => {
                for inner in items.iter().filter_map(Value::as_object) {
                    text.push_str(&format!("\n[[{path}]]\n"));
                    write_table(text, &path, inner);
                }
            }
            _ => {}
        }
    }
}

fn is_table(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.first().is_some_and(Value::is_object),
        _ => false,
    }
}

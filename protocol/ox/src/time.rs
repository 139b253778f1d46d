//! Times as they are written (XEP-0082 section 3.2).

use chrono::{DateTime, SecondsFormat};

/// The seconds since 1970; what was before is 0. Profanity leaves out the colon of a zone.
pub(crate) fn read(text: &str) -> Option<u64> {
    let time = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z"));
    Some(u64::try_from(time.ok()?.timestamp()).unwrap_or_default())
}

/// Nothing for a time that has more than four digits of year.
pub(crate) fn write(seconds: u64) -> Option<String> {
    let time = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true)).filter(|text| !text.starts_with('+'))
}

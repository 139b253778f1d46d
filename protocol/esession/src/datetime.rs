//! A time in UTC as XEP-0082 section 3.2 writes it.

/// The last second that four digits of a year have room for.
const LAST: u64 = 253_402_300_799;

/// A time as XMPP writes it (XEP-0082 section 3.2), from seconds since 1970. What is later than the year 9999 is its end.
#[must_use]
pub fn write(seconds: u64) -> String {
    let seconds = seconds.min(LAST);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// `None` if it is no such time. Fractions of a second do not count.
pub(crate) fn read(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let time = match time.split_once('.') {
        Some((time, fraction)) if !fraction.is_empty() && fraction.bytes().all(|digit| digit.is_ascii_digit()) => time,
        Some(_) => return None,
        None => time,
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_before(year, month) + day.checked_sub(1)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second.min(59);
    // A month that there is not, and a day that its month does not have, are others; and so is what was before 1970.
    (civil(days) == (year, month, day)).then_some(seconds)
}

fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|digit| digit.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970 to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    let months = (1..month).map(|month| days_of(year, month)).sum::<u64>();
    let years = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum::<u64>();
    years + months
}

/// The date so many days after 1970 began.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    while days >= days_of(year, month) {
        days -= days_of(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_560_000, "2024-12-30T12:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_392_000 + 3_661, "2026-11-23T01:01:01Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(write(seconds), text);
            assert_eq!(read(text), Some(seconds));
        }
        assert_eq!((write(u64::MAX).as_str(), read(&write(u64::MAX))), ("9999-12-31T23:59:59Z", Some(LAST)));
        assert_eq!(read("2026-11-23T01:01:01.250Z"), Some(1_795_392_000 + 3_661));
        assert_eq!(read("2016-12-31T23:59:60Z"), read("2016-12-31T23:59:59Z"), "a leap second");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T01:01:01",
            "2026-11-23T01:01:01+01:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-99-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T01:60:00Z",
            "2026-11-23T01:01:61Z",
            "2026-11-23T1:01:01Z",
            "2026-11-23T01:01:01.Z",
            "2026-11-23T01:01:01.xZ",
            "+026-11-23T01:01:01Z",
            "2026-11-23-01T01:01:01Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

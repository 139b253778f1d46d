//! A QR code on a terminal, for a phone to scan.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// The text as a code, drawn with half blocks, dark on light wherever the terminal is light on dark. `None` if it is too long.
pub(super) fn drawn(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    // Most terminals are dark: what is drawn there ("dark" to the library) is the light of the code.
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_and_says_one_thing() {
        let one = drawn("xmpp:bob@gw?omemo-sid-1=ab").unwrap();
        let (lines, width) = (one.lines().count(), one.lines().next().unwrap().chars().count());
        assert!(width.abs_diff(2 * lines) <= 1, "{width} by {lines}");
        assert!(one.lines().all(|line| line.chars().count() == width));
        assert_ne!(one, drawn("xmpp:bob@gw?omemo-sid-1=ac").unwrap());
        assert_eq!(drawn(&"x".repeat(5000)), None);
    }
}

//! Names of files, and the kinds that they tell of.

/// Endings and media types that clients show as what they are; the first of a type is the one it gets.
const KINDS: [(&str, &str); 24] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("avif", "image/avif"),
    ("svg", "image/svg+xml"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/opus"),
    ("m4a", "audio/mp4"),
    ("m4a", "audio/aac"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("zip", "application/zip"),
    ("vcf", "text/vcard"),
];
const OTHER: &str = "application/octet-stream";

/// Octets of the longest name.
const LONGEST: usize = 255;

/// A name that leads nowhere: the last part of a path, without what turns text around or is no character.
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |it: char| matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}');
    let mut clean: String = last.chars().filter(|it| !it.is_control() && !turns(*it)).collect();
    while clean.len() > LONGEST {
        clean.pop();
    }
    match clean.trim() {
        "" | "." | ".." => "file".to_owned(),
        clean => clean.to_owned(),
    }
}

/// The last part of a URL's path.
pub fn of_url(url: &str) -> String {
    clean(url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default())
}

/// The ending of the name, or one for the media type: letters and digits.
pub fn extension(name: &str, media_type: &str) -> String {
    let own = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let own = own.filter(|it| (1..=8).contains(&it.len()) && it.chars().all(|it| it.is_ascii_alphanumeric()));
    let known = || KINDS.iter().find(|(_, kind)| *kind == media_type).map_or("bin", |(ending, _)| ending);
    own.unwrap_or_else(|| known().to_owned())
}

/// A media type as RFC 6838 has it, or that of something unknown: its sender may write anything.
pub fn clean_type(media_type: &str) -> String {
    let is_name = |name: &str| {
        let legal = |it: char| it.is_ascii_alphanumeric() || "!#$&-^_.+".contains(it);
        (1..=127).contains(&name.len()) && name.chars().all(legal)
    };
    match media_type.split_once('/') {
        Some((kind, form)) if is_name(kind) && is_name(form) => media_type.to_ascii_lowercase(),
        _ => OTHER.to_owned(),
    }
}

/// By its ending.
pub fn media_type(name: &str) -> &'static str {
    let ending = extension(name, OTHER);
    KINDS.iter().find(|(known, _)| *known == ending).map_or(OTHER, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for (name, clean_name) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            ("c:\\boot.ini", "boot.ini"),
            ("a\u{202e}gnp.exe", "agnp.exe"),
            ("line\nline\0", "lineline"),
            ("no\u{ffff}character", "nocharacter"),
            ("..", "file"),
            ("a/", "file"),
            (" ", "file"),
        ] {
            assert_eq!(clean(name), clean_name, "{name:?}");
        }
        assert_eq!(clean(&"\u{e9}".repeat(200)).len(), 254);
    }

    #[test]
    fn the_ending_and_the_kind_tell_of_each_other() {
        assert_eq!(extension("cat.PNG", ""), "png");
        assert_eq!(extension("cat", "image/jpeg"), "jpg");
        assert_eq!(extension("cat.p/g", "what/ever"), "bin");
        assert_eq!(media_type("a.m4a"), "audio/mp4");
        assert_eq!(media_type("a"), OTHER);
        assert_eq!(clean_type("Image/PNG"), "image/png");
        for odd in ["image/\u{1}png", "image", "a/b/c", "", "text/plain; charset=utf-8", "image/"] {
            assert_eq!(clean_type(odd), OTHER, "{odd:?}");
        }
        assert_eq!(of_url("https://a.org/b/c%20d.jpg?x=/y#z"), "c%20d.jpg");
    }
}

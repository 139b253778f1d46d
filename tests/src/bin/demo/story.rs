//! How the demo talks: acts, steps with their durations, and what was seen; coloured and alive on a terminal, plain
//! elsewhere.

use std::{
    env,
    io::{IsTerminal, Write, stdout},
    time::{Duration, Instant},
};

use crate::failure::Failure;

/// Columns that a line may fill where nobody says how many there are, and the least and the most that are of use.
const WIDTH: usize = 96;
const LEAST: usize = 76;
/// Where the text of a detail begins.
const INDENT: usize = 26;

/// The one who tells.
pub(crate) struct Story {
    colours: bool,
    alive: bool,
    width: usize,
}

impl Story {
    pub(crate) fn begin() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let alive = stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let columns = env::var("COLUMNS").ok().filter(|_| alive).and_then(|columns| columns.parse::<usize>().ok());
        let width = columns.map_or(WIDTH, |columns| columns.saturating_sub(1)).clamp(LEAST, WIDTH);
        Self { colours: alive && !set("NO_COLOR"), alive, width }
    }

    /// What this is, and a line beneath.
    pub(crate) fn title(&self, title: &str, beneath: &str) {
        self.line(&format!("\n{}\n{}", self.bold(title), self.dim(beneath)));
    }

    /// A new act.
    pub(crate) fn act(&self, name: &str) {
        self.line(&format!("\n{}", self.bold(name)));
    }

    /// Does something that takes time, and tells what and how long.
    pub(crate) fn step<T>(&self, what: &str, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        self.passing(what);
        let start = Instant::now();
        let done = act();
        self.clear();
        match &done {
            Ok(_) => self.done(what, start.elapsed()),
            Err(_) => self.line(&format!("  {} {what}", self.red("✗"))),
        }
        done
    }

    /// A step that has been made.
    pub(crate) fn done(&self, what: &str, took: Duration) {
        let room = self.width - 14;
        self.line(&format!("  {} {what:room$} {:>8}", self.green("✓"), duration(took)));
    }

    /// What holds.
    pub(crate) fn good(&self, what: &str) {
        self.line(&format!("  {} {}", self.green("✓"), self.wrapped(what)));
    }

    /// What does not hold.
    pub(crate) fn bad(&self, what: &str) {
        self.line(&format!("  {} {}", self.red("✗"), self.red(&self.wrapped(what))));
    }

    /// What somebody saw: a name, and a text that may take several lines.
    pub(crate) fn detail(&self, name: &str, text: &str) {
        let room = INDENT - 5;
        let mut rows = rows(text, self.width - INDENT).into_iter();
        let first = rows.next().unwrap_or_default();
        self.line(&format!("    {} {first}", self.dim(&format!("{name:room$}"))));
        rows.for_each(|row| self.line(&format!("{:INDENT$}{row}", "")));
    }

    /// A message that crossed.
    pub(crate) fn crossed(&self, took: Option<Duration>, way: &str, text: &str) {
        let took = took.map(duration).unwrap_or_default();
        self.line(&format!(
            "    {} {} {}",
            self.dim(&format!("{took:>7}")),
            self.dim(way),
            cut(&one_line(text), self.width - 26)
        ));
    }

    /// Something to know.
    pub(crate) fn note(&self, text: &str) {
        for row in rows(text, self.width - 2) {
            self.line(&format!("  {}", self.dim(&row)));
        }
    }

    /// A line as it is.
    pub(crate) fn plain(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// The bad end.
    pub(crate) fn failed(&self, failure: &Failure) {
        self.line(&format!("\n{}", self.red(&failure.to_string())));
    }

    /// On a terminal: what is being done, until it is done.
    fn passing(&self, what: &str) {
        if self.alive {
            self.write(&format!("  {} {what} …", self.dim("·")));
        }
    }

    /// In rows beneath each other, behind a mark.
    fn wrapped(&self, text: &str) -> String {
        rows(text, self.width - 4).join("\n    ")
    }

    fn clear(&self) {
        if self.alive {
            self.write("\r\u{1b}[K");
        }
    }

    fn line(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    fn write(&self, text: &str) {
        let mut out = stdout().lock();
        // If nobody reads any more, the checks still count.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    fn green(&self, text: &str) -> String {
        self.styled("32", text)
    }

    fn red(&self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// As people say it: `35 ms`, `2.1 s`.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_millis() {
        0 => format!("{} µs", time.as_micros()),
        millis @ 1..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// The text in rows of so many characters, broken at spaces where there are some.
fn rows(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        while let Some(row) = rows.last_mut() {
            let used = row.chars().count();
            let space = usize::from(used > 0);
            if used + space + word.len() <= width {
                row.extend(std::iter::repeat_n(' ', space).chain(word));
                break;
            }
            if used == 0 {
                row.extend(word.drain(..width.min(word.len())));
            }
            rows.push(String::new());
        }
    }
    rows
}

/// The text with its line breaks and tabs made visible.
fn one_line(text: &str) -> String {
    text.replace('\n', "⏎").replace('\t', "⇥")
}

/// At most so many characters.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

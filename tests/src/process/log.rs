//! The file a process writes to, and where in it the present run begins.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How much of a log an error shows.
const TAIL: usize = 40;

pub(crate) struct Log {
    path: PathBuf,
    start: usize,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, start: 0 }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From here on it is a new run.
    pub(crate) fn mark(&mut self) {
        self.start = fs::metadata(&self.path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(0));
    }

    /// The first complete line of this run that contains `text`.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        let run = self.read();
        let complete = run.rfind('\n').and_then(|end| run.get(..end))?;
        complete.lines().find(|line| line.contains(text)).map(ToOwned::to_owned)
    }

    /// The last lines of this run, indented.
    pub(crate) fn tail(&self) -> String {
        let run = self.read();
        let lines: Vec<&str> = run.lines().collect();
        let shown = lines.iter().skip(lines.len().saturating_sub(TAIL));
        let shown: String = shown.map(|line| format!("    {line}\n")).collect();
        format!("{shown}    (from {})", self.path.display())
    }

    fn read(&self) -> String {
        let bytes = fs::read(&self.path).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.start..).unwrap_or_default()).into_owned()
    }
}

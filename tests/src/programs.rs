//! Where the programs are that the stories run.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

const SETUP: &str = "tests/setup installs it";
const BUILD: &str = "tests/run builds it, or `cargo build --workspace --bins`";

/// A program on the `PATH`.
pub(crate) fn installed(name: &str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut candidates = env::split_paths(&path).map(|folder| folder.join(name));
    candidates.find(|file| file.is_file()).ok_or_else(|| missing(name, SETUP))
}

/// The Python of a virtual environment that `tests/setup` keeps: `venv` for Synapse, `omemo` for a client with OMEMO.
pub(crate) fn python(venv: &str) -> Result<PathBuf, Error> {
    kept(&format!("{venv}/bin/python"))
}

/// What `tests/setup` keeps under this name.
pub(crate) fn kept(name: &str) -> Result<PathBuf, Error> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home);
    let path = cache.unwrap_or_default().join("drawbridge").join(name);
    if path.exists() { Ok(path) } else { Err(missing(&path.display().to_string(), SETUP)) }
}

/// One of our own programs: what the environment variable says, or the neighbour of the program that is running.
pub(crate) fn built(name: &str, variable: &str) -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os(variable) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(missing(&path.display().to_string(), "it was named by the environment"))
        };
    }
    let own = env::current_exe().map_err(Error::io("finding the running program"))?;
    // Test programs are one folder down, in `deps`.
    let mut folders = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    folders.find(|file| file.is_file()).ok_or_else(|| missing(name, BUILD))
}

fn missing(program: &str, advice: &'static str) -> Error {
    Error::Missing { program: program.to_owned(), advice }
}

//! The command line.
//!
//! - [`tables`]: what the daemon reports, as tables for people.

mod tables;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use drawbridge_bridge::Secret;
use jid::BareJid;

use crate::commands::Answers;
use crate::config::{Config, ConfigError, process_env};
use crate::control::{Client, ControlError, Reply, Request, Stdio};
use crate::{doctor, log, run};

/// A gateway between encrypted XMPP and other encrypted networks, for your own host.
#[derive(Debug, Parser)]
#[command(name = "drawbridge", version, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file
    #[arg(
        long,
        global = true,
        env = "DRAWBRIDGE_CONFIG",
        value_name = "FILE",
        default_value = "/etc/drawbridge/config.toml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway until SIGTERM
    Run,
    /// Show the configuration as it is in force, secrets hidden, and what is wrong with it
    Check,
    /// Find out what is wrong, and how to mend it
    Doctor,
    /// List the users, log one in or out, or remove one
    Users {
        #[command(subcommand)]
        command: Option<Users>,
    },
    /// Compare the codes of a user's encrypted sessions, and mark one as verified
    Verify {
        /// The user, as alice@example.org
        user: BareJid,
        /// The code that the user's client shows; asked for if it is not given
        code: Option<String>,
        /// On which network: its kind or its component JID
        #[arg(long)]
        network: Option<String>,
    },
    /// Show how the running gateway is doing
    Status,
}

#[derive(Debug, Subcommand)]
enum Users {
    /// List them (the default)
    List,
    /// Log a user in, and register them; passwords typed here reach no XMPP server
    Login {
        /// The user, as alice@example.org
        user: BareJid,
        /// On which network: its kind or its component JID
        #[arg(long)]
        network: Option<String>,
    },
    /// Log a user out; they stay registered
    Logout {
        /// The user, as alice@example.org
        user: BareJid,
        /// On which network: its kind or its component JID
        #[arg(long)]
        network: Option<String>,
    },
    /// Log a user out and delete everything about them
    Remove {
        /// The user, as alice@example.org
        user: BareJid,
        /// On which network: its kind or its component JID
        #[arg(long)]
        network: Option<String>,
    },
}

/// Why the program ends badly. Each says what to do.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] log::LogError),
    #[error(transparent)]
    Run(#[from] run::Error),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

/// The whole program.
pub fn main() -> ExitCode {
    // If somebody else has installed one, that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match perform(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "drawbridge: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Result<ExitCode, Error> {
    if let Command::Doctor = arguments.command {
        let findings = runtime()?.block_on(doctor::examine(&arguments.config, &process_env()));
        return Ok(report(&findings));
    }
    let config = Config::load(&arguments.config, &process_env())?;
    match arguments.command {
        Command::Run => {
            log::init(&config.log)?;
            runtime()?.block_on(run::run(config))?;
        }
        Command::Check => return Ok(check(&config)),
        Command::Status => {
            if let Reply::Status(status) = Client::connect(&config.data_dir)?.ask(&Request::Status)? {
                say(&tables::status(&status));
            }
        }
        Command::Users { command } => users(&config, command.unwrap_or(Users::List))?,
        Command::Verify { user, code, network } => {
            let known = code.map(|code| answers("code", &code)).unwrap_or_default();
            for_user(&config, "verify", &user, network, &known)?;
        }
        Command::Doctor => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn users(config: &Config, command: Users) -> Result<(), Error> {
    let yes = || answers("confirm", "yes");
    match command {
        Users::List => {
            if let Reply::Users(users) = Client::connect(&config.data_dir)?.ask(&Request::Users)? {
                say(&tables::users(&users));
            }
            Ok(())
        }
        Users::Login { user, network } => for_user(config, "login", &user, network, &Answers::default()),
        Users::Logout { user, network } => for_user(config, "logout", &user, network, &yes()),
        Users::Remove { user, network } => for_user(config, "unregister", &user, network, &yes()),
    }
}

/// Runs a command for a user, here on the terminal.
fn for_user(
    config: &Config,
    command: &str,
    user: &BareJid,
    network: Option<String>,
    known: &Answers,
) -> Result<(), Error> {
    let request = Request::Run { command: command.into(), user: user.to_string(), network };
    Ok(Client::connect(&config.data_dir)?.run(&request, known, &mut Stdio)?)
}

fn check(config: &Config) -> ExitCode {
    say(&config.effective());
    let problems = config.problems();
    for problem in &problems {
        let _ = writeln!(std::io::stderr(), "wrong: {problem}");
    }
    let key = run::prove_key(config);
    if let Err(error) = &key {
        let _ = writeln!(std::io::stderr(), "wrong: {error}");
    }
    if problems.is_empty() && key.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(findings: &[doctor::Finding]) -> ExitCode {
    for finding in findings {
        say(&finding.to_string());
    }
    let faults = findings.iter().filter(|finding| finding.is_fault()).count();
    let doubts = findings.iter().filter(|finding| finding.is_doubtful()).count();
    say(&match (faults, doubts) {
        (0, 0) => "Nothing is wrong.".to_owned(),
        (0, doubts) => format!("It works; to mend: {doubts}"),
        (faults, doubts) => format!("Wrong: {faults}; to mend: {doubts}"),
    });
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn answers(name: &str, value: &str) -> Answers {
    Answers { values: [(name.to_owned(), Secret::new(value))].into() }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn say(text: &str) {
    // If nobody reads any more, there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_configuration_may_be_named_before_or_after_the_command() {
        for line in [["drawbridge", "--config", "a.toml", "status"], ["drawbridge", "status", "--config", "a.toml"]] {
            assert_eq!(Arguments::try_parse_from(line).unwrap().config, PathBuf::from("a.toml"));
        }
    }

    #[test]
    fn what_is_no_jid_is_refused() {
        assert!(Arguments::try_parse_from(["drawbridge", "verify", "@"]).is_err());
        assert!(Arguments::try_parse_from(["drawbridge", "users", "login", "a b@c d"]).is_err());
    }
}

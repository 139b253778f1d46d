//! The command line.
//!
//! - [`tables`]: what the daemon reports, as tables for people.

mod tables;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use drawbridge_bridge::Secret;
use jid::BareJid;

use crate::commands::{Answers, devices, pair};
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
    /// List the users, or do for one of them what they could do themselves
    Users {
        #[command(subcommand)]
        command: Option<Users>,
    },
    /// Compare the codes of a user's encrypted sessions, and mark one as verified
    Verify {
        #[command(flatten)]
        whom: Whom,
        /// The code that the user's client shows; asked for if it is not given
        code: Option<String>,
    },
    /// Show how the running gateway is doing
    Status,
}

#[derive(Debug, Subcommand)]
enum Users {
    /// List them (the default)
    List,
    /// Log a user in, and register them; passwords typed here reach no XMPP server
    Login(Whom),
    /// Log a user out; they stay registered
    Logout(Whom),
    /// Show how a user's login stands and what is set
    Status(Whom),
    /// List a user's contacts with their addresses
    Contacts(Whom),
    /// Show a code that verifies a user's client when it is typed there, in the place of comparing codes
    Pair {
        #[command(flatten)]
        whom: Whom,
        /// For a client that has a place for a session's password, and none for pairing codes: with this JID of the gateway's
        #[arg(long, value_name = "JID")]
        as_password: Option<BareJid>,
    },
    /// Show the public keys that a user's clients have signed with, and trust or forget one
    Keys {
        #[command(flatten)]
        whom: Whom,
        /// The whole fingerprint of a key that is the user's own
        #[arg(long, value_name = "FINGERPRINT", conflicts_with = "forget")]
        trust: Option<String>,
        /// The whole fingerprint of one that is not, or no more
        #[arg(long, value_name = "FINGERPRINT")]
        forget: Option<String>,
    },
    /// Show the devices of a user's that encrypt with OMEMO and their OpenPGP keys, those of the contacts, and say which are the
    /// user's
    Devices {
        #[command(flatten)]
        whom: Whom,
        /// The whole fingerprint of a device that is the user's own; from then on only such devices are trusted
        #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["distrust", "forget", "code"])]
        trust: Option<String>,
        /// The whole fingerprint of one that is not
        #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["forget", "code"])]
        distrust: Option<String>,
        /// The whole fingerprint of one that is gone, or is to be met anew
        #[arg(long, value_name = "FINGERPRINT", conflicts_with = "code")]
        forget: Option<String>,
        /// The address of a contact whose device is to be shown as a code, for a client that scans it
        #[arg(long, value_name = "JID")]
        code: Option<String>,
    },
    /// Confirm this gateway's device with the recovery key of a user's account; it reaches no XMPP server
    Recover(Whom),
    /// Choose when a user's messages must be encrypted, and allow a stopped contact again
    Policy {
        #[command(flatten)]
        whom: Whom,
        /// What to set, as encryption=require; asked for if nothing is given
        #[arg(value_name = "NAME=VALUE", value_parser = setting)]
        settings: Vec<(String, String)>,
    },
    /// Log a user out and delete everything about them
    Remove(Whom),
}

/// Whom a command is about.
#[derive(Debug, Args)]
struct Whom {
    /// The user, as alice@example.org
    user: BareJid,
    /// On which network: its kind or its component JID
    #[arg(long)]
    network: Option<String>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let setting = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    setting.ok_or_else(|| "write it as encryption=require".to_owned())
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
        Command::Verify { whom, code } => {
            for_user(&config, "verify", whom, code.map(|code| ("code".to_owned(), code)))?;
        }
        Command::Doctor => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn users(config: &Config, command: Users) -> Result<(), Error> {
    let yes = || [("confirm".to_owned(), "yes".to_owned())];
    match command {
        Users::List => {
            if let Reply::Users(users) = Client::connect(&config.data_dir)?.ask(&Request::Users)? {
                say(&tables::users(&users));
            }
            Ok(())
        }
        Users::Login(whom) => for_user(config, "login", whom, []),
        Users::Logout(whom) => for_user(config, "logout", whom, yes()),
        Users::Status(whom) => for_user(config, "status", whom, []),
        Users::Contacts(whom) => for_user(config, "contacts", whom, []),
        Users::Pair { whom, as_password } => {
            let way = if as_password.is_some() { pair::PASSWORD } else { pair::CODE };
            let with = as_password.map(|jid| (pair::WITH.to_owned(), jid.to_string()));
            for_user(config, "pair", whom, with.into_iter().chain([(pair::WAY.to_owned(), way.to_owned())]))
        }
        Users::Keys { whom, trust, forget } => {
            let what = match (&trust, &forget) {
                (None, None) => "list",
                (Some(_), _) => "trust",
                (None, Some(_)) => "forget",
            };
            let key = trust.or(forget).map(|key| ("key".to_owned(), key));
            for_user(config, "keys", whom, key.into_iter().chain([("what".to_owned(), what.to_owned())]))
        }
        Users::Devices { whom, code: Some(code), .. } => {
            let asked = [("what".to_owned(), devices::CODE.to_owned()), ("contact".to_owned(), code)];
            for_user(config, "devices", whom, asked)
        }
        Users::Devices { whom, trust, distrust, forget, code: None } => {
            let given = [(devices::TRUST, trust), (devices::DISTRUST, distrust), (devices::FORGET, forget)];
            let given = given.into_iter().find_map(|(what, key)| key.map(|key| (what, key)));
            let (what, key) = given.map_or(("list", None), |(what, key)| (what, Some(key)));
            let key = key.map(|key| ("key".to_owned(), key));
            for_user(config, "devices", whom, key.into_iter().chain([("what".to_owned(), what.to_owned())]))
        }
        Users::Recover(whom) => for_user(config, "recover", whom, []),
        Users::Policy { whom, settings } => for_user(config, "policy", whom, settings),
        Users::Remove(whom) => for_user(config, "unregister", whom, yes()),
    }
}

/// Runs a command for a user, here on the terminal. What is known is not asked.
fn for_user(
    config: &Config,
    command: &str,
    whom: Whom,
    known: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Error> {
    let request = Request::Run { command: command.into(), user: whom.user.to_string(), network: whom.network };
    let known = Answers { values: known.into_iter().map(|(name, value)| (name, Secret::new(value))).collect() };
    Ok(Client::connect(&config.data_dir)?.run(&request, &known, &mut Stdio)?)
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

    #[test]
    fn settings_are_names_with_values() {
        let policy = |given: &[&str]| {
            Arguments::try_parse_from([&["drawbridge", "users", "policy", "a@b"], given].concat())
                .map(|parsed| parsed.command)
        };
        let Ok(Command::Users { command: Some(Users::Policy { settings, .. }) }) = policy(&["encryption=off"]) else {
            panic!("not read as a policy");
        };
        assert_eq!(settings, [("encryption".to_owned(), "off".to_owned())]);
        assert!(policy(&["off"]).is_err());
    }

    /// Whatever can be done by form and by chat can be done here.
    #[test]
    fn every_command_is_on_the_command_line() {
        let line = Arguments::command();
        let users = line.find_subcommand("users").unwrap();
        for node in crate::commands::COMMANDS.iter().map(|command| command.node) {
            let here = match node {
                "help" => true, // clap's own
                "unregister" => users.find_subcommand("remove").is_some(),
                "verify" => line.find_subcommand("verify").is_some(),
                other => users.find_subcommand(other).is_some(),
            };
            assert!(here, "{node} is missing");
        }
    }
}

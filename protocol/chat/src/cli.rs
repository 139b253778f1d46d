//! The command line.

use std::env;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use esession::{Cipher, Disclosure, Group, Hash, Identification, Logging, SasMethod, SigningKey};
use getrandom::SysRng;
use jid::Jid;
use rand_core::UnwrapErr;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use zeroize::Zeroizing;

use crate::chat::Chat;
use crate::connector::Security;
use crate::effects::Settings;
use crate::json::Json;
use crate::link::{Link, Server};
use crate::run::{Client, Failure, Input, Shell};
use crate::secrets::{SecretBook, SecretFile};
use crate::stanza::fresh_id;
use crate::terminal::{Style, Terminal};
use certificates::FileError;

mod certificates;

/// The size of an own RSA key.
const KEY_BITS: usize = 3072;
/// The environment variable with the password.
const PASSWORD: &str = "ESESSION_CHAT_PASSWORD";

/// Chat over XMPP with encrypted sessions (ESessions, XEP-0116).
///
/// Every message is encrypted; nothing is ever sent in the clear because encryption did not work. The first session with
/// somebody shows a code: compare it over another channel once, and later sessions are verified by themselves.
#[derive(Debug, Parser)]
#[command(
    name = "esession-chat",
    version,
    after_help = include_str!("cli.txt"),
    after_long_help = concat!(include_str!("cli.txt"), "\nWith --json:\n\n", include_str!("json.md"))
)]
struct Arguments {
    /// Your JID; with a resource, that one is asked for
    #[arg(long, value_name = "JID")]
    account: Jid,

    /// Whom to chat with
    #[arg(long, value_name = "JID")]
    with: Option<Jid>,

    /// The server, if DNS does not tell
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,

    /// TLS from the first octet, instead of STARTTLS
    #[arg(long, conflicts_with = "insecure_plaintext")]
    direct_tls: bool,

    /// No TLS at all, for tests with a server on this machine; refused for any other
    #[arg(long)]
    insecure_plaintext: bool,

    /// Read the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Where secrets are kept from one session to the next [default: $XDG_STATE_HOME/esession-chat]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,

    /// Answer encrypted sessions of anybody, not only of --with
    #[arg(long)]
    accept_any: bool,

    /// Let everybody in the domain of --with see when you are online, without asking
    #[arg(long)]
    accept_subscriptions: bool,

    /// Diffie-Hellman groups, best first: 14, 15, 16, 17, 18
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "16,15,14", value_parser = parse_group)]
    groups: Vec<Group>,

    /// Ciphers, best first: aes256-ctr, aes192-ctr, aes128-ctr, the same of serpent and of twofish
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "aes256-ctr,aes128-ctr", value_parser = parse_cipher)]
    ciphers: Vec<Cipher>,

    /// Hashes, best first: sha256, whirlpool
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "sha256", value_parser = parse_hash)]
    hashes: Vec<Hash>,

    /// Refuse peers whose short code can be searched by somebody in between (old clients)
    #[arg(long)]
    committed_codes: bool,

    /// Refuse peers that do not promise to disclose nothing to third parties
    #[arg(long)]
    never_disclosed: bool,

    /// Refuse peers that do not promise to store nothing of what is written, not even encrypted
    #[arg(long)]
    never_logged: bool,

    /// Show a public key of yours, which is made the first time, and take one of the peer; with `hash`, only fingerprints of
    /// keys that are known already
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "key", value_parser = parse_showing)]
    public_key: Option<Identification>,

    /// Let others write to you, encrypted, while you are away: what they need for that is left at your server
    #[arg(long, requires = "public_key")]
    reachable: bool,

    /// Publish that key at your server, for everybody who asks
    #[arg(long, requires = "public_key")]
    publish_key: bool,

    /// Use this RSA key of yours, in the place of one that is made (PKCS #8, in PEM)
    #[arg(long, requires = "public_key", value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Print what an OpenPGP certificate with the User ID xmpp:YOUR-JID signs to certify your key, and stop
    /// (gpg --armor --detach-sign)
    #[arg(long, requires = "public_key")]
    print_statement: bool,

    /// Publish this certificate for your key: X.509 with its chain (in PEM; it names you as xmppAddr or xmpp: URI), or OpenPGP
    /// with its signature under what --print-statement prints (armored)
    #[arg(long, requires = "publish_key", value_name = "FILE")]
    certificate: Option<PathBuf>,

    /// Verify peers whose key one of these authorities certifies (X.509 roots in PEM, or OpenPGP certificates, armored)
    #[arg(long, requires = "public_key", value_name = "FILE")]
    authorities: Vec<PathBuf>,

    /// Ask for sessions in three messages, in which the keys alone say who is who
    #[arg(long, requires = "public_key")]
    three_messages: bool,

    /// How long an agreement on keys may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    /// Show stanzas as they are on the wire, passwords hidden: on standard error, or as events with --json
    #[arg(long)]
    trace: bool,

    /// Commands on standard input and events on standard output, as JSON lines (--help explains them)
    #[arg(long)]
    json: bool,
}

/// Why the program did not even start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("an account is user@domain; {0} has no user")]
    NoUser(Jid),
    #[error("cannot read the password from {path}: {source}")]
    PasswordFile { path: PathBuf, source: io::Error },
    #[error("cannot ask for the password: {0} (use --password-file or {PASSWORD})")]
    Prompt(io::Error),
    #[error("there is no password (use --password-file or {PASSWORD})")]
    NoPassword,
    #[error("no folder for secrets: neither XDG_STATE_HOME nor HOME is set (use --state-dir)")]
    NoStateDir,
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Run(#[from] Failure),
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the program on the arguments and the terminal of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // another provider can only be there if this runs twice
    let _ = rustls::crypto::ring::default_provider().install_default();
    let json = arguments.json;
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // the shell has told it already
        Err(StartError::Run(Failure::Link(_))) => ExitCode::FAILURE,
        Err(error) => {
            if json {
                let reason = Some(error.to_string());
                Json::new(io::stdout()).show(&crate::event::Event::Closed { reason });
            } else {
                let _ = io::Write::write_all(&mut io::stderr(), format!("esession-chat: {error}\n").as_bytes());
            }
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<(), StartError> {
    let account = arguments.account.clone();
    if account.node().is_none() {
        return Err(StartError::NoUser(account));
    }
    let folder = arguments.state_dir.clone().or_else(default_state_dir).ok_or(StartError::NoStateDir)?;
    let secrets = SecretFile::new(&folder, &account.to_bare());
    let mut book = secrets.load().map_err(Failure::from)?;
    let mut settings = settings(arguments);
    settings.authorities = certificates::authorities(&arguments.authorities)?;
    if arguments.public_key.is_some() {
        let key = own_key(arguments, &book)?;
        book.keys_mut().set_own(&key);
        secrets.save(&book).map_err(Failure::from)?;
        if arguments.print_statement {
            let statement = esession_attest::statement(key.public(), account.to_bare().as_str());
            return Ok(io::Write::write_all(&mut io::stdout(), statement.as_bytes())?);
        }
        // Who is told that a certificate is for another key than theirs must find that key again.
        if let Some(path) = &arguments.certificate {
            settings.attestation = Some(certificates::attestation(path, &key, &account.to_bare())?);
        }
    }
    let password = password(arguments, &account)?;
    let chat = Chat::new(settings, arguments.with.clone(), book);
    let mut shell = shell(arguments, &account);
    let server = Server { address: arguments.server.clone(), security: security(arguments) };

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(async {
        let link = Link::connect(account, &password, server, arguments.trace);
        drop(password);
        let client = Client { chat, link, secrets, inputs: listen()?, shell: &mut *shell };
        Ok(client.run().await?)
    });
    // the thread that reads the input may be waiting for a line for ever
    runtime.shutdown_background();
    result
}

/// As it was given, or as it was stored, or a new one.
fn own_key(arguments: &Arguments, book: &SecretBook) -> Result<SigningKey, StartError> {
    match (&arguments.key_file, book.keys().own()) {
        (Some(path), _) => Ok(certificates::signing_key(path)?),
        (None, Some(key)) => Ok(key),
        (None, None) => Ok(SigningKey::generate_rsa(KEY_BITS, &mut UnwrapErr(SysRng)).map_err(io::Error::other)?),
    }
}

fn settings(arguments: &Arguments) -> Settings {
    let mut settings = Settings {
        accept_any: arguments.accept_any,
        accept_subscriptions: arguments.accept_subscriptions,
        negotiation_timeout: Duration::from_secs(arguments.timeout),
        ..Settings::default()
    };
    settings.policy.groups.clone_from(&arguments.groups);
    settings.policy.ciphers.clone_from(&arguments.ciphers);
    settings.policy.hashes.clone_from(&arguments.hashes);
    (settings.signs, settings.reachable) = (arguments.three_messages, arguments.reachable);
    settings.gives_key = arguments.publish_key;
    if let Some(how) = arguments.public_key {
        let other = if how == Identification::Hash { Identification::Key } else { Identification::Hash };
        let ways = vec![how, other, Identification::None];
        (settings.policy.own_identification, settings.policy.peer_identification) = (ways.clone(), ways);
    }
    if arguments.committed_codes {
        settings.policy.sas_methods = vec![SasMethod::Committed28x5];
    }
    if arguments.never_disclosed {
        settings.policy.disclosure = vec![Disclosure::Never];
    }
    if arguments.never_logged {
        settings.policy.logging = vec![Logging::MustNot];
    }
    settings
}

fn security(arguments: &Arguments) -> Security {
    match (arguments.direct_tls, arguments.insecure_plaintext) {
        (_, true) => Security::Plain,
        (true, false) => Security::DirectTls,
        (false, false) => Security::StartTls,
    }
}

fn shell(arguments: &Arguments, account: &Jid) -> Box<dyn Shell> {
    if arguments.json {
        return Box::new(Json::new(io::stdout()));
    }
    let is_terminal = io::stdout().is_terminal();
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = Style { colours: is_terminal && !no_color, prompt: is_terminal && io::stdin().is_terminal() };
    let mut terminal = Terminal::new(io::stdout(), style, fresh_id(&mut UnwrapErr(SysRng)));
    terminal.greet(&account.to_string(), arguments.with.as_ref().map(Jid::to_string).as_deref());
    Box::new(terminal)
}

fn password(arguments: &Arguments, account: &Jid) -> Result<Zeroizing<String>, StartError> {
    let password = if let Some(path) = &arguments.password_file {
        first_line(path).map_err(|source| StartError::PasswordFile { path: path.clone(), source })?
    } else if let Ok(password) = env::var(PASSWORD) {
        Zeroizing::new(password)
    } else if arguments.json {
        return Err(StartError::NoPassword);
    } else {
        let prompt = format!("Password of {}: ", account.to_bare());
        Zeroizing::new(rpassword::prompt_password(prompt).map_err(StartError::Prompt)?)
    };
    if password.is_empty() { Err(StartError::NoPassword) } else { Ok(password) }
}

fn first_line(path: &Path) -> io::Result<Zeroizing<String>> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn default_state_dir() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("esession-chat"))
}

/// Lines of the input, its end, and signals, in the order they come.
fn listen() -> io::Result<Receiver<Input>> {
    let (sender, receiver) = channel(64);
    let lines = sender.clone();
    // a thread of its own: reading a terminal cannot be interrupted
    std::thread::Builder::new().name("input".to_owned()).spawn(move || read_lines(&lines))?;
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(Input::Interrupted).await.is_ok() {}
        });
    }
    Ok(receiver)
}

fn read_lines(sender: &Sender<Input>) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if sender.blocking_send(Input::Line(line)).is_err() {
            return;
        }
    }
    // the client has ended by itself if nobody takes it
    let _ = sender.blocking_send(Input::End);
}

fn parse_group(name: &str) -> Result<Group, String> {
    let known = [Group::Modp14, Group::Modp15, Group::Modp16, Group::Modp17, Group::Modp18];
    known.into_iter().find(|group| group.name() == name).ok_or_else(|| "one of 14, 15, 16, 17, 18".to_owned())
}

fn parse_cipher(name: &str) -> Result<Cipher, String> {
    Cipher::from_name(name).ok_or_else(|| "aes, serpent or twofish, with 256, 192 or 128: aes256-ctr, …".to_owned())
}

fn parse_hash(name: &str) -> Result<Hash, String> {
    Hash::from_name(name).ok_or_else(|| "one of sha256, whirlpool".to_owned())
}

fn parse_showing(name: &str) -> Result<Identification, String> {
    let known = Identification::from_name(name).filter(|how| *how != Identification::None);
    known.ok_or_else(|| "one of key, hash".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_defaults_of_the_options_are_those_of_the_core() {
        let arguments = Arguments::parse_from(["esession-chat", "--account", "alice@example.org"]);
        let (given, own) = (settings(&arguments).policy, Settings::default().policy);
        assert_eq!((given.groups, given.ciphers, given.hashes), (own.groups, own.ciphers, own.hashes));
        assert_eq!(security(&arguments), Security::StartTls);
    }

    #[test]
    fn help_explains_every_command_of_json() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("gateway_prompt") && help.contains(PASSWORD));
    }

    #[test]
    fn weak_groups_are_refused() {
        for weak in ["5", "2", "1", "toy"] {
            assert!(parse_group(weak).is_err());
        }
    }
}

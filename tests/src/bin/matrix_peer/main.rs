//! Somebody on Matrix: a client of its own, written on matrix-sdk alone, so that what it reads and sends is what any
//! Matrix client would. It reads commands and prints events, one JSON object a line; `commands.rs` and `events.rs` list them.
#![recursion_limit = "256"]

mod commands;
mod events;
mod login;
mod sync;

use std::{
    io::{Write, stdin, stdout},
    path::PathBuf,
    process::ExitCode,
    thread,
};

use clap::Parser;
use serde_json::Value;
use tokio::sync::mpsc;

/// A Matrix client for tests: JSON commands on standard input, JSON events on standard output.
#[derive(Parser)]
struct Options {
    /// Address of the homeserver's client API
    #[arg(long)]
    homeserver: String,
    /// Local part of the user id
    #[arg(long)]
    user: String,
    /// Password of the account
    #[arg(long, env = "MATRIX_PEER_PASSWORD", hide_env_values = true)]
    password: String,
    /// Folder that keeps this device; made when it is missing
    #[arg(long)]
    store: PathBuf,
    /// Announce invitations and leave them alone
    #[arg(long)]
    no_accept: bool,
    /// Leave the account without an identity that vouches for its devices, as old clients do
    #[arg(long)]
    unsigned: bool,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("warn,matrix_sdk::http_client=off").init();
    match Box::pin(run(Options::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    // Without it the HTTP client has no TLS to choose; a second installation is refused, which is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Box::pin(login::log_in(&options)).await?;
    let mut loop_ = sync::Loop::new(client.clone(), !options.no_accept);
    Box::pin(loop_.step(std::time::Duration::ZERO)).await?;
    if !options.unsigned {
        Box::pin(login::sign_own_device(&client)).await?;
    }
    emit(&events::ready(&client).await?);
    let syncing = tokio::spawn(Box::pin(async move { loop_.run().await }));

    let mut lines = read_lines();
    while let Some(line) = lines.recv().await {
        let command: Value = serde_json::from_str(&line)?;
        emit(&Box::pin(commands::obey(&client, &command)).await);
    }
    syncing.abort();
    Ok(())
}

/// The lines of standard input, read by a thread that the end of the program need not wait for.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (lines, arriving) = mpsc::unbounded_channel();
    thread::spawn(move || stdin().lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    arriving
}

/// Prints an event as a line.
fn emit(event: &Value) {
    let mut output = stdout().lock();
    // Nobody reads any more: then nobody misses it.
    let _ = writeln!(output, "{event}").and_then(|()| output.flush());
}

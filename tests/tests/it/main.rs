//! The stories, in one test program: linking matrix-sdk once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a story stops where it fails")]

mod commands;
mod crash;
mod daemon;
mod disclosure;
mod ejabberd;
mod finding;
mod foreign;
mod hostile;
mod keys;
mod login;
mod main_job;
mod matrix_peers;
mod offline;
mod omemo;
mod omemo_converse;
mod omemo_devices;
mod omemo_files;
mod omemo_gajim;
mod openpgp;
mod operator;
mod options;
mod privacy;
mod privilege;
mod processes;
mod prosody;
mod rich;
mod side_by_side;
mod simulation;
mod supply;
mod trouble;
mod trouble_on_matrix;
mod trust;

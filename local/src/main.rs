//! `cutover-local`: an AWS that fits on one machine, for the demo, the tests and development.

mod commands;
mod error;
mod lock;
mod ministack;
mod processes;
mod root;
mod state;
mod supervisor;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Result;
use crate::root::Root;

/// The local cloud: MiniStack for AWS's services, and what an emulator cannot supply: machines
/// behind its EC2 instances, a DNS server behind its Route 53, a gateway to reach them through,
/// and git repositories whose pushes are events.
#[derive(Debug, Parser)]
#[command(name = "cutover-local", version)]
struct Arguments {
    /// The checkout that the local cloud belongs to [default: the one around the current folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the local cloud and return when it is ready; says so if it is up already
    Up {
        /// Stay until interrupted, with the log on this terminal
        #[arg(long)]
        foreground: bool,
    },
    /// End it and every process that belongs to it; does nothing if it is down
    Down,
    /// Show its parts, addresses and instances
    Status {
        /// Print it as JSON, without credentials
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cutover-local: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let root = Root::find(arguments.root.as_deref())?;
    match arguments.command {
        Command::Up { foreground: true } => supervisor::run(&root),
        Command::Up { foreground: false } => commands::up(&root),
        Command::Down => commands::down(&root),
        Command::Status { json } => commands::status(&root, json),
    }
}

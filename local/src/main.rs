//! `cutover-local`: an AWS that fits on one machine, for the demo, the tests and development.

mod aws_server;
mod aws_tool;
mod boot;
mod cloud;
mod command_path;
mod commands;
mod error;
mod git;
mod hook;
mod host;
mod imds;
mod instances;
mod lock;
mod machine;
mod ministack;
mod network;
mod ports;
mod private;
mod processes;
mod relay;
mod repository;
mod roles;
mod root;
mod state;
mod supervisor;
mod templates;
mod zstd_tool;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Result;
use crate::repository::Created;
use crate::root::Root;
use crate::state::State;

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
    /// Show its parts, addresses and instances; exits with 3 if it is down
    Status {
        /// Print it as JSON, without credentials
        #[arg(long)]
        json: bool,
    },
    /// Git repositories whose pushes are events
    #[command(subcommand)]
    Repository(RepositoryCommand),
    /// The post-receive hook of a repository
    #[command(hide = true)]
    Hook { repository: String },
    /// The first process of an instance
    #[command(hide = true)]
    Machine { folder: PathBuf, address: Ipv4Addr },
    /// Tries whether an instance can have a network here
    #[command(hide = true)]
    Rehearse,
    /// An instance's `aws`
    #[command(hide = true)]
    Aws {
        /// The CLI that does what this does not
        cli: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

#[derive(Debug, Subcommand)]
enum RepositoryCommand {
    /// Make an empty one; does nothing if it is there
    Create {
        /// Becomes the last part of its URL
        name: String,
        /// Close it, also one that is there, with a new password in the local Secrets Manager
        #[arg(long)]
        private: bool,
    },
}

fn main() -> ExitCode {
    let mut words = std::env::args();
    if words.next().is_some_and(|program| {
        Path::new(&program)
            .file_name()
            .is_some_and(|name| name == "zstd")
    }) {
        return zstd_tool::run(words);
    }
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cutover-local: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let root = || Root::find(arguments.root.as_deref());
    match arguments.command {
        Command::Up { foreground: true } => supervisor::run(&root()?),
        Command::Up { foreground: false } => commands::up(&root()?),
        Command::Down => commands::down(&root()?),
        Command::Status { json } => commands::status(&root()?, json),
        Command::Repository(RepositoryCommand::Create { name, private }) => {
            create_repository(&root()?, &name, private)
        }
        Command::Hook { repository } => Ok(hook::run(&root()?, &repository)),
        Command::Machine { folder, address } => machine::run(&folder, address),
        Command::Rehearse => machine::rehearse(),
        Command::Aws { cli, words } => Ok(aws_tool::run(&cli, &words)),
    }
}

fn create_repository(root: &Root, name: &str, private: bool) -> Result<ExitCode> {
    let created = repository::create(root, name)?;
    let place = match State::read(root) {
        Some(state) => format!("{}/{name}.git", state.git),
        None => format!("{name}; `cutover-local up` serves it"),
    };
    match created {
        Created::New => println!("Made {place}"),
        Created::WasThere => println!("{place} is there already"),
    }
    if private {
        let secret = private::close(root, name)?;
        println!("It is private; secret {secret} opens it");
    }
    Ok(ExitCode::SUCCESS)
}

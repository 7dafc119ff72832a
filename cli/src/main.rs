//! `cutover`: releases from the command line. It talks to Step Functions, the table, the bucket
//! and the functions' logs, on AWS or the local cloud.

mod args;
mod cloud;
mod commands;
#[cfg(test)]
mod documented;
mod error;
mod folder;
mod release;
mod text;
mod typed;

use error::Failure;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    let arguments = match typed::parse(&typed) {
        typed::Typed::Command(arguments) => arguments,
        typed::Typed::Answered(exit) => return exit.into(),
    };
    let json = arguments.common.json;
    match commands::run(*arguments).await {
        Ok(exit) => exit.code().into(),
        Err(failure) => told(&failure, json).into(),
    }
}

/// For a script on standard output, where it waits for one JSON value; for a person on standard
/// error.
fn told(failure: &Failure, json: bool) -> u8 {
    match (failure, json) {
        (Failure::ReaderGone, _) => {}
        (failure, true) => typed::print_json(&failure.as_json()),
        (failure, false) => eprintln!("cutover: {failure}"),
    }
    failure.code()
}

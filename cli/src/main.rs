//! `cutover`: releases from the command line. It talks to Step Functions, the table, the bucket
//! and the functions' logs, on AWS or the local cloud.

mod args;
mod cloud;
mod commands;
mod error;
mod release;
mod text;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match commands::run(arguments).await {
        Ok(exit) => exit.code().into(),
        Err(error::Failure::ReaderGone) => error::Failure::ReaderGone.code().into(),
        Err(failure) => {
            eprintln!("cutover: {failure}");
            failure.code().into()
        }
    }
}

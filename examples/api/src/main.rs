//! The example project's api: counts days, and tells which msa it talks to.

mod client;
mod days;
mod http;
mod json;
mod routes;
mod server;
mod signals;

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any other thread exists, so that all of them inherit the mask.
    signals::block();
    let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let port = env::var("PORT").unwrap_or_else(|_| "8080".into());
    let address = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let listener = match TcpListener::bind(&address) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("api: cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    eprintln!("api: commit {} listens on {address}", routes::variable("COMMIT"));
    let unfinished = server::serve(listener, routes::answer);
    eprintln!("api: stopped, {unfinished} requests unfinished");
    if unfinished == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

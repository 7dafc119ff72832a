//! What leaves a function, and when a function asks for more: with the runtime's own loop, against a
//! Runtime API that hands out one event.

use super::*;
use pipeline::errors::Fault;
use pipeline::reason::MAX_REASON;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

const HUGE: usize = 3 << 20;

/// What the function in [`a_function`] does.
const DOES: &str = "STAGE_TEST_DOES";

/// Not a test by itself: the process that [`said`] starts.
#[tokio::test]
async fn a_function() {
    let Ok(does) = std::env::var(DOES) else {
        return;
    };
    let does = does.as_str();
    let stage = async |_: Value| match does {
        "fail" => Err(Fault::new(ErrorName::BuildFailed, "x".repeat(HUGE))),
        "panic" => panic!("{}", "x".repeat(HUGE)),
        "answer at length" => Ok(Value::from("x".repeat(HUGE))),
        _ => Ok(Value::from("well")),
    };
    run_until(|| does == "end", stage).await.unwrap();
}

/// The requests of a function that gets one event, up to its second `next` or its end.
fn said(does: &str) -> Vec<(String, String)> {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut function = Command::new(std::env::current_exe().unwrap());
    function
        .args(["--exact", "runtime::tests::a_function"])
        .env(DOES, does)
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            api.local_addr().unwrap().to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut function = function.spawn().unwrap();
    let (sender, sent) = mpsc::channel();
    std::thread::spawn(move || serve_api(&api, &sender));
    let mut requests = Vec::new();
    let ends = Instant::now() + Duration::from_secs(60);
    while Instant::now() < ends {
        let ended = function.try_wait().unwrap().is_some();
        requests.extend(sent.recv_timeout(Duration::from_millis(10)));
        if ended || requests.len() == 3 {
            break;
        }
    }
    function.kill().ok();
    function.wait().unwrap();
    requests
}

fn serve_api(api: &TcpListener, sender: &Sender<(String, String)>) {
    let asked = Arc::new(AtomicBool::new(false));
    for connection in api.incoming() {
        let (sender, asked) = (sender.clone(), asked.clone());
        std::thread::spawn(move || answers(connection?, &sender, &asked));
    }
}

/// Answers the first `next` with an event and takes what is posted; another `next` waits.
fn answers(
    mut connection: TcpStream,
    sender: &Sender<(String, String)>,
    asked: &AtomicBool,
) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    loop {
        let (line, body) = request(&mut reader)?;
        let is_next = line.starts_with("GET");
        sender.send((line, body)).ok();
        if is_next && asked.swap(true, Ordering::SeqCst) {
            std::thread::park();
        }
        let answer = match is_next {
            true => {
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r1\r\nLambda-Runtime-Deadline-Ms: 1\r\nLambda-Runtime-Invoked-Function-Arn: a\r\nContent-Length: 2\r\n\r\n{}"
            }
            false => "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        };
        connection.write_all(answer.as_bytes())?;
    }
}

/// A request's first line and body.
fn request(reader: &mut impl BufRead) -> io::Result<(String, String)> {
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((first, String::from_utf8(body).unwrap()))
}

/// What the function answered, and whether it then asked for another event.
fn check(does: &str, answered: &str, asks_again: bool) -> String {
    let mut requests = said(does).into_iter();
    let (next, _) = requests.next().unwrap();
    assert!(
        next.starts_with("GET /2018-06-01/runtime/invocation/next"),
        "{next}"
    );
    let (line, body) = requests.next().unwrap();
    let expected = format!("POST /2018-06-01/runtime/invocation/r1/{answered} ");
    assert!(line.starts_with(&expected), "{line}");
    assert_eq!(requests.next().is_some(), asks_again);
    body
}

#[test]
fn a_process_that_may_not_serve_again_answers_and_asks_for_no_more() {
    assert_eq!(check("end", "response", false), "\"well\"");
    assert_eq!(check("go on", "response", true), "\"well\"");
}

#[test]
fn what_a_function_says_of_3_megabytes_gets_into_a_state_at_its_length() {
    for (does, error) in [
        ("fail", "BuildFailed"),
        ("panic", ""),
        ("answer at length", "ReleaseTooLarge"),
    ] {
        let body = check(does, "error", true);
        assert!(body.contains(error), "{body:.200}");
        assert!(
            body.len() < MAX_REASON + 200,
            "{does}: {} bytes",
            body.len()
        );
    }
}

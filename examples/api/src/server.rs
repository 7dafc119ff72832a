//! One thread per connection; on SIGTERM: accept nobody new, finish what runs, end.

use crate::http::{Parsed, Request, Response, parse};
use crate::signals;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiting connection looks whether the server drains.
const TICK: Duration = Duration::from_millis(200);
/// Longer than the 60 s of the usual load balancer, so that it is the one that closes.
const IDLE: Duration = Duration::from_secs(65);
/// From a request's first byte to its last.
const ARRIVAL: Duration = Duration::from_secs(10);
/// For all requests together, after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);
/// A thread each; the next ones wait in the kernel's queue.
const CONNECTIONS: usize = 512;

static DRAINING: AtomicBool = AtomicBool::new(false);
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// What turns a request into its response.
pub type Answer = fn(&Request) -> Response;

/// Serves until SIGTERM; returns how many connections were still busy at the end.
pub fn serve(listener: TcpListener, answer: Answer) -> usize {
    wake_at_signal(&listener);
    accept_until_drained(&listener, answer);
    drop(listener);
    let deadline = Instant::now() + DRAIN;
    while OPEN.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    OPEN.load(Ordering::SeqCst)
}

/// A signal does not end a blocked accept, a connection does.
fn wake_at_signal(listener: &TcpListener) {
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        signals::wait();
        eprintln!("api: SIGTERM, finishing {} connections", OPEN.load(Ordering::SeqCst));
        DRAINING.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    });
}

/// Who connected before the signal is in the queue and still gets an answer.
fn accept_until_drained(listener: &TcpListener, answer: Answer) {
    let mut until: Option<Instant> = None;
    while until.is_none_or(|until| Instant::now() < until) {
        if OPEN.load(Ordering::SeqCst) >= CONNECTIONS {
            thread::sleep(Duration::from_millis(5));
            continue;
        }
        match listener.accept() {
            Ok((stream, _)) => start(stream, answer),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // Out of file descriptors: some come back as connections end.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
        if until.is_none() && DRAINING.load(Ordering::SeqCst) && listener.set_nonblocking(true).is_ok() {
            until = Some(Instant::now() + Duration::from_secs(1));
        }
    }
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

fn start(stream: TcpStream, answer: Answer) {
    OPEN.fetch_add(1, Ordering::SeqCst);
    let guard = Guard;
    // An error here is a client that went away; there is nobody to tell.
    let spawned = thread::Builder::new().spawn(move || {
        let _guard = guard;
        let _ = converse(stream, answer);
    });
    if let Err(error) = spawned {
        eprintln!("api: a connection was dropped: {error}");
    }
}

fn converse(mut stream: TcpStream, answer: Answer) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(ARRIVAL))?;
    let mut received = Vec::with_capacity(1024);
    loop {
        match next_request(&mut stream, &mut received)? {
            None => return Ok(()),
            Some(Err(refusal)) => {
                stream.write_all(&refusal.bytes(false, true))?;
                return linger(&mut stream);
            }
            Some(Ok(request)) => {
                let response = answer(&request);
                let last = !request.keep_alive || DRAINING.load(Ordering::SeqCst);
                stream.write_all(&response.bytes(request.head_only, last))?;
                if last {
                    return linger(&mut stream);
                }
            }
        }
    }
}

/// The next request, or why it is refused, or `None` when the connection has ended.
fn next_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Result<Request, Response>>> {
    let mut since = Instant::now();
    let mut chunk = [0; 4096];
    loop {
        match parse(received) {
            Parsed::Whole(request, length) => {
                received.drain(..length);
                return Ok(Some(Ok(request)));
            }
            Parsed::Refused(response) => return Ok(Some(Err(response))),
            Parsed::Partial => {}
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                if received.is_empty() {
                    since = Instant::now();
                }
                received.extend_from_slice(&chunk[..count]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let idle = received.is_empty();
                // One tick of silence after SIGTERM: a request that was on its way has arrived.
                if idle && (DRAINING.load(Ordering::SeqCst) || since.elapsed() > IDLE) {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
        if !received.is_empty() && since.elapsed() > ARRIVAL {
            return Ok(None);
        }
    }
}

/// Closing with unread bytes would reset the connection and could take the response with it.
fn linger(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let until = Instant::now() + Duration::from_secs(1);
    let mut rest = [0; 4096];
    while Instant::now() < until {
        match stream.read(&mut rest) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

//! Git repositories over HTTP: `git http-backend` behind a small server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio_util::io::ReaderStream;

use crate::error::{LocalError, Result};
use crate::private;
use crate::processes::ROOT_MARK;
use crate::repository::is_name;
use crate::root::Root;

/// A push or fetch that takes longer is stuck.
const LIMIT: Duration = Duration::from_secs(600);
/// More header lines than any version of git sends.
const HEADER_LINES: usize = 64;

type Body = BoxBody<Bytes, io::Error>;

/// Serves the repositories of a root on a listener; returns where that is.
pub fn start(root: &Root, listener: std::net::TcpListener) -> Result<SocketAddr> {
    let failed = || LocalError::io("could not serve git");
    let listener = TcpListener::from_std(listener).map_err(failed())?;
    let address = listener.local_addr().map_err(failed())?;
    let root = Arc::new(root.clone());
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let root = Arc::clone(&root);
            tokio::spawn(async move {
                let handle = service_fn(|request| {
                    let root = Arc::clone(&root);
                    async move { Ok::<_, Infallible>(answer(&root, request).await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), handle)
                    .await;
            });
        }
    });
    Ok(address)
}

async fn answer(root: &Root, request: Request<Incoming>) -> Response<Body> {
    let Some(name) = repository_of(request.uri().path()) else {
        return said(StatusCode::NOT_FOUND, "repositories are at /NAME.git\n");
    };
    if !root.repositories().join(format!("{name}.git")).is_dir() {
        return said(
            StatusCode::NOT_FOUND,
            &format!("there is no repository {name}; `repository create` makes one\n"),
        );
    }
    match may_enter(root, name, request.headers()) {
        Ok(true) => {}
        Ok(false) => return unauthorized(),
        Err(error) => return said(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
    }
    match run_backend(root, request).await {
        Ok(answer) => answer,
        Err(error) => said(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("git http-backend: {error}\n"),
        ),
    }
}

/// A private repository opens to whoever says its password.
fn may_enter(root: &Root, name: &str, headers: &HeaderMap) -> io::Result<bool> {
    let wanted = private::wanted(root, name)?;
    Ok(wanted.is_none_or(|wanted| {
        let given = headers.get(AUTHORIZATION);
        given.is_some_and(|given| given.as_bytes() == wanted.as_bytes())
    }))
}

fn unauthorized() -> Response<Body> {
    let mut answer = said(StatusCode::UNAUTHORIZED, "this repository is private\n");
    let realm = HeaderValue::from_static("Basic realm=\"git\"");
    answer.headers_mut().insert(WWW_AUTHENTICATE, realm);
    answer
}

/// The repository that a path is in, if the path can be one of git's.
fn repository_of(path: &str) -> Option<&str> {
    let (name, rest) = path.strip_prefix('/')?.split_once(".git")?;
    let clean = !rest.contains("..") && (rest.is_empty() || rest.starts_with('/'));
    (is_name(name) && clean).then_some(name)
}

async fn run_backend(root: &Root, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let mut child = Command::new("git")
        .args(SERVED.into_iter().flat_map(|setting| ["-c", setting]))
        .arg("http-backend")
        .env_clear()
        .envs(environment(root, &request))
        .current_dir(root.repositories())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdin = child
        .stdin
        .take()
        .ok_or_else(|| io::Error::other("no standard input"))?;
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no standard output"))?;
    tokio::spawn(feed_and_wait(child, stdin, request.into_body()));
    read_answer(BufReader::new(stdout)).await
}

async fn feed_and_wait(
    mut child: Child,
    mut stdin: tokio::process::ChildStdin,
    mut body: Incoming,
) {
    let feed = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref()
                && stdin.write_all(data).await.is_err()
            {
                break;
            }
        }
        drop(stdin);
        let _ = child.wait().await;
    };
    // Dropping the child kills it.
    let _ = tokio::time::timeout(LIMIT, feed).await;
}

/// How every repository is served.
const SERVED: [&str; 4] = [
    "http.receivepack=true",
    // A release fetches exactly one commit, whether or not a branch points to it now.
    "uploadpack.allowAnySHA1InWant=true",
    "uploadpack.allowFilter=true",
    // Repositories here are small and short-lived: nobody tidies them up after a push.
    "receive.autogc=false",
];
/// RFC 3875's variables, as far as git reads them.
fn environment(root: &Root, request: &Request<Incoming>) -> Vec<(&'static str, String)> {
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let mut variables = vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", text(root.in_local("home"))),
        ("LANG", "C.UTF-8".into()),
        // Only the repository's own configuration counts, not that of whoever ran `up`.
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        (ROOT_MARK, text(root.path().to_path_buf())),
        ("GIT_PROJECT_ROOT", text(root.repositories())),
        ("GIT_HTTP_EXPORT_ALL", "1".into()),
        ("REMOTE_ADDR", "127.0.0.1".into()),
        ("REMOTE_USER", "local".into()),
        ("REQUEST_METHOD", request.method().to_string()),
        ("PATH_INFO", request.uri().path().into()),
        (
            "QUERY_STRING",
            request.uri().query().unwrap_or_default().into(),
        ),
    ];
    let headers: &HeaderMap = request.headers();
    for (variable, header) in [
        ("CONTENT_TYPE", "content-type"),
        ("CONTENT_LENGTH", "content-length"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if let Some(value) = headers.get(header).and_then(|value| value.to_str().ok()) {
            variables.push((variable, value.into()));
        }
    }
    variables
}

async fn read_answer(mut output: BufReader<ChildStdout>) -> io::Result<Response<Body>> {
    let mut answer = Response::builder();
    for _ in 0..HEADER_LINES {
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            return Err(io::Error::other("the answer has no header"));
        };
        let value = value.trim();
        answer = if name.eq_ignore_ascii_case("status") {
            answer.status(value.split(' ').next().unwrap_or_default())
        } else {
            answer.header(name, value)
        };
    }
    let stream = ReaderStream::new(output).map_ok(Frame::data);
    answer
        .body(BodyExt::boxed(StreamBody::new(stream)))
        .map_err(io::Error::other)
}

fn said(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes()))
        .map_err(|never| match never {})
        .boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_a_repository_are_served() {
        assert_eq!(repository_of("/api.git/info/refs"), Some("api"));
        assert_eq!(repository_of("/api.git"), Some("api"));
        for path in [
            "/",
            "/api",
            "/../x.git/HEAD",
            "/api.git/../../env",
            "/api.gitx",
            "/a/b.git/HEAD",
            "/.git/config",
        ] {
            assert_eq!(repository_of(path), None, "{path}");
        }
    }
}

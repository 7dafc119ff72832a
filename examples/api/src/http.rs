//! HTTP/1.1 as far as this service needs it: requests in, responses out, no I/O.

const HEAD_LIMIT: usize = 8 * 1024;
const BODY_LIMIT: usize = 64 * 1024;

/// A request; its body is of no interest to any route.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub query: String,
    pub head_only: bool,
    pub keep_alive: bool,
}

/// What the bytes received so far amount to.
#[derive(Debug)]
pub enum Parsed {
    Partial,
    /// A request and how many bytes it took.
    Whole(Request, usize),
    Refused(Response),
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Response {
    pub fn json(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "application/json",
            body,
        }
    }

    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
        }
    }

    /// Ready to send. One buffer, so that it leaves in one packet.
    pub fn bytes(&self, head_only: bool, last: bool) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            404 => "Not Found",
            405 => "Method Not Allowed",
            413 => "Content Too Large",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        };
        let head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n{}\r\n",
            self.status,
            self.content_type,
            self.body.len(),
            if last { "close" } else { "keep-alive" },
            if self.status == 405 { "Allow: GET, HEAD\r\n" } else { "" },
        );
        let body = if head_only { "" } else { &self.body };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

pub fn parse(bytes: &[u8]) -> Parsed {
    let Some(end) = bytes.windows(4).take(HEAD_LIMIT).position(|four| four == b"\r\n\r\n") else {
        let too_long = bytes.len() >= HEAD_LIMIT + 4;
        return if too_long {
            refuse(431, "the request's head is longer than 8 KiB")
        } else {
            Parsed::Partial
        };
    };
    match std::str::from_utf8(&bytes[..end])
        .map_err(|_| (400, "the request's head is not text"))
        .and_then(head)
    {
        Err((status, why)) => refuse(status, why),
        Ok((request, body)) if bytes.len() >= end + 4 + body => Parsed::Whole(request, end + 4 + body),
        Ok(_) => Parsed::Partial,
    }
}

fn refuse(status: u16, why: &str) -> Parsed {
    Parsed::Refused(Response::text(status, format!("{why}\n")))
}

/// The request and the length of its body.
fn head(text: &str) -> Result<(Request, usize), (u16, &'static str)> {
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err((400, "the request line is not `METHOD TARGET VERSION`"));
    };
    let is_11 = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err((505, "this server speaks HTTP/1.1")),
    };
    let headers = Headers::read(lines)?;
    if is_11 && !headers.has_host {
        return Err((400, "a request needs one Host"));
    }
    if method != "GET" && method != "HEAD" {
        return Err((405, "only GET and HEAD are answered"));
    }
    let (path, query) = path_of(target).ok_or((400, "the request's target is not a path"))?;
    let keep_alive = !headers.close && (is_11 || headers.keep_alive);
    Ok((
        Request {
            path,
            query,
            head_only: method == "HEAD",
            keep_alive,
        },
        headers.body,
    ))
}

#[derive(Default)]
struct Headers {
    has_host: bool,
    close: bool,
    keep_alive: bool,
    body: usize,
}

impl Headers {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, (u16, &'static str)> {
        let mut found = Self::default();
        let mut length: Option<usize> = None;
        for line in lines {
            let (name, value) = line.split_once(':').ok_or((400, "a header line has no colon"))?;
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err((400, "a header's name is not a token"));
            }
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "host" if found.has_host => return Err((400, "a request needs one Host")),
                "host" => found.has_host = true,
                "transfer-encoding" => return Err((501, "a body needs a Content-Length")),
                "content-length" => {
                    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                    let new = digits
                        .then(|| value.parse().unwrap_or(usize::MAX))
                        .ok_or((400, "Content-Length is not a number"))?;
                    if length.replace(new).is_some_and(|old| old != new) {
                        return Err((400, "two different Content-Lengths"));
                    }
                }
                "connection" => {
                    for option in value.split(',').map(str::trim) {
                        found.close |= option.eq_ignore_ascii_case("close");
                        found.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
                    }
                }
                _ => {}
            }
        }
        found.body = length.unwrap_or(0);
        if found.body > BODY_LIMIT {
            return Err((413, "a body may have 64 KiB"));
        }
        Ok(found)
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Path and query; a proxy may pass on the whole URL, which a server must accept.
fn path_of(target: &str) -> Option<(String, String)> {
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find(['/', '?']).map_or("/", |at| &rest[at..]),
        None => target,
    };
    if !target.starts_with('/') && !target.starts_with('?') || target.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some((if path.is_empty() { "/" } else { path }.to_owned(), query.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, expected: &str) {
        let found = match parse(bytes.as_bytes()) {
            Parsed::Partial => "partial".to_owned(),
            Parsed::Whole(r, length) => {
                let rest = bytes.len() - length;
                format!(
                    "{} ?{} head={} keep={} rest={rest}",
                    r.path, r.query, r.head_only, r.keep_alive
                )
            }
            Parsed::Refused(response) => response.status.to_string(),
        };
        assert_eq!(found, expected, "for {bytes:?}");
    }

    #[test]
    fn a_request_is_read_whole_and_what_follows_it_is_left() {
        check(
            "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n",
            "/a ?b=c head=false keep=true rest=0",
        );
        check(
            "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b",
            "/a ? head=false keep=true rest=6",
        );
        check(
            "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcd",
            "/a ? head=false keep=true rest=1",
        );
        check("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", "partial");
        check("GET /a HTTP/1.1\r\nHost: x\r\n", "partial");
    }

    #[test]
    fn the_whole_url_of_a_proxy_is_accepted() {
        check(
            "HEAD http://api.test:8080/a?b HTTP/1.1\r\nHost: x\r\n\r\n",
            "/a ?b head=true keep=true rest=0",
        );
        check(
            "GET http://api.test HTTP/1.1\r\nHost: x\r\n\r\n",
            "/ ? head=false keep=true rest=0",
        );
        check(
            "GET http://api.test?b HTTP/1.1\r\nHost: x\r\n\r\n",
            "/ ?b head=false keep=true rest=0",
        );
    }

    #[test]
    fn a_connection_stays_open_as_version_and_header_say() {
        check(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n",
            "/ ? head=false keep=false rest=0",
        );
        check("GET / HTTP/1.0\r\n\r\n", "/ ? head=false keep=false rest=0");
        check(
            "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            "/ ? head=false keep=true rest=0",
        );
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        check("GET / HTTP/1.1\r\n\r\n", "400");
        check("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400");
        check("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400");
        check("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400");
        check("GET a HTTP/1.1\r\nHost: x\r\n\r\n", "400");
        check(
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "400",
        );
        check("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", "400");
        check(
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "413",
        );
        check("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "501");
        check("POST / HTTP/1.1\r\nHost: x\r\n\r\n", "405");
        check("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505");
        check(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000)), "431");
    }

    #[test]
    fn a_response_says_its_length_and_whether_it_is_the_last() {
        let response = Response::text(200, "ok");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n";
        let text = |head_only, last| String::from_utf8(response.bytes(head_only, last)).unwrap();
        assert_eq!(text(false, false), format!("{head}Connection: keep-alive\r\n\r\nok"));
        assert_eq!(text(true, true), format!("{head}Connection: close\r\n\r\n"));
    }
}

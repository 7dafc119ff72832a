//! What is answered where.

use crate::client;
use crate::days::day_number;
use crate::http::{Request, Response};
use crate::json;
use std::env;

pub fn answer(request: &Request) -> Response {
    match request.path.as_str() {
        "/" => Response::json(
            200,
            r#"{"component":"api","routes":["/healthz","/version","/peer","/days?from=2024-02-28&to=2024-03-01"]}"#
                .into(),
        ),
        "/healthz" => Response::text(200, "ok"),
        "/version" => Response::json(
            200,
            format!(r#"{{{},"release":{}}}"#, identity(), json::string(&variable("RELEASE"))),
        ),
        "/days" => days(&request.query),
        "/peer" => match msa() {
            Ok(msa) => Response::json(200, format!(r#"{{{},"msa":{msa}}}"#, identity())),
            Err(why) => Response::json(
                502,
                format!(r#"{{{},"error":{}}}"#, identity(), json::string(&format!("msa: {why}"))),
            ),
        },
        path => Response::json(
            404,
            format!(r#"{{"error":{}}}"#, json::string(&format!("nothing is at {path}"))),
        ),
    }
}

/// A variable of the environment; where this runs by hand most are not set.
pub fn variable(name: &str) -> String {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| "unknown".into())
}

fn identity() -> String {
    format!(r#""component":"api","commit":{}"#, json::string(&variable("COMMIT")))
}

fn msa() -> Result<String, String> {
    let url = env::var("MSA_URL").map_err(|_| "MSA_URL is not set")?;
    let answer = client::get(&format!("{}/version", url.trim_end_matches('/')))?;
    if json::is_object(&answer) {
        Ok(answer.trim().to_owned())
    } else {
        Err("its version is not a JSON object".into())
    }
}

fn days(query: &str) -> Response {
    let parameter = |wanted: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    };
    match (
        parameter("from").and_then(day_number),
        parameter("to").and_then(day_number),
    ) {
        (Some(from), Some(to)) => Response::json(200, format!(r#"{{"days":{}}}"#, to - from)),
        _ => Response::json(
            400,
            r#"{"error":"from and to must be dates such as 2024-02-29"}"#.into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, query: &str, status: u16, body: &str) {
        let response = answer(&Request {
            path: path.into(),
            query: query.into(),
            head_only: false,
            keep_alive: true,
        });
        assert_eq!((response.status, response.body.as_str()), (status, body));
    }

    #[test]
    fn days_are_counted_from_one_date_to_another() {
        check("/days", "from=2024-02-28&to=2024-03-01", 200, r#"{"days":2}"#);
        check("/days", "to=2023-02-28&from=2023-03-01", 200, r#"{"days":-1}"#);
        check(
            "/days",
            "from=2023-02-29&to=2023-03-01",
            400,
            r#"{"error":"from and to must be dates such as 2024-02-29"}"#,
        );
        check(
            "/days",
            "",
            400,
            r#"{"error":"from and to must be dates such as 2024-02-29"}"#,
        );
    }

    #[test]
    fn it_is_healthy_and_says_what_it_does_not_have() {
        check("/healthz", "", 200, "ok");
        check("/none\"", "", 404, r#"{"error":"nothing is at /none\""}"#);
    }

    #[test]
    fn everything_written_is_json() {
        for path in ["/", "/version", "/peer", "/none"] {
            let response = answer(&Request {
                path: path.into(),
                query: String::new(),
                head_only: false,
                keep_alive: true,
            });
            assert!(json::is_object(&response.body), "{path}: {}", response.body);
        }
    }
}

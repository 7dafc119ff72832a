//! The instance metadata service, version 2, one per instance, inside its own network only:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::instances::Described;
use crate::ministack::random_hex;
use crate::roles::Roles;
use crate::state::{ACCOUNT, REGION};

const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// Six hours, AWS's limit.
const TOKEN_TTL_LIMIT: u64 = 21_600;

/// What one instance's metadata service answers from.
pub struct Imds {
    pub instance: Described,
    /// The ARN of the role, if the instance has one.
    pub role: Option<String>,
    pub roles: Roles,
    pub user_data: Bytes,
    pub tokens: Tokens,
}

/// Tokens that were given out, and until when each is good.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<String, Instant>>);

/// Serves the instance whose listener this is; never returns. Dropping this ends its connections.
pub async fn serve(listener: TcpListener, service: Imds) {
    let service = Arc::new(service);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, at the worst: others will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = Arc::clone(&service);
        connections.spawn(async move {
            let handle = service_fn(|request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(service.answer(request).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), handle)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Imds {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        if request.method() == Method::PUT && path == "/latest/api/token" {
            // AWS refuses a request that came through a proxy.
            return match header("x-forwarded-for") {
                Some(_) => said(StatusCode::FORBIDDEN, ""),
                None => self.token(header(TOKEN_TTL)),
            };
        }
        if request.method() != Method::GET {
            return said(StatusCode::METHOD_NOT_ALLOWED, "");
        }
        if !header(TOKEN).is_some_and(|token| self.knows(&token)) {
            return said(StatusCode::UNAUTHORIZED, "");
        }
        self.value(&path).await
    }

    fn token(&self, seconds: Option<String>) -> Response<Full<Bytes>> {
        let seconds = seconds
            .and_then(|text| text.parse().ok())
            .filter(|ttl| (1..=TOKEN_TTL_LIMIT).contains(ttl));
        let (Some(seconds), Ok(token)) = (seconds, random_hex(28)) else {
            return said(StatusCode::BAD_REQUEST, "");
        };
        let now = Instant::now();
        if let Ok(mut tokens) = self.tokens.0.lock() {
            tokens.retain(|_, until| *until > now);
            tokens.insert(token.clone(), now + Duration::from_secs(seconds));
        }
        let mut answer = said(StatusCode::OK, &token);
        answer.headers_mut().insert(TOKEN_TTL, seconds.into());
        answer
    }

    fn knows(&self, token: &str) -> bool {
        self.tokens.0.lock().is_ok_and(|tokens| {
            tokens
                .get(token)
                .is_some_and(|until| *until > Instant::now())
        })
    }

    async fn value(&self, path: &str) -> Response<Full<Bytes>> {
        const CREDENTIALS: &str = "iam/security-credentials/";
        if let Some(asked) = path
            .strip_prefix("/latest/meta-data/")
            .and_then(|rest| rest.strip_prefix(CREDENTIALS))
        {
            return self.credentials(asked).await;
        }
        if path == "/latest/user-data" {
            return Response::new(Full::new(self.user_data.clone()));
        }
        match plain_value(&self.instance, path) {
            Some(text) => said(StatusCode::OK, &text),
            None => said(StatusCode::NOT_FOUND, ""),
        }
    }

    async fn credentials(&self, asked: &str) -> Response<Full<Bytes>> {
        let Some(role) = &self.role else {
            return said(StatusCode::NOT_FOUND, "");
        };
        let name = role.rsplit('/').next().unwrap_or_default();
        if asked.is_empty() {
            return said(StatusCode::OK, name);
        }
        if asked.trim_end_matches('/') != name {
            return said(StatusCode::NOT_FOUND, "");
        }
        match self.roles.credentials(role, &self.instance.id).await {
            Ok(document) => said(StatusCode::OK, &document.to_string()),
            Err(error) => {
                tracing::warn!(
                    "{}: no credentials of {role}: {}",
                    self.instance.id,
                    error.chain()
                );
                said(StatusCode::INTERNAL_SERVER_ERROR, "")
            }
        }
    }
}

fn plain_value(instance: &Described, path: &str) -> Option<String> {
    let ip = |address: Option<Ipv4Addr>| address.map(|address| address.to_string());
    match path.trim_end_matches('/') {
        "/latest/meta-data" => Some(
            "ami-id\niam/\ninstance-id\ninstance-type\nlocal-ipv4\nplacement/\npublic-ipv4".to_owned(),
        ),
        "/latest/meta-data/instance-id" => Some(instance.id.clone()),
        "/latest/meta-data/instance-type" => Some(instance.kind.clone()),
        "/latest/meta-data/ami-id" => Some(instance.image.clone()),
        "/latest/meta-data/local-ipv4" => ip(instance.private_ip),
        "/latest/meta-data/public-ipv4" => ip(instance.public_ip),
        "/latest/meta-data/placement" => Some("availability-zone\nregion".to_owned()),
        "/latest/meta-data/placement/region" => Some(REGION.to_owned()),
        "/latest/meta-data/placement/availability-zone" => Some(instance.zone.clone()),
        "/latest/dynamic/instance-identity/document" => Some(
            json!({
                "accountId": ACCOUNT, "architecture": std::env::consts::ARCH, "availabilityZone": instance.zone,
                "imageId": instance.image, "instanceId": instance.id, "instanceType": instance.kind,
                "privateIp": ip(instance.private_ip), "region": REGION, "version": "2017-09-30",
            })
            .to_string(),
        ),
        _ => None,
    }
}

fn said(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}
